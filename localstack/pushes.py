"""Events that the embedded services push to functions: EventBridge, S3, SNS, Step Functions, …

ministack calls functions of its own.  So it is given a stub of each of ours, through its public
API, whose proxy address (MINISTACK_LAMBDA_PROXY_URL, its word for a function that runs elsewhere)
is here; what arrives is invoked as AWS's services do it: asynchronously, kept on disk and retried,
where the source is an event source, and waiting for the answer for all others.
"""

from __future__ import annotations

import asyncio
import base64
import io
import json
import re
import zipfile
from collections.abc import Callable, Mapping
from email.utils import formatdate
from typing import Any
from urllib.parse import quote
from uuid import uuid4

from . import push_seam
from .clock import Clock
from .front import Response
from .gateway import PUSH
from .lambda_.calls import make_call
from .lambda_.errors import AwsError
from .lambda_.names import Reference
from .lambda_.records import AsyncQueue, Execution, RestoreFailed, Throttled
from .lambda_.registry import Registry
from .services import ServiceRefused, Services

_ID = re.compile(r"[0-9A-Za-z-]{1,64}")
_FUNCTIONS = "/2015-03-31/functions"
_FOLLOW = 1.0  # seconds between looks at the registry
_LONGEST = 900  # seconds that a stub waits: Lambda's own longest timeout


class Pushes:
    """Keeps the stubs as the registry is, and takes what is pushed to them.

    url:    the emulator's own address
    report: one line for whoever runs the emulator
    """

    def __init__(
        self,
        registry: Registry,
        services: Services,
        execution: Execution,
        events: AsyncQueue,
        clock: Clock,
        url: str,
        report: Callable[[str], None],
    ) -> None:
        self._registry, self._services, self._url = registry, services, url
        self._clock, self._report = clock, report
        self._task: asyncio.Task[None] | None = None
        self._execution, self._events = execution, events
        self._seen = -1
        self._stubs: dict[str, frozenset[str]] = {}
        self._mirroring = asyncio.Lock()
        self._said: set[tuple[str, str, str]] = set()  # name, qualifier, service

    def start(self) -> None:
        """Follow the registry from now on: a rule fires with no request before it."""
        self._task = asyncio.get_running_loop().create_task(self._follow())

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    async def _follow(self) -> None:
        await self._services.loaded()
        push_seam.install()
        while True:
            await self.settle()
            await self._clock.pause(_FOLLOW)

    def forget(self) -> None:
        """The services were wiped: no stub is there any more."""
        self._seen, self._stubs = -1, {}

    # -- stubs
    async def settle(self) -> None:
        """Come back when there is a stub of every function, version and alias."""
        if self._seen == self._registry.changes:
            return
        with self._clock.busy("stubs of the functions"):
            await self._mirror_all()

    async def _mirror_all(self) -> None:
        async with self._mirroring:
            self._seen = self._registry.changes
            wanted = {
                name: frozenset((*function.versions, *function.aliases))
                for name, function in self._registry.functions.items()
            }
            for name in {*self._stubs, *wanted}:
                if self._stubs.get(name) != wanted.get(name):
                    await self._mirror(name, wanted.get(name))

    async def _mirror(self, name: str, qualifiers: frozenset[str] | None) -> None:
        try:
            await self._remove(name)
            if qualifiers is not None:
                await self._make(name, qualifiers)
        except ServiceRefused as error:
            if error.status == 404 and name not in self._registry.functions:
                return  # it was deleted meanwhile
            self._report(f"warning: other services cannot push events to {name}: {error}")

    async def _make(self, name: str, qualifiers: frozenset[str]) -> None:
        await self._send("POST", _FUNCTIONS, _stub(name, self._environment(name)))
        for qualifier in sorted(qualifiers):
            await self._qualify(name, qualifier)
        self._stubs[name] = qualifiers

    async def _qualify(self, name: str, qualifier: str) -> None:
        """A version or alias of ours is an alias of the stub: its numbers are its own matter."""
        place = self._place(name)
        environment = self._environment(f"{name}/{qualifier}")
        await self._send("PUT", f"{place}/configuration", environment)
        made = await self._send("POST", f"{place}/versions", {})
        alias = {"Name": qualifier, "FunctionVersion": made["Version"]}
        await self._send("POST", f"{place}/aliases", alias)
        await self._send("PUT", f"{place}/configuration", self._environment(name))

    async def _remove(self, name: str) -> None:
        self._stubs.pop(name, None)
        try:
            await self._send("DELETE", self._place(name), {})
        except ServiceRefused as error:
            if error.status != 404:
                raise

    def _place(self, name: str) -> str:
        """By its ARN: after a slash ministack takes a name that begins with "url" for the word."""
        return f"{_FUNCTIONS}/{quote(self._registry.place.function_arn(name))}"

    async def _send(self, method: str, target: str, members: dict[str, Any]) -> dict[str, Any]:
        return await self._services.send("lambda", method, target, members)

    def _environment(self, target: str) -> dict[str, Any]:
        address = f"{self._url}{PUSH}{quote(target)}"
        return {"Environment": {"Variables": {"MINISTACK_LAMBDA_PROXY_URL": address}}}

    def _say_unless_allowed(self, name: str, qualifier: str, payload: bytes) -> None:
        """On AWS an event needs a statement of the function's policy; here it is said, once."""
        service, function = service_of(payload), self._registry.functions.get(name)
        if not service or function is None or (name, qualifier, service) in self._said:
            return
        policy = function.policies.get(qualifier)
        statements = policy.statements.values() if policy else ()
        if any(_names(each, service) for each in statements):
            return
        self._said.add((name, qualifier, service))
        self._report(
            f"warning: no statement of {name}'s policy lets {service} call it; on AWS its events "
            "would not arrive (AddPermission gives one)"
        )

    # -- deliveries
    async def deliver(self, target: str, payload: bytes, headers: Mapping[str, str]) -> Response:
        """What a stub was called with: 200 with the function's answer, or once it is kept."""
        request_id = headers.get("x-amzn-lambda-request-id", "")
        if not _ID.fullmatch(request_id):  # it becomes part of a path and of a header
            request_id = str(uuid4())
        name, _, qualifier = target.partition("/")
        try:
            call = make_call(self._registry, Reference(name, qualifier), payload, request_id)
            self._say_unless_allowed(name, qualifier, payload)
            if headers.get(push_seam.WAITS.lower()) == "no" or is_asynchronous(payload):
                await self._events.accept(call)
                return Response(200)
            outcome = await self._execution.invoke(call)
        except AwsError as error:
            return _said(error.status, str(error.message))
        except RestoreFailed as error:
            return _said(error.status, f"{error.reason}: {error.message}")
        except Throttled as error:
            return _said(429, f"Rate Exceeded. ({error.reason})")
        told = [
            ("Content-Type", "application/json"),
            (push_seam.REPLY["version"], outcome.version),
            (push_seam.REPLY["trace"], call.trace_id),
            (push_seam.REPLY["date"], formatdate(self._clock.time(), usegmt=True)),
        ]
        if outcome.error:
            told.append((push_seam.ERROR, outcome.error))
        return Response(200, told, outcome.payload)


