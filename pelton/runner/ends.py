"""The end of `pelton run`'s functions: when all that was accepted is answered, their hooks run."""

from __future__ import annotations

import traceback
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..runtime.worker import Worker


def end_workers(workers: Sequence[Worker]) -> None:
    """Run the drain and stop hooks of all functions; what one raises is printed."""
    from ..runtime.aws import make_context

    for worker in workers:
        context = make_context(worker.function, worker, None)
        for hook in (worker.drain, worker.end):
            try:
                hook(context)
            except Exception:  # the other functions' hooks must run, too
                traceback.print_exc()
