"""Messages that a bridge brings, from the source to the function and back."""

from __future__ import annotations

import asyncio
import contextlib
import http.server
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

import pelton
from pelton.bridge.bridge import Shared, Way, delivery, ways
from pelton.bridge.callers import caller
from pelton.bridge.payload import outcome, payload
from pelton.builders.nuclio_spec import function_config
from pelton.deploy.wants.bridges import bridged, bridges
from pelton.deploy.wants.weaker import weaker
from pelton.deploy.where import Where
from pelton.event_sources import Failed, Message, Promises, Source, WrongSource, source_of
from pelton.event_sources.sources.directory import Directory
from pelton.event_sources.stores import Claim
from pelton.event_sources.stores.memory import MemoryStore
from pelton.event_sources.stores.sqlite import SqliteStore
from pelton.handlers.function import Function
from pelton.pytest_plugin import RunningEmulator
from pelton.testing import (
    bridged_cron,
    cron,
    nuclio_bridged,
    nuclio_kafka,
    nuclio_nats,
    on_lambda,
    on_nuclio,
)

from ..deploy.commands import commands_at, run_command
from .bench import until

app = pelton.App("bridged")
SEEN: list[tuple[str, str, str, str]] = []


@app.function(triggers=[pelton.redis(url="redis://127.0.0.1:1/0", stream="orders", key="key")])
def order(n: int, context: pelton.Context) -> None:
    event = context.event
    SEEN.append((str(n), event.trigger, event.topic, event.key))
    if n == 13:
        raise ValueError("unlucky")
    if n == 14:
        raise pelton.Retry(after=30)


@app.function(triggers=[pelton.redis(url="redis://127.0.0.1:1/0", stream="orders", batch=10)])
def orders(all: list[int]) -> None:
    SEEN.append((str(all), "", "", ""))


def ask_lambda(function: Function[..., Any], batch: dict[str, Any]) -> Any:
    return on_lambda(function, batch)


def ask_nuclio(function: Function[..., Any], batch: dict[str, Any]) -> Any:
    return json.loads(on_nuclio(function, nuclio_bridged(batch)).body)


Ask = Callable[[Function[..., Any], dict[str, Any]], Any]
both = pytest.mark.parametrize("ask", [ask_lambda, ask_nuclio])


def batch_of(*bodies: str, lane: str = "") -> dict[str, Any]:
    messages = [
        Message(str(n), body.encode(), "orders", key="k", lane=lane or str(n))
        for n, body in enumerate(bodies)
    ]
    return payload("redis", "orders", messages)


@both
def test_each_message_is_answered_for_itself(ask: Ask) -> None:
    SEEN.clear()
    found = outcome(ask(order, batch_of("1", "13", "14", "word", "2")))
    assert [each[0] for each in SEEN] == ["1", "13", "14", "2"]
    assert SEEN[0][1:] == ("redis", "orders", "k")
    failed = {id: (each.after, each.never) for id, each in found.failed.items()}
    assert failed == {"1": (None, False), "2": (30.0, False), "3": (None, True)}
    assert found.failed["1"].reason == "ValueError: unlucky"


@both
def test_behind_a_failed_one_of_its_lane_nothing_is_begun(ask: Ask) -> None:
    SEEN.clear()
    found = outcome(ask(order, batch_of("1", "13", "2", lane="k")))
    assert [each[0] for each in SEEN] == ["1", "13"]
    assert (found.failed["2"].blame, found.failed["2"].after) == (False, 0)


@both
def test_a_list_function_gets_the_good_ones_together(ask: Ask) -> None:
    SEEN.clear()
    found = outcome(ask(orders, batch_of("1", "word", "2")))
    assert (SEEN[0][0], list(found.failed), found.failed["1"].never) == ("[1, 2]", ["1"], True)


def test_a_body_that_is_no_text_arrives_as_it_was() -> None:
    other = pelton.App("raw")
    seen: list[bytes] = []

    @other.function(triggers=[pelton.directory("inbox")])
    def keep(body: bytes) -> None:
        seen.append(body)

    batch = payload("directory", "inbox", [Message("1", b"\xff\x00")])
    assert outcome(on_lambda(keep, batch)).failed == {}
    assert seen == [b"\xff\x00"]


def test_nuclios_own_nats_trigger_brings_the_same_event() -> None:
    SEEN.clear()
    for jetstream in (False, True):
        on_nuclio(order, nuclio_nats(5, subject="orders.new", jetstream=jetstream))
    assert SEEN == [("5", "nats", "orders.new", "")] * 2


