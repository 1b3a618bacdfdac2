"""The extensions of one sandbox at work: their programs, their requests, their part in each phase.

It joins the state table, the programs and the subscriptions, and tells its sandbox of every
change; the sandbox decides what that means for its init and its invocations.

Phases, by AWS's "Lambda execution environment lifecycle" and "Extensions API" pages: programs are
started and register before the runtime starts; an init ends when the runtime and all extensions
have asked for their next event; an invocation, when the runtime and all who get INVOKE have; at
the end the runtime is told by SIGTERM, then programs by SHUTDOWN, then whatever is left is killed.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from ...clock import MACHINE
from ..runtime_api import Delivery, Reply, refuse
from ..runtime_server import RuntimeConnection
from ..telemetry import events
from ..telemetry.journal import Journal
from ..telemetry.subscriber import Subscriber
from ..telemetry.subscriptions import SubscriptionRefused, read
from .program import Program
from .states import INVOKE, MOST, SHUTDOWN, Extension, Extensions, Identity

# Seconds of the shutdown phase: of all with external extensions, and the runtime's part of them;
# of a runtime with internal extensions; and the part of one with several workers.
SHUTDOWN_SECONDS, RUNTIME_SECONDS, INTERNAL_SECONDS, SEVERAL_SECONDS = 2.0, 0.3, 0.5, 0.6
_addresses = itertools.count(1)

# Runs the program of an extension: (its name, what is to be told of its end).
Start = Callable[[Program], Awaitable[None]]


class Fault(Exception):
    """An extension failed: `kind` is AWS's type of it."""

    def __init__(self, kind: str, words: str) -> None:
        self.kind, self.words = kind, words
        super().__init__(f"{kind}: {words}")


def new_address() -> str:
    """A loopback address of a sandbox's own, so that two may listen on one port."""
    number = next(_addresses) % (253 * 253 * 64)
    return f"127.{64 + number // (253 * 253)}.{number // 253 % 253 + 1}.{number % 253 + 1}"


