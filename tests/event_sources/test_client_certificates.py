"""Real servers that want a certificate of who comes: a good one is let in and events flow; without
one, or with another, it is said why, the state is `unhealthy`, and it is tried again."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization

from pelton.event_sources import Delivery, Letter, Message, Source, source_of
from pelton.event_sources.sources.refusal import why
from pelton.event_sources.sources.tls import Tls

from .bench import Seen, until
from .let_in import leaving_nothing, reason_of
from .promises import NOW
from .servers import mutual
from .servers.certificates import Own, certificates
from .servers.guards import Guard, Way

GUARDS: dict[str, Callable[[Path], Guard]] = {
    "redis-stream": mutual.MutualRedis,
    "redis-pubsub": mutual.MutualRedis,
    "nats": mutual.MutualNats,
    "jetstream": mutual.MutualNats,
    "mqtt": mutual.MutualMqtt,
    "mqtt 3.1.1": mutual.MutualMqtt,
    "rabbitmq": mutual.MutualRabbit,
    "postgres": mutual.MutualPostgres,
    "websocket": mutual.MutualWebSocket,
    "kafka": mutual.MutualKafka,
}
FAST = ("redis-stream", "nats", "mqtt", "websocket")
KINDS = [pytest.param(each, marks=() if each in FAST else pytest.mark.slow) for each in GUARDS]
# Where it goes that a source sends itself, to have it again.
PLACES = {"redis-stream": "s", "nats": "s", "jetstream": "s", "mqtt": "a", "rabbitmq": "q"}
# What a server says may be lost with the connection, and Java's servers do not say it so plainly.
PERHAPS = ("or wants a certificate of ours, or another one", "or we gave none")


@pytest.fixture(scope="module")
def guard_of(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Guard]]:
    made: dict[Callable[[Path], Guard], Guard] = {}

    def find(kind: str) -> Guard:
        make = GUARDS[kind]
        if make not in made:
            made[make] = make(tmp_path_factory.mktemp("mutual"))
        return made[make]

    yield find
    for each in made.values():
        each.stop()


GuardOf = Callable[[str], Guard]


def way(kind: str, own: Own | None) -> Way:
    made = replace(Way(), user="", password="") if kind == "kafka" else Way()
    return replace(made, cert=str(own.certificate), cert_key=str(own.key)) if own else made


@pytest.mark.parametrize("kind", KINDS)
def test_with_a_good_one_events_flow(kind: str, guard_of: GuardOf) -> None:
    guard = guard_of(kind)
    flows(kind, guard, way(kind, guard.made.client("ann")))


@pytest.mark.parametrize("kind", KINDS)
def test_one_file_may_hold_both(kind: str, guard_of: GuardOf) -> None:
    guard = guard_of(kind)
    own = guard.made.client("both")
    own.key.write_text(own.key.read_text() + own.certificate.read_text())
    flows(kind, guard, replace(way(kind, None), cert=str(own.key)))


@pytest.mark.parametrize("kind", KINDS)
def test_without_one_nobody_is_let_in(kind: str, guard_of: GuardOf) -> None:
    said = reason_of(guard_of(kind).source(kind, way(kind, None)))
    assert any(each in said for each in ("it wants a certificate of ours", *PERHAPS)), said


@pytest.mark.parametrize("kind", KINDS)
def test_nor_with_one_by_a_stranger(kind: str, guard_of: GuardOf, tmp_path: Path) -> None:
    own = certificates(tmp_path).client("ann")
    said = reason_of(guard_of(kind).source(kind, way(kind, own)))
    assert any(each in said for each in ("it does not believe our certificate", *PERHAPS)), said


@pytest.mark.parametrize("kind", KINDS)
def test_nor_with_one_that_has_ended(kind: str, guard_of: GuardOf) -> None:
    guard = guard_of(kind)
    said = reason_of(guard.source(kind, way(kind, guard.made.client("old", days=-1))))
    assert any(each in said for each in ("our certificate has ended", *PERHAPS)), said


def test_which_alerts_are_told_apart() -> None:
    told = {
        "[SSL: TLSV13_ALERT_CERTIFICATE_REQUIRED] tlsv13 alert certificate required": "wants a",
        "FATAL: connection requires a valid client certificate": "wants a certificate of ours: ",
        "[SSL: SSLV3_ALERT_CERTIFICATE_EXPIRED] sslv3 alert certificate expired": "has ended",
        "[SSL: TLSV1_ALERT_UNKNOWN_CA] tlsv1 alert unknown ca": "does not believe",
        "[SSL: SSLV3_ALERT_BAD_CERTIFICATE] sslv3 alert bad certificate": "does not believe",
        "[SSL: SSLV3_ALERT_HANDSHAKE_FAILURE] sslv3 alert handshake failure": "wants a",
        "[SSL: CERTIFICATE_VERIFY_FAILED] certificate has expired": "it is to be renewed",
        "BrokenPipeError: [Errno 32] Broken pipe": "does not speak it at this port, or wants a",
        "nats: unexpected EOF": "does not speak it at this port, or wants a certificate",
        "Connection reset by peer": "does not speak it at this port, or wants a certificate",
    }
    for theirs, ours in told.items():
        assert ours in why(theirs, tls=True, early=True).partition(" (")[0], theirs


@pytest.mark.parametrize("kind", [*FAST, "rabbitmq", "postgres", "kafka"])
def test_files_that_hold_none_are_named(kind: str, tmp_path: Path) -> None:
    """They are looked at before any server is."""
    made = certificates(tmp_path)
    ann, bob = made.client("ann"), made.client("bob")
    locked, junk = tmp_path / "locked.key", tmp_path / "junk"
    junk.write_text("junk")
    key = serialization.load_pem_private_key(ann.key.read_bytes(), None)
    lock = serialization.BestAvailableEncryption(b"secret")
    form = serialization.PrivateFormat.PKCS8
    locked.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, lock))
    for own, said in {
        Own(ann.certificate, locked): f"cert_key='{locked}' has a key that is locked by a password",
        Own(ann.certificate, bob.key): f"cert_key='{bob.key}' holds another key than that of cert=",
        Own(ann.certificate, junk): "holds no certificate with its key in PEM",
        Own(junk, ann.key): f"cert='{junk}' with cert_key='{ann.key}' holds no certificate",
        Own(Path("/nowhere"), ann.key): "cert='/nowhere' cannot be read: No such file",
    }.items():
        assert said in reason_of(at_nobody(kind, made.authority, own))


def at_nobody(kind: str, ca: Path, own: Own) -> Source:
    files: dict[str, Any] = {"ca": str(ca), "cert": str(own.certificate), "cert_key": str(own.key)}
    settings: dict[str, dict[str, Any]] = {
        "redis-stream": {"url": "rediss://127.0.0.1:1", "stream": "s"},
        "nats": {"url": "tls://127.0.0.1:1", "subject": "s"},
        "mqtt": {"url": "mqtts://127.0.0.1:1", "topic": "t"},
        "rabbitmq": {"url": "amqps://127.0.0.1:1/", "queue": "q"},
        "postgres": {"url": "postgresql://127.0.0.1:1/a", "channel": "c"},
        "kafka": {"brokers": "127.0.0.1:1", "topic": "t"},
        "websocket": {"url": "wss://127.0.0.1:1/"},
    }
    more: dict[str, Any] = {"options": files} if kind == "nats" else files
    return source_of(kind, **settings[kind], **more)


def flows(kind: str, guard: Guard, way: Way) -> None:
    async def run() -> None:
        seen, source = Seen(), guard.source(kind, way)
        async with Delivery(source, seen, reconnect=NOW) as delivery:
            await until(lambda: delivery.status.state == "ready")
            await send(kind, guard, way, source)
            await seen.until(lambda seen: bool(seen.done))
        # MQTT 3.1.1 has no headers: what was known beside it stands around it.
        assert all(b"an event" in each for each in seen.done)

    asyncio.run(leaving_nothing(run()))


async def send(kind: str, guard: Guard, way: Way, source: Source) -> None:
    """By the source's own way for dead letters; where that leads elsewhere, by its client."""
    if kind == "redis-pubsub":
        await publish(guard, way)
    elif kind == "postgres":
        await notify(guard, way)
    elif kind == "websocket":
        await speak(guard, way)
    else:
        place = PLACES.get(kind.partition(" ")[0], "t")
        # JetStream drops a letter for a message that it has one for already.
        message = Message(uuid.uuid4().hex, b"an event")
        await source.bury(Letter(message, "sent", 0, 0.0), place)


async def publish(guard: Guard, way: Way) -> None:
    from redis.asyncio import Redis

    client = Redis.from_url(
        guard.address(way)["url"],
        username=way.user,
        password=way.password,
        ssl_ca_certs=str(guard.made.authority),
        ssl_certfile=way.cert,
        ssl_keyfile=way.cert_key or way.cert,
    )
    await client.publish("c", b"an event")
    await client.aclose()


async def notify(guard: Guard, way: Way) -> None:
    from psycopg import AsyncConnection

    async with await AsyncConnection.connect(
        guard.address(way)["url"],
        user=way.user,
        password=way.password,
        sslmode="verify-full",
        sslrootcert=str(guard.made.authority),
        sslcert=way.cert,
        sslkey=way.cert_key or way.cert,
    ) as connection:
        await connection.execute("notify c, 'an event'")


async def speak(guard: Guard, way: Way) -> None:
    from websockets.asyncio.client import connect

    files = Tls(str(guard.made.authority), way.cert, way.cert_key)
    url = guard.address(way)["url"].replace("/topic/", "/publish/")
    async with connect(url, ssl=files.context(), proxy=None) as connection:
        await connection.send("an event")
        assert await connection.recv() == "sent"
