"""Places of dead letters, one kind a file, all of one shape (`place.Place`): one for each that a
source buries in, and the files of `ToFile`.  A client library is imported when a place is opened.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from ...errors import WrongSource
from ...sources import check_client
from ..place import CannotRedrive, Place

# The word for a place: its module here, its class, what to install for it, and what is imported.
KINDS: dict[str, tuple[str, str, str, str]] = {
    "directory": ("directory", "DirectoryPlace", "", ""),
    "file": ("file", "FilePlace", "", ""),
    "kafka": ("kafka", "KafkaPlace", "kafka", "confluent_kafka"),
    "mqtt": ("mqtt", "MqttPlace", "mqtt", "paho"),
    "nats": ("nats", "NatsPlace", "nats", "nats"),
    "postgres": ("postgres", "PostgresPlace", "postgres", "psycopg"),
    "rabbitmq": ("rabbitmq", "RabbitPlace", "rabbitmq", "aio_pika"),
    "redis": ("redis", "RedisPlace", "redis", "redis"),
    "sqs": ("sqs", "SqsPlace", "aws", "boto3"),
}
# Sources whose letters are in a place of another word.
_ALSO = {
    "jetstream": "nats",
    "redis-stream": "redis",
    "redis-pubsub": "redis",
    "kinesis": "sqs",
    "dynamodb": "sqs",
    "dynamodb-streams": "sqs",
    "websocket": "file",
}
_NONE = {
    "call": "who takes dead letters by a call (ToCall) has them, and nobody else: write a Place "
    'for what keeps them, and give it as "MODULE:CLASS"',
    "cron": "a clock has no place for dead letters: look for a file of them (redrive file)",
    "memory": "a list in a process is gone with it: there, use pelton.event_sources.redrive",
}


def word_of(kind: str) -> str:
    """The word of the place where letters of a source are; the same for one that is none.

    >>> word_of("jetstream"), word_of("kafka")
    ('nats', 'kafka')
    """
    return _ALSO.get(kind, kind)


def class_of(kind: str) -> type[Place]:
    """Raises `CannotRedrive` for what no letters can be read of, `WrongSource` for a slip."""
    if ":" in kind:
        return _own(kind)
    word = word_of(kind)
    if word in _NONE:
        raise CannotRedrive(_NONE[word])
    if word not in KINDS:
        raise WrongSource(f"there is no place {kind!r}; there are {', '.join(sorted(KINDS))}")
    module, name, extra, client = KINDS[word]
    if extra:
        check_client(word, extra, client)
    found: type[Place] = getattr(import_module(f".{module}", __package__), name)
    return found


def _own(place: str) -> type[Place]:
    module, _, name = place.partition(":")
    try:
        found = getattr(import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise WrongSource(f"there is no place {place!r}: {error}") from error
    if not (isinstance(found, type) and issubclass(found, Place)):
        raise WrongSource(f"{place!r} is no class of pelton.event_sources.redrive.Place")
    return found


def place_of(kind: str, place: str, **settings: Any) -> Place:
    """A place of letters by its word, its name and the settings that say how to come to it.

    place: the stream, topic, queue, subject, table, folder or file; "" for one that only sends

    >>> place_of("file", "dead.jsonl")
    <dead letters of file>
    >>> place_of("redis", "dead", url="redis://127.0.0.1", colour="red")
    Traceback (most recent call last):
    pelton.event_sources.errors.WrongSource: a place of redis takes no colour=; it takes body, ca, \
cert, cert_key, password, url, user, verify
    """
    made: Any = class_of(kind)  # each takes words of its own
    if wrong := sorted(set(settings) - made.words):
        known = ", ".join(sorted(made.words)) or "nothing"
        word = made.kind or kind
        raise WrongSource(f"a place of {word} takes no {wrong[0]}=; it takes {known}")
    if "url" in made.words and not settings.get("url"):
        raise WrongSource(f"a place of {made.kind} needs url=, the address of its broker")
    found: Place = made(place, **settings)
    return found
