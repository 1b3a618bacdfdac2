"""Who is let in by each real server, and how: TLS, users, and what is said to who is refused.

Each case changes one thing of the good way in; the sentence is ours, without the password, the
state is `unhealthy`, and it is tried again, for a password may be put right.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pelton.event_sources import Delivery, Source, WrongSource, source_of
from pelton.event_sources.sources.kafka import Kafka
from pelton.event_sources.sources.mqtt import Mqtt
from pelton.event_sources.sources.nats_access import NatsOptions
from pelton.event_sources.sources.postgres import Postgres
from pelton.event_sources.sources.refusal import why

from .bench import Seen, until
from .let_in import is_let_in, leaving_nothing, reason_of, sockets_to
from .promises import NOW
from .servers import guards
from .servers.guards import Guard, Way
from .servers.kafka import PASSWORD
from .servers.proxy import Proxy

GUARDS: dict[str, Callable[[Path], Guard]] = {
    "redis-stream": guards.GuardedRedis,
    "redis-pubsub": guards.GuardedRedis,
    "nats": guards.GuardedNats,
    "jetstream": guards.GuardedNats,
    "mqtt": guards.GuardedMqtt,
    "mqtt 3.1.1": guards.GuardedMqtt,
    "rabbitmq": guards.GuardedRabbit,
    "postgres": guards.GuardedPostgres,
    "websocket": guards.GuardedWebSocket,
    "kafka PLAIN": guards.GuardedKafka,
    "kafka SCRAM-SHA-256": guards.GuardedKafka,
    "kafka SCRAM-SHA-512": guards.GuardedKafka,
}
FAST = ("redis-stream", "nats", "mqtt", "websocket")  # to start, and one of two that are alike


@dataclass(frozen=True)
class Case:
    """
    ours:   what is said, by most;  theirs: what by some instead
    """

    way: Way
    ours: str
    theirs: tuple[tuple[str, str], ...] = ()
    slow: tuple[str, ...] = ()

    def said(self, kind: str) -> str:
        found = [words for each, words in self.theirs if kind.startswith(each)]
        return found[0] if found else self.ours


NOT_TAKEN = "it does not take this user and password"
CASES = {
    "a wrong password": Case(Way(password="53cret"), NOT_TAKEN),
    "no user": Case(
        Way(user="", password=""),
        NOT_TAKEN,
        # libpq goes by the name of who runs it; Kafka's broker ends the connection without a word.
        (("kafka", "wants to know who we are"), ("postgres", "lets nobody of that name in")),
    ),
    "an authority that is unknown": Case(Way(ca=""), "by nobody who is trusted here"),
    "another name": Case(Way(host="localhost"), "for another name", slow=("nats",)),
    "TLS where there is none": Case(
        Way(plain=True),
        "it does not speak it at this port",
        (("nats", "speaks no TLS"), ("jetstream", "speaks no TLS")),
        slow=("redis-stream", "redis-pubsub"),  # the server waits for more, and the client for it
    ),
    "no TLS where there is": Case(
        Way(tls=False),
        "it ended the connection at once: if it",
        (
            # NATS servers say that they want TLS, and the client does it then, looking as ever.
            ("nats", "by nobody who is trusted here"),
            ("jetstream", "by nobody who is trusted here"),
            ("postgres", "it lets us in by TLS only"),
        ),
        slow=("nats",),  # a second a try, and no other sentence than above
    ),
    "a file that is not there": Case(
        Way(ca="/nowhere.pem"), "ca='/nowhere.pem' cannot be read: No such file"
    ),
}


@pytest.fixture(scope="module")
def guard_of(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Guard]]:
    made: dict[Callable[[Path], Guard], Guard] = {}

    def find(kind: str) -> Guard:
        make = GUARDS[kind]
        if make not in made:
            made[make] = make(tmp_path_factory.mktemp("guard"))
        return made[make]

    yield find
    for each in made.values():
        each.stop()


def table() -> Iterator[Any]:
    for kind in GUARDS:
        for name, case in CASES.items():
            slow = kind not in FAST or kind in case.slow
            marks = [pytest.mark.slow] if slow else []
            yield pytest.param(kind, case, id=f"{kind}: {name}", marks=marks)


def kinds(but: str = "none") -> Iterator[Any]:
    for kind in (each for each in GUARDS if not each.startswith(but)):
        yield pytest.param(kind, marks=() if kind in FAST else pytest.mark.slow)


@pytest.mark.parametrize(("kind", "case"), [*table()])
def test_who_is_refused(kind: str, case: Case, guard_of: Callable[[str], Guard]) -> None:
    said = reason_of(guard_of(kind).source(kind, case.way))
    assert case.said(kind) in said
    assert "53cret" not in said and PASSWORD not in said


@pytest.mark.parametrize("kind", [*kinds()])
def test_who_is_let_in(kind: str, guard_of: Callable[[str], Guard]) -> None:
    is_let_in(guard_of(kind).source(kind, Way()))


@pytest.mark.parametrize("kind", [*kinds()])
def test_who_does_not_look_at_the_server_is_let_in(
    kind: str, guard_of: Callable[[str], Guard]
) -> None:
    """Whose name is another one, and whose authority is unknown."""
    is_let_in(guard_of(kind).source(kind, Way(host="localhost", verify=False)))


@pytest.mark.parametrize("kind", ["redis-pubsub", "redis-stream", "nats"])
def test_who_ends_waits_for_a_server_that_takes_its_time(
    kind: str, guard_of: Callable[[str], Guard]
) -> None:
    """By TLS each side says that it ends: a connection that nobody waited for stayed open."""
    server = guard_of(kind).servers[0]

    async def run() -> None:
        async with Delivery(guard_of(kind).source(kind, Way()), Seen()) as delivery:
            await until(lambda: delivery.status.state == "ready")
            server.stand_still()
            asyncio.get_running_loop().call_later(0.2, server.go_on)

    try:
        asyncio.run(leaving_nothing(run()))
    finally:
        server.go_on()


@pytest.mark.parametrize("kind", [*kinds(but="kafka")])  # which says itself where it is
@pytest.mark.parametrize("password", [Way().password, "53cret"])
def test_who_ends_waits_for_a_server_that_is_far_away(
    kind: str, password: str, guard_of: Callable[[str], Guard]
) -> None:
    """Also a refused one's socket: nobody would wait for it later."""
    guard = guard_of(kind)

    async def run() -> None:
        async with Proxy(guard.port(Way()), seconds=0.05) as proxy:
            source = guard.source(kind, Way(port=proxy.port, password=password))
            async with Delivery(source, Seen(), reconnect=NOW) as delivery:
                await until(
                    lambda: delivery.status.state == "ready" or delivery.tally.reconnects > 0
                )
                assert sockets_to(proxy.port) or password == "53cret"
            assert not sockets_to(proxy.port)

    asyncio.run(run())


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        ("redis-stream", {"url": "redis://ann:53cret@127.0.0.1/0", "stream": "s"}),
        ("redis-pubsub", {"url": "redis://ann:53cret@127.0.0.1/0", "channel": "c"}),
        ("rabbitmq", {"url": "amqp://ann:53cret@127.0.0.1/", "queue": "q"}),
        ("websocket", {"url": "ws://ann:53cret@127.0.0.1/"}),
    ],
)
def test_files_for_tls_and_an_address_without_it_are_refused(
    kind: str, settings: dict[str, Any]
) -> None:
    with pytest.raises(WrongSource, match="ca= and an address without TLS") as caught:
        source_of(kind, ca="ca.pem", **settings)
    assert "53cret" not in str(caught.value)


