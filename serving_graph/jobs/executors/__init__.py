"""Who runs the chunks of a job: one engine a file, all of one shape, loaded when it is chosen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from importlib import import_module
from typing import Any, Protocol

from ...refer import meant, wrong
from ..work import Chunk, Outcome, Work

# An engine's word: its module here and the class in it.
ENGINES = {
    "local": ("local", "Local"),
    "processes": ("processes", "Processes"),
    "dask": ("dask", "Dask"),
    "ray": ("ray", "Ray"),
}


class JobExecutor(Protocol):
    """Runs chunks and gives their outcomes in the order of the chunks.

    Chunks are taken only a few ahead of what was given back, so that a dataset of any size passes.
    When the iterator is closed nothing of the job runs on.

    remote: whether chunks leave this process, so that the graph must be one that a spec can name
    """

    remote: bool

    def run(self, work: Work, chunks: Iterable[Chunk]) -> Iterator[list[Outcome]]: ...


def executor_of(chosen: Any, workers: int | None) -> Any:
    """The engine that a word names; an object that runs chunks itself is left as it is.

    Raises `GraphError` for a word that names none.
    """
    if not isinstance(chosen, str):
        return chosen
    if chosen not in ENGINES:
        raise wrong(f"no executor is called {chosen!r}", meant(chosen, list(ENGINES)))
    module, name = ENGINES[chosen]
    return getattr(import_module(f".{module}", __name__), name)(workers=workers)
