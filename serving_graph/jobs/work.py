"""What one worker of a job does: make the graph once, run chunks of rows, say what failed.

All that goes to another process is plain data: the graph's spec, the rows, the outcomes.  Knows no
engine.
"""

from __future__ import annotations

import pickle
import sys
from _thread import get_ident
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from ...handlers.context import Context
from ...handlers.event import Event
from ..graph import Graph
from ..run import Executor

TOGETHER = 64  # rows of an async graph that wait at the same time


class RowError(NamedTuple):
    """A row that failed.

    row:          its place in the dataset, from 0
    type, message: of the error
    step:         the path of the step that raised it; "" for a row that does not fit the graph
    input_digest: of what that step was given
    trace:        the whole trace, as text
    """

    row: int
    type: str
    message: str
    step: str = ""
    input_digest: str = ""
    trace: str = ""

    def __str__(self) -> str:
        where = f" in step {self.step}" if self.step else ""
        return f"row {self.row}: {self.type}: {self.message}{where}"


class Chunk(NamedTuple):
    """Some rows, and the place of the first in the dataset."""

    first: int
    rows: Sequence[Any]


Outcome = tuple[Any, RowError | None]  # the answer, or what failed


class Work(NamedTuple):
    """A job as every worker is told of it.

    token:  the job's own name, under which a worker keeps its graph
    graph:  the graph's spec as a dict
    decode: whether rows are values of the graph's input type as JSON has them
    paths:  where the graph's modules are imported from
    """

    token: str
    graph: dict[str, Any]
    decode: bool
    paths: tuple[str, ...]


class Hand:
    """A graph made and loaded for rows."""

    def __init__(self, graph: Graph[Any, Any], *, decode: bool) -> None:
        self.graph, self._context = graph, Context(function_name=graph.name)
        self._run: Executor = graph.compile()
        self._decode = decoder(graph) if decode else None
        self._runner: Any = None
        self._run.load(self._context)

    def run(self, chunk: Chunk) -> list[Outcome]:
        """Each row's outcome, in order.  No error of a row ends the others."""
        try:
            return self._all(chunk)
        finally:
            self._run.settle()  # what rows set going aside is of this chunk, too

    def _all(self, chunk: Chunk) -> list[Outcome]:
        if not self.graph.is_async:
            return [self._one(chunk.first + n, row) for n, row in enumerate(chunk.rows)]
        import asyncio

        self._runner = self._runner or asyncio.Runner()
        outcomes: list[Outcome] = self._runner.run(self._together(chunk))
        return outcomes

    def close(self) -> None:
        self._run.drain(self._context)
        self._run.stop(self._context)
        if self._runner is not None:
            self._runner.close()

    def _one(self, number: int, row: Any) -> Outcome:
        try:
            return self._run(self._value(row), self._told(number)), None
        except Exception as error:  # one row's failure is its own
            return None, row_error(number, error)

    async def _together(self, chunk: Chunk) -> list[Outcome]:
        import asyncio

        places = asyncio.Semaphore(TOGETHER)

        async def one(number: int, row: Any) -> Outcome:
            async with places:
                try:
                    return await self._run(self._value(row), self._told(number)), None
                except Exception as error:  # one row's failure is its own
                    return None, row_error(number, error)

        numbered = enumerate(chunk.rows, chunk.first)
        return await asyncio.gather(*(one(number, row) for number, row in numbered))

    def _value(self, row: Any) -> Any:
        return row if self._decode is None else self._decode(row)

    def _told(self, number: int) -> Context:
        told = self._context.part()
        told.request_id = f"row-{number}"
        return told


def decoder(graph: Graph[Any, Any]) -> Callable[[Any], Any]:
    """What makes a row of plain values what the graph takes; raises `InvalidInput`."""
    from ...handlers.codec import codec_for
    from ...handlers.codec.signature import Signature

    signature = Signature(
        order=("body",), input_type=graph.input_type, output_type=Any, is_async=False
    )
    codec = codec_for(signature, name=graph.name, where=(graph.file, graph.line))
    context = Context()

    def decode(row: Any) -> Any:
        return codec.decode(Event(body=row), context)[0]

    return decode


def row_error(number: int, error: Exception) -> RowError:
    import traceback

    step, digest = (str(getattr(error, name, "")) for name in ("step", "input_digest"))
    trace = "".join(traceback.format_exception(error))
    return RowError(number, type(error).__name__, str(error), step, digest, trace)


# By job and thread: an engine may have several threads in a process, a graph has one caller here.
_hands: dict[tuple[str, int], Hand] = {}


def run_chunk(work: Work, chunk: Chunk) -> bytes:
    """A chunk's outcomes, pickled, in a worker's process: the graph is made with the first."""
    own = work.token, get_ident()
    hand = _hands.get(own)
    if hand is None:
        for path in reversed(work.paths):
            if path not in sys.path:
                sys.path.insert(0, path)
        hand = _hands[own] = Hand(Graph.from_spec(work.graph), decode=work.decode)
    return packed(hand.run(chunk), chunk.first)


def close(token: str) -> None:
    """Close the graphs of a job in this worker, where it has any."""
    for own in [each for each in list(_hands) if each[0] == token]:
        _hands.pop(own).close()


def packed(outcomes: list[Outcome], first: int) -> bytes:
    """Outcomes as bytes; an answer that cannot be sent is an error of its row."""
    try:
        return pickle.dumps(outcomes)
    except (pickle.PicklingError, TypeError, AttributeError):
        return pickle.dumps([_sendable(each, first + n) for n, each in enumerate(outcomes)])


def _sendable(outcome: Outcome, number: int) -> Outcome:
    try:
        pickle.dumps(outcome)
    except (pickle.PicklingError, TypeError, AttributeError) as error:
        said = f"the answer, a {type(outcome[0]).__name__}, cannot leave its process: {error}"
        return None, RowError(number, "InvalidOutput", said)
    return outcome
