"""Event source mappings: their settings and states.  What polls is in `mappings`."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from .account import Account, Act, Answer, Values
from .errors import conflict, invalid, not_found
from .names import refer
from .paging import page

_SETTINGS = (
    "BatchSize", "MaximumBatchingWindowInSeconds", "FunctionResponseTypes", "FilterCriteria",
    "ScalingConfig",
)  # fmt: skip
# Of other sources, or not honoured yet: refused by name when they hold something.
_REFUSED = (
    "StartingPosition", "StartingPositionTimestamp", "ParallelizationFactor",
    "MaximumRecordAgeInSeconds", "MaximumRetryAttempts", "BisectBatchOnFunctionError",
    "TumblingWindowInSeconds", "Topics", "Queues", "SourceAccessConfigurations",
    "SelfManagedEventSource", "AmazonManagedKafkaEventSourceConfig", "DocumentDBEventSourceConfig",
    "SelfManagedKafkaEventSourceConfig", "ProvisionedPollerConfig", "KMSKeyArn", "MetricsConfig",
    "LoggingConfig",
)  # fmt: skip
_FIFO_MOST, _MOST = 10, 10_000
_BY_USER = "USER_INITIATED"


class SourceMappings:
    """The operations on event source mappings."""

    def __init__(self, account: Account) -> None:
        self._account, self._registry = account, account.registry
        self._tasks: set[asyncio.Task[None]] = set()

    def operations(self) -> dict[str, Act]:
        return {
            "CreateEventSourceMapping": self.create,
            "GetEventSourceMapping": self.get,
            "UpdateEventSourceMapping": self.update,
            "DeleteEventSourceMapping": self.delete,
            "ListEventSourceMappings": self.list,
        }

    async def create(self, values: Values) -> Answer:
        source = values.get("EventSourceArn", "")
        _check_source(source)
        _refuse(values)
        _check_filters(values)
        function_arn = self._function_arn(values["FunctionName"])
        self._check_new(source, function_arn)
        mapping = {
            "BatchSize": 10,
            "MaximumBatchingWindowInSeconds": 0,
            "FunctionResponseTypes": [],
            **_chosen(values),
            "UUID": str(uuid4()),
            "EventSourceArn": source,
            "FunctionArn": function_arn,
            "StateTransitionReason": _BY_USER,
            "Tags": dict(values.get("Tags", {})),
        }
        _check_batch(mapping)
        await self._check_queue(source)
        enabled = values.get("Enabled", True)
        return self._move(mapping, "Creating", "Enabled" if enabled else "Disabled")

    async def get(self, values: Values) -> Answer:
        return _told(self._account, self._mapping(values))

    async def update(self, values: Values) -> Answer:
        old = self._mapping(values)
        _refuse(values)
        _check_filters(values)
        mapping = {**old, **_chosen(values)}
        if "FunctionName" in values:
            mapping["FunctionArn"] = self._function_arn(values["FunctionName"])
        _check_batch(mapping)
        enabled = values.get("Enabled", old["State"] in ("Enabled", "Enabling", "Creating"))
        passing = "Updating"
        if "Enabled" in values and enabled != (old["State"] == "Enabled"):
            passing = "Enabling" if enabled else "Disabling"
        return self._move(mapping, passing, "Enabled" if enabled else "Disabled")

    async def delete(self, values: Values) -> Answer:
        mapping = {**self._mapping(values), "State": "Deleting"}
        answer = _told(self._account, mapping)
        # Gone from the registry before it is acknowledged; its poller ends what is in hand.
        self._registry.remove_mapping(mapping["UUID"])
        self._later(self._account.sources.stop(mapping["UUID"]))
        return answer

    async def list(self, values: Values) -> Answer:
        source = values.get("EventSourceArn")
        function = None
        if "FunctionName" in values:
            function = self._function_arn(values["FunctionName"], must_exist=False)
        told = [
            _told(self._account, each)
            for each in self._registry.mappings.values()
            if source in (None, each["EventSourceArn"]) and function in (None, each["FunctionArn"])
        ]
        return page(values, told, "EventSourceMappings", most=100)

    # -- parts
    def _move(self, mapping: dict[str, Any], passing: str, final: str) -> Answer:
        """Keep the mapping as it will be, answer as it is on the way, and get it there."""
        mapping["LastModified"] = self._account.clock.time()
        self._registry.save_mapping({**mapping, "State": final})
        self._later(self._settle(mapping["UUID"]))
        return _told(self._account, {**mapping, "State": passing})

    async def _settle(self, uuid: str) -> None:
        mapping = self._registry.mappings.get(uuid)
        if mapping is not None and mapping["State"] == "Enabled":
            await self._account.sources.start(mapping)
        else:
            await self._account.sources.stop(uuid)

    def _later(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _mapping(self, values: Values) -> dict[str, Any]:
        found = self._registry.mappings.get(values["UUID"])
        if found is None:
            raise not_found("The resource you requested does not exist.")
        return found

    def _function_arn(self, text: str, must_exist: bool = True) -> str:
        reference = refer(self._account.place, text)
        if must_exist:
            if reference.name not in self._registry.functions:
                raise invalid("Function does not exist")
            self._registry.version(reference)
        return self._account.place.function_arn(reference.name, reference.qualifier)

    def _check_new(self, source: str, function_arn: str) -> None:
        for each in self._registry.mappings.values():
            if (each["EventSourceArn"], each["FunctionArn"]) == (source, function_arn):
                name = refer(self._account.place, function_arn).name
                raise conflict(
                    f'An event source mapping with SQS arn (" {source} ") and function '
                    f'(" {name} ") already exists. Please update or delete the existing mapping '
                    f"with UUID {each['UUID']}"
                )

    async def _check_queue(self, arn: str) -> None:
        if not await self._account.around.queue_exists(arn):
            raise invalid(
                "Error occurred while ReceiveMessage. SQS Error Code: "
                "AWS.SimpleQueueService.NonExistentQueue. SQS Error Message: The specified queue "
                "does not exist."
            )


def _chosen(values: Values) -> dict[str, Any]:
    return {name: values[name] for name in _SETTINGS if name in values}


def _check_source(source: str) -> None:
    if not source:
        raise invalid("Unrecognized event source.")
    service = source.split(":")[2] if source.startswith("arn:") else ""
    if service != "sqs":
        raise invalid(
            "Unrecognized event source."
            if not service
            else f"The pelton emulator does not support event source mappings for {service} yet."
        )


def _refuse(values: Values) -> None:
    if values.get("DestinationConfig"):
        raise invalid(
            "Unsupported DestinationConfig parameter for given event source mapping type."
        )
    for name in _REFUSED:
        if values.get(name):
            raise invalid(f"The pelton emulator does not support {name} for SQS mappings.")


def _check_filters(values: Values) -> None:
    """Patterns are objects of objects or lists, as EventBridge has them."""
    for each in values.get("FilterCriteria", {}).get("Filters", ()):
        try:
            sound = _is_pattern(json.loads(each.get("Pattern", "")))
        except (ValueError, RecursionError):
            sound = False
        if not sound:
            raise invalid("Invalid filter pattern definition.")


def _is_pattern(pattern: Any) -> bool:
    return isinstance(pattern, dict) and all(
        bool(each) if isinstance(each, list) else _is_pattern(each) for each in pattern.values()
    )


def _check_batch(mapping: Mapping[str, Any]) -> None:
    size, window = mapping["BatchSize"], mapping["MaximumBatchingWindowInSeconds"]
    fifo = mapping["EventSourceArn"].endswith(".fifo")
    most = _FIFO_MOST if fifo else _MOST
    if size > most:
        raise invalid(f"BatchSize must be at most {most} for this queue.")
    if fifo and window:
        raise invalid("Batching window is not supported for FIFO queues.")
    if size > _FIFO_MOST and not window:
        raise invalid(
            "Maximum batch window in seconds must be greater than 0 if maximum batch size is "
            "greater than 10"
        )


def _told(account: Account, mapping: Mapping[str, Any]) -> Answer:
    told = {key: value for key, value in mapping.items() if key != "Tags"}
    return {**told, "EventSourceMappingArn": account.place.mapping_arn(mapping["UUID"])}
