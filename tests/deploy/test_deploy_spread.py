"""A graph with queues, deployed to a real emulator: its functions, its queues, its answers."""

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

def price(order: dict[str, int]) -> int:
    if order["size"] == 13:
        raise ValueError("nobody buys 13")
    return 10 * order["size"]

def tell(cents: int, context: pelton.Context) -> list[str]:
    context.logger.info("telling")
    return [str(cents), context.delivery.correlation_id]

graph = (
    pelton.Graph("shop") >> read >> steps.queue("orders", key="key", attempts=2, backoff=0)
    >> price >> steps.queue("priced") >> tell >> steps.queue("told")
)
app.serve(graph, timeout=5)
"""


@pytest.fixture
def pelton(pelton_emulator: RunningEmulator, tmp_path: Path) -> Run:
    (tmp_path / "shop_app.py").write_text(APP)
    return commands_at(pelton_emulator, tmp_path)


def taken(sqs: Any, queue: str, many: int) -> list[dict[str, Any]]:
    """That many messages of a queue, waited for."""
    url, found = sqs.get_queue_url(QueueName=queue)["QueueUrl"], list[dict[str, Any]]()
    ends = time.monotonic() + 60
    while len(found) < many and time.monotonic() < ends:
        told = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=2)
        for each in told.get("Messages", []):
            found.append(json.loads(each["Body"]))
            sqs.delete_message(QueueUrl=url, ReceiptHandle=each["ReceiptHandle"])
    return found


def test_entry_and_children(pelton: Run, pelton_emulator: RunningEmulator) -> None:
    planned = pelton("plan", "shop_app.py")
    assert "shop on sqs: create queue\n    queue orders.fifo: FIFO" in planned.stdout, planned
    assert "visibility: 30" in planned.stdout
    deployed = pelton("deploy", "shop_app.py")
    assert deployed.returncode == 0, deployed.stderr
    again = pelton("deploy", "shop_app.py").stdout
    assert again == "shop: nothing to do (shop, shop-orders, shop-priced)\n"
    sent = [(key, size) for size in (1, 13, 2) for key in (1, 2)]
    for key, size in sent:
        data = json.dumps({"key": key, "size": size})
        answer = pelton_emulator.client("lambda").invoke(FunctionName="shop", Payload=data)
        receipt = json.loads(answer["Payload"].read())
        assert receipt["queue"] == "orders"
        assert receipt["message_id"]
    sqs = pelton_emulator.client("sqs")
    told = taken(sqs, "told", 4)
    assert sorted(each["value"][0] for each in told) == ["10", "10", "20", "20"]
    assert all(each["value"][1] == each["correlation"] == each["key"] for each in told)
    letters = taken(sqs, "orders-dead.fifo", 2)
    reasons = [each["reason"] for each in letters]
    assert {each["error"] for each in reasons} == {"ValueError: nobody buys 13"}
    assert {(each["step"], each["attempt"]) for each in reasons} == {("shop/price", 2)}
    assert '"correlationId"' in pelton("logs", "shop-priced").stdout


def test_a_child_that_is_not_deployed_is_said(
    pelton: Run, pelton_emulator: RunningEmulator
) -> None:
    said = "note: shop sends to the queue orders.fifo, and the function shop-orders, which takes"
    assert said in pelton("plan", "shop_app.py", "--only", "shop").stdout
    alone = pelton("deploy", "shop_app.py", "--only", "shop")
    assert said in alone.stdout
    data = json.dumps({"key": 1, "size": 1})
    assert "message_id" in pelton("invoke", "shop", "--data", data).stdout
    children = ["--only", "shop-orders", "--only", "shop-priced"]
    assert pelton("deploy", "shop_app.py", *children).returncode == 0
    sqs = pelton_emulator.client("sqs")
    assert taken(sqs, "told", 1)[0]["value"][0] == "10", "what was sent before waited there"
    sqs.delete_queue(QueueUrl=sqs.get_queue_url(QueueName="orders.fifo")["QueueUrl"])
    failed = pelton("invoke", "shop", "--data", data)
    assert "NoSuchQueue: there is no queue 'orders.fifo'" in failed.stderr


def test_nuclio_refuses_by_name(pelton: Run) -> None:
    refused = pelton("plan", "shop_app.py", "--on", "nuclio")
    assert refused.returncode == 1
    assert "function 'shop' sends to the queue 'orders.fifo', and on nuclio" in refused.stderr
