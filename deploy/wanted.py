"""What an app asks for, said in the platforms' own shapes: functions and artifacts in, states out.

Pure: what only a platform can tell (account, queue ARNs) comes in as data.  What a platform
cannot give is refused here, by function and by name.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeGuard

from ..builders import Artifact
from ..handlers.function import Function
from ..handlers.triggers import Cron, Http, Kinesis, Sqs
from ..handlers.triggers.base import Trigger
from ..handlers.triggers.sqs import Handoff
from .errors import CannotPlan
from .schedules import eventbridge_cron, rate
from .states import (
    APP_TAG,
    CODE_TAG,
    DIGEST_TAG,
    Code,
    LambdaFunction,
    NuclioFunction,
    QueueMapping,
    QueueState,
    Schedule,
    SourceMapping,
    Statement,
)
from .streams import stream_mapping

TRIGGERS = {"lambda": ("http", "sqs", "kinesis", "cron"), "nuclio": ("http", "cron")}
_NUCLIO_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class Queue:
    """An SQS queue that is there.  `visibility` in seconds."""

    arn: str
    visibility: int = 30


@dataclass(frozen=True, slots=True)
class Place:
    """Where a deploy goes: the account's facts, and the queues the app names."""

    region: str
    account: str
    partition: str = "aws"
    role: str = ""  # for functions that name none
    queues: Mapping[str, Queue] = field(default_factory=dict)

    @property
    def bucket(self) -> str:
        """The bucket archives go through."""
        return f"pelton-artifacts-{self.account}-{self.region}"

    def rule_arn(self, rule: str) -> str:
        """An EventBridge rule's ARN."""
        return f"arn:{self.partition}:events:{self.region}:{self.account}:rule/{rule}"

    def queue_arn(self, queue: str) -> str:
        """A queue's ARN."""
        return f"arn:{self.partition}:sqs:{self.region}:{self.account}:{queue}"

    def stream_arn(self, stream: str) -> str:
        """A Kinesis stream's ARN."""
        return f"arn:{self.partition}:kinesis:{self.region}:{self.account}:stream/{stream}"


def is_given(trigger: Trigger) -> TypeGuard[Sqs]:
    """Whether a trigger's queue is somebody else's, and not one that a deploy makes."""
    return isinstance(trigger, Sqs) and not isinstance(trigger, Handoff)


def queues_of(functions: Sequence[Function[..., Any]]) -> tuple[QueueState, ...]:
    """The queues between the functions of graphs that these take from or send to."""
    found: dict[str, QueueState] = {}
    for function in functions:
        named = (*function.sends, *function.triggers)
        for each in (each for each in named if isinstance(each, Handoff)):
            state = QueueState(
                name=each.queue,
                visibility=each.visibility,
                dead_letter=each.dead_letter,
                receives=each.receives,
                ordered=each.ordered,
                function=function.name,
            )
            if found.setdefault(each.queue, state) != state:
                raise CannotPlan(
                    f"function {function.name!r} wants another queue {each.queue!r} than function "
                    f"{found[each.queue].function!r} does; give one of the two another name"
                )
    return tuple(found.values())


def not_deployed(
    functions: Sequence[Function[..., Any]], is_there: Callable[[str], bool]
) -> tuple[str, ...]:
    """A sentence for each queue that these send to and whose function is neither among them nor
    there already."""
    chosen = {each.name for each in functions}
    return tuple(
        f"{function.name} sends to the queue {each.queue}, and the function {each.function}, which "
        f"takes from it, is not deployed: what is sent waits there; deploy {each.function}, too"
        for function in functions
        for each in function.sends
        if each.function and each.function not in chosen and not is_there(each.function)
    )


def refuse_missing_queues(
    functions: Sequence[Function[..., Any]], place: Place, endpoint: str
) -> None:
    """Raise `CannotPlan` that names every queue which is listened to and not there."""
    missing = {
        trigger.queue: function.name
        for function in functions
        for trigger in function.triggers
        if is_given(trigger) and trigger.queue not in place.queues
    }
    if not missing:
        return
    heard = ", ".join(f"{queue!r} (function {name!r})" for queue, name in missing.items())
    where = f", endpoint_url={endpoint!r}" if endpoint else ""
    calls = "\n".join(
        f"  boto3.client('sqs'{where}).create_queue(QueueName={queue!r})" for queue in missing
    )
    raise CannotPlan(
        f"queues that functions listen to are not in account {place.account}, {place.region}: "
        f"{heard}; create them first, for example in Python:\n{calls}"
    )


def refuse_missing_triggers(function: Function[..., Any], platform: str) -> None:
    """Raise `CannotPlan` when `function` has a trigger that `platform` lacks, or a name it
    does not take."""
    for trigger in function.triggers:
        if trigger.kind not in TRIGGERS[platform]:
            where = [other for other, kinds in TRIGGERS.items() if trigger.kind in kinds]
            raise CannotPlan(
                f"function {function.name!r} has the trigger {trigger.kind}, which {platform} "
                f"does not have; deploy it with --on {' or '.join(where) or 'nothing yet'}, "
                "or choose functions with --only"
            )
    if platform == "nuclio" and function.sends:
        raise CannotPlan(
            f"function {function.name!r} sends to the queue {function.sends[0].queue!r}, and on "
            "nuclio no function takes from one; deploy the graph with --on lambda, or take the "
            "queue out of it"
        )
    if platform == "nuclio" and not _NUCLIO_NAME.fullmatch(function.name):
        raise CannotPlan(
            f"function name {function.name!r} does not work on nuclio: lower-case letters, "
            "digits and '-' only, at most 63; give it one with name="
        )


