"""Dead letters sent again, at every place that has them: `pelton events redrive` by the command."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterable
from pathlib import Path
from random import Random
from typing import Any

import aio_pika
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

import pelton
from pelton.bridge.redrive import NoLetters, calling, of_function, of_words
from pelton.cli import command
from pelton.deploy.where import Where
from pelton.event_sources import Away, Failed, Letter, Message
from pelton.event_sources.dead_letters import ToFile
from pelton.event_sources.dead_letters.file import as_dict
from pelton.event_sources.redrive import Kept, NotSent, Place, Wanted, place_of, redrive
from pelton.event_sources.redrive.kept import of_dict, of_headers
from pelton.event_sources.redrive.offsets import Done
from pelton.event_sources.sources.memory import Memory
from pelton.testing import nuclio_bridged, on_lambda, on_nuclio

from .bench import firsts, numbers
from .redriven import (
    Scene,
    come,
    of_directory,
    of_file,
    of_jetstream,
    of_kafka,
    of_kafka_broker,
    of_mqtt,
    of_nats,
    of_postgres,
    of_rabbitmq,
    of_redis,
    of_redis_channel,
)
from .servers.kafka import KafkaServer
from .servers.nats import NatsServer
from .servers.rabbitmq import RabbitServer
from .servers.redis import RedisServer

QUICK = (of_redis, of_redis_channel, of_jetstream, of_nats, of_postgres, of_directory, of_file)
SLOW = (of_mqtt, of_rabbitmq, of_kafka, of_kafka_broker)
ALL = [*QUICK, *(pytest.param(each, marks=pytest.mark.slow) for each in SLOW)]


def said(*words: str, code: int = 0) -> str:
    done = CliRunner().invoke(command, ["events", "redrive", *words])
    assert done.exit_code == code, done.output
    return done.output


async def told(*words: str, code: int = 0) -> dict[str, Any]:
    text = await asyncio.to_thread(said, *words, "--json", code=code)
    found: dict[str, Any] = json.loads(text)
    return found


def letters_of(scene: Scene) -> list[Any]:
    """Three of each of two keys, the second ones for another reason."""
    reasons = ("no JSON", "full", "no JSON")
    return [
        scene.letter(number, key, f"ValueError: {reasons[number]}")
        for number in range(3)
        for key in ("k0", "k1")
    ]


@pytest.mark.parametrize("make", ALL)
def test_letters_go_back_to_where_they_came_from(
    make: Callable[..., Any], request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    async def run() -> None:
        scene: Scene = await make(request.getfixturevalue, tmp_path)
        await scene.fill(*letters_of(scene))
        words = scene.words
        looked = await told(*words, "--dry-run")
        assert len(looked["letters"]) == 6, looked
        assert looked["reasons"][0] == {"reason": "ValueError: no JSON", "count": 4}
        reader = scene.reader
        await reader.open()
        some = await told(*words, "--reason", "FULL")
        assert (some["sent"], some["not_meant"], some["not_sent"]) == (2, 4, [])
        first = await come(reader, 2)
        rest = await told(*words)
        assert (rest["sent"], rest["not_sent"]) == (4, [])
        seen = [*first, *await come(reader, 4)]
        await reader.close()
        assert numbers(each.body for each in seen) == {"k0": [1, 0, 2], "k1": [1, 0, 2]}
        if scene.headers:
            assert {each.headers["a"] for each in seen} == {"b"}
            assert {each.headers["dead-letter-redriven"] for each in seen} == {"1"}
            assert not any("dead-letter-reason" in each.headers for each in seen)
        assert {each.topic for each in seen} == {scene.topic(key) for key in ("k0", "k1")}
        assert await scene.left() == []

    asyncio.run(run())


class Killed(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("make", ALL)
def test_none_is_lost_by_a_kill_behind_the_sending(
    make: Callable[..., Any], request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """Just there it may be sent twice."""

    async def run() -> None:
        scene: Scene = await make(request.getfixturevalue, tmp_path)
        await scene.fill(*letters_of(scene))
        reader = scene.reader
        await reader.open()
        place = scene.open()
        sent = 0

        async def killed(letter: Kept) -> None:
            nonlocal sent
            sent += 1
            if scene.kind != "file":
                await place.send(letter)
            if sent == 3:
                raise Killed

        await place.open()
        with pytest.raises(Killed):
            await redrive(place, Wanted(), killed)
        await place.close()
        first = [] if scene.kind == "file" else await come(reader, 3)
        done = await told(*scene.words)
        enough = done["sent"] - (scene.reader.kind == "jetstream")
        seen = [*first, *await come(reader, enough)]
        await reader.close()
        found = numbers(each.body for each in seen)
        if scene.kind != "file":
            assert {key: firsts(each) for key, each in found.items()} == {
                key: [0, 1, 2] for key in ("k0", "k1")
            }
        assert done["sent"] == 4
        assert await scene.left() == []

    asyncio.run(run())


@pytest.mark.slow
@pytest.mark.parametrize("make", [of_redis, of_file, of_jetstream, of_rabbitmq, of_kafka_broker])
def test_a_process_that_is_killed_loses_none(
    make: Callable[..., Any], request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """By SIGKILL, in the midst of many letters; the next one goes on."""

    async def run() -> None:
        scene: Scene = await make(request.getfixturevalue, tmp_path)
        keys = [f"k{n}" for n in range(5)]
        await scene.fill(*(scene.letter(n, key, "full") for n in range(200) for key in keys))
        reader = scene.reader
        await reader.open()
        words = [sys.executable, "-m", "pelton", "events", "redrive", *scene.words, "--json"]
        process = subprocess.Popen(words, stdout=subprocess.DEVNULL)
        seen = await come(reader, 50)
        process.kill()
        process.wait()
        done = await told(*scene.words)
        assert 0 < done["sent"] < 1000 and not done["not_sent"]
        async with asyncio.timeout(60):
            while len({each.body for each in seen}) < 1000:
                seen += await come(reader, 1)
        await reader.close()
        found = numbers(each.body for each in seen)
        assert {key: firsts(each) for key, each in found.items()} == {
            key: list(range(200)) for key in keys
        }
        assert len(seen) <= 1001, "one may come twice"
        assert await scene.left() == []

    asyncio.run(run())


@pytest.mark.slow
def test_a_topic_that_is_not_there_is_said_at_once(kafka_broker: KafkaServer) -> None:
    async def run() -> None:
        scene = await of_kafka_broker(lambda name: kafka_broker, Path())
        there, scene.topic = scene.topic, lambda key: "nowhere-at-all"
        await scene.fill(scene.letter(0, "k", "full"))
        scene.topic = there
        await scene.fill(scene.letter(1, "k", "full"))
        done = await told(*scene.words, code=2)
        assert done["sent"] == 1
        assert "topic 'nowhere-at-all': " in done["not_sent"][0]["not_sent"]
        assert [each.body for each in await scene.left()] == [b"k:0"]

    asyncio.run(run())


@pytest.mark.slow
def test_looking_often_loses_no_letter_of_a_quorum_queue(rabbit_server: RabbitServer) -> None:
    """Which drops what has come back too often."""

    async def run() -> None:
        scene = await of_rabbitmq(lambda name: rabbit_server, Path())
        limit: Any = {"x-queue-type": "quorum", "x-delivery-limit": 12}
        scene.place = f"limited-{scene.place}"
        async with await aio_pika.connect(rabbit_server.url) as connection:
            channel = await connection.channel()
            await channel.declare_queue(scene.place, durable=True, arguments=limit)
        await scene.fill(*letters_of(scene))
        for _ in range(30):
            bodies = [each.body for each in await scene.left()]
            assert bodies == [each.message.body for each in letters_of(scene)]

    asyncio.run(run())


# -- what is decided
class OneList(Place):
    """Letters in a list, of which some are not taken."""

    def __init__(self, letters: Iterable[Kept], bad: str = "") -> None:
        super().__init__()
        self.kept, self.sent, self._bad = list(letters), list[Kept](), bad

    async def letters(self) -> AsyncIterator[Kept]:
        for each in list(self.kept):
            yield each

    async def send(self, letter: Kept, to: str = "") -> None:
        if letter.id == self._bad:
            raise NotSent("it is too large")
        self.sent.append(letter)

    async def remove(self, letter: Kept) -> None:
        self.kept.remove(letter)


def test_behind_one_that_is_not_sent_those_of_its_key_stay() -> None:
    letters = [
        Kept(f"{n}{key}", b"", topic="t", key=key, at=float(n)) for n in range(3) for key in "ab"
    ]
    place = OneList(letters, bad="1a")
    done = asyncio.run(redrive(place, Wanted(older=1), now=lambda: 3.0))
    assert [each.id for each in place.sent] == ["0a", "0b", "1b", "2b"]
    assert [(each.id, why) for each, why in done.not_sent] == [
        ("1a", "it is too large"),
        ("2a", "one of its key, before it, was not sent"),
    ]
    assert [each.id for each in place.kept] == ["1a", "2a"]


def test_so_many_at_the_most_and_the_oldest() -> None:
    place = OneList(Kept(str(n), b"", key=str(n % 2), at=float(n)) for n in range(9))
    done = asyncio.run(redrive(place, Wanted(key="1", younger=6.0, most=2), now=lambda: 9.0))
    assert [each.id for each in place.sent] == ["3", "5"]
    assert (done.sent, done.left) == (2, 4)


TEXT = st.text(st.characters(codec="utf-8"), max_size=8)


@settings(max_examples=30)
@given(st.binary(max_size=8), st.dictionaries(TEXT, TEXT, max_size=3), st.integers(0, 5))
def test_a_letter_is_what_was_buried(body: bytes, own: dict[str, str], times: int) -> None:
    """By its headers and as plain data; and what is sent is what was sent before it failed."""
    again = {**own, "dead-letter-redriven": str(times)} if times else own
    message = Message("7", body, "orders", "ann", headers=again, position="5", timestamp=2.5)
    letter = Letter(message, "ValueError: no", 3, 4.5, "redis-stream")
    for found in (of_headers("1", body, letter.headers()), of_dict("1", as_dict(letter))):
        assert (found.body, found.topic, found.key, found.at) == (body, "orders", "ann", 4.5)
        assert (found.reason, found.attempts, found.timestamp) == ("ValueError: no", 3, 2.5)
        assert found.again == {**own, "dead-letter-redriven": str(times + 1)}


@settings(max_examples=50)
@given(st.data())
def test_what_a_partition_has_done_is_known_after_a_kill(data: st.DataObject) -> None:
    """Whatever was read, passed over and done, and how often another has gone on."""
    offsets = sorted(data.draw(st.sets(st.integers(0, 300), min_size=1)))
    all_done, kept = set[int](), (0, "")
    for _ in range(3):
        done = Done(*kept)
        for each in (offset for offset in offsets if offset >= kept[0]):
            assert (each in done) == (each in all_done)
            done.read(each)
            if each not in done and data.draw(st.booleans()):
                assert done.fits(each)
                done.add(each)
                all_done.add(each)
        kept = done.said
        assert set(offsets) - all_done <= set(range(kept[0], 301)), "none of them is passed over"
    assert len(kept[1]) < 4_096


def test_what_cannot_be_kept_is_not_sent() -> None:
    """Where there is no rule in which of them are done, there are too many at some time."""
    random, offsets = Random(7), iter(range(1, 100_000))
    done = Done(0)
    done.read(0)
    while done.fits(offset := next(offsets)):
        done.read(offset)
        if random.random() < 0.5:
            done.add(offset)
    assert 20_000 < offset < 40_000
    assert 3_900 < len(done.said[1]) < 4_096


def test_who_writes_to_a_file_meanwhile_loses_nothing(tmp_path: Path) -> None:
    """A redrive puts another file in its place: its letters go, and those that come stay."""
    file = ToFile(tmp_path / "dead.jsonl")

    async def bury(number: int) -> None:
        message = Message(str(number), b"x", "orders")
        await file.bury(Memory(), Letter(message, "full", 1, 1.0, "redis-stream"))

    async def run() -> None:
        sent = list[str]()

        async def send(letter: Kept) -> None:
            sent.append(letter.message_id)

        await bury(0)
        writing = asyncio.gather(*(bury(n) for n in range(1, 40)))
        while not writing.done():
            place = place_of("file", str(file.path))
            await place.open()
            await redrive(place, Wanted(most=3), send)
            await place.close()
        left = [json.loads(line)["id"] for line in file.path.read_text().splitlines()]
        assert sorted([*sent, *left], key=int) == [str(n) for n in range(40)]

    asyncio.run(run())


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["call", "x"], "who takes dead letters by a call (ToCall) has them, and nobody else"),
        (["memory", "x"], "a list in a process is gone with it"),
        (["mqtt", "dead", "--url", "mqtt://h"], "MQTT keeps nothing at a topic, so 'dead' cannot"),
        (["reddis", "x"], "there is no place 'reddis'; there are directory, file, kafka"),
        (["redis", "x"], "a place of redis needs url="),
        (["redis", "x", "--url", "redis://h", "--set", "colour=red"], "takes no colour="),
        (["redis", "x", "--url", "redis://h", "--set", "verify=no"], "verify=no is none of true"),
        (["file", "nowhere.jsonl"], "there is no file 'nowhere.jsonl': nothing was given up yet"),
        (["directory", "nowhere"], "there is no folder 'nowhere'"),
        (["os:path", "x"], "'os:path' is no class of pelton.event_sources.redrive.Place"),
        (["redis", "x", "--url", "redis://me:secret@127.0.0.1:1/0"], "redis at 127.0.0.1:1/0: "),
        (["kafka", "x", "--url", "redis://me:secret@h:1"], 'written as "HOST:9092"'),
        (["nats", "x", "--url", "redis://me:secret@h:1"], "'redis://h:1' is no address of a NATS"),
        (["postgres", "x", "--url", "redis://me:secret@h:1"], 'written as "postgresql://HOST'),
        (["rabbitmq", "x", "--url", "redis://me:secret@h:1"], "'redis://h:1' is no address of Rab"),
    ],
)
def test_why_none_is_sent(words: list[str], why: str) -> None:
    done = CliRunner().invoke(command, ["events", "redrive", *words])
    assert done.exit_code == 1
    assert why in done.output
    assert "secret" not in done.output


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ([], "say which letters: KIND and PLACE, or --for FILE.py:FUNCTION"),
        (["redis", "x", "--older", "soon"], "'soon' is no age: write it as 90, 30m, 12h or 2d"),
        (["redis", "x", "--into", "a", "--function", "b"], "two ways: say one"),
    ],
)
def test_what_is_asked_wrongly(words: list[str], why: str) -> None:
    assert why in said(*words, code=2)


def test_nats_itself_keeps_no_letters(nats_server: NatsServer) -> None:
    done = CliRunner().invoke(command, ["events", "redrive", "nats", "x", "--url", nats_server.url])
    assert done.exit_code == 1
    assert "subject 'x': no stream keeps it, and NATS itself keeps nothing" in done.output


def test_a_channel_that_nobody_listens_to_would_lose_it(redis_server: RedisServer) -> None:
    async def run() -> None:
        scene = await of_redis_channel(lambda name: redis_server, Path())
        await scene.fill(scene.letter(0, "k", "full"))
        done = await told(*scene.words, code=2)
        assert done["sent"] == 0
        assert "nobody listens to channel" in done["not_sent"][0]["not_sent"]
        assert len(await scene.left()) == 1

    asyncio.run(run())


def test_letters_go_into_another_place_and_are_shown_to_people(redis_server: RedisServer) -> None:
    async def run() -> None:
        scene = await of_redis(lambda name: redis_server, Path())
        await scene.fill(*letters_of(scene))
        shown = await asyncio.to_thread(said, *scene.words, "--dry-run", "--key", "k1")
        lines = shown.splitlines()
        assert lines[0].split(maxsplit=1) == ["2", "ValueError: no JSON"]
        assert (
            lines[-1] == f"redis {scene.place}: 3 dead letters would be sent, 3 that are not meant"
        )
        assert f"{scene.topic('k1')} k1  3 tries: ValueError: no JSON" in lines[2]
        told_after = await asyncio.to_thread(said, *scene.words, "--into", "else", "--most", "1")
        assert told_after == f"redis {scene.place}: 1 dead letter redriven\n"
        scene.place = "else"
        (moved,) = await scene.left()
        assert (moved.body, moved.redriven) == (b"k0:0", 1)

    asyncio.run(run())


OWN = """
from pelton.event_sources.redrive import Kept, Place

