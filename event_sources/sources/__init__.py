"""Sources, one broker a file, all of one shape (`source.Source`); a file imports its client library
when it is opened, so that naming a source costs nothing."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import Any

from ..errors import WrongSource
from ..source import Source

# The word for a source: its module here, its class, what to install for it.
KINDS: dict[str, tuple[str, str, str]] = {
    "cron": ("cron", "Cron", ""),
    "directory": ("directory", "Directory", ""),
    "dynamodb-streams": ("dynamodb_streams", "DynamoDbStreams", "aws"),
    "jetstream": ("jetstream", "JetStream", "nats"),
    "kafka": ("kafka", "Kafka", "kafka"),
    "kinesis": ("kinesis", "Kinesis", "aws"),
    "memory": ("memory", "Memory", ""),
    "mqtt": ("mqtt", "Mqtt", "mqtt"),
    "nats": ("nats", "Nats", "nats"),
    "rabbitmq": ("rabbitmq", "RabbitMQ", "rabbitmq"),
    "postgres": ("postgres", "Postgres", "postgres"),
    "redis-pubsub": ("redis_pubsub", "RedisPubSub", "redis"),
    "redis-stream": ("redis_stream", "RedisStream", "redis"),
    "sqs": ("sqs", "Sqs", "aws"),
    "websocket": ("websocket", "WebSocket", "websocket"),
}

# What is imported of what is installed.
_CLIENTS = {
    "aws": "boto3",
    "kafka": "confluent_kafka",
    "mqtt": "paho",
    "nats": "nats",
    "postgres": "psycopg",
    "rabbitmq": "aio_pika",
    "redis": "redis",
    "websocket": "websockets",
}


def class_of(kind: str) -> type[Source]:
    """The class of a kind, or one of your own by its place, "module:Class".  Raises `WrongSource`
    for one that is unknown.

    >>> class_of("memory").promises.redelivers
    True
    >>> class_of("pelton.event_sources.sources.memory:Memory").kind
    'memory'
    """
    if ":" in kind:
        return _own(kind)
    if kind not in KINDS:
        raise WrongSource(f"there is no source {kind!r}; there are {', '.join(sorted(KINDS))}")
    module, name, _ = KINDS[kind]
    found: type[Source] = getattr(import_module(f".{module}", __package__), name)
    return found


def _own(place: str) -> type[Source]:
    """Raises `WrongSource` where there is no module, no such name in it, or that is no source."""
    module, _, name = place.partition(":")
    try:
        found = getattr(import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise WrongSource(f"there is no source {place!r}: {error}") from error
    if not (isinstance(found, type) and issubclass(found, Source)):
        raise WrongSource(f"{place!r} is no class of pelton.event_sources.Source")
    return found


def source_of(kind: str, **settings: Any) -> Source:
    """A source by its word and its constructor's arguments.

    Raises `WrongSource` for a kind that is unknown, for settings that it does not take, and where
    the client library of the broker is not installed.

    >>> source_of("memory", bodies=[b"a"])
    <source memory>
    >>> source_of("memory", colour="red")
    Traceback (most recent call last):
    pelton.event_sources.errors.WrongSource: memory: unexpected keyword argument 'colour'
    >>> source_of("directory")
    Traceback (most recent call last):
    pelton.event_sources.errors.WrongSource: directory: missing 1 required positional argument: \
'path'; it was given nothing
    """
    made = class_of(kind)
    if extra := KINDS.get(kind, ("", "", ""))[2]:
        check_client(kind, extra, _CLIENTS[extra])
    try:
        return made(**settings)
    except TypeError as error:
        said = str(error).rpartition("got an ")[2].partition("() ")
        what = said[2] or said[0]
        if what.startswith("missing"):  # perhaps for a slip in one that was given
            what += f"; it was given {', '.join(settings) or 'nothing'}"
        raise WrongSource(f"{kind}: {what}") from None


def check_client(kind: str, extra: str, module: str) -> None:
    """Raise `WrongSource` where the client library is not installed.

    >>> check_client("nats", "nats", "not_at_all_there")
    Traceback (most recent call last):
    pelton.event_sources.errors.WrongSource: nats needs not_at_all_there: pip install 'pelton[nats]'
    """
    if find_spec(module) is None:
        raise WrongSource(f"{kind} needs {module}: pip install 'pelton[{extra}]'")
