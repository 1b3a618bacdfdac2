"""One source file, deployed on both emulated platforms: the same events get the same answers, and
what the handler is given is the same, for every trigger that both have.

Which those are says the registry of trigger words.  A word that is added there and that both
platforms have needs a line in `WAYS`, or this fails: how it is written, and what brings its events.
"""

from __future__ import annotations

import asyncio
import contextlib
import http.server
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from pelton import testing
from pelton.bridge.bridge import Way as Bridge
from pelton.bridge.bridge import delivery
from pelton.bridge.callers import caller
from pelton.bridge.payload import outcome
from pelton.deploy.wants.missing import TRIGGERS
from pelton.deploy.where import Where
from pelton.event_sources import Failed
from pelton.handlers import triggers
from pelton.handlers.triggers import Directory, Nats, Trigger
from pelton.pytest_plugin import RunningEmulator

from .. import plain
from ..deploy.commands import commands_at
from .bench import until
from .servers.nats import NatsServer

PLATFORMS = ("lambda", "nuclio")
GOOD, LAST = '{"id": "A-1", "total": 5}', '{"id": "A-2", "total": 6}'
FAILS, LATER, REJECTED = (f'{{"id": "A-3", "total": {n}}}' for n in (13, 14, -1))
WRONG, NO_JSON = '{"id": "A-4", "total": "many"}', "no JSON"
BODIES = (GOOD, FAILS, LATER, REJECTED, WRONG, NO_JSON, LAST)

APP = """
import json
import os
import urllib.request
from dataclasses import asdict, dataclass

import pelton

app = pelton.App("parity")


@dataclass
class Order:
    id: str
    total: int


def tell(event, order):
    given = {name: getattr(event, name) for name in ("trigger", "topic", "key")}
    if event.trigger == "http":
        given |= {"method": event.method, "path": event.path, "fields": dict(event.fields)}
    on = "lambda" if "AWS_LAMBDA_FUNCTION_NAME" in os.environ else "nuclio"
    said = json.dumps({"on": on, "order": order, **given}).encode()
    urllib.request.urlopen(os.environ["SINK"], said, timeout=60).close()


def take(order: Order, context: pelton.Context) -> Order:
    tell(context.event, asdict(order))
    if order.total == 13:
        raise ValueError("unlucky")
    if order.total == 14:
        raise pelton.Retry("not yet", after=5)
    if order.total < 0:
        raise pelton.Reject("nothing is below nothing")
    return Order(order.id, order.total * 2)


def tick(context: pelton.Context) -> None:
    tell(context.event, None)


def changed(change: pelton.TableChange, context: pelton.Context) -> None:
    tell(context.event, change)
    if change["keys"]["id"] == 13:
        raise ValueError("unlucky")


settings = {"timeout": 30, "environment": {"SINK": "SINK_URL"}}
app.function(triggers=[TAKEN], **settings)(take)
app.function(triggers=[TICKS], **settings)(tick)
app.function(triggers=[CHANGES], **settings)(changed)
"""


@dataclass
class Deployed:
    """What is deployed, and what its handlers have told: `lines`."""

    emulator: RunningEmulator
    lines: list[dict[str, Any]] = field(default_factory=list)

    def told(self, on: str) -> list[dict[str, Any]]:
        found = [each for each in self.lines if each["on"] == on]
        return [{name: each[name] for name in each if name != "on"} for each in found]

    def where(self, platform: str) -> Where:
        emulator = self.emulator
        return Where(
            "local", (platform,), endpoint=emulator.url, nuclio_endpoint=emulator.nuclio_url
        )

    def address(self, platform: str, function: str) -> str:
        """Where an HTTP client finds it."""
        if platform == "lambda":
            client = self.emulator.client("lambda")
            return str(client.get_function_url_config(FunctionName=function)["FunctionUrl"])
        url = f"{self.emulator.nuclio_url}/api/functions/{function}"
        found = plain.get(url).json()["status"]["externalInvocationUrls"][0]
        return f"http://{found}/"


# Brings events to a function on a platform; what that is answered, comparable.
Bring = Callable[[Deployed, str, str], Any]


def by_requests(deployed: Deployed, platform: str, function: str) -> list[Any]:
    return posted(deployed.address(platform, function) + "orders?by=A", {})


def by_events(deployed: Deployed, platform: str, function: str) -> list[Any]:
    said = {"ce-specversion": "1.0", "ce-id": "1", "ce-source": "/shop", "ce-type": "placed"}
    return posted(deployed.address(platform, function) + "events", said)


def posted(url: str, said: dict[str, str]) -> list[Any]:
    headers = {"content-type": "application/json", **said}
    answers = list[Any]()
    for body in BODIES:
        answer = plain.post(url, content=body, headers=headers)
        if answer.status_code in (500, 502):  # each platform says in its own words that code broke
            answers.append("broke")
        else:
            told = [answer.headers.get(name) for name in ("content-type", "retry-after")]
            answers.append((answer.status_code, *told, answer.text))
    return answers


