"""What pushes to functions on Lambda: buckets, topics, buses, and schedules of a time zone.

Those that others made must be there; a deploy adds what is the function's own to them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from ...handlers.function import Function
from ...handlers.triggers import S3, Cron, EventBridge, Sns
from ..errors import CannotPlan
from ..kinds.base import Resource
from ..kinds.bucket_notification import BucketNotification
from ..kinds.callee import sid as sid_of
from ..kinds.event_rule import EventRule
from ..kinds.permission import Permission
from ..kinds.role import Role
from ..kinds.schedule import Schedule
from ..kinds.subscription import Subscription
from ..place import Place
from .common import after, called, role_name, rule_name

Functions = Sequence[Function[..., Any]]


def pushed(
    function: Function[..., Any], causes: Mapping[str, str], place: Place
) -> Iterator[Resource]:
    """What the function's triggers of these kinds are."""
    yield from _buckets(function, causes, place)
    for trigger in function.triggers:
        if isinstance(trigger, Sns):
            yield from _topic(function, trigger, causes, place)
    yield from _rules(function, causes, place)


def _buckets(
    function: Function[..., Any], causes: Mapping[str, str], place: Place
) -> Iterator[Resource]:
    entries: dict[str, list[tuple[str, str, str]]] = {}
    for each in function.triggers:
        if isinstance(each, S3):
            entry = (" ".join(sorted(each.events)), each.prefix, each.suffix)
            entries.setdefault(each.bucket, []).append(entry)
    for bucket, found in entries.items():
        arn = f"arn:{place.partition}:s3:::{bucket}"
        sid = sid_of("s3", bucket)
        yield _permission(function, sid, "s3", arn, causes, source_account=place.account)
        yield BucketNotification(
            name=f"{function.name}/{bucket}",
            function=function.name,
            # S3 tries whether it may call when it is told to.
            after=(f"permission:{called(function)}/{sid}",),
            causes=causes,
            entries=tuple(found),
            arn=place.function_arn(called(function)),
        )


def _topic(
    function: Function[..., Any], trigger: Sns, causes: Mapping[str, str], place: Place
) -> Iterator[Resource]:
    arn = topic_arn(trigger, place)
    sid = sid_of("sns", arn)
    yield _permission(function, sid, "sns", arn, causes)
    yield Subscription(
        name=f"{function.name}/{arn}",
        function=function.name,
        after=(f"permission:{called(function)}/{sid}",),
        causes=causes,
        filter=json.dumps(trigger.filter, sort_keys=True) if trigger.filter else "",
        scope=trigger.scope if trigger.filter else "attributes",
        function_arn=place.function_arn(called(function)),
    )


def _rules(
    function: Function[..., Any], causes: Mapping[str, str], place: Place
) -> Iterator[Resource]:
    triggers = [each for each in function.triggers if isinstance(each, EventBridge)]
    for index, trigger in enumerate(triggers):
        bus = trigger.bus.rpartition("/")[2]
        rule = rule_name(function.name, f"on{index}")
        path = rule if bus == "default" else f"{bus}/{rule}"
        sid = sid_of("event", path)
        yield _permission(function, sid, "events", place.rule_arn(path), causes)
        yield EventRule(
            name=f"{bus}/{rule}",
            function=function.name,
            after=(f"permission:{called(function)}/{sid}",),
            causes=causes,
            pattern=json.dumps(_plain(trigger.pattern), sort_keys=True),
            arn=place.function_arn(called(function)),
        )


def schedules(
    app: str,
    function: Function[..., Any],
    causes: Mapping[str, str],
    place: Place,
    expression: Callable[[Cron], str],
) -> Iterator[Resource]:
    """The schedules of a function's times in a time zone, and the role that calls it then."""
    crons = [each for each in function.triggers if isinstance(each, Cron) and each.timezone]
    for each in crons:
        check_zone(function, each.timezone)
    if not (zoned := [each for each in crons if not each.store]):
        return
    from ..policy.document import document
    from ..policy.needs import Need

    arn, name = place.function_arn(function.name), role_name(app, function.name, "schedule")
    needs = [Need("lambda:InvokeFunction", each) for each in (arn, f"{arn}:*")]
    yield Role(
        name=name,
        function=function.name,
        principal="scheduler.amazonaws.com",
        policy=document(needs),
        causes={"lambda:InvokeFunction": causes.get("", "")},
    )
    for index, trigger in enumerate(zoned):
        yield Schedule(
            name=rule_name(function.name, f"at{index}"),
            function=function.name,
            after=(f"role:{name}", *after(function)),
            causes=causes,
            expression=expression(trigger),
            timezone=trigger.timezone,
            arn=place.function_arn(called(function)),
            role_arn=place.role_arn(name),
        )


def check_zone(function: Function[..., Any], zone: str) -> None:
    """Raise `CannotPlan` for a time zone that there is not."""
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError):
        if available_timezones():  # without the zones' data nothing can be said
            raise CannotPlan(
                f"function {function.name!r}: cron timezone={zone!r} is no time zone of the IANA "
                'database; write it as "Europe/Berlin"'
            ) from None


def _permission(
    function: Function[..., Any],
    sid: str,
    service: str,
    arn: str,
    causes: Mapping[str, str],
    source_account: str = "",
) -> Permission:
    return Permission(
        name=f"{called(function)}/{sid}",
        function=called(function),
        after=after(function),
        causes=causes,
        principal=f"{service}.amazonaws.com",
        source_arn=arn,
        source_account=source_account,
    )


def topic_arn(trigger: Sns, place: Place) -> str:
    """The ARN of a topic that is given by name or ARN."""
    if trigger.topic.startswith("arn:"):
        return trigger.topic
    return f"arn:{place.partition}:sns:{place.region}:{place.account}:{trigger.topic}"


def refuse_missing_sources(
    functions: Functions, place: Place, is_there: Callable[[str, str], bool]
) -> None:
    """Raise `CannotPlan` that names what functions are told by and what is not there.

    is_there: asked with "bucket", "topic" or "bus", and a bucket's name, a topic's ARN, a bus
    """
    missing: dict[str, str] = {}
    for function in functions:
        for trigger in function.triggers:
            for kind, name, call in _sources(trigger, place):
                if not is_there(kind, name):
                    missing.setdefault(call, f"{kind} {name!r} (function {function.name!r})")
    if missing:
        calls = "\n".join(f"  {each}" for each in missing)
        raise CannotPlan(
            f"what functions are told by is not in account {place.account}, {place.region}: "
            f"{', '.join(missing.values())}; create it first, for example in Python:\n{calls}"
        )


def _sources(trigger: Any, place: Place) -> Iterator[tuple[str, str, str]]:
    if isinstance(trigger, S3):
        call = f"{place.client('s3')}.create_bucket(Bucket={trigger.bucket!r}"
        if place.region != "us-east-1":  # where S3 refuses to be told
            call += f", CreateBucketConfiguration={{'LocationConstraint': {place.region!r}}}"
        yield "bucket", trigger.bucket, f"{call})"
    elif isinstance(trigger, Sns):
        call = f"{place.client('sns')}.create_topic(Name={trigger.name!r})"
        yield "topic", topic_arn(trigger, place), call
    elif isinstance(trigger, EventBridge) and trigger.bus != "default":
        call = f"{place.client('events')}.create_event_bus(Name={trigger.bus!r})"
        yield "bus", trigger.bus, call


def _plain(value: Any) -> Any:
    """Lists for tuples, dictionaries for mappings: as JSON has them."""
    return json.loads(json.dumps(value, default=dict))
