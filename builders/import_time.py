"""How long an artifact takes to import: module by module, in a process of the target's Python.

The artifact is unpacked and its entry imported several times, with nothing else of this machine to
import from but what stands in for the platform's runtime; so it is a trial import, too.
Source of the times: Python's own -X importtime (microseconds, a line a module, children first).
"""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import as_file, files
from importlib.util import find_spec
from pathlib import Path

from .errors import CannotImport, TooSlow
from .interpreters import interpreter
from .report import owners
from .target import Target

CHILD = "import_child.py"
RUNS, SECONDS = 5, 120
_LINE = re.compile(r"^import time: +(\d+) \| +(\d+) \| ( *)(\S+)$", re.MULTILINE)
# The frames of the child itself: two or three lines each.
_FRAMES = re.compile(rf'^  File "[^"]*{CHILD}".*\n(?:    .*\n)*', re.MULTILINE)
OURS, YOURS, PYTHON, RUNTIME = "pelton", "your code", "Python", "the platform's runtime"


@dataclass(frozen=True, slots=True)
class Module:
    """One module: milliseconds of its own, and with all that it was the first to import."""

    name: str
    own: float
    total: float
    package: str = ""


@dataclass(frozen=True, slots=True)
class Times:
    """total: milliseconds of the entry with all below; modules: by own time, largest first;
    packages: own time summed, largest first; why_not: why nothing was measured, or ""."""

    python: str
    runs: int = 0
    total: float = 0.0
    modules: tuple[Module, ...] = ()
    packages: tuple[tuple[str, float], ...] = ()
    why_not: str = ""


def measure(
    archives: Sequence[Path],
    entry: str,
    target: Target,
    environment: Mapping[str, str] | None = None,
    runs: int = RUNS,
) -> Times:
    """Import times of the artifact in these archives, as medians of `runs`.

    Raises `CannotImport` with the trace when the artifact cannot be imported.
    """
    python, why_not = _interpreter(target)
    if not python:
        return Times(target.python, why_not=why_not)
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder)
        for path in archives:
            _unpack(path, tree)
        said = [_run(python, tree, entry, target, environment or {}) for _ in range(runs)]
        return summed([parse(each, entry) for each in said], entry, target.python, tree)


def _unpack(path: Path, tree: Path) -> None:
    """Lay an archive out; what a layer has in its folder `python` is found beside the code."""
    import zipfile

    with zipfile.ZipFile(path) as archive:
        for each in archive.infolist():
            if path.name.startswith("pelton-"):
                each.filename = each.filename.removeprefix("python/")
            archive.extract(each, tree)


def _interpreter(target: Target) -> tuple[str, str]:
    machine = {"aarch64": "arm64", "AMD64": "x86_64"}.get(platform.machine(), platform.machine())
    if machine != target.architecture:
        return "", f"not measured: the target is {target.architecture}, this machine {machine}"
    if python := interpreter(target.python):
        return python, ""
    return "", f"not measured: this machine has no Python {target.python}"