def test_where_the_address_does_not_say_it_files_ask_for_tls() -> None:
    assert Kafka("a:9092", topic="t", ca="ca.pem").tls
    assert Postgres("postgresql://a/b", channel="c", ca="ca.pem").tls
    assert NatsOptions(ca="ca.pem").secure
    assert Mqtt("mqtt://a", topic="t", ca="ca.pem").broker.tls


def test_what_fails_at_once() -> None:
    with pytest.raises(WrongSource, match="mechanism='GSSAPI' is none of PLAIN"):
        Kafka("a:9092", topic="t", user="me", mechanism="GSSAPI")
    with pytest.raises(WrongSource, match="nats has no option 'colour'; there are user"):
        source_of("nats", url="nats://a", subject="s", options={"colour": "red"})


def test_a_file_that_is_no_certificate(tmp_path: Path) -> None:
    path = tmp_path / "ca.pem"
    path.write_text("no certificate")
    said = reason_of(source_of("mqtt", url="mqtts://127.0.0.1:1", topic="a", ca=str(path)))
    assert said.endswith("is no file of certificates in PEM")


def test_nats_with_a_key(tmp_path: Path) -> None:
    nkeys = pytest.importorskip("nkeys")
    for name in ("ours", "other"):
        seed = nkeys.encode_seed(name.ljust(32).encode(), nkeys.PREFIX_BYTE_USER)
        (tmp_path / name).write_bytes(seed + b"\n")
    public = nkeys.from_seed(bytearray((tmp_path / "ours").read_bytes().strip())).public_key
    told = f"authorization {{ users = [ {{ nkey: {public.decode()} }} ] }}"
    (tmp_path / "settings").write_text(told)
    (tmp_path / "junk").write_text("junk")
    server = guards.NatsWith(tmp_path, "-c", str(tmp_path / "settings"))

    def source(**options: str) -> Source:
        return source_of("nats", url=server.url, subject="s", options=options)

    try:
        is_let_in(source(nkey=str(tmp_path / "ours")))
        assert NOT_TAKEN in reason_of(source(nkey=str(tmp_path / "other")))
        assert reason_of(source(nkey=str(tmp_path / "junk"))).endswith("is no seed of a key")
        wrong = source(credentials=str(tmp_path / "junk"))
        assert reason_of(wrong).endswith("is no file of credentials (.creds)")
        assert "credentials='/nowhere' cannot be read" in reason_of(source(credentials="/nowhere"))
    finally:
        server.stop()


