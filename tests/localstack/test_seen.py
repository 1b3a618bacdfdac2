"""Calls that functions make of AWS are recorded, each with the function that made it."""

import json
from pathlib import Path

from pelton.deploy.policy.arns import Account
from pelton.deploy.policy.seen import needs_seen, read_record
from pelton.pytest_plugin import RunningEmulator, keep_calls

from .. import plain
from .support import make_function

SOURCE = """
import boto3
def handler(event, context):
    sqs, s3, db = (boto3.client(each) for each in ("sqs", "s3", "dynamodb"))
    queue = sqs.create_queue(QueueName="seen")["QueueUrl"]
    sqs.send_message(QueueUrl=queue, MessageBody="not to be kept")
    s3.create_bucket(Bucket="seen")
    s3.put_object(Bucket="seen", Key="a/b", Body=b"not to be kept")
    s3.copy_object(Bucket="seen", Key="c", CopySource={"Bucket": "seen", "Key": "a/b"})
    s3.list_objects_v2(Bucket="seen")
    boto3.client("cloudwatch").list_metrics()
    try:
        db.get_item(TableName="none", Key={"id": {"S": "1"}})
    except db.exceptions.ResourceNotFoundException:
        pass
"""


def test_calls_of_functions(pelton_emulator: RunningEmulator) -> None:
    client = pelton_emulator.client("lambda")
    make_function(client, SOURCE, "sees", Timeout=30)
    answer = client.invoke(FunctionName="sees")
    assert "FunctionError" not in answer, answer["Payload"].read()
    pelton_emulator.client("sqs").list_queues()  # nobody's function
    told = plain.get(f"{pelton_emulator.url}/_pelton/calls?function=sees", trust_env=False).json()
    assert "not to be kept" not in json.dumps(told)
    assert {each["function"] for each in told["calls"]} == {"sees"}
    here = Account("aws", "us-east-1", "000000000000")
    needed = {
        (e.action, e.resource) for e in needs_seen(read_record(pelton_emulator.url), "sees", here)
    }
    assert needed == {
        ("sqs:CreateQueue", "arn:aws:sqs:us-east-1:000000000000:seen"),
        ("sqs:SendMessage", "arn:aws:sqs:us-east-1:000000000000:seen"),
        ("s3:CreateBucket", "arn:aws:s3:::seen"),
        ("s3:PutObject", "arn:aws:s3:::seen/a/b"),
        ("s3:PutObject", "arn:aws:s3:::seen/c"),
        ("s3:GetObject", "arn:aws:s3:::seen/a/b"),
        ("s3:ListBucket", "arn:aws:s3:::seen"),
        ("cloudwatch:ListMetrics", "*"),
        ("dynamodb:GetItem", "arn:aws:dynamodb:us-east-1:000000000000:table/none"),
    }
    missing = next(each for each in told["calls"] if each["operation"] == "GetItem")
    assert (missing["done"], missing["failed"]) == (0, 1)
    pelton_emulator.reset()
    assert pelton_emulator.calls(), "what was seen outlives a reset: tests reset between them"


def test_several_test_processes_keep_one_file(tmp_path: Path) -> None:
    path = tmp_path / "pelton.calls.json"
    one = {"function": "f", "service": "sqs", "operation": "SendMessage", "done": 3, "failed": 0}
    keep_calls([one], path)
    keep_calls([{**one, "done": 5}, {**one, "operation": "PurgeQueue"}], path)
    assert [each.operation for each in read_record(str(path))] == ["SendMessage", "PurgeQueue"]
