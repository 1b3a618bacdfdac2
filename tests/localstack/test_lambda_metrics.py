"""AWS/Lambda in CloudWatch: what was counted of invocations, read by boto3 as from AWS."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from pelton.pytest_plugin import RunningEmulator

from .support import make_function

CODE = """
import os

def handler(event, context):
    if event == "fail":
        raise ValueError(event)
    return os.environ["AWS_LAMBDA_FUNCTION_VERSION"]
"""


def _told(client: Any, metric: str, stat: str, **dimensions: str) -> float | None:
    now = dt.datetime.now(dt.UTC)
    answer = client.get_metric_data(
        StartTime=now - dt.timedelta(hours=1),
        EndTime=now + dt.timedelta(minutes=1),
        MetricDataQueries=[
            {
                "Id": "m",
                "MetricStat": {
                    "Metric": {
                        "Namespace": "AWS/Lambda",
                        "MetricName": metric,
                        "Dimensions": [{"Name": k, "Value": v} for k, v in dimensions.items()],
                    },
                    "Period": 86400 * 7,
                    "Stat": stat,
                },
            }
        ],
    )
    values = answer["MetricDataResults"][0]["Values"]
    return sum(values) if values else None


@pytest.mark.fidelity(
    "Logs",
    "CloudWatch has Invocations, Errors, Duration and Throttles of functions, also by alias and "
    "by the version that answered (`ExecutedVersion`)",
    different="told by the second and at once, on AWS by the minute and minutes later; no other "
    "metric of AWS/Lambda",
)
def test_invocations_are_counted_by_function_alias_and_version(
    pelton_emulator: RunningEmulator,
) -> None:
    functions, metrics = pelton_emulator.client("lambda"), pelton_emulator.client("cloudwatch")
    make_function(functions, {"main.py": CODE}, name="counted")
    for text in ("one", "two"):
        functions.update_function_configuration(FunctionName="counted", Description=text)
        functions.get_waiter("function_updated_v2").wait(FunctionName="counted")
        functions.publish_version(FunctionName="counted")
    functions.create_alias(
        FunctionName="counted",
        Name="live",
        FunctionVersion="1",
        RoutingConfig={"AdditionalVersionWeights": {"2": 0.5}},
    )
    answered = []
    for number in range(40):
        payload = b'"fail"' if number % 4 == 0 else b"1"
        answer = functions.invoke(FunctionName="counted", Qualifier="live", Payload=payload)
        answered.append((answer["ExecutedVersion"], "FunctionError" in answer))
    functions.invoke(FunctionName="counted", Payload=b"1")
    live = {"FunctionName": "counted", "Resource": "counted:live"}
    assert _told(metrics, "Invocations", "Sum", FunctionName="counted") == 41
    assert _told(metrics, "Invocations", "Sum", **live) == 40
    for version in ("1", "2"):
        mine = [failed for which, failed in answered if which == version]
        of_version = {**live, "ExecutedVersion": version}
        assert _told(metrics, "Invocations", "Sum", **of_version) == len(mine)
        assert _told(metrics, "Errors", "Sum", **of_version) == sum(mine)
        slow = _told(metrics, "Duration", "p99", **of_version)
        assert slow is not None and slow > 0
    assert _told(metrics, "Throttles", "Sum", **live) == 0
    functions.put_function_concurrency(FunctionName="counted", ReservedConcurrentExecutions=0)
    once = pelton_emulator.client("lambda", retries={"max_attempts": 0})
    with pytest.raises(once.exceptions.TooManyRequestsException):
        once.invoke(FunctionName="counted", Qualifier="live", Payload=b"1")
    assert _told(metrics, "Throttles", "Sum", **live) == 1
    assert _told(metrics, "Invocations", "Sum", **live) == 40
