"""Names of a package that are loaded when they are first used: a cold start pays for what it has.

Used by the packages that are doors to many modules; it knows none of them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping


def lazily(
    package: str, homes: Mapping[str, str], missing: Callable[[str, str], str] | None = None
) -> Callable[[str], object]:
    """The `__getattr__` of a package, or a module, whose names are elsewhere.

    package: its `__name__`
    homes:   each name with the module that has it, dots leading from the package it is in
    missing: what is said, of the name and the module, where the module was not shipped

    >>> import pelton.handlers.triggers as triggers
    >>> triggers.Cron.__module__
    'pelton.handlers.triggers.cron'
    """

    def load(name: str) -> object:
        home = homes.get(name)
        if home is None:
            raise AttributeError(_unknown(package, name, homes))
        from importlib import import_module

        own = sys.modules[package]
        try:
            module = import_module(home, own.__package__)
        except ModuleNotFoundError as error:
            if missing is None or not (error.name or "").startswith(f"{own.__package__}."):
                raise
            raise ImportError(missing(name, str(error.name))) from error
        value: object = getattr(module, name)
        setattr(own, name, value)
        return value

    return load


def _unknown(package: str, name: str, homes: Mapping[str, str]) -> str:
    said = f"module {package!r} has no attribute {name!r}"
    if name[:1] == "_":  # asked for by tools, which look for what may not be there
        return said
    from difflib import get_close_matches

    close = get_close_matches(name, homes, n=1)
    return f"{said}; did you mean {close[0]}?" if close else said
