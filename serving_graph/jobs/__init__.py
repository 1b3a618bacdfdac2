"""A graph as a job over a dataset: the same compiled graph, row by row, here or on an engine."""

from .job import JobResult, run_job
from .work import RowError

__all__ = ["JobResult", "RowError", "run_job"]
