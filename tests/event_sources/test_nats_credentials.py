"""A real NATS server with an operator, an account and users: who comes with a .creds file."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pelton.event_sources import Delivery, Source, source_of
from pelton.event_sources.sources.nats_access import Credentials

from .bench import Seen, until
from .let_in import leaving_nothing, reason_of
from .promises import NOW
from .servers.nats_accounts import AccountsNats, Key


@pytest.fixture(scope="module")
def nats(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AccountsNats]:
    made = AccountsNats(tmp_path_factory.mktemp("accounts"))
    yield made
    made.server.stop()


def source(nats: AccountsNats, credentials: str) -> Source:
    settings = {"url": nats.server.url, "subject": "s"}
    return source_of("nats", **settings, options={"credentials": credentials})


def test_who_is_good_is_let_in_and_told_when_that_is_over(nats: AccountsNats) -> None:
    """A user that is revoked is sent away, is said to be, and it is tried again."""

    async def run() -> None:
        import nats as client

        path, states, seen = nats.creds("ann"), list[tuple[str, str]](), Seen()
        sender = await client.connect(nats.server.url, user_credentials=nats.creds("sender"))
        async with Delivery(
            source(nats, path),
            seen,
            reconnect=NOW,
            on_status=lambda status: states.append((status.state, status.reason)),
        ) as delivery:
            await until(lambda: delivery.status.state == "ready")
            await sender.publish("s", b"an event")
            await seen.until(lambda seen: seen.done == [b"an event"])
            nats.revoke(path)
            await until(lambda: delivery.tally.reconnects >= 3)
            assert delivery.status.state == "unhealthy"
        await sender.close()
        assert states[0] == ("ready", "") and f"does not take credentials='{path}'" in states[-2][1]
        assert "revoked" in states[-2][1]

    asyncio.run(leaving_nothing(run()))


def test_who_is_not_let_in_is_told_why(nats: AccountsNats, tmp_path: Path) -> None:
    ended = time.time() - 60
    said = reason_of(source(nats, nats.creds("old", ended)))
    at = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(int(ended)))
    assert f"old.creds' ended at {at}+00:00: get new ones" in said
    said = reason_of(source(nats, nats.creds("stranger", by=Key("A"))))
    assert "stranger.creds': they were revoked, are over by its clock, or are of an account" in said


def test_credentials_whose_key_is_another_ones(nats: AccountsNats, tmp_path: Path) -> None:
    one, other = (Path(nats.creds(each)).read_text() for each in ("one", "other"))
    mixed = tmp_path / "mixed.creds"
    mixed.write_text(one.partition("****")[0] + "****" + other.partition("****")[2])
    assert "does not take credentials=" in reason_of(source(nats, str(mixed)))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is no file of credentials (.creds)"),
        ("-----BEGIN NATS USER JWT-----\n", "is no file of credentials (.creds)"),
        ("a.!.c", "is no file of credentials (.creds)"),
        ("a.e30.c", "is no seed of a key"),
    ],
)
def test_a_file_that_holds_no_credentials(text: str, said: str, tmp_path: Path) -> None:
    """It is looked at before any server is."""
    if text.startswith("a"):
        text = f"-----BEGIN NATS USER JWT-----\n{text}\n------END NATS USER JWT------\n"
        text += "-----BEGIN USER NKEY SEED-----\nSUXX\n------END USER NKEY SEED------\n"
    (tmp_path / "junk").write_text(text)
    settings = {"url": "nats://127.0.0.1:1", "subject": "s"}
    options = {"credentials": str(tmp_path / "junk")}
    assert reason_of(source_of("nats", **settings, options=options)).endswith(said)


def test_what_credentials_hold_is_not_shown(nats: AccountsNats) -> None:
    text = Path(nats.creds("bob", 1_900_000_000)).read_bytes()
    found = Credentials.of(text)
    assert found is not None and (found.ends, found.seed in text) == (1_900_000_000, True)
    assert found.seed.decode() not in repr(found)