def _run(
    python: str, tree: Path, entry: str, target: Target, environment: Mapping[str, str]
) -> str:
    runtime = [f"{name}={home}" for name in sorted(target.runtime_modules)
               if (home := _home(name))]  # fmt: skip
    with as_file(files(__package__) / CHILD) as child:
        command = [python, "-I", "-S", "-B", "-X", "importtime", str(child), str(tree), entry]
        try:
            done = subprocess.run(
                [*command, *runtime], capture_output=True, check=False, cwd=tree,
                timeout=SECONDS, env={"PATH": os.defpath, "HOME": str(tree), **environment},
                stdin=subprocess.DEVNULL,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise CannotImport(f"the artifact takes over {SECONDS} s to import") from None
    said = done.stderr.decode(errors="replace")
    if done.returncode:
        kept = [line for line in said.splitlines() if not line.startswith("import time:")]
        trace = _FRAMES.sub("", "\n".join(kept))
        raise CannotImport(
            f"the artifact cannot be imported by Python {target.python}:\n"
            f"{trace.replace(f'{tree}/', '').strip()}"
        )
    return said


def _home(module: str) -> str:
    """The folder that this machine has a module in, "" for none."""
    found = find_spec(module)
    if found is None or not found.origin:
        return ""
    path = Path(found.origin)
    return str(path.parent.parent if found.submodule_search_locations else path.parent)


def parse(said: str, entry: str) -> dict[str, tuple[int, int]]:
    """(own, total) microseconds of the entry and of every module that it imports, by name.

    >>> text = "import time: 5 | 5 |   a\\nimport time: 2 | 7 | entry\\nimport time: 1 | 1 | b"
    >>> parse(text, "entry")
    {'entry': (2, 7), 'a': (5, 5)}
    """
    rows = [(int(own), int(total), len(space), name) for own, total, space, name
            in _LINE.findall(said)]  # fmt: skip
    ends = [index for index, row in enumerate(rows) if row[3] == entry]
    if not ends:
        return {}
    depth = rows[ends[0]][2]
    found: dict[str, tuple[int, int]] = {}
    for own, total, space, name in rows[ends[0] :: -1]:
        if found and space <= depth:
            break
        found[name] = (own, total)
    return found


def summed(
    runs: Sequence[Mapping[str, tuple[int, int]]], entry: str, python: str, tree: Path
) -> Times:
    """The medians of several runs, with the package that each module is of."""
    names = [name for name in runs[0] if all(name in run for run in runs)] if runs else []
    owner, places = owners(tree), _places(tree)
    modules = []
    for name in names:
        own = middle([run[name][0] for run in runs]) / 1000
        total = middle([run[name][1] for run in runs]) / 1000
        modules.append(Module(name, own, total, _package(name, places, owner)))
    packages: dict[str, float] = {}
    for each in modules:
        packages[each.package] = packages.get(each.package, 0.0) + each.own
    return Times(
        python, len(runs), next((each.total for each in modules if each.name == entry), 0.0),
        tuple(sorted(modules, key=lambda each: (-each.own, each.name))),
        tuple(sorted(packages.items(), key=lambda each: (-each[1], each[0]))),
    )  # fmt: skip


def middle(values: Sequence[int]) -> float:
    """The median.

    >>> middle([3, 1, 2]), middle([4, 1])
    (2.0, 2.5)
    """
    ordered, half = sorted(values), len(values) // 2
    return (ordered[half] + ordered[~half]) / 2


def _places(tree: Path) -> dict[str, str]:
    """The place of every module in a folder, by the module's name."""
    found = {}
    for path in tree.rglob("*"):
        if path.suffix in (".py", ".so") and path.is_file():
            place = path.relative_to(tree)
            parts = [*place.parts[:-1], place.name.partition(".")[0]]
            found[".".join(parts).removesuffix(".__init__")] = place.as_posix()
    return found


def _package(name: str, places: Mapping[str, str], owner: Mapping[str, str]) -> str:
    top = name.partition(".")[0]
    if place := places.get(name):
        if place in owner:
            return owner[place]
        return OURS if top == "pelton" or top.startswith("pelton_") else YOURS
    return PYTHON if top in sys.stdlib_module_names else RUNTIME


def refuse_too_slow(function: str, times: Times, budget: int) -> None:
    """Raise `TooSlow` with what costs most when an import takes more than `budget` ms."""
    if times.why_not or times.total <= budget:
        return
    blame = "\n".join(lines(times)[1:])
    raise TooSlow(
        f"function {function} takes {times.total:.0f} ms to import, over its import_budget of "
        f"{budget} ms (median of {times.runs}, Python {times.python}):\n{blame}\n"
        "Import what is slow inside the function that needs it, do without it, or raise "
        "import_budget."
    )


def lines(times: Times, most: int = 8) -> list[str]:
    """For people: the total, packages by own time, the slowest modules."""
    if times.why_not:
        return [f"import time: {times.why_not}"]
    out = [f"import time: {times.total:.0f} ms (median of {times.runs}, Python {times.python})"]
    out += [f"  {own:>7.1f} ms  {name}" for name, own in times.packages[:most]]
    out.append("  modules, by their own time (and with what they were the first to import):")
    out += [f"  {each.own:>7.1f} ms  {each.name} ({each.total:.1f} ms)"
            for each in times.modules[:most]]  # fmt: skip
    return out