class Drawer(Place):
    async def letters(self):
        yield Kept("1", b"a", reason=f"of {self.name}")

    def __init__(self, name):
        super().__init__()
        self.name = name
"""


def test_a_place_of_ones_own_is_found_where_the_command_is_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    (tmp_path / "drawer_of_letters.py").write_text(OWN)
    try:
        told_of = said("drawer_of_letters:Drawer", "mine", "--dry-run")
    finally:
        sys.modules.pop("drawer_of_letters", None)
    assert "1  of mine" in told_of


def test_a_file_that_cannot_be_written_anew_says_so_and_loses_none(tmp_path: Path) -> None:
    """As on a full disk: what was sent is known to be."""
    file = ToFile(tmp_path / "dead.jsonl")
    (tmp_path / ".dead.jsonl.left").mkdir()  # in the way of it

    async def run() -> None:
        for n in ("1", "2"):
            await file.bury(Memory(), Letter(Message(n, b"x", "t"), "full", 1, 1.0, "redis-stream"))
        sent = list[str]()

        async def send(letter: Kept) -> None:
            sent.append(letter.message_id)

        for _ in range(3):
            place = place_of("file", str(file.path))
            await place.open()
            await redrive(place, Wanted(most=1), send)
            await place.close()
            assert "in lines that begin with #" in place.notes[0]
        assert sent == ["1", "2"]

    asyncio.run(run())


# -- by a function's own words
APP = """
import pelton

