"""Requirements files as pip reads them, also those that pip-compile and `uv pip compile` write.

Source: pip's documentation, "Requirements File Format".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from ..errors import CannotResolve
from .base import Asked, Named, Requirement, joined, path_requirement

KIND = "requirements file"
# Lines that say where an index is; they are handed on as they are.
INDEXES = ("-i", "--index-url", "--extra-index-url", "-f", "--find-links", "--no-index")
# True of every artifact, so nothing is left to do about them.
IMPLIED = ("--require-hashes", "--prefer-binary", "--only-binary")
_COMMENT = re.compile(r"(^|\s)#.*$")
_HASH = re.compile(r"\s--hash[=\s]+sha256:([0-9a-fA-F]{64})")
_EDITABLE = ("-e", "--editable")


def reads(path: Path) -> bool:
    """Whether it is one: what no other kind reads is."""
    return True


def read(named: Named) -> Asked:
    """The requirements of a file and of those that it names."""
    named.refuse_parts()
    if named.path in named.seen:
        raise CannotResolve(f"{named.where}: {named.path.name} names itself, by -r or -c")
    return read_text(named.path.read_text(encoding="utf-8-sig"), named)


def read_text(text: str, named: Named) -> Asked:
    """The same of a text that stands for the file."""
    parts = [Asked(files=(named.path,))]
    parts += [_line(line, number, named) for number, line in logical_lines(text)]
    found = joined(parts)
    return replace(found, pinned=_is_pinned(found))


def logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """(number, line), without comments, with continued lines in one.

    >>> list(logical_lines("a==1 \\\\\\n  --hash=x # why\\n\\n# no\\nb"))
    [(1, 'a==1 --hash=x'), (5, 'b')]
    """
    waiting: list[str] = []
    start = 0
    for number, raw in enumerate(text.splitlines(), 1):
        start = start if waiting else number
        line = _COMMENT.sub("", raw).strip()
        if line.endswith("\\"):
            waiting.append(line[:-1].strip())
            continue
        whole = " ".join(filter(None, (*waiting, line)))
        waiting = []
        if whole:
            yield start, whole
    if waiting:
        yield start, " ".join(filter(None, waiting))


def _line(line: str, number: int, named: Named) -> Asked:
    where = f"{named.path.name}:{number}"
    if not line.startswith("-"):
        return Asked((_requirement(line, where, named),))
    option, _, value = line.partition("=") if line.startswith("--") and "=" in line else (
        line.partition(" ")
    )  # fmt: skip
    option, value = option.strip(), value.strip()
    if option in ("-r", "--requirement", "-c", "--constraint"):
        return _nested(option, value, where, named)
    if option in _EDITABLE:
        raise CannotResolve(
            f"{where}: an editable install points to files of this machine; write {value!r} "
            f"without {option}"
        )
    if option.partition(" ")[0] in INDEXES:
        return Asked(options=(_absolute(option, value, named),))
    if option == "--pre":
        return Asked(options=("--pre",))
    if option in IMPLIED:
        return Asked()
    raise CannotResolve(
        f"{where}: the option {option} has no meaning for an artifact; take the line out, or give "
        "pelton a file without it"
    )


def _absolute(option: str, value: str, named: Named) -> str:
    """Folders of wheels are named relative to the file."""
    if option in ("-f", "--find-links") and "://" not in value:
        value = str((named.path.parent / value).resolve())
    return f"{option} {value}".strip()


def _nested(option: str, value: str, where: str, named: Named) -> Asked:
    from . import read as read_any

    inner = Named.of(value, named.path.parent, named.target, where)
    found = read_any(replace(inner, seen=named.seen | {named.path}))
    return found.as_constraints() if option in ("-c", "--constraint") else found


def _requirement(line: str, where: str, named: Named) -> Requirement:
    from ...handlers.checks import is_path, requirement
    from ...handlers.errors import WrongUse

    hashes = tuple(each.lower() for each in _HASH.findall(line))
    text = _HASH.sub("", line).strip()
    if " --" in text:
        option = text.partition(" --")[2].partition("=")[0]
        raise CannotResolve(
            f"{where}: the option --{option} of a requirement is not known here; only "
            "--hash=sha256:… is"
        )
    if is_path(text):
        made = path_requirement(text, named.path.parent, where)
        return replace(made, hashes=hashes)
    try:
        requirement(text)
    except WrongUse as error:
        raise CannotResolve(f"{where}: {error}") from None
    return Requirement(text, where, hashes)


def _is_pinned(found: Asked) -> bool:
    """Every line has hashes: pip then takes nothing that is not in the file, and so do we."""
    return bool(found.requirements) and all(each.hashes for each in found.requirements)
