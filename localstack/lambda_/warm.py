"""Sandboxes that are started ahead of the calls: the execution side of provisioned concurrency.

A pool holds so many initialised sandboxes of one revision.  It gives idle ones out before any
sandbox is started on demand, takes them back after their event, and puts a new one in the place of
each that ends.  Who asked for it, and what of that is told, is `provisioned`'s matter.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from ..clock import Clock
from .records import Allocation, Provision, Revision
from .sandbox import Sandbox

AT_ONCE = 8  # sandboxes whose init runs at one time
LONGEST_PAUSE = 60.0  # seconds between two attempts to replace a sandbox
INIT_FAILED = "FUNCTION_ERROR_INIT_FAILURE"

Start = Callable[[Revision], Awaitable[Sandbox | None]]


@dataclass(eq=False, slots=True)
class Pool:
    """The sandboxes of one revision.

    members:  those that are initialised, idle or busy
    starting: those whose init is under way
    failures: sandboxes that failed, or ended without an event, since one served an event
    """

    provision: Provision
    members: set[Sandbox] = field(default_factory=set)
    idle: list[Sandbox] = field(default_factory=list)
    starting: int = 0
    failures: int = 0
    status: str = "IN_PROGRESS"
    reason: str = ""
    closed: bool = False

    @property
    def missing(self) -> int:
        return 0 if self.closed else self.provision.count - len(self.members) - self.starting


class WarmPools:
    """Every pool of one emulator.

    start:   a sandbox that is ready for events, or None when its init fails
    discard: ends a sandbox
    """

    def __init__(self, start: Start, discard: Callable[[Sandbox], None], clock: Clock) -> None:
        self._start, self._discard, self._clock = start, discard, clock
        self._pools: dict[str, Pool] = {}  # by the key of their revision
        self._of: dict[Sandbox, Pool] = {}
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._tasks: set[asyncio.Task[None]] = set()

    # -- what is wanted
    def want(self, name: str, wanted: Mapping[str, Provision]) -> None:
        """Let function `name` have the pools of `wanted`, by revision key, and no other."""
        for key, pool in list(self._pools.items()):
            if pool.provision.revision.name == name and key not in wanted:
                del self._pools[key]
                pool.closed = True
                self._shrink(pool, 0)
        for key, provision in wanted.items():
            self._resize(key, provision)

    def allocation(self, key: str) -> Allocation:
        """How far the pool of the revision `key` is."""
        pool = self._pools.get(key)
        if pool is None:
            return Allocation()
        count = len(pool.members)
        return Allocation(count, count, pool.status, pool.reason)

    def _resize(self, key: str, provision: Provision) -> None:
        pool = self._pools.get(key)
        if pool is None:
            pool = self._pools[key] = Pool(provision)
        elif pool.provision.token == provision.token and pool.provision.count == provision.count:
            return
        else:
            pool.provision, pool.failures = provision, 0
            pool.status, pool.reason = "IN_PROGRESS", ""
        self._shrink(pool, provision.count)
        self._settle(pool)
        self._fill(pool)

    # -- giving and taking
    def take(self, key: str) -> Sandbox | None:
        """An idle sandbox of the revision `key`, None when there is none."""
        pool = self._pools.get(key)
        while pool is not None and pool.idle:
            sandbox = pool.idle.pop()
            if sandbox.alive:
                return sandbox
        return None

    def has_idle(self, key: str) -> bool:
        """Whether `take` has one to give."""
        pool = self._pools.get(key)
        return pool is not None and any(each.alive for each in pool.idle)

    def holds(self, sandbox: Sandbox) -> bool:
        return sandbox in self._of

    def give_back(self, sandbox: Sandbox) -> bool:
        """Whether it is one of ours; then it is idle again."""
        pool = self._of.get(sandbox)
        if pool is None:
            return False
        pool.idle.append(sandbox)
        pool.failures = 0
        return True

    # -- filling
    def _fill(self, pool: Pool) -> None:
        for _ in range(max(0, pool.missing)):
            pool.starting += 1
            self._begin(self._add(pool))

    async def _add(self, pool: Pool) -> None:
        revision, sandbox = pool.provision.revision, None
        try:
            async with self._slots:
                if pool.closed or len(pool.members) >= pool.provision.count:
                    return
                with self._clock.busy(f"a sandbox of {revision.name} is started ahead"):
                    sandbox = await self._start(revision)
        finally:
            pool.starting -= 1
        if sandbox is None:
            self._failed(pool)
        else:
            self._keep(pool, sandbox)

    def _keep(self, pool: Pool, sandbox: Sandbox) -> None:
        if pool.closed or len(pool.members) >= pool.provision.count:
            self._discard(sandbox)
            return
        if not sandbox.alive:
            self._discard(sandbox)
            self._replace(pool)
            return
        pool.members.add(sandbox)
        pool.idle.append(sandbox)
        self._of[sandbox] = pool
        sandbox.ended = lambda: self._lost(pool, sandbox)
        self._settle(pool)

    def _settle(self, pool: Pool) -> None:
        if pool.status == "IN_PROGRESS" and len(pool.members) >= pool.provision.count:
            pool.status = "READY"

    def _failed(self, pool: Pool) -> None:
        """An allocation that cannot be made has failed; one that was made is mended."""
        if pool.status == "IN_PROGRESS":
            pool.status, pool.reason = "FAILED", INIT_FAILED
        else:
            self._replace(pool)

    def _replace(self, pool: Pool) -> None:
        """Another one, at once for the first that is lost, then after longer and longer pauses."""
        pool.failures += 1
        if pool.status == "FAILED":
            return
        pause = 0.0 if pool.failures == 1 else min(LONGEST_PAUSE, 2.0 ** (pool.failures - 2))
        self._begin(self._fill_later(pool, pause))

    async def _fill_later(self, pool: Pool, seconds: float) -> None:
        await self._clock.sleep(seconds)
        self._fill(pool)

    # -- ending
    def _lost(self, pool: Pool, sandbox: Sandbox) -> None:
        idle = sandbox in pool.idle
        self._let_go(pool, sandbox)
        if idle:
            self._discard(sandbox)
            self._replace(pool)
        elif pool.status != "FAILED":  # its event ended it: the caller is told
            self._fill(pool)

    def _let_go(self, pool: Pool, sandbox: Sandbox) -> None:
        pool.members.discard(sandbox)
        self._of.pop(sandbox, None)
        sandbox.ended = None
        if sandbox in pool.idle:
            pool.idle.remove(sandbox)

    def _shrink(self, pool: Pool, count: int) -> None:
        """Idle sandboxes first; busy ones end after their event."""
        surplus = len(pool.members) - count
        for sandbox in sorted(pool.members, key=lambda each: each not in pool.idle):
            if surplus <= 0:
                return
            surplus -= 1
            idle = sandbox in pool.idle
            self._let_go(pool, sandbox)
            sandbox.retired = True
            if idle:
                self._discard(sandbox)

    def _begin(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.result()

    async def close(self) -> None:
        """Start nothing more; the sandboxes themselves are ended by who closes this."""
        for pool in self._pools.values():
            pool.closed = True
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._pools.clear()
        self._of.clear()
