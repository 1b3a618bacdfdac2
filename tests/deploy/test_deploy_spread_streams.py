"""A graph whose queues are streams, deployed to a real emulator, against the graph in-process."""

import importlib.util
import json
import time
from pathlib import Path
from typing import Any

import pytest

from pelton.pytest_plugin import RunningEmulator

from .commands import Run, commands_at

APP = """
import pelton
from pelton import steps

app = pelton.App("shop")

def read(order: dict[str, int]) -> dict[str, int]:
    return order

def price(order: dict[str, int]) -> list[int]:
    if order["size"] == 13:
        raise ValueError("nobody buys 13")
    return [order["key"], 10 * order["size"]]

graph = (
    pelton.Graph("shop") >> read >> steps.queue("orders", kind="kinesis", key="key", attempts=2)
    >> price >> steps.queue("told", kind="kinesis")
)
app.serve(graph, timeout=10)
"""


@pytest.fixture
def pelton(pelton_emulator: RunningEmulator, tmp_path: Path) -> Run:
    (tmp_path / "shop_app.py").write_text(APP)
    return commands_at(pelton_emulator, tmp_path)


def in_process(path: Path, values: list[dict[str, int]]) -> list[Any]:
    spec = importlib.util.spec_from_file_location("shop_streams_app", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return [module.graph(each) for each in values]


def put_there(streams: Any, stream: str, many: int) -> list[Any]:
    """That many values of a stream of one shard, waited for."""
    (shard,) = streams.list_shards(StreamName=stream)["Shards"]
    ends, found = time.monotonic() + 60, list[Any]()
    while len(found) < many and time.monotonic() < ends:
        named = {"StreamName": stream, "ShardId": shard["ShardId"]}
        first = streams.get_shard_iterator(**named, ShardIteratorType="TRIM_HORIZON")
        told = streams.get_records(ShardIterator=first["ShardIterator"])["Records"]
        found = [json.loads(each["Data"])["value"] for each in told]
        time.sleep(0.05)
    return found


def letter(sqs: Any, queue: str) -> dict[str, Any]:
    url, ends = sqs.get_queue_url(QueueName=queue)["QueueUrl"], time.monotonic() + 60
    while time.monotonic() < ends:
        for each in sqs.receive_message(QueueUrl=url, WaitTimeSeconds=2).get("Messages", []):
            return dict(json.loads(each["Body"]))
    raise AssertionError(f"nothing came to {queue}")


def test_a_spread_graph_is_the_graph(
    pelton: Run, pelton_emulator: RunningEmulator, tmp_path: Path
) -> None:
    planned = pelton("plan", "shop_app.py").stdout
    assert "shop on kinesis: create stream\n    stream orders: on demand" in planned
    assert "batch 100, window 0 s, 22 retries, failures to orders-dead" in planned
    deployed = pelton("deploy", "shop_app.py")
    assert deployed.returncode == 0, deployed.stderr
    assert pelton("deploy", "shop_app.py").stdout == "shop: nothing to do (shop, shop-orders)\n"
    sent = [{"key": key, "size": size} for size in (1, 13, 2) for key in (1, 2)]
    functions = pelton_emulator.client("lambda")
    for each in sent:
        told = functions.invoke(FunctionName="shop", Payload=json.dumps(each))
        receipt = json.loads(told["Payload"].read())
        assert receipt["queue"] == "orders" and receipt["message_id"].isdigit()
    good = [each for each in sent if each["size"] != 13]
    came = put_there(pelton_emulator.client("kinesis"), "told", len(good))
    assert came == in_process(tmp_path / "shop_app.py", good), "and in the order of sending"
    reason = letter(pelton_emulator.client("sqs"), "orders-dead")["reason"]
    assert reason["error"] == "ValueError: nobody buys 13"
    assert (reason["step"], reason["attempt"]) == ("shop/price", 2)


def test_nuclio_refuses_by_name(pelton: Run) -> None:
    refused = pelton("plan", "shop_app.py", "--on", "nuclio")
    assert refused.returncode == 1
    assert "function 'shop' sends to the queue 'orders', and on nuclio" in refused.stderr
