"""What S3, SNS and EventBridge push to functions, and the words that ask for it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

import pelton
from pelton import App, Event, InvalidInput, S3Object, WrongUse, testing
from pelton.handlers.secret import parts_of
from pelton.testing_events import cron, eventbridge, s3, sns


def heard(kind: Any, *triggers: Any) -> tuple[Any, list[Any]]:
    """A function that takes `kind`, and what it got."""
    got: list[Any] = []

    def take(value: kind) -> str:
        got.append(value)
        return "read by nobody"

    take.__annotations__["value"] = kind
    return App("pushed").function(triggers=list(triggers))(take), got


@dataclass
class Order:
    id: int


def test_an_object_of_s3() -> None:
    function, got = heard(S3Object, pelton.s3("bucket", suffix=".csv"))
    assert testing.on_lambda(function, s3("in/a b+ü.csv", size=7, version="v1")) is None
    assert got[0]["key"] == "in/a b+ü.csv"
    assert (got[0]["bucket"], got[0]["size"], got[0]["version"]) == ("bucket", 7, "v1")
    testing.on_lambda(function, s3("gone", event="ObjectRemoved:Delete"))
    assert (got[1]["event"], got[1]["size"], got[1]["etag"]) == ("ObjectRemoved:Delete", 0, "")


def test_a_message_of_sns() -> None:
    function, got = heard(Event, pelton.sns("topic"))
    testing.on_lambda(function, sns("text", subject="new", attributes={"Kind": "order"}))
    (event,) = got
    assert (event.body, event.trigger) == ("text", "sns")
    assert event.headers == {"kind": "order", "subject": "new"}
    function, got = heard(Order, pelton.sns("topic"))
    testing.on_lambda(function, sns({"id": 3}))
    assert got == [Order(3)]


def test_an_event_of_a_bus() -> None:
    function, got = heard(Order, pelton.eventbridge(source="shop"))
    testing.on_lambda(function, eventbridge({"id": 3}, source="shop"))
    assert got == [Order(3)]


def test_a_list_gets_all_at_once() -> None:
    function, got = heard(list[Order], pelton.sns("topic"))
    testing.on_lambda(function, sns({"id": 3}))
    assert got == [[Order(3)]]


@pytest.mark.parametrize("event", [sns({"id": "x"}), eventbridge({"id": "x"})])
def test_what_does_not_fit_fails_so_that_lambda_tries_and_gives_it_up(event: Any) -> None:
    function, got = heard(Order, pelton.sns("topic"), pelton.eventbridge(source="test"))
    with pytest.raises(InvalidInput, match="id"):
        testing.on_lambda(function, event)
    assert got == []


@pytest.mark.parametrize("event", [s3(), sns("x"), eventbridge({"a": 1})])
def test_without_the_trigger_the_event_comes_as_it_is(event: Any) -> None:
    function, got = heard(dict[str, Any])
    testing.on_lambda(function, event)
    assert got == [event]


def test_the_schedulers_own_payload_is_a_tick() -> None:
    """Source: EventBridge Scheduler's user guide: its default input has the detail as a text."""
    function, got = heard(dict[str, Any], pelton.cron(every="1h"))
    testing.on_lambda(function, {**cron(), "source": "aws.scheduler", "detail": "{}"})
    assert got == [{}]


WRONG: dict[str, Callable[[], object]] = {
    "needs a bucket's name": lambda: pelton.s3(""),
    "is no bucket's name": lambda: pelton.s3("b/prefix"),
    "s3 event 'Created' is unknown": lambda: pelton.s3("b", events=["Created"]),
    "is a string": lambda: pelton.s3("b", events="ObjectCreated:*"),  # type: ignore[arg-type]
    "is a FIFO topic": lambda: pelton.sns("t.fifo"),
    "is no filter policy": lambda: pelton.sns("t", filter="kind"),  # type: ignore[arg-type]
    "needs a pattern": lambda: pelton.eventbridge(),
    "is no list of values": lambda: pelton.eventbridge({"source": "shop"}),
}


@pytest.mark.parametrize("sentence", WRONG)
def test_wrong_words_are_said_with_their_line(sentence: str) -> None:
    with pytest.raises(WrongUse, match=sentence) as caught:
        WRONG[sentence]()
    assert caught.value.file == __file__


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (pelton.s3("b", prefix="in/"), pelton.s3("b", prefix="out/"), False),
        (pelton.s3("b", prefix="in/"), pelton.s3("b", prefix="in/a/"), True),
        (pelton.s3("b", prefix="in/"), pelton.s3("b", suffix=".csv"), True),
        (pelton.s3("b"), pelton.s3("b", events=["ObjectRemoved:*"]), False),
        (pelton.s3("b"), pelton.s3("b", events=["ObjectCreated:Put"]), True),
        (pelton.s3("b"), pelton.s3("c"), False),
        (pelton.sns("t"), pelton.sns("arn:aws:sns:eu-west-1:1:t"), True),
    ],
)
def test_two_triggers_for_the_same_events(one: Any, other: Any, same: bool) -> None:
    assert one.same_source(other) is same
    assert other.same_source(one) is same


def test_a_secret_by_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    reference = pelton.secret("shop/db", field="password")
    assert reference == "pelton+secretsmanager:shop/db#password"
    assert parts_of(pelton.secret("/shop/key", store="ssm")) == ("ssm", "/shop/key", "")
    monkeypatch.setenv("DB", reference)
    with pytest.raises(KeyError, match="followed on Lambda alone"):
        pelton.Context().secret("DB")
    with pytest.raises(WrongUse, match="secret store='vault' is unknown"):
        pelton.secret("x", store="vault")


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"http": "rest"}, "http='rest'"),
        ({"log_days": 2}, "log_days=2"),
        ({"retries": 3}, "retries=3 is outside 0 to 2"),
        ({"event_seconds": 5}, "event_seconds=5 is outside 60"),
    ],
)
def test_wrong_settings_of_lambda(settings: dict[str, Any], sentence: str) -> None:
    with pytest.raises(WrongUse, match=sentence):
        pelton.Aws(**settings)


def test_a_time_zone_is_for_a_schedule() -> None:
    assert pelton.cron(schedule="0 6 * * *", timezone="Europe/Berlin").timezone == "Europe/Berlin"
    with pytest.raises(WrongUse, match="timezone= is for schedule="):
        pelton.cron(every="1h", timezone="Europe/Berlin")
    with pytest.raises(WrongUse, match="is no zone's name"):
        pelton.cron(schedule="0 6 * * *", timezone="CET+1")
