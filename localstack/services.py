"""The rest of AWS: ministack, embedded as an ASGI application behind our gateway.

It is imported beside the running emulator, because that takes longer than everything of ours;
requests wait until it is there.  Only this module sets its environment; `services_time`,
`services_moments`, `push_seam` and `api_seam` are the others that know it from within.  What it
keeps, it keeps at a clean stop.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

from . import asgi, services_moments, services_time
from .clock import MACHINE, Clock
from .front import Request, Response
from .manual_clock import ManualClock
from .services_kept import all_kept
from .store import CorruptData


class ServiceRefused(Exception):
    """A service answered with an error: its `code`, and what it said."""

    def __init__(self, code: str, message: str, status: int) -> None:
        self.code, self.message, self.status = code, message, status
        super().__init__(f"{code}: {message}")


class Services:
    """Every AWS service but Lambda, over plain HTTP requests.

    region, account: where callers without credentials are
    state:           where what it holds is kept at a clean stop; None keeps nothing
    clock:           whose time they have
    """

    def __init__(
        self, region: str, account: str, state: Path | None, clock: Clock = MACHINE
    ) -> None:
        self._region, self._account, self._state = region, account, state
        self._clock = clock
        self._application: asgi.Application | None = None
        self._stop: Callable[[], Awaitable[None]] | None = None
        self._loading: asyncio.Task[None] | None = None
        self._port = 0

    def check_state(self) -> None:
        """Raises CorruptData for kept state that cannot be read: it would be lost, not loaded."""
        for path in sorted(self._state.glob("*.json")) if self._state else ():
            try:
                json.loads(path.read_bytes())
            except ValueError as error:
                raise CorruptData(
                    f"{path} is not what was kept there ({error}); move it away to start without "
                    f"what {path.stem} held"
                ) from None

    @property
    def ready(self) -> bool:
        return self._stop is not None

    def load(self, port: int) -> None:
        """Begin to load, for a gateway that listens on `port`."""
        self._port = port
        self._loading = asyncio.get_running_loop().create_task(self._load())

    async def loaded(self) -> None:
        """Wait until requests can be served.  Raises what loading raised."""
        if self._loading is None:
            raise RuntimeError("the services were not asked to load")
        await asyncio.shield(self._loading)

    async def __call__(self, request: Request) -> Response:
        await self.loaded()
        assert self._application is not None
        if isinstance(self._clock, ManualClock):
            request = at_once(request)
        return await asgi.serve(self._application, request)

    async def converse(self, scope: asgi.Message, receive: asgi.Receive, send: asgi.Send) -> None:
        """One WebSocket's conversation, as an ASGI application has it."""
        await self.loaded()
        assert self._application is not None
        await self._application(scope, receive, send)

    async def close(self) -> None:
        """Keep what they hold.  Raises NotKept, when all else is done, where that went wrong."""
        if self._loading is not None:
            self._loading.cancel()
            await asyncio.wait({self._loading})
        try:
            if self._stop is not None:
                stop, self._stop = self._stop, None
                with all_kept(self._state) if self._state else nullcontext():
                    await stop()
        finally:
            if self._loading is not None:
                services_time.leave(self._clock)

    # -- what the emulator itself asks of them
    async def call(self, service: str, target: str, members: dict[str, Any]) -> dict[str, Any]:
        """One operation of a JSON service: ("sqs", "AmazonSQS.GetQueueUrl", {...}).

        Raises ServiceRefused.
        """
        headers = {"content-type": "application/x-amz-json-1.0", "x-amz-target": target}
        return await self.send(service, "POST", "/", members, headers)

    async def send(
        self,
        service: str,
        method: str,
        target: str,
        members: dict[str, Any],
        headers: dict[str, str] | None = None,
    ) -> dict[str, Any]:
        """One request with a JSON body, and its JSON answer.  Raises ServiceRefused."""
        body = json.dumps(members).encode()
        headers = headers or {"content-type": "application/json"}
        response = await self(self._request(method, target, service, headers, body))
        answer = json.loads(response.body) if response.body else {}
        if response.status >= 300:
            code = str(answer.get("__type", answer.get("code", response.status)))
            said = str(answer.get("message", answer.get("Message", "")))
            raise ServiceRefused(code.rpartition("#")[2], said, response.status)
        assert isinstance(answer, dict)
        return answer

    async def fetch_object(self, bucket: str, key: str, version: str | None = None) -> bytes:
        """An object of S3.  Raises ServiceRefused with S3's own code and message."""
        target = f"/{quote(bucket)}/{quote(key)}"
        if version:
            target += f"?versionId={quote(version)}"
        response = await self(self._request("GET", target, "s3"))
        content = response.body
        if response.chunks is not None:
            content = b"".join([chunk async for chunk in response.chunks])
        if response.status >= 300:
            raise ServiceRefused(_tag(content, "Code"), _tag(content, "Message"), response.status)
        return content

    async def cors_of(self, bucket: str) -> bytes:
        """The CORS configuration of a bucket, b"" where there is none."""
        response = await self(self._request("GET", f"/{quote(bucket)}?cors", "s3"))
        return response.body if response.status == 200 else b""

    async def put_object(self, bucket: str, key: str, content: bytes) -> None:
        """Keep an object in S3.  Raises ServiceRefused with S3's own code and message."""
        await self._xml(self._request("PUT", f"/{quote(bucket)}/{quote(key)}", "s3", body=content))

    async def bucket_exists(self, bucket: str) -> bool:
        """Whether S3 has a bucket of this name."""
        return (await self(self._request("HEAD", f"/{quote(bucket)}", "s3"))).status < 300

    async def query(
        self, service: str, action: str, version: str, members: dict[str, str]
    ) -> bytes:
        """One operation of a service that takes forms; its XML answer.  Raises ServiceRefused."""
        headers = {"content-type": "application/x-www-form-urlencoded"}
        body = urlencode({"Action": action, "Version": version, **members}).encode()
        return await self._xml(self._request("POST", "/", service, headers, body))

    async def _xml(self, request: Request) -> bytes:
        response = await self(request)
        content = response.body
        if response.status >= 300:
            raise ServiceRefused(_tag(content, "Code"), _tag(content, "Message"), response.status)
        return content

    async def reset(self) -> None:
        """Wipe everything that the services hold."""
        if self._loading is not None:
            await self(self._request("POST", "/_ministack/reset", "sts"))

    def _request(
        self,
        method: str,
        target: str,
        service: str,
        headers: dict[str, str] | None = None,
        body: bytes = b"",
    ) -> Request:
        scope = f"{self._account}/20260101/{self._region}/{service}/aws4_request"
        every = {
            "host": f"127.0.0.1:{self._port}",
            "authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, "
            "Signature=0",
            "content-length": str(len(body)),
            **(headers or {}),
        }
        fields = [(name.encode(), value.encode()) for name, value in every.items()]
        return Request(method, target, every, body, fields)

    # -- loading
    async def _load(self) -> None:
        self._set_environment()
        services_time.go_by(self._clock)
        if isinstance(self._clock, ManualClock):
            services_moments.follow(self._clock)
        self._application = await asyncio.to_thread(_import_application)
        self._stop = await asgi.lifespan(self._application)
        # What is loaded now stays: the collector need not walk it while calls are served.
        gc.freeze()

    def _set_environment(self) -> None:
        os.environ["GATEWAY_PORT"] = str(self._port)
        os.environ["MINISTACK_HOST"] = "localhost"
        os.environ["MINISTACK_ACCOUNT_ID"] = self._account
        os.environ["MINISTACK_REGION"] = self._region
        os.environ.setdefault("LOG_LEVEL", "ERROR")
        # Listeners of its own on fixed ports: not wanted here.
        os.environ.setdefault("IOT_MTLS_ENABLED", "0")
        os.environ.setdefault("SFTP_ENABLED", "0")
        if self._state is not None:
            self._state.mkdir(parents=True, exist_ok=True)
            os.environ["PERSIST_STATE"] = os.environ["S3_PERSIST"] = "1"
            os.environ["STATE_DIR"] = str(self._state)
            os.environ["S3_DATA_DIR"] = str(self._state / "s3")


