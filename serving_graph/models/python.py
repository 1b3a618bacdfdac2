"""A model that is a class of the user's own: `predict`, and `load` and `close` where it has any."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .repository import Arrays, ModelMetadata, Tensor
from .tensors import fit_arrays


class ClassModel:
    """One instance of a class; see `pelton.model`.

    `infer` is there for a class that says `inputs` and `outputs`, each a sequence of `Tensor`.
    """

    def __init__(self, cls: type, arguments: Mapping[str, Any]) -> None:
        self.cls, self.arguments = cls, dict(arguments)
        self._instance: Any = None
        self._context: Any = None
        self.metadata = ModelMetadata(_tensors(cls, "inputs"), _tensors(cls, "outputs"), "python")

    @property
    def predict(self) -> Callable[..., Any]:
        found: Callable[..., Any] = self._instance.predict
        return found

    def load(self, context: Any = None) -> None:
        """Make the instance, then call its own `load`, with the context where it takes one."""
        self._context, self._instance = context, self.cls(**self.arguments)
        if (load := getattr(self._instance, "load", None)) is not None:
            load(context) if _takes_argument(load) else load()

    def close(self) -> None:
        instance, self._instance = self._instance, None
        if (close := getattr(instance, "close", None)) is not None:
            close(self._context) if _takes_argument(close) else close()

    def warm(self, value: Any) -> None:
        """Answer a sample."""
        from ...runtime.call import maybe_await

        code = getattr(self.predict, "__code__", None)
        names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount] if code else ()
        more = {"context": self._context} if "context" in names else {}
        maybe_await(self.predict(value, **more))

    def infer(self, inputs: Arrays) -> dict[str, Any]:
        """Arrays in, arrays out: of one input `predict` gets the array, of several a dict.

        Raises `InvalidInput` for what does not fit the class's `inputs`, `TypeError` when an
        answer is not what its `outputs` say.
        """
        from ...runtime.call import maybe_await

        if not self.metadata.inputs or not self.metadata.outputs:
            raise TypeError(
                f"{self.cls.__qualname__} says no inputs and outputs: it takes no arrays"
            )
        arrays = fit_arrays(inputs, self.metadata.inputs, "allow")
        given = next(iter(arrays.values())) if len(arrays) == 1 else arrays
        answer = maybe_await(self.predict(given))
        names = [each.name for each in self.metadata.outputs]
        found = answer if isinstance(answer, Mapping) else {names[0]: answer}
        if sorted(found) != sorted(names):
            said = ", ".join(map(str, found))
            raise TypeError(f"{self.cls.__qualname__} gave {said}, it says {', '.join(names)}")
        return {name: _array(found[name]) for name in names}


def _array(value: Any) -> Any:
    import numpy

    return numpy.asarray(value)


def _tensors(cls: type, name: str) -> tuple[Tensor, ...]:
    return tuple(Tensor(*each) for each in getattr(cls, name, ()))


def _takes_argument(hook: Callable[..., Any]) -> bool:
    """Whether a hook was written with a parameter for the context."""
    code = getattr(hook, "__code__", None)
    return code is None or code.co_argcount > (1 if hasattr(hook, "__self__") else 0)