def by_time(deployed: Deployed, platform: str, function: str) -> None:
    if platform == PLATFORMS[0]:  # it is one time for both
        deployed.emulator.advance(61)


def by_changes(deployed: Deployed, platform: str, function: str) -> list[list[str]]:
    """As each platform is brought them: by Lambda's mapping, by a bridge."""
    batches = [({"id": 1}, ({"id": 1}, {"id": 1, "n": 2})), ({"id": 13},)]

    async def run() -> list[list[str]]:
        answers = []
        async with caller(deployed.where(platform), function) as call:
            for changes in batches:
                made = testing.dynamodb if platform == "lambda" else testing.bridged_dynamodb
                answer = await call(made(*changes, table="orders"))
                answers.append([each["itemIdentifier"] for each in answer["batchItemFailures"]])
        return answers

    return asyncio.run(run())


def by_messages(deployed: Deployed, platform: str, function: str) -> list[str]:
    """As each platform is brought them: by Lambda's mapping, by a bridge."""

    async def run() -> list[str]:
        async with caller(deployed.where(platform), function) as call:
            made = testing.sqs if platform == "lambda" else testing.bridged_sqs
            answer = await call(made(GOOD, FAILS, WRONG, NO_JSON, LAST, queue="orders"))
            return [each["itemIdentifier"] for each in answer["batchItemFailures"]]

    return asyncio.run(run())


def by_shard(deployed: Deployed, platform: str, function: str) -> list[str]:
    """The first of each that is not done: Lambda goes on with that one, and so does a bridge."""

    async def run() -> list[str]:
        firsts = []
        async with caller(deployed.where(platform), function) as call:
            made = testing.kinesis if platform == "lambda" else testing.bridged_kinesis
            for bodies in ((GOOD, LAST), (GOOD, FAILS, LAST), (NO_JSON, GOOD)):
                answer = await call(made(*bodies, stream="orders"))
                firsts += [each["itemIdentifier"] for each in answer["batchItemFailures"]][:1]
        return firsts

    return asyncio.run(run())


def bridged(kind: str) -> Bring:
    """By what `pelton bridge` sends, and what it makes of the answer."""
    factory: Callable[..., dict[str, Any]] = getattr(testing, kind)

    def bring(deployed: Deployed, platform: str, function: str) -> Any:
        batches = (in_lane("", factory(*BODIES)), in_lane("A", factory(GOOD, FAILS, LAST)))

        async def run() -> list[Any]:
            async with caller(deployed.where(platform), function) as call:
                return [ends(await call(batch)) for batch in batches]

        return asyncio.run(run())

    return bring


def in_lane(lane: str, batch: dict[str, Any]) -> dict[str, Any]:
    return {"Records": [{**record, "lane": lane} for record in batch["Records"]]}


def ends(answer: Any) -> dict[str, Any]:
    """What became of each message that is not done."""

    def of(failed: Failed) -> tuple[Any, ...]:
        return failed.reason, failed.after, failed.never, failed.blame

    return {id: of(each) for id, each in outcome(answer).failed.items()}


@dataclass(frozen=True)
class Way:
    """written: in an app;  bring: its events;  handler: of the app above;  given: what it is told
    of at least, so that two platforms that bring nothing are not the same"""

    written: str
    bring: Bring | None = None
    handler: str = "take"
    given: int = 5


NOBODY = "127.0.0.1:1"  # a bridge would read there; what it sends is sent by the test

WAYS = {
    "http": Way('pelton.http("POST", "/orders")', by_requests, given=5),
    "cloudevents": Way('pelton.cloudevents("/events")', by_events, given=5),
    "cron": Way('pelton.cron(every="1m")', by_time, handler="tick", given=1),
    "kafka": Way(f'pelton.kafka("orders", brokers="{NOBODY}")'),
    "nats": Way(f'pelton.nats("orders", url="nats://{NOBODY}", stream="orders")'),
    "redis": Way(f'pelton.redis(url="redis://{NOBODY}/0", stream="orders")'),
    "postgres": Way(f'pelton.postgres("orders", url="postgresql://{NOBODY}/shop")'),
    "websocket": Way(f'pelton.websocket("ws://{NOBODY}/orders")'),
    "directory": Way('pelton.directory("inbox")'),
    "source": Way('pelton.source("nobody:Nobody")'),
    "mqtt": Way(f'pelton.mqtt("orders", url="mqtt://{NOBODY}")'),
    "rabbitmq": Way(f'pelton.rabbitmq("orders", url="amqp://{NOBODY}/")'),
    "sqs": Way('pelton.sqs("orders")', by_messages, given=3),
    "kinesis": Way('pelton.kinesis("orders")', by_shard, given=4),
    "dynamodb": Way('pelton.dynamodb("orders")', by_changes, handler="changed", given=3),
}


