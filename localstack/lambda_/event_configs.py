"""Asynchronous invocation's settings, per function, version and alias.

The texts are those recorded on AWS; what is checked of a destination is that Lambda can send to
that kind and that it is there.  A version or an alias has its own settings and none of others.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from .account import Account, Act, Answer, Values
from .async_store import DEFAULT_AGE, DEFAULT_RETRIES, Event, Settings
from .calls import make_call
from .destinations import service_of
from .errors import AwsError, invalid, not_found
from .names import LATEST, Reference, refer
from .paging import page
from .records import Call
from .registry import Registry
from .states import EventConfig, Function

_ON_SUCCESS = frozenset({"lambda", "sqs", "sns", "events"})
_ON_FAILURE = _ON_SUCCESS | {"s3"}
_SETTINGS = ("MaximumRetryAttempts", "MaximumEventAgeInSeconds")


class EventConfigs:
    """The operations on event invoke configurations."""

    def __init__(self, account: Account) -> None:
        self._account, self._registry = account, account.registry

    def operations(self) -> dict[str, Act]:
        return {
            "PutFunctionEventInvokeConfig": self.put,
            "UpdateFunctionEventInvokeConfig": self.update,
            "GetFunctionEventInvokeConfig": self.get,
            "DeleteFunctionEventInvokeConfig": self.delete,
            "ListFunctionEventInvokeConfigs": self.list,
        }

    async def put(self, values: Values) -> Answer:
        return await self._write(values, EventConfig(0.0))

    async def update(self, values: Values) -> Answer:
        _require_something(values)
        _, _, found = self._find(values)
        return await self._write(values, found)

    async def get(self, values: Values) -> Answer:
        function, qualifier, found = self._find(values)
        return self._told(function, qualifier, found)

    async def delete(self, values: Values) -> Answer:
        function, qualifier, _ = self._find(values)
        del function.event_configs[qualifier]
        self._registry.save(function)
        return {}

    async def list(self, values: Values) -> Answer:
        reference = refer(self._account.place, values["FunctionName"])
        if reference.qualifier:
            raise invalid("The function name must not include a version number or alias.")
        function = self._registry.functions.get(reference.name)
        if function is None:
            raise not_found("The function doesn't exist.")
        told = [
            self._told(function, qualifier, each)
            for qualifier, each in sorted(function.event_configs.items())
        ]
        return page(values, told, "FunctionEventInvokeConfigs")

    # -- parts
    async def _write(self, values: Values, old: EventConfig) -> Answer:
        _require_something(values)
        reference = self._refer(values)
        function = self._registry.functions.get(reference.name)
        if function is None or not _exists(function, reference.qualifier):
            raise not_found("The function doesn't exist.")
        changed = replace(
            old,
            modified=self._account.clock.time(),
            retries=values.get("MaximumRetryAttempts", old.retries),
            age_s=values.get("MaximumEventAgeInSeconds", old.age_s),
            **await self._destinations(values.get("DestinationConfig") or {}, function.name),
        )
        function.event_configs[reference.qualifier] = changed
        self._registry.save(function)
        return self._told(function, reference.qualifier, changed)

    async def _destinations(self, given: Values, name: str) -> dict[str, str]:
        """The destinations that a request names, checked; an empty one takes one away."""
        found: dict[str, str] = {}
        for member, setting, kinds in (
            ("OnSuccess", "on_success", _ON_SUCCESS),
            ("OnFailure", "on_failure", _ON_FAILURE),
        ):
            arn = (given.get(member) or {}).get("Destination")
            if arn is None:
                continue
            if arn:
                await self._check(arn, kinds, given, name)
            found[setting] = arn
        return found

    async def _check(self, arn: str, kinds: frozenset[str], given: Values, name: str) -> None:
        service = service_of(arn)
        if service not in kinds:
            raise invalid(f"The provided destination config {_java(given)} is invalid.")
        if not await self._account.around.target_exists(arn):
            raise invalid(f"The destination ARN {arn} is invalid.")
        if service == "lambda" and refer(self._account.place, arn).name == name:
            raise invalid("You can't specify the function as a destination for itself.")

    def _find(self, values: Values) -> tuple[Function, str, EventConfig]:
        reference = self._refer(values)
        function = self._registry.functions.get(reference.name)
        found = function.event_configs.get(reference.qualifier) if function else None
        if function is None or found is None:
            arn = self._account.place.function_arn(reference.name, reference.qualifier)
            raise not_found(f"The function {arn} doesn't have an EventInvokeConfig")
        return function, reference.qualifier, found

    def _refer(self, values: Values) -> Reference:
        found = refer(self._account.place, values["FunctionName"], values.get("Qualifier"))
        return Reference(found.name, found.qualifier or LATEST)

    def _told(self, function: Function, qualifier: str, config: EventConfig) -> Answer:
        told: Answer = {
            "LastModified": config.modified,
            "FunctionArn": self._account.place.function_arn(function.name, qualifier),
            "DestinationConfig": {
                "OnSuccess": _destination(config.on_success),
                "OnFailure": _destination(config.on_failure),
            },
        }
        for member, value in zip(_SETTINGS, (config.retries, config.age_s), strict=True):
            if value is not None:
                told[member] = value
        return told


class EventFunctions:
    """The functions that events are for, as they are now (`async_events.Functions`)."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def call(self, event: Event) -> Call | None:
        try:
            return make_call(
                self._registry,
                refer(self._registry.place, event.invoked_arn),
                event.payload,
                event.request_id,
                event.client_context,
                event.trace_id,
            )
        except AwsError:
            return None

    def settings(self, invoked_arn: str) -> Settings | None:
        return settings_of(self._registry, refer(self._registry.place, invoked_arn))


def settings_of(registry: Registry, reference: Reference) -> Settings | None:
    """What becomes of events for `reference` now; None when it is gone."""
    function = registry.functions.get(reference.name)
    if function is None or not _exists(function, reference.qualifier or LATEST):
        return None
    config = function.event_configs.get(reference.qualifier or LATEST, EventConfig(0.0))
    _, version = registry.version(reference)
    return Settings(
        DEFAULT_RETRIES if config.retries is None else config.retries,
        DEFAULT_AGE if config.age_s is None else config.age_s,
        config.on_success,
        config.on_failure,
        str(version.settings.get("DeadLetterConfig", {}).get("TargetArn", "")),
    )


def _exists(function: Function, qualifier: str) -> bool:
    return qualifier in function.aliases or function.version(qualifier) is not None


def _require_something(values: Values) -> None:
    destinations = values.get("DestinationConfig") or {}
    given = [values.get(name) for name in _SETTINGS]
    given += [destinations.get(name) for name in ("OnSuccess", "OnFailure")]
    if all(each is None for each in given):
        raise invalid("You must specify at least one of error handling or destination setting.")


def _destination(arn: str) -> dict[str, str]:
    return {"Destination": arn} if arn else {}


def _java(config: Values) -> str:
    """A destination config as AWS prints it.

    >>> _java({"OnSuccess": {"Destination": "arn"}})
    'DestinationConfig(onSuccess=OnSuccess(destination=arn), onFailure=null)'
    """

    def one(name: str) -> str:
        given: Any = config.get(name)
        if given is None:
            return "null"
        return f"{name}(destination={given.get('Destination') or 'null'})"

    return f"DestinationConfig(onSuccess={one('OnSuccess')}, onFailure={one('OnFailure')})"
