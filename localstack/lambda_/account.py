"""What every operation works with: the registry, the clock, the execution side, one account."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from ..clock import Clock
from .errors import conflict
from .function_code import Code
from .hosts import Choice
from .names import Place
from .records import AsyncQueue, Execution, Revision
from .registry import Registry
from .states import Function, Version

Values = Mapping[str, Any]
Answer = dict[str, Any]
Act = Callable[[Values], Awaitable[Answer]]


class Sources(Protocol):
    """The pollers of event source mappings, as the API needs them."""

    async def prepare(self, mapping: Mapping[str, Any]) -> None:
        """Fix where reading of a new mapping begins."""

    def settle_later(self, uuid: str, delay: float) -> None:
        """Let a mapping reach the state it wants: start or stop its poller, or remove it."""

    def result(self, uuid: str) -> str:
        """A mapping's LastProcessingResult; "" before there is one."""


FetchObject = Callable[[str, str, str | None], Awaitable[bytes]]
CheckSource = Callable[[str, int], Awaitable[None]]
FindVpc = Callable[[Sequence[str], Sequence[str]], Awaitable[str]]
# A published version with SnapStart -> whether its init succeeded.
TakeSnapshot = Callable[[Revision], Awaitable[bool]]
Choose = Callable[[str], Awaitable[Choice]]
FindImage = Callable[[str], Awaitable[Code]]
TargetExists = Callable[[str], Awaitable[bool]]


@dataclass(slots=True)
class Surroundings:
    """What the operations reach outside Lambda.

    fetch_object: (bucket, key, version) -> the object's bytes; raises the API's error
    check_source: (ARN, function's timeout) raises the API's error unless the source is there and
                  fits the function
    find_vpc:     (subnets, security groups) -> the VPC they are in; raises the API's error
    choose:       what runs functions of a runtime
    take_snapshot: initialises a published version; whether that went well
    target_exists: whether a destination of this ARN is there
    find_image:   (URI) -> a container image as code; raises the API's error
    url:          the emulator's own address
    warn:         one line for whoever runs the emulator
    """

    fetch_object: FetchObject
    check_source: CheckSource
    find_vpc: FindVpc
    choose: Choose
    target_exists: TargetExists
    take_snapshot: TakeSnapshot
    find_image: FindImage
    url: str = "http://127.0.0.1:4566"
    warn: Callable[[str], None] = lambda line: print(line, file=sys.stderr, flush=True)


@dataclass(slots=True)
class Account:
    """One account in one region, with everything its operations need."""

    place: Place
    registry: Registry
    clock: Clock
    execution: Execution
    events: AsyncQueue
    sources: Sources
    around: Surroundings
    settle_delay: float = 0.0  # seconds a function stays Pending or InProgress
    _taking: set[tuple[str, str]] = field(default_factory=set)
    _settling: dict[str, asyncio.Task[None]] = field(default_factory=dict)

    def require_settled(self, function: Function) -> None:
        """Raises ResourceConflictException while an update is under way."""
        if function.latest.in_progress:
            raise self.under_way(function)

    def under_way(self, function: Function) -> Exception:
        """Another request is changing the function, or has just done so."""
        arn = self.place.function_arn(function.name)
        return conflict(
            "The operation cannot be performed at this time. An update is in progress for "
            f"resource: {arn}"
        )

    def settle_later(self, function: Function) -> None:
        """Let the function become Active and its update Successful, a moment from now."""
        task = asyncio.get_running_loop().create_task(self._settle(function.name))
        self._settling[function.name] = task
        task.add_done_callback(lambda done: self._settled(function.name, done))

    async def settled(self, function: Function) -> Version:
        """Wait until nothing is under way; the latest version then."""
        task = self._settling.get(function.name)
        if task is not None:
            await asyncio.wait({task})
        return function.latest

    async def close(self) -> None:
        for task in list(self._settling.values()):
            task.cancel()

    async def _settle(self, name: str) -> None:
        await self.clock.sleep(self.settle_delay)
        function = self.registry.functions.get(name)
        if function is not None:
            self.registry.settle(function)
            await self._take_snapshots(function)

    async def _take_snapshots(self, function: Function) -> None:
        for version in function.unsettled:
            key = (function.name, version.version)
            if key not in self._taking:
                self._taking.add(key)
                try:
                    revision = self.registry.revision(function, version)
                    well = await self.around.take_snapshot(revision)
                finally:
                    self._taking.discard(key)
                if self.registry.functions.get(function.name) is function:
                    self.registry.snapshot_taken(function, version.version, well)

    def _settled(self, name: str, done: asyncio.Task[None]) -> None:
        if self._settling.get(name) is done:
            del self._settling[name]
        if not done.cancelled():
            done.result()
