"""The place of a debugged function's one sandbox: who is in it, whose turn it is, what comes next.

Its events come one after another, and those that wait run on the newest code that was asked for.
The debugger's port stays, whichever sandbox is behind it.  It knows no call and no answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..debugging.desk import Desk, Expected, Listening
from ..debugging.relay import Relay
from ..debugging.setting import SECONDS, Debug
from ..link_farm import RuntimeMissing
from .fork_server import ForkServerGone
from .records import Revision
from .sandbox import Sandbox
from .sandbox_process import Answer

WORKERS = "AWS_LAMBDA_MAX_CONCURRENCY"
OVER = ("exit", "fault", "timeout")

Started = tuple[Sandbox, Answer | None]  # what ended its init when that failed
Start = Callable[[Revision, float], Awaitable[Started]]  # within seconds


class NotDebugged(Exception):
    """Why a function has no debugger, in a sentence."""


class Post:
    """One function's; its turn is held by the event that has the sandbox.

    wait:  whether a sandbox runs nothing of the function before a client is attached
    code:  a link to its code, whose name stays when a deploy changes that: where there are no
           mounts, it is what a client's path mappings name
    root:  where the code is in the process, once that is known
    """

    def __init__(
        self,
        relay: Relay,
        wait: bool,
        code: Path,
        desk: Desk,
        start: Start,
        discard: Callable[[Sandbox], None],
    ) -> None:
        self.relay, self.wait, self._code = relay, wait, code
        self._desk, self._start, self._discard = desk, start, discard
        self.root = ""
        self._revision: Revision | None = None  # what its next event runs on
        self._sandbox: Sandbox | None = None
        self._starting: asyncio.Task[Started] | None = None
        self._expected: Expected | None = None
        self._turn = asyncio.Lock()

    @property
    def at_an_event(self) -> bool:
        return self._turn.locked() and self._starting is None

    def _fits(self) -> bool:
        """Whether its sandbox takes the next event."""
        here, wanted = self._sandbox, self._revision
        if here is None or wanted is None or not here.alive or here.retired:
            return False
        return here.revision.key == wanted.key

    def newest(self, revision: Revision) -> None:
        """What is called is this revision from now on."""
        if self._revision is None or self._revision.key != revision.key:
            self._revision = revision
            self._vacate()

    def _vacate(self) -> None:
        """What is here is not wanted any more; at an event it ends after that."""
        if self._starting is not None:
            self._starting.cancel()
        elif not self.at_an_event:
            self._drop()

    def _drop(self) -> None:
        sandbox, self._sandbox = self._sandbox, None
        if sandbox is not None:
            self.relay.lead_to(0)
            self._discard(sandbox)

    async def ready(self) -> None:
        """Come back when the debugger of the newest code is there, or an event must end first.

        Raises `NotDebugged`.
        """
        while not self._fits() and not self.at_an_event:
            starting = self._begin()
            assert self._expected is not None
            heard = self._expected.heard
            first: set[asyncio.Future[Any]] = {starting, heard}
            await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
            if starting.cancelling():
                await asyncio.wait({starting})
            elif not heard.done():
                raise NotDebugged(_why(starting))
            elif error := heard.exception():
                raise NotDebugged(f"the debugger did not start: {error}") from error
            else:
                return

    # -- events
    async def take(self, revision: Revision) -> Started:
        """The sandbox, when its turn has come.  Raises `NotDebugged` when it is not any more."""
        self.newest(revision)
        await self._turn.acquire()
        try:
            while not self._fits():
                if self._revision is None:
                    raise NotDebugged(f"{revision.name} is not debugged any more")
                starting = self._begin()
                await asyncio.wait({starting})
                if not starting.cancelled() and starting.result()[1] is not None:
                    return starting.result()
            assert self._sandbox is not None
            return self._sandbox, None
        except BaseException:
            self._turn.release()
            raise

    def give_back(self, sandbox: Sandbox, kind: str) -> None:
        """Its event ended so (an `Answer`'s kind)."""
        self._turn.release()
        if sandbox is not self._sandbox:  # its init failed: it is tried again with the next event
            return self._discard(sandbox)
        if kind in OVER or not self._fits():
            self._drop()
            if self._revision is not None:
                self._begin()  # for clients that come before the next event

    # -- beginnings and ends
    def _begin(self) -> asyncio.Task[Started]:
        """Let a sandbox begin for the newest revision, unless one does already."""
        if self._starting is None:
            assert self._revision is not None
            self._drop()
            self._expected = expected = self._desk.expect(self._heard)
            work = self._started(self._variant(self._revision, expected), expected)
            self._starting = asyncio.get_running_loop().create_task(work)
            # Who waits for it is told; it may be that nobody does.
            self._starting.add_done_callback(lambda done: done.cancelled() or done.exception())
        return self._starting

    def _heard(self, listening: Listening) -> None:
        self.root = listening.root
        self.relay.lead_to(listening.port)

    async def _started(self, revision: Revision, expected: Expected) -> Started:
        try:
            sandbox, failed = await self._start(revision, float(SECONDS))
        except BaseException:
            self.relay.lead_to(0)
            raise
        finally:
            self._starting = None
            self._desk.forget(expected)
        if failed is None:
            self._sandbox = sandbox
        else:
            self.relay.lead_to(0)
            if not self._turn.locked():  # no event waits for it
                self._discard(sandbox)
        return sandbox, failed

    def _variant(self, revision: Revision, expected: Expected) -> Revision:
        """The revision as it is debugged: no limit, and events one by one."""
        draft = self._code.with_name(f"{self._code.name}-new")
        draft.unlink(missing_ok=True)
        draft.symlink_to(revision.code_dir)
        draft.replace(self._code)
        variables = {n: v for n, v in revision.environment.items() if n != WORKERS}
        return replace(
            revision,
            debug=Debug(self.wait, self._desk.address, expected.token),
            timeout_s=SECONDS,
            initialization="on-demand",
            max_concurrency=0,
            reserved_concurrency=None,
            environment=variables,
            code_dir=self._code,
        )

    def retire(self, unwanted: Callable[[Sandbox], bool]) -> None:
        """Some sandboxes of the function are not wanted any more; one at an event is marked."""
        if self._sandbox is not None and not self.at_an_event and unwanted(self._sandbox):
            self._drop()

    def close(self) -> None:
        """Nothing is debugged here any more; an event comes to its end, without its client."""
        self._revision = None
        self._vacate()
        self.relay.close()


def _why(starting: asyncio.Task[Started]) -> str:
    """Why a start came to its end before a debugger was heard of."""
    error = starting.exception()
    if isinstance(error, RuntimeMissing | ForkServerGone | OSError):
        return str(error)
    if error is not None:
        raise error
    return "its process ended before the debugger was there; the function's log says why"
