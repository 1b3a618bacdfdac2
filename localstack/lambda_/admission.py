"""Who may run now: a function's reserved concurrency, and what the account has left for the others.

A table without a sandbox: calls enter and leave.  A function that reserves runs within what it
reserves.  The others share the rest of the account's concurrency, but for calls that a sandbox
provisioned for them waits for: those have their place already.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

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
        self.inside: set[object] = set()  # a token for each call under way

    def of(self, revision: Revision, has_its_place: bool = False) -> AbstractContextManager[None]:
        """A call of `revision` is under way inside.  Raises `Throttled` when it may not be.

        has_its_place: a sandbox that was provisioned for it is free
        """
        reserved = revision.reserved_concurrency
        return _Admitted(self, revision.name, reserved, reserved is None and not has_its_place)

    def enter(self, name: str, reserved: int | None, shares: bool) -> None:
        """As `of`, to be followed by `leave`; shares: with the others of the account."""
        if reserved is not None and self._running.get(name, 0) >= reserved:
            raise Throttled("ReservedFunctionConcurrentInvocationLimitExceeded")
        if shares and self._sharing >= self._left():
            raise Throttled("ConcurrentInvocationLimitExceeded")
        self.hold(name)
        self._sharing += shares

    def leave(self, name: str, shares: bool) -> None:
        self._sharing -= shares
        self.release(name)

    def hold(self, name: str) -> None:
        """Something of function `name` goes on, whatever its limits are, until `release`."""
        self._running[name] = self._running.get(name, 0) + 1

    def release(self, name: str) -> None:
        self._running[name] -= 1
        if not self._running[name]:
            del self._running[name]


class _Admitted:
    """One call: an object, as every call makes one and a generator costs more."""

    __slots__ = ("_admission", "_name", "_reserved", "_shares")

    def __init__(self, admission: Admission, name: str, reserved: int | None, shares: bool) -> None:
        self._admission, self._name = admission, name
        self._reserved, self._shares = reserved, shares

    def __enter__(self) -> None:
        self._admission.enter(self._name, self._reserved, self._shares)
        self._admission.inside.add(self)

    def __exit__(self, *_: object) -> None:
        self._admission.inside.discard(self)
        self._admission.leave(self._name, self._shares)
