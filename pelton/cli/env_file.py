"""`.env` files: variables of local runs, never shipped, never shown.

Read as python-dotenv reads them.  A variable that is there already stays as it is: the shell's in
a process of this command, the function's own `environment=` on the emulator.  Of a file only names
are ever printed; plans, states and artifacts know nothing of it.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from ..handlers.errors import PeltonError

NAME = ".env"
Decorated = TypeVar("Decorated", bound=Callable[..., Any])


def env_file_option(function: Decorated) -> Decorated:
    """--env-file, as the argument `env_file`; see `choose`."""
    option = click.option(
        "--env-file",
        metavar="FILE",
        help=f"Variables of local runs [{NAME} beside the app, where there is one]; '' is none.",
    )
    return option(function)


def choose(given: str | None, root: Path) -> Path | None:
    """The file that is meant: the given one, or the app's own; None for none.

    Raises `PeltonError` when the given one is not there.
    """
    if given == "":
        return None
    path = Path(given) if given else root / NAME
    if path.is_file():
        return path
    if given:
        raise PeltonError(f"--env-file: there is no file {given}")
    return None


def read(path: Path) -> dict[str, str]:
    """The variables of a file; raises `PeltonError` with the line that is none, never with what it
    says."""
    from dotenv.main import DotEnv
    from dotenv.parser import parse_stream

    try:
        with path.open(encoding="utf-8") as stream:
            wrong = [each.original.line for each in parse_stream(stream) if each.error]
    except (OSError, UnicodeDecodeError) as error:
        raise PeltonError(f"{path} cannot be read: {_reason(error)}") from None
    if wrong:
        raise PeltonError(f"{path}:{wrong[0]}: this line is no variable; write NAME=value")
    found = DotEnv(path, encoding="utf-8", override=False).dict()
    return {name: value for name, value in found.items() if value is not None}


def take(given: str | None, root: Path) -> str:
    """Give this process the variables of the file that is meant; what was taken, in words without
    a value, "" where there is no file."""
    path = choose(given, root)
    if path is None:
        return ""
    found = read(path)
    new = [name for name in found if name not in os.environ]
    os.environ.update({name: found[name] for name in new})
    kept = [name for name in found if name not in new]
    return f"{path}: {', '.join(new) or 'nothing new'}" + (
        f" (set already: {', '.join(kept)})" if kept else ""
    )


def root_of(where: str) -> Path:
    """The folder of the app that a command line names.

    >>> root_of("shop/app.py:app").name, root_of("shop.app:app") == Path.cwd()
    ('shop', True)
    """
    place = where.partition(":")[0]
    return Path(place).resolve().parent if place.endswith(".py") else Path.cwd()


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or "it is no UTF-8 text"
