"""Changes of a table: as plain JSON, in order, the first that fails ends its batch."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

import pelton
from pelton import App, testing
from pelton.runtime.aws_changes import change_event, number, plain
from pelton.testing import dynamodb

app = App("changes")
GOT: list[Any] = []


class Order(BaseModel):
    id: str
    total: Decimal
    tags: list[str] = []


class Changed(BaseModel):
    event: Literal["INSERT", "MODIFY", "REMOVE"]
    new: Order | None
    old: Order | None


@app.function(triggers=[pelton.dynamodb("orders")])
def react(change: Changed, context: pelton.Context) -> None:
    GOT.append((change.event, change.old, change.new, context.event.key))
    if change.new and change.new.total < 0:
        raise ValueError("no order is below nothing")


@app.function(triggers=[pelton.dynamodb("orders", on_invalid="drop")])
def react_to_all(changes: list[Changed]) -> None:
    GOT.append([each.event for each in changes])


@app.function(triggers=[pelton.dynamodb("orders")])
def raw(change: pelton.TableChange) -> None:
    GOT.append(change)


def failed(answer: Any) -> list[str]:
    return [each["itemIdentifier"] for each in answer["batchItemFailures"]]


def test_a_change_comes_typed_and_the_first_failure_ends_the_batch() -> None:
    GOT.clear()
    one, two = {"id": "a", "total": 1}, {"id": "a", "total": -0.5, "tags": ["x"]}
    batch = dynamodb(one, (one, None), (one, two), two, table="orders")
    assert failed(testing.on_lambda(react, batch)) == ["2"]
    assert [each[0] for each in GOT] == ["INSERT", "REMOVE", "MODIFY"]
    assert GOT[2][1:] == (Order.model_validate(one), Order.model_validate(two), '{"id": "a"}')


def test_a_list_gets_the_batch_and_bad_ones_go_by_what_the_trigger_says() -> None:
    GOT.clear()
    good = {"id": "a", "total": 1}
    batch = dynamodb(good, {"id": "b"}, good, table="orders")
    assert failed(testing.on_lambda(react_to_all, batch)) == []
    assert GOT == [["INSERT", "INSERT"]]
    assert failed(testing.on_lambda(react, dynamodb({"id": "b"}, table="orders"))) == ["0"]


def test_what_a_change_says() -> None:
    GOT.clear()
    batch = dynamodb({"id": 7, "n": None, "more": {"on": [True]}})
    batch["Records"][0]["userIdentity"] = {
        "type": "Service",
        "principalId": "dynamodb.amazonaws.com",
    }
    testing.on_lambda(raw, batch)
    assert GOT == [
        {
            "event": "INSERT",
            "keys": {"id": 7},
            "new": {"id": 7, "n": None, "more": {"on": [True]}},
            "old": None,
            "time": 1545084650.0,
            "by": "ttl",
        }
    ]
    event = change_event(batch["Records"][0])
    assert (event.trigger, event.position, event.timestamp) == ("dynamodb", "0", 1545084650.0)


@given(st.decimals(allow_nan=False, allow_infinity=False, places=None))
def test_no_number_becomes_another(value: Decimal) -> None:
    """DynamoDB's own have 38 digits and exponents up to 125."""
    if value.adjusted() > 125 or len(value.as_tuple().digits) > 38 or abs(value.adjusted()) > 125:
        return
    found = number(str(value))
    assert Decimal(repr(found) if isinstance(found, float) else found) == value


def test_every_type_of_dynamodb_has_a_plain_form() -> None:
    values = [{"BOOL": False}, {"B": "AA=="}, {"NS": ["1", "2.5"]}, {"BS": ["AA=="]}]
    assert plain({"L": values}) == [False, "AA==", [1, 2.5], ["AA=="]]
    with pytest.raises(ValueError, match="no type 'X'"):
        plain({"X": 1})


@pytest.mark.parametrize(
    ("given_", "said"),
    [
        ({"table": ""}, "needs a table's name"),
        ({"table": "arn:aws:dynamodb:r:1:table/t"}, "is the ARN of a table"),
        ({"table": "t", "batch": 0}, "dynamodb batch=0 is outside"),
        ({"table": "t", "start": "NOW"}, "dynamodb start='NOW' is unknown"),
        ({"table": "t", "dead_letter": "a.fifo"}, "no name of a standard SQS queue"),
    ],
)
def test_what_is_wrong_is_said(given_: dict[str, Any], said: str) -> None:
    with pytest.raises(pelton.WrongUse, match=said):
        pelton.dynamodb(**given_)


def test_one_table_brings_its_changes_once() -> None:
    def take(change: pelton.TableChange) -> None: ...

    stream = "arn:aws:dynamodb:eu-west-1:123456789012:table/orders/stream/2026"
    triggers = [pelton.dynamodb("orders"), pelton.dynamodb(stream)]
    with pytest.raises(pelton.WrongUse, match="is the same source"):
        App("twice").function(triggers=triggers)(take)
