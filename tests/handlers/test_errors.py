"""Errors that handlers raise: in a sentence, and in another process what they were here."""

from __future__ import annotations

import pickle

import pytest

import pelton
from pelton.handlers.errors import PeltonError, UnknownModel, WrongUse
from pelton.testing import invoke


def test_a_handler_refuses_its_event_in_a_sentence() -> None:
    """It once was a TypeError of our own, and so a 502."""

    def order(items: list[str]) -> int:
        if not items:
            raise pelton.InvalidInput("an order needs an item", path=["items"])
        return len(items)

    with pytest.raises(pelton.InvalidInput, match=r"^items: an order needs an item$") as caught:
        invoke(order, [])
    fault = {"path": ["items"], "message": "an order needs an item", "type": "refused"}
    assert caught.value.details == [fault]
    assert pelton.InvalidInput("not today").details[0]["path"] == []


@pytest.mark.parametrize(
    "error",
    [
        pelton.InvalidInput([{"path": ["leg", 0], "message": "missing", "type": "missing"}]),
        pelton.Overloaded("full", after=2.0),
        UnknownModel("delay", "3", known=("1", "2")),
        WrongUse("two bodies", file="app.py", line=7, advice="keep one"),
    ],
)
def test_an_error_is_the_same_in_another_process(error: PeltonError) -> None:
    error.add_note("in step fee/clean")
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again)) == (type(error), str(error))
    assert vars(again) == vars(error)
