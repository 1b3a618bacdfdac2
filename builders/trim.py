"""What of the installed requirements is left out of an artifact, by which rule, and how much.

Decides only, from places and, where a rule could be wrong, from the sources themselves: a folder of
tests that any other module imports stays, and so do the stubs of a package that reads them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from .errors import BuildError
from .trim_rules import EXCEPTIONS, NAMES, RULES, is_test_file

_IMPORTS = re.compile(
    rb"^[ \t]*(?:from[ \t]+\S+[ \t]+import[ \t]*\([^)]*\)|(?:from|import)[ \t][^\n#]*)",
    re.MULTILINE,
)
_TESTS = re.compile(rb"tests?\b")  # without a \b before it, which would be ten times as slow
_READS_STUBS = re.compile(rb"\battach_stub\b")
Read = Callable[[str], bytes]


@dataclass(frozen=True, slots=True)
class Choice:
    """Which rules are on, and for which distributions one of them is off.

    >>> choose(["no-tests:pandas", "locales"]).rules[0]
    'tests'
    """

    rules: tuple[str, ...]
    spared: frozenset[tuple[str, str]] = frozenset()


@dataclass(frozen=True, slots=True)
class Trimmed:
    """left_out: rule by place; spared: (rule, distribution): why it was left alone; possible:
    rule by place of what a rule that is off would leave out."""

    left_out: Mapping[str, str] = field(default_factory=dict)
    spared: Mapping[tuple[str, str], str] = field(default_factory=dict)
    possible: Mapping[str, str] = field(default_factory=dict)


def choose(words: Iterable[str]) -> Choice:
    """Rules by words: "locales" switches one on, "no-tests" one off, "no-tests:pandas" for one
    distribution, "none" all off.  Later words count more.  Raises `BuildError` for other words.

    >>> choose(["none", "stubs"]).rules
    ('stubs',)
    >>> choose(["test"])  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    pelton.builders.errors.BuildError: trim='test' is no rule; there are tests, pyc, stubs, ...
    """
    on = {each.name for each in RULES if each.usual}
    spared = set()
    for word in words:
        name, _, distribution = word.removeprefix("no-").partition(":")
        if word == "none":
            on.clear()
        elif name not in NAMES or (distribution and not word.startswith("no-")):
            raise BuildError(
                f"trim={word!r} is no rule; there are {', '.join(NAMES)}; "
                '"no-tests" switches one off, "none" all of them'
            )
        elif distribution:
            spared.add((name, normal(distribution)))
        elif word.startswith("no-"):
            on.discard(name)
        else:
            on.add(name)
    return Choice(tuple(each for each in NAMES if each in on), frozenset(spared))


def normal(distribution: str) -> str:
    """A distribution's name as all its spellings have it.  Source: PEP 503.

    >>> normal("Foo.Bar_baz 1.0".partition(" ")[0])
    'foo-bar-baz'
    """
    return re.sub(r"[-_.]+", "-", distribution).lower()


def trim(places: Sequence[str], owner: Mapping[str, str], read: Read, choice: Choice) -> Trimmed:
    """What of the files at `places` is left out.

    owner: distribution and version by place; read: a file's content, asked of as few as possible
    """
    left_out: dict[str, str] = {}
    possible: dict[str, str] = {}
    spared: dict[tuple[str, str], str] = {}
    kept_tests = _needed_tests(places, owner, read)
    reads_stubs = _stub_readers(places, owner, read)
    for place in places:
        if ".dist-info/" in place:
            continue
        name = normal(owner.get(place, "").partition(" ")[0])
        for rule in RULES:
            if not rule.takes(place):
                continue
            why = EXCEPTIONS.get((rule.name, name), "")
            if (rule.name, name) in choice.spared:
                why = "trim= says so"
            elif rule.name == "tests" and not why:
                why = kept_tests.get(_test_folder(place), "")
            elif rule.name == "stubs" and name in reads_stubs:
                why = "it reads its stubs when it is imported"
            if why:
                spared[rule.name, name] = why
            elif rule.name in choice.rules:
                left_out[place] = rule.name
                break
            else:
                possible.setdefault(place, rule.name)
    possible = {place: rule for place, rule in possible.items() if place not in left_out}
    return Trimmed(left_out, spared, possible)


def _test_folder(place: str) -> str:
    """The outermost folder of tests that a place is in, "" for none.

    >>> _test_folder("numpy/core/tests/data/x.csv"), _test_folder("numpy/testing/a.py")
    ('numpy/core/tests', '')
    """
    folders = place.split("/")[:-1]
    for depth, folder in enumerate(folders, 1):
        if folder in ("tests", "test"):
            return "/".join(folders[:depth])
    return ""


def _needed_tests(places: Iterable[str], owner: Mapping[str, str], read: Read) -> dict[str, str]:
    """Folders called tests that are none, or that a module outside imports, and why they stay."""
    folders: dict[str, list[str]] = {}
    outside = []
    for place in places:
        if folder := _test_folder(place):
            folders.setdefault(folder, []).append(place)
        elif place.endswith(".py"):
            outside.append(place)
    kept = {
        folder: "it holds no file that a test runner would take for a test"
        for folder, within in folders.items()
        if any(each.endswith(".py") and not each.endswith("/__init__.py") for each in within)
        and not any(is_test_file(each.rpartition("/")[2]) for each in within)
    }
    if len(kept) < len(folders):
        for place in outside:
            for module in _imported_tests(place, read(place)):
                if (folder := module.replace(".", "/")) in folders:
                    kept.setdefault(folder, f"{place} imports it")
    return kept


def _imported_tests(place: str, source: bytes) -> Iterable[str]:
    """Modules up to their part called tests, as the import statements of a source name them."""
    if not _TESTS.search(source):
        return
    package = place.split("/")[:-1]
    for line in _IMPORTS.findall(source):
        if b"test" not in line:
            continue
        words = line.decode(errors="replace").split()
        names = [words[1].rstrip(",")]
        if words[0] == "from":
            dots = len(names[0]) - len(names[0].lstrip("."))
            base = package[: len(package) - dots + 1] if dots else []
            names = [".".join([*base, *filter(None, [names[0].lstrip(".")])])]
            names += [f"{names[0]}.{each.strip('(),')}" for each in words[3:]]
        else:
            names += [each.rstrip(",") for each in words[2:]]
        for name in names:
            parts = name.split(".")
            for depth, part in enumerate(parts, 1):
                if part in ("tests", "test"):
                    yield ".".join(parts[:depth])
                    break


def _stub_readers(places: Iterable[str], owner: Mapping[str, str], read: Read) -> set[str]:
    """Distributions whose packages find their names in stubs (lazy_loader's attach_stub)."""
    stubs = {owner.get(each, "") for each in places if each.endswith(".pyi")}
    found = set()
    for place in places:
        if place.endswith("/__init__.py") and owner.get(place, "") in stubs:
            name = normal(owner.get(place, "").partition(" ")[0])
            if name not in found and _READS_STUBS.search(read(place)):
                found.add(name)
    return found
