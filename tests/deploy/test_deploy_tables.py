"""A function that is told of a table's changes, deployed to a real emulator."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pelton.pytest_plugin import RunningEmulator

from .commands import Run, commands_at, run_command
from .test_deploy_streams import taken

APP = """
import boto3
import pelton

app = pelton.App("shop")

@app.function(timeout=10, triggers=[
    pelton.dynamodb("orders", start="TRIM_HORIZON", dead_letter="orders-dead", retries=1),
])
def changed(change: pelton.TableChange) -> None:
    if change["keys"]["id"] == 13:
        raise ValueError("13 never works")
    queues = boto3.client("sqs")
    url = queues.get_queue_url(QueueName="seen")["QueueUrl"]
    new = change["new"] or {}
    queues.send_message(QueueUrl=url, MessageBody=f"{change['event']} {new.get('total')}")
"""


@pytest.fixture
def pelton(pelton_emulator: RunningEmulator, tmp_path: Path) -> Run:
    (tmp_path / "shop.py").write_text(APP)
    return commands_at(pelton_emulator, tmp_path)


def test_from_a_table_to_a_function(pelton: Run, pelton_emulator: RunningEmulator) -> None:
    refused = pelton("plan", "shop.py")
    assert refused.returncode == 1
    assert "reads the changes of table 'orders', which is not in account" in refused.stderr
    assert "'StreamViewType': 'NEW_AND_OLD_IMAGES'" in refused.stderr
    tables, sqs = pelton_emulator.client("dynamodb"), pelton_emulator.client("sqs")
    tables.create_table(
        TableName="orders",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "N"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )
    sqs.create_queue(QueueName="seen")
    planned = pelton("plan", "shop.py").stdout
    assert "table orders: batch 100, window 0 s, 1 retries, failures to orders-dead" in planned
    deployed = pelton("deploy", "shop.py")
    assert deployed.returncode == 0, deployed.stderr
    assert pelton("deploy", "shop.py").stdout.startswith("shop: nothing to do (changed)\n")
    key = {"id": {"N": "1"}}
    tables.put_item(TableName="orders", Item={**key, "total": {"N": "2.5"}})
    tables.put_item(TableName="orders", Item={"id": {"N": "13"}})
    tables.put_item(TableName="orders", Item={**key, "total": {"N": "3"}})
    tables.delete_item(TableName="orders", Key=key)
    seen = [each["Body"] for each in taken(sqs, "seen", 3)]
    assert seen == ["INSERT 2.5", "MODIFY 3", "REMOVE None"]
    (letter,) = taken(sqs, "orders-dead", 1)
    assert json.loads(letter["Body"])["DDBStreamBatchInfo"]["batchSize"] == 1
    destroyed = pelton("destroy", "shop.py", "--yes")
    assert destroyed.returncode == 0, destroyed.stderr
    assert tables.describe_table(TableName="orders")["Table"]["StreamSpecification"]


def test_an_export_wants_the_stream(pelton: Run, tmp_path: Path) -> None:
    refused = run_command(["export", "sam", "shop.py", "--out", "out"], tmp_path)
    assert refused.returncode == 1
    assert "give the stream's ARN in the table's place" in refused.stderr
    arn = "arn:aws:dynamodb:us-east-1:000000000000:table/orders/stream/2026-01-01T00:00:00.000"
    (tmp_path / "shop.py").write_text(APP.replace('"orders",', f'"{arn}",'))
    exported = run_command(["export", "sam", "shop.py", "--out", "out"], tmp_path)
    assert exported.returncode == 0, exported.stderr
    (written,) = (tmp_path / "out").glob("template.*")
    assert "Type: DynamoDB" in written.read_text()
    assert f"Stream: {arn}" in written.read_text()
