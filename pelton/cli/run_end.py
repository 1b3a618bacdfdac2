"""The end of `pelton run`: what was accepted is answered, then the functions' hooks run."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from ..runtime.worker import Worker

PATIENCE = 30.0  # seconds that a request under way has when the command is told to end


class InHand:
    """The requests under way; once it is told to end, no more are begun.

    >>> requests = InHand()
    >>> with requests.one() as begun:
    ...     begun
    True
    >>> requests.finish(0)
    0
    >>> with requests.one() as begun:
    ...     begun
    False
    """

    def __init__(self) -> None:
        self._changed, self._count = threading.Condition(), 0
        self.ending = False

    @contextmanager
    def one(self) -> Iterator[bool]:
        """Around one request; False when it must not be begun."""
        with self._changed:
            begun = not self.ending
            self._count += begun
        try:
            yield begun
        finally:
            with self._changed:
                self._count -= begun
                self._changed.notify_all()

    def finish(self, seconds: float) -> int:
        """Begin no more, and wait for those under way; how many are not done when time is over."""
        with self._changed:
            self.ending = True
            self._changed.wait_for(lambda: not self._count, seconds)
            return self._count


def end(requests: InHand, workers: Sequence[Worker]) -> None:
    """Answer what is under way, then run the drain and stop hooks."""
    import traceback

    from ..runtime.aws import make_context

    if left := requests.finish(PATIENCE):
        click.echo(f"{left} requests were not done within {PATIENCE:g} s", err=True)
    for worker in workers:
        context = make_context(worker.function, worker, None)
        for hook in (worker.drain, worker.end):
            try:
                hook(context)
            except Exception:  # the other functions' hooks must run, too
                traceback.print_exc()
