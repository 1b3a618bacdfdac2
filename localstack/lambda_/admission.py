"""Who may run now: a function's reserved concurrency, and what the account has left for the others.

A table without a sandbox: calls enter and leave.  A function that reserves runs within what it
reserves.  The others share the rest of the account's concurrency, but for calls that a sandbox
provisioned for them waits for: those have their place already.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from .records import Revision, Throttled


class Admission:
    """The calls under way in one account.

    left: how many calls of functions that reserve nothing may run at one time

    >>> from pathlib import Path
    >>> f = Revision("", "f", "", "1", "", "", "", "", 128, 3, {}, Path(), "", reserved_concurrency=1)
    >>> admission = Admission(lambda: 100)
    >>> with admission.of(f):
    ...     with admission.of(f):
    ...         pass
    Traceback (most recent call last):
    pelton.localstack.lambda_.records.Throttled: ReservedFunctionConcurrentInvocationLimitExceeded
    """  # noqa: E501 - a line of an example

    def __init__(self, left: Callable[[], int]) -> None:
        self._left = left
        self._running: dict[str, int] = {}  # by function; all of them
        self._sharing = 0

    @contextmanager
    def of(self, revision: Revision, has_its_place: bool = False) -> Iterator[None]:
        """A call of `revision` is under way inside.  Raises `Throttled` when it may not be.

        has_its_place: a sandbox that was provisioned for it is free
        """
        name, reserved = revision.name, revision.reserved_concurrency
        shares = reserved is None and not has_its_place
        running = self._running.get(name, 0)
        if reserved is not None and running >= reserved:
            raise Throttled("ReservedFunctionConcurrentInvocationLimitExceeded")
        if shares and self._sharing >= self._left():
            raise Throttled("ConcurrentInvocationLimitExceeded")
        self.hold(name)
        self._sharing += shares
        try:
            yield
        finally:
            self._sharing -= shares
            self.release(name)

    def hold(self, name: str) -> None:
        """Something of function `name` goes on, whatever its limits are, until `release`."""
        self._running[name] = self._running.get(name, 0) + 1

    def release(self, name: str) -> None:
        self._running[name] -= 1
        if not self._running[name]:
            del self._running[name]
