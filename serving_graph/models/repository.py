"""Named models in several versions, loaded and unloaded while calls are answered.

`ModelRepository` is what a server of models asks for (the Open Inference Protocol's index, load,
unload, metadata and infer); `Models` is one in memory.  Knows no format of a model, no graph and
no wire: tensors are numpy arrays by name, and numpy itself is never imported here.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, NamedTuple, Protocol

from ...handlers.errors import NotReady, UnknownModel

READY, LOADING, UNLOADING, UNAVAILABLE = "READY", "LOADING", "UNLOADING", "UNAVAILABLE"
PATIENCE = 30.0  # seconds that an unload waits for the calls in flight

Arrays = Mapping[str, Any]


class Tensor(NamedTuple):
    """One input or output of a model.

    datatype: the Open Inference Protocol's word: BOOL, INT64, FP32, BYTES (text) and so on
    shape:    the sizes in order; -1 where any size fits
    """

    name: str
    datatype: str
    shape: tuple[int, ...]


class ModelMetadata(NamedTuple):
    """What a loaded model says of itself.

    platform: the format and who runs it: "onnx_onnxruntime", "sklearn_skops", "python"
    sha256:   the digest of the model's file in hex; "" where there is no file
    """

    inputs: tuple[Tensor, ...] = ()
    outputs: tuple[Tensor, ...] = ()
    platform: str = ""
    sha256: str = ""


class ServedModel(Protocol):
    """A model that answers.  `infer` takes and gives arrays by the names in `metadata`; it may
    be called by several threads at once, and raises `InvalidInput` with a path for what does not
    fit.
    """

    @property
    def metadata(self) -> ModelMetadata: ...

    def infer(self, inputs: Arrays, /) -> dict[str, Any]: ...


class LoadableModel(ServedModel, Protocol):
    """A model that is not read before `load`, and lets go of what it holds at `close`."""

    def load(self) -> None: ...

    def close(self) -> None: ...


class ModelState(NamedTuple):
    """One version of one model in the index.

    state:  READY, LOADING, UNLOADING or UNAVAILABLE
    reason: why it is not ready, in a sentence; "" when it is
    """

    name: str
    version: str
    state: str
    reason: str = ""


class ModelRepository(Protocol):
    """Named models, each in one version or more; safe to use from any thread."""

    def index(self) -> tuple[ModelState, ...]:
        """Every version of every model, loaded or not, in a fixed order."""
        ...

    def versions(self, name: str) -> tuple[str, ...]:
        """The versions that are ready.  Raises `UnknownModel` for a name that is not here."""
        ...

    def load(self, name: str) -> None:
        """Load every version, again when it is loaded; calls go on with the old one meanwhile.

        Raises `UnknownModel`, or what the model's loading raises (it then is in the index too).
        """
        ...

    def unload(self, name: str) -> None:
        """Take new calls no more, wait for those in flight, close.

        Raises `UnknownModel`; `NotReady` when calls are still in flight after a while: no new one
        comes in, and the model is closed when the last of them ends.
        """
        ...

    def get(self, name: str, version: str = "") -> ServedModel:
        """The model; of several versions the default one when none is said.

        Raises `UnknownModel` for a name or a version that is not here or not loaded.
        """
        ...


class Models:
    """A `ModelRepository` in memory: models are added by name with what makes them.

    patience: seconds that an unload waits for the calls in flight

    >>> class Double:
    ...     metadata = ModelMetadata((Tensor("x", "FP64", (-1,)),), (Tensor("y", "FP64", (-1,)),))
    ...     def load(self) -> None: ...
    ...     def close(self) -> None: ...
    ...     def infer(self, inputs: Arrays) -> dict[str, Any]:
    ...         return {"y": [2 * each for each in inputs["x"]]}
    >>> models = Models()
    >>> models.add("double", Double)
    >>> models.load("double")
    >>> models.get("double").infer({"x": [1.0, 2.0]})
    {'y': [2.0, 4.0]}
    >>> models.unload("double")
    >>> models.index()
    (ModelState(name='double', version='1', state='UNAVAILABLE', reason='unloaded'),)
    """

    def __init__(self, *, patience: float = PATIENCE) -> None:
        self._lock, self._patience = threading.Lock(), patience
        self._slots: dict[str, dict[str, _Slot]] = {}
        self._defaults: dict[str, str] = {}

    @classmethod
    def of(cls, *steps: Any) -> Models:
        """The models of steps that `onnx`, `skops`, `pickled` or `model` made, by their names.

        A model that a graph of this worker has loaded too is shared with it, until both let go.
        """
        models = cls()
        for step in steps:
            for name, version, make, default in step.loadables():
                models.add(name, make, version=version, default=default)
        return models

    def add(
        self,
        name: str,
        make: Callable[[], LoadableModel],
        *,
        version: str = "1",
        default: bool = False,
    ) -> None:
        """Know a version of a model; `load` calls `make` and then the model's own `load`.

        The first version added is the default one, unless another says `default=True`.
        Raises `ValueError` for a version that is here already.
        """
        with self._lock:
            slots = self._slots.setdefault(name, {})
            if version in slots:
                raise ValueError(f"the model {name!r} has a version {version!r} already")
            slots[version] = _Slot(name, version, make, self._patience)
            if default or name not in self._defaults:
                self._defaults[name] = version

    def index(self) -> tuple[ModelState, ...]:
        """Every version of every model, in the order in which they were added."""
        with self._lock:
            slots = [slot for versions in self._slots.values() for slot in versions.values()]
        return tuple(slot.state() for slot in slots)

    def versions(self, name: str) -> tuple[str, ...]:
        """The versions that are ready.  Raises `UnknownModel` for a name that is not here."""
        return tuple(each.version for each in self._of(name) if each.state().state == READY)

    def load(self, name: str) -> None:
        """Load every version of a model, again when it is loaded; see `ModelRepository`."""
        for slot in self._of(name):
            slot.load()

    def unload(self, name: str) -> None:
        """Take new calls no more, wait for those in flight, close; see `ModelRepository`."""
        for slot in self._of(name):
            slot.unload()

    def get(self, name: str, version: str = "") -> ServedModel:
        """The model that answers; see `ModelRepository`."""
        slots = {slot.version: slot for slot in self._of(name)}
        slot = slots.get(version or self._defaults[name])
        if slot is None:
            raise UnknownModel(name, version, known=tuple(slots))
        slot.current()
        return slot

    def close(self) -> None:
        """Unload everything: for a worker's end."""
        for name in list(self._slots):
            with suppress(UnknownModel, NotReady):
                self.unload(name)

    def _of(self, name: str) -> list[_Slot]:
        with self._lock:
            if name not in self._slots:
                raise UnknownModel(name, known=tuple(self._slots))
            return list(self._slots[name].values())


