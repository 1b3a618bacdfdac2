"""`poetry.lock`, read with the `pyproject.toml` beside it, which says where its graph begins.

Source: Poetry's documentation of `[tool.poetry]`; the lock's own form, versions 1.1 to 2.1.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..errors import CannotResolve
from .base import Asked, Named, Requirement, canonical, holds, line_of, toml

KIND = "poetry.lock"


def reads(path: Path) -> bool:
    return path.name == KIND


def read(named: Named) -> Asked:
    """The locked packages that the project's own dependencies lead to on the target."""
    lock, text = toml(named)
    project = named.path.parent / "pyproject.toml"
    if not project.is_file():
        raise CannotResolve(
            f"{named.where}: beside {named.path.name} there is no pyproject.toml, which says what "
            "of it is needed"
        )
    document, _ = toml(replace(named, path=project))
    locked: dict[str, list[Mapping[str, Any]]] = {}
    for each in lock.get("package", ()):
        locked.setdefault(canonical(str(each["name"])), []).append(each)
    waiting = list(_roots(document, lock, named))
    chosen: dict[str, Mapping[str, Any]] = {}
    extras_of: dict[str, set[str]] = {}
    while waiting:
        name, extras = waiting.pop()
        new = extras - extras_of.get(name, set())
        if name in chosen and not new:
            continue
        chosen[name] = _one(locked, name, named)
        extras_of.setdefault(name, set()).update(extras)
        waiting += _needs(chosen[name], extras_of[name], named)
    lines = [_line(chosen[name], lock, text, named) for name in sorted(chosen)]
    return Asked(tuple(lines), files=(named.path, project), pinned=True)


def _roots(
    document: Mapping[str, Any], lock: Mapping[str, Any], named: Named
) -> Iterator[tuple[str, set[str]]]:
    """What the project itself asks for: (name, extras)."""
    poetry = document.get("tool", {}).get("poetry", {})
    project = document.get("project", {})
    if named.group:
        groups = poetry.get("group", {})
        if named.group in groups:
            yield from _table(groups[named.group].get("dependencies", {}), named)
            return
        raise CannotResolve(
            f"{named.where}: pyproject.toml has no group {named.group!r}; poetry's groups are "
            f"{', '.join(groups) or 'none'}"
        )
    yield from _table(poetry.get("dependencies", {}), named)
    texts = list(project.get("dependencies", ()))
    for extra in named.extras:
        if extra not in lock.get("extras", {}):
            raise CannotResolve(f"{named.where}: {named.path.name} has no extra {extra!r}")
        yield from ((canonical(each.partition(" ")[0]), set()) for each in lock["extras"][extra])
    yield from _written(texts, named)


def _written(texts: list[str], named: Named) -> Iterator[tuple[str, set[str]]]:
    from packaging.requirements import Requirement as Parsed

    for each in texts:
        parsed = Parsed(each)
        if holds(str(parsed.marker or ""), named.target):
            yield canonical(parsed.name), {canonical(e) for e in parsed.extras}


def _table(table: Mapping[str, Any], named: Named) -> Iterator[tuple[str, set[str]]]:
    """Poetry's own form: a version, a table, or several tables with markers."""
    for name, value in table.items():
        if canonical(name) == "python":
            continue
        for each in value if isinstance(value, list) else [value]:
            said = each if isinstance(each, Mapping) else {}
            if said.get("optional"):
                continue
            if holds(str(said.get("markers", "")), named.target) and _python(said, named):
                yield canonical(name), {canonical(e) for e in said.get("extras", ())}


def _python(said: Mapping[str, Any], named: Named) -> bool:
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    wanted = str(said.get("python", said.get("python-versions", "")))
    try:
        return SpecifierSet("" if wanted == "*" else wanted).contains(f"{named.target.python}.99")
    except InvalidSpecifier:  # a caret or "||": Poetry's own, which its markers say as well
        return True


def _needs(
    package: Mapping[str, Any], extras: set[str], named: Named
) -> Iterator[tuple[str, set[str]]]:
    needed = {
        name: value
        for name, value in package.get("dependencies", {}).items()
        if not (isinstance(value, Mapping) and value.get("optional"))
    }
    yield from _table(needed, named)
    for extra in extras:
        listed = {canonical(k): v for k, v in package.get("extras", {}).items()}.get(extra, ())
        for each in listed:
            yield canonical(each.partition(" ")[0].partition("[")[0]), set()


def _one(
    locked: Mapping[str, list[Mapping[str, Any]]], name: str, named: Named
) -> Mapping[str, Any]:
    """The entry of a package for the target: some have one a platform or Python."""
    fitting = [
        each
        for each in locked.get(name, ())
        if holds(_marker(each), named.target) and _python(each, named)
    ]
    if not fitting:
        raise CannotResolve(
            f"{named.where}: {named.path.name} has no {name} for Python {named.target.python}; run "
            "`poetry lock`"
        )
    return fitting[0]


def _marker(package: Mapping[str, Any]) -> str:
    said = package.get("markers", "")
    return str(said.get("main", "")) if isinstance(said, Mapping) else ""


def _line(
    package: Mapping[str, Any], lock: Mapping[str, Any], text: str, named: Named
) -> Requirement:
    name = str(package["name"])
    line = line_of(text, f'name = "{name}"')
    where = f"{named.path.name}:{line}"
    if package.get("source", {}).get("type") in ("git", "directory", "file", "url"):
        raise CannotResolve(
            f"{where}: {name} comes from {package['source'].get('url')}, which poetry's lock does "
            "not pin by hash; make a wheel of it and name that"
        )
    files = package.get("files") or lock.get("metadata", {}).get("files", {}).get(name, ())
    hashes = [str(each["hash"]) for each in files]
    sha = tuple(each.partition(":")[2] for each in hashes if each.startswith("sha256:"))
    return Requirement(f"{name}=={package['version']}", where, sha)
