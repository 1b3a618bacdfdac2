"""What the protocol serves: a graph as one model, or an entry of a `ModelRepository`.

Both say their metadata, turn named tensors into what is called and turn the answer back; the call
itself is left to whoever has a thread, a loop or a worker for it.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from ...handlers.errors import NotReady, WrongUse
from ..models.repository import PATIENCE
from .errors import ProtocolError, WrongTensor
from .forms import AnyForm, Meta, form_of
from .leaves import check_fits, optional
from .tensors import Tensor

if TYPE_CHECKING:
    from ..graph import Graph
    from ..models.repository import ModelRepository, ServedModel


class Metadata(NamedTuple):
    """What a model says of itself; `versions` those that can be asked for."""

    name: str
    versions: tuple[str, ...]
    platform: str
    inputs: tuple[Meta, ...]
    outputs: tuple[Meta, ...]

    def to_dict(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "versions": list(self.versions),
            "platform": self.platform,
            "inputs": [each.to_dict() for each in self.inputs],
            "outputs": [each.to_dict() for each in self.outputs],
        }


class State(NamedTuple):
    """One line of the repository's index."""

    name: str
    version: str
    state: str
    reason: str = ""


class Served(Protocol):
    """A model that can be asked.

    read:   the tensors as the value that `call` takes; raises `WrongTensor`
    call:   the answer, or an awaitable of it where `is_async`
    write:  the answer as tensors; raises `WrongTensor`
    """

    @property
    def is_async(self) -> bool: ...
    @property
    def version(self) -> str: ...
    @property
    def metadata(self) -> Metadata: ...
    def read(self, inputs: Mapping[str, Tensor], /) -> Any: ...
    def call(self, value: Any, context: Any, /) -> Any: ...
    def write(self, answer: Any, /) -> list[Tensor]: ...


class GraphModel:
    """A graph as one model: named tensors from its types; see `forms`.

    Raises `WrongUse`, when it is made, for a type that has no tensor form.
    """

    platform = "pelton_graph"

    def __init__(self, graph: Graph[Any, Any], *, version: str = "1") -> None:
        self.graph, self.name, self.version = graph, graph.name, version
        self.is_async = graph.is_async
        place = {"file": graph.file, "line": graph.line}
        _refuse_streams(graph)
        _refuse_queues(graph)
        self._input = _said_at(place, graph.input_type, f"the input of graph {self.name!r}")
        gives, _ = optional(graph.output_type)
        self._output = _said_at(place, gives, f"the output of graph {self.name!r}")
        self._lock, self._idle = threading.Lock(), threading.Condition()
        self._calls, self._left_to_calls, self.patience = 0, False, PATIENCE
        self._state = ("UNAVAILABLE", "not loaded yet")

    @property
    def metadata(self) -> Metadata:
        inputs, outputs = self._input.metas, self._output.metas
        return Metadata(self.name, (self.version,), self.platform, inputs, outputs)

    def state(self) -> State:
        return State(self.name, self.version, *self._state)

    def check_ready(self) -> None:
        """Raise `ProtocolError` (503) unless the graph is loaded."""
        state, reason = self._state
        if state != "READY":
            raise ProtocolError(f"the model {self.name!r} is not ready: {reason}", 503)

    def load(self, context: Any = None) -> None:
        """Make the graph's class steps and models.  Raises what their loading raises."""
        with self._lock:
            if self._state[0] == "READY":
                return
            self._state = ("LOADING", "being loaded")
            try:
                self.graph.load(context)
            except Exception as error:
                self._state = ("UNAVAILABLE", f"{type(error).__name__}: {error}")
                raise
            self._state, self._left_to_calls = ("READY", ""), False

    def unload(self, context: Any = None) -> None:
        """Take new calls no more, wait for those in flight, close what the graph made.

        Raises `NotReady` when calls are still in flight after a while: the last of them closes.
        """
        with self._lock:
            self._state = ("UNLOADING", "being unloaded")
            with self._idle:
                self._idle.wait_for(lambda: self._calls == 0, self.patience)
                left = self._calls
                self._left_to_calls = left > 0
                behind = f", with {left} calls still in it" if left else ""
                self._state = ("UNAVAILABLE", f"unloaded{behind}")
            if left:
                raise NotReady(
                    f"the model {self.name!r} takes no more calls, and {left} of them had not "
                    f"ended after {self.patience:g} s: it is closed when they have"
                )
            self.graph.stop(context)

    def read(self, inputs: Mapping[str, Tensor]) -> Any:
        return self._input.read(inputs)

    def call(self, value: Any, context: Any) -> Any:
        """The graph's answer, an awaitable of it where it is async.  Raises `ProtocolError` (503)
        when it was unloaded since the request was read."""
        if self.is_async:
            return self._call_async(value, context)
        with self._in_flight():
            return self.graph(value, context)

    async def _call_async(self, value: Any, context: Any) -> Any:
        with self._in_flight():
            return await self.graph(value, context)

    @contextmanager
    def _in_flight(self) -> Iterator[None]:
        with self._idle:
            self.check_ready()
            self._calls += 1
        try:
            yield
        finally:
            with self._idle:
                self._calls -= 1
                self._idle.notify_all()
                last = self._left_to_calls and not self._calls
            if last:
                self.graph.stop()

    def write(self, answer: Any) -> list[Tensor]:
        if answer is None:  # an event that was filtered out, or an optional answer
            return []
        try:
            return self._output.write(answer)
        except (AttributeError, TypeError, KeyError) as error:
            what = f"the graph {self.name!r} gave a {type(answer).__name__}: {error}"
            raise ProtocolError(what, 500) from error


