"""Handlers of either platform's own kind, unmodified, on both: what they see must be the same."""

import asyncio
import base64
import datetime as dt
import json
import sys
from collections.abc import Callable
from typing import Any

import nuclio_sdk
import pytest

import pelton
from pelton import App, testing
from pelton.runtime.aws import make_handler

app = App("native")
made: list[Any] = []


async def init_context(context: Any) -> None:
    """Nuclio's own hook, found by its name in the module."""
    made.append(context)
    context.user_data.greeting = "hello"


def seen(context: Any, event: Any) -> dict[str, Any]:
    return {
        "strings": [event.method, event.path, event.content_type, event.trigger.kind],
        "headers": {name: event.headers[name] for name in sorted(event.headers)},
        "fields": event.fields,
        "header": event.get_header(b"x-a") or event.get_header("x-a"),
        "body": event.body,
        "size": event.size,
        "time": isinstance(event.timestamp, dt.datetime) and event.timestamp.tzinfo,
        "rest": [event.shard_id, event.num_shards, event.last_in_batch, event.offset],
        "greeting": context.user_data.greeting,
        "url": event.url,
    }


@app.function(style="nuclio", triggers=[pelton.http("POST", "/p"), pelton.sqs("q")])
def handler(context: Any, event: Any) -> Any:
    handler_got.append(seen(context, event))
    return context.Response(body={"n": 1}, status_code=201, headers={"x-b": "c"})


handler_got: list[dict[str, Any]] = []


@app.function(style="nuclio")
async def waits(context: Any, event: Any) -> str:
    return f"{context.user_data.greeting} {event.body!r}"


@app.function(style="nuclio")
def bring_your_own(context: Any, event: Any) -> Any:
    return nuclio_sdk.Response(headers={"x-a": "b"}, body={"n": 1}, status_code=202)


@app.function(style="nuclio", triggers=[pelton.sqs("q"), pelton.sqs("q.fifo")])
def each(context: Any, event: Any) -> Any:
    body = event.body.decode()
    if body == "raise":
        raise ValueError("no")
    return context.Response(body=body, status_code=int(body))


@app.function(style="nuclio")
def answers(context: Any, event: Any) -> Any:
    return {
        "str": "text",
        "bytes": b"\x00",
        "dict": {"a": 1},
        "list": [1],
        "tuple": (202, {"a": 1}),
        "none": None,
        "int": 5,
        "response": nuclio_sdk.Response(body=[1], content_type="text/x"),
    }[event.body]


ASKED = {"path": "/p", "headers": {"x-a": "b"}, "query": {"q": "1"}}


