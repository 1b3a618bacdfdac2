"""Which requirement brought which distribution in: read from the metadata of what is installed.

Source: the core metadata's Requires-Dist and Provides-Extra, PEP 508's markers evaluated for the
target and not for this machine.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from .target import Target
from .trim import normal

_HEAD_ENDS = re.compile(r"\r?\n\r?\n")


@dataclass(frozen=True, slots=True)
class Distribution:
    """One installed distribution.  `key` is its name as all spellings have it; `needs`: (key,
    extras asked for, the extra of this one that asks or "") of what its metadata requires;
    expression: whether `licence` is an SPDX expression."""

    key: str
    name: str
    version: str
    needs: tuple[tuple[str, frozenset[str], str], ...] = ()
    licence: str = ""
    expression: bool = False
    summary: str = ""


@dataclass(frozen=True, slots=True)
class Requirers:
    """installed: by key; chains: the shortest way from a requirement to each, both ends included;
    alone: by requirement, the keys that nothing else brings."""

    installed: Mapping[str, Distribution] = field(default_factory=dict)
    chains: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    alone: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def environment(target: Target) -> dict[str, str]:
    """The markers' names on the target.

    >>> environment(Target("lambda", "3.12"))["python_version"]
    '3.12'
    """
    machine = {"arm64": "aarch64"}.get(target.architecture, target.architecture)
    return {
        "python_version": target.python,
        "python_full_version": f"{target.python}.0",
        "os_name": "posix",
        "sys_platform": "linux",
        "platform_system": "Linux",
        "platform_machine": machine,
        "platform_release": "",
        "platform_version": "",
        "platform_python_implementation": "CPython",
        "implementation_name": "cpython",
        "implementation_version": f"{target.python}.0",
    }


def read_metadata(texts: Iterable[str], target: Target) -> dict[str, Distribution]:
    """The distributions with those METADATA files, by key, in the order of their names."""
    found = {}
    for text in texts:
        # A description follows the fields, often longer than all else in it.
        made = parse_metadata(_HEAD_ENDS.split(text, 1)[0], environment(target))
        found[made.key] = made
    return dict(sorted(found.items()))


def parse_metadata(text: str, markers: Mapping[str, str]) -> Distribution:
    """One METADATA file.

    >>> found = parse_metadata("Name: Foo\\nVersion: 1\\nRequires-Dist: bar; extra == 'b'\\n", {})
    >>> found.key, found.needs
    ('foo', (('bar', frozenset(), 'b'),))
    """
    from email.parser import HeaderParser

    from packaging.requirements import InvalidRequirement, Requirement

    head = HeaderParser().parsestr(text)
    extras = [normal(each) for each in head.get_all("Provides-Extra", [])]
    needs = []
    for line in head.get_all("Requires-Dist", []):
        try:
            wanted = Requirement(line)
        except InvalidRequirement:
            continue  # old metadata: what it means was resolved by the resolver already
        key, asked = normal(wanted.name), frozenset(map(normal, wanted.extras))
        if wanted.marker is None or wanted.marker.evaluate({**markers, "extra": ""}):
            needs.append((key, asked, ""))
            continue
        known = extras or [_extra(line)]
        needs += [
            (key, asked, extra)
            for extra in known
            if extra and wanted.marker.evaluate({**markers, "extra": extra})
        ]
    name = head.get("Name", "")
    expression = head.get("License-Expression", "")
    licence = (
        expression or _licence(head.get_all("Classifier", [])) or _short(head.get("License", ""))
    )
    return Distribution(
        normal(name),
        name,
        head.get("Version", ""),
        tuple(needs),
        licence,
        bool(expression),
        head.get("Summary", ""),
    )


def _extra(line: str) -> str:
    """The extra that a requirement's marker names, where the metadata lists none."""
    _, _, after = line.partition("extra ==")
    return normal(after.strip().strip("'\" )").partition("'")[0].partition('"')[0])


def _licence(classifiers: Iterable[str]) -> str:
    said = [each.rpartition(" :: ")[2] for each in classifiers if each.startswith("License :: ")]
    return " OR ".join(each for each in said if each != "OSI Approved")


def _short(licence: str) -> str:
    """A licence's name; some distributions put its whole text there."""
    first = licence.strip().partition("\n")[0]
    return first if len(first) <= 80 and licence.strip() == first else ""


def find_requirers(requirements: Sequence[str], installed: Mapping[str, Distribution]) -> Requirers:
    """Follow the requirements through the metadata."""
    chains = _chains(requirements, installed)
    alone = {}
    for requirement in requirements:
        others = [each for each in requirements if each is not requirement]
        without = _chains(others, installed)
        alone[requirement] = tuple(key for key in chains if key not in without)
    return Requirers(installed, chains, alone)


def _chains(
    requirements: Iterable[str], installed: Mapping[str, Distribution]
) -> dict[str, tuple[str, ...]]:
    """The shortest chain to each, breadth first; a distribution is looked at again when more of
    its extras are asked for."""
    from packaging.requirements import InvalidRequirement, Requirement

    chains: dict[str, tuple[str, ...]] = {}
    asked: dict[str, frozenset[str]] = {}
    waiting: list[tuple[str, frozenset[str], tuple[str, ...]]] = []
    for text in requirements:
        try:
            wanted = Requirement(text)
        except InvalidRequirement:
            continue
        waiting.append((normal(wanted.name), frozenset(map(normal, wanted.extras)), ()))
    while waiting:
        key, extras, before = waiting.pop(0)
        if key not in installed or (key in chains and extras <= asked[key]):
            continue
        chain = chains.setdefault(key, (*before, key))
        asked[key] = asked.get(key, frozenset()) | extras
        for needed, more, extra in installed[key].needs:
            if not extra or extra in asked[key]:
                waiting.append((needed, more, chain))
    return chains
