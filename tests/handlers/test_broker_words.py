"""What the triggers of brokers take, and what they refuse with a sentence."""

from __future__ import annotations

from typing import Any

import pytest

import pelton
from pelton import App, WrongUse
from pelton.builders.nuclio_spec import broker_trigger, function_config
from pelton.event_sources import source_of
from pelton.event_sources.sources.mqtt import Mqtt
from pelton.handlers.triggers.from_broker import DeliveryWords, FromBroker
from pelton.handlers.triggers.guarded import Guarded, GuardedWords

NATS = "nats://127.0.0.1:4222"
KAFKA = "127.0.0.1:9092"
MQTT = "mqtt://127.0.0.1:1883"
AMQP = "amqp://127.0.0.1:5672/"
REDIS = "redis://127.0.0.1:6379/0"


@pytest.mark.parametrize(
    ("make", "given", "words"),
    [
        (pelton.nats, {"subject": "", "url": NATS}, "nats() needs subject="),
        (pelton.nats, {"subject": "a", "url": "127.0.0.1"}, 'write it as "nats://HOST:PORT"'),
        (pelton.nats, {"subject": "a", "url": NATS, "batch": 0}, "nats batch=0 is outside"),
        (pelton.nats, {"subject": "a", "url": NATS, "attempts": 3}, "and no dead_letter="),
        (pelton.redis, {"url": REDIS}, "takes one of stream= and channel="),
        (pelton.redis, {"url": REDIS, "stream": "s", "channel": "c"}, "takes one of"),
        (pelton.redis, {"url": REDIS, "stream": "s", "dead_letter": "d"}, "and no attempts="),
        (pelton.kafka, {"topic": "t", "brokers": ""}, "kafka() needs brokers="),
        (pelton.kafka, {"topic": "t", "brokers": KAFKA, "start": "now"}, "is none of all, new"),
        (
            pelton.kafka,
            {"topic": "t", "brokers": KAFKA, "native": True, "batch": 5},
            "has native=True and batch=",
        ),
        (
            pelton.kafka,
            {"topic": "t", "brokers": KAFKA, "native": True, "attempts": 1, "dead_letter": "d"},
            "has native=True and attempts=",
        ),
        (
            pelton.cron,
            {"every": "1h", "missed": "some"},
            "is none of skip, last, all",
        ),
        (pelton.cron, {"every": "1h", "missed": "all"}, "needs store="),
        (pelton.cron, {"every": "1h", "store": "done.db"}, "is no store's address"),
        (pelton.cron, {"every": "1h", "store": REDIS, "max_age": "6h"}, "max_age= is for missed="),
        (
            pelton.cron,
            {"every": "1h", "store": REDIS, "missed": "last", "max_age": "6 hours"},
            "max_age='6 hours' is no time",
        ),
        (pelton.mqtt, {"topic": "", "url": MQTT}, "mqtt() needs topic="),
        (pelton.mqtt, {"topic": "a/#/b", "url": MQTT}, "# stands alone and at the end"),
        (pelton.mqtt, {"topic": "a#", "url": MQTT}, "# stands alone and at the end"),
        (pelton.mqtt, {"topic": "a/b+/c", "url": MQTT}, "+ stands for a whole level"),
        (pelton.mqtt, {"topic": "t", "url": "a:1"}, 'write it as "mqtt://HOST:PORT"'),
        (pelton.mqtt, {"topic": "t", "url": MQTT, "qos": 3}, "mqtt qos=3 is outside"),
        (pelton.mqtt, {"topic": "t", "url": MQTT, "version": "4"}, "is none of 5, 3.1.1"),
        (
            pelton.mqtt,
            {"topic": "t", "url": MQTT, "native": True, "key": "k"},
            "has native=True and key=",
        ),
        (pelton.rabbitmq, {"queue": "", "url": AMQP}, "rabbitmq() needs queue="),
        (pelton.rabbitmq, {"queue": "q", "url": "h"}, 'write it as "amqp://HOST:PORT"'),
        (pelton.rabbitmq, {"queue": "q", "url": AMQP, "make": "stream"}, "is no kind of queue"),
        (
            pelton.rabbitmq,
            {"queue": "q", "url": AMQP, "batch": 50, "prefetch": 5},
            "batch=50 and prefetch=5",
        ),
        (
            pelton.rabbitmq,
            {"queue": "q", "url": AMQP, "native": True, "make": "quorum"},
            "has native=True and make=",
        ),
        (pelton.postgres, {"channel": "", "url": "postgresql://a/b"}, "needs channel="),
        (pelton.postgres, {"channel": "c", "url": "a/b"}, 'write it as "postgresql://HOST:PORT"'),
        (pelton.websocket, {"url": "https://a/b"}, 'write it as "wss://HOST:PORT"'),
        (pelton.websocket, {"url": "ws://a", "headers": "x"}, "is no mapping of names to values"),
        (pelton.websocket, {"url": "ws://a", "headers": {"a": 1}}, "headers: a=1 is no string"),
        (
            pelton.redis,
            {"url": "redis://me:secret@h:x/0", "stream": "s"},
            "redis: h:x is no address",
        ),
        (pelton.rabbitmq, {"queue": "q", "url": "amqp://h:70000/"}, "rabbitmq: h:70000 is no"),
        (pelton.nats, {"subject": "a", "url": f"{NATS},nats://h:a"}, "nats: h:a is no address"),
        (pelton.source, {"place": "lines.Lines"}, "source 'lines.Lines' names no class"),
        (pelton.source, {"place": "a:B", "settings": "x"}, "are not words with texts"),
        (pelton.source, {"place": "a:B", "settings": {"x": b""}}, "are not words with texts"),
        (pelton.directory, {"path": ""}, "directory() needs path="),
        (pelton.directory, {"path": "a", "max_age": 60}, "has max_age= and no dead_letter="),
        (pelton.directory, {"path": "a", "max_age": -1}, "max_age=-1 is outside"),
        (pelton.directory, {"path": "a", "backoff": (5, 1)}, "backoff=(5, 1) is no pair of pauses"),
        (pelton.directory, {"path": "a", "backoff": 5}, "backoff=5 is no pair of pauses"),
        (
            pelton.kafka,
            {"topic": "t", "brokers": KAFKA, "native": True, "backoff": (1, 2)},
            "has native=True and backoff=",
        ),
        (pelton.directory, {"path": "a", "workers": 0}, "directory workers=0 is outside"),
    ],
)
def test_what_is_wrong_is_said_where_it_is(make: Any, given: dict[str, Any], words: str) -> None:
    with pytest.raises(WrongUse) as caught:
        make(**given)
    assert words in str(caught.value)
    assert caught.value.file == __file__


