"""Why requirements cannot be had, as one sentence with the line to blame and what to do.

Reads what `uv` says; the words of its own are kept where they name both sides of a conflict.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from .errors import CannotResolve, Tampered
from .requirements import Asked
from .requirements.base import canonical
from .target import Target
from .uv_calls import Said

_MISSING = re.compile(r"Because ([\w.-]+) was not found in the package registry")
_NO_VERSION = re.compile(
    r"there (?:is|are) no versions? of ([\w.-]+?)((?:\[[\w,-]+\])?[=<>!~][^\s]*) and"
)
_ONLY = re.compile(
    r"only ([\w.-]+?)(?:\[[\w,-]+\])?(?:<=?|==)(\S+) is available and you require "
    r"\1((?:\[[\w,-]+\])?[=<>!~][^\s]*?),"
)
_NO_WHEEL = re.compile(
    r"(?:all versions of )?([\w.-]+?)(?:[=<>!~{][^\s]*)? ha(?:s|ve) no (?:usable )?wheels"
)
_NOT_CACHED = re.compile(
    r"(?:Because|and) ([\w.-]+) was not found in the cache"
    r"|Failed to (?:download|fetch) `([\w.-]+)==.*wasn't found in the cache"
)
_TAIL = re.compile(r",? ?we can conclude that your requirements are unsatisfiable\.?")


def refusal(
    said: Said,
    asked: Asked,
    target: Target,
    function: str,
    newest: Callable[[str], str] = lambda name: "",
) -> CannotResolve:
    """The error for what uv said; `newest` is asked for a version that has a wheel."""
    cause = said.cause
    if said.disk_full:
        return CannotResolve(
            f"function {function}: the disk is full while its requirements are fetched; make room "
            "(`pelton cache clean` empties pelton's own cache, `uv cache clean` uv's)"
        )
    if said.unbuilt[0]:
        name, last = said.unbuilt
        return CannotResolve(
            f"{_where(name.partition('==')[0], asked, function)}: {name} has no wheel for "
            f"{target.says}, and its sources do not build into plain Python (no compiler is used, "
            f"since it would compile for this machine): {last}; ask for a version that has a "
            "wheel, or build its wheel with cibuildwheel and name that by its path"
        )
    if said.mismatch:
        return Tampered(
            f"function {function}: the file of {said.mismatch} is not the one that was locked: its "
            "hash is another; if its publisher changed it, run `pelton lock --upgrade "
            f"{said.mismatch.partition('==')[0]}`, else find out who did"
        )
    if found := _NOT_CACHED.search(cause):
        name = found[1] or found[2]
        return CannotResolve(
            f"{_where(name, asked, function)}: {name} is not in the cache and the network "
            "is not used (--offline); build once without --offline"
        )
    if said.no_network:
        return CannotResolve(
            f"function {function}: its requirements cannot be fetched: {_last(said)}; look at the "
            "network and the index, or build with --offline what was built here before"
        )
    return _unsatisfied(said, cause, asked, target, function, newest)


def _unsatisfied(
    said: Said, cause: str, asked: Asked, target: Target, function: str,
    newest: Callable[[str], str],
) -> CannotResolve:  # fmt: skip
    if found := _MISSING.search(cause):
        return CannotResolve(
            f"{_where(found[1], asked, function)}: there is no package {found[1]} on the index; "
            f"look at its name{_asked_by(cause, found[1])}"
        )
    if found := _NO_WHEEL.search(cause):
        where = _where(found[1], asked, function)
        return _no_wheel(found[1], where, said, target, newest(found[1]))
    if found := _NO_VERSION.search(cause):
        return CannotResolve(
            f"{_where(found[1], asked, function)}: there is no {found[1]}{found[2]} for "
            f"{target.says}; look which versions there are"
        )
    if found := _ONLY.search(cause):
        return CannotResolve(
            f"{_where(found[1], asked, function)}: there is no {found[1]}{found[3]} for "
            f"{target.says}; {found[2]} is the newest"
        )
    if "we can conclude" in cause:
        return _contradiction(cause, asked, function)
    return CannotResolve(f"function {function}: its requirements cannot be had: {cause}")


def _no_wheel(name: str, where: str, said: Said, target: Target, other: str) -> CannotResolve:
    """other: the newest version that has one; "" where none has"""
    advice = (
        f"{other} is the newest that has one; ask for it, or leave the version open"
        if other
        else "leave it out, ask its publisher for one, or name a wheel of your own by its path"
    )
    hint = f" ({said.hints.rstrip('.')})" if said.hints.startswith("Wheels are available") else ""
    return CannotResolve(
        f"{where}: {name}, as it is asked for, has no wheel for {target.says}{hint}; {advice}"
    )


def _contradiction(cause: str, asked: Asked, function: str) -> CannotResolve:
    sides = _TAIL.sub("", cause).strip().rstrip(".")
    places = sorted({e.where for e in asked.requirements if e.name and _names(e.name, cause)})
    return CannotResolve(
        f"{', '.join(places) or function}: the requirements contradict each other: {sides}; "
        "change one of the two"
    )


def _names(name: str, cause: str) -> bool:
    return re.search(rf"\b{re.escape(name)}\b", cause, re.IGNORECASE) is not None


def _where(name: str, asked: Asked, function: str) -> str:
    """The line that asks for a distribution; the function, when something else brings it in."""
    known = {each.name: each.where for each in reversed(asked.requirements)}
    return known.get(canonical(name), f"function {function}")


def _asked_by(cause: str, name: str) -> str:
    """Who needs it, where that is not the user."""
    found = re.search(rf"([\w.-]+)==(\S+) depends on {re.escape(name)}\b", cause)
    return f" ({found[1]} {found[2]} needs it)" if found else ""


def _last(said: Said) -> str:
    """The innermost cause of a failed request."""
    causes = re.findall(r"^\s*cause: (.*)$", said.told, re.MULTILINE)
    return causes[-1].strip() if causes else said.cause
