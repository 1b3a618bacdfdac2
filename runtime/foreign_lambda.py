"""Lambda-style handlers on Nuclio: payload 2.0 events and a context with Lambda's attributes."""

from __future__ import annotations

import base64
import json
import os
import time
from collections.abc import Callable
from typing import Any

from ..handlers.event import Event
from ..handlers.function import Function
from .call import maybe_await
from .nuclio import read_event
from .nuclio_replies import with_cookies
from .nuclio_shapes import text
from .payload_2 import payload_2

ARN = "arn:aws:lambda:{region}:{account}:function:{name}"


class LambdaContext:
    """The attributes and the method that AWS gives to every handler (its Python context page)."""

    def __init__(self, function: Function[..., Any], request_id: str) -> None:
        name = os.environ.get("NUCLIO_FUNCTION_NAME", function.name)
        self._deadline = time.time() + function.settings.timeout
        self.aws_request_id = request_id
        self.function_name = name
        self.function_version = os.environ.get("NUCLIO_FUNCTION_VERSION", "$LATEST")
        self.memory_limit_in_mb = str(function.settings.memory)
        self.invoked_function_arn = ARN.format(
            region=os.environ.get("AWS_REGION", "us-east-1"), account="000000000000", name=name
        )
        self.log_group_name = f"/nuclio/{name}"
        self.log_stream_name = f"worker-{os.getpid()}"
        self.identity = None
        self.client_context = None
        self.tenant_id = None

    def get_remaining_time_in_millis(self) -> int:
        return max(0, int((self._deadline - time.time()) * 1000))


def lambda_style_on_nuclio(function: Function[..., Any]) -> Callable[[Any, Any], Any]:
    """A Nuclio handler that hands (event, context) to a Lambda-style function."""

    def handle(raw: Any, nuclio_event: Any) -> Any:
        event = read_event(nuclio_event)
        payload = _scheduled(event) if event.trigger == "cron" else http_payload(event)
        answer = maybe_await(function.user_function(payload, LambdaContext(function, event.id)))
        return _response(raw, answer)

    return handle


def http_payload(event: Event) -> dict[str, Any]:
    """A request in payload format 2.0, as a function URL sends it."""
    body = event.body if isinstance(event.body, bytes) else json.dumps(event.body).encode()
    headers = dict(event.headers)
    if event.content_type:
        headers.setdefault("content-type", event.content_type)
    return payload_2(
        event.method,
        _target(event),
        headers,
        body,
        request_id=event.id,
        api="nuclio",
        source_ip=headers.get("x-forwarded-for", "127.0.0.1"),
    )


def _target(event: Event) -> str:
    """Path and query as they were asked for: made again of Nuclio's, which are decoded and have
    each field once, where the event has no URL (an HTTP trigger's has none)."""
    asked = text(getattr(event.raw, "url", ""))
    if asked.startswith("/"):
        return asked
    from urllib.parse import quote, urlencode

    path, fields = quote(event.path), dict(event.fields)
    return f"{path}?{urlencode(fields)}" if fields else path


def _scheduled(event: Event) -> dict[str, Any]:
    return {
        "version": "0",
        "id": event.id,
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": "000000000000",
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "region": os.environ.get("AWS_REGION", "us-east-1"),
        "resources": [event.source],
        "detail": event.body if isinstance(event.body, dict) else {},
    }


def _response(raw: Any, answer: Any) -> Any:
    """Payload 2.0's rules: with a statusCode it is a response, else it is a JSON body."""
    if not (isinstance(answer, dict) and "statusCode" in answer):
        return raw.Response(
            body=json.dumps(answer), content_type="application/json", status_code=200
        )
    headers = {name.lower(): str(value) for name, value in (answer.get("headers") or {}).items()}
    headers = with_cookies(headers, answer.get("cookies") or ())
    body = answer.get("body") or ""
    if answer.get("isBase64Encoded"):
        body = base64.b64decode(body)
    return raw.Response(
        headers=headers,
        body=body,
        content_type=headers.get("content-type", "application/json"),
        status_code=int(answer["statusCode"]),
    )