class _Slot:
    """One version: how it is made, and the instance that answers now; a `ServedModel` itself."""

    def __init__(
        self, name: str, version: str, make: Callable[[], LoadableModel], patience: float
    ) -> None:
        self.name, self.version, self._make, self._patience = name, version, make, patience
        self._changing = threading.Lock()  # one load or unload at a time
        self._current: _Counted | None = None
        self._said = (UNAVAILABLE, "not loaded yet")  # one tuple: whoever reads sees both

    def state(self) -> ModelState:
        return ModelState(self.name, self.version, *self._said)

    @property
    def metadata(self) -> ModelMetadata:
        return self.current().model.metadata

    def infer(self, inputs: Arrays) -> dict[str, Any]:
        while True:
            current = self.current()
            if not current.enter():
                continue  # it was replaced or unloaded since: whichever, look again
            try:
                return current.model.infer(inputs)
            finally:
                current.leave()

    def current(self) -> _Counted:
        current = self._current
        if current is None:
            raise UnknownModel(self.name, self.version, reason=self._said[1])
        return current

    def load(self) -> None:
        """The new instance answers before the old one goes; when it fails the old one stays."""
        with self._changing:
            old = self._current
            if old is None:
                self._said = (LOADING, "being loaded")
            try:
                model = self._make()
                model.load()
            except Exception as error:
                reason = f"{type(error).__name__}: {error}"
                self._said = (READY if old else UNAVAILABLE, reason)
                raise
            self._current = _Counted(model)
            self._said = (READY, "")
            if old is not None:
                old.end(self._patience)

    def unload(self) -> None:
        with self._changing:
            old, self._current = self._current, None
            if old is None:
                return
            self._said = (UNLOADING, "being unloaded")
            left = 0
            try:
                left = old.end(self._patience)
            finally:
                behind = f", with {left} calls still in it" if left else ""
                self._said = (UNAVAILABLE, f"unloaded{behind}")
            if left:
                raise NotReady(
                    f"the model {self.name!r} takes no more calls, and {left} of them had not "
                    f"ended after {self._patience:g} s: it is closed when they have"
                )


class _Counted:
    """A loaded model and how many calls are inside it; closed when the last has left."""

    def __init__(self, model: LoadableModel) -> None:
        self.model = model
        self._idle = threading.Condition()
        self._calls, self._ended, self._left_to_calls = 0, False, False

    def enter(self) -> bool:
        """Whether a call may begin; each that did must `leave`."""
        with self._idle:
            self._calls += not self._ended
            return not self._ended

    def leave(self) -> None:
        with self._idle:
            self._calls -= 1
            self._idle.notify_all()
            last = self._left_to_calls and not self._calls
        if last:
            self.model.close()

    def end(self, patience: float) -> int:
        """Refuse what comes, wait for what is inside, close: how many calls are inside still, the
        last of which then closes."""
        with self._idle:
            self._ended = True
            self._idle.wait_for(lambda: self._calls == 0, patience)
            left = self._calls
            self._left_to_calls = left > 0
        if not left:
            self.model.close()
        return left
