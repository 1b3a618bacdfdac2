"""A queue of a RabbitMQ broker of Amazon MQ that calls a function of Lambda, against a real one,
which takes its time to start: slow.  What is checked before it is read is tried by itself."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

import pelton
from pelton.deploy.errors import CannotPlan
from pelton.deploy.wants.bridges import bridges
from pelton.deploy.wants.missing import refuse_missing_triggers
from pelton.handlers.errors import WrongUse
from pelton.pytest_plugin import running_emulator
from pelton.runtime.aws_mq import BatchFailed
from pelton.testing import amazon_mq, on_lambda

from ..deploy.commands import commands_at
from ..localstack.mappings.conftest import Raised, World
from .bench import until
from .servers.rabbitmq import RabbitServer
from .test_parity import sink

ARN = "arn:aws:mq:eu-west-1:111122223333:broker:orders:b-4c9bd6e2"
OTHER = "arn:aws:mq:eu-west-1:111122223333:broker:other:b-5d0ce7f3"
_numbers = count()


@pytest.fixture
def world(rabbit_server: RabbitServer) -> Iterator[World]:
    world = World(brokers={ARN: rabbit_server.url})
    yield world
    world.close()


def login(world: World, password: str = "guest") -> list[dict[str, str]]:
    """Credentials in a secret, as a mapping names them."""
    name, text = f"login{next(_numbers)}", json.dumps({"username": "guest", "password": password})
    made = world.client("secretsmanager").create_secret(Name=name, SecretString=text)
    return [
        {"Type": "BASIC_AUTH", "URI": made["ARN"]},
        {"Type": "VIRTUAL_HOST", "URI": "/"},
    ]


class Queue:
    """A queue of its own, with what a sender and a looker-on do."""

    def __init__(self, server: RabbitServer, **arguments: Any) -> None:
        self.server, self.name = server, f"m{next(_numbers)}"
        self.declare(self.name, **arguments)

    def declare(self, name: str, **arguments: Any) -> None:
        async def act(channel: Any) -> None:
            await channel.declare_queue(name, durable=True, arguments=arguments)

        self.by(act)

    def send(self, *bodies: bytes, **said: Any) -> None:
        from aio_pika import Message

        async def act(channel: Any) -> None:
            for body in bodies:
                await channel.default_exchange.publish(Message(body, **said), self.name)

        self.by(act)

    def waiting(self, name: str = "") -> int:
        """Messages that nobody has in hand."""

        async def act(channel: Any) -> int:
            found = await channel.declare_queue(name or self.name, passive=True)
            return int(found.declaration_result.message_count)

        return int(self.by(act))

    def by(self, act: Any) -> Any:
        import aio_pika

        async def run() -> Any:
            async with await aio_pika.connect(self.server.url) as connection:
                return await act(await connection.channel())

        return asyncio.run(run())


def mapped(world: World, queue: Queue, **settings: Any) -> str:
    access = settings.pop("access", None) or login(world)
    more = {"Queues": [queue.name], "SourceAccessConfigurations": access, **settings}
    made = world.api.create_event_source_mapping(EventSourceArn=ARN, FunctionName="f", **more)
    return str(made["UUID"])


def bodies(events: list[Any]) -> list[list[str]]:
    return [
        [base64.b64decode(each["data"]).decode() for each in messages]
        for event in events
        for messages in event["rmqMessagesByQueue"].values()
    ]


@pytest.mark.slow
@pytest.mark.fidelity(
    "Event source mappings",
    "RabbitMQ of Amazon MQ: events of aws:rmq with properties as Java's client has them; one batch "
    "at a time; acknowledged after the function",
)
def test_a_batch_in_lambdas_own_form(world: World, rabbit_server: RabbitServer) -> None:
    world.function()
    queue = Queue(rabbit_server)
    queue.send(b'{"a": 1}', content_type="application/json", headers={"k": "v", "n": 7})
    queue.send(b"second", message_id="m-2", priority=3)
    mapped(world, queue, BatchSize=2)
    world.wait_until(lambda: "f" in world.players.events)
    (event,) = world.players.events["f"]
    assert (event["eventSource"], event["eventSourceArn"]) == ("aws:rmq", ARN)
    first, second = event["rmqMessagesByQueue"][f"{queue.name}::/"]
    assert first["basicProperties"]["contentType"] == "application/json"
    assert first["basicProperties"]["headers"] == {"k": {"bytes": [118]}, "n": 7}
    assert (second["basicProperties"]["messageId"], second["redelivered"]) == ("m-2", False)
    assert second["basicProperties"]["bodySize"] == 6
    assert bodies([event]) == [['{"a": 1}', "second"]]
    world.wait_until(lambda: queue.waiting() == 0)


@pytest.mark.slow
def test_a_batch_that_fails_is_the_queues_again_as_a_whole(
    world: World, rabbit_server: RabbitServer
) -> None:
    tries = count()

    def fail_twice(event: Any) -> None:
        if next(tries) < 2:
            raise Raised("not yet")

    world.function(fail_twice)
    queue = Queue(rabbit_server)
    queue.send(b"1", b"2", b"3")
    uuid = mapped(world, queue, BatchSize=3, MaximumBatchingWindowInSeconds=300)

    def done() -> bool:
        world.advance(5)  # it is not tried again at once
        return len(world.players.events.get("f", [])) == 3

    world.wait_until(done)
    assert bodies(world.players.events["f"]) == [["1", "2", "3"]] * 3
    again = [
        {each["redelivered"] for each in event["rmqMessagesByQueue"][f"{queue.name}::/"]}
        for event in world.players.events["f"]
    ]
    assert again == [{False}, {True}, {True}]
    world.wait_until(lambda: result(world, uuid) == "OK")


def result(world: World, uuid: str) -> str:
    found = world.api.get_event_source_mapping(UUID=uuid)
    return str(found["LastProcessingResult"])


@pytest.mark.slow
def test_what_never_works_ends_where_the_queue_says(
    world: World, rabbit_server: RabbitServer
) -> None:
    def poison(event: Any) -> None:
        raise Raised("never")

    world.function(poison)
    letters = Queue(rabbit_server)
    queue = Queue(
        rabbit_server,
        **{
            "x-queue-type": "quorum",
            "x-delivery-limit": 2,
            "x-dead-letter-exchange": "",
            "x-dead-letter-routing-key": letters.name,
        },
    )
    queue.send(b"poison")
    uuid = mapped(world, queue)

    def moved() -> bool:
        world.advance(5)
        return letters.waiting() == 1

    world.wait_until(moved)
    assert len(world.players.events["f"]) == 3
    assert result(world, uuid) == "PROBLEM: Function call failed"


@pytest.mark.slow
def test_only_what_the_filter_wants_and_no_event_over_six_megabytes(
    world: World, rabbit_server: RabbitServer
) -> None:
    world.function()
    queue = Queue(rabbit_server)
    large = json.dumps({"kind": "a", "x": "x" * 2_500_000}).encode()
    queue.send(b'{"kind": "a"}', b'{"kind": "b"}', large, large, b"\xff", b'{"kind": "a", "n": 2}')
    pattern = json.dumps({"data": {"kind": ["a"]}})
    mapped(world, queue, BatchSize=10, FilterCriteria={"Filters": [{"Pattern": pattern}]})
    world.wait_until(lambda: sum(map(len, bodies(world.players.events.get("f", [])))) == 4)
    seen = [[len(each) for each in batch] for batch in bodies(world.players.events["f"])]
    assert [each for batch in seen for each in batch] == [13, len(large), len(large), 21]
    assert all(sum(batch) < 4_500_000 for batch in seen)


@pytest.mark.slow
def test_a_broker_that_is_killed_and_wrong_credentials(
    world: World, rabbit_server: RabbitServer, capfd: pytest.CaptureFixture[str]
) -> None:
    world.function()
    queue, other = Queue(rabbit_server), Queue(rabbit_server)
    uuid = mapped(world, queue)
    wrong = mapped(world, other, access=login(world, "not-this-one"))
    world.wait_until(lambda: "AuthenticationError" in result(world, wrong))
    queue.send(b"before", delivery_mode=2)
    world.wait_until(lambda: len(world.players.events.get("f", [])) == 1)
    rabbit_server.kill()
    world.wait_until(lambda: result(world, uuid).startswith("PROBLEM: amqp://127.0.0.1"))
    rabbit_server.start()
    queue.send(b"after")

    def back() -> bool:
        world.advance(5)
        return bodies(world.players.events["f"])[-1][-1] == "after"

    world.wait_until(back)
    assert "not-this-one" not in capfd.readouterr().err


@pytest.mark.slow
def test_a_mapping_that_is_deleted_leaves_the_rest_to_the_queue(
    world: World, rabbit_server: RabbitServer
) -> None:
    begun, go = asyncio.Event(), asyncio.Event()

    async def wait(event: Any) -> None:
        begun.set()
        await go.wait()

    world.function(wait)
    queue = Queue(rabbit_server)
    queue.send(b"1", b"2", b"3")
    uuid = mapped(world, queue, BatchSize=1)
    world.wait_until(begun.is_set)
    world.api.delete_event_source_mapping(UUID=uuid)
    world.loop.call_soon_threadsafe(go.set)
    world.wait_until(lambda: queue.waiting() == 2)
    assert bodies(world.players.events["f"]) == [["1"]]


APP = """
import json
import os
import urllib.request
import pelton

