"""The adapters: each source's event in, each source's reply out, errors in their own form."""

import asyncio
import json
import subprocess
import sys
import traceback
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import pelton
from pelton import App, Context, InvalidInput, Reject, Response, Retry, testing
from pelton.runtime.aws import make_handler

app = App("adapters")


@app.function(triggers=[pelton.http("POST", "/double")])
def double(n: int, context: Context) -> Any:
    if n == 13:
        raise ValueError("unlucky")
    if n == 14:
        raise Retry("busy", after=7)
    if n == 15:
        return Response(b"\x00", status=201, headers={"x-a": "b"}, cookies=("c=1", "d=2"))
    return {"twice": 2 * n}


@app.function(triggers=[pelton.sqs("q"), pelton.sqs("drops", on_invalid="drop")])
def one(n: int) -> None:
    if n < 0:
        raise ValueError("negative")
    if n == 99:
        raise Reject("never")


@app.function(triggers=[pelton.sqs("q")])
def many(ns: list[int]) -> None:
    assert all(n >= 0 for n in ns)


@app.function(style="lambda")
def native_lambda(event: Any, context: Any) -> Any:
    return {"statusCode": 202, "body": f"{event['rawPath']} {context.function_name}"}


@app.function(style="nuclio")
def native_nuclio(context: Any, event: Any) -> Any:
    context.logger.info_with("asked", path=event.path)
    return context.Response(body=f"hello {event.body!r}", status_code=203)


def failed(answer: Any) -> list[str]:
    return [each["itemIdentifier"] for each in answer["batchItemFailures"]]


@pytest.mark.parametrize("factory", [testing.http_v2, testing.http_v1, testing.alb])
def test_http_sources(factory: Any) -> None:
    reply = testing.on_lambda(double, factory(21, path="/double"))
    assert (reply["statusCode"], json.loads(reply["body"])) == (200, {"twice": 42})
    assert testing.on_lambda(double, factory("{", path="/double"))["statusCode"] == 400
    invalid = testing.on_lambda(double, factory('"a"', path="/double"))
    assert invalid["statusCode"] == 422
    assert json.loads(invalid["body"])["details"][0]["message"].startswith("expected an integer")
    later = testing.on_lambda(double, factory(14, path="/double"))
    assert later["statusCode"] == 503


def test_each_payload_version_has_its_cookies() -> None:
    second = testing.on_lambda(double, testing.http_v2(15, path="/double"))
    assert (second["statusCode"], second["cookies"]) == (201, ["c=1", "d=2"])
    assert (second["isBase64Encoded"], second["body"]) == (True, "AA==")
    first = testing.on_lambda(double, testing.http_v1(15, path="/double"))
    assert first["multiValueHeaders"]["set-cookie"] == ["c=1", "d=2"]
    balanced = testing.on_lambda(double, testing.alb(15, path="/double"))
    assert balanced["statusDescription"] == "201 Created"


def test_a_direct_call_raises_what_is_wrong() -> None:
    assert testing.on_lambda(double, 2) == {"twice": 4}
    with pytest.raises(InvalidInput):
        testing.on_lambda(double, "two")


def test_the_trace_starts_in_the_users_code() -> None:
    with pytest.raises(ValueError, match="unlucky") as caught:
        testing.on_lambda(double, testing.http_v2(13, path="/double"))
    files = [frame.filename for frame in traceback.extract_tb(caught.value.__traceback__)]
    # Lambda's client leaves the leading frames of files called bootstrap.py out.
    ours = [f for f in files if f not in (__file__, testing.__file__)]
    assert files[-1] == __file__
    assert all(f.endswith("bootstrap.py") for f in ours)


def test_a_refusal_has_no_trace_of_ours() -> None:
    with pytest.raises(InvalidInput) as caught:
        testing.on_lambda(double, "two")
    files = {each.filename for each in traceback.extract_tb(caught.tb)}
    assert not any(file.endswith(("call.py", "codec/__init__.py")) for file in files), files


def test_records_are_answered_one_by_one() -> None:
    assert failed(testing.on_lambda(one, testing.sqs(1, -1, 2, "bad", 99))) == ["1", "3", "4"]


def test_invalid_records_follow_their_trigger() -> None:
    assert failed(testing.on_lambda(one, testing.sqs("bad", 1, queue="drops"))) == []


def test_a_fifo_queue_stops_at_its_first_failure() -> None:
    assert failed(testing.on_lambda(one, testing.sqs(1, -1, 2, queue="q.fifo"))) == ["1", "2"]


def test_near_the_deadline_the_rest_is_given_back() -> None:
    handler = make_handler(one)
    context = testing.lambda_context("one", remaining_ms=100)
    assert failed(handler(testing.sqs(1, 2), context)) == ["0", "1"]


def test_a_whole_batch_sorts_out_the_bad() -> None:
    assert failed(testing.on_lambda(many, testing.sqs(1, "bad", 2, '"x"'))) == ["1", "3"]
    with pytest.raises(AssertionError):
        testing.on_lambda(many, testing.sqs(-1))


def on_nuclio(function: Any, body: Any) -> Any:
    return testing.on_nuclio(function, testing.nuclio_http(body, path="/double"))


def test_nuclio_http() -> None:
    answer = on_nuclio(double, 21)
    assert (answer.status_code, json.loads(answer.body)) == (200, {"twice": 42})
    assert on_nuclio(double, '"two"').status_code == 422
    assert on_nuclio(double, b"{").status_code == 400
    assert on_nuclio(double, 14).headers == {"retry-after": "7"}
    assert on_nuclio(double, 13).status_code == 500


def test_native_styles_run_on_both() -> None:
    assert testing.on_lambda(native_lambda, testing.http_v2(1, path="/p"))["body"].startswith("/p")
    assert on_nuclio(native_lambda, b"{}").body == "/double native_lambda"
    assert on_nuclio(native_nuclio, b"you").body == "hello b'you'"
    reply = testing.on_lambda(native_nuclio, testing.http_v2({"a": 1}))
    assert (reply["statusCode"], reply["body"]) == (203, "hello {'a': 1}")


@app.function
async def waits(n: int) -> int:
    await asyncio.sleep(0)
    return n


def test_async_functions_are_called_from_several_threads() -> None:
    """As `pelton run` calls them."""
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: testing.on_lambda(waits, n), range(40)))
    assert answers == list(range(40))


def test_an_async_function_is_called_from_inside_a_running_loop() -> None:
    """As Nuclio's wrapper calls it: every event on the same loop of ours."""

    async def called() -> list[Any]:
        return [testing.on_lambda(waits, n) for n in (1, 2)]

    assert asyncio.run(called()) == [1, 2]


def test_what_ships_needs_the_standard_library_only() -> None:
    code = (
        "import sys, pelton.handlers.app, pelton.runtime.aws, pelton.serving_graph;"
        "names = ('pydantic', 'numpy', 'asyncio', 'logging', 'boto3');"
        "print([name for name in names if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stdout + done.stderr
