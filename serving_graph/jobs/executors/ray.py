"""Chunks on a ray cluster: a task a chunk."""

from __future__ import annotations

import pickle
from collections.abc import Iterable, Iterator
from typing import Any

from ....handlers.errors import JobFailed
from ...refer import wrong
from ..work import Chunk, Outcome, Work, run_chunk
from .ahead import in_order


class Ray:
    """The ray cluster that this process is connected to, or one of this machine.

    workers: how many chunks are under way at once; twice the cluster's processors when left out

    A worker's graph lives as long as ray keeps the worker: class steps are not closed.
    Raises `GraphError` when ray is not installed.
    """

    remote = True

    def __init__(self, *, workers: int | None = None) -> None:
        try:
            import ray
        except ModuleNotFoundError as error:
            raise wrong(
                f"executor='ray' needs {error.name}, which is not installed", "pip install ray"
            ) from error
        self._ray, self.workers = ray, workers

    def run(self, work: Work, chunks: Iterable[Chunk]) -> Iterator[list[Outcome]]:
        """Raises `JobFailed` when a chunk's worker dies again and again."""
        ray = self._ray
        own = not ray.is_initialized()
        if own:
            ray.init(include_dashboard=False, num_cpus=self.workers, log_to_driver=False)
        task = ray.remote(run_chunk)
        told = ray.put(work)
        under_way: dict[Any, Chunk] = {}

        def submit(chunk: Chunk) -> Any:
            reference = task.remote(told, chunk)
            under_way[reference] = chunk
            return reference

        def result(reference: Any) -> list[Outcome]:
            try:
                outcomes: list[Outcome] = pickle.loads(ray.get(reference))
            except ray.exceptions.WorkerCrashedError as error:
                chunk = under_way[reference]
                last = chunk.first + len(chunk.rows) - 1
                raise JobFailed(
                    f"ray's workers died over rows {chunk.first} to {last}: {error}"
                ) from error
            del under_way[reference]
            return outcomes

        try:
            cpus = int(ray.cluster_resources().get("CPU", 1))
            yield from in_order(chunks, submit, result, ahead=self.workers or 2 * max(1, cpus))
        finally:
            for reference in under_way:
                ray.cancel(reference)
            if own:
                ray.shutdown()
