"""An AWS account, or anything that speaks as one: its clients, its facts, its errors in words.

It knows no kind of resource: each does its own calls.  It does not know whether an endpoint is an
emulator's: that is an address and credentials like any other.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from ..errors import CallFailed, Unreachable
from ..pauses import growing
from ..place import Place, Queue
from . import aws_errors

WIDTH, _NEAR = 16, 4  # calls at a time; of an endpoint on this machine, where none is long
_NOT_THERE = ("404", "NoSuchBucket", "NotFound", "NotFoundException", "ResourceNotFoundException")
# How long something under way elsewhere is waited for: half a minute, with ever longer pauses.
TRIES, _PAUSE = 66, 0.5
_LOOKS, _PACE = 7, 0.2  # that soon a function is active where it is near; then botocore waits
# What botocore has read of its models in this process, by where it looks for them.
_LOADERS: dict[tuple[str, ...], Any] = {}


@dataclass(frozen=True)
class Account:
    """How to reach an account.  Empty: botocore's own defaults (environment, profile).

    role:   for functions that name none
    number: the account's, where that is known already; else it is asked for
    """

    endpoint: str = ""
    region: str = ""
    key: str = ""
    secret: str = ""
    role: str = ""
    number: str = ""


class Aws:
    """Clients for one account, made when first used; several threads may use them.

    pause:    how time is spent while something under way elsewhere is waited for
    tries:    how often that is looked at
    attempts: of one call that AWS asks to make again, the first included
    """

    def __init__(
        self,
        account: Account,
        *,
        pause: Callable[[float], None] = time.sleep,
        tries: int = TRIES,
        attempts: int = 3,
    ) -> None:
        self.account = account
        self.pause, self._tries, self._attempts = pause, tries, attempts
        self._clients: dict[str, Any] = {}
        self._making = threading.Lock()  # of clients: boto3's session is for one thread

    @property
    def width(self) -> int:
        """How many calls that only read are made at a time."""
        return _NEAR if _is_loopback(self.account.endpoint) else WIDTH

    @cached_property
    def session(self) -> Any:
        """Botocore's own: what boto3 adds to it is not used here, and takes as long to import."""
        from botocore.session import Session

        account, session = self.account, Session()
        with self.named("credentials"):
            if account.key:
                session.set_credentials(account.key, account.secret)
            if account.region:
                session.set_config_variable("region", account.region)
            loader = session.get_component("data_loader")  # a profile that is not there is said
        # A session reads each service's model anew, which takes longer than making its client.
        shared = _LOADERS.setdefault(tuple(loader.search_paths), loader)
        session.register_component("data_loader", shared)
        return session

    def client(self, service: str) -> Any:
        """The service's client: as boto3 makes them."""
        with self._making:
            if service not in self._clients:
                self._clients[service] = self._make(service)
            return self._clients[service]

    def _make(self, service: str) -> Any:
        """Nothing is retried on a refused connection for long: the person waiting wants to hear of
        it."""
        from botocore import __version__
        from botocore.config import Config

        config = Config(
            retries={"mode": "standard", "max_attempts": self._attempts},
            connect_timeout=5,
            read_timeout=900,
            max_pool_connections=WIDTH,
            s3={"addressing_style": "path"} if self.account.endpoint else None,
            signature_version="s3v4" if service == "s3" else None,
            # Said once: botocore's own is put together anew for each call, a fifth of its time.
            user_agent=f"pelton Botocore/{__version__}",
            # No proxy leads to this machine; None is what the environment says.
            proxies={} if _is_loopback(self.account.endpoint) else None,
        )
        with self.named(service):
            client = self.session.create_client(
                service, endpoint_url=self.account.endpoint or None, config=config
            )
        # Made at the first look, and by two threads twice: the error that one raises is then not
        # of the class that the other's `except` names.
        _ = client.exceptions
        return client

    @contextmanager
    def named(self, what: str) -> Iterator[None]:
        """Turn botocore's errors into sentences that begin with `what`."""
        from botocore import exceptions as boto

        try:
            yield
        except boto.ClientError as error:
            raise CallFailed(aws_errors.sentence(error, what)) from error
        except (boto.ConnectionError, boto.HTTPClientError) as error:
            raise unreachable(self.account.endpoint or "AWS", str(error)) from error
        except boto.WaiterError as error:
            raise CallFailed(f"{what}: {_reason(error)}") from error
        except boto.BotoCoreError as error:
            raise CallFailed(aws_errors.without_answer(error, what)) from error

    @contextmanager
    def ignoring(self, *codes: str) -> Iterator[None]:
        """Let these error codes of AWS pass: what is to be done is done already."""
        from botocore.exceptions import ClientError

        try:
            yield
        except ClientError as error:
            if code_of(error) not in codes:
                raise

    def patiently(self, call: Callable[[], Any], when: Callable[[Any], bool]) -> Any:
        """Call again and again while AWS's error is one that goes away by itself."""
        from botocore.exceptions import ClientError

        for _, pause in zip(range(self._tries), growing(_PAUSE), strict=False):
            try:
                return call()
            except ClientError as error:
                if not when(error):
                    raise
            self.pause(pause)
        return call()

    def place(self, queues: Sequence[str], tables: Sequence[str] = ()) -> Place:
        """The account's facts, and those of `queues` and of `tables`' streams that are there."""
        region = self.account.region or self.session.get_config_variable("region")
        if not region:
            raise CallFailed("no AWS region; set AWS_REGION or give --region")
        account, partition = self._owner
        found = {name: queue for name in queues if (queue := self._queue(name))}
        role = self.account.role
        streams = {name: stream for name in tables if (stream := self._stream(name))}
        reached = self._reached(region)
        return Place(region, account, partition, role, found, streams, reached)

    def _reached(self, region: str) -> str:
        """What boto3 must be told to come here, as Python writes it."""
        there = self.account
        said = {
            "endpoint_url": there.endpoint,
            "region_name": region,
            "aws_access_key_id": there.key,
            "aws_secret_access_key": there.secret,
        }
        return ", ".join(f"{name}={value!r}" for name, value in said.items() if value)

    @cached_property
    def _owner(self) -> tuple[str, str]:
        """The account's number and its partition, asked for once."""
        if self.account.number:
            return self.account.number, "aws"
        with self.named("account"):
            who = self.client("sts").get_caller_identity()
        return who["Account"], who["Arn"].split(":")[1]

    def has(self, kind: str, name: str) -> bool:
        """Whether a "bucket", a "topic" (by its ARN) or a "bus" is there."""
        asked: dict[str, tuple[str, str, dict[str, str]]] = {
            "bucket": ("s3", "head_bucket", {"Bucket": name}),
            "topic": ("sns", "get_topic_attributes", {"TopicArn": name}),
            "bus": ("events", "describe_event_bus", {"Name": name}),
        }
        service, method, members = asked[kind]
        with self.named(f"{kind} {name}"), self.ignoring(*_NOT_THERE):
            getattr(self.client(service), method)(**members)
            return True
        return False

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

    def _stream(self, table: str) -> str:
        """The ARN of a table's stream; "" where there is no table, or it has none."""
        with self.named(f"table {table}"), self.ignoring(*_NOT_THERE):
            told = self.client("dynamodb").describe_table(TableName=table)["Table"]
            if (told.get("StreamSpecification") or {}).get("StreamEnabled"):
                return str(told["LatestStreamArn"])
        return ""

    def settle(self, name: str) -> None:
        """Come back when the function is active and no update is under way."""
        client = self.client("lambda")
        with self.named(f"function {name!r}"):
            for _, pause in zip(range(_LOOKS), growing(_PACE), strict=False):
                told = client.get_function_configuration(FunctionName=name)
                states = told.get("State"), told.get("LastUpdateStatus")
                if states == ("Active", "Successful"):
                    return
                if states[0] != "Pending" and states[1] != "InProgress":
                    break
                self.pause(pause)
            for waiter in ("function_active_v2", "function_updated_v2"):
                pace = {"Delay": _PACE, "MaxAttempts": 1500}
                client.get_waiter(waiter).wait(FunctionName=name, WaiterConfig=pace)

    def url(self, name: str) -> str | None:
        """The function's own URL, when it has one."""
        client = self.client("lambda")
        with self.named(f"function {name!r}"):
            try:
                found = client.get_function_url_config(FunctionName=name)
            except client.exceptions.ResourceNotFoundException:
                return None
        return str(found["FunctionUrl"])


def code_of(error: Any) -> str:
    """The code of an error of botocore's."""
    return str(error.response.get("Error", {}).get("Code", ""))


def unreachable(address: str, detail: str = "", option: str = "") -> Unreachable:
    """Nothing answers, in words.

    option: of the command line, which says another address

    >>> print(unreachable("http://127.0.0.1:4566"))
    nothing answers at http://127.0.0.1:4566: start it with `pelton emulator`
    """
    local = address.startswith(("http://127.", "http://localhost", "http://[::1]"))
    right = "are address, region and network right?"
    advice = (
        "start it with `pelton emulator`" if local else f"{detail}; {right}" if detail else right
    )
    if local and option:
        advice += f", or say with {option} where it is"
    return Unreachable(f"nothing answers at {address}: {advice}")


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