def test_nuclios_own_kafka_trigger_brings_the_same_event() -> None:
    SEEN.clear()
    on_nuclio(order, nuclio_kafka(5, topic="orders"))
    assert SEEN == [("5", "kafka", "orders", "")]


def test_an_answer_that_names_no_message_handled_none() -> None:
    for answer in (None, "", {"statusCode": 200}, [1]):
        with pytest.raises(Failed, match="says of no message") as caught:
            outcome(answer)
        assert not caught.value.blame


def test_which_triggers_need_a_bridge_and_that_a_plan_says_so() -> None:
    other = pelton.App("several")
    url = "nats://127.0.0.1:4222"
    kinds = [
        pelton.nats("a", url=url),
        pelton.nats("b", url=url, stream="s"),
        pelton.directory("inbox"),
    ]

    @other.function(triggers=kinds)
    def take(n: int) -> None: ...

    assert [each.name for each in bridged(take, "lambda")] == ["a", "b", "inbox"]
    assert [each.name for each in bridged(take, "nuclio")] == ["b", "inbox"]
    first, *_ = bridges([take], ["nuclio"])
    assert first == (
        "nuclio does not read nats 'b' for take as it is asked for: run `pelton bridge --on "
        "nuclio`, which reads it and calls the function"
    )


def test_what_a_platform_keeps_less_of_where_it_reads_itself() -> None:
    other = pelton.App("weaker")
    url = "127.0.0.1:1"

    @other.function(
        triggers=[
            pelton.nats("a", url=f"nats://{url}"),
            pelton.kafka("b", brokers=url, native=True),
            pelton.kafka("c", brokers=url),  # bridged: nothing is missing
            pelton.cron(every="1m"),
            pelton.cron(every="1h", store="sqlite:///ticks.db"),
            pelton.sqs("d"),
            pelton.sns("e"),
        ],
        nuclio=pelton.Nuclio(replicas=(1, 3)),
    )
    def take(n: int) -> None: ...

    @other.function(
        triggers=[pelton.sns("e"), pelton.cron(every="1m")], aws=pelton.Aws(dead_letter="q")
    )
    def kept(n: int) -> None: ...

    assert list(weaker([take, kept], ["nuclio"])) == [
        "nuclio reads nats 'a' for take itself: what fails there is not tried again and no dead "
        "letter; give nats(attempts=…, dead_letter=…), and `pelton bridge --on nuclio` keeps both",
        "nuclio reads kafka 'b' for take itself: what fails there is not tried again and no dead "
        "letter; leave native= away, and `pelton bridge --on nuclio` keeps both",
        "nuclio ticks 'every 60s' for take in each of up to 3 replicas, and not again after a "
        "failure; give cron(store=…), and `pelton bridge --on nuclio` runs each tick once",
    ]
    assert list(weaker([take, kept], ["lambda"])) == [
        "lambda forgets an event of sns that take has failed 3 times; give "
        "aws=pelton.Aws(dead_letter='QUEUE')"
    ]


@both
def test_a_tick_of_a_bridge_is_an_event_of_a_clock(ask: Ask) -> None:
    seen: list[tuple[str, str | None, float | None]] = []
    store = "sqlite:///ticks.db"
    other = pelton.App("clock")

    @other.function(triggers=[pelton.cron(every="1h", store=store, missed="all", max_age="6h")])
    def beat(context: pelton.Context) -> None:
        seen.append((context.event.trigger, context.event.position, context.event.timestamp))

    batch = bridged_cron("2026-03-29T01:00:00Z", "2026-03-29T02:00:00Z")
    assert outcome(ask(beat, batch)).failed == {}
    times = [("cron", f"2026-03-29T0{n}:00:00Z", 1_774_746_000.0 + 3600 * (n - 1)) for n in (1, 2)]
    assert seen == times
    on_lambda(beat, cron(time="2026-03-29T03:00:00Z"))  # its platform's own brings the same
    assert seen[2][:2] == ("cron", "2026-03-29T03:00:00Z")


