"""Brokers that refuse us, or speak another language: said in one sentence, without the password, as
the state `unhealthy`; and tried again, for a password may be put right."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pelton.event_sources import Delivery, Source
from pelton.event_sources.sources.jetstream import JetStream
from pelton.event_sources.sources.nats import Nats
from pelton.event_sources.sources.nats_wire import NatsOptions
from pelton.event_sources.sources.redis_pubsub import RedisPubSub
from pelton.event_sources.sources.redis_stream import RedisStream

from .bench import Seen, until
from .promises import NOW
from .servers.base import running
from .servers.certificates import Certificates, certificates
from .servers.nats import NatsServer
from .servers.redis import RedisServer


class GuardedNats(NatsServer):
    """Knows ann."""

    def arguments(self) -> list[str]:
        return [*super().arguments(), "--user", "ann", "--pass", "right"]


class SecretNats(NatsServer):
    """Speaks TLS, with a certificate of an authority that nobody knows."""

    def __init__(self, folder: Path) -> None:
        self.made: Certificates = certificates(folder)
        super().__init__(folder)

    def arguments(self) -> list[str]:
        paths = ["--tlscert", str(self.made.certificate), "--tlskey", str(self.made.key)]
        return [*super().arguments(), "--tls", *paths]


class GuardedRedis(RedisServer):
    """Wants a password."""

    def arguments(self) -> list[str]:
        return [*super().arguments(), "--requirepass", "right"]


@pytest.fixture(scope="module")
def guarded_nats(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NatsServer]:
    yield from running(GuardedNats, tmp_path_factory, "guarded-nats")


@pytest.fixture(scope="module")
def secret_nats(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecretNats]:
    yield from running(SecretNats, tmp_path_factory, "secret-nats")


@pytest.fixture(scope="module")
def guarded_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    yield from running(GuardedRedis, tmp_path_factory, "guarded-redis")


def reason_of(source: Source) -> str:
    """What a delivery says when it was refused twice."""

    async def run() -> str:
        async with Delivery(source, Seen(), reconnect=NOW) as delivery:
            await until(lambda: delivery.tally.reconnects >= 2)
            assert delivery.status.state == "unhealthy"
            return delivery.status.reason

    return asyncio.run(run())


def is_ready(source: Source) -> None:
    async def run() -> None:
        async with Delivery(source, Seen(), reconnect=NOW) as delivery:
            await until(lambda: delivery.status.state == "ready")

    asyncio.run(run())


NATS: dict[str, Callable[[str, NatsOptions | None], Source]] = {
    "nats": lambda url, options: Nats(url, subject="s", options=options),
    "jetstream": lambda url, options: JetStream(url, stream="s", options=options),
}


@pytest.mark.parametrize("kind", NATS)
def test_nats_with_a_wrong_password(guarded_nats: NatsServer, kind: str) -> None:
    make, wrong = NATS[kind], NatsOptions(user="ann", password="53cret")
    for source in (
        make(guarded_nats.url, wrong),
        make(guarded_nats.url.replace("//", "//ann:53cret@"), None),
    ):
        said = reason_of(source)
        assert "uthorization" in said
        assert f"127.0.0.1:{guarded_nats.port}" in said
        assert "53cret" not in said


def test_nats_with_the_right_one(guarded_nats: NatsServer) -> None:
    is_ready(NATS["nats"](guarded_nats.url, NatsOptions(user="ann", password="right")))


def test_nats_with_tls_that_is_not_believed(secret_nats: SecretNats) -> None:
    said = reason_of(NATS["nats"](secret_nats.url, None))
    assert "certificate verify failed" in said
    known = ssl.create_default_context(cafile=str(secret_nats.made.authority))
    is_ready(NATS["nats"](secret_nats.url, NatsOptions(tls=known)))


def test_nats_without_tls_where_it_is_asked_for(nats_server: NatsServer) -> None:
    """The client library would speak plainly then, and say so to nobody."""
    for source in (
        NATS["nats"](nats_server.url.replace("nats:", "tls:"), None),
        NATS["nats"](nats_server.url, NatsOptions(tls=ssl.create_default_context())),
    ):
        assert "speaks no TLS, which is asked for" in reason_of(source)


@pytest.mark.parametrize(
    "make",
    [
        lambda url: RedisStream(url, stream="s"),
        lambda url: RedisPubSub(url, channel="c"),
    ],
    ids=["stream", "pubsub"],
)
def test_redis_with_a_wrong_password(
    guarded_redis: RedisServer, make: Callable[[str], Source]
) -> None:
    said = reason_of(make(guarded_redis.url.replace("//", "//:53cret@")))
    assert "invalid" in said or "WRONGPASS" in said
    assert "53cret" not in said
    assert "AuthenticationError" in reason_of(make(guarded_redis.url))
    is_ready(make(guarded_redis.url.replace("//", "//:right@")))
