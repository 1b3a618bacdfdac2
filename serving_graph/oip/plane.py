"""`Plane`: the protocol's one data plane, with no wire in it; REST and gRPC are skins over it.

It finds models, checks and converts tensors and says what is ready.  It never waits and starts no
thread: an inference is prepared here, called by the skin, and finished here.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from ...handlers.errors import UnknownModel, WrongUse
from .messages import NOTHING, InferRequest, InferResponse, check_outputs, chosen
from .served import GraphModel, Metadata, RepositoryModel, Served, State

if TYPE_CHECKING:
    from ..models.repository import ModelRepository

EXTENSIONS = ("binary_tensor_data", "model_repository")


class Prepared(NamedTuple):
    """An inference that is ready to be called: `model.call(value, context)`."""

    request: InferRequest
    model: Served
    value: Any

    @property
    def is_async(self) -> bool:
        return self.model.is_async

    def call(self, context: Any = None) -> Any:
        return self.model.call(self.value, context)


class Plane:
    """Graphs and a repository's models under their names.

    >>> from pelton import Graph
    >>> def size(text: str) -> int:
    ...     return len(text)
    >>> plane = Plane([Graph("size") >> size])
    >>> plane.load()
    >>> plane.metadata("size").outputs
    (Meta(name='output', datatype='INT64', shape=(1,)),)
    >>> from pelton.serving_graph.oip import Tensor
    >>> text = Tensor.from_json("input", "BYTES", [1], ["four"])
    >>> prepared = plane.prepare(InferRequest("size", inputs={"input": text}))
    >>> plane.finish(prepared, prepared.call()).outputs[0].json()
    [4]
    """

    def __init__(
        self,
        graphs: Iterable[Any] = (),
        *,
        repository: ModelRepository | None = None,
        version: str = "1",
        name: str = "pelton",
    ) -> None:
        self.name, self.repository = name, repository
        self.graphs: dict[str, GraphModel] = {}
        for each in graphs:
            if each.name in self.graphs:
                raise WrongUse(
                    f"two graphs are named {each.name!r}", advice="a model has a name of its own"
                )
            self.graphs[each.name] = GraphModel(each, version=version)
        if repository is not None:
            self._check_names(repository)

    def _check_names(self, repository: ModelRepository) -> None:
        for each in repository.index():
            if each.name in self.graphs:
                raise WrongUse(
                    f"{each.name!r} is a graph and a model of the repository",
                    advice="rename one: a model has a name of its own",
                )

    @property
    def is_async(self) -> bool:
        return any(each.is_async for each in self.graphs.values())

    def server(self) -> dict[str, Any]:
        """The server's metadata."""
        from importlib.metadata import PackageNotFoundError, version

        try:
            found = version("pelton")
        except PackageNotFoundError:  # inside an artifact, which carries no metadata
            from ... import __version__ as found
        return {"name": self.name, "version": found, "extensions": list(EXTENSIONS)}

    def ready(self) -> bool:
        """Whether every model that was not unloaded by hand is ready."""
        return all(
            each.state == "READY" or each.reason.startswith("unloaded") for each in self.index()
        )

    def index(self, *, ready_only: bool = False) -> list[State]:
        """Every version of every model, loaded or not."""
        found = [each.state() for each in self.graphs.values()]
        if self.repository is not None:
            found += [State(*each) for each in self.repository.index()]
        return [each for each in found if each.state == "READY" or not ready_only]

    def model(self, name: str, version: str = "") -> Served:
        """The model that answers.  Raises `ProtocolError` (404, 503) or `UnknownModel`."""
        graph = self.graphs.get(name)
        if graph is None:
            if self.repository is None:
                raise UnknownModel(name, known=tuple(self.graphs))
            return RepositoryModel(self.repository, name, version)
        if version not in ("", graph.version):
            raise UnknownModel(name, version, known=(graph.version,))
        return graph

    def metadata(self, name: str, version: str = "") -> Metadata:
        """What a model says of itself; of a graph, loaded or not."""
        return self.model(name, version).metadata

    def model_ready(self, name: str, version: str = "") -> bool:
        """Whether a model answers.  Raises `UnknownModel` for one that is not here at all."""
        try:
            model = self.model(name, version)
        except UnknownModel as error:
            if error.reason:
                return False
            raise
        return not isinstance(model, GraphModel) or model.state().state == "READY"

    def load(self, name: str = "", context: Any = None) -> None:
        """Load one model, or each graph.  Raises `UnknownModel`, or what loading raises."""
        if not name:
            for each in self.graphs.values():
                each.load(context)
        elif name in self.graphs:
            self.graphs[name].load(context)
        elif self.repository is not None:
            self.repository.load(name)
        else:
            raise UnknownModel(name, known=tuple(self.graphs))

    def unload(self, name: str) -> None:
        """Unload one model; it stays in the index.  Raises `UnknownModel`."""
        if name in self.graphs:
            self.graphs[name].unload()
        elif self.repository is not None:
            self.repository.unload(name)
        else:
            raise UnknownModel(name, known=tuple(self.graphs))

    def prepare(self, request: InferRequest) -> Prepared:
        """The call that a request asks for.  Raises `ProtocolError` and `UnknownModel`."""
        model = self.model(request.model, request.version)
        if isinstance(model, GraphModel):
            model.check_ready()
        known = [each.name for each in model.metadata.outputs]
        if known:  # before anything is computed
            check_outputs(known, request.outputs)
        return Prepared(request, model, model.read(request.inputs))

    def finish(self, prepared: Prepared, answer: Any, context: Any = None) -> InferResponse:
        """The response to a call's answer; its parameter `failed` names the optional steps that
        did not answer.  Raises `ProtocolError` for an answer that has no tensors."""
        request, model = prepared.request, prepared.model
        found = model.write(answer)
        if not model.metadata.outputs:
            check_outputs([each.name for each in found], request.outputs)
        outputs = chosen(found, request.outputs)
        failed = context.failed if context is not None and context.has_failed else ()
        said = {"failed": ", ".join(each["step"] for each in failed)} if failed else NOTHING
        return InferResponse(request.model, model.version, request.id, outputs, said)
