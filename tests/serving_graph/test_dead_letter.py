"""Events that always fail: what their letters say, where they go, and that none is lost."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pelton import App, Context, Graph, InvalidInput, Reject, sqs, steps, testing
from pelton.handlers.delivery import Delivery
from pelton.handlers.errors import GraphError
from pelton.serving_graph.brokers.base import NoSuchQueue
from pelton.serving_graph.brokers.memory import MemoryBroker
from pelton.serving_graph.clock import ManualClock
from pelton.serving_graph.digest import digest
from pelton.serving_graph.letters import DeadLetter, Mailbox, letter
from pelton.serving_graph.steps.queue import Address

CALLS: list[Any] = []
LETTERS: list[DeadLetter] = []


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    CALLS.clear()
    LETTERS.clear()
    yield


def share(n: int) -> float:
    CALLS.append(n)
    if n < 0:
        raise Reject("negative")
    return 12 / n


async def later_share(n: int) -> float:
    await asyncio.sleep(0)
    return share(n)


def keep(one: DeadLetter) -> None:
    LETTERS.append(one)


async def later_keep(one: dict[str, Any]) -> None:
    await asyncio.sleep(0)
    LETTERS.append(one)  # type: ignore[arg-type]


def lose(one: DeadLetter) -> None:
    raise OSError("disk full")


def of_text(text: str) -> None: ...


both = pytest.mark.parametrize("one", [share, later_share])


def answer(graph: Graph[Any, Any], value: Any, context: Context | None = None) -> Any:
    assert Graph.from_spec(graph.spec.to_dict()).spec == graph.spec
    return asyncio.run(graph.acall(value, context))


@both
@pytest.mark.parametrize("to", [keep, later_keep])
def test_a_letter_says_what_happened_and_has_the_input(one: Any, to: Any) -> None:
    graph = Graph("g", int) >> steps.dead_letter(one, to, attempts=3, name="put")
    assert graph.output_type == float | None
    assert (answer(graph, 4), answer(graph, 0, Context(request_id="7"))) == (3.0, None)
    assert CALLS == [4, 0, 0, 0]
    assert LETTERS == [
        {
            "reason": "division by zero",
            "error": "ZeroDivisionError",
            "step": f"g/put/{one.__name__}",
            "input_digest": digest(0),
            "attempts": 3,
            "request_id": "7",
            "input": 0,
        }
    ]


@both
def test_or_the_error_goes_on(one: Any) -> None:
    graph = Graph("g", int) >> steps.dead_letter(one, keep, then="raise")
    assert graph.output_type is float
    with pytest.raises(ZeroDivisionError):
        answer(graph, 0)
    assert [each["attempts"] for each in LETTERS] == [1]


def test_what_refuses_the_event_is_put_aside_at_once() -> None:
    graph = Graph("g", int) >> steps.dead_letter(share, keep, attempts=5)
    answer(graph, -1)
    assert [(each["error"], each["attempts"]) for each in LETTERS] == [("Reject", 1)]


def test_a_queue_counts_the_attempts_of_what_it_brings() -> None:
    graph = Graph("g", int) >> steps.dead_letter(share, keep, attempts=3)
    for attempt in (1, 2):
        with pytest.raises(ZeroDivisionError):
            answer(graph, 0, Context(delivery=Delivery("7", attempt=attempt, queue="in")))
        assert LETTERS == []
    assert answer(graph, 0, Context(delivery=Delivery("7", attempt=3, queue="in"))) is None
    assert (CALLS, [each["attempts"] for each in LETTERS]) == ([0, 0, 0], [3])


def test_a_record_of_a_functions_queue_is_counted_by_that_queue() -> None:
    app = App("records")
    graph = Graph("g", int) >> steps.dead_letter(share, keep, attempts=2)
    app.serve(graph, triggers=[sqs("in")])
    batch = testing.sqs(0, 3)
    for receives, back in (("1", ["0"]), ("2", [])):
        for record in batch["Records"]:
            record["attributes"]["ApproximateReceiveCount"] = receives
        told = testing.on_lambda(app.functions["g"], batch)
        assert [each["itemIdentifier"] for each in told["batchItemFailures"]] == back
    assert [(each["input"], each["attempts"]) for each in LETTERS] == [(0, 2)]


def test_once_may_be_inside_where_nothing_is_repeated() -> None:
    steps.dead_letter(steps.once(share), keep)
    with pytest.raises(GraphError, match="several times for one event"):
        steps.dead_letter(steps.once(share), keep, attempts=2)


def test_attempts_of_a_retry_inside_are_counted() -> None:
    again = steps.retry(share, on=ZeroDivisionError, attempts=4)
    run = (Graph("g", int) >> steps.dead_letter(again, keep)).compile(clock=ManualClock())
    assert run(0) is None
    assert [each["attempts"] for each in LETTERS] == [4]


@both
def test_a_letter_that_cannot_be_put_is_an_error(one: Any) -> None:
    graph = Graph("g", int) >> steps.dead_letter(one, lose, name="put")
    with pytest.raises(OSError, match="disk full") as caught:
        answer(graph, 0)
    assert "and ZeroDivisionError: division by zero is in no dead letter" in caught.value.__notes__
    assert isinstance(caught.value.__context__, ZeroDivisionError)


def test_letters_in_a_file_are_json_lines(tmp_path: Path) -> None:
    path = tmp_path / "letters.jsonl"
    graph = Graph("g") >> steps.dead_letter(share, path)
    answer(graph, 0)
    answer(graph, complex(0, 0))
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [each["input"] for each in lines] == [0, "0j"]
    assert lines[0]["step"] == "g/dead_letter(share)/share"


def test_a_folder_that_is_not_there_is_said_before_an_event_fails(tmp_path: Path) -> None:
    """At build; of a path from the root, which may be the platform's, when the graph loads."""
    with pytest.raises(GraphError, match=r"in the folder 'not/there', which is not there"):
        steps.dead_letter(share, "not/there/letters.jsonl")
    gone = Graph("g") >> steps.dead_letter(share, tmp_path / "not there" / "letters.jsonl")
    with pytest.raises(FileNotFoundError, match="whose folder is not there") as error:
        gone.load()
    assert error.value.__notes__ == ["in step g/dead_letter(share)"]


