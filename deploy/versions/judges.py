"""The user's functions that gates ask, loaded by their `module:function` from where the command is
run."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from difflib import get_close_matches
from importlib import import_module

from ..errors import CannotRelease
from .gates import Gate, Judge


def load(gates: Iterable[Gate], folder: str) -> dict[str, Judge]:
    """Every function that the gates name; raises `CannotRelease` for one that is not there."""
    names = dict.fromkeys(name for gate in gates for _, name in gate.functions)
    if names and folder not in sys.path:
        sys.path.insert(0, folder)
    return {name: _load(name) for name in names}


def _load(name: str) -> Judge:
    module_name, _, function = name.partition(":")
    try:
        module = import_module(module_name)
    except Exception as error:  # the user's module: whatever its import raises
        raise CannotRelease(
            f"gate function {name!r}: module {module_name!r} cannot be imported: "
            f"{type(error).__name__}: {error}"
        ) from error
    found = getattr(module, function, None)
    if callable(found):
        judge: Judge = found
        return judge
    if found is not None:
        raise CannotRelease(f"gate function {name!r} is no function but {found!r}")
    close = get_close_matches(function, dir(module), n=1)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    raise CannotRelease(f"gate function {name!r}: module {module_name!r} has no {function!r}{hint}")
