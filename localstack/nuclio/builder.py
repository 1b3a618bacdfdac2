"""A function on disk, from what its configuration says: its code, its Python, its environment.

The parts decide and do: `entries/` brings the code, `inherited` what that says of itself, `steps`
reads the build commands and `environments` runs them.  Nothing runs here that a function wrote.
"""

from __future__ import annotations

import asyncio
import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from ..lambda_.interpreters import Interpreter, find, own
from ..link_farm import lend_python, link_farm
from . import inherited, steps
from .cluster.files import files
from .cluster.objects import Cluster
from .cluster.pod import Pod
from .entries import lay_out
from .entries.entry import Entry
from .environments import Environment, Environments
from .errors import DeployFailed, Refused
from .shapes import check_function
from .volumes import Mount, mounts

RUNTIMES = tuple(f"python:3.{minor}" for minor in range(9, 15))
DISTRIBUTIONS = ("nuclio-sdk", "msgpack")
# The wrapper's own rule; it also keeps the source's path inside the function's folder.
HANDLER = re.compile(r"[\w|-]+(\.[\w|-]+)*:\w+")

# Takes a level and a line for the function's deployment log.
Log = Callable[[str, str], None]


@dataclass(frozen=True, slots=True)
class Built:
    """A function's code on disk, ready for workers.

    folder:      where all of it is;  code: where its modules are
    packages:    what it can import besides, first found first
    python:      what its own children are started with
    interpreter: the Python that its workers run on
    variables:   what they find in their environment, where the configuration says nothing else
    mounts:      the volumes that they see
    environment: the name of what its build commands made, "" for nothing
    """

    folder: Path
    code: Path
    packages: tuple[Path, ...]
    python: Path
    interpreter: Interpreter
    variables: tuple[tuple[str, str], ...] = ()
    mounts: tuple[Mount, ...] = ()
    environment: str = ""

    @property
    def path(self) -> list[str]:
        """`sys.path` of the workers: code, installs, nuclio_sdk, the standard library."""
        return [str(self.code), *map(str, self.packages), *self.interpreter.library]


@dataclass(frozen=True, slots=True)
class Made:
    """A function that was built: its configuration as it runs, and its code."""

    spec: dict[str, Any]
    code: Built


class Builder:
    """Makes functions from their configurations, in folders below `folder`.

    environment: how the emulator's own services are reached, as workers are told it
    cluster:     where Secrets and ConfigMaps are; None where there are none, as on Docker
    """

    def __init__(
        self, folder: Path, environment: Mapping[str, str], cluster: Cluster | None = None
    ) -> None:
        self._folder, self._environment, self._cluster = folder, environment, cluster
        self._environments = Environments(folder / "environments")

    def sweep(self, used: set[str] | None) -> None:
        """Remove what an emulator left that was killed, and environments as their `sweep` does."""
        shutil.rmtree(self._folder / "functions", ignore_errors=True)
        self._environments.sweep(used)

    def remove(self, code: Built) -> None:
        """Remove a function's code; what others can share stays."""
        shutil.rmtree(code.folder, ignore_errors=True)

    async def build(self, name: str, given: dict[str, Any], log: Log, pod: Pod) -> Made:
        """Raises `DeployFailed`, `RuntimeMissing`; what was begun is removed then."""
        folder = self._folder / "functions" / f"{name}-{uuid4().hex[:12]}"
        folder.mkdir(parents=True)
        try:
            return await self._build(folder, given, log, pod)
        except BaseException:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
            raise

    async def _build(self, folder: Path, given: dict[str, Any], log: Log, pod: Pod) -> Made:
        build = given.get("build") or {}
        handler, image = str(given.get("handler") or ""), str(given.get("image") or "")
        entry = Entry(build, handler, self._environment, image)
        if entry.kind == "sourceCode":
            _check_handler(entry.handler)
        code = await lay_out(entry, folder)
        spec = _completed(given, entry, code)
        _check_handler(str(spec.get("handler") or ""))
        python = await asyncio.to_thread(_choose, str(spec.get("runtime") or "python"), log)
        environment = await self._environment_of(spec, python, code, log)
        farm = await asyncio.to_thread(_runtime, python)
        packages: tuple[Path, ...] = (farm,)
        children = farm / "bin" / "python3"
        if environment is not None:
            packages, children = (environment.site, farm), environment.python
        kept = (folder, farm, Path(python.prefix))
        volumes = await self._mounted(spec, folder, kept, pod)
        made = environment.folder.name if environment is not None else ""
        variables = _variables(spec)
        built = Built(folder, code, packages, children, python, variables, volumes, made)
        return Made(spec, built)

    async def _mounted(
        self, spec: Mapping[str, Any], folder: Path, kept: tuple[Path, ...], pod: Pod
    ) -> tuple[Mount, ...]:
        given = [each.get("volume") or {} for each in spec.get("volumes") or []]
        written = [await files(each, self._cluster, pod) for each in given]
        claims = self._folder / "claims"
        return await asyncio.to_thread(mounts, spec, claims, folder, kept, written)

    async def _environment_of(
        self, spec: Mapping[str, Any], python: Interpreter, code: Path, log: Log
    ) -> Environment | None:
        build = spec.get("build") or {}
        for key in steps.not_needed(build):
            log("warn", f"build.{key} is about an image, and none is built: it has no effect")
        recipe = steps.recipe(build, python.release)
        if recipe is None:
            return None
        anew = bool(build.get("noCache"))
        return await self._environments.made(recipe, python, code, log, anew=anew)


def _variables(spec: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    recipe = steps.recipe(spec.get("build") or {}, "")
    return recipe.variables if recipe else ()


def _completed(given: dict[str, Any], entry: Entry, code: Path) -> dict[str, Any]:
    """The configuration with what the code itself says of it."""
    if entry.kind == "sourceCode":
        module = code / f"{entry.handler.partition(':')[0].replace('.', '/')}.py"
        where, found = "@nuclio.configure", inherited.of_source(module.read_text(errors="replace"))
    else:
        where = str(entry.build.get("functionConfigPath") or "")
        found = inherited.of_folder(code, where)
    try:
        check_function({"spec": found})
    except Refused as refusal:
        raise DeployFailed(f"{where or inherited.FILE}: {refusal.message}") from None
    return inherited.merged(given, found)


def _check_handler(handler: str) -> None:
    if not HANDLER.fullmatch(handler):
        raise DeployFailed(f"malformed handler - {handler!r}: it must be module.sub:function")


def _choose(runtime: str, log: Log) -> Interpreter:
    """The Python of a runtime; the emulator's own, with a warning, where it is not there.

    Raises `DeployFailed` for what is no Python of Nuclio's.
    """
    if runtime == "python":
        return own()
    if runtime not in RUNTIMES:
        raise DeployFailed(
            f"the emulator runs {', '.join(RUNTIMES)}; runtime {runtime!r} it cannot run"
        )
    version = runtime.removeprefix("python:")
    found = find(version)
    if found is None:
        log(
            "warn",
            f"runtime {runtime} is asked for, and no Python {version} is on this machine: the "
            f"function runs on the emulator's own, python:{own().version}",
        )
    return found or own()


def _runtime(python: Interpreter) -> Path:
    """The folder of what every function finds: nuclio_sdk, and a Python for its children."""
    return link_farm(
        DISTRIBUTIONS,
        "nuclio2",
        tag="" if python == own() else python.tag,
        finish=lambda folder: lend_python(folder, python.executable),
    )
