"""What the Lambda API side and the execution side say to each other.

The API side (api, functions, store) makes a `Revision` when a function is called; the
execution side (invocations, sandbox) answers with an `Outcome`.  Both are plain data.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from ..debugging.setting import Debug
from .streams import ResponseStream


@dataclass(frozen=True, slots=True)
class ImageRun:
    """A container image as it will run: its name to the engine, its command line, where it is run
    ("" where the image itself says), the names of its external extensions."""

    id: str
    command: tuple[str, ...]
    directory: str = ""
    extensions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Revision:
    """One immutable state of a function: its code and configuration as they will run.

    `key` changes whenever code or configuration does, so sandboxes are never shared by two
    revisions.  `arn` is the unqualified function ARN; `version` is "$LATEST" or a number.
    """

    key: str
    name: str
    arn: str
    version: str
    region: str
    account: str
    runtime: str
    handler: str
    memory_mb: int
    timeout_s: int
    environment: Mapping[str, str]
    code_dir: Path
    log_group: str
    log_format: str = "Text"
    application_level: str = "INFO"  # both levels matter with the JSON format only
    system_level: str = "INFO"
    reserved_concurrency: int | None = None
    scratch_mb: int = 512  # the size of /tmp
    initialization: str = "on-demand"  # or "provisioned-concurrency", "snap-start"
    traced: bool = False  # TracingConfig is Active
    max_concurrency: int = 0  # events at once in one sandbox, where that is asked for
    layer_dirs: tuple[Path, ...] = ()  # what is at /opt: the layers, already laid on one another
    debug: Debug | None = None  # a debugger in its process (`debugged`)
    image: ImageRun | None = None  # what runs instead of code_dir, by no runtime and no handler


@dataclass(frozen=True, slots=True)
class Call:
    """One event for one revision."""

    revision: Revision
    payload: bytes
    request_id: str
    invoked_arn: str
    client_context: str = ""  # JSON text, already base64-decoded
    trace_id: str = ""  # the X-Ray trace header as the function gets it
    stream: ResponseStream | None = None  # where a response that streams goes as it comes

    def with_payload(self, payload: bytes) -> Call:
        return replace(self, payload=payload)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a call ended.

    error: "" for success, else the X-Amz-Function-Error value ("Unhandled")
    log:   gives the whole log of this invocation (START .. REPORT), made when it is asked for, so
           that a caller who does not ask need not wait for it; the API cuts the tail
    """

    payload: bytes
    error: str = ""
    log: Callable[[], bytes] = bytes
    version: str = "$LATEST"


class Throttled(Exception):
    """No sandbox may be started: `reason` is the Reason member of the 429 answer."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


@dataclass(frozen=True, slots=True)
class Provision:
    """So many sandboxes of a revision, started ahead; a new `token` asks anew after a failure."""

    revision: Revision
    count: int
    token: str


@dataclass(frozen=True, slots=True)
class Allocation:
    """How far a `Provision` is: `status` is "IN_PROGRESS", "READY", or "FAILED" for a `reason`."""

    allocated: int = 0
    available: int = 0
    status: str = "IN_PROGRESS"
    reason: str = ""


class RestoreFailed(Exception):
    """A SnapStart version could not be made ready: its event failed before its handler was asked.

    reason:  the name of the API's exception
    status:  the API's, 400 or 408
    """

    def __init__(self, reason: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.reason, self.message, self.status = reason, message, status

    @property
    def payload(self) -> bytes:
        """What stands where an event's answer would be."""
        return json.dumps({"errorType": self.reason, "errorMessage": self.message}).encode()


class Execution(Protocol):
    """What the API side asks of the execution side."""

    async def invoke(self, call: Call) -> Outcome:
        """Run one event to its end.  Raises `Throttled` and `RestoreFailed`."""

    async def retire(self, name: str, keep: str = "") -> None:
        """Stop idle sandboxes of function `name` (busy ones after their event), except those of
        the revision whose key is `keep`."""

    def provision(self, name: str, wanted: Mapping[str, Provision]) -> None:
        """Let function `name` have these sandboxes ready, by revision key, and no others."""

    def allocation(self, key: str) -> Allocation:
        """How far the provision of the revision with this key is."""

    async def close(self) -> None:
        """Stop every process; returns when none is left."""


class AsyncQueue(Protocol):
    """What the API side asks for InvocationType=Event: accepted means kept until it is done."""

    async def accept(self, call: Call) -> None:
        """Keep the event and return; it runs later, with retries, under one request id."""


@dataclass(frozen=True, slots=True)
class SourceMapping:
    """One event source mapping as the poller needs it."""

    uuid: str
    source_arn: str
    function_arn: str  # as given: may carry a version or alias
    batch_size: int
    window_s: float
    partial_failures: bool
    filters: tuple[str, ...] = ()
    max_concurrency: int | None = None
    on_failure: str = ""  # the ARN of the destination of discarded batches
    settings: Mapping[str, Any] = field(default_factory=dict)
