"""Who is called with events: a deployed function, or one of an app in this process; and the calls
that an emulator sees."""

from __future__ import annotations

import json
from collections.abc import Generator
from typing import Any

from ..builders import load_app
from ..deploy.errors import CallFailed
from ..deploy.session import Where, connect, read_health
from ..handlers.function import Function
from ..runtime.aws import make_handler
from ..testing import lambda_context
from .kinds.base import CannotMake
from .recording import Recorded, parsed
from .replay import Caller


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
    """Calls a function on Lambda; qualifier: a version or an alias, "" for none."""
    if where.platforms == ("nuclio",):
        raise CannotMake("events are replayed on Lambda, or with --app in this process")
    aws, _ = connect(where)
    client = aws.client("lambda")
    version = {"Qualifier": qualifier} if qualifier else {}

    def call(event: Any) -> tuple[Any, str]:
        with aws.named(f"function {name!r}"):
            answer = client.invoke(FunctionName=name, Payload=json.dumps(event), **version)
            return parsed(answer["Payload"].read().decode()), answer.get("FunctionError", "")

    return call


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
    with httpx.Client(trust_env=False, timeout=60) as client:
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
    aws, _ = connect(where)
    with aws.named(f"function {name!r}"):
        aws.client("lambda").get_function_configuration(FunctionName=name)


def _recorded(where: Where, name: str, told: dict[str, Any]) -> Recorded:
    texts = {each: parsed(told.pop(each)) for each in ("event", "answer")}
    return Recorded(name, where.platforms[0], **texts, **told)
