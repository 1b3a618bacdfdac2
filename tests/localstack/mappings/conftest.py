"""A world for mappings: a real emulator by a manual clock, real boto3, functions in this process.

The sandboxes are the only part that is not there: what a function does is a Python callable.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from pelton.localstack.lambda_.records import (
    Call,
    Outcome,
    RestoreFailed,
    Throttled,
)
from pelton.localstack.manual_clock import ManualClock

from ..in_loop import Idle, InLoop
from ..support import ROLE, archive

PLACE = "us-east-1:000000000000"
Function = Callable[[Any], Any]


class Raised(Exception):
    """What a function of these tests raises."""


class Players(Idle):
    """An execution side whose functions are callables; what they were called with is kept."""

    def __init__(self) -> None:
        self.functions: dict[str, Function] = {}
        self.events: dict[str, list[Any]] = {}
        self.arns: list[str] = []
        self.throttled: set[str] = set()
        self.broken: set[str] = set()  # of which no snapshot can be restored
        self.running = self.most = 0

    async def invoke(self, call: Call) -> Outcome:
        if call.revision.name in self.throttled:
            raise Throttled("ReservedFunctionConcurrentInvocationLimitExceeded")
        event = json.loads(call.payload)
        if call.revision.name in self.broken:
            self.events.setdefault(call.revision.name, []).append(event)
            raise RestoreFailed("SnapStartException", "the hook failed")
        self.arns.append(call.invoked_arn)
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            return await self._play(call, event)
        finally:
            self.running -= 1

    async def _play(self, call: Call, event: Any) -> Outcome:
        name = call.revision.name
        try:
            answer = self.functions[name](event)
            if asyncio.iscoroutine(answer):
                answer = await answer
        except Raised as error:
            self.events.setdefault(name, []).append(event)
            told = {"errorType": "Raised", "errorMessage": str(error)}
            return Outcome(json.dumps(told).encode(), "Unhandled", version=call.revision.version)
        self.events.setdefault(name, []).append(event)
        body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        return Outcome(body, version=call.revision.version)


class World(InLoop):
    """That emulator, and what a user has of it."""

    def __init__(self, **settings: Any) -> None:
        self.players, self.clock = Players(), ManualClock(start=time.time())
        super().__init__(self.players, clock=self.clock, **settings)
        self._clients: dict[str, Any] = {}

    def client(self, service: str = "lambda", **settings: Any) -> Any:
        if service not in self._clients:
            self._clients[service] = super().client(service, **settings)
        return self._clients[service]

    @property
    def api(self) -> Any:
        return self.client("lambda")

    def function(self, act: Function = lambda event: None, name: str = "f", **more: Any) -> str:
        """A function that does `act`; its ARN."""
        self.players.functions[name] = act
        made = self.api.create_function(
            FunctionName=name,
            Runtime="python3.12",
            Role=ROLE,
            Handler="main.handler",
            Code={"ZipFile": archive("x = 1")},
            **more,
        )
        return str(made["FunctionArn"])

    def queue(self, name: str = "q", **attributes: str) -> str:
        """A queue's URL."""
        made = self.client("sqs").create_queue(QueueName=name, Attributes=attributes)
        return str(made["QueueUrl"])

    def send(self, url: str, *bodies: Any, **more: Any) -> None:
        for body in bodies:
            text = body if isinstance(body, str) else json.dumps(body)
            self.client("sqs").send_message(QueueUrl=url, MessageBody=text, **more)

    def map(self, source: str, function: str = "f", **settings: Any) -> str:
        """A mapping that is enabled; its UUID."""
        made = self.api.create_event_source_mapping(
            EventSourceArn=source, FunctionName=function, **settings
        )
        self.advance(0)
        return str(made["UUID"])

    def map_only(self, source: str, **settings: Any) -> str:
        """As `map` for "f", without waiting for rest: what it calls does not end by itself."""
        made = self.api.create_event_source_mapping(
            EventSourceArn=source, FunctionName="f", **settings
        )
        return str(made["UUID"])

    def wait_until(self, condition: Callable[[], bool]) -> None:
        """What comes about while work is under way, in real time."""
        end = time.monotonic() + 20
        while not condition():
            assert time.monotonic() < end, "it did not come about in time"
            time.sleep(0.005)

    def advance(self, seconds: float = 0.0) -> None:
        """Let everything come to rest, `seconds` later."""
        self.run(self.clock.advance(seconds))

    def events(self, name: str = "f") -> list[Any]:
        return self.players.events.get(name, [])

    def left(self, url: str) -> tuple[int, int]:
        """How many messages of a queue can be seen, and how many are in flight."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        told = self.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=names)
        return int(told["Attributes"][names[0]]), int(told["Attributes"][names[1]])

    def taken(self, url: str) -> list[Any]:
        """The bodies of what is in a queue, which is empty then."""
        found: list[Any] = []
        while True:
            told = self.client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10)
            if not told.get("Messages"):
                return found
            for each in told["Messages"]:
                found.append(json.loads(each["Body"]))
                self.client("sqs").delete_message(QueueUrl=url, ReceiptHandle=each["ReceiptHandle"])

    def reset(self) -> None:
        self.run(self.emulator.reset())
        self.players.functions.clear()
        self.players.events.clear()
        self.players.arns.clear()
        self.players.throttled.clear()
        self.players.broken.clear()
        self.players.most = 0

    def close(self) -> None:
        for each in self._clients.values():
            each.close()
        super().close()


@pytest.fixture(scope="module")
def one_world() -> Iterator[World]:
    made = World()
    made.reset()  # what other emulators of this process left in the services
    yield made
    made.close()


@pytest.fixture
def world(one_world: World) -> Iterator[World]:
    yield one_world
    one_world.reset()
