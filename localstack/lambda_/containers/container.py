"""One container: the engine's client that runs it, what it prints, its end.

The client stays attached, so that its end is the container's and its output is the container's.
Ended is a container by the engine; where the machine lets us, its process is killed first, which is
sooner.  This knows no function.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable, Coroutine, Sequence

from ...clock import MACHINE
from .engine import Engine, EngineRefused

# (exit code, negative for a signal; peak memory of its largest process in KB, 0 for unknown)
OnExit = Callable[[int, int], None]
# Exit codes of the client that mean: the engine could not run it at all; cannot be executed; not
# found.  Above 128 are signals.
REFUSED, NOT_EXECUTABLE, NOT_FOUND, SIGNALS = 125, 126, 127, 128
END_SECONDS, KNOWN_SECONDS = 10.0, 2.0
# How often its process is looked for, and the engine told to end it; each waits twice as long.
FINDS, ENDS = 9, 8


class Container:
    """A container of this name; `pid` is its first process's, 0 until that is known.

    on_exit: called once
    """

    def __init__(self, engine: Engine, name: str, on_exit: OnExit) -> None:
        self.name, self.pid = name, 0
        self.fault = ("", "")
        self._engine, self._on_exit = engine, on_exit
        self._client: asyncio.subprocess.Process | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._ended, self._known = asyncio.Event(), asyncio.Event()
        self._ending = False

    async def run(self, words: Sequence[str], output: int) -> None:
        """Begin; words: what follows `run` and its name.  Raises `EngineRefused`."""
        try:
            self._client = await asyncio.create_subprocess_exec(
                self._engine.executable,
                "run",
                "--name",
                self.name,
                *words,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        except OSError as error:
            raise EngineRefused(str(error)) from None
        self._later(self._wait(self._client))
        self._later(self._find())

    async def ended(self) -> None:
        """Come back when it is there no more."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._ended.wait(), END_SECONDS)

    async def known(self) -> None:
        """Come back when its process is known, or that it is not to be."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._known.wait(), KNOWN_SECONDS)

    def terminate(self) -> None:
        """SIGTERM for its first process."""
        self._later(self._tell("kill", "--signal", "TERM", self.name))

    def kill(self) -> None:
        """End it at once."""
        if self._ending or self._ended.is_set():
            return
        self._ending = True
        if self.pid:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(self.pid, signal.SIGKILL)
        self._later(self._end())

    # -- inside
    async def _wait(self, client: asyncio.subprocess.Process) -> None:
        code = await client.wait()
        self._ended.set()
        self._known.set()
        self.pid = 0
        self._on_exit(SIGNALS - code if code > SIGNALS else code, 0)

    async def _find(self) -> None:
        """Its process, as soon as there is one: memory is looked at, and it can stand still."""
        pause = 0.05
        for _ in range(FINDS):
            await MACHINE.sleep(pause)
            pause *= 2
            found = 0
            with contextlib.suppress(EngineRefused, ValueError):
                told = await self._engine.ask("inspect", "--format", "{{.State.Pid}}", self.name)
                found = int(told)
            if self._ended.is_set():
                return
            if found:
                self.pid = _visible(found)
                break
        self._known.set()

    async def _end(self) -> None:
        """By the engine, and again while its client is there: it may only just be made."""
        pause = 0.05
        for _ in range(ENDS):
            await self._tell("rm", "--force", self.name)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._ended.wait(), pause)
                return
            pause *= 2
        if self._client is not None and not self._ended.is_set():
            self._client.kill()

    async def _tell(self, *words: str) -> None:
        with contextlib.suppress(EngineRefused):  # it has ended by itself
            await self._engine.ask(*words)

    def _later(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _visible(pid: int) -> int:
    """The process, if it is this machine's: an engine elsewhere numbers others."""
    return pid if pid and os.path.exists(f"/proc/{pid}/status") else 0
