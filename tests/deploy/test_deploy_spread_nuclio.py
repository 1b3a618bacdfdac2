"""A graph whose queues are on JetStream or Kafka, deployed to the emulator's Nuclio: entry and
children, keys in order, workers that are killed, dead letters."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from pelton.pytest_plugin import RunningEmulator

from .. import plain
from ..event_sources.servers.base import running
from ..event_sources.servers.kafka import KafkaMock
from ..event_sources.servers.nats import NatsServer
from .commands import Run, commands_at

APP = """
import os
import signal
from pathlib import Path

import pelton
from pelton import steps

app = pelton.App("shop")
seen = Path(SEEN)


def read(order: dict[str, int]) -> dict[str, int]:
    return order


def price(order: dict[str, int]) -> dict[str, int]:
    with seen.open("a") as lines:
        print(order["key"], order["size"], file=lines)
    if order["size"] == 13:
        raise ValueError("nobody buys 13")
    if order["size"] == 99 and not seen.with_suffix(".killed").exists():
        seen.with_suffix(".killed").touch()
        os.kill(os.getpid(), signal.SIGKILL)
    if order["size"] == 666:
        os.kill(os.getpid(), signal.SIGKILL)
    return {"key": order["key"], "cents": 10 * order["size"]}


def tell(bill: dict[str, int], context: pelton.Context) -> list[object]:
    context.logger.info("telling")
    return [bill["key"], bill["cents"], context.delivery.correlation_id]


