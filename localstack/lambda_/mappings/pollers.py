"""One poller an enabled mapping (`account.Sources`): made, kept, stopped.

Here mappings, sources and the rest of the emulator meet; how a source is polled is in its poller.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from ...bell import Bell
from ...clock import Clock
from ...services import ServiceRefused, Services
from ..calls import make_call
from ..destinations import Destinations, Letter, Undelivered, service_of
from ..errors import AwsError, invalid
from ..fork_server import ForkServerGone
from ..names import Place, refer
from ..records import Execution, Outcome, RestoreFailed, SourceMapping
from ..registry import Registry
from .base import CallSource, FunctionGone, Poller, SourceRefused, Tools
from .dynamodb import DynamodbReading
from .filters import patterns_of
from .kinds import kind_of
from .kinesis import KinesisReading
from .mq import Brokers, missing
from .positions import Positions
from .queue_poller import QueuePoller
from .sqs import BATCHES_A_POLLER
from .stream import Reading
from .stream_poller import StreamPoller

# The prefix of an operation's name in each service's JSON protocol.
_TARGETS = {
    "sqs": "AmazonSQS",
    "kinesis": "Kinesis_20131202",
    "dynamodb": "DynamoDBStreams_20120810",
    "secretsmanager": "secretsmanager",
}
_READINGS: Mapping[str, Callable[[str, CallSource, str], Reading]] = {
    "kinesis": KinesisReading,
    "dynamodb": DynamodbReading,
}


class Pollers:
    """The pollers of every enabled mapping."""

    def __init__(
        self,
        clock: Clock,
        place: Place,
        services: Services,
        registry: Registry,
        execution: Execution,
        destinations: Destinations,
        positions: Positions,
        bell: Bell,
        report: Callable[[str], None],
        brokers: Brokers,
    ) -> None:
        self._brokers = brokers
        self._clock, self._place, self._services = clock, place, services
        self._registry, self._execution = registry, execution
        self._destinations, self._positions, self._report = destinations, positions, report
        self._tasks: set[asyncio.Task[None]] = set()
        self._pollers: dict[str, Poller] = {}
        self._results: dict[str, str] = {}
        self._tools = Tools(
            self._call,
            self._invoke,
            self._send,
            clock,
            bell,
            positions,
            self._require,
            self._role,
            report,
            self._results.__setitem__,
        )

    async def prepare(self, mapping: Mapping[str, Any]) -> None:
        if kind_of(mapping).name == "mq" and not self._brokers.address(mapping["EventSourceArn"]):
            raise invalid(missing(mapping["EventSourceArn"]))
        poller = self._make(mapping)
        try:
            await poller.prepare()
        finally:
            await poller.abort()

    def resume(self) -> None:
        """Go on with every mapping where the last emulator left it."""
        for uuid in list(self._registry.mappings):
            self.settle_later(uuid, 0.0)

    def settle_later(self, uuid: str, delay: float) -> None:
        task = asyncio.get_running_loop().create_task(self._settle(uuid, delay))
        self._tasks.add(task)
        task.add_done_callback(self._settled)

    def result(self, uuid: str) -> str:
        return self._results.get(uuid, "")

    async def reset(self) -> None:
        """Forget every mapping's poller and position."""
        await self.close()
        self._positions.clear()
        self._results.clear()

    async def close(self) -> None:
        """End every poller at once; what was in hand comes again."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        pollers, self._pollers = list(self._pollers.values()), {}
        for poller in pollers:
            await poller.abort()

    # -- states
    async def _settle(self, uuid: str, delay: float) -> None:
        if delay:
            await self._clock.sleep(delay)
        mapping = self._registry.mappings.get(uuid)
        if mapping is None:
            return
        # One that an earlier version kept has no wish: it is what it was.
        wanted = mapping.get("Wanted", mapping["State"])
        await self._stop(uuid)
        if wanted == "Enabled":
            await self._start(mapping)
        if not wanted:
            self._registry.remove_mapping(uuid)
            self._positions.forget(uuid)
            self._results.pop(uuid, None)
        elif mapping["State"] != wanted:
            self._registry.save_mapping({**mapping, "State": wanted})

    def _settled(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._report(f"an event source mapping did not settle: {error!r}")

    async def _start(self, mapping: Mapping[str, Any]) -> None:
        poller = self._pollers[mapping["UUID"]] = self._make(mapping)
        try:
            await poller.prepare()
        except SourceRefused as error:
            self._report(f"event source mapping {mapping['UUID']}: {error}")
        poller.start()

    async def _stop(self, uuid: str) -> None:
        poller = self._pollers.get(uuid)
        if poller is not None:
            await poller.stop()
            # Only now: whoever closes meanwhile must find it.
            self._pollers.pop(uuid, None)

    def _make(self, mapping: Mapping[str, Any]) -> Poller:
        described = source(mapping)
        kind = kind_of(mapping).name
        if kind == "mq":
            from .mq_poller import QueueOfBroker  # only where there is a broker

            return QueueOfBroker(described, self._tools, self._brokers)
        reading = _READINGS.get(kind)
        if reading is None:
            return QueuePoller(described, self._tools)
        role = self._role(described.function_arn)
        return StreamPoller(described, self._tools, reading(described.source_arn, self._call, role))

    # -- what pollers ask
    async def _call(self, service: str, operation: str, members: dict[str, Any]) -> dict[str, Any]:
        try:
            target = f"{_TARGETS[service]}.{operation}"
            return await self._services.call(service, target, members)
        except ServiceRefused as error:
            raise SourceRefused(error.code, error.message) from None

    async def _send(self, target: str, body: bytes, key: str) -> None:
        """Bring a record to a queue, a topic or a bucket; an object is named `key`."""
        try:
            if service_of(target) == "s3":
                await self._services.put_object(target.rpartition(":")[2], key, body)
            else:
                letter = Letter(body.decode(), "", False, self._clock.time(), key)
                await self._destinations.send(target, letter)
        except (ServiceRefused, Undelivered) as error:
            raise SourceRefused(target, str(error)) from None

    async def _invoke(self, function_arn: str, payload: bytes, request_id: str) -> Outcome:
        try:
            reference = refer(self._place, function_arn)
            call = make_call(self._registry, reference, payload, request_id)
        except AwsError as error:
            raise FunctionGone(error.message) from None
        try:
            return await self._execution.invoke(call)
        except RestoreFailed as error:  # the batch failed, with what would have been its answer
            return Outcome(error.payload, "Unhandled", version=call.revision.version)
        except (ForkServerGone, OSError) as error:
            # The machine, not the function: the records wait as for one that is not there.
            raise FunctionGone(f"{function_arn} could not be started: {error}") from None

    def _require(self, function_arn: str) -> None:
        try:
            self._registry.version(refer(self._place, function_arn))
        except AwsError as error:
            raise FunctionGone(error.message) from None

    def _role(self, function_arn: str) -> str:
        try:
            _, version = self._registry.version(refer(self._place, function_arn))
        except AwsError:
            return ""
        return str(version.settings.get("Role", ""))


def source(mapping: Mapping[str, Any]) -> SourceMapping:
    """A stored mapping as its poller needs it."""
    most = mapping.get("ScalingConfig", {}).get("MaximumConcurrency")
    provisioned = mapping.get("ProvisionedPollerConfig")
    if provisioned:
        most = BATCHES_A_POLLER * int(provisioned.get("MaximumPollers", 200))
    destination = mapping.get("DestinationConfig", {}).get("OnFailure", {})
    return SourceMapping(
        mapping["UUID"],
        mapping["EventSourceArn"],
        mapping["FunctionArn"],
        mapping["BatchSize"],
        float(mapping["MaximumBatchingWindowInSeconds"]),
        "ReportBatchItemFailures" in mapping.get("FunctionResponseTypes", ()),
        tuple(patterns_of(mapping)),
        most,
        destination.get("Destination", ""),
        mapping,
    )
