"""The containers of one emulator, and that none is left of them, whatever ends it."""

from __future__ import annotations

import secrets
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib.resources import as_file, files

from ..errors import invalid
from ..function_code import Code
from .container import Container, OnExit
from .engine import Engine, EngineRefused, Engines, NoEngine
from .images import find_image

LABEL = "pelton.emulator"


class Fleet:
    """Runs containers; the engine is looked for when the first image asks."""

    def __init__(self) -> None:
        self._engines = Engines()
        self._mark = secrets.token_hex(8)
        self._running: set[Container] = set()
        self._seen: dict[str, tuple[str, ...]] = {}  # the extensions of images, by their id
        self._guard: subprocess.Popen[bytes] | None = None

    async def image(self, uri: str) -> Code:
        """An image as a function's code.  Raises InvalidParameterValueException."""
        try:
            engine = await self._engines.find()
        except NoEngine as error:
            raise invalid(
                "The pelton emulator runs container images by docker, podman or nerdctl, and none "
                f"of them works on this machine ({error}). Install or start one and try again, or "
                "package the code as a .zip archive (PackageType Zip)."
            ) from None
        return await find_image(engine, uri, self._seen)

    async def run(self, words: Sequence[str], output: int, on_exit: OnExit) -> Container:
        """A new container.  Raises `NoEngine` or `EngineRefused`.

        words: what `run` is given after what all containers are
        """
        engine = await self._engines.find()
        self._watch(engine)

        def ended(code: int, peak: int) -> None:
            self._running.discard(container)
            on_exit(code, peak)

        container = Container(engine, f"pelton-{secrets.token_hex(8)}", ended)
        self._running.add(container)
        try:
            usual = ["--rm", "--label", self._label, "--pull", "never", *engine.more]
            await container.run([*usual, *words], output)
        except EngineRefused:
            self._running.discard(container)
            raise
        return container

    @property
    def _label(self) -> str:
        return f"{LABEL}={self._mark}"

    def _watch(self, engine: Engine) -> None:
        if self._guard is not None and self._guard.poll() is None:
            return
        with as_file(files(__package__) / "guard.py") as program:
            self._guard = subprocess.Popen(
                [sys.executable, "-S", "-s", "-E", str(program), engine.executable, self._label],
                stdin=subprocess.PIPE,
                start_new_session=True,
            )

    async def close(self) -> None:
        """End every container; returns when none is left."""
        for each in list(self._running):
            each.kill()
        for each in list(self._running):
            await each.ended()
        if self._guard is not None and self._guard.stdin is not None:
            with suppress(BrokenPipeError):
                if not self._running:
                    self._guard.stdin.write(b"none is left")
                self._guard.stdin.close()
            self._guard.wait()