def code_of(artifact: Artifact, function: str, *, bucket: str = "") -> Code:
    """An artifact as an upload needs it; with `bucket` it goes through S3, named by content."""
    key = f"{function}/{artifact.sha256}.zip" if bucket else ""
    return Code(artifact.path, artifact.sha256, artifact.digest, bucket, key)


def lambda_function(
    app: str,
    function: Function[..., Any],
    artifact: Artifact,
    place: Place,
    *,
    architecture: str,
    code_sha256: str,
) -> LambdaFunction:
    """`function` as Lambda will have it."""
    settings = function.settings
    schedules = _schedules(function)
    http = any(trigger.kind == "http" for trigger in function.triggers)
    return LambdaFunction(
        name=function.name,
        runtime=artifact.runtime,
        handler=artifact.handler,
        role=_role(function, place),
        architecture=architecture,
        memory=settings.memory,
        timeout=settings.timeout,
        description=settings.description,
        environment=dict(settings.environment),
        tags={
            **settings.tags,
            APP_TAG: app,
            DIGEST_TAG: artifact.digest,
            CODE_TAG: code_sha256,
        },
        ephemeral_mb=settings.aws.ephemeral_mb,
        concurrency=settings.concurrency,
        url=http,
        routes=_routes(function),
        mappings=_mappings(function, place),
        schedules=schedules,
        permissions=(*(_url_statements() if http else ()), *_rule_statements(schedules, place)),
    )


def _routes(function: Function[..., Any]) -> tuple[str, ...]:
    return tuple(each.route for each in function.triggers if isinstance(each, Http))


def _role(function: Function[..., Any], place: Place) -> str:
    role = function.settings.aws.role or place.role
    if not role:
        raise CannotPlan(
            f"function {function.name!r} has no role to run under; "
            "give it one with aws=pelton.Aws(role='arn:aws:iam::ACCOUNT:role/NAME')"
        )
    return str(role)


def _mappings(function: Function[..., Any], place: Place) -> tuple[SourceMapping, ...]:
    found: list[SourceMapping] = []
    for trigger in function.triggers:
        if isinstance(trigger, Kinesis):
            found.append(stream_mapping(trigger, place))
        if not isinstance(trigger, Sqs):
            continue
        if isinstance(trigger, Handoff):
            arn = place.queue_arn(trigger.queue)
            found.append(QueueMapping(trigger.queue, arn, batch=trigger.batch))
            continue
        queue = place.queues[trigger.queue]
        if queue.visibility < function.settings.timeout:
            raise CannotPlan(
                f"queue {trigger.queue!r} shows a message again after {queue.visibility} s, before "
                f"function {function.name!r} must be done ({function.settings.timeout} s); raise "
                "its VisibilityTimeout (six times the function's timeout is usual)"
            )
        mapping = QueueMapping(
            queue.arn.rpartition(":")[2], queue.arn, batch=trigger.batch, window=trigger.window
        )
        found.append(mapping)
    return tuple(found)


def rule_prefix(function: str) -> str:
    """How the names of a function's rules begin; '.' is in no function's name, so no other
    function's rules begin so.

    >>> rule_prefix("hello")
    'hello.cron'
    """
    if len(function) <= 52:
        return f"{function}.cron"
    return f"{function[:40]}.{hashlib.sha256(function.encode()).hexdigest()[:8]}.cron"


def _schedules(function: Function[..., Any]) -> tuple[Schedule, ...]:
    found: list[Schedule] = []
    for trigger in function.triggers:
        if not isinstance(trigger, Cron):
            continue
        try:
            words = _expression(trigger)
        except ValueError as error:
            raise CannotPlan(f"function {function.name!r}: {error}") from error
        found.append(Schedule(f"{rule_prefix(function.name)}{len(found)}", words))
    return tuple(found)


def _expression(trigger: Cron) -> str:
    return rate(trigger.every_s) if trigger.every_s else eventbridge_cron(trigger.schedule)


def _url_statements() -> tuple[Statement, ...]:
    """A public URL needs both: since October 2025 the second too.

    Source: https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html
    """
    return (
        Statement("pelton-url", action="lambda:InvokeFunctionUrl", url=True),
        Statement("pelton-url-invoke", url=True),
    )


def _rule_statements(schedules: tuple[Schedule, ...], place: Place) -> tuple[Statement, ...]:
    return tuple(
        Statement(
            f"pelton-cron-{index}",
            principal="events.amazonaws.com",
            source_arn=place.rule_arn(schedule.rule),
        )
        for index, schedule in enumerate(schedules)
    )


def nuclio_function(app: str, function: Function[..., Any], artifact: Artifact) -> NuclioFunction:
    """`function` as Nuclio will have it, but for the archive's address."""
    if artifact.spec is None:
        raise CannotPlan(f"function {function.name!r}: its artifact is not one for nuclio")
    spec = json.loads(json.dumps(artifact.spec.get("spec", artifact.spec)))
    spec.setdefault("build", {}).pop("path", None)
    labels = {"pelton/app": app, **function.settings.tags}
    return NuclioFunction(
        function.name,
        app,
        spec,
        artifact.digest,
        labels,
        function.settings.nuclio.namespace,
        routes=_routes(function),
    )