app = pelton.App("shop")

def take(n: int, context: pelton.Context) -> None:
    event = context.event
    told = [n, event.trigger, event.topic, event.key, event.headers.get("kind")]
    said = json.dumps({"told": told}).encode()
    urllib.request.urlopen(os.environ["SINK"], said, timeout=60).close()

settings = {"environment": {"SINK": "SINK_URL"}, "timeout": 10}
app.function(
    name="mapped", triggers=[pelton.rabbitmq("LEFT", broker="ARN", secret="SECRET")], **settings
)(take)
app.function(
    name="own", triggers=[pelton.rabbitmq("RIGHT", url="URL", native=True)], **settings
)(take)
"""


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_deployed_it_tells_a_function_what_nuclios_own_trigger_tells(
    rabbit_server: RabbitServer, tmp_path: Path
) -> None:
    left, right = Queue(rabbit_server), Queue(rabbit_server)
    lines = list[dict[str, Any]]()
    url = rabbit_server.url.rstrip("/")
    with running_emulator("--mq", url) as emulator, sink(lines) as place:
        secret = emulator.client("secretsmanager").create_secret(
            Name="login", SecretString='{"username": "guest", "password": "guest"}'
        )["ARN"]
        said = {"LEFT": left.name, "RIGHT": right.name, "ARN": ARN, "SECRET": secret}
        source = APP
        for name, value in {**said, "URL": rabbit_server.url, "SINK_URL": place}.items():
            source = source.replace(f'"{name}"', json.dumps(value))
        (tmp_path / "shop.py").write_text(source)
        shop = commands_at(emulator, tmp_path)
        planned = shop("plan", "shop.py", "--only", "mapped").stdout
        assert f"queue {left.name} of broker orders: batch 1, window 0 s" in planned
        assert "pelton bridge" not in planned
        for platform, function in (("lambda", "mapped"), ("nuclio", "own")):
            done = shop("deploy", "shop.py", "--on", platform, "--only", function)
            assert done.returncode == 0, done.stderr
        assert "nothing to do" in shop("deploy", "shop.py", "--only", "mapped").stdout
        for queue in (left, right):
            queue.send(b"5", b"6", headers={"kind": "x"})
        asyncio.run(until(lambda: len(lines) == 4))
        for queue in (left, right):
            told = [each["told"] for each in lines if each["told"][2] == queue.name]
            assert told == [[n, "rabbitmq", queue.name, "", "x"] for n in (5, 6)]
        (tmp_path / "shop.py").write_text(source.replace("secret=", "batch=2, secret="))
        changed = shop("plan", "shop.py", "--only", "mapped").stdout
        assert "batch 1, window 0 s" in changed and "batch 2, window 0 s" in changed
        assert shop("deploy", "shop.py", "--only", "mapped").returncode == 0
        (mapping,) = emulator.client("lambda").list_event_source_mappings()["EventSourceMappings"]
        assert (mapping["BatchSize"], mapping["Queues"]) == (2, [left.name])
        assert shop("destroy", "shop.py", "--yes").returncode == 0
        assert emulator.client("lambda").list_event_source_mappings()["EventSourceMappings"] == []


SECRET = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:login-AbCdEf"
app = pelton.App("orders")


@app.function(triggers=[pelton.rabbitmq("orders", broker=ARN, secret=SECRET)])
def order(n: int, context: pelton.Context) -> None:
    seen.append((n, context.event.topic, context.event.headers.get("k")))
    if n == 13:
        raise ValueError("unlucky")


seen: list[tuple[int, str, str | None]] = []


def test_nothing_behind_a_message_that_failed_is_begun() -> None:
    seen.clear()
    assert on_lambda(order, amazon_mq(1, 2, queue="orders", headers={"k": "v"})) is None
    assert seen == [(1, "orders", "v"), (2, "orders", "v")]
    with pytest.raises(BatchFailed, match=r"ValueError: unlucky \(message .*; of a batch of 3"):
        on_lambda(order, amazon_mq(1, 13, 3))
    assert [n for n, *_ in seen] == [1, 2, 1, 13]
    with pytest.raises(BatchFailed, match="of a batch of 1, which Lambda gives again"):
        on_lambda(order, amazon_mq("no number"))


def test_a_plan_names_no_bridge_where_lambda_reads_by_itself() -> None:
    assert list(bridges([order], ["lambda"])) == []


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ({"broker": ARN}, "has broker= and no secret="),
        ({"secret": SECRET, "url": "amqp://h/"}, "has secret= and no broker="),
        ({"broker": "orders", "secret": SECRET}, "is no ARN of that service"),
        ({"broker": ARN, "secret": ARN}, "write it as arn:aws:secretsmanager"),
        (
            {"broker": ARN, "secret": SECRET, "attempts": 3, "dead_letter": "dead"},
            "has broker= and attempts=, which Lambda's own mapping has not",
        ),
    ],
)
def test_words_that_do_not_go_together(words: dict[str, Any], sentence: str) -> None:
    with pytest.raises(WrongUse, match=sentence):
        pelton.rabbitmq("q", **words)


def test_two_brokers_are_two_sources() -> None:
    one = pelton.rabbitmq("q", broker=ARN, secret=SECRET)
    assert not one.same_source(pelton.rabbitmq("q", broker=OTHER, secret=SECRET))
    assert one.same_source(pelton.rabbitmq("q", broker=ARN, secret=SECRET, batch=5))


def test_nuclio_wants_an_address() -> None:
    with pytest.raises(CannotPlan, match="nuclio does not know its address: give rabbitmq"):
        refuse_missing_triggers(order, "nuclio")
