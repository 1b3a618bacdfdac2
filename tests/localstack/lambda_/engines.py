"""Engines for tests of container images: a stand-in everywhere, the machine's own where one works.

Each makes images that hold Python, the runtime client and a `main.py`; the real one from a root
file system of this machine's own Python, so that nothing is pulled.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path
from typing import Any, Protocol

import pytest

STAND_IN = Path(__file__).with_name("stand_in_engine.py")
RUNTIME = ("awslambdaric", "simplejson", "snapshot_restore_py")
_SITE = distribution("awslambdaric").locate_file("")
_LEFT_OUT = {"__pycache__", "test", "idlelib", "ensurepip", "site-packages", "lib2to3", "tkinter"}


class Engine(Protocol):
    """name: of its command."""

    name: str

    def image(self, name: str, files: dict[str, str], command: list[str]) -> str:
        """Make an image; its URI.  What is below opt/ can be run, by the Python of the image."""

    def running(self) -> list[str]:
        """The containers there are."""


class StandIn:
    """The engine without containers, first on the search path as `docker`."""

    name = "docker"

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self._state = folder
        for each in ("bin", "images", "registry", "containers", "code"):
            (folder / each).mkdir()
        program = folder / "bin" / "docker"
        program.write_text(f'#!/bin/sh\nexec {sys.executable} -SE {STAND_IN} {folder} "$@"\n')
        program.chmod(0o755)
        patch.setenv("PATH", f"{folder / 'bin'}:/usr/bin:/bin")

    def image(
        self, name: str, files: dict[str, str], command: list[str], kept: str = "images"
    ) -> str:
        code = self._state / "code" / name
        code.mkdir(exist_ok=True)
        for file, text in files.items():
            path = code / file
            path.parent.mkdir(parents=True, exist_ok=True)
            python = f"{sys.executable} -S"
            path.write_text(_runnable(text, python) if file.startswith("opt/") else text)
            path.chmod(0o755)
        config = {
            # The client is all that an image has: no site-packages are looked through for more.
            "Entrypoint": [sys.executable, "-S", "-m", "awslambdaric"],
            "Cmd": command,
            "WorkingDir": str(code),
            "Env": ["PATH=/usr/bin:/bin", f"PYTHONPATH={_SITE}", "OF_IMAGE=yes"],
        }
        digest = hashlib.sha256(json.dumps([config, files]).encode()).hexdigest()
        told = {"Id": f"sha256:{digest}", "RepoDigests": [], "Config": config}
        (self._state / kept / f"{name}.json").write_text(json.dumps(told))
        return f"{name}:latest"

    def running(self) -> list[str]:
        return [path.name for path in (self._state / "containers").iterdir()]


class Podman:
    """The machine's own podman, with an image made of this machine's Python."""

    name = "podman"

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self._folder, self._count = folder, 0
        settings = folder / "containers.conf"
        runtime = '[engine]\nruntime = "runc"\n' if shutil.which("runc") else ""
        limits = 'default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]'
        settings.write_text(f"[containers]\n{limits}\n{runtime}")
        patch.setenv("CONTAINERS_CONF", str(settings))
        # A docker that works would be asked first, and has not these images.
        (folder / "bin").mkdir()
        (folder / "bin" / "docker").write_text("#!/bin/sh\nexit 1\n")
        (folder / "bin" / "docker").chmod(0o755)
        patch.setenv("PATH", f"{folder / 'bin'}:{os.environ['PATH']}")

    def image(self, name: str, files: dict[str, str], command: list[str]) -> str:
        self._count += 1
        root = self._folder / f"root-{self._count}.tar"
        with tarfile.open(root, "w") as out:
            for source, target in _root(self._folder):
                out.add(source, target, filter=_kept)
            for file, text in files.items():
                program = file.startswith("opt/")
                content = (_runnable(text, _python()) if program else text).encode()
                info = tarfile.TarInfo(file if program else f"var/task/{file}")
                info.size, info.mode = len(content), 0o755
                out.addfile(info, io.BytesIO(content))
        entry_point = json.dumps([_python(), "-m", "awslambdaric"])
        changes = (
            f"ENTRYPOINT {entry_point}", f"CMD {json.dumps(command)}", "WORKDIR /var/task",
            "ENV PYTHONPATH=/var/runtime", "ENV OF_IMAGE=yes",
        )  # fmt: skip
        words = [word for change in changes for word in ("--change", change)]
        self._ask("import", "--quiet", *words, str(root), f"localhost/pelton-tests/{name}:latest")
        root.unlink()
        return f"localhost/pelton-tests/{name}:latest"

    def running(self) -> list[str]:
        return self._ask("ps", "--quiet", "--filter", "label=pelton.emulator").split()

    def works(self) -> str:
        """Why it cannot run a container here, or ""."""
        if shutil.which("podman") is None:
            return "there is no podman"
        uri = self.image("works", {}, ["main.handler"])
        tried = subprocess.run(
            ["podman", "run", "--rm", "--network=host", f"--entrypoint={_python()}", uri, "-V"],
            capture_output=True,
            text=True,
            check=False,
        )
        return tried.stderr.strip() if tried.returncode else ""

    def forget(self) -> None:
        found = self._ask("images", "--quiet", "--filter", "reference=pelton-tests/*").split()
        subprocess.run(["podman", "rmi", "--force", *set(found)], capture_output=True, check=False)

    def _ask(self, *words: str) -> str:
        return subprocess.run(["podman", *words], capture_output=True, text=True, check=True).stdout


def _runnable(program: str, python: str) -> str:
    """A program with the line that says what runs it."""
    return f"#!{python}\n{program}"


def _python() -> str:
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    return f"{sys.base_prefix}/bin/{version}"


def _kept(info: tarfile.TarInfo) -> tarfile.TarInfo | None:
    words = Path(info.name).parts
    return None if _LEFT_OUT & set(words) or words[-1].startswith("config-") else info


def _root(folder: Path) -> Iterator[tuple[str, str]]:
    """What the image's root holds: this Python, the libraries of it, the runtime client."""
    python, library = _python(), sysconfig.get_paths()["stdlib"]
    native = [str(each) for each in Path(library, "lib-dynload").glob("*.so")]
    native += [str(each) for each in _files() if each.suffix == ".so"]
    needed = {python, *_libraries(python, *native)}
    for path in needed:
        yield str(Path(path).resolve()), path.lstrip("/")
    yield library, library.lstrip("/")
    for name in RUNTIME:
        for file in distribution(name).files or ():
            if ".." not in file.parts:
                yield str(file.locate()), f"var/runtime/{file}"
    (folder / "tmp").mkdir(exist_ok=True)
    yield str(folder / "tmp"), "tmp"


def _files() -> Iterator[Any]:
    for name in RUNTIME:
        for file in distribution(name).files or ():
            yield Path(str(file.locate()))


def _libraries(*programs: str) -> set[str]:
    told = subprocess.run(["ldd", *programs], capture_output=True, text=True, check=False).stdout
    words = [line.split("=>")[-1].split() for line in told.splitlines()]
    paths = {found[0] for found in words if found}
    return {path for path in paths if path.startswith("/") and not path.endswith(":")}
