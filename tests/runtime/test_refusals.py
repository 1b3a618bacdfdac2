"""Errors by type: one table, the same answer at every door, and what becomes of a record."""

from __future__ import annotations

import json
from typing import Any

import pytest

import pelton
from pelton import App, Graph, testing
from pelton.handlers import errors
from pelton.runtime.refusals import refusal, status_of, verdict

app = App("refusals")

INVALID = errors.InvalidInput([{"path": ["n"], "message": "missing", "type": "missing"}])
RAISED: dict[str, Exception] = {
    "invalid": INVALID,
    "malformed": errors.MalformedBody("no JSON"),
    "unknown": errors.UnknownModel("delay", "3", known=("1",)),
    "overloaded": errors.Overloaded("score is full"),
    "overloaded, 2 s": errors.Overloaded("score is full", after=1.2),
    "not ready": errors.NotReady("score rests", after=30),
    "late": errors.DeadlineExceeded("score took too long"),
    "called": errors.CallFailed("the shop answered 418", answered=418),
    "reject": errors.Reject("bad"),
    "retry": errors.Retry("later"),
    "retry, 7 s": errors.Retry("later", after=7),
    "bug": KeyError("x"),
    "bug of ours": errors.InvalidOutput("no JSON form"),
}
STATUS = {
    "invalid": 422,
    "malformed": 400,
    "unknown": 404,
    "overloaded": 429,
    "overloaded, 2 s": 429,
    "not ready": 503,
    "late": 504,
    "called": 502,
    "reject": 422,
    "retry": 503,
    "retry, 7 s": 503,
}
AFTER = {
    "overloaded": "1",
    "overloaded, 2 s": "2",
    "not ready": "30",
    "retry, 7 s": "7",
}


def fail(which: str) -> str:
    raise RAISED[which]


graph = app.serve(Graph("score", str) >> fail, triggers=[pelton.http(), pelton.sqs("q")])


@app.function(triggers=[pelton.http("POST", "/plain")])
def plain(n: int) -> str:
    raise errors.DeadlineExceeded("too slow")


def on_lambda(which: str) -> tuple[int, dict[str, str], Any]:
    reply = testing.on_lambda(app.functions["score"], testing.http_v2(which))
    return reply["statusCode"], reply["headers"], json.loads(reply["body"])


def on_nuclio(which: str) -> tuple[int, dict[str, str], Any]:
    reply = testing.on_nuclio(app.functions["score"], testing.nuclio_http(which))
    return reply.status_code, dict(reply.headers), json.loads(reply.body)


@pytest.mark.parametrize("door", [on_lambda, on_nuclio])
@pytest.mark.parametrize("which", STATUS)
def test_every_door_answers_alike(door: Any, which: str) -> None:
    status, headers, body = door(which)
    assert status == STATUS[which]
    assert headers.get("retry-after") == AFTER.get(which)
    error = RAISED[which]
    said = "the body does not fit" if error is INVALID else str(error)
    assert (body["error"], body["details"]) == (said, getattr(error, "details", []))
    assert body["step"] == "score/fail"
    assert len(body["input_digest"]) == 12


@pytest.mark.parametrize("which", ["bug", "bug of ours"])
def test_a_bug_is_each_platforms_own_failure(which: str) -> None:
    assert refusal(RAISED[which]) is None
    with pytest.raises(type(RAISED[which])):
        on_lambda(which)
    reply = testing.on_nuclio(app.functions["score"], testing.nuclio_http(which))
    assert reply.status_code == 500
    assert "score/fail" in reply.body


@pytest.mark.parametrize("which", STATUS)
def test_the_log_has_the_trace_that_the_answer_has_not(
    which: str, capsys: pytest.CaptureFixture[str]
) -> None:
    _, _, body = on_lambda(which)
    line = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (line["message"], line["status"]) == ("step failed", STATUS[which])
    assert (line["step"], line["input_digest"]) == (body["step"], body["input_digest"])
    assert "raise RAISED[which]" in line["trace"]
    assert "trace" not in body


def test_a_callers_fault_at_a_plain_function_makes_no_noise(
    capsys: pytest.CaptureFixture[str],
) -> None:
    testing.on_lambda(plain, testing.http_v2("five", path="/plain"))
    assert capsys.readouterr().out == ""
    testing.on_lambda(plain, testing.http_v2(5, path="/plain"))
    assert json.loads(capsys.readouterr().out)["message"] == "refused"


def test_what_becomes_of_a_record() -> None:
    assert {which: verdict(error) for which, error in RAISED.items()} == {
        "invalid": "invalid",
        "malformed": "invalid",
        "unknown": "later",
        "overloaded": "later",
        "overloaded, 2 s": "later",
        "not ready": "later",
        "late": "later",
        "called": "later",
        "reject": "reject",
        "retry": "later",
        "retry, 7 s": "later",
        "bug": "failed",
        "bug of ours": "failed",
    }


def test_records_of_a_full_step_come_back_and_say_where(
    capsys: pytest.CaptureFixture[str],
) -> None:
    batch = testing.sqs("overloaded", "late", "bug")
    answer = testing.on_lambda(app.functions["score"], batch)
    assert [each["itemIdentifier"] for each in answer["batchItemFailures"]] == ["0", "1", "2"]
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    told = [(line["message"], line["step"]) for line in lines]
    assert told == [
        ("record comes again", "score/fail"),
        ("record comes again", "score/fail"),
        ("record failed", "score/fail"),
    ]
    assert "trace" in lines[2]


def test_a_class_of_your_own_says_its_status() -> None:
    class Gone(errors.PeltonError):
        status = 410

    assert status_of(Gone("no more")) == 410
    answer = refusal(Gone("no more"))
    assert answer is not None and answer.status == 410


def test_every_error_of_the_tree_has_a_status() -> None:
    listed = [each for each in vars(errors).values() if isinstance(each, type)]
    tree = [each for each in listed if issubclass(each, errors.PeltonError)]
    assert {each.__name__: each.status for each in tree if each.status != 500} == {
        "AssetFailed": 503,
        "CallFailed": 502,
        "DeadlineExceeded": 504,
        "InvalidInput": 422,
        "MalformedBody": 400,
        "NotReady": 503,
        "Overloaded": 429,
        "Reject": 422,
        "Retry": 503,
        "UnknownModel": 404,
    }