app = pelton.App("redriven")
orders = pelton.redis(url="redis://127.0.0.1:1/0", stream="orders", attempts=2, dead_letter="dead")

@app.function(triggers=[orders])
def order(n: int) -> None: ...

@app.function(triggers=[pelton.sqs("tasks")])
def task(n: int) -> None: ...
"""


def test_the_place_is_that_of_a_functions_trigger(tmp_path: Path) -> None:
    (tmp_path / "redriven_app.py").write_text(APP)
    where = f"{tmp_path}/redriven_app.py"
    more = of_words("", "", "", {"user": "ann"})
    found = of_function(f"{where}:order", "", more, "", Where())
    assert (found.kind, found.place) == ("redis-stream", "dead")
    assert (found.settings["url"], found.settings["user"]) == ("redis://127.0.0.1:1/0", "ann")
    with pytest.raises(NoLetters, match="function task has no trigger with a dead_letter="):
        of_function(f"{where}:task", "", more, "", Where())


app = pelton.App("redriven")


@app.function(
    triggers=[
        pelton.redis(url="redis://127.0.0.1:1/0", stream="orders", attempts=2, dead_letter="dead")
    ]
)
def order(n: int) -> None:
    if n == 13:
        raise ValueError("unlucky")


@app.function(triggers=[pelton.sqs("tasks")])
def task(n: int) -> None:
    order(n)


@pytest.mark.parametrize("platform", ["lambda", "nuclio"])
def test_a_function_is_called_with_each_as_by_its_trigger(platform: str) -> None:
    async def call(payload: dict[str, Any]) -> Any:
        function = task if payload["Records"][0].get("messageAttributes") is not None else order
        if payload["Records"][0].get("kind") == "sqs":
            function = task
        if platform == "lambda":
            return on_lambda(function, payload)
        return json.loads(on_nuclio(function, nuclio_bridged(payload)).body)

    async def run() -> None:
        for source, raw in (("redis-stream", None), ("sqs", {})):
            letters = [
                Kept(str(n), str(n).encode(), topic="t", key=str(n), source=source, raw=raw)
                for n in (1, 13, 2)
            ]
            place = OneList(letters)
            done = await redrive(place, Wanted(), calling(call, platform))
            assert done.sent == 2
            ((letter, why),) = done.not_sent
            assert letter.id == "13"
            assert "unlucky" in why or "its log says why" in why
            assert [each.id for each in place.kept] == ["13"]

    asyncio.run(run())


def test_a_function_that_cannot_be_called_ends_it() -> None:
    async def call(payload: dict[str, Any]) -> Any:
        raise Failed("function f: not found", blame=False)

    place = OneList([Kept("1", b"1", source="redis-stream")])
    with pytest.raises(Away, match="not found"):
        asyncio.run(redrive(place, Wanted(), calling(call, "lambda")))
    assert len(place.kept) == 1
