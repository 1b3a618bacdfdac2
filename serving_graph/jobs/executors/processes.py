"""Chunks on processes of this machine, each with a graph of its own."""

from __future__ import annotations

import os
import pickle
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import current_process, get_context, parent_process
from multiprocessing.util import Finalize
from typing import Any

from ....handlers.errors import JobFailed, WrongUse
from ..work import Chunk, Outcome, Work, close, run_chunk
from .ahead import in_order


class Processes:
    """workers: how many processes; as many as the machine has processors when left out."""

    remote = True

    def __init__(self, *, workers: int | None = None) -> None:
        self.workers = workers or os.cpu_count() or 1

    def run(self, work: Work, chunks: Iterable[Chunk]) -> Iterator[list[Outcome]]:
        """Raises `JobFailed` when a process dies, and `WrongUse` in one that began this very job by
        importing the script again."""
        if getattr(current_process(), "_inheriting", False):
            raise WrongUse(
                "the script starts its job again in each of the job's processes, which import it",
                advice="start the job under `if __name__ == '__main__':`",
            )
        # Spawned: a fork of a process that has threads may stand still for ever.
        pool = ProcessPoolExecutor(
            self.workers, get_context("spawn"), initializer=_begin, initargs=(work.token,)
        )

        def submit(chunk: Chunk) -> Any:
            return chunk, pool.submit(run_chunk, work, chunk)

        try:
            yield from in_order(chunks, submit, _result, ahead=2 * self.workers)
        except BrokenProcessPool as error:
            raise JobFailed("a worker process died while the job ran") from error
        finally:
            pool.shutdown(cancel_futures=True)


def _begin(token: str) -> None:
    """In a new process: the graph's class steps are closed when it ends, and it ends when the
    process that it works for is gone, however that ended."""
    Finalize(None, close, (token,), exitpriority=10)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    if (parent := parent_process()) is not None:
        parent.join()
        os._exit(1)


def _result(submitted: Any) -> list[Outcome]:
    chunk, future = submitted
    try:
        outcomes: list[Outcome] = pickle.loads(future.result())
    except BrokenProcessPool as error:
        last = chunk.first + len(chunk.rows) - 1
        raise JobFailed(
            "a worker process died (killed, out of memory, or by what it says above) while rows "
            f"{chunk.first} to {last} were under way; "
            "smaller chunks or fewer workers need less memory"
        ) from error
    return outcomes
