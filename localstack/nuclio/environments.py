"""Environments that build commands have made: one a recipe, kept, and shared by who asks the same.

An environment is a virtual environment of the function's Python.  Commands run in it by the shell,
`pip` in it is uv's (`pip_shim`), and a mark says that all went well, and when it was last used:
what has none, after a kill, is made anew.  A recipe that needs the code has a copy of it to work
in, which becomes the function's.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import shutil
import signal
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from uuid import uuid4

from ..lambda_.interpreters import Interpreter
from .errors import DeployFailed
from .steps import Recipe

DONE, WORK, ONCE = "done", "work", "once-"
LAST_LINES = 40
UNUSED = 30 * 86400.0  # seconds after which what no function runs in is removed, at a start
DROPPED = ("VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME", "PYTHONDONTWRITEBYTECODE", "PIP_TARGET")

Log = Callable[[str, str], None]


@dataclass(frozen=True, slots=True)
class Environment:
    """A folder that commands have made: `site` is what can be imported, `python` runs children."""

    folder: Path
    version: str

    @property
    def site(self) -> Path:
        return self.folder / "venv" / "lib" / f"python{self.version}" / "site-packages"

    @property
    def python(self) -> Path:
        return self.folder / "venv" / "bin" / "python3"


class Environments:
    """Every environment, below one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._making: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    def sweep(self, used: set[str] | None = None) -> None:
        """Remove what is not whole, what was made to be used once, and what is old.

        used: the names of those that functions run in; of the others those go that were last used
              long ago, and with None, where nobody knows, none
        """
        if self._folder.is_dir():
            for each in self._folder.iterdir():
                kept = used is None or each.name in used or _is_young(each / DONE)
                if each.name.startswith(ONCE) or not (each / DONE).exists() or not kept:
                    shutil.rmtree(each, ignore_errors=True)

    async def made(
        self, recipe: Recipe, python: Interpreter, code: Path, log: Log, *, anew: bool = False
    ) -> Environment:
        """The environment of a recipe, made when it is not there; raises `DeployFailed`.

        code: the function's code, which what the commands made of it takes the place of
        anew: make one although there is one (build.noCache)
        """
        digest = await asyncio.to_thread(_digest, code) if recipe.needs else ""
        key = f"{ONCE}{uuid4().hex}" if anew else recipe.key(digest)
        environment = Environment(self._folder / key, python.version)
        async with self._making[key]:
            if (environment.folder / DONE).exists():
                log("info", "The build commands have not changed: what they made is used again")
                (environment.folder / DONE).touch()  # when it was last used
            else:
                try:
                    await self._make(recipe, python, environment, code, log)
                except BaseException:  # nobody asks for a part of it again
                    await asyncio.to_thread(shutil.rmtree, environment.folder, ignore_errors=True)
                    raise
        if recipe.needs:
            await asyncio.to_thread(_take_over, environment.folder / WORK, code)
        return environment

    async def _make(
        self, recipe: Recipe, python: Interpreter, environment: Environment, code: Path, log: Log
    ) -> None:
        import uv

        folder = environment.folder
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
        if recipe.needs:
            await asyncio.to_thread(shutil.copytree, code, folder / WORK, symlinks=True)
        else:
            (folder / WORK).mkdir(parents=True)
        variables = _variables(recipe, folder)
        venv = [uv.find_uv_bin(), "venv", "--quiet", "--python", python.executable]
        await _run([*venv, str(folder / "venv")], folder, variables, log, "the environment")
        await asyncio.to_thread(_lend_pip, folder)
        try:
            async with asyncio.timeout(recipe.seconds):
                for step in recipe.steps:
                    log("info", f"Running {step}")
                    words = ["/bin/sh", "-c", step]
                    await _run(words, folder / WORK, variables, log, f"build command {step!r}")
        except TimeoutError:
            raise DeployFailed(
                f"the build commands took longer than {recipe.seconds:g} s (buildTimeoutSeconds)"
            ) from None
        (folder / DONE).touch()


def _is_young(mark: Path) -> bool:
    """By the machine's time, as the files are, whichever clock the emulator has."""
    return mark.exists() and time.time() - mark.stat().st_mtime < UNUSED


def _variables(recipe: Recipe, folder: Path) -> dict[str, str]:
    """What a command finds: this machine's variables, with the environment before all else."""
    import uv

    found = {name: value for name, value in os.environ.items() if name not in DROPPED}
    found |= {
        "VIRTUAL_ENV": str(folder / "venv"),
        "PATH": os.pathsep.join([str(folder / "venv" / "bin"), found.get("PATH", os.defpath)]),
        "PYTHONPATH": str(folder / "pip"),
        "PELTON_UV": uv.find_uv_bin(),
        **({"UV_OFFLINE": "1"} if recipe.offline else {}),
    }
    return {**found, **dict(recipe.variables)}


def _lend_pip(folder: Path) -> None:
    """`pip`, `pip3` and `python -m pip`, for the commands alone: functions do not find it."""
    package = folder / "pip" / "pip"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    shim = files(__package__) / "pip_shim.py"
    (package / "__main__.py").write_bytes(shim.read_bytes())
    for name in ("pip", "pip3"):
        script = folder / "venv" / "bin" / name
        script.write_text(f'#!/bin/sh\nexec "{folder}/venv/bin/python" -m pip "$@"\n')
        script.chmod(0o755)


async def _run(
    words: list[str], cwd: Path, variables: Mapping[str, str], log: Log, what: str
) -> None:
    """Run a command to its end, or end it with all that it has started."""
    process = await asyncio.create_subprocess_exec(
        *words, cwd=cwd, env=dict(variables), stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, start_new_session=True,
        limit=1 << 20,
    )  # fmt: skip
    said: list[str] = []
    assert process.stdout is not None
    try:
        async for line in process.stdout:
            said.append(line.decode(errors="replace").rstrip())
            log("debug", said[-1])
        await process.wait()
    except ValueError:  # a line longer than anybody reads
        said.append("(a line of more than a megabyte)")
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
    if process.returncode:
        last = "\n".join([":", *said[-LAST_LINES:]]) if said else ", and printed nothing"
        raise DeployFailed(f"{what} ended with code {process.returncode}{last}")


def _digest(code: Path) -> str:
    """Of every file's path and content."""
    digest = hashlib.sha256()
    for path in sorted(each for each in code.rglob("*") if each.is_file()):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(code)}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()


def _take_over(work: Path, code: Path) -> None:
    shutil.rmtree(code)
    shutil.copytree(work, code, symlinks=True)
