"""Events made, redacted, compared: without a platform."""

from __future__ import annotations

import dataclasses
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

import pelton
from pelton import App
from pelton.cli import command
from pelton.events.kinds import KINDS
from pelton.events.kinds.base import Asked, CannotMake
from pelton.events.recording import Recorded, read
from pelton.events.redaction import Redaction, blank
from pelton.events.replay import differences, replay
from pelton.events.sample import sample_body
from pelton.handlers.triggers.base import Trigger
from pelton.testing import on_lambda


@dataclass
class Leg:
    miles: float
    kind: Literal["short", "long"] = "long"


@dataclass
class Trip:
    name: str
    legs: list[Leg]
    back: Trip | None = None


def app_of(*triggers: Trigger) -> App:
    app = App("events")

    @app.function(triggers=list(triggers))
    def miles(trip: Trip) -> float:
        return sum(each.miles for each in trip.legs)

    return app


TRIGGERS = {
    "http": pelton.http(),
    "http-v1": pelton.http(),
    "cloudevents": pelton.cloudevents(),
    "alb": pelton.http(),
    "sqs": pelton.sqs("q"),
    "sns": pelton.sns("t"),
    "kinesis": pelton.kinesis("s"),
    "eventbridge": pelton.eventbridge(source="x"),
    "kafka": pelton.kafka("t", brokers="h:1"),
    "nats": pelton.nats("t", url="nats://h"),
    "redis": pelton.redis(url="redis://h", stream="s"),
    "directory": pelton.directory("inbox"),
    "mqtt": pelton.mqtt("t", url="mqtt://h"),
    "rabbitmq": pelton.rabbitmq("q", url="amqp://h"),
    "websocket": pelton.websocket("wss://h"),
    "websocket-api": pelton.websocket_api(),
}


@pytest.mark.parametrize("kind", TRIGGERS)
def test_a_sample_of_a_functions_type_fits_the_function(kind: str) -> None:
    function = app_of(TRIGGERS[kind]).functions["miles"]
    (event,) = KINDS[kind].events(Asked(bodies=(sample_body(function),)))
    answer = on_lambda(function, event)
    if kind.startswith(("http", "alb", "cloudevents")):
        assert (answer["statusCode"], answer["body"]) == (200, "1.5")
    elif kind == "websocket-api":
        assert answer == {"statusCode": 200, "body": "1.5"}
    elif KINDS[kind].batches:
        assert answer == {"batchItemFailures": []}


def test_what_a_kind_does_not_know_is_refused() -> None:
    with pytest.raises(CannotMake, match="sns events have no member 'subjct'; they have subject"):
        KINDS["sns"].events(Asked(members={"subjct": "x"}))
    with pytest.raises(CannotMake, match="event='LEFT' is none of MESSAGE, CONNECT, DISCONNECT"):
        KINDS["websocket-api"].events(Asked(members={"event": "left"}))
    with pytest.raises(CannotMake, match="detail is a JSON object, not 'text'"):
        KINDS["eventbridge"].events(Asked(bodies=("text",)))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def test_cloud_events_in_each_form() -> None:
    kind = KINDS["cloudevents"]
    for mode, bodies in (("structured", ()), ("binary", ()), ("batched", ()), ("batched", (1, 2))):
        (event,) = kind.events(Asked(bodies, members={"mode": mode}))
        assert event["requestContext"]["http"]["method"] == "POST"
    with pytest.raises(CannotMake, match="mode='loud' is none of structured, binary, batched"):
        kind.events(Asked((1,), members={"mode": "loud"}))
    with pytest.raises(CannotMake, match="2 events are a batch: say mode='batched'"):
        kind.events(Asked((1, 2)))


def test_a_new_item_of_a_table() -> None:
    seen: list[Any] = []

    def take(change: pelton.TableChange) -> None:
        seen.append((change["event"], change["keys"], change["new"]))

    function = App("tables").function(triggers=[pelton.dynamodb("orders")])(take)
    item = {"id": "a", "total": 1.5}
    (event,) = KINDS["dynamodb"].events(Asked((item, item), source="orders"))
    assert on_lambda(function, event) == {"batchItemFailures": []}
    assert seen == [("INSERT", {"id": "a"}, item)] * 2
    with pytest.raises(CannotMake, match="an item of a table is a JSON object, not 'text'"):
        KINDS["dynamodb"].events(Asked(("text",)))
    with pytest.raises(CannotMake, match="has no member 'id'"):
        KINDS["dynamodb"].events(Asked(({"name": "b"},)))


