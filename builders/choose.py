"""Requirements become exact files for one target: `uv` decides on versions, we on wheels.

`uv` knows some C libraries only.  For one between two of those (Lambda's python3.11 has glibc 2.26)
the older is asked for first; where that has no answer the newer is, and versions whose wheels turn
out too new are ruled out one by one.
"""

from __future__ import annotations

import sys
import tempfile
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from .built import Local
from .errors import CannotResolve, Tampered
from .explain import refusal
from .interpreters import interpreter
from .lockfile import Package
from .requirements import Asked
from .requirements.base import canonical
from .tags import rank
from .target import Target
from .uv_calls import Said, run_uv

ROUNDS = 40


@dataclass(frozen=True, slots=True)
class Choice:
    """What is to be chosen from, and where.

    local: the wheels of paths, by name; preferences: the version that a distribution keeps where
    it may; root: the folder that uv runs in; links: folders with wheels
    """

    asked: Asked
    target: Target
    root: Path
    function: str
    local: Mapping[str, Local]
    preferences: Mapping[str, str]
    links: Sequence[Path] = ()
    offline: bool = False


def choose(choice: Choice) -> tuple[Package, ...]:
    """Every distribution with its version and file, by name.

    Raises `CannotResolve` with the requirement to blame and what to do.
    """
    target = choice.target
    places = dict.fromkeys((target.uv_platform, target.next_uv_platform))
    said = Said(0, "", "")
    for place in places:
        found = _try(choice, place)
        if not isinstance(found, Said):
            return found
        said = said if said.code else found
        if found.no_network or found.disk_full:
            break
    raise refusal(said, choice.asked, target, choice.function, newest=lambda n: newest(choice, n))


def _try(choice: Choice, place: str) -> tuple[Package, ...] | Said:
    """The files for one of uv's platforms, or what it says instead."""
    bounds: list[str] = []
    sources: list[str] = []
    for _ in range(ROUNDS):
        said, packages = _compile(choice, place, bounds, sources)
        if said.code:
            more = [
                each
                for each in said.without_wheels
                if each not in sources and not newest(choice, each)
            ]
            if not more:
                return said
            sources += more
            continue
        chosen = {str(each["name"]): _file(each, choice) for each in packages}
        new = [each for each in packages if chosen[str(each["name"])] is None]
        if not new:
            return tuple(each for _, each in sorted(chosen.items()) if each is not None)
        bounds += [f"{each['name']}!={each['version']}" for each in new]
    names = ", ".join(sorted({each.partition("!=")[0] for each in bounds}))
    raise CannotResolve(
        f"function {choice.function}: the wheels of {names} need a newer C library than glibc "
        f"{'.'.join(map(str, choice.target.glibc))}, in {ROUNDS} versions; ask for an older "
        "version, or a newer runtime"
    )


def _compile(
    choice: Choice, place: str, bounds: Sequence[str], sources: Sequence[str]
) -> tuple[Said, list[Mapping[str, Any]]]:
    with tempfile.TemporaryDirectory(prefix="pelton-resolve-") as name:
        folder = Path(name)
        out = folder / "pylock.toml"
        if choice.preferences:
            out.write_text(_seed(choice.preferences))
        (folder / "asked.in").write_text(input_text(choice.asked, choice.local))
        limits = [each.text for each in choice.asked.constraints] + list(bounds)
        (folder / "limits.in").write_text("\n".join(limits))
        words = [
            "pip", "compile", str(folder / "asked.in"), "--constraint", str(folder / "limits.in"),
            "--format", "pylock.toml", "--output-file", str(out), "--no-header",
            *(["--no-deps"] if choice.asked.pinned else []),
            *common(choice, place, sources),
        ]  # fmt: skip
        said = run_uv(words, cwd=choice.root)
        document = {} if said.code else tomllib.loads(out.read_text())
    return said, list(document.get("packages", ()))


def compiled(choice: Choice, place: str) -> list[Mapping[str, Any]]:
    """What the index has of each distribution that is asked for; nothing where that fails."""
    return _compile(choice, place, (), ())[1]