def service_of(payload: bytes) -> str:
    """The service that sent an event and would need a function's permission for it, by its form.

    >>> service_of(b'{"Records": [{"eventSource": "aws:s3"}]}'), service_of(b'{"a": 1}')
    ('s3.amazonaws.com', '')
    """
    try:
        event = json.loads(payload)
    except ValueError:
        return ""
    if not isinstance(event, dict):
        return ""
    records = event.get("Records")
    first = records[0] if isinstance(records, list) and records else {}
    source = str(first.get("eventSource") or first.get("EventSource") or "")
    if source in ("aws:s3", "aws:sns"):
        return f"{source[4:]}.amazonaws.com"
    if "awslogs" in event:
        return "logs.amazonaws.com"
    if "detail-type" in event and "source" in event:
        return "events.amazonaws.com"
    context = event.get("requestContext")
    is_api = isinstance(context, dict) and "apiId" in context
    return "apigateway.amazonaws.com" if is_api else ""


def is_asynchronous(payload: bytes) -> bool:
    """Whether an event source sent this (S3, SNS, EventBridge), which waits for no answer.

    >>> is_asynchronous(b'{"detail-type": "Scheduled Event", "source": "aws.events"}')
    True
    >>> is_asynchronous(b'{"version": "2.0", "rawPath": "/"}')
    False
    """
    try:
        event = json.loads(payload)
    except ValueError:
        return False
    if not isinstance(event, dict):
        return False
    records = event.get("Records")
    first = records[0] if isinstance(records, list) and records else None
    if isinstance(first, dict):
        source = first.get("eventSource") or first.get("EventSource")
        return source in ("aws:s3", "aws:sns")
    return "awslogs" in event or ("detail-type" in event and "source" in event)


def _names(statement: Mapping[str, Any], service: str) -> bool:
    principal = statement.get("Principal")
    given = principal.get("Service") if isinstance(principal, Mapping) else principal
    return given in ("*", service) or (isinstance(given, list) and service in given)


def _stub(name: str, environment: dict[str, Any]) -> dict[str, Any]:
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("stub.py", "")
    return {
        "FunctionName": name,
        # One that ministack itself never runs: what is not handed to us would run the stub.
        "Runtime": "java21",
        "Role": "arn:aws:iam::000000000000:role/stub",
        "Handler": "stub.handler",
        "Timeout": _LONGEST,
        "Code": {"ZipFile": base64.b64encode(code.getvalue()).decode()},
        # Its lines are of the stub; the function's own are written by the emulator.
        "LoggingConfig": {"LogGroup": "/pelton/pushes"},
        **environment,
    }


def _said(status: int, message: str) -> Response:
    body = json.dumps({"errorMessage": message}).encode()
    return Response(status, [("Content-Type", "application/json")], body)
