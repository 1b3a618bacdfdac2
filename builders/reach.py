"""Which modules a start can reach, by the import statements in them: those are worth bytecode.

Read by text, so that every Python that builds finds the same, and thousands of files take a moment.
Where text cannot tell, more is taken rather than less; what this is wrong about is compiled at its
import, as it is without bytecode, and nothing else differs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from hashlib import blake2b

_IMPORT = re.compile(
    rb"^([ \t]*)(?:from[ \t]+(\.*)[ \t]*([\w.]*)[ \t]+import[ \t]*(\([^)]*\)|[^\n#;]*)"
    rb"|import[ \t]+([^\n#;]*))",
    re.MULTILINE,
)
_COMMENT = re.compile(rb"#[^\n]*")
_NAME = re.compile(rb"\w+(?:\.\w+)*")
# By these a module imports what its strings name: at once, or when it is asked for a name.
_BY_NAME = re.compile(rb"def __getattr__\(|\bimport_module\(|\b__import__\(")
_QUOTED = re.compile(rb"""["'](\.{0,2})([A-Za-z_][\w.]*)["']""")
_CHECKING = re.compile(rb"if\b[^\n]*TYPE_CHECKING")
Read = Callable[[str], bytes]
Modules = Mapping[str, Collection[str]]


def reached(
    places: Collection[str],
    begin: Iterable[str],
    read: Read,
    behind: Callable[[str], Iterable[str]] = lambda place: (),
) -> set[str]:
    """The `.py` among `places` that those of `begin` reach, themselves included.

    read: a module's source; behind: the places that a native module may import, which nobody can
    read

    Of the modules to begin with every statement counts, wherever it stands; of others those that
    run when they are imported.

    >>> files = {"app.py": b"def f():\\n    import a.b", "a/__init__.py": b"",
    ...          "a/b.py": b"import c", "c.py": b"def g():\\n    import d", "d.py": b""}
    >>> sorted(reached(files, ["app.py"], files.__getitem__))
    ['a/__init__.py', 'a/b.py', 'app.py', 'c.py']
    """
    modules = _modules(places)
    found: set[str] = set()
    named: set[str] = set()
    waiting = [(each, True) for each in begin if each.endswith(".py")]
    while waiting:
        place, every = waiting.pop()
        if place in found:
            continue
        found.add(place)
        if place.endswith(".py"):
            names = set(_imports(read(place), place.rpartition("/")[0], every, modules)) - named
            named |= names
            waiting += [(each, False) for name in names for each in _within(name, modules)]
        else:
            waiting += [(each, False) for each in behind(place)]
    return {each for each in found if each.endswith(".py")}


def _modules(places: Iterable[str]) -> dict[str, list[str]]:
    """The places of every module, by its name: beside a native one may lie the source that it was
    compiled from, which says what it imports."""
    found: dict[str, list[str]] = {}
    for place in places:
        folder, _, name = place.rpartition("/")
        if name.endswith((".py", ".so")):
            stem = name.partition(".")[0]
            parts = [folder.replace("/", "."), "" if stem == "__init__" else stem]
            found.setdefault(".".join(filter(None, parts)), []).append(place)
    return found


def _within(name: str, modules: Modules) -> Iterator[str]:
    """A module and the packages that it is in, as far as they are there."""
    parts = name.split(".")
    for depth in range(1, len(parts) + 1):
        yield from modules.get(".".join(parts[:depth]), ())


# What sources of this process have said: functions of an app share most of theirs.
_SAID: dict[tuple[bytes, str, bool], tuple[tuple[str, ...], tuple[str, ...]]] = {}


def _imports(source: bytes, folder: str, every: bool, modules: Modules) -> Iterator[str]:
    """The names that a source imports, whether there are such modules or not."""
    key = (blake2b(source, digest_size=16).digest(), folder, every)
    if key not in _SAID:
        _SAID[key] = _said(source, folder.split("/") if folder else [], every)
    stated, quoted = _SAID[key]
    yield from stated
    yield from (each for each in quoted if each in modules)


def _said(
    source: bytes, package: list[str], every: bool
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What import statements name, and what strings may name where it imports by name."""
    source = source.replace(b"\r\n", b"\n").replace(b"\\\n", b"  ")
    lazy = any(_by_name(source, found, every) for found in _BY_NAME.finditer(source))
    quoted = _quoted(source, package) if lazy else ()
    return tuple(_stated(source, package, every, lazy)), tuple(quoted)


def _stated(source: bytes, package: list[str], every: bool, lazy: bool) -> Iterator[str]:
    for found in _IMPORT.finditer(source):
        indent, dots, module, names, plain = found.groups()
        if indent and not _runs(source, found.start(), every, lazy):
            continue
        if plain is not None:
            yield from (
                each.split()[0].decode("utf-8", "replace")
                for each in plain.split(b",")
                if each.strip()
            )
            continue
        base = ".".join([*_base(package, len(dots)), *filter(None, [module.decode()])])
        yield base
        for each in _COMMENT.sub(b"", names).strip(b"()").split(b","):
            if name := _NAME.match(each.strip()):
                yield f"{base}.{name[0].decode()}"


def _quoted(source: bytes, package: list[str]) -> Iterator[str]:
    for found in _QUOTED.finditer(source):
        said = found[2].decode()
        yield ".".join([*_base(package, max(1, len(found[1]))), said])
        yield said


def _base(package: list[str], dots: int) -> list[str]:
    return package[: len(package) - dots + 1] if dots else []


def _by_name(source: bytes, found: re.Match[bytes], every: bool) -> bool:
    """Whether what is found imports by name when its module is imported or asked for a name."""
    start = source.rfind(b"\n", 0, found.start()) + 1
    if found[0].startswith(b"def"):
        return start == found.start()
    return not source[start : start + 1].isspace() or _runs(source, start, every, False)


def _runs(source: bytes, start: int, every: bool, lazy: bool) -> bool:
    """Whether an indented line at `start` runs when its module is imported: it is in no function,
    and not for type checkers alone.  With `every` a function is as good; a lazy module gives what
    it names for type checkers when it is asked for."""
    indent = _depth(source[start : start + 200])
    while indent and start > 0:
        end, start = start - 1, source.rfind(b"\n", 0, start - 1) + 1
        line = source[start:end].rstrip()
        depth = _depth(line)
        if not line or depth >= indent or line[depth] in b"#)]}":
            if line and line[depth] in b")]}" and depth < indent:
                indent = depth + 1  # of a header over several lines its first one tells
            continue
        indent, words = depth, line[depth:]
        if words.startswith((b"def ", b"async def ")) and not every:
            return False
        if _CHECKING.match(words) and not lazy:
            return False
    return True


def _depth(line: bytes) -> int:
    return len(line) - len(line.lstrip(b" \t"))