def common(choice: Choice, place: str, sources: Sequence[str]) -> list[str]:
    """The words that resolving and installing share: where it will run, and where files are."""
    python = interpreter(choice.target.python) or sys.executable
    words = ["--python", python, "--no-python-downloads", "--only-binary", ":all:"]
    words += ["--python-version", choice.target.python, "--python-platform", place]
    for each in sources:
        words += ["--no-binary", each]
    for folder in choice.links:
        words += ["--find-links", str(folder)]
    words += ["--offline"] if choice.offline else []
    return words + (["--prerelease", "allow"] if "--pre" in choice.asked.options else [])


def input_text(asked: Asked, local: Mapping[str, Local]) -> str:
    """What was asked for, as a requirements file for uv; paths as the wheels that they became."""
    lines = [each for each in asked.options if each != "--pre"]
    lines += [each.text for each in asked.requirements if each.path is None]
    lines += [each.line for each in local.values()]
    return "\n".join(lines) + "\n"


def _seed(preferences: Mapping[str, str]) -> str:
    """A lock for uv to keep to where it may."""
    head = 'lock-version = "1.0"\ncreated-by = "pelton"\n'
    return head + "".join(
        f'\n[[packages]]\nname = "{name}"\nversion = "{version}"\n'
        for name, version in sorted(preferences.items())
    )


def _file(package: Mapping[str, Any], choice: Choice) -> Package | None:
    """The file that fits the target best; None when only wheels that are too new do."""
    name, version = str(package["name"]), str(package.get("version", ""))
    if own := choice.local.get(canonical(name)):
        return Package(name, own.version, own.file, own.sha256, path=own.path, needs=own.needs)
    allowed = choice.asked.allowed.get(canonical(name))
    if "archive" in package:
        made = _package(name, version, package["archive"], url=str(package["archive"]["url"]))
        return _checked(made, allowed, choice)
    wheels = [_package(name, version, each) for each in package.get("wheels", ())]
    if not wheels and "sdist" in package:
        return _checked(_package(name, version, package["sdist"]), allowed, choice)
    fitting = [
        (found, each) for each in wheels if (found := rank(each.file, choice.target)) is not None
    ]
    known = [each for each in fitting if allowed is None or each[1].sha256 in allowed]
    if fitting and not known:
        raise Tampered(
            f"function {choice.function}: none of the hashes that are pinned for {name} {version} "
            f"is that of its wheel for {choice.target.says}; pin that, too, or look who changed it"
        )
    return min(known, key=lambda each: each[0])[1] if known else None


def _checked(package: Package, allowed: frozenset[str] | None, choice: Choice) -> Package:
    """A file that there is no choice about."""
    if allowed is not None and package.sha256 not in allowed:
        raise Tampered(
            f"function {choice.function}: {package.file} has the sha256 {package.sha256}, which is "
            "not among those that were pinned for it"
        )
    if not package.is_source and rank(package.file, choice.target) is None:
        raise CannotResolve(
            f"function {choice.function}: {package.file} does not run on {choice.target.says}; "
            "give one that is built for it"
        )
    return package


def _package(name: str, version: str, file: Mapping[str, Any], url: str = "") -> Package:
    where = str(file.get("url") or file.get("path") or "")
    place = str(file.get("name") or unquote(urlsplit(where).path.rpartition("/")[2]))
    sha256 = str(file.get("hashes", {}).get("sha256", ""))
    if not version:
        version = place.split("-")[1] if "-" in place else ""
    return Package(name, version, place, sha256, url)


def newest(choice: Choice, name: str) -> str:
    """The newest version of a distribution that has a wheel for the target; "" when none has."""
    from dataclasses import replace

    from .requirements import Requirement

    alone = Asked((Requirement(name, ""),), options=choice.asked.options)
    single = replace(choice, asked=replace(alone, pinned=True), local={}, preferences={})
    said, packages = _compile(single, choice.target.uv_platform, (), ())
    return str(packages[0].get("version", "")) if not said.code and packages else ""
