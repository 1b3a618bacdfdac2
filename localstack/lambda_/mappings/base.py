"""What every event source is to the API, and what every poller is given and gives.

A `Kind` says which members of a mapping a source takes, with which defaults and limits; `Tools` are
what a poller may ask of the rest of the emulator.  Neither knows a single source.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from ...bell import Bell
from ...clock import Clock
from ..errors import invalid
from ..records import Outcome
from .positions import Positions

Mapped = Mapping[str, Any]  # a mapping's members, as the API names them


class SourceRefused(Exception):
    """The source's service answered with an error; `code` is its name."""

    def __init__(self, code: str, message: str = "") -> None:
        self.code, self.message = code, message
        super().__init__(f"{code}: {message}" if message else code)


class FunctionGone(Exception):
    """The function that a mapping names does not exist (any more), or could not be started."""


# (service, operation, members) -> the answer's members; raises SourceRefused.
CallSource = Callable[[str, str, dict[str, Any]], Awaitable[dict[str, Any]]]
# (function ARN, payload, request id) -> how it ended; raises Throttled, or FunctionGone.
InvokeFunction = Callable[[str, bytes, str], Awaitable[Outcome]]
# (destination ARN, record, S3 key) -> nothing; raises SourceRefused.
SendRecord = Callable[[str, bytes, str], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Tools:
    """What pollers ask of the rest.

    require: raises FunctionGone when the function of this ARN is not there
    role:   the role ARN of a function, which Kinesis records carry
    report: one line for whoever runs the emulator
    tell:   (UUID, words): a mapping's LastProcessingResult
    """

    call: CallSource
    invoke: InvokeFunction
    send: SendRecord
    clock: Clock
    bell: Bell
    positions: Positions
    require: Callable[[str], None]
    role: Callable[[str], str] = lambda function_arn: ""
    report: Callable[[str], None] = lambda line: None
    tell: Callable[[str, str], None] = lambda uuid, words: None


class Poller(Protocol):
    """What reads one source for one mapping."""

    async def prepare(self) -> None:
        """Fix where reading begins, so that what comes from now on is read."""

    def start(self) -> None:
        """Begin to poll."""

    async def stop(self) -> None:
        """Take nothing more; come back when what is in hand is done."""

    async def abort(self) -> None:
        """End at once; what was in hand is read again."""


def begin(work: Coroutine[Any, Any, None], what: str, tools: Tools) -> asyncio.Task[None]:
    """A poller's own task; one that ends by a fault of ours says so, and is not silent."""

    def ended(task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            tools.report(f"{what} stopped: {error!r}")

    task = asyncio.get_running_loop().create_task(work)
    task.add_done_callback(ended)
    return task


def nothing_more(mapped: Mapped) -> None:
    """No rule beyond those of every source."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of source.

    defaults: members that a new mapping has, with their values, unless the caller says otherwise
    takes:    further members that may be given
    most:     the largest BatchSize
    reason:   StateTransitionReason after an action of the user
    conflict: ({arn}, {function}) -> the sentence before "Please update or delete ..."
    check:    rules on the members together; raises InvalidParameterValueException
    refused:  a sentence when the emulator does not have this source, else ""
    """

    name: str
    defaults: Mapped
    takes: frozenset[str]
    most: int = 10_000
    reason: str = "User action"
    conflict: str = ""
    check: Callable[[Mapped], None] = nothing_more
    refused: str = ""
    result: str = ""  # LastProcessingResult before the first batch; "" when there is never one
    settings: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "settings", self.takes | frozenset(self.defaults))


def unsupported(member: str) -> Exception:
    """The refusal of a member that a source does not have (recorded for DestinationConfig)."""
    return invalid(f"Unsupported {member} parameter for given event source mapping type.")


def source_name(arn: str) -> str:
    """The queue's or stream's name.

    >>> source_name("arn:aws:kinesis:us-east-1:0:stream/s/consumer/c:1"), source_name("a:b:q")
    ('s', 'q')
    """
    resource = arn.split(":", 5)[-1]
    if "/" in resource:
        return resource.split("/")[1]
    return resource.rpartition(":")[2]
