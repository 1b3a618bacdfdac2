"""The instructions a plan is made of: frozen data that can be printed, compared and tested.

Each says the function it concerns, the part of it (`code`, `configuration`, `triggers`,
`permissions`; `function` for a new one) and, as `changes`, what was and what will be.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from .states import (
    Code,
    LambdaFunction,
    NuclioFunction,
    QueueMapping,
    QueueState,
    Schedule,
    SourceMapping,
    Statement,
    StreamMapping,
)


@dataclass(frozen=True, slots=True)
class Change:
    """One value that will be another.  `old` is None for what is not there yet."""

    what: str
    old: Any
    new: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Instruction:
    """One thing to do for `function`, and why."""

    platform: ClassVar[str] = "lambda"
    part: ClassVar[str] = "configuration"
    function: str
    changes: tuple[Change, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateBucket(Instruction):
    """Make the bucket archives go through."""

    platform: ClassVar[str] = "s3"
    part: ClassVar[str] = "code"
    bucket: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadArchive(Instruction):
    """Put an artifact into the bucket, under a name made of its content."""

    platform: ClassVar[str] = "s3"
    part: ClassVar[str] = "code"
    code: Code


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateFunction(Instruction):
    """Make a Lambda function from code and configuration; come back when it is active."""

    part: ClassVar[str] = "function"
    wanted: LambdaFunction
    code: Code


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateCode(Instruction):
    """Give a Lambda function other code; come back when the update is done."""

    part: ClassVar[str] = "code"
    code: Code
    architecture: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateConfiguration(Instruction):
    """Give a Lambda function other settings; come back when the update is done."""

    wanted: LambdaFunction


@dataclass(frozen=True, slots=True, kw_only=True)
class SetTags(Instruction):
    """Set and remove tags (of which some say what was deployed)."""

    tags: tuple[tuple[str, str], ...] = ()
    removed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SetConcurrency(Instruction):
    """Reserve concurrency; None gives the reservation back."""

    concurrency: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateQueue(Instruction):
    """Make a queue between two functions of a graph, and the one for its dead letters."""

    platform: ClassVar[str] = "sqs"
    part: ClassVar[str] = "queue"
    queue: QueueState


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateQueue(Instruction):
    """Give such a queue other attributes."""

    platform: ClassVar[str] = "sqs"
    part: ClassVar[str] = "queue"
    queue: QueueState


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateStream(Instruction):
    """Make a stream that a function reads; come back when it is active."""

    platform: ClassVar[str] = "kinesis"
    part: ClassVar[str] = "stream"
    stream: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateLetters(Instruction):
    """Make the queue of what a stream's reader could not take."""

    platform: ClassVar[str] = "sqs"
    part: ClassVar[str] = "queue"
    queue: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateQueueMapping(Instruction):
    """Let a queue call the function."""

    part: ClassVar[str] = "triggers"
    mapping: QueueMapping


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateStreamMapping(Instruction):
    """Let a stream call the function, from where its trigger says."""

    part: ClassVar[str] = "triggers"
    mapping: StreamMapping


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateMapping(Instruction):
    """Change how a queue or a stream calls the function."""

    part: ClassVar[str] = "triggers"
    mapping: SourceMapping


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteMapping(Instruction):
    """Stop a queue or a stream from calling the function."""

    part: ClassVar[str] = "triggers"
    mapping: SourceMapping


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateUrl(Instruction):
    """Give the function a URL of its own."""

    part: ClassVar[str] = "triggers"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteUrl(Instruction):
    """Take the function's URL away."""

    part: ClassVar[str] = "triggers"


@dataclass(frozen=True, slots=True, kw_only=True)
class PutSchedule(Instruction):
    """Make or change a rule that calls the function."""

    part: ClassVar[str] = "triggers"
    schedule: Schedule


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteSchedule(Instruction):
    """Take a rule away."""

    part: ClassVar[str] = "triggers"
    schedule: Schedule


@dataclass(frozen=True, slots=True, kw_only=True)
class AddPermission(Instruction):
    """Let someone call the function."""

    part: ClassVar[str] = "permissions"
    statement: Statement


@dataclass(frozen=True, slots=True, kw_only=True)
class RemovePermission(Instruction):
    """Take a statement of ours away."""

    part: ClassVar[str] = "permissions"
    statement: Statement


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateProject(Instruction):
    """Make the Nuclio project the app's functions live in."""

    platform: ClassVar[str] = "nuclio"
    project: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateNuclioFunction(Instruction):
    """Make a Nuclio function from an uploaded archive; come back when it is ready."""

    platform: ClassVar[str] = "nuclio"
    part: ClassVar[str] = "function"
    wanted: NuclioFunction
    code: Code


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateNuclioFunction(Instruction):
    """Deploy a Nuclio function anew (Nuclio builds code and configuration together)."""

    platform: ClassVar[str] = "nuclio"
    wanted: NuclioFunction
    code: Code
