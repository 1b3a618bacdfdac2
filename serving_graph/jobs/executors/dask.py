"""Chunks on a dask cluster."""

from __future__ import annotations

import pickle
from collections.abc import Iterable, Iterator
from typing import Any

from ....handlers.errors import JobFailed
from ...refer import wrong
from ..work import Chunk, Outcome, Work, close, run_chunk
from .ahead import in_order


class Dask:
    """A dask cluster: the client given, or a cluster of this machine made for the job.

    client:  a `distributed.Client`; the graph's modules and pelton must be importable there
    workers: how many workers the machine's own cluster has

    Raises `GraphError` when dask is not installed.
    """

    remote = True

    def __init__(self, client: Any = None, *, workers: int | None = None) -> None:
        try:
            import distributed
        except ModuleNotFoundError as error:
            raise wrong(
                f"executor='dask' needs {error.name}, which is not installed",
                "pip install 'pelton[dask]'",
            ) from error
        self.client, self.workers = client, workers
        self._distributed: Any = distributed  # it has no types

    def run(self, work: Work, chunks: Iterable[Chunk]) -> Iterator[list[Outcome]]:
        """Raises `JobFailed` when a chunk's worker dies again and again."""
        if self.client is not None:
            yield from self._on(self.client, work, chunks)
            return
        kit = self._distributed
        own = kit.LocalCluster(n_workers=self.workers, threads_per_worker=1, dashboard_address=None)
        with own as cluster, kit.Client(cluster) as client:
            yield from self._on(client, work, chunks)

    def _on(self, client: Any, work: Work, chunks: Iterable[Chunk]) -> Iterator[list[Outcome]]:
        under_way = set[Any]()

        def submit(chunk: Chunk) -> Any:
            future = client.submit(run_chunk, work, chunk, pure=False)
            under_way.add(future)
            return chunk, future

        def result(submitted: Any) -> list[Outcome]:
            chunk, future = submitted
            try:
                outcomes: list[Outcome] = pickle.loads(future.result())
            except self._distributed.KilledWorker as error:
                last = chunk.first + len(chunk.rows) - 1
                raise JobFailed(
                    f"dask's workers died over rows {chunk.first} to {last}: {error}"
                ) from error
            under_way.discard(future)
            return outcomes

        try:
            ahead = 2 * max(1, len(client.scheduler_info()["workers"]))
            yield from in_order(chunks, submit, result, ahead=ahead)
        finally:
            client.cancel(list(under_way))
            self._close(client, work.token)

    def _close(self, client: Any, token: str) -> None:
        """A task on each worker that is left, and not `client.run`: that would hold up its loop."""
        there = list(client.scheduler_info()["workers"])
        last = [client.submit(close, token, workers=[each], pure=False) for each in there]
        self._distributed.wait(last)