@given(JSON)
def test_what_names_nothing_private_stays_as_it_is(value: Any) -> None:
    private = Redaction(["\x00never"])
    if not any(each in json.dumps(value).lower() for each in ("auth", "cookie", "key", "token")):
        assert private.of(value) == value
    assert private.of({"Authorization": value}) == {"Authorization": blank(value)}


@given(JSON)
def test_what_is_private_is_found_in_texts_and_in_base64(value: Any) -> None:
    redaction = Redaction(["card*"])
    body = json.dumps({"cardNumber": "4111-secret", "more": value})
    for event in KINDS["sqs"].events(Asked((body,))) + KINDS["kinesis"].events(Asked((body,))):
        told = json.dumps(redaction.of(event))
        # (A random id may have 4111 in it.)
        assert "4111-secret" not in told and "NDExMS1zZWNyZXQ" not in told
        assert redaction.of(redaction.of(event)) == redaction.of(event)


def test_differences_are_told_by_place() -> None:
    was = {"statusCode": 200, "body": '{"n": 1, "ids": [1, 2], "t": 5}', "headers": {"x": "a"}}
    now = {"statusCode": 200, "body": '{"n": 2, "ids": [1, 3], "t": 6}', "headers": {}}
    told = [str(each) for each in differences(was, now, ["T"])]
    assert told == ["/body/ids/1: 2 -> 3", "/body/n: 1 -> 2", "/headers/x: 'a' -> nothing"]
    assert list(differences(was, was)) == []


def test_replayed_answers_and_errors_are_compared() -> None:
    events = [
        Recorded("f", "lambda", 1, {"n": 2}),
        Recorded("f", "lambda", 2, {"errorType": "E", "stackTrace": ["a"]}, "Unhandled"),
        Recorded("f", "lambda", 3, {"card": "redacted"}, redacted=("card",)),
        Recorded("f", "lambda", 4, "", streamed=True),
    ]

    def call(event: int) -> tuple[Any, str]:
        if event == 2:
            return {"errorType": "E", "stackTrace": ["b"]}, "Unhandled"
        return {1: ({"n": 3}, ""), 3: ({"card": "4111"}, ""), 4: ("all of it", "")}[event]

    told = [[str(d) for d in each.differences] for each in replay(events, call)]
    assert told == [["/n: 2 -> 3"], [], [], []]


def test_a_file_of_recorded_events(tmp_path: Path) -> None:
    file, call = tmp_path / "events.jsonl", Recorded("f", "lambda", {"a": 1}, "done", time=1.5)
    file.write_text(call.line() + "\n" + dataclasses.replace(call, event=2).line())
    assert [each.event for each in read(file)] == [{"a": 1}, 2]
    file.write_text(call.line() + "{}\n")
    with pytest.raises(CannotMake, match=r"events.jsonl:2 is no recorded event"):
        list(read(file))
    file.write_text('{"pelton_event": 99}\n')
    with pytest.raises(CannotMake, match="newer pelton"):
        list(read(file))


APP = """
import pelton
app = pelton.App("shop")

@app.function(triggers=[pelton.http("POST", "/price"), pelton.sqs("orders")])
def price(n: int) -> dict[str, float]:
    return {"price": n * FACTOR}
"""


def run(*words: str, code: int = 0) -> Any:
    done = CliRunner().invoke(command, ["events", *words])
    assert done.exit_code == code, done.output
    return done


def test_files_are_sent_as_they_are_written(tmp_path: Path) -> None:
    """A document that is a text keeps its quotes; what is no document is text."""
    one = run("send", "directory", str(tmp_path), "--key", "a.json", "--body", '"a b"')
    assert one.output == f"1 file to folder {tmp_path}\n"
    assert (tmp_path / "a.json").read_text() == '"a b"'
    words = ("--key", "b", "--body", "a b", "--body", '{"n": 1}')
    assert run("send", "directory", str(tmp_path), *words).output.startswith("2 files to")
    said = [(tmp_path / each).read_text() for each in ("0-b", "1-b")]
    assert said == ["a b", '{"n": 1}']