def _import_application() -> asgi.Application:
    services_time.install()
    application: asgi.Application = import_module("ministack.app").app
    return application


def _tag(document: bytes, name: str) -> str:
    """The text of the first element `name` of an XML error.

    >>> _tag(b"<Error><Code>NoSuchKey</Code></Error>", "Code")
    'NoSuchKey'
    """
    text = document.decode("utf-8", "replace")
    return text.partition(f"<{name}>")[2].partition(f"</{name}>")[0]


def at_once(request: Request) -> Request:
    """A request for messages without its wait (JSON and form protocol): a long poll by a manual
    clock would wait for a time that does not pass.

    >>> target = {"x-amz-target": "AmazonSQS.ReceiveMessage"}
    >>> at_once(Request("POST", "/", target, b'{"WaitTimeSeconds": 20, "QueueUrl": "q"}')).body
    b'{"WaitTimeSeconds": 0, "QueueUrl": "q"}'
    """
    if request.headers.get("x-amz-target") == "AmazonSQS.ReceiveMessage":
        try:
            asked = json.loads(request.body or b"{}")
        except ValueError:
            return request
        return _with_body(request, json.dumps({**asked, "WaitTimeSeconds": 0}).encode())
    if b"Action=ReceiveMessage" not in request.body:
        return request
    asked = dict(parse_qsl(request.body.decode("latin-1"), keep_blank_values=True))
    return _with_body(request, urlencode({**asked, "WaitTimeSeconds": "0"}).encode())


def _with_body(request: Request, body: bytes) -> Request:
    length = str(len(body))
    fields = [
        (name, length.encode() if name == b"content-length" else value)
        for name, value in request.fields
    ]
    headers = {**request.headers, "content-length": length}
    return replace(request, body=body, headers=headers, fields=fields)
