"""What a function is on its platform, wanted or live: one shape each, so that two compare.

Plain frozen data: no client, no file is opened, nothing here knows where it came from.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

DIGEST_TAG = "pelton:digest"  # of the artifact's file manifest
CODE_TAG = "pelton:code"  # CodeSha256 when that digest went up: tells code changed by others
APP_TAG = "pelton:app"
DIGEST_ANNOTATION = "pelton/digest"
SPEC_ANNOTATION = "pelton/spec"  # the spec as last asked for: dashboards add their own defaults


@dataclass(frozen=True, slots=True)
class Code:
    """An artifact as an upload needs it.  `sha256` is hex, of the zip; `digest` of its files."""

    path: Path
    sha256: str
    digest: str
    bucket: str = ""  # through S3 when set
    key: str = ""


@dataclass(frozen=True, slots=True)
class QueueMapping:
    """An SQS event source mapping.  `window` in seconds."""

    queue: str
    arn: str
    batch: int = 10
    window: int = 0
    partial_failures: bool = True
    uuid: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class StreamMapping:
    """A Kinesis event source mapping.  `window` in seconds; `retries` -1: as long as the stream
    keeps its records; `failures`: the ARN of the queue that is told of what was given up.

    `start` is where a new one begins; one that is there goes on where it stands.
    """

    stream: str
    arn: str
    batch: int = 100
    window: int = 0
    retries: int = -1
    failures: str = ""
    bisect: bool = True
    partial_failures: bool = True
    start: str = field(default="LATEST", compare=False)
    uuid: str = field(default="", compare=False)


SourceMapping = QueueMapping | StreamMapping


@dataclass(frozen=True, slots=True)
class StreamState:
    """A stream that functions read, or the queue of what they could not: made when it is not
    there, and never changed after."""

    name: str
    function: str = field(default="", compare=False)  # wanted only: the first that names it


@dataclass(frozen=True, slots=True)
class QueueState:
    """A queue between the functions of a graph.  `visibility` in seconds; `receives`: how often a
    message is handed out before the queue gives it to `dead_letter`."""

    name: str
    visibility: int
    dead_letter: str
    receives: int
    ordered: bool = False
    function: str = field(default="", compare=False)  # wanted only: the first that names it


@dataclass(frozen=True, slots=True)
class Schedule:
    """A rule that calls the function.  `expression` in EventBridge's words."""

    rule: str
    expression: str


@dataclass(frozen=True, slots=True)
class Statement:
    """Who may call the function.  Two are one when their ids are: the id says who."""

    sid: str
    action: str = field(default="lambda:InvokeFunction", compare=False)
    principal: str = field(default="*", compare=False)
    source_arn: str = field(default="", compare=False)
    url: bool = field(default=False, compare=False)  # only through the function's own URL


@dataclass(frozen=True, slots=True)
class LambdaFunction:
    """A Lambda function with all that hangs on it.  Memory in MB, timeout in seconds.

    `mappings` are those of SQS queues and Kinesis streams; `schedules` and `permissions` those that
    pelton made.
    """

    name: str
    runtime: str
    handler: str
    role: str
    architecture: str = "x86_64"
    memory: int = 128
    timeout: int = 3
    description: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    ephemeral_mb: int = 512
    concurrency: int | None = None
    url: bool = False
    routes: tuple[str, ...] = field(default=(), compare=False)  # wanted only: in the code
    mappings: tuple[SourceMapping, ...] = ()
    schedules: tuple[Schedule, ...] = ()
    permissions: tuple[Statement, ...] = ()
    code_sha256: str = field(default="", compare=False)  # live only: base64, as Lambda says it


@dataclass(frozen=True, slots=True)
class NuclioFunction:
    """A Nuclio function: its config's spec without the archive's address, and what it was built
    from.  `state` and `url` are live only."""

    name: str
    project: str
    spec: Mapping[str, Any]
    digest: str
    labels: Mapping[str, str] = field(default_factory=dict)
    namespace: str = "nuclio"
    state: str = field(default="", compare=False)
    routes: tuple[str, ...] = field(default=(), compare=False)  # wanted only: in the code


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an app asks for, with the code it asks for, by function name."""

    app: str
    lambdas: tuple[LambdaFunction, ...] = ()
    nuclios: tuple[NuclioFunction, ...] = ()
    lambda_code: Mapping[str, Code] = field(default_factory=dict)
    nuclio_code: Mapping[str, Code] = field(default_factory=dict)
    queues: tuple[QueueState, ...] = ()
    streams: tuple[StreamState, ...] = ()
    letters: tuple[StreamState, ...] = ()  # queues of what a stream's reader could not take
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Live:
    """What is there now, by function name; what is absent is not there."""

    lambdas: Mapping[str, LambdaFunction] = field(default_factory=dict)
    nuclios: Mapping[str, NuclioFunction] = field(default_factory=dict)
    buckets: frozenset[str] = frozenset()
    projects: frozenset[str] = frozenset()
    queues: Mapping[str, QueueState] = field(default_factory=dict)
    streams: frozenset[str] = frozenset()
    letters: frozenset[str] = frozenset()