@pytest.mark.parametrize(
    ("words", "made"), [(DeliveryWords, FromBroker), (GuardedWords, Guarded)], ids=str
)
def test_the_words_that_makers_share_are_the_fields_of_their_class(words: Any, made: Any) -> None:
    assert words.__optional_keys__ == set(made.FIELDS)


def test_a_word_that_there_is_not_is_said_with_those_that_there_are() -> None:
    make: Any = pelton.kafka
    with pytest.raises(
        WrongUse, match=r"kafka\(\) has no colour=; known are batch, .*, topic, brokers"
    ):
        make("t", brokers=KAFKA, colour="red")


def test_the_words_that_makers_share_are_typed() -> None:
    """An ignore for which mypy had nothing to ignore would be an error."""
    with pytest.raises(WrongUse, match="kafka batch='2' is no whole number"):
        pelton.kafka("t", brokers=KAFKA, batch="2")  # type: ignore[arg-type]
    with pytest.raises(WrongUse, match=r"kafka\(\) has no bach=; did you mean batch="):
        pelton.kafka("t", brokers=KAFKA, bach=2)  # type: ignore[call-arg]


def test_a_word_that_is_missing_is_not_said_to_be_another() -> None:
    make: Any = pelton.kafka
    with pytest.raises(WrongUse, match=r"'brokers'; its words are topic, .*, native, batch, "):
        make("t", batch=5)
    with pytest.raises(WrongUse, match=r"'brokers'; did you mean batch="):
        make("t", bach=5)


