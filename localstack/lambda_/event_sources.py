"""Event source mappings: create, read, change, delete; the polling itself is the sources' matter.

State moves asynchronously on AWS: an answer says Creating, Updating or Deleting, and what is kept
is where it goes.  Recorded: SQS mappings answer 202 with BatchSize 10, window 0 and USER_INITIATED.
"""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from .account import Account, Act, Answer, Values
from .errors import AwsError, conflict, invalid, not_found
from .names import refer
from .paging import page

_SETTINGS = ("FilterCriteria", "ScalingConfig", "MetricsConfig", "ProvisionedPollerConfig", "Tags")
_WINDOWED = 10


class EventSources:
    """The operations on event source mappings."""

    def __init__(self, account: Account) -> None:
        self._account, self._registry = account, account.registry

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
        _only_sqs(source)
        function_arn = self._function_arn(values["FunctionName"])
        if not await self._account.around.queue_exists(source):
            raise invalid(
                "Error occurred while ReceiveMessage. SQS Error Code: "
                "AWS.SimpleQueueService.NonExistentQueue. SQS Error Message: The specified queue "
                "does not exist."
            )
        self._refuse_twin(source, function_arn)
        uuid = str(uuid4())
        mapping: dict[str, Any] = {
            "UUID": uuid,
            "BatchSize": values.get("BatchSize", 10),
            "MaximumBatchingWindowInSeconds": values.get("MaximumBatchingWindowInSeconds", 0),
            "EventSourceArn": source,
            "EventSourceMappingArn": self._account.place.mapping_arn(uuid),
            "FunctionArn": function_arn,
            "FunctionResponseTypes": values.get("FunctionResponseTypes", []),
            "StateTransitionReason": "USER_INITIATED",
            **{name: values[name] for name in _SETTINGS if name in values},
        }
        _check_batch(mapping)
        return await self._keep(mapping, values.get("Enabled", True), "Creating")

    async def get(self, values: Values) -> Answer:
        return _told(self._mapping(values["UUID"]))

    async def update(self, values: Values) -> Answer:
        mapping = dict(self._mapping(values["UUID"]))
        for name in ("BatchSize", "MaximumBatchingWindowInSeconds", "FunctionResponseTypes"):
            mapping[name] = values.get(name, mapping[name])
        mapping |= {name: values[name] for name in _SETTINGS if name in values}
        if "FunctionName" in values:
            mapping["FunctionArn"] = self._function_arn(values["FunctionName"])
        _check_batch(mapping)
        enabled = values.get("Enabled", mapping["State"] == "Enabled")
        return await self._keep(mapping, enabled, "Updating")

    async def delete(self, values: Values) -> Answer:
        mapping = self._mapping(values["UUID"])
        self._registry.remove_mapping(mapping["UUID"])
        await self._account.sources.stop(mapping["UUID"])
        return {**_told(mapping), "State": "Deleting"}

    async def list(self, values: Values) -> Answer:
        function = values.get("FunctionName")
        wanted = (
            self._account.place.function_arn(refer(self._account.place, function).name)
            if (function)
            else ""
        )
        told = [
            _told(each)
            for each in self._registry.mappings.values()
            if each["FunctionArn"].startswith(wanted)
            and (not wanted or each["FunctionArn"][len(wanted) :][:1] in ("", ":"))
            and values.get("EventSourceArn") in (None, each["EventSourceArn"])
        ]
        return page(values, told, "EventSourceMappings", most=100)

    async def _keep(self, mapping: dict[str, Any], enabled: bool, said: str) -> Answer:
        mapping["State"] = "Enabled" if enabled else "Disabled"
        mapping["LastModified"] = self._account.clock.time()
        self._registry.save_mapping(mapping)
        if enabled:
            await self._account.sources.start(mapping)
        else:
            await self._account.sources.stop(mapping["UUID"])
        return {**_told(mapping), "State": said}

    def _mapping(self, uuid: str) -> dict[str, Any]:
        found = self._registry.mappings.get(uuid)
        if found is None:
            raise not_found("The resource you requested does not exist.")
        return found

    def _function_arn(self, name: str) -> str:
        reference = refer(self._account.place, name)
        self._registry.version(reference)
        return self._account.place.function_arn(reference.name, reference.qualifier)

    def _refuse_twin(self, source: str, function_arn: str) -> None:
        for each in self._registry.mappings.values():
            if each["EventSourceArn"] == source and each["FunctionArn"] == function_arn:
                raise conflict(
                    f'An event source mapping with SQS arn (" {source} ") and function (" '
                    f'{function_arn.split(":")[6]} ") already exists. Please update or delete the '
                    f"existing mapping with UUID {each['UUID']}"
                )


def _only_sqs(source: str) -> None:
    if not source:
        raise invalid("Unrecognized event source.")
    service = source.split(":")[2] if source.count(":") >= 5 else source
    if service != "sqs":
        raise AwsError(
            "NotImplementedException",
            f"The pelton emulator does not implement event source mappings of {service} yet "
            "(docs/fidelity.md lists what it implements).",
            501,
        )


def _check_batch(mapping: Values) -> None:
    if mapping["EventSourceArn"].endswith(".fifo"):
        if mapping["MaximumBatchingWindowInSeconds"]:
            raise invalid("Batching window is not supported for FIFO queues")
        if mapping["BatchSize"] > _WINDOWED:
            raise invalid(f"Batch size must be at most {_WINDOWED} for a FIFO queue")
    if mapping["BatchSize"] > _WINDOWED and not mapping["MaximumBatchingWindowInSeconds"]:
        raise invalid(
            "Maximum batch window in seconds must be greater than 0 if maximum batch size is "
            f"greater than {_WINDOWED}"
        )


def _told(mapping: Values) -> Answer:
    return {name: value for name, value in mapping.items() if name != "Tags"}
