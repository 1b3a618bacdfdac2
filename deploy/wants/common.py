"""What wanting a function takes on every platform: its artifact's facts, and its own line."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...builders import Artifact
from ...builders.nuclio_spec import broker_trigger, workers_of
from ...handlers.function import Function
from ...handlers.triggers import (
    CloudEvents,
    Cron,
    DynamoDb,
    FromBroker,
    Http,
    Kinesis,
    RabbitMQ,
    Sqs,
)
from ...handlers.triggers.base import Trigger
from ...handlers.triggers.changes import OfShards, changes, stream_records
from ...handlers.triggers.queued import Queued, queued
from ...handlers.triggers.ticks import Ticks, ticks
from ..errors import CannotPlan
from ..versions.release import LIVE

if TYPE_CHECKING:
    from ..policy.least import Least

TRIGGERS = {
    "lambda": (
        "http",
        "cloudevents",
        "sqs",
        "kinesis",
        "dynamodb",
        "cron",
        "s3",
        "sns",
        "eventbridge",
        "websocket_api",
    ),
    "nuclio": ("http", "cloudevents", "cron", "natsjetstream", "kafka-cluster"),
}
# Sources that push to functions of Lambda, and to queues as well: what each is called.
SENDS_TO_SQS = {"sns": "topic", "s3": "bucket", "eventbridge": "bus"}
_NUCLIO_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class Built:
    """An artifact as a plan speaks of it.

    sources:  the user's files, with a digest of each, by place
    packages: what is in it, with its size in bytes
    where:    the function's own line, "app.py:12"
    """

    artifact: Artifact
    architecture: str
    where: str = ""
    sources: Mapping[str, str] = field(default_factory=dict)
    bucket: str = ""  # through S3 when set
    least: Least | None = None  # what it may do, where a role is made for it
    origins: Mapping[str, str] = field(default_factory=dict)  # of settings that a file says, by key

    @property
    def path(self) -> str:
        """Its key in the bucket: made of its content."""
        return f"{self.artifact.function}/{self.artifact.sha256}.zip" if self.bucket else ""

    @property
    def packages(self) -> dict[str, int]:
        return {each.name: each.size for each in self.artifact.report.packages}

    @property
    def import_ms(self) -> float | None:
        """How long it takes to import, where a build has measured that."""
        times = getattr(self.artifact, "imports", None)
        return round(times.total) if times is not None and times.runs else None

    @property
    def causes(self) -> dict[str, str]:
        """Where each value comes from: the function's own line, the key of a settings file, the
        requirement that brings a distribution in."""
        more = (*_fields(self.origins), *_brought(self.artifact, self.where))
        return {"": self.where, **dict(more)}


def _fields(origins: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Settings' origins by the fields of resources."""
    for key, origin in origins.items():
        for each in ("subnets", "security_groups") if key == "vpc" else (key,):
            yield each, origin


def _brought(artifact: Artifact, where: str) -> Iterator[tuple[str, str]]:
    """By distribution that a requirement brings in, which one, and over which."""
    requirers = artifact.report.requirers
    for key, chain in requirers.chains.items():
        if len(chain) > 1:
            yield f"dependencies.{key}", f"{where}: {' > '.join(chain)}"


@dataclass(frozen=True, slots=True)
class Releasing:
    """How versions are released.

    hold: publish, and let the version that answers be;  by: who deploys
    """

    hold: bool = False
    by: str = ""


AT_ONCE = Releasing()


def where_of(function: Function[..., Any], root: Path) -> str:
    """A function's own line, from the app's folder."""
    path = Path(function.file)
    try:
        path = path.resolve().relative_to(root.resolve())
    except ValueError:
        pass
    return f"{path}:{function.line}"


def called(function: Function[..., Any]) -> str:
    """What triggers call: the function, or its alias where the app keeps versions."""
    return f"{function.name}:{LIVE}" if function.settings.versions else function.name


def after(function: Function[..., Any]) -> tuple[str, ...]:
    """The keys of what must be there before what triggers call is."""
    return (f"release:{function.name}",) if function.settings.versions else ()


def routes_of(function: Function[..., Any]) -> tuple[str, ...]:
    """Methods and paths of the function's HTTP triggers."""
    return tuple(each.route for each in function.triggers if isinstance(each, Http))


def role_name(app: str, function: str, suffix: str = "") -> str:
    """The name of a function's role; of at most 64 characters, as IAM wants it.

    >>> role_name("shop", "score"), len(role_name("a" * 60, "b" * 60))
    ('pelton-shop-score', 64)
    """
    name = "-".join(each for each in ("pelton", app, function, suffix) if each)
    return name if len(name) <= 64 else f"{name[:55]}-{_digest(name)}"


def rule_name(function: str, what: str) -> str:
    """The name of a function's rule or schedule, of at most 64 characters; '.' is in no
    function's name.

    >>> rule_name("score", "on0")
    'score.on0'
    """
    if len(function) <= 58:
        return f"{function}.{what}"
    return f"{function[:48]}.{_digest(function)}.{what}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def refuse_missing_triggers(function: Function[..., Any], platform: str) -> None:
    """Raise `CannotPlan` when `function` has a trigger that `platform` lacks, or a name it
    does not take."""
    for trigger in function.triggers:
        if trigger.kind not in TRIGGERS[platform] and not trigger.bridged:
            if platform == "nuclio" and trigger.kind in SENDS_TO_SQS:
                raise CannotPlan(_by_a_queue(function, trigger))
            where = [other for other, kinds in TRIGGERS.items() if trigger.kind in kinds]
            raise CannotPlan(
                f"function {function.name!r} has the trigger {trigger.kind}, which {platform} "
                f"does not have; deploy it with --on {' or '.join(where) or 'nothing yet'}, "
                "or choose functions with --only"
            )
    _refuse_sends(function, platform)
    if platform == "nuclio":
        _refuse_on_nuclio(function)