@pytest.mark.parametrize(
    "trigger",
    [
        pelton.nats("a", url=NATS),
        pelton.nats("a", url=NATS, stream="s", key="key"),
        pelton.kafka("t", brokers=KAFKA, user="me", password="p", tls=True),
        pelton.mqtt("t/#", url=MQTT, qos=2, group="g", version="3.1.1"),
        pelton.rabbitmq("q", url=AMQP, exchange="x", binding="a, b", make="quorum"),
        pelton.redis(url=REDIS, stream="s"),
        pelton.redis(url=REDIS, channel="c.*"),
        pelton.source("pelton.event_sources.sources.directory:Directory", settings={"path": "a"}),
        pelton.redis(url="redis://me:a:b@[::1]:6379/0?x=1:y", stream="s"),
        pelton.redis(url="unix:///run/redis.sock", stream="s"),
        pelton.directory("inbox"),
        pelton.postgres("orders", url="postgresql://127.0.0.1/shop"),
        pelton.websocket("wss://127.0.0.1/orders", headers={"Authorization": "Bearer a"}),
        pelton.websocket("wss://127.0.0.1/orders", user="a", password="b", cert="c", cert_key="d"),
    ],
)
def test_each_means_a_source_that_there_is(trigger: Any) -> None:
    kind, settings = trigger.source
    assert source_of(kind, **settings).kind == kind or trigger.kind == "source"
    assert trigger.to_dict()["kind"] == trigger.kind


def test_a_native_kafka_trigger_is_nuclios_own() -> None:
    def take(n: int) -> None: ...

    trigger = pelton.kafka(
        "orders", brokers="a:1, b:1", group="g", user="me", password="p", tls=True, native=True
    )
    other = pelton.kafka("orders", brokers="a:1")
    function = App("web").function(triggers=[trigger])(take)
    spec = function_config(function, "main:take", "python:3.11")["spec"]["triggers"]["kafka-0"]
    assert spec == {
        "name": "kafka-0",
        "kind": "kafka-cluster",
        "numWorkers": 1,
        "attributes": {
            "brokers": ["a:1", "b:1"],
            "topics": ["orders"],
            "consumerGroup": "g",
            "initialOffset": "earliest",
            "sasl": {"enable": True, "user": "me", "password": "p", "mechanism": "PLAIN"},
            "tls": {"enable": True},
        },
    }
    assert broker_trigger(other, "take") is None


def test_a_native_mqtt_trigger_is_nuclios_own() -> None:
    trigger = pelton.mqtt(
        "a/+", url="mqtts://me:p%40@broker", qos=2, group="g", client_id="c", native=True
    )
    plain = pelton.mqtt("a/+", url=MQTT, native=True)
    assert broker_trigger(trigger, "take") == {
        "kind": "mqtt",
        "url": "ssl://broker:8883",
        "username": "me",
        "password": "p@",
        "attributes": {"subscriptions": [{"topic": "$share/g/a/+", "qos": 2}], "clientID": "c"},
    }
    assert broker_trigger(plain, "take") == {
        "kind": "mqtt",
        "url": "127.0.0.1:1883",
        "attributes": {"subscriptions": [{"topic": "a/+", "qos": 1}]},
    }
    assert broker_trigger(pelton.mqtt("a", url=MQTT), "take") is None


def test_functions_of_one_topic_are_two_clients() -> None:
    trigger = pelton.mqtt("t", url=MQTT)
    names = set()
    for function in ("take", "see", "see"):
        kind, settings = trigger.source_for(function)
        source = source_of(kind, **settings)
        assert isinstance(source, Mqtt)
        names.add(source.broker.client_id)
    assert len(names) == 2
    assert pelton.rabbitmq("q", url=AMQP).source_for("take")[0] == "rabbitmq"


def test_a_native_rabbitmq_trigger_is_nuclios_own() -> None:
    trigger = pelton.rabbitmq("q", url=AMQP, exchange="x", binding="a.*, b", native=True)
    plain = pelton.rabbitmq("q", url=AMQP, prefetch=5, native=True)
    own = {"queueName": "q", "durableQueue": True, "onError": "nack", "requeueOnError": True}
    bound = {"exchangeName": "x", "topics": ["a.*", "b"], "durableExchange": True}
    assert broker_trigger(trigger, "take") == {
        "kind": "rabbit-mq",
        "url": AMQP,
        "attributes": {**own, "prefetchCount": 1000, **bound},
    }
    assert broker_trigger(plain, "take") == {
        "kind": "rabbit-mq",
        "url": AMQP,
        "attributes": {**own, "prefetchCount": 5},
    }
    assert broker_trigger(pelton.rabbitmq("q", url=AMQP), "take") is None


def test_one_source_brings_its_messages_once() -> None:
    def take(n: int) -> None: ...

    one, again = pelton.redis(url=REDIS, stream="s"), pelton.redis(url=REDIS, stream="s", batch=5)
    with pytest.raises(WrongUse, match="is the same source"):
        App("web").function(triggers=[one, again])(take)