def test_which_clocks_need_a_bridge_and_why() -> None:
    other = pelton.App("clocks")
    line, zone = "0 6 * * 1-5", "Europe/Berlin"

    @other.function(
        triggers=[
            pelton.cron(every="5m"),
            pelton.cron(schedule=line),
            pelton.cron(schedule=line, timezone="UTC"),
            pelton.cron(schedule=line, timezone=zone),
            pelton.cron(schedule=line, store="redis://127.0.0.1:1/0", missed="last"),
        ]
    )
    def tick() -> None: ...

    assert [each.name for each in bridged(tick, "lambda")] == [line]
    assert [each.name for each in bridged(tick, "nuclio")] == [f"{line} {zone}", line]
    for each in bridged(tick, "nuclio"):
        kind, settings = each.source
        assert source_of(kind, **settings).kind == "cron"
        assert settings["name"] == f"tick {each.name}"
    own = [
        each["attributes"]
        for each in function_config(tick, "m:tick", "python:3.11")["spec"]["triggers"].values()
        if each["kind"] == "cron"
    ]
    sent = {"schedule": "0 0 6 * * 1,2,3,4,5"}  # the second in front: each Nuclio reads that alike
    assert own == [{"interval": "300s"}, sent, sent]
    zoned, kept = (said.partition("calls the function")[2] for said in bridges([tick], ["nuclio"]))
    assert zoned == " (a cron trigger counts in UTC); without store=, run one bridge alone"
    assert kept == " (a cron trigger may call twice, and makes up for no tick that was missed)"


def test_a_tick_that_fails_three_times_is_given_up(tmp_path: Path) -> None:
    async def run() -> None:
        store = f"sqlite:///{tmp_path}/c.db"
        (way,) = ways([hourly(store)], "lambda")
        tries = list[str]()

        async def call(batch: dict[str, Any]) -> Any:
            (record,) = batch["Records"]
            tries.append(record["messageId"])
            return {"batchItemFailures": [{"itemIdentifier": tries[0], "after": 0}]}

        kept = SqliteStore(f"{tmp_path}/c.db")  # somebody has seen to it until an hour ago
        await kept.set_mark(way.trigger.source[1]["name"], time.time() - 3600)
        await kept.close()
        made = delivery(way, call, lambda way, status: None)
        async with made:
            await until(lambda: made.tally.buried == 1)
        assert tries == [tries[0]] * 3

    asyncio.run(run())


def hourly(store: str) -> Function[..., Any]:
    def beat() -> None: ...

    trigger = pelton.cron(every="1h", store=store, missed="all")
    return pelton.App("clock").function(triggers=[trigger])(beat)


def test_a_function_that_is_not_there_blames_no_message(tmp_path: Path) -> None:
    async def run() -> None:
        (tmp_path / "a").write_text("1")
        trigger = pelton.directory(str(tmp_path), attempts=1, dead_letter=".failed")
        said: list[str] = []
        tries, there = 0, False

        async def call(batch: dict[str, Any]) -> Any:
            nonlocal tries
            tries += 1
            if not there:
                raise Failed("no such function", after=0.01, blame=False)
            return {"batchItemFailures": []}

        made = delivery(Way("f", trigger), call, lambda way, status: said.append(str(status)))
        async with made:
            await until(lambda: tries >= 3)
            there = True
            await until(lambda: made.tally.done == 1)
        assert said == ["ready", "unhealthy: no such function", "ready", "stopped"]  # each once
        assert (tmp_path / ".done" / "a").read_text() == "1"

    asyncio.run(run())


def test_a_store_that_is_away_is_said_and_waited_for(tmp_path: Path) -> None:
    class Away(MemoryStore):
        there = False

        async def claim(self, keys: Sequence[str], seconds: float) -> list[Claim]:
            if not self.there:
                raise OSError("nobody listens")
            return await super().claim(keys, seconds)

    async def run() -> None:
        (tmp_path / "a").write_text("1")
        said, store = list[str](), Away()

        async def call(batch: dict[str, Any]) -> Any:
            return {"batchItemFailures": []}

        way = Way("f", pelton.directory(str(tmp_path), backoff=(0.01, 0.01)))
        shared = Shared(store, once=True)
        made = delivery(way, call, lambda way, status: said.append(str(status)), shared=shared)
        async with made:
            await until(lambda: "unhealthy: the store of what is done: nobody listens" in said)
            store.there = True
            await until(lambda: made.tally.done == 1)
        assert said[-2:] == ["ready", "stopped"]

    asyncio.run(run())


def test_why_messages_fail_is_said_once(tmp_path: Path) -> None:
    async def run() -> None:
        for name in ("a", "b", "c"):
            (tmp_path / name).write_text(name)
        said: list[str] = []

        async def call(batch: dict[str, Any]) -> Any:
            (record,) = batch["Records"]
            reason = "ValueError: no" if record["body"] in "ab" else "KeyError: 'c'"
            failed = {"itemIdentifier": record["messageId"], "reason": reason}
            return {"batchItemFailures": [failed]}

        trigger = pelton.directory(
            str(tmp_path), ordered=True, attempts=2, dead_letter=".failed", backoff=(0.01, 0.01)
        )
        made = delivery(Way("f", trigger), call, lambda way, status: said.append(str(status)))
        async with made:
            await until(lambda: made.tally.buried == 3)
        first, *others = (each for each in said if "failed" in each)
        assert first.startswith("ready: message a:") and first.endswith(" failed: ValueError: no")
        assert [each.partition(" failed: ")[2] for each in others] == ["KeyError: 'c'"]

    asyncio.run(run())