class RepositoryModel:
    """An entry of a `ModelRepository`: named numpy arrays in, named numpy arrays out."""

    is_async = False

    def __init__(self, repository: ModelRepository, name: str, version: str) -> None:
        self._repository, self.name, self._asked = repository, name, version
        self._model: ServedModel = repository.get(name, version)

    @property
    def version(self) -> str:
        """The version that answers; "" where the repository does not say which it chose."""
        return self._asked or str(getattr(self._model, "version", ""))

    @property
    def metadata(self) -> Metadata:
        found = self._model.metadata
        versions = tuple(self._repository.versions(self.name))
        inputs = tuple(Meta(each.name, each.datatype, each.shape) for each in found.inputs)
        outputs = tuple(Meta(each.name, each.datatype, each.shape) for each in found.outputs)
        return Metadata(self.name, versions, found.platform, inputs, outputs)

    def read(self, inputs: Mapping[str, Tensor]) -> Any:
        """The arrays, held against the metadata where the model has any."""
        wanted = {each.name: each for each in self._model.metadata.inputs}
        for name, tensor in inputs.items():
            if wanted and name not in wanted:
                raise WrongTensor(name, f"is not of this model; it takes {', '.join(wanted)}")
            if wanted and tensor.datatype != wanted[name].datatype:
                is_, takes = tensor.datatype, wanted[name].datatype
                raise WrongTensor(name, f"is {is_}, the model takes {takes}")
            if wanted:
                check_fits(tensor, wanted[name].shape)
        for name in wanted:
            if name not in inputs:
                raise WrongTensor(name, "is missing")
        return {name: _array(tensor) for name, tensor in inputs.items()}

    def call(self, value: Any, context: Any) -> Any:
        return self._model.infer(value)

    def write(self, answer: Mapping[str, Any]) -> list[Tensor]:
        import numpy

        return [Tensor.from_array(name, numpy.asarray(each)) for name, each in answer.items()]


def _array(tensor: Tensor) -> Any:
    """The array; BYTES as text, which is what repositories take."""
    if tensor.datatype != "BYTES":
        return tensor.array()
    import numpy

    made = numpy.empty(tensor.count, dtype=object)
    made[:] = Tensor(tensor.name, "BYTES", (tensor.count,), flat=tensor.flat()).texts()
    return made.reshape(tensor.shape)


def _said_at(place: Mapping[str, Any], annotation: Any, what: str) -> AnyForm:
    name = "input" if what.startswith("the input") else "output"
    try:
        return form_of(annotation, what, name)
    except WrongUse as error:
        raise WrongUse(error.what, advice=error.advice, **place) from None


def _refuse_streams(graph: Any) -> None:
    if getattr(graph, "streams", False):
        raise WrongUse(
            f"graph {graph.name!r} gives a stream, and an inference of the protocol has one answer",
            file=graph.file,
            line=graph.line,
            advice="serve it as a route, or gather its items in a last step",
        )


def _refuse_queues(graph: Any) -> None:
    queue = next((each for each in graph.walk() if each.splits), None)
    if queue is not None:
        raise WrongUse(
            f"graph {graph.name!r} is cut at its queue {queue.name!r}, and an inference of the "
            "protocol has its answer at once",
            file=graph.file,
            line=graph.line,
            advice="serve it by app.serve(graph), or make what answers a graph of its own",
        )
