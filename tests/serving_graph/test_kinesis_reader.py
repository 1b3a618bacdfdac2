"""Taking from a stream on one machine: order, places, kills, shards that split."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pelton.event_sources.sources.kinesis import listed
from pelton.event_sources.sources.shard_hand import END, Hand
from pelton.pytest_plugin import RunningEmulator
from pelton.serving_graph.brokers import broker_at
from pelton.serving_graph.brokers.base import Broker, NoSuchQueue, Received
from pelton.serving_graph.brokers.pending import Pending, Record, shard_order
from pelton.serving_graph.message import Message
from pelton.serving_graph.steps.queue import Address

ORDERED = Address("steps", ordered=True, window=30)


@given(
    st.lists(st.sampled_from("abc"), max_size=12),
    st.lists(st.tuples(st.integers(1, 3), st.booleans()), max_size=40),
    st.booleans(),
)
def test_none_is_lost_and_a_key_keeps_its_order(
    keys: list[str], turns: list[tuple[int, bool]], ordered: bool
) -> None:
    now = [0.0]
    pending = Pending(ordered=ordered, window=5, clock=lambda: now[0])
    for number, key in enumerate(keys):
        pending.add(Record(str(number), key, b""))
    done: list[str] = []
    for most, well in turns + [(3, True)] * len(keys):
        now[0] += 1
        for each in pending.take(most):
            if well:
                assert pending.done(each.sequence)
                done.append(each.sequence)
            else:
                pending.later(each.sequence, 0.5)
        whole = [str(n) for n in range(len(keys)) if all(str(m) in done for m in range(n + 1))]
        assert pending.after == (whole[-1] if whole else "")
    assert sorted(done, key=int) == [str(n) for n in range(len(keys))]
    if ordered:
        for key in "abc":
            own = [each for each in done if keys[int(each)] == key]
            assert own == sorted(own, key=int)


def test_what_nobody_has_done_in_its_window_comes_again() -> None:
    now = [0.0]
    pending = Pending(ordered=True, window=5, clock=lambda: now[0])
    pending.add(Record("1", "a", b""))
    assert [each.tries for each in pending.take(1)] == [1] and pending.next_due() == 5
    assert pending.take(1) == []
    now[0] = 5
    assert [each.tries for each in pending.take(1)] == [2]
    assert pending.done("1") and not pending.done("1") and pending.next_due() is None


def test_a_child_waits_for_both_of_its_parents() -> None:
    shards = [
        {"ShardId": "0"},
        {"ShardId": "1"},
        {"ShardId": "2", "ParentShardId": "0", "AdjacentParentShardId": "1"},
        {"ShardId": "3", "ParentShardId": "gone"},
    ]
    assert shard_order(shards, set()) == ["0", "1", "3"]
    assert shard_order(shards, {"0", "3"}) == ["1"]
    assert shard_order(shards, {"0", "1", "3"}) == ["2"]


PARENTS = st.sampled_from(["", "0", "1", "2", "3", "gone"])


@given(st.lists(st.tuples(PARENTS, PARENTS), max_size=6), st.sets(st.sampled_from("0123")))
def test_who_reads_for_a_graph_and_who_reads_for_a_bridge_begin_the_same_shards(
    parents: list[tuple[str, str]], ended: set[str]
) -> None:
    """Two layers that may not import each other each have the rule."""
    shards = [
        {"ShardId": str(number), "ParentShardId": one, "AdjacentParentShardId": other}
        for number, (one, other) in enumerate(parents)
    ]
    kept = json.dumps(dict.fromkeys(ended, END))
    hand = Hand.begin(kept, [listed(each) for each in shards], "TRIM_HORIZON", 0.0)
    told = [{name: value for name, value in each.items() if value} for each in shards]
    assert list(hand.readable()) == shard_order(told, ended)


@pytest.fixture
def url(pelton_emulator: RunningEmulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    return f"kinesis://{pelton_emulator.url.partition('://')[2]}"


@pytest.fixture
def broker(url: str) -> Iterator[Broker]:
    made = broker_at(url)
    made.prepare([ORDERED])
    yield made
    made.close()


def all_of(broker: Broker, many: int) -> list[Received]:
    found: list[Received] = []
    while len(found) < many:
        batch = broker.receive(ORDERED, 10, 10)
        assert batch, f"only {len(found)} came"
        broker.done(ORDERED, batch)
        found += batch
    return found


def send(broker: Broker, numbers: range) -> None:
    messages = [Message({"n": n}, idempotency_key=str(n), group=f"k{n % 3}") for n in numbers]
    assert all(isinstance(each, str) for each in broker.send(ORDERED, messages))


def test_keys_keep_their_order_and_places_outlive_the_process(url: str, broker: Broker) -> None:
    send(broker, range(30))
    found = [each.message.value["n"] for each in all_of(broker, 30)]
    assert sorted(found) == list(range(30))
    for key in range(3):
        own = [n for n in found if n % 3 == key]
        assert own == sorted(own)
    broker.close()
    send(broker, range(30, 33))
    other = broker_at(url)
    assert sorted(each.message.value["n"] for each in all_of(other, 3)) == [30, 31, 32]
    other.close()


def test_what_is_in_hand_of_one_that_dies_comes_to_another(url: str, broker: Broker) -> None:
    send(broker, range(3))
    first = broker.receive(ORDERED, 10, 10)
    assert {each.attempt for each in first} == {1}
    broker.close()  # as its death does: its locks are free, and nothing was done
    other = broker_at(url)
    again: list[Received] = []
    while len(again) < len(first):
        again += other.receive(ORDERED, 10, 10)
    begun = {each.message.idempotency_key for each in first}
    assert {e.attempt for e in again if e.message.idempotency_key in begun} == {2}
    other.later(ORDERED, again[0], 0)
    (third,) = other.receive(ORDERED, 1, 10)
    assert third.attempt == again[0].attempt + 1
    other.close()


def test_two_share_the_shards(url: str, broker: Broker) -> None:
    other, found = broker_at(url), dict[str, list[Any]]({"one": [], "two": []})
    send(broker, range(60))
    for _ in range(40):
        for name, each in (("one", broker), ("two", other)):
            batch = each.receive(ORDERED, 10, 0.2)
            each.done(ORDERED, batch)
            found[name] += [got.message.value["n"] for got in batch]
        if len(found["one"]) + len(found["two"]) == 60:
            break
    assert sorted(found["one"] + found["two"]) == list(range(60))
    other.close()


def test_what_is_no_message_goes_to_the_dead_letters(
    pelton_emulator: RunningEmulator, broker: Broker
) -> None:
    client = pelton_emulator.client("kinesis")
    client.put_record(StreamName="steps", Data=b"{no json", PartitionKey="k")
    send(broker, range(1))
    assert [each.message.value for each in all_of(broker, 1)] == [{"n": 0}]
    queues = pelton_emulator.client("sqs")
    url = queues.get_queue_url(QueueName="steps-dead")["QueueUrl"]
    letters: list[Any] = []
    for _ in range(100):
        if letters := queues.receive_message(QueueUrl=url).get("Messages", []):
            break
        assert broker.receive(ORDERED, 10, 0.2) == []
    assert "{no json" in letters[0]["Body"]


def test_a_stream_that_is_not_there(url: str) -> None:
    broker = broker_at(url)
    with pytest.raises(NoSuchQueue, match="there is no stream 'nowhere'"):
        broker.receive(Address("nowhere"), 1, 0)
    broker.close()
