"""`pylock.toml`: the lock file that several tools write.  Source: PEP 751."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import CannotResolve
from .base import Asked, Named, Requirement, canonical, holds, line_of, path_requirement, toml

KIND = "pylock.toml"


def reads(path: Path) -> bool:
    return re.fullmatch(r"pylock(\.[^.]+)?\.toml", path.name) is not None


def read(named: Named) -> Asked:
    """The packages that the lock has for the target, with the hashes of their files."""
    document, text = toml(named)
    if str(document.get("lock-version", "")).partition(".")[0] != "1":
        raise CannotResolve(
            f"{named.path.name}:1: lock-version {document.get('lock-version')!r} is not 1.x, which "
            "pelton reads"
        )
    groups = [named.group] if named.group else list(document.get("default-groups", ()))
    more = {
        "extras": frozenset(map(canonical, named.extras)),
        "dependency_groups": frozenset(groups),
    }
    lines = [
        _package(each, text, named)
        for each in document.get("packages", ())
        if holds(str(each.get("marker", "")), named.target, **more)
    ]
    return Asked(tuple(lines), files=(named.path,), pinned=True)


def _package(package: Mapping[str, Any], text: str, named: Named) -> Requirement:
    name = str(package.get("name", ""))
    line = line_of(text, f'name = "{name}"')
    where = f"{named.path.name}:{line}"
    if held := package.get("archive"):
        if "path" in held:
            return path_requirement(str(held["path"]), named.path.parent, where)
        return Requirement(f"{name} @ {held['url']}", where, _hashes([held]))
    if "directory" in package and not package["directory"].get("editable"):
        return path_requirement(f"./{package['directory']['path']}", named.path.parent, where)
    if "version" not in package or "vcs" in package:
        raise CannotResolve(
            f"{where}: {name} comes from version control or an editable folder, which is not the "
            "same twice; make a wheel of it and name that"
        )
    files = [*package.get("wheels", ()), *([package["sdist"]] if "sdist" in package else ())]
    return Requirement(f"{name}=={package['version']}", where, _hashes(files))


def _hashes(files: list[Mapping[str, Any]]) -> tuple[str, ...]:
    return tuple(h for each in files if (h := each.get("hashes", {}).get("sha256")))
