"""The poller of a RabbitMQ queue: take a batch, invoke, acknowledge it or give it back.

One batch is in hand at a time, which is what Lambda allows for such a mapping.  What fails is given
back whole, so the queue's own rules say how often it comes again and where it goes then (its
delivery limit, its dead letter exchange).  What is in hand of a poller that ends is the queue's.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any
from uuid import uuid4

from ....event_sources import Away, Message
from ....event_sources.sources.rabbitmq import RabbitMQ
from ..records import SourceMapping, Throttled
from .base import FunctionGone, SourceRefused, Tools, begin
from .filters import wanted
from .mq import Brokers, missing, secret, virtual_host
from .mq_events import event, record, seen, size
from .trouble import Trouble

PAYLOAD_MOST, FRAME = 6 * 1024 * 1024, 1024  # bytes of an event, and of it without records
IDLE = 30.0  # seconds of one wait for messages
LOOK = 0.5  # and within a window, whose end a clock moved by hand may bring
PREFETCH_MOST = 65_535
AT_EASE, FAILING = "OK", "PROBLEM: Function call failed"


class FunctionFailed(Exception):
    """The function did not take the batch."""


class Queue(RabbitMQ):
    """The queue of a mapping; who it logs in as is asked anew each time that it is opened."""

    def __init__(self, mapping: SourceMapping, tools: Tools, brokers: Brokers) -> None:
        self._asked, self._tools, self._brokers = mapping, tools, brokers
        super().__init__(
            brokers.address(mapping.source_arn) or "amqp://",
            queue=mapping.settings["Queues"][0],
            prefetch=min(PREFETCH_MOST, mapping.batch_size),
        )

    async def open(self) -> None:
        """Raises Away also where there is no address, or no secret that could be used."""
        arn, settings = self._asked.source_arn, self._asked.settings
        if not self._brokers.address(arn):
            raise Away(missing(arn))
        user, password = await self._login(secret(settings))
        self.url = self._brokers.url(arn, virtual_host(settings), user, password)
        await super().open()

    async def _login(self, named: str) -> tuple[str, str]:
        try:
            asked = await self._tools.call("secretsmanager", "GetSecretValue", {"SecretId": named})
            told = json.loads(asked["SecretString"])
            return str(told["username"]), str(told["password"])
        except SourceRefused as error:
            raise Away(f"EVENT_SOURCE_AUTHN_ERROR: secret {named}: {error}") from None
        except (KeyError, TypeError, ValueError):
            raise Away(
                f"EVENT_SOURCE_AUTHN_ERROR: secret {named} is no JSON with username and password"
            ) from None


class QueueOfBroker:
    """Polls one queue of a broker for one mapping."""

    def __init__(
        self, mapping: SourceMapping, tools: Tools, brokers: Brokers, source: RabbitMQ | None = None
    ) -> None:
        self._mapping, self._tools, self._clock = mapping, tools, tools.clock
        self._source = source or Queue(mapping, tools, brokers)
        self._queue = mapping.settings["Queues"][0]
        self._host = virtual_host(mapping.settings)
        self._wanted = wanted(mapping.filters, "data")
        self._what = f"event source mapping {mapping.uuid}"
        self._own = tools.bell.ear()
        self._trouble = Trouble(tools, mapping, self._own)
        self._left: list[Message] = []  # taken, but too much for the batch before
        self._end = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def prepare(self) -> None:
        """Nothing: a queue keeps its own position."""

    def start(self) -> None:
        self._task = begin(self._poll(), self._what, self._tools)

    async def stop(self) -> None:
        self._trouble.over = True
        self._end.set()
        self._own.wake()
        if self._task is not None:
            await asyncio.wait({self._task})
        self._own.close()

    async def abort(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
        self._own.close()

    # -- the queue
    async def _poll(self) -> None:
        """Open, read until it is away, and again; what is in hand at the end is the queue's."""
        try:
            while not self._end.is_set():
                try:
                    await self._source.open()
                    await self._read()
                except (Away, OSError) as error:
                    self._met(error)
                self._left = []
                await self._source.close()
                await self._trouble.wait()
        finally:
            await self._source.close()

    def _met(self, error: Exception) -> None:
        self._tools.tell(self._mapping.uuid, f"PROBLEM: {error}")
        self._trouble.met(error)

    async def _read(self) -> None:
        while not self._end.is_set():
            messages = await self._gather()
            if not messages:
                continue
            with self._clock.busy(self._what):
                done = await self._deliver(messages)
            if not done:
                await self._trouble.wait()

    async def _gather(self) -> list[Message]:
        """The messages of one batch: those that are there, or come within the window."""
        size, clock = self._mapping.batch_size, self._clock
        found, self._left = self._left, []
        found = found or await self._receive(size, IDLE)
        end = clock.time() + self._mapping.window_s
        while found and len(found) < size and clock.time() < end and not self._end.is_set():
            pause = min(LOOK, end - clock.time())
            found += await self._receive(size - len(found), pause)
        return found

    async def _receive(self, most: int, seconds: float) -> list[Message]:
        """As the source gives them; nothing more when it is to end."""
        asking = asyncio.ensure_future(self._source.receive(most, seconds))
        ending = asyncio.ensure_future(self._end.wait())
        try:
            await asyncio.wait({asking, ending}, return_when=asyncio.FIRST_COMPLETED)
            return list(asking.result()) if asking.done() else []
        finally:
            for each in (asking, ending):
                each.cancel()
            await asyncio.gather(asking, ending, return_exceptions=True)

    # -- the function
    async def _deliver(self, messages: Sequence[Message]) -> bool:
        """Whether the batch is done; else it is the queue's again."""
        records = [record(each) for each in messages]
        chosen = [n for n, each in enumerate(records) if self._wanted(seen(each))]
        chosen, count = self._fitting(records, chosen)
        mine, self._left = messages[:count], list(messages[count:])
        try:
            if chosen:
                await self._invoke([records[n] for n in chosen])
        except (FunctionFailed, FunctionGone, Throttled) as error:
            self._left = []
            self._tools.tell(self._mapping.uuid, FAILING)
            self._trouble.met(error)
            await self._source.give_back(messages)
            return False
        await self._source.ack(mine)
        self._trouble.none()
        self._tools.tell(self._mapping.uuid, AT_EASE)
        return True

    def _fitting(self, records: list[Any], chosen: list[int]) -> tuple[list[int], int]:
        """Those of the chosen that fit into one event, and how many records are done with then.

        One that is too large alone is dropped, as Lambda does, and said.
        """
        total, fit = FRAME, list[int]()
        for n in chosen:
            bytes = size(records[n]) + 2
            if FRAME + bytes > PAYLOAD_MOST:
                self._trouble.say(ValueError(f"a message of {bytes} bytes is dropped: too large"))
                continue
            if total + bytes > PAYLOAD_MOST:
                return fit, n
            total += bytes
            fit.append(n)
        return fit, len(records)

    async def _invoke(self, records: list[Any]) -> None:
        arn, function = self._mapping.source_arn, self._mapping.function_arn
        self._tools.require(function)
        payload = json.dumps(event(arn, self._queue, self._host, records)).encode()
        outcome = await self._tools.invoke(function, payload, str(uuid4()))
        if outcome.error:
            raise FunctionFailed(f"{function} failed: a batch of {len(records)} comes again")