class Crew:
    """The extensions of one sandbox.

    programs: file names of external extensions; address: where their listeners are
    on_change: called after anything of what follows has changed
    told_of_events: whether it may be, which it may not beside several workers
    """

    def __init__(
        self,
        identity: Identity,
        programs: Sequence[str],
        address: str,
        journal: Journal,
        json_lines: bool,
        on_change: Callable[[], None],
        *,
        told_of_events: bool = True,
    ) -> None:
        self.states = Extensions(identity, programs, self._subscribe, told_of_events)
        self._runtime_seconds = RUNTIME_SECONDS if told_of_events else SEVERAL_SECONDS
        self.fault: Fault | None = None
        self.address = address
        self._journal, self._json_lines, self._changed = journal, json_lines, on_change
        self._programs: dict[str, Program] = {}
        self._waiting: dict[Extension, RuntimeConnection] = {}
        self._subscribers: list[Subscriber] = []
        self._init = True  # whether subscriptions are still taken
        self._ending = False
        self._last: dict[str, Any] | None = None  # the SHUTDOWN event, once it is time for it

    # -- requests
    def request(
        self,
        connection: RuntimeConnection,
        method: str,
        path: str,
        headers: dict[str, str],
        body: bytes,
    ) -> Reply | None:
        """The answer to an extension's request; None when it waits for an event."""
        reply = self.states.request(method, path, headers, body)
        if isinstance(reply, Reply):
            self._changed()
            return reply
        if self._last is not None and reply.gets(SHUTDOWN):
            return self.states.give(reply, self._last)
        self._waiting[reply] = connection
        self._changed()
        return None

    def forget(self, connection: RuntimeConnection) -> None:
        """The connection is gone; an event for who waits on it reaches nobody."""
        for extension in [each for each, on in self._waiting.items() if on is connection]:
            del self._waiting[extension]

    def _give(self, extension: Extension, event: dict[str, Any]) -> None:
        reply = self.states.give(extension, event)
        connection = self._waiting.pop(extension, None)
        if connection is not None:
            connection.send(reply)

    def _subscribe(self, extension: Extension, api: str, body: bytes) -> Reply:
        name = "Telemetry" if api == "telemetry" else "Logs"
        if not self._init:
            closed = f"{name} API subscription is closed already"
            return refuse(403, f"{name}.SubscriptionClosed", closed)
        kind = "ValidationError" if api == "telemetry" else "Logs.ValidationError"
        try:
            wanted = read(api, body)
        except SubscriptionRefused as error:
            return refuse(400, kind, str(error))
        for known in [each for each in self._subscribers if each.name == extension.name]:
            if known.wanted.api != api:
                other = "Logs" if api == "telemetry" else "Telemetry"
                return refuse(400, kind, f"the extension is subscribed by the {other} API already")
            self._subscribers.remove(known)  # the same again, or with other settings
            self._journal.subscribers.remove(known)
            known.close()
        subscriber = Subscriber(extension.name, wanted, self.address, self._json_lines)
        self._subscribers.append(subscriber)
        self._journal.subscribe(subscriber)
        self._journal.tell(events.subscription(api, extension.name, wanted.types))
        return Reply(200, b'"OK"')

    # -- phases
    async def launch(self, start: Start) -> None:
        """Start the programs; they register by themselves."""
        for count, extension in enumerate([each for each in self.states.all if each.external]):
            if count >= MOST:
                extension.state, extension.error_type = "LaunchError", "TooManyExtensions"
                self._fail("Extension.LaunchError", "ErrTooManyExtensions")
                return
            program = Program(extension.name, self._journal, self._exited)
            self._programs[extension.name] = program
            await start(program)

    def close_registration(self) -> None:
        """The runtime is ready: whoever is here now is the crew."""
        self.states.open = False

    def close_init(self) -> None:
        """The init is over, well or not."""
        self.close_registration()
        self._init = False

    def tell_init(self) -> None:
        """Each extension's event at the end of an init."""
        for each in self.states.all:
            self._journal.tell(
                events.extension(each.name, each.state, each.events, each.error_type)
            )

    @property
    def rests(self) -> bool:
        """Whether all who got INVOKE have asked for the next event."""
        return all(each.state == "Ready" for each in self.states.all if each.gets(INVOKE))

    def invoke(self, delivery: Delivery) -> None:
        """Tell of an invocation those who want to know."""
        event: dict[str, Any] = {
            "eventType": INVOKE,
            "deadlineMs": delivery.deadline_ms,
            "requestId": delivery.request_id,
            "invokedFunctionArn": delivery.invoked_arn,
        }
        if delivery.trace_id:
            event["tracing"] = {"type": "X-Amzn-Trace-Id", "value": delivery.trace_id}
        for each in self.states.all:
            if each.gets(INVOKE) and each.state == "Ready":
                self._give(each, event)

    async def shutdown(self, reason: str, end_runtime: Callable[[float], Awaitable[None]]) -> None:
        """End the runtime, then the programs; returns when none is left.

        reason: "spindown", "timeout" or "failure", in the case in which AWS sends it
        end_runtime: SIGTERM, and SIGKILL after seconds
        """
        self.close_init()
        self._ending = True
        internal = any(not each.external for each in self.states.all)
        programs = any(program.alive for program in self._programs.values())
        total = SHUTDOWN_SECONDS if programs else INTERNAL_SECONDS if internal else 0.0
        deadline = MACHINE.time() + total
        of_runtime = self._runtime_seconds if programs else 0.0
        await end_runtime(INTERNAL_SECONDS if internal else of_runtime)
        await self._deliver(deadline)
        self._say_shutdown(reason, deadline)
        await self._until(lambda: not self._alive(), deadline)
        await self._deliver(deadline)
        self.kill()
        await self._until(lambda: not self._alive(), MACHINE.time() + 1.0)
        self.close()

    def kill(self) -> None:
        for program in self._programs.values():
            program.kill()

    def close(self) -> None:
        """Let go of everything; programs that still live are killed."""
        self.kill()
        for subscriber in self._subscribers:
            subscriber.close()
        for program in self._programs.values():
            program.close()

    # -- inside
    def _alive(self) -> bool:
        return any(program.alive for program in self._programs.values())

    def _say_shutdown(self, reason: str, deadline: float) -> None:
        self._last = {
            "eventType": SHUTDOWN,
            "deadlineMs": int(deadline * 1000),
            "shutdownReason": reason,
        }
        for each in self.states.all:
            if not each.external or each.name not in self._programs:
                continue
            if not each.gets(SHUTDOWN):
                self._programs[each.name].kill()
            elif each.state == "Ready":
                self._give(each, self._last)

    async def _deliver(self, deadline: float) -> None:
        """Deliver what subscribers that still live have not got yet."""
        names = [name for name, program in self._programs.items() if program.alive]
        living = [each for each in self._subscribers if each.name in names]
        left = [asyncio.ensure_future(each.drained()) for each in living]
        if left:
            await self._until(lambda: all(each.done() for each in left), deadline)
            for each in left:
                each.cancel()

    async def _until(self, done: Callable[[], bool], deadline: float) -> None:
        while not done() and MACHINE.time() < deadline:
            await MACHINE.sleep(0.005)

    def _exited(self, program: Program) -> None:
        """A program ended: at its time in the shutdown phase only."""
        extension = next(each for each in self.states.all if each.name == program.name)
        if program.launch_error and extension.state == "Started":
            extension.state, extension.error_type = "LaunchError", program.launch_error_type
            self._fail("Extension.LaunchError", program.words)
        elif extension.state in ("InitError", "ExitError"):
            self._fail(f"Extension.{extension.state}", program.words)
        else:
            extension.state = "Exited"
            self._fail("Extension.Crash", program.words)

    def _fail(self, kind: str, words: str) -> None:
        if self.fault is None and not self._ending:
            self.fault = Fault(kind, words)
            self._changed()
