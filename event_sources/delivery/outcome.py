"""What a handler is given, and what it may say of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from ..message import Message, slots_of


class Failed(Exception):
    """Raise it in a handler, or give it for a message: it failed, and this is how to go on.

    after: seconds until it is tried again; None for the pause that the rules say
    never: no try can help: a dead letter now
    blame: False when it is nobody's fault (the function is busy, or gone): all come again after a
           pause, and it counts as no try
    back:  the broker is to hand it out again, to whomever; so it counts there, and is forgotten
           here.  Where a source gives nothing back, it comes again by itself

    >>> Failed("the table is locked", after=30)
    Failed('the table is locked')
    """

    def __init__(
        self,
        reason: str,
        *,
        after: float | None = None,
        never: bool = False,
        blame: bool = True,
        back: bool = False,
    ) -> None:
        self.reason, self.after, self.never, self.blame = reason, after, never, blame
        self.back = back
        super().__init__(reason)


@dataclass(frozen=True, slots=True, init=False)
class Batch:
    """What a handler is given: messages, oldest first within each lane.

    number: counts the batches of a delivery

    >>> [each.id for each in Batch((Message("1", b"{}"), Message("2", b"{}"))).messages]
    ['1', '2']
    """

    messages: tuple[Message, ...]
    number: int = 0

    # As the one that is made for a frozen class, in half the time.
    def __init__(self, messages: tuple[Message, ...], number: int = 0) -> None:
        _set_messages(self, messages)
        _set_number(self, number)


_set_messages, _set_number = slots_of(Batch, "messages", "number")


class Given(Batch):
    """A batch as an engine makes it, many thousand times a second: its slots are written, by
    nothing slower than that."""

    __slots__ = ()
    __setattr__ = object.__setattr__
    __delattr__ = object.__delattr__


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a batch, where it is not all done.

    failed: message ids, and why; the others are done.  Of one lane, what is behind a failed
            message comes again after it, done or not, so that none overtakes it
    held:   message ids that are neither: they are acknowledged by `Delivery.acknowledge`, later

    >>> Outcome(failed={"2": Failed("no number", never=True)}, held=frozenset({"3"})).held
    frozenset({'3'})
    """

    failed: Mapping[str, Failed] = field(default_factory=dict)
    held: frozenset[str] = frozenset()


DONE = Outcome()

Answer = Awaitable[Outcome | None] | Outcome | None
Handler = Callable[[Batch], Answer]


async def answered(answer: Answer) -> Outcome | None:
    """What a handler has given, whether it is a plain function or one that is awaited."""
    return answer if answer is None or isinstance(answer, Outcome) else await answer