def words() -> dict[str, type[Trigger]]:
    """The kinds of triggers that both platforms have, by themselves or by a bridge."""
    found = (getattr(triggers, name) for name in triggers.__all__)
    kinds = {each.kind: each for each in found if each.kind}
    return {
        kind: each
        for kind, each in sorted(kinds.items())
        if each.bridged or all(kind in TRIGGERS[it] for it in PLATFORMS)
    }


@contextlib.contextmanager
def sink(lines: list[dict[str, Any]]) -> Iterator[str]:
    """Where handlers tell what they were given."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            lines.append(json.loads(body))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: Any) -> None: ...

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        serving = threading.Thread(target=server.serve_forever, args=(0.01,))
        serving.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        serving.join()


@pytest.fixture(scope="module")
def deployed(
    tmp_path_factory: pytest.TempPathFactory,
    nats_server: NatsServer,
    pelton_manual_process: RunningEmulator,
) -> Iterator[Deployed]:
    """All functions on both platforms, by one command, on an emulator whose time is moved."""
    emulator = pelton_manual_process
    emulator.reset()
    folder, lines = tmp_path_factory.mktemp("parity"), list[dict[str, Any]]()
    ways = {kind: WAYS[kind] for kind in words() if kind in WAYS}
    ways["native"] = Way(f'pelton.nats("native", url="{nats_server.url}")')
    with sink(lines) as url:
        source = APP.replace("SINK_URL", url)
        emulator.client("sqs").create_queue(QueueName="orders")
        emulator.client("dynamodb").create_table(
            TableName="orders",
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "N"}],
            BillingMode="PAY_PER_REQUEST",
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
        )
        for handler, place in (("take", "TAKEN"), ("tick", "TICKS"), ("changed", "CHANGES")):
            of_it = [each.written for each in ways.values() if each.handler == handler]
            source = source.replace(place, ", ".join(of_it))
        (folder / "app.py").write_text(source)
        done = commands_at(emulator, folder)("deploy", "app.py", "--on", "both")
        assert done.returncode == 0, done.stderr
        try:
            yield Deployed(emulator, lines)
        finally:
            emulator.reset()


@pytest.mark.parametrize("kind", words())
def test_both_platforms_answer_the_same(kind: str, deployed: Deployed) -> None:
    assert kind in WAYS, (
        f"both platforms have the trigger {kind!r}, and nothing compares them: add a line to WAYS"
    )
    way = WAYS[kind]
    bring = way.bring or bridged(kind)
    deployed.lines.clear()
    answers = {each: bring(deployed, each, way.handler) for each in PLATFORMS}
    given = {each: deployed.told(each) for each in PLATFORMS}
    assert given["nuclio"] == given["lambda"]
    assert answers["nuclio"] == answers["lambda"]
    assert len(given["lambda"]) >= way.given
    assert {each["trigger"] for each in given["lambda"]} == {kind}


def test_nuclios_own_trigger_gives_what_a_bridge_gives_on_lambda(
    deployed: Deployed, nats_server: NatsServer
) -> None:
    trigger = Nats(attempts=1, dead_letter="native-dead", subject="native", url=nats_server.url)

    async def run() -> None:
        import nats

        async with (
            caller(deployed.where("lambda"), "take") as call,
            delivery(Bridge("take", trigger), call, lambda *_: None) as made,
        ):
            await until(lambda: made.status.state == "ready")
            client = await nats.connect(nats_server.url)
            for body in (GOOD, NO_JSON, FAILS, REJECTED, LAST):
                await client.publish("native", body.encode())
            await client.close()
            await until(lambda: len(deployed.lines) == 8)

    deployed.lines.clear()
    asyncio.run(run())
    given = {each: deployed.told(each) for each in PLATFORMS}
    assert [each["order"]["total"] for each in given["lambda"]] == [5, 13, -1, 6]
    assert given["nuclio"] == given["lambda"]


def test_a_message_that_a_platform_does_not_take_for_its_size_is_a_dead_letter_and_no_other(
    deployed: Deployed, tmp_path: Path
) -> None:
    trigger = Directory(batch=3, attempts=1, dead_letter=".failed", path=str(tmp_path))
    large = GOOD.replace("5", " " * 7_000_000 + "5")
    for name, body in (("a", GOOD), ("b", large), ("c", LAST)):
        (tmp_path / name).write_text(body)

    async def run() -> None:
        async with (
            caller(deployed.where("lambda"), "take") as call,
            delivery(Bridge("take", trigger), call, lambda *_: None) as made,
        ):
            await until(lambda: made.tally.done + made.tally.buried >= 3)

    deployed.lines.clear()
    asyncio.run(run())
    assert sorted(each["order"]["total"] for each in deployed.told("lambda")) == [5, 6]
    (reason,) = (tmp_path / ".failed").glob("*.json")
    assert reason.name == "b.reason.json"
    assert "Request must be smaller than" in json.loads(reason.read_text())["reason"]