@pytest.mark.parametrize("decoded", [False, True])
@pytest.mark.parametrize("body", [{"a": 1}, b"raw"])
def test_a_nuclio_handler_sees_the_same_on_both(
    decoded: bool, body: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NUCLIO_PYTHON_DECODE_EVENT_STRINGS", str(decoded).lower())
    kind = {} if isinstance(body, dict) else {"content-type": "text/plain"}
    asked: dict[str, Any] = {**ASKED, "headers": {**ASKED["headers"], **kind}}  # type: ignore[dict-item]
    handler_got.clear()
    reply = testing.on_lambda(handler, testing.http_v2(body, **asked))
    testing.on_lambda(handler, testing.alb(body, **asked))
    answer = testing.on_nuclio(handler, testing.nuclio_http(body, decoded=decoded, **asked))
    assert handler_got == [handler_got[0]] * 3
    expected = [b"POST", b"/p", b"application/json", b"http"]
    if not decoded and isinstance(body, dict):
        assert handler_got[0]["strings"] == expected
        assert handler_got[0]["header"] == b"b"
    assert (reply["statusCode"], json.loads(reply["body"])) == (201, {"n": 1})
    assert (answer.status_code, json.loads(answer.body)) == (201, {"n": 1})


def test_the_event_is_as_nuclio_sdk_makes_it() -> None:
    """Our shape against the real one, made of the same frame."""
    ours = testing.nuclio_http({"a": 1}, path="/p", headers={"X-A": "b"}, query={"q": "1"})
    frame = {
        b"body": b'{"a": 1}', b"content_type": b"application/json",
        b"trigger": {b"kind": b"http", b"name": b"http"}, b"fields": {b"q": b"1"},
        b"headers": {b"Content-Type": b"application/json", b"X-A": b"b"}, b"id": ours.id,
        b"method": b"POST", b"path": b"/p", b"size": 8, b"timestamp": 0, b"url": b"/p?q=1",
        b"shard_id": -1, b"num_shards": 0, b"type": b"", b"type_version": b"", b"version": b"",
    }  # fmt: skip
    with pytest.warns(DeprecationWarning) if sys.version_info >= (3, 12) else _nothing():
        theirs = nuclio_sdk.event.EventDeserializerKinds.msgpack_raw.value.deserialize(frame)
    mine, real = vars(ours).copy(), vars(theirs).copy()
    assert vars(mine.pop("trigger")) == vars(real.pop("trigger"))
    assert mine == real
    assert ours.get_header(b"x-a") == theirs.get_header(b"x-a") == b"b"


def _nothing() -> Any:
    import contextlib

    return contextlib.nullcontext()


def test_init_context_runs_once_a_worker_on_both() -> None:
    made.clear()
    on_lambda = make_handler(waits)
    first = on_lambda({"a": 1}, testing.lambda_context())
    second = on_lambda({"a": 1}, testing.lambda_context())
    assert (first, second, len(made)) == ("hello {'a': 1}", "hello {'a': 1}", 1)
    answer = testing.on_nuclio(waits, testing.nuclio_http({"a": 1}))
    assert (answer.body, len(made)) == ("hello {'a': 1}", 2)


def test_a_response_of_nuclio_sdk_is_known() -> None:
    reply = testing.on_lambda(bring_your_own, testing.http_v2({}))
    assert (reply["statusCode"], reply["headers"]["x-a"], reply["body"]) == (202, "b", '{"n": 1}')
    assert testing.on_lambda(bring_your_own, {}) == {"n": 1}


@pytest.mark.parametrize("pieces", [["a", b"b", 7], [b"\xff", "b"], ["only"], []])
@pytest.mark.parametrize("form", ["plain", "async", "response", "async response", "of responses"])
def test_a_generator_is_one_body(pieces: list[Any], form: str) -> None:
    """What its pieces come to where they are sent one by one, by nuclio_sdk."""

    def respond(body: Any) -> Any:
        return nuclio_sdk.Response(body=body, status_code=207, content_type="text/html")

    def made() -> Any:
        async def late() -> Any:
            for each in pieces:
                yield each

        plain = (each for each in pieces)
        forms: dict[str, Callable[[], Any]] = {
            "plain": lambda: plain,
            "async": late,
            "response": lambda: respond(plain),
            "async response": lambda: respond(late()),
            "of responses": lambda: (respond(each) for each in pieces),
        }
        return forms[form]()

    @App("generators").function(style="nuclio")
    def handler(context: Any, event: Any) -> Any:
        return made()

    async def sent() -> list[Any]:
        encoder = nuclio_sdk.Response.from_entrypoint_output_async(json.dumps, made())
        return [each async for each in encoder]

    reply = testing.on_lambda(handler, testing.http_v2({}))
    first, *others = asyncio.run(sent()) or [nuclio_sdk.Response.empty_response()]
    decoded = [base64.b64decode(each) for each in others]
    whole = first["body"].encode()
    whole = base64.b64decode(whole) if first["body_encoding"] == "base64" else whole
    body = reply["body"].encode()
    body = base64.b64decode(body) if reply["isBase64Encoded"] else body
    assert body == b"".join([whole, *decoded])
    if pieces:
        assert reply["statusCode"] == first["status_code"]
        assert reply["headers"]["content-type"] == first["content_type"]


RETURNS = ["str", "bytes", "dict", "list", "tuple", "none", "int", "response"]


@pytest.mark.parametrize("answer", RETURNS)
def test_every_return_form_is_the_same_reply(answer: str) -> None:
    reply = testing.on_lambda(answers, testing.http_v2(json.dumps(answer)))
    context = nuclio_sdk.Context()
    context.user_data.greeting = ""
    event = testing.nuclio_http(json.dumps(answer))
    real = nuclio_sdk.Response.from_entrypoint_output(
        json.dumps, answers.user_function(context, event)
    )
    assert reply["statusCode"] == real["status_code"]
    assert reply["headers"]["content-type"] == real["content_type"]
    assert reply["isBase64Encoded"] == (real["body_encoding"] == "base64")
    assert reply["body"] == real["body"]


def test_each_message_of_a_queue_is_answered_for_itself() -> None:
    answer = testing.on_lambda(each, testing.sqs("200", "raise", "500", "404", "503"))
    assert [x["itemIdentifier"] for x in answer["batchItemFailures"]] == ["1", "2", "4"]


def test_a_fifo_queue_stops_at_the_first_failure() -> None:
    answer = testing.on_lambda(each, testing.sqs("200", "500", "200", queue="q.fifo"))
    assert [x["itemIdentifier"] for x in answer["batchItemFailures"]] == ["1", "2"]


def test_near_the_deadline_messages_go_back() -> None:
    context = testing.lambda_context(remaining_ms=100)
    answer = make_handler(each)(testing.sqs("200", "200"), context)
    assert [x["itemIdentifier"] for x in answer["batchItemFailures"]] == ["0", "1"]


def test_invoke_says_where_native_styles_are_tested() -> None:
    with pytest.raises(pelton.WrongUse, match=r"testing\.on_lambda.*testing\.on_nuclio"):
        testing.invoke(each, "200")


def test_a_balancer_sends_a_query() -> None:
    @App("query").function
    def fields(event: pelton.Event) -> dict[str, str]:
        return dict(event.fields)

    reply = testing.on_lambda(fields, testing.alb(query={"a": "b"}))
    assert json.loads(reply["body"]) == {"a": "b"}


def test_a_function_on_nuclio_has_its_timeout() -> None:
    @App("timed").function(timeout=7)
    def left(n: int, context: pelton.Context) -> float:
        return context.remaining_time() or 0.0

    assert 0 < float(testing.on_nuclio(left, testing.nuclio_http(1)).body) <= 7


@pytest.mark.parametrize("count", [1, 2, 40])
def test_each_cookie_has_a_header_of_its_own_on_nuclio(count: int) -> None:
    cookies = tuple(f"c{number}=1, 2; Path=/" for number in range(count))
    cookie_app = App("cookies")

    @cookie_app.function
    def typed(n: int) -> pelton.Response:
        return pelton.Response("ok", cookies=cookies)

    @cookie_app.function(style="lambda")
    def classic(event: Any, context: Any) -> Any:
        return {"statusCode": 200, "cookies": list(cookies), "body": "ok"}

    for function in (typed, classic):
        headers = testing.on_nuclio(function, testing.nuclio_http(1)).headers
        assert {name.lower() for name in headers} == {"set-cookie"}
        assert sorted(headers.values()) == sorted(cookies)
