"""`uv.lock`, through uv's own export: with hashes, for all platforms, the markers left to read."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ..errors import CannotResolve
from ..uv_calls import run_uv
from . import file
from .base import Asked, Named, at

KIND = "uv.lock"


def reads(path: Path) -> bool:
    return path.name == KIND


def read(named: Named) -> Asked:
    """What the lock holds of the project's dependencies, of extras, or of a group alone.

    The project itself and its editable members are folders beside the app, and are built as such.
    """
    project = named.path.parent / "pyproject.toml"
    if not project.is_file():
        raise CannotResolve(
            f"{named.where}: beside {named.path.name} there is no pyproject.toml, without which uv "
            "cannot read it"
        )
    parts = ["--only-group", named.group] if named.group else ["--no-dev"]
    parts += [word for extra in named.extras for word in ("--extra", extra)]
    done = run_uv(
        ["export", "--frozen", "--format", "requirements.txt", "--no-header", "--no-annotate",
         "--no-emit-project", "--no-editable", "--no-python-downloads", "--offline", *parts],
        cwd=named.path.parent,
    )  # fmt: skip
    if done.code:
        raise CannotResolve(
            f"{named.where}: uv cannot read {named.path.name}: {done.cause}; run `uv lock` and "
            "look at what it says"
        )
    found = file.read_text(done.out, replace(named, extras=(), group=""))
    lines = tuple(at(each, f"{KIND} ({each.name or each.text})") for each in found.requirements)
    pinned = all(each.hashes or each.path for each in lines)
    return Asked(lines, files=(named.path, project), pinned=pinned)
