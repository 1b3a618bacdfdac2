"""What lies between the functions of a graph on Nuclio: streams of a broker that Nuclio reads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ...builders.nuclio_spec import workers_of
from ...handlers.function import Function
from ...handlers.triggers.broker_handoff import BrokerHandoff, JetStreamHandoff, KafkaHandoff
from ..errors import CannotPlan
from ..kinds.base import Resource
from ..kinds.jetstream import JetStream
from ..kinds.kafka_topic import KafkaTopic

SPARE = 5.0  # seconds for an answer to come back, before an event is handed to somebody else

Functions = Sequence[Function[..., Any]]
Handoffs = list[tuple[Function[..., Any], BrokerHandoff]]
_KINDS: dict[str, type[Resource]] = {"natsjetstream": JetStream, "kafka-cluster": KafkaTopic}


def on_brokers(functions: Functions) -> Iterator[Resource]:
    """The streams and topics that these take from or send to, each once; dead letters first.

    Raises `CannotPlan` where two graphs want another thing of one stream.
    """
    handoffs = _handoffs(functions)
    yield from _topics([it for it in handoffs if isinstance(it[1], KafkaHandoff)])
    yield from _streams([it for it in handoffs if isinstance(it[1], JetStreamHandoff)], functions)


def _topics(handoffs: Handoffs) -> Iterator[Resource]:
    named = {
        f"{each.broker}/{name}": function.name
        for function, each in handoffs
        for name in (each.dead_letter, each.queue)
        if name
    }
    for name, function in named.items():
        yield KafkaTopic(name=name, function=function)


def _streams(handoffs: Handoffs, functions: Functions) -> Iterator[Resource]:
    wanted: dict[str, JetStream] = {}
    letters: dict[str, JetStream] = {}
    for function, each in handoffs:
        queue = _queue(function, each, functions)
        first = wanted.setdefault(queue.name, queue)
        if (first.window, first.receives) != (queue.window, queue.receives):
            raise CannotPlan(
                f"function {function.name!r} wants another stream {each.queue!r} than function "
                f"{first.function!r} does; give one of the two another name"
            )
        if each.dead_letter:
            place = f"{each.broker}/{each.dead_letter}"
            known = letters[place].letters_of if place in letters else ()
            of = tuple(sorted({*known, each.queue}))
            letters[place] = JetStream(name=place, function=each.function, letters_of=of)
    yield from letters.values()
    yield from wanted.values()


def needed(function: Function[..., Any]) -> tuple[str, ...]:
    """The keys of what must be there before a function of a graph: its queues, and who takes from
    those that it sends to."""
    queues = [
        f"{_KINDS[each.kind].kind}:{each.broker}/{each.queue}" for _, each in _handoffs([function])
    ]
    behind = [each.function for each in function.sends if each.function]
    kinds = ("nuclio_function", "nuclio_release")
    return (*queues, *(f"{kind}:{name}" for name in behind for kind in kinds))


def _handoffs(functions: Functions) -> Handoffs:
    """Takers first: they say how many events are in hand at one time."""
    pairs: list[tuple[Function[..., Any], Any]] = []
    pairs += [(function, each) for function in functions for each in function.triggers]
    pairs += [(function, each) for function in functions for each in function.sends]
    return [(function, each) for function, each in pairs if isinstance(each, BrokerHandoff)]


def _queue(function: Function[..., Any], each: BrokerHandoff, known: Functions) -> JetStream:
    taker = next((it for it in known if it.name == each.function), function)
    # No more than there are workers: what waits for one is anybody's.
    many = 1 if each.ordered else workers_of(taker) * max(1, taker.settings.nuclio.replicas[1])
    return JetStream(
        name=f"{each.broker}/{each.queue}",
        function=function.name,
        window=each.seconds + SPARE,
        at_once=many,
        receives=each.receives,
    )
