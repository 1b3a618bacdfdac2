"""An AWS account, or anything that speaks as one: clients, its facts, and what lives there.

Reads only; `aws_calls` is what changes things.  It does not know whether an endpoint is an
emulator's: that is an address and credentials like any other.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any
from urllib.parse import urlsplit

from ..errors import CallFailed, Unreachable
from ..states import LambdaFunction, QueueMapping, QueueState, Schedule, SourceMapping, Statement
from ..wanted import Place, Queue, rule_prefix
from . import aws_streams

_OUR_STATEMENTS = "pelton-"


@dataclass(frozen=True)
class Account:
    """How to reach an account.  Empty: boto3's own defaults (environment, profile)."""

    endpoint: str = ""
    region: str = ""
    key: str = ""
    secret: str = ""
    role: str = ""  # for functions that name none


class Aws:
    """Clients for one account, made when first used."""

    def __init__(self, account: Account) -> None:
        self.account = account

    @cached_property
    def session(self) -> Any:
        import boto3

        account = self.account
        return boto3.Session(
            aws_access_key_id=account.key or None,
            aws_secret_access_key=account.secret or None,
            region_name=account.region or None,
        )

    @lru_cache  # noqa: B019 - one object a process, and it lives as long
    def client(self, service: str) -> Any:
        """The service's boto3 client.  Nothing is retried on a refused connection for long: the
        person waiting wants to hear of it."""
        from botocore.config import Config

        config = Config(
            retries={"mode": "standard", "max_attempts": 3},
            connect_timeout=5,
            read_timeout=900,
            s3={"addressing_style": "path"} if self.account.endpoint else None,
            signature_version="s3v4" if service == "s3" else None,
            # No proxy leads to this machine; None is what the environment says.
            proxies={} if _is_loopback(self.account.endpoint) else None,
        )
        with self.named(service):
            return self.session.client(
                service, endpoint_url=self.account.endpoint or None, config=config
            )

    @contextmanager
    def named(self, what: str) -> Iterator[None]:
        """Turn botocore's errors into sentences that begin with `what`."""
        from botocore import exceptions as boto

        try:
            yield
        except boto.ClientError as error:
            detail = error.response.get("Error", {})
            said = f"{error.operation_name}: {detail.get('Code')}: {detail.get('Message')}"
            raise CallFailed(f"{what}: {said}") from error
        except (boto.EndpointConnectionError, boto.ConnectionError) as error:
            raise unreachable(self.account.endpoint or "AWS", str(error)) from error
        except boto.NoRegionError as error:
            raise CallFailed("no AWS region; set AWS_REGION or give --region") from error
        except boto.NoCredentialsError as error:
            raise CallFailed("no AWS credentials; run `aws configure` first") from error
        except boto.WaiterError as error:
            raise CallFailed(f"{what}: {_reason(error)}") from error

    def place(self, queues: Sequence[str]) -> Place:
        """The account's facts, and those of `queues` that are there."""
        with self.named("account"):
            who = self.client("sts").get_caller_identity()
        found = {name: queue for name in queues if (queue := self._queue(name))}
        return Place(
            region=self.client("sts").meta.region_name,
            account=who["Account"],
            partition=who["Arn"].split(":")[1],
            role=self.account.role,
            queues=found,
        )

    def _queue(self, name: str) -> Queue | None:
        sqs = self.client("sqs")
        with self.named(f"queue {name}"):
            try:
                url = sqs.get_queue_url(QueueName=name.rpartition(":")[2])["QueueUrl"]
            except sqs.exceptions.QueueDoesNotExist:
                return None
            asked = ["QueueArn", "VisibilityTimeout"]
            told = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=asked)["Attributes"]
        return Queue(told["QueueArn"], int(told["VisibilityTimeout"]))

    def has_queue(self, name: str) -> bool:
        """Whether a queue is there."""
        return self._queue(name) is not None

    def has_stream(self, stream: str) -> bool:
        """Whether a stream is there, by its name or ARN."""
        return aws_streams.has_stream(self, stream)

    def read_queue(self, name: str) -> QueueState | None:
        """A queue between functions as it is now; None when it is not there."""
        sqs = self.client("sqs")
        with self.named(f"queue {name}"):
            try:
                url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
            except sqs.exceptions.QueueDoesNotExist:
                return None
            asked = ["VisibilityTimeout", "RedrivePolicy"]
            told = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=asked)["Attributes"]
        policy = json.loads(told.get("RedrivePolicy", "{}"))
        return QueueState(
            name,
            int(told["VisibilityTimeout"]),
            policy.get("deadLetterTargetArn", "").rpartition(":")[2],
            int(policy.get("maxReceiveCount", 0)),
            name.endswith(".fifo"),
        )

    def has_bucket(self, bucket: str) -> bool:
        """Whether the bucket is there."""
        from botocore.exceptions import ClientError

        with self.named(f"bucket {bucket}"):
            try:
                self.client("s3").head_bucket(Bucket=bucket)
            except ClientError as error:
                if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
                    return False
                raise
        return True

    def read(self, name: str) -> LambdaFunction | None:
        """The function as it is now, with all that hangs on it; None when it is not there."""
        client = self.client("lambda")
        with self.named(f"function {name!r}"):
            try:
                found = client.get_function(FunctionName=name)
            except client.exceptions.ResourceNotFoundException:
                return None
            if _in_motion(found["Configuration"]):
                self.settle(name)
                found = client.get_function(FunctionName=name)
            return self._state(name, found)

    def settle(self, name: str) -> None:
        """Come back when the function is active and no update is under way."""
        with self.named(f"function {name!r}"):
            for waiter in ("function_active_v2", "function_updated_v2"):
                pace = {"Delay": 0.2, "MaxAttempts": 1500}
                self.client("lambda").get_waiter(waiter).wait(FunctionName=name, WaiterConfig=pace)

    def _state(self, name: str, found: dict[str, Any]) -> LambdaFunction:
        has = found["Configuration"]
        return LambdaFunction(
            name=name,
            runtime=has.get("Runtime", ""),
            handler=has.get("Handler", ""),
            role=has["Role"],
            architecture=has.get("Architectures", ["x86_64"])[0],
            memory=has["MemorySize"],
            timeout=has["Timeout"],
            description=has.get("Description", ""),
            environment=has.get("Environment", {}).get("Variables", {}),
            tags=found.get("Tags", {}),
            ephemeral_mb=has.get("EphemeralStorage", {}).get("Size", 512),
            concurrency=found.get("Concurrency", {}).get("ReservedConcurrentExecutions"),
            url=self.url(name) is not None,
            mappings=tuple(self._mappings(name)),
            schedules=tuple(self._schedules(name)),
            permissions=self._permissions(name),
            code_sha256=has["CodeSha256"],
        )

    def url(self, name: str) -> str | None:
        """The function's own URL, when it has one."""
        client = self.client("lambda")
        with self.named(f"function {name!r}"):
            try:
                found = client.get_function_url_config(FunctionName=name)
            except client.exceptions.ResourceNotFoundException:
                return None
        return str(found["FunctionUrl"])

    def _mappings(self, name: str) -> Iterator[SourceMapping]:
        pages = self.client("lambda").get_paginator("list_event_source_mappings")
        for page in pages.paginate(FunctionName=name):
            for each in page["EventSourceMappings"]:
                source = each.get("EventSourceArn", "")
                if each.get("State") == "Deleting":
                    continue
                if ":sqs:" in source:
                    yield _mapping(each, source)
                elif ":kinesis:" in source:
                    yield aws_streams.read_mapping(each)

    def _schedules(self, name: str) -> Iterator[Schedule]:
        token: dict[str, str] = {}
        while True:
            page = self.client("events").list_rules(NamePrefix=rule_prefix(name), **token)
            for rule in page.get("Rules", []):
                if rule.get("ScheduleExpression"):
                    yield Schedule(rule["Name"], rule["ScheduleExpression"])
            if not page.get("NextToken"):
                return
            token = {"NextToken": page["NextToken"]}

    def _permissions(self, name: str) -> tuple[Statement, ...]:
        client = self.client("lambda")
        try:
            policy = json.loads(client.get_policy(FunctionName=name)["Policy"])
        except client.exceptions.ResourceNotFoundException:
            return ()
        return tuple(
            Statement(each["Sid"], action=str(each["Action"]), principal=_principal(each))
            for each in policy["Statement"]
            if each.get("Sid", "").startswith(_OUR_STATEMENTS)
        )


