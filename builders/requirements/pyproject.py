"""`pyproject.toml`: the project's dependencies, its extras and its dependency groups.

Sources: the "pyproject.toml specification" and PEP 735.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ..errors import CannotResolve
from .base import Asked, Named, Requirement, canonical, line_of, path_requirement, toml

KIND = "pyproject.toml"


def reads(path: Path) -> bool:
    return path.name == KIND or (path.suffix == ".toml" and not path.name.startswith("pylock"))


def read(named: Named) -> Asked:
    """`[project]` dependencies, with those of the extras; with a group, that group's alone."""
    document, text = toml(named)
    if named.group:
        texts = list(_group(document, named, named.group, ()))
    else:
        _check_python(document, text, named)
        texts = list(_project(document, named))
    sources = document.get("tool", {}).get("uv", {}).get("sources", {})
    found = [_requirement(each, text, named, sources) for each in texts]
    return Asked(tuple(dict.fromkeys(found)), files=(named.path,))


def _project(document: Mapping[str, Any], named: Named) -> Iterator[str]:
    project = document.get("project")
    place = named.path.name
    if project is None:
        other = "poetry" in document.get("tool", {})
        advice = "name poetry.lock" if other else "add one, or name a requirements file"
        raise CannotResolve(f"{named.where}: {place} has no [project] table; {advice}")
    if "dependencies" in project.get("dynamic", ()):
        raise CannotResolve(
            f"{named.where}: {place} leaves its dependencies to the build backend (dynamic); name "
            "the file that the backend reads"
        )
    yield from project.get("dependencies", ())
    for extra in named.extras:
        yield from _extra(project, named, extra, ())


def _extra(
    project: Mapping[str, Any], named: Named, extra: str, inside: tuple[str, ...]
) -> Iterator[str]:
    """An extra's dependencies; one that names the project itself stands for its other extras."""
    from packaging.requirements import InvalidRequirement
    from packaging.requirements import Requirement as Parsed

    extras = {canonical(k): v for k, v in project.get("optional-dependencies", {}).items()}
    key = canonical(extra)
    if key not in extras:
        known = ", ".join(extras) or "none"
        raise CannotResolve(
            f"{named.where}: {named.path.name} has no extra {extra!r}; its extras are {known}"
        )
    if key in inside:
        return
    for each in extras[key]:
        try:
            parsed = Parsed(each)
        except InvalidRequirement:
            yield each  # said with its line by whoever reads it
            continue
        if canonical(parsed.name) == canonical(str(project.get("name", ""))):
            for other in sorted(parsed.extras):
                yield from _extra(project, named, other, (*inside, key))
        else:
            yield each


def _group(
    document: Mapping[str, Any], named: Named, group: str, inside: tuple[str, ...]
) -> Iterator[str]:
    groups = {canonical(k): v for k, v in document.get("dependency-groups", {}).items()}
    key = canonical(group)
    if key in inside:
        way = " > ".join((*inside, key))
        raise CannotResolve(
            f"{named.path.name}: the dependency group {key!r} includes itself: {way}"
        )
    if key not in groups:
        known = ", ".join(groups) or "none"
        raise CannotResolve(
            f"{named.where}: {named.path.name} has no dependency group {group!r}; its groups are "
            f"{known}"
        )
    for each in groups[key]:
        if isinstance(each, Mapping):
            yield from _group(document, named, str(each.get("include-group")), (*inside, key))
        else:
            yield each


def _check_python(document: Mapping[str, Any], text: str, named: Named) -> None:
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    wanted = str(document.get("project", {}).get("requires-python", ""))
    place = f"{named.path.name}:{line_of(text, 'requires-python')}"
    try:
        fits = SpecifierSet(wanted).contains(f"{named.target.python}.99") or SpecifierSet(
            wanted
        ).contains(f"{named.target.python}.0")
    except InvalidSpecifier:
        raise CannotResolve(f"{place}: requires-python = {wanted!r} cannot be read") from None
    if not fits:
        raise CannotResolve(
            f"{place}: the project requires Python {wanted}, and {named.where} runs on "
            f"{named.target.python}; change one of the two"
        )


def _requirement(written: str, text: str, named: Named, sources: Mapping[str, Any]) -> Requirement:
    from ...handlers.checks import requirement
    from ...handlers.errors import WrongUse

    where = f"{named.path.name}:{line_of(text, written)}"
    try:
        requirement(written)
    except WrongUse as error:
        raise CannotResolve(f"{where}: {error}") from None
    made = Requirement(written, where)
    source = {canonical(k): v for k, v in sources.items()}.get(made.name)
    if source is None or (isinstance(source, Mapping) and "index" in source):
        return made
    if isinstance(source, Mapping) and "path" in source and not source.get("editable"):
        return path_requirement(str(source["path"]), named.path.parent, where)
    raise CannotResolve(
        f"{where}: [tool.uv.sources] takes {made.name} from {source!r}, which cannot be packed "
        "from here; name uv.lock, or give it a path to a wheel or a project that is not editable"
    )