def test_an_event_for_a_function_is_of_its_own_source(tmp_path: Path) -> None:
    lines = (
        "import pelton",
        "app = pelton.App('a')",
        "brokers = [pelton.redis(url='redis://h:1', stream='orders'),",
        "           pelton.mqtt('a/#', url='mqtt://h')]",
        "@app.function(triggers=brokers)",
        "def f(n: int) -> None: ...",
    )
    (tmp_path / "own_app.py").write_text("\n".join(lines))
    where = ("--for", f"{tmp_path / 'own_app.py'}:f")
    topics = [
        json.loads(run("generate", *words, *where).stdout)["Records"][0]["topic"]
        for words in (("redis",), ("redis", "--source", "others"), ("mqtt",))
    ]
    sys.modules.pop("own_app", None)
    assert topics == ["orders", "others", "topic"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("send", "redis", "s", "--url", "redis://h:1", "--set", "too=channel"), "no member 'too'"),
        (("record", "f", "--seconds", "-1"), "x>0"),
        (("record", "f", "--out", "/nowhere/events.jsonl"), "No such file or directory"),
    ],
)
def test_what_cannot_be_is_said_before_anything_is_done(words: tuple[str, ...], said: str) -> None:
    done = CliRunner().invoke(command, ["events", *words])
    assert done.exit_code != 0
    assert said in (done.output or str(done.exception))


def test_the_command_generates(tmp_path: Path) -> None:
    (tmp_path / "events_app.py").write_text(APP.replace("FACTOR", "1.5"))
    where = f"{tmp_path / 'events_app.py'}:price"
    event = json.loads(run("generate", "sqs", "--for", where, "--source", "orders").stdout)
    assert (
        event["Records"][0]["body"] == "1"
        and event["Records"][0]["eventSourceARN"][-6:] == "orders"
    )
    routed = json.loads(run("generate", "http", "--for", where).stdout)
    assert routed["rawPath"] == "/price"
    told = json.loads(run("generate", "http", "--body", "3", "--count", "2", "--json").stdout)
    assert [each["body"] for each in told] == ["3", "3"]
    for count in ("1", "3"):  # of a body nothing is said: each has an empty object
        bare = json.loads(run("generate", "sqs", "--count", count).stdout)["Records"]
        assert [each["body"] for each in bare] == ["{}"] * int(count)
    nats = json.loads(run("generate", "nats", "--source", "orders", "--header", "a=b").stdout)
    assert (nats["Records"][0]["topic"], nats["Records"][0]["headers"]) == ("orders", {"a": "b"})
    assert "did you mean 'kinesis'" in run("generate", "kinesys", code=2).output
    assert "sqs events have no --method" in run("generate", "sqs", "--method", "GET", code=2).output
    assert "'x' is not NAME=VALUE" in run("generate", "http", "--header", "x", code=2).output
    assert "nothing but a call brings cron events" in run("send", "cron", "x", code=1).output


def test_the_command_replays_in_process(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    (event,) = KINDS["http"].events(Asked(bodies=(4,), path="/price"))
    (tmp_path / "was_app.py").write_text(APP.replace("FACTOR", "1.5"))
    (tmp_path / "now_app.py").write_text(APP.replace("FACTOR", "1.25"))
    body = '{"price":6.0}'
    answer = {"statusCode": 200, "headers": {"content-type": "application/json"}, "body": body}
    file.write_text(Recorded("price", "lambda", event, answer, request_id="r-1").line())
    same = run("replay", str(file), "--app", str(tmp_path / "was_app.py"), "--ignore", "isBase*")
    assert "price: 0 of 1 answers differ" in same.output
    other = run(
        "replay", str(file), "--app", str(tmp_path / "now_app.py"), "--ignore", "isBase*", code=2
    )
    assert other.output == "#1 r-1\n    /body/price: 6.0 -> 5.0\nprice: 1 of 1 answers differ\n"
    missing = run(
        "replay", str(file), "--app", str(tmp_path / "now_app.py"), "--function", "x", code=1
    )
    assert "app shop has no function 'x'; it has price" in missing.output