def bridged(function: Function[..., Any], platform: str) -> list[FromBroker]:
    """The triggers whose broker `platform` does not read, or not with what they promise."""
    found = [each for each in function.triggers if isinstance(each, FromBroker)]
    if platform == "nuclio":
        found = [each for each in found if broker_trigger(each, function.name) is None]
    else:
        found = [each for each in found if not is_mapped(each)]
    crons = [each for each in function.triggers if isinstance(each, Cron)]
    asked = [each for each in crons if each.store or (each.bridged and platform == "nuclio")]
    found += [ticks(each, function.name) for each in asked]
    return found + _of_aws(function) if platform == "nuclio" else found


def _of_aws(function: Function[..., Any]) -> list[FromBroker]:
    """What Lambda reads by mappings of its own, and nobody else."""
    made: list[FromBroker] = []
    for each in function.triggers:
        if isinstance(each, DynamoDb):
            made.append(changes(each, function.name))
        elif isinstance(each, Kinesis) and each.bridged:
            made.append(stream_records(each, function.name, workers_of(function)))
        elif isinstance(each, Sqs) and each.bridged:
            made.append(queued(each, workers_of(function)))
    return made


def _by_a_queue(function: Function[..., Any], trigger: Trigger) -> str:
    """What to do with a source that calls functions of Lambda, and sends to queues."""
    return (
        f"function {function.name!r} has the trigger {trigger.kind}, which nuclio does not have: "
        f"let the {SENDS_TO_SQS[trigger.kind]} send to a queue of SQS and give the function "
        'pelton.sqs("QUEUE") instead, which `pelton bridge` reads; or deploy it with --on lambda, '
        "or choose functions with --only"
    )


def is_mapped(trigger: Trigger) -> bool:
    """Whether a mapping of Lambda's own reads the broker."""
    return isinstance(trigger, RabbitMQ) and bool(trigger.broker)


def bridges(functions: Iterable[Function[..., Any]], platforms: Iterable[str]) -> Iterator[str]:
    """A sentence for each trigger that needs a bridge."""
    for platform in platforms:
        for function in functions:
            for trigger in bridged(function, platform):
                yield (
                    f"{platform} does not read {trigger.kind} {trigger.name!r} for {function.name} "
                    f"as it is asked for: run `pelton bridge --on {platform}`, which reads it and "
                    f"calls the function{_why(trigger, platform)}"
                )


def cloud_events(
    functions: Iterable[Function[..., Any]], platforms: Iterable[str]
) -> Iterator[str]:
    """A sentence for each function whose CloudEvents Nuclio's processor would take apart."""
    if "nuclio" not in set(platforms):
        return
    for function in functions:
        if any(isinstance(each, CloudEvents) for each in function.triggers):
            yield (
                f"nuclio's processor takes a structured CloudEvent for one of version 0.1, and "
                f"forgets its id and type: {function.name} refuses it there; send in binary mode"
            )


def _why(trigger: FromBroker, platform: str) -> str:
    """What of a schedule the platform's own clock cannot keep, and what the bridge does not."""
    if isinstance(trigger, Queued):
        return _who_gives_up(trigger)
    if isinstance(trigger, OfShards):
        return "; its --store keeps how far the stream was read"
    if not isinstance(trigger, Ticks):
        return ""
    if trigger.cron.store:
        own = "EventBridge" if platform == "lambda" else "a cron trigger"
        return f" ({own} may call twice, and makes up for no tick that was missed)"
    return " (a cron trigger counts in UTC); without store=, run one bridge alone"


def _who_gives_up(trigger: Queued) -> str:
    if not trigger.dead_letter:
        return "; what never works goes where the queue's own redrive policy says, if it has one"
    return (
        "; what never works goes where the queue's own redrive policy says, and if it has none, to "
        f"{trigger.dead_letter!r} after {trigger.attempts} tries"
    )


def _refuse_sends(function: Function[..., Any], platform: str) -> None:
    """Raise for a part of a graph whose queue nobody takes from on that platform."""
    for each in function.sends:
        if each.kind not in TRIGGERS[platform]:
            there = "--on lambda" if platform == "nuclio" else "--on nuclio"
            other = (
                'give the graph\'s queues broker="nats://HOST:4222", which Nuclio reads'
                if platform == "nuclio"
                else "give its queues no broker="
            )
            raise CannotPlan(
                f"function {function.name!r} sends to the queue {each.queue!r}, and on {platform} "
                f"no function takes from one of kind {each.kind}; deploy the graph with {there}, "
                f"or {other}"
            )


def _refuse_on_nuclio(function: Function[..., Any]) -> None:
    if not _NUCLIO_NAME.fullmatch(function.name):
        raise CannotPlan(
            f"function name {function.name!r} does not work on nuclio: lower-case letters, "
            "digits and '-' only, at most 63; give it one with name="
        )
    for trigger in function.triggers:
        if isinstance(trigger, RabbitMQ) and not trigger.url:
            raise CannotPlan(
                f"function {function.name!r} reads the queue {trigger.queue!r} of a broker of "
                "Amazon MQ, and nuclio does not know its address: give rabbitmq() its url= as well"
            )
