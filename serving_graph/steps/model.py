"""Models of the user's own: any class with `predict`; and one name for several versions of one."""

from __future__ import annotations

from collections.abc import Awaitable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, overload

from ..kit.base import Bound, Branches, Step
from ..kit.signature import Signature
from ..refer import Place, place, reference, resolve, wrong
from ..spec import StepSpec, canonical

if TYPE_CHECKING:
    from ..models.shared import Lease
    from ..run import Worker

I = TypeVar("I")  # noqa: E741 - the field's own letter
O = TypeVar("O")  # noqa: E741
I_contra = TypeVar("I_contra", contravariant=True)
O_co = TypeVar("O_co", covariant=True)


class Predicts(Protocol[I_contra, O_co]):
    """A model of the user's own: `predict`, and `load(context)` and `close()` where it has them."""

    def predict(self, value: I_contra, /) -> O_co: ...


class ModelStep(Step[Any, Any]):
    """See `model`."""

    def __init__(
        self, cls: Any, name: str, arguments: Mapping[str, Any], warm_up: Any, at: Place
    ) -> None:
        name = name or str(getattr(cls, "__name__", "model"))
        super().__init__(StepSpec("model", name), at)
        if not isinstance(cls, type) or not callable(getattr(cls, "predict", None)):
            what = f"model {name!r}: {cls!r:.60} is no class with predict"
            raise wrong(what, "predict gets the value and gives the answer", at=at)
        options = {"arguments": dict(arguments), "warm_up": warm_up}
        try:
            text = canonical({key: each for key, each in options.items() if each not in (None, {})})
        except (TypeError, ValueError):
            advice = "make what is not in the class's load(context), once a worker"
            raise wrong(f"model {name!r}: not JSON-ready: {options!r:.80}", advice, at=at) from None
        self.spec = StepSpec("model", name, reference(cls), text)
        self.cls, self.arguments, self.warm_up = cls, dict(arguments), warm_up
        signature = Signature(cls.predict, name, at, method=True)  # type: ignore[attr-defined]
        self.context, self.takes_context = signature.context, bool(signature.context)
        self.input_type, self.output_type = signature.input_type, signature.output_type
        self.is_async, self.references = signature.is_async, (self.spec.reference,)

    def lease(self) -> Lease:
        """A share in the instance of this class made with these arguments."""
        from ..models.python import ClassModel
        from ..models.shared import Lease

        key = ("model", self.cls, self.spec.options)
        return Lease(partial(ClassModel, self.cls, self.arguments), lambda: key, self.warm_up)

    def loadables(self) -> Iterator[tuple[str, str, Any, bool]]:
        """This model for a repository of models, see `Models.of`."""
        yield self.name, "1", self.lease, True

    def bind(self, worker: Worker, path: str) -> Bound:
        call = worker.make(self.lease, path).model.predict
        return Bound(self.name, path, call, is_async=self.is_async, context=self.context, leaf=True)


@overload
def model(
    cls: type[Predicts[I, Awaitable[O]]],
    /,
    *,
    name: str = "",
    warm_up: Any = None,
    **arguments: Any,
) -> Step[I, O]: ...
@overload
def model(
    cls: type[Predicts[I, O]], /, *, name: str = "", warm_up: Any = None, **arguments: Any
) -> Step[I, O]: ...
@overload
def model(
    cls: type[Any], /, *, name: str = "", warm_up: Any = None, **arguments: Any
) -> Step[Any, Any]: ...
@overload
def model(
    name: str,
    /,
    *,
    versions: Mapping[str, Any],
    default: str,
    by: str = "",
    header: str = "x-model-version",
) -> Step[Any, Any]: ...


def model(cls: Any, /, **settings: Any) -> Any:
    """A step that runs a model: a class of yours, or one of several versions under one name.

    A class is made once a worker with the arguments, whichever of its graphs name it; its
    `load(context)` runs once, its `predict(value)` once an event, its `close()` with the last
    graph.  With `inputs` and `outputs` (sequences of `Tensor`) it also answers arrays by name.

    Of `versions`, each a step, a call says which one by a header of its event, or by a field of
    its value; the default one answers where it says none.

    name:     of the step; the class's own when left out
    warm_up:  a sample value, predicted once at load
    versions: version to step, such as {"1": onnx(...), "2": skops(...)}
    default:  the version for calls that say none
    by:       a field of the value that says the version, "options.version" inside others
    header:   of the event that says the version; the field comes first

    Raises `GraphError` for a class without `predict`, arguments that are not JSON-ready, or a
    default that is no version; at run, `UnknownModel` for a version that is not here.

    >>> from pelton import Graph
    >>> class Line:
    ...     def __init__(self, slope: float) -> None:
    ...         self.slope = slope
    ...     def predict(self, x: float) -> float:
    ...         return self.slope * x
    >>> (Graph("line", float) >> model(Line, slope=2))(4.0)
    8.0
    >>> both = {"1": model(Line, slope=2), "2": model(Line, slope=3)}
    >>> (Graph("lines", float) >> model("line", versions=both, default="2"))(4.0)
    12.0
    """
    at = place()
    if isinstance(cls, str):
        from .versions import versioned

        return versioned(cls, at, **settings)
    name, warm_up = settings.pop("name", ""), settings.pop("warm_up", None)
    return ModelStep(cls, name, settings, warm_up, at)


def rebuild(spec: StepSpec, branches: Branches, at: Place) -> Step[Any, Any]:
    """The step that a spec says."""
    arguments, warm_up = spec.option("arguments", {}), spec.option("warm_up")
    return ModelStep(resolve(spec.reference), spec.name, arguments, warm_up, at)