def unreachable(address: str, detail: str = "") -> Unreachable:
    """Nothing answers, in words.

    >>> print(unreachable("http://127.0.0.1:4566"))
    nothing answers at http://127.0.0.1:4566: start it with `pelton emulator`
    """
    local = address.startswith(("http://127.", "http://localhost", "http://[::1]"))
    advice = "start it with `pelton emulator`" if local else (detail or "is the address right?")
    return Unreachable(f"nothing answers at {address}: {advice}")


def _in_motion(configuration: dict[str, Any]) -> bool:
    updating = configuration.get("LastUpdateStatus") == "InProgress"
    return updating or configuration.get("State") == "Pending"


def _mapping(each: dict[str, Any], source: str) -> QueueMapping:
    return QueueMapping(
        queue=source.rpartition(":")[2],
        arn=source,
        batch=each["BatchSize"],
        window=each.get("MaximumBatchingWindowInSeconds", 0),
        partial_failures="ReportBatchItemFailures" in each.get("FunctionResponseTypes", []),
        uuid=each["UUID"],
    )


def _principal(statement: dict[str, Any]) -> str:
    principal = statement.get("Principal", "")
    return str(next(iter(principal.values()), "") if isinstance(principal, dict) else principal)


def _reason(error: Any) -> str:
    last = error.last_response.get("Configuration", error.last_response)
    return str(last.get("StateReason") or last.get("LastUpdateStatusReason") or error)


def _is_loopback(endpoint: str) -> bool:
    """
    >>> _is_loopback("http://localhost:4566"), _is_loopback("https://lambda.example.com")
    (True, False)
    """
    host = urlsplit(endpoint).hostname or ""
    return host in ("localhost", "::1") or host.startswith("127.")