def test_a_triggers_words_are_the_rules_of_its_delivery(tmp_path: Path) -> None:
    """An age without a number of tries gives up as well, with why."""

    async def run() -> None:
        trigger = pelton.directory(
            str(tmp_path), max_age=3600, dead_letter=".failed", backoff=(0.25, 8)
        )

        async def call(batch: dict[str, Any]) -> Any:
            return {"batchItemFailures": []}

        for name, age in (("old", 7200), ("new", 0)):
            (tmp_path / name).write_text("1")
            os.utime(tmp_path / name, (time.time() - age,) * 2)
        made = delivery(Way("f", trigger), call, lambda way, status: None)
        assert (made.rules.retry.first, made.rules.retry.longest) == (0.25, 8)
        async with made:
            await until(lambda: made.tally.buried + made.tally.done == 2)
        said = json.loads((tmp_path / ".failed" / "old.reason.json").read_text())
        assert (said["reason"], said["attempts"]) == ("older than 3600 s", 0)

    asyncio.run(run())


class Numbers(Source):
    """A source of one's own: so many numbers, which it does not forget before they are done."""

    kind = "numbers"
    promises = Promises(redelivers=True)

    def __init__(self, count: int) -> None:
        self.left = [str(each) for each in range(count)]
        self.given = 0

    async def receive(self, most: int, seconds: float) -> Sequence[Message]:
        found = self.left[self.given :][:most]
        self.given += len(found)
        if not found:
            await asyncio.sleep(seconds)
        return [Message(each, each.encode()) for each in found]

    async def ack(self, messages: Sequence[Message]) -> None:
        self.left = [each for each in self.left if each not in {it.id for it in messages}]
        self.given = len(self.left)


def test_a_source_of_ones_own_runs_a_function() -> None:
    async def run() -> None:
        trigger = pelton.source(f"{__name__}:Numbers", settings={"count": 3}, batch=3)
        seen: list[Any] = []

        async def call(batch: dict[str, Any]) -> Any:
            seen.extend((each["kind"], each["source"], each["body"]) for each in batch["Records"])
            return {"batchItemFailures": []}

        made = delivery(Way("f", trigger), call, lambda way, status: None)
        made.pause()
        async with made:
            await until(lambda: made.status.paused)
            assert seen == []
            made.resume()
            await until(lambda: made.tally.done == 3)
        assert seen == [("source", f"{__name__}:Numbers", str(n)) for n in range(3)]
        assert isinstance(made.source, Numbers) and made.source.left == []

    asyncio.run(run())


@pytest.mark.parametrize(
    ("place", "said"),
    [
        (f"{__name__}:Nobody", "has no attribute 'Nobody'"),
        ("not_at_all_there:Nobody", "No module named 'not_at_all_there'"),
        ("pathlib:Path", "'pathlib:Path' is no class of pelton.event_sources.Source"),
    ],
)
def test_a_source_of_ones_own_that_is_none(place: str, said: str) -> None:
    with pytest.raises(WrongSource, match=said):
        source_of(place)


def test_a_source_without_a_place_for_dead_letters_says_so() -> None:
    trigger = pelton.source(
        f"{__name__}:Numbers", settings={"count": 1}, attempts=1, dead_letter="dead"
    )

    async def call(batch: dict[str, Any]) -> Any: ...

    with pytest.raises(WrongSource, match="has no place for dead letters of its own, `bury`"):
        delivery(Way("f", trigger), call, lambda way, status: None)


APP = """
import pelton

app = pelton.App("inbox")

@app.function(triggers=[pelton.directory(
    "inbox", pattern="*.json", batch=5, attempts=2, dead_letter=".failed")])
def count(n: int) -> int:
    return n
"""


