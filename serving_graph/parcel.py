"""How a value is carried between two functions of a graph: as JSON, by the next step's type.

The rules are those of a function's own input and output (`handlers.codec`), so a value that a
function can take from a request can be taken from a queue.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..handlers.codec.faults import Fault
from ..handlers.codec.plain import to_json
from ..handlers.codec.types import Unknown, converter
from ..handlers.errors import InvalidInput, InvalidOutput
from .fit import type_name
from .refer import Place, wrong


class Parcel:
    """Packs and unpacks the values that go to one step.

    >>> Parcel("g/score", [bytes], Place()).pack(b"ab")
    'YWI='
    """

    def __init__(self, path: str, types: Sequence[Any], at: Place, *, verb: str = "takes") -> None:
        """`types`: those to try, the next step's before what it is given.

        Raises `GraphError` when none of them can be carried.
        """
        self.path = path
        self._encode, self._decode = _converter(path, types, at, verb)

    def pack(self, value: Any) -> Any:
        """JSON-ready; raises `InvalidOutput` for a value that is not what its step takes."""
        try:
            return to_json(self._encode(value) if self._encode else value)
        except Fault as fault:
            where = ".".join(map(str, fault.path))
            what = f"{fault.message} at {where}" if where else fault.message
        except (AttributeError, TypeError, KeyError, ValueError) as error:
            what = f"a {type(value).__name__} ({error})"
        raise InvalidOutput(f"step {self.path!r} cannot be sent {what}")

    def unpack(self, plain: Any) -> Any:
        """The value; raises `InvalidInput` for what is none."""
        try:
            return self._decode(plain)
        except Fault as fault:
            raise InvalidInput(fault.details()) from None


def _converter(path: str, types: Sequence[Any], at: Place, verb: str) -> tuple[Any, Any]:
    for each in types:
        try:
            found = converter(each)
        except (Unknown, NameError):
            continue
        return found.encode, found.decode
    raise wrong(
        f"step {path!r} {verb} {type_name(types[0])}, which has no form as JSON",
        "annotate the step with a pydantic model, dataclass, "
        "TypedDict, numpy array, builtin, or a list or dict of these",
        at=at,
    )
