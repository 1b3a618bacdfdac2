"""Who is called with events: a deployed function, or one of an app in this process; and the calls
that an emulator sees."""

from __future__ import annotations

import json
from collections.abc import Generator
from typing import Any
from urllib.parse import quote, urlencode

from ..builders import load_app
from ..deploy.asking import nuclio_function
from ..deploy.errors import CallFailed
from ..deploy.health import read_health
from ..deploy.targets.aws import unreachable
from ..deploy.tls import speaks_tls
from ..deploy.where import Where, connect
from ..handlers.function import Function
from ..runtime.aws import make_handler
from ..testing import lambda_context
from .kinds.base import CannotMake
from .recording import Recorded, parsed
from .replay import Caller

# Headers of one connection, and those that the dashboard makes.
_HOP = frozenset({"host", "content-length", "connection", "transfer-encoding", "accept-encoding"})


def function_of(file: str, name: str) -> Function[..., Any]:
    """A function of the app in a file.  Raises `CannotMake` for one that it does not have."""
    app, _ = load_app(file)
    if name not in app.functions:
        known = ", ".join(app.functions) or "none"
        raise CannotMake(f"app {app.name} has no function {name!r}; it has {known}")
    return app.functions[name]


def in_process(file: str, name: str) -> Caller:
    """Calls a function by Lambda's adapter, in this process.  Raises as `function_of` does."""
    handler = make_handler(function_of(file, name))

    def call(event: Any) -> tuple[Any, str]:
        try:
            answer = handler(event, lambda_context(name))
        except Exception as error:  # the user's: it is the answer, as the platform would tell it
            return {"errorType": type(error).__name__, "errorMessage": str(error)}, "Unhandled"
        return json.loads(json.dumps(answer)), ""

    return call


def deployed(where: Where, name: str, qualifier: str) -> Caller:
    """Calls a function on its platform; qualifier: a version or an alias on Lambda, "" for none."""
    if where.platforms == ("nuclio",):
        if qualifier:
            raise CannotMake("Nuclio has no versions of one function: give --function NAME-VERSION")
        _must_be_there(where, name)
        return _on_nuclio(where.nuclio_address, name)
    aws, _ = connect(where)
    client = aws.client("lambda")
    version = {"Qualifier": qualifier} if qualifier else {}

    def call(event: Any) -> tuple[Any, str]:
        with aws.named(f"function {name!r}"):
            answer = client.invoke(FunctionName=name, Payload=json.dumps(event), **version)
            return parsed(answer["Payload"].read().decode()), answer.get("FunctionError", "")

    return call


def _on_nuclio(address: str, name: str) -> Caller:
    """By the dashboard, with the method, path, headers and body that the event had."""
    import httpx

    def call(event: Any) -> tuple[Any, str]:
        body = event.get("body", "")
        headers = {key: str(value) for key, value in event.get("headers", {}).items()}
        kept = {key: value for key, value in headers.items() if key.lower() not in _HOP}
        asked = {"x-nuclio-function-name": name, "x-nuclio-path": _path(event)}
        try:
            answer = httpx.request(
                event.get("method") or "POST",
                f"{address.rstrip('/')}/api/function_invocations",
                content=body if isinstance(body, str) else json.dumps(body),
                headers={**kept, **asked, "x-nuclio-function-namespace": "nuclio"},
                timeout=900,
                trust_env=False,
                verify=speaks_tls(address),
            )
        except httpx.HTTPError as error:
            raise unreachable(address, str(error)) from None
        told = {
            "status": answer.status_code,
            "content_type": answer.headers.get("content-type", ""),
            "body": answer.text,
        }
        return told, str(answer.status_code) if answer.status_code >= 500 else ""

    return call


def _path(event: Any) -> str:
    """
    >>> _path({"path": "/a b", "fields": {"n": "1"}})
    '/a%20b?n=1'
    """
    path, fields = quote(event.get("path") or "/"), event.get("fields")
    return f"{path}?{urlencode(fields)}" if fields else path


def emulator_calls(where: Where, name: str) -> Generator[list[Recorded], None, None]:
    """The calls of a function that an emulator sees from now on: at each step, those since the
    last.  Closing it ends the recording.

    Raises `CannotMake` for a place that is no emulator, `CallFailed` where the function is not
    there or the emulator forgot the recording.
    """
    import httpx

    if where.to != "local":
        raise CannotMake(
            f"{where.to} keeps no events: they are recorded on the emulator (--to local)"
        )
    address = f"{where.aws_address.rstrip('/')}/_pelton/recordings"
    read_health(where.aws_address)
    _must_be_there(where, name)
    with httpx.Client(trust_env=False, timeout=60, verify=speaks_tls(address)) as client:
        asked = {"platform": where.platforms[0], "function": name}
        number = client.post(address, params=asked).raise_for_status().json()["recording"]
        try:
            while True:
                told = client.get(address, params={"recording": number}).raise_for_status().json()
                if "events" not in told:
                    raise CallFailed(f"the emulator has forgotten the recording of {name!r}")
                if told["left_out"]:
                    raise CallFailed(
                        f"{told['left_out']} calls of {name!r} came faster than they were taken"
                    )
                yield [_recorded(where, name, each) for each in told["events"]]
        finally:
            client.delete(address, params={"recording": number})


def _must_be_there(where: Where, name: str) -> None:
    if where.platforms == ("nuclio",):
        address = where.nuclio_address
        if nuclio_function(address, name, seconds=5).status_code == 404:
            raise CallFailed(f"there is no function {name!r} on nuclio at {address}")
        return
    aws, _ = connect(where)
    with aws.named(f"function {name!r}"):
        aws.client("lambda").get_function_configuration(FunctionName=name)


def _recorded(where: Where, name: str, told: dict[str, Any]) -> Recorded:
    texts = {each: parsed(told.pop(each)) for each in ("event", "answer")}
    return Recorded(name, where.platforms[0], **texts, **told)
