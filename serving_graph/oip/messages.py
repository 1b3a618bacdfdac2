"""Requests and answers of the protocol as plain values, before and after any wire."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from .errors import ProtocolError, WrongTensor
from .tensors import Tensor

NOTHING: Mapping[str, Any] = {}
# What other servers take by these names and this one does not: said, never passed over.
_REFUSED = {
    "classification": "classification is not done here: ask for the scores",
    "shared_memory_region": "tensors in shared memory are not taken: send the data",
    "sequence_id": "sequences are not kept here: send one request each",
}


class Wanted(NamedTuple):
    """A requested output; `binary` None leaves the form to the request's own."""

    name: str
    binary: bool | None = None


class InferRequest(NamedTuple):
    """One inference asked for.

    inputs: by name, in the order in which they came
    outputs: those asked for; none stands for all
    binary: whether outputs that do not say otherwise are wanted as binary data
    """

    model: str
    version: str = ""
    id: str = ""
    parameters: Mapping[str, Any] = NOTHING
    inputs: Mapping[str, Tensor] = NOTHING
    outputs: Sequence[Wanted] = ()
    binary: bool = False


class InferResponse(NamedTuple):
    """One inference answered."""

    model: str
    version: str
    id: str
    outputs: Sequence[Tensor]
    parameters: Mapping[str, Any] = NOTHING


def check_parameters(where: str, given: Any) -> Mapping[str, Any]:
    """An object of names to strings, numbers and booleans.  Raises `ProtocolError`."""
    if given is None:
        return NOTHING
    if not isinstance(given, Mapping):
        raise ProtocolError(f"{where}: parameters are {given!r:.40}, which is no object")
    for name, value in given.items():
        if name in _REFUSED and value:
            raise ProtocolError(f"{where}: {_REFUSED[name]}")
        if not isinstance(value, str | int | float | bool):
            raise ProtocolError(f"{where}: the parameter {name!r} is no string, number or boolean")
    return given


def by_name(tensors: Sequence[Tensor]) -> dict[str, Tensor]:
    """The inputs by their names.  Raises `WrongTensor` for a name that comes twice."""
    found: dict[str, Tensor] = {}
    for each in tensors:
        if each.name in found:
            raise WrongTensor(each.name, "comes twice")
        found[each.name] = each
    return found


def chosen(response: Sequence[Tensor], wanted: Sequence[Wanted]) -> list[Tensor]:
    """The outputs asked for, in that order; one that the answer has not is left out."""
    if not wanted:
        return list(response)
    have = {each.name: each for each in response}
    return [have[each.name] for each in wanted if each.name in have]


def check_outputs(known: Sequence[str], wanted: Sequence[Wanted]) -> None:
    """Raise `ProtocolError` for an output asked for that is not among those known."""
    for each in wanted:
        if each.name not in known:
            there = ", ".join(known) or "none"
            raise ProtocolError(f"there is no output {each.name!r}; there are {there}")
