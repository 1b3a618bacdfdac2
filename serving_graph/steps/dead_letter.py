"""Events that always fail are put aside, with all that is needed to look at them."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from ..compile import note, remark
from ..deadline import time_left
from ..drive import AsyncRun
from ..kit.around import Around, called, check_gives, check_whole
from ..kit.base import Branches, Drop, Step
from ..kit.hold import Wait
from ..kit.on import REFUSALS
from ..letters import DeadLetter, File, Mailbox, letter
from ..refer import Place, meant, place, wrong
from ..spec import Key, StepSpec
from .call import steps_of
from .fallback import tell

if TYPE_CHECKING:
    from ..run import Worker
    from .queue import Queue

TO = "to"
DROP, RAISE = "drop", "raise"

Put = Callable[[DeadLetter, Any], Awaitable[Any]]


class DeadLetters(Around):
    """See `dead_letter`."""

    def __init__(self, branches: Branches, options: dict[str, Any], name: str, at: Place) -> None:
        what = called("dead_letter", name, branches)
        check_whole(what, "attempts", options["attempts"], at, least=1)
        if options["then"] not in (DROP, RAISE):
            advice = meant(str(options["then"]), [DROP, RAISE])
            raise wrong(f"{what}: then={options['then']!r} is not known", advice, at=at)
        self.repeats = options["attempts"] > 1
        super().__init__("dead_letter", branches, name, at, options)
        self.attempts, self.then = options["attempts"], options["then"]
        self.file, self.queue = options["file"], options["queue"]
        self.broker: str = (self.queue or {}).get("broker", "")
        self.drops = self.drops or self.then == DROP
        for _, steps in branches[1:]:
            check_gives(self, steps[0], DeadLetter, "a letter is a")

    def policy(
        self, runs: dict[Key, AsyncRun], path: str, worker: Worker, wait: Wait
    ) -> Callable[[Any, Any], Coroutine[Any, Any, Any]]:
        run, put = runs[""], self._sink(runs, worker, path)
        letters = worker.counter(path, "dead_letters")

        async def put_aside(error: Exception, value: Any, attempt: int, context: Any) -> None:
            one = letter(error, path, value, _tries(error, attempt), context)
            await _deliver(put, one, path, context)
            letters(1)
            tell(context, "dead letter", path, error)

        async def kept(value: Any, context: Any) -> Any:
            attempt, comes_again = _delivery(context)
            while True:
                try:
                    return await run(value, context)
                except Exception as error:
                    if self._dead(error, attempt):
                        await put_aside(error, value, attempt, context)
                        if self.then == DROP:
                            raise Drop from None
                        raise
                    if comes_again or time_left(context) <= 0:
                        raise
                attempt += 1

        return kept

    def _dead(self, error: Exception, attempt: int) -> bool:
        return attempt >= self.attempts or isinstance(error, REFUSALS)

    def _sink(self, runs: dict[Key, AsyncRun], worker: Worker, path: str) -> Put:
        if TO in runs:
            return runs[TO]
        if self.file:
            sink: File | Mailbox = worker.make(partial(File, self.file), path)
        else:
            sink = _mailbox(self.queue)

        async def put(one: DeadLetter, context: Any) -> None:
            sink.put(one, context)

        return put


def _mailbox(queue: dict[str, str]) -> Mailbox:
    from ..brokers import broker_at
    from .queue import Address

    return Mailbox(broker_at(queue.get("broker") or f"{queue['kind']}:"), Address(queue["name"]))


async def _deliver(put: Put, one: DeadLetter, path: str, context: Any) -> None:
    try:
        await put(one, context)
    except Exception as error:
        if not hasattr(error, "step"):
            note(error, path)
        remark(error, f"and {one['error']}: {one['reason']:.200} is in no dead letter")
        raise


def _delivery(context: Any) -> tuple[int, bool]:
    """Which attempt this is, and whether a queue brings the event again: then the queue counts."""
    delivery = None if context is None else context.delivery
    if delivery is not None and delivery.queue:
        return delivery.attempt, True
    event: Any = None if context is None else context.event
    if getattr(event, "trigger", "") != "sqs":
        return 1, False
    attributes = event.raw.get("attributes") if isinstance(event.raw, dict) else None
    return int((attributes or {}).get("ApproximateReceiveCount", 1)), True


def _tries(error: Exception, attempt: int) -> int:
    """All of them, those that a `retry` inside made included."""
    inner = getattr(error, "attempts", 1)
    return attempt * inner if isinstance(inner, int) else attempt


def dead_letter(
    step: Any, to: Any, *, attempts: int = 1, then: str = DROP, name: str = ""
) -> Step[Any, Any]:
    """A step whose failed events are put aside: a `DeadLetter` says the reason, the step's path,
    the input's digest and the attempts, and has the input itself.

    to:       a file of JSON lines ("letters.jsonl", or a path, in a folder that is there);
              `steps.queue("name")`, a queue that is there; or a function or step that takes the
              letter
    attempts: how often an event is tried before.  An event that a queue brings is tried once each
              time it comes, the others at once; `Reject`, `InvalidInput` and `MalformedBody` are
              put aside the first time
    then:     "drop": the event is done with, and the graph's answer is None; "raise": the error
              goes on, for a caller who waits for an answer

    Where the letter cannot be put the event fails with that error: nothing is lost.

    Raises `GraphError` for something else to put letters in, or a step that takes no letter.  The
    folder of a path from the root may be only where the graph runs: it is asked for at its load.

    >>> from pelton import Graph, steps
    >>> kept = []
    >>> def keep(letter: dict) -> None:
    ...     kept.append(letter)
    >>> def share(n: int) -> float:
    ...     return 12 / n
    >>> graph = Graph("g", int) >> steps.dead_letter(share, to=keep)
    >>> graph(4), graph(0), kept[0]["error"], kept[0]["input"]
    (3.0, None, 'ZeroDivisionError', 0)
    """
    at = place()
    held: Branches = (("", steps_of(step)),)
    options: dict[str, Any] = {"attempts": attempts, "then": then, "file": "", "queue": None}
    if isinstance(to, (str, PurePath)):
        options["file"] = _file(str(to), called("dead_letter", name, held), at)
    elif isinstance(to, Step) and to.splits:
        queue: Queue = to  # type: ignore[assignment]
        broker = {"broker": queue.broker} if queue.broker else {}
        options["queue"] = {"kind": queue.kind, "name": queue.name, **broker}
    else:
        held = (*held, (TO, steps_of(to)))
    return DeadLetters(held, options, name, at)


def _file(path: str, what: str, at: Place) -> str:
    if not path.endswith(".jsonl"):
        raise wrong(
            f"{what}: {path!r} is no file of JSON lines",
            'name one (".jsonl"), or give a queue: steps.queue("name")',
            at=at,
        )
    folder = os.path.dirname(path) or "."
    if not os.path.isabs(path) and not os.path.isdir(folder):
        raise wrong(
            f"{what}: {path!r} is in the folder {folder!r}, which is not there",
            "make it, or name a file in one that is there",
            at=at,
        )
    return path


def rebuild(spec: StepSpec, branches: Branches, at: Place) -> Step[Any, Any]:
    words = ("attempts", "then", "file", "queue")
    return DeadLetters(branches, {word: spec.option(word) for word in words}, spec.name, at)