def test_a_server_that_ends_what_it_has_let_in_is_said_to() -> None:
    for word in ("Expired", "Revoked"):
        assert why(f"nats: 'User Authentication {word}'", tls=True).startswith("it lets us in no")


def test_a_server_that_goes_away_later_is_not_said_to_speak_another_language() -> None:
    gone = "Error while reading: Connection reset by peer"
    assert why(gone, tls=False) == gone
    assert why(gone, tls=False, early=True).startswith("it ended the connection at once")


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("TimeoutError", "it does not answer in time"),
        ("connection timeout expired", "it does not answer in time"),
        ("InvalidResponse: Protocol Error: b'INFO {}'", "it does not speak as such a server does"),
        ("got <Connection.Close object at 0x7f65>", "it has no such virtual host"),
        ("NOT_FOUND - no queue 'q' in vhost '/'", "declare it, or have it made"),
        ("Basic.Return(reply_code=312, reply_text='NO_ROUTE')", "no queue there takes it"),
    ],
)
def test_what_is_elsewhere_or_missing_is_said_with_what_to_do(theirs: str, ours: str) -> None:
    assert why(theirs, tls=False, early=True).startswith(ours)


def test_what_changes_from_try_to_try_is_not_said() -> None:
    """Else each try would be a new state."""
    for theirs in ("refused (after {}ms in state CONNECT)", "got <X object at 0x7f{}>"):
        first, second = (why(theirs.format(n), tls=False) for n in (1, 23))
        assert first == second
    assert len(why("x" * 5000, tls=False)) < 400
