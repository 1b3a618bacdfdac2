"""How a sandbox's extensions come together: external ones first, and then the runtime.

What a sandbox makes of it, when its init is over and how, is its own matter.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable, Mapping

from ..drivers.base import Driver
from ..fork_server import ForkServerGone
from ..records import Revision
from ..telemetry.journal import Journal
from .crew import Crew
from .program import Program
from .states import Identity


def recruit(
    revision: Revision,
    programs: Iterable[str],
    address: str,
    journal: Journal,
    on_change: Callable[[], None],
    told_of_events: bool,
) -> Crew:
    """The crew of a sandbox of `revision`; the rest as a `Crew` has it."""
    identity = Identity(revision.name, revision.version, revision.handler, revision.account)
    json_lines = revision.log_format == "JSON"
    names = tuple(programs)
    return Crew(
        identity, names, address, journal, json_lines, on_change, told_of_events=told_of_events
    )


# (address of the Runtime API, that of the listeners) starts the runtime
Runtime = Callable[[str, str], Awaitable[None]]


class Muster:
    """Starts external extensions, waits until all have registered, and starts the runtime.

    programs: where the sandbox sees each one's file
    api:      where the Runtime API is
    """

    def __init__(self, crew: Crew, driver: Driver, programs: Mapping[str, str], api: str) -> None:
        self._crew, self._driver, self._programs, self._api = crew, driver, programs, api
        self._registered: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._work: asyncio.Task[None] | None = None

    def begin(self, runtime: Runtime, lost: Callable[[], None]) -> None:
        """Begin, in the background.

        runtime: starts it, given the addresses of the Runtime API and of the listeners
        lost:    told when what starts them has gone
        """
        self._work = asyncio.get_running_loop().create_task(self._run(runtime, lost))

    async def _run(self, runtime: Runtime, lost: Callable[[], None]) -> None:
        try:
            await self._crew.launch(self._start)
            self.look()
            await self._registered
            await runtime(self._api, self._crew.address)
        except ForkServerGone:
            lost()

    async def _start(self, program: Program) -> None:
        path = self._programs[program.name]
        await self._driver.start_extension(program, path, self._api, self._crew.address)

    def look(self) -> None:
        """Something has changed: all may have registered."""
        if not self._registered.done() and self._crew.states.registered:
            self._registered.set_result(None)

    async def stop(self) -> None:
        """It is over, whichever way the init ended."""
        if not self._registered.done():
            self._registered.cancel()
        if self._work is not None:
            with contextlib.suppress(asyncio.CancelledError):
                await self._work