@pytest.mark.parametrize("platform", ["lambda", pytest.param("nuclio", marks=pytest.mark.slow)])
def test_from_a_folder_to_a_deployed_function(
    pelton_emulator: RunningEmulator, tmp_path: Path, platform: str
) -> None:
    (tmp_path / "app.py").write_text(APP)
    (tmp_path / "inbox").mkdir()
    for name, body in (("a", "1"), ("b", "word"), ("c", "3")):
        (tmp_path / "inbox" / f"{name}.json").write_text(body)
    where = ["--on", platform, "--endpoint", pelton_emulator.url]
    where += ["--nuclio-endpoint", pelton_emulator.nuclio_url]
    command = [sys.executable, "-m", "pelton"]
    deployed = run_command(["deploy", "app.py", *where], tmp_path)
    assert deployed.returncode == 0, deployed.stderr
    assert "run `pelton bridge --on" in deployed.stdout + deployed.stderr
    bridge = subprocess.Popen(
        [*command, "bridge", "app.py", "--json", *where],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )

    def found(folder: str) -> set[str]:
        return {each.name for each in (tmp_path / "inbox" / folder).glob("*.json")}

    def settled() -> bool:
        done = found(".done") >= {"a.json", "c.json"} and "b.json" in found(".failed")
        return done or bridge.poll() is not None  # one that has ended says below why

    asyncio.run(until(settled))
    bridge.send_signal(signal.SIGTERM)
    out, err = bridge.communicate(timeout=60)
    assert bridge.returncode == 0, err
    first, failed, last = (json.loads(line) for line in out.splitlines())
    assert (first["state"], last["state"]) == ("ready", "stopped")
    assert failed["state"] == "ready" and " failed: " in failed["reason"]
    assert "directory inbox > count: 2 done" in err
    assert not list((tmp_path / "inbox").glob("*.json"))


BROKEN = """
import asyncio
from pelton.event_sources import Message, Source

class Broken(Source):
    kind = "broken"
    given = False
    async def receive(self, most, seconds):
        if self.given:
            await asyncio.sleep(seconds)
            return []
        self.given = True
        return [Message("1", b"1")]
    async def ack(self, messages):
        raise KeyError("mine")
"""


def test_a_bridge_whose_only_source_stopped_ends_and_fails(
    pelton_emulator: RunningEmulator, tmp_path: Path
) -> None:
    (tmp_path / "broken_source.py").write_text(BROKEN)
    (tmp_path / "app.py").write_text(
        "import pelton\napp = pelton.App('inbox')\n"
        "@app.function(triggers=[pelton.source('broken_source:Broken')])\n"
        "def count(n: int) -> None: ...\n"
    )
    done = commands_at(pelton_emulator, tmp_path)
    assert done("deploy", "app.py").returncode == 0
    ended = done("bridge", "app.py")
    assert "unhealthy: it stopped: KeyError('mine')" in ended.stdout
    assert ended.stderr.endswith("stopped by a fault, which is told above\n")
    assert ended.returncode == 1


@contextlib.contextmanager
def nuclio_that_answers(status: int) -> Iterator[str]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None: ...

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        serving = threading.Thread(target=server.serve_forever, args=(0.01,))
        serving.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        serving.join()


@pytest.mark.parametrize(
    ("status", "blamed"), [(408, True), (500, True), (404, False), (429, False), (503, False)]
)
def test_whom_an_answer_of_nuclio_blames(status: int, blamed: bool) -> None:
    """A handler that takes too long is a failure of what it was given: else it would come again
    for ever, whatever `attempts` says."""

    async def run(url: str) -> Failed:
        async with caller(Where("local", ("nuclio",), nuclio_endpoint=url), "f") as call:
            with pytest.raises(Failed, match=f"function f answered {status}") as caught:
                await call({"Records": []})
        return caught.value

    with nuclio_that_answers(status) as url:
        assert asyncio.run(run(url)).blame is blamed


def test_a_bridge_that_cannot_be_says_why_in_a_sentence(
    pelton_emulator: RunningEmulator, tmp_path: Path
) -> None:
    (tmp_path / "app.py").write_text(
        "import pelton\napp = pelton.App('wrong')\n"
        "trigger = pelton.websocket('ws://me@127.0.0.1/a')\n"
        "@app.function(triggers=[trigger])\ndef f(n: int) -> int: ...\n"
    )
    done = run_command(["bridge", "app.py", "--endpoint", pelton_emulator.url], tmp_path)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert done.stderr.startswith("error: websocket url='ws://127.0.0.1/a' is no")


def test_a_bridge_of_nothing_says_so(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(
        "import pelton\napp = pelton.App('none')\n@app.function\ndef f(n: int) -> int: ...\n"
    )
    done = run_command(["bridge", "app.py"], tmp_path)
    assert done.returncode == 1
    assert "no function of app none has a trigger that lambda does not read itself" in done.stderr


def test_a_source_by_the_word_of_a_trigger() -> None:
    kind, settings = pelton.directory("inbox", pattern="*.csv").source
    assert isinstance(source_of(kind, **settings), Directory)