def test_letters_in_a_queue_are_a_graphs_own_messages() -> None:
    broker, address = MemoryBroker(), Address("dead")
    mailbox = Mailbox(broker, address)
    context = Context(request_id="7", delivery=Delivery("order 7", "first"))
    one = letter(ZeroDivisionError("no"), "g/share", {1}, 3, context)
    with pytest.raises(NoSuchQueue):
        mailbox.put(one, context)
    broker.prepare([address])
    mailbox.put(one, context)
    (received,) = broker.receive(address, 10, 0)
    message = received.message
    assert (message.value, message.graph, message.step) == ([1], "g", "g/share")
    assert (message.idempotency_key, message.correlation_id) == ("order 7", "first")
    assert message.reason is not None
    assert (message.reason["error"], message.reason["attempts"]) == ("ZeroDivisionError", 3)


def test_a_queue_is_named_in_the_spec() -> None:
    graph = Graph("g", int) >> steps.dead_letter(share, steps.queue("dead"))
    assert Graph.from_spec(graph.spec.to_dict()).spec == graph.spec
    assert graph.steps[0].spec.option("queue") == {"kind": "sqs", "name": "dead"}


def test_inside_a_map_an_item_is_left_out() -> None:
    graph = Graph("g", list[int]) >> steps.map(steps.dead_letter(share, keep))
    assert answer(graph, [1, 0, 2, -3]) == [12.0, 6.0]
    assert [each["input"] for each in LETTERS] == [0, -3]


def test_an_invalid_record_is_put_aside_once() -> None:
    def check(n: int) -> int:
        CALLS.append(n)
        raise InvalidInput([])

    lines: list[str] = []
    graph = Graph("g", int) >> steps.dead_letter(check, keep, attempts=4)
    assert graph(1, testing.make_context(lines=lines)) is None
    assert CALLS == [1]
    assert '"message": "dead letter"' in lines[0]


def test_what_cannot_work_is_refused_at_build() -> None:
    with pytest.raises(GraphError, match=r"'letters.txt' is no file of JSON lines"):
        steps.dead_letter(share, "letters.txt")
    with pytest.raises(GraphError, match="a letter is a DeadLetter but step 'of_text' takes str"):
        steps.dead_letter(share, of_text)
    with pytest.raises(GraphError, match="attempts=0"):
        steps.dead_letter(share, keep, attempts=0)
    with pytest.raises(GraphError, match="then='skip' is not known; there are drop, raise"):
        steps.dead_letter(share, keep, then="skip")