graph = (
    pelton.Graph("shop")
    >> read
    >> steps.queue("orders-N", key="key", broker=BROKER, attempts=2, backoff=0)
    >> price
    CHILD
    >> steps.once(tell, store=f"sqlite:{seen}.db")
    >> steps.queue("told-N", broker=BROKER)
)
app.serve(graph, timeout=5)
"""

CHILD = '>> steps.queue("priced-N", broker=BROKER)'  # without it, one function prices and tells

_numbers = count()


@pytest.fixture(scope="module")
def nats_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NatsServer]:
    yield from running(NatsServer, tmp_path_factory, "nats")


class Shop:
    """The app in a folder of its own, with queues of its own."""

    def __init__(
        self, emulator: RunningEmulator, broker: str, folder: Path, child: str = CHILD
    ) -> None:
        self.emulator, self.broker, self.seen = emulator, broker, folder / "seen"
        self.number = str(next(_numbers))
        text = APP.replace("CHILD", child).replace("-N", f"-{self.number}")
        text = text.replace("BROKER", repr(broker))
        (folder / "shop_nuclio_app.py").write_text(text.replace("SEEN", repr(str(self.seen))))
        run = commands_at(emulator, folder)
        self.run: Run = lambda word, *more: run(word, "shop_nuclio_app.py", *more)

    def deploy(self) -> str:
        """What the deploy said."""
        done = self.run("deploy", "--on", "nuclio")
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def call(self, key: int, size: int) -> dict[str, Any]:
        found = plain.get(f"{self.emulator.nuclio_url}/api/functions/shop").json()
        port = found["status"]["httpPort"]
        order = {"key": key, "size": size}
        answer = plain.post(f"http://127.0.0.1:{port}/", json=order, timeout=30)
        assert answer.status_code == 200, answer.text
        told: dict[str, Any] = answer.json()
        return told

    def taken(self, queue: str, many: int, more: str = "") -> list[dict[str, Any]]:
        """That many messages of a queue, waited for."""
        take = _taken if self.broker.startswith("nats") else _taken_of_kafka
        return asyncio.run(take(self.broker, f"{queue}-{self.number}{more}", many))

    def lines(self) -> list[tuple[int, int]]:
        return [(int(a), int(b)) for a, b in map(str.split, self.seen.read_text().splitlines())]


async def _taken(url: str, stream: str, many: int) -> list[dict[str, Any]]:
    import nats

    client = await nats.connect(url)
    try:
        js, found = client.jetstream(), list[dict[str, Any]]()
        async with asyncio.timeout(60):
            while (await js.stream_info(stream)).state.messages < many:
                await asyncio.sleep(0.05)
        first = (await js.stream_info(stream)).state.first_seq
        for number in range(first, first + many):
            found.append(json.loads((await js.get_msg(stream, number)).data or b""))
        return found
    finally:
        await client.close()


async def _taken_of_kafka(broker: str, topic: str, many: int) -> list[dict[str, Any]]:
    from confluent_kafka import Consumer

    servers = broker.partition("://")[2]
    start = {"auto.offset.reset": "earliest", "enable.auto.commit": False}
    reader = Consumer({"bootstrap.servers": servers, "group.id": f"test-{topic}", **start})
    reader.subscribe([topic])
    try:
        found = [json.loads(each.value() or b"") for each in reader.consume(many, 60)]
    finally:
        reader.close()
    assert len(found) == many
    return found


@pytest.fixture
def shop(pelton_emulator: RunningEmulator, nats_server: NatsServer, tmp_path: Path) -> Shop:
    return Shop(pelton_emulator, nats_server.url, tmp_path)


@pytest.fixture
def kafka_shop(pelton_emulator: RunningEmulator, tmp_path: Path) -> Iterator[Shop]:
    server = KafkaMock()
    made = Shop(pelton_emulator, f"kafka://{server.url}", tmp_path)
    for queue in ("orders", "priced", "told", "orders-{}-dead", "priced-{}-dead"):
        server.create(queue.format(made.number) if "{" in queue else f"{queue}-{made.number}")
    yield made
    server.stop()


def test_entry_and_child(
    pelton_emulator: RunningEmulator, nats_server: NatsServer, tmp_path: Path
) -> None:
    shop = Shop(pelton_emulator, nats_server.url, tmp_path, child="")
    made = f"create jetstream (stream orders-{shop.number}, window, at_once, receives)"
    assert made in shop.deploy()
    entry_and_children(shop)


@pytest.mark.slow
def test_entry_and_children(shop: Shop) -> None:
    shop.deploy()
    entry_and_children(shop)


@pytest.mark.slow
def test_the_same_on_kafka(kafka_shop: Shop) -> None:
    kafka_shop.deploy()
    nothing_to_do(kafka_shop)
    entry_and_children(kafka_shop)


@pytest.mark.slow
def test_a_plan_before_and_a_deploy_after(shop: Shop) -> None:
    planned = shop.run("plan", "--on", "nuclio")
    assert f"create jetstream\n    stream orders-{shop.number}: file" in planned.stdout, planned
    shop.deploy()
    nothing_to_do(shop)


def nothing_to_do(shop: Shop) -> None:
    told = f"(shop, shop-orders-{shop.number}, shop-priced-{shop.number})"
    assert shop.deploy() == f"shop: nothing to do {told}\n"


def entry_and_children(shop: Shop) -> None:
    """Of what is deployed: orders of two keys go in, with failures and a kill."""
    number = shop.number
    sent = [(key, size) for size in (1, 13, 99, 2) for key in (1, 2)]
    for key, size in sent:
        receipt = shop.call(key, size)
        assert receipt["queue"] == f"orders-{number}"
    told = shop.taken("told", 6)
    values = [each["value"] for each in told]
    assert sorted(each[:2] for each in values) == [[k, c] for k in (1, 2) for c in (10, 20, 990)]
    assert all(each["value"][2] == each["correlation"] == each["key"] for each in told)
    letters = shop.taken("orders", 2, "-dead")
    reasons = [each["reason"] for each in letters]
    assert {each["error"] for each in reasons} == {"ValueError: nobody buys 13"}
    assert {(each["step"], each["attempt"]) for each in reasons} == {("shop/price", 2)}
    for key in (1, 2):  # of each key in order, over failures and a kill
        assert list(dict.fromkeys(s for k, s in shop.lines() if k == key)) == [1, 13, 99, 2]


@pytest.mark.slow
def test_what_kills_its_worker_is_given_up_by_the_server(shop: Shop) -> None:
    shop.deploy()
    for size in (666, 5):
        shop.call(1, size)
    (told,) = shop.taken("told", 1)
    assert told["value"][:2] == [1, 50], "the event behind it had its turn"
    (letter,) = shop.taken("orders", 1, "-dead")
    assert letter["deliveries"] == 22
    (kept,) = shop.taken("orders", 1)  # under its number, still there
    assert kept["value"] == {"key": 1, "size": 666}


@pytest.mark.slow
def test_the_entry_alone(shop: Shop) -> None:
    child = f"shop-orders-{shop.number}"
    said = f"note: shop sends to the queue orders-{shop.number}, and the function {child}, which"
    alone = shop.run("deploy", "--on", "nuclio", "--only", "shop")
    assert said in alone.stdout, alone
    shop.call(1, 4)
    shop.deploy()
    (told,) = shop.taken("told", 1)
    assert told["value"][:2] == [1, 40], "what was sent before waited there"
    assert shop.run("destroy", "--on", "nuclio", "--yes").returncode == 0


@pytest.mark.slow
def test_a_plan_without_a_server(shop: Shop, nats_server: NatsServer) -> None:
    app = shop.seen.with_name("shop_nuclio_app.py")
    app.write_text(app.read_text().replace(nats_server.url, "nats://127.0.0.1:1"))
    away = shop.run("plan", "--on", "nuclio")
    assert away.returncode == 1
    assert "nothing answers at nats://127.0.0.1:1" in away.stderr
