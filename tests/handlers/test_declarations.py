"""What people declare: the right is kept, the wrong is said at once with file and line."""

import datetime as dt
import enum
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal, NotRequired, TypedDict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict

import pelton
from pelton import App, Context, Event, InvalidInput, InvalidOutput, MalformedBody, WrongUse
from pelton.testing import invoke


class Colour(enum.Enum):
    RED = "red"


@dataclass
class Leg:
    start: dt.datetime
    colour: Colour = Colour.RED


class Trip(TypedDict):
    id: uuid.UUID
    legs: list[Leg]
    note: NotRequired[str]


class Strict(BaseModel):
    model_config = ConfigDict(strict=True)
    at: dt.datetime
    tags: set[str]


def wrong(declare: Callable[[App], Any]) -> str:
    with pytest.raises(WrongUse) as caught:
        declare(App("demo"))
    assert caught.value.file == __file__ and caught.value.line
    return str(caught.value)


def two_bodies(a: int, b: int) -> None: ...
def unknown(a: Callable[[], int]) -> None: ...
def no_body() -> None: ...
def fine(a: int) -> int:
    return a


def undefined(a: "Nowhere") -> None: ...  # type: ignore[name-defined]  # noqa: F821


@pytest.mark.parametrize(
    ("function", "settings", "words"),
    [
        (two_bodies, {}, "2 body parameters: a, b"),
        (unknown, {}, "unknown to the codec"),
        (no_body, {"triggers": [pelton.sqs("q")]}, "no parameter for its body"),
        (undefined, {}, "'Nowhere' is not defined"),
        (fine, {"memory": 1}, "memory=1 is outside 128 to 10240 MB"),
        (fine, {"timeout": 901}, "timeout=901"),
        (fine, {"name": "no spaces"}, "'no spaces' is not allowed"),
        (fine, {"requirements": "numpy"}, "write requirements=['numpy']"),
        (fine, {"style": "azure"}, "style='azure' is unknown"),
        (fine, {"triggers": ["http"]}, "'http' is no trigger"),
        (fine, {"colour": 1}, "unknown setting colour"),
    ],
)
def test_wrong_use_is_said_where_it_is(function: Any, settings: Any, words: str) -> None:
    assert words in wrong(lambda app: app.function(**settings)(function))


def test_a_name_is_taken_once() -> None:
    def twice(app: App) -> None:
        app.function(fine)
        app.function(name="fine")(fine)

    assert "has a function fine already" in wrong(twice)


@pytest.mark.parametrize("text", ["0 * * *", "61 * * * *", "* * * * 9", "a * * * *"])
def test_a_schedule_is_checked(text: str) -> None:
    with pytest.raises(WrongUse, match="cron"):
        pelton.cron(schedule=text)


def test_unannotated_works() -> None:
    def anything(event):  # type: ignore[no-untyped-def]
        return event

    assert invoke(anything, {"a": [1]}) == {"a": [1]}


def test_a_typed_dict_of_dataclasses_goes_in_and_out() -> None:
    def same(trip: Trip) -> Trip:
        assert trip["legs"][0].start.year == 2026
        return trip

    body = {
        "id": "12345678-1234-5678-1234-567812345678",
        "legs": [{"start": "2026-01-01T00:00:00", "colour": "red"}],
    }
    assert invoke(same, body) == body
    with pytest.raises(InvalidInput) as caught:
        invoke(same, {**body, "legs": [{"start": "soon"}]})
    assert caught.value.details[0]["path"] == ["legs", 0, "start"]


def test_every_fault_of_a_body_is_told_in_the_order_of_the_fields() -> None:
    def same(trip: Trip) -> Trip:
        return trip

    with pytest.raises(InvalidInput) as caught:
        invoke(same, {"id": 7, "legs": [{"colour": "red"}, {"start": "soon", "colour": "no"}]})
    assert [each["path"] for each in caught.value.details] == [
        ["id"],
        ["legs", 0, "start"],
    ]


def test_a_strict_model_reads_parsed_input_as_json() -> None:
    def same(model: Strict) -> Strict:
        return model

    body = {"at": "2026-01-01T00:00:00", "tags": ["a"]}
    assert invoke(same, body) == body
    with pytest.raises(InvalidInput, match="tags"):
        invoke(same, {"at": "2026-01-01T00:00:00", "tags": 3})


def test_arrays_bytes_text_and_the_event() -> None:
    def total(values: np.ndarray[Any, Any]) -> float:
        return float(values.sum())

    def size(raw: bytes) -> int:
        return len(raw)

    def shout(text: str) -> str:
        return text.upper()

    def kind(event: Event, context: Context) -> str:
        return event.trigger + context.function_name

    assert invoke(total, [[1, 2], [3, 4]]) == 10
    assert invoke(size, Event(body=b"abc")) == 3
    assert invoke(shout, "a") == "A"
    assert invoke(kind, {}) == "directkind"


def test_an_async_function_is_awaited() -> None:
    async def double(n: int) -> int:
        return 2 * n

    assert invoke(double, 2) == 4


def test_bad_json_and_a_set_are_refused() -> None:
    def gives_set(n: int):  # type: ignore[no-untyped-def]
        return Exception()

    with pytest.raises(MalformedBody, match="is not JSON"):
        invoke(fine, Event(body=b"{", trigger="http"))
    with pytest.raises(MalformedBody, match=r"^the body is not JSON: it is not UTF-8 text$"):
        invoke(fine, Event(body=b"\xff\x00\x00", trigger="http"))
    with pytest.raises(InvalidOutput, match="gives_set returned a Exception"):
        invoke(gives_set, 1)


def test_literals_and_unions() -> None:
    def pick(what: Literal["a", 1] | list[int] | None) -> str:
        return repr(what)

    assert [invoke(pick, each) for each in ("a", 1, [2], None)] == ["'a'", "1", "[2]", "None"]
    with pytest.raises(InvalidInput):
        invoke(pick, True)


def test_hooks_run_around_the_events() -> None:
    app, seen = App("demo"), []

    @app.function
    def f(n: int, context: Context) -> int:
        seen.append("call")
        return int(context.state.start) + n

    @f.init
    def begin(context: Context) -> None:
        context.state.start = 40
        seen.append("init")

    @f.stop
    def end(context: Context) -> None:
        seen.append("stop")

    assert invoke(f, 2) == 42
    assert seen == ["init", "call", "stop"]


@dataclass
class Everything:
    n: int
    x: float
    s: str
    d: Decimal
    u: uuid.UUID
    t: dt.datetime
    m: dict[str, list[int]]
    o: tuple[int, str] | None


@given(
    st.builds(
        Everything,
        n=st.integers(),
        x=st.floats(allow_nan=False, allow_infinity=False),
        s=st.text(),
        d=st.decimals(allow_nan=False, allow_infinity=False),
        u=st.uuids(),
        t=st.datetimes(),
        m=st.dictionaries(st.text(), st.lists(st.integers())),
        o=st.none() | st.tuples(st.integers(), st.text()),
    )
)
def test_what_goes_out_comes_back(value: Everything) -> None:
    seen: list[Everything] = []

    def out(n: int) -> Everything:
        return value

    def back(same: Everything) -> None:
        seen.append(same)

    invoke(back, invoke(out, 1))
    assert seen == [value]
