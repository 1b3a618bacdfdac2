"""A function as Lambda will have it: the function, its URL, its API, its rules and its policy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ...handlers.function import Function
from ...handlers.triggers import Cron, Http
from ..errors import CannotPlan
from ..kinds.api_route import ApiRoute
from ..kinds.archive import Archive
from ..kinds.base import Resource
from ..kinds.bucket import Bucket
from ..kinds.event_config import EventConfig
from ..kinds.function import LambdaFunction
from ..kinds.http_api import HttpApi
from ..kinds.image import image_of
from ..kinds.layer import Layer
from ..kinds.log_group import PREFIX, LogGroup
from ..kinds.permission import Permission
from ..kinds.provisioned import Provisioned
from ..kinds.queue import Queue
from ..kinds.release import Release, published
from ..kinds.role import Role
from ..kinds.rule import Rule, rule_prefix
from ..kinds.url import Url
from ..place import Place
from ..schedules import eventbridge_cron, rate
from .common import AT_ONCE, Built, Releasing, after, called, role_name, routes_of
from .mappings import mappings
from .pushed import pushed, schedules
from .variables import refuse_variables
from .websockets import on_websockets

if TYPE_CHECKING:
    from ..policy.least import Least


def on_lambda(
    app: str,
    function: Function[..., Any],
    built: Built,
    place: Place,
    releasing: Releasing = AT_ONCE,
) -> Iterator[Resource]:
    """Everything that `function` is on Lambda; raises `CannotPlan` for what it cannot have."""
    refuse_variables(function.name, function.settings.environment, built.causes)
    yield from archives(built)
    yield from layers(built, place)
    around = list(_around(app, function, built, place))
    yield from around
    made = _function(app, function, built, place)
    made = replace(made, after=(*made.after, *(each.key for each in around)))
    yield made
    yield from _published(function, built, made, releasing)
    yield from _events(function, built, place)
    if any(isinstance(trigger, Http) for trigger in function.triggers):
        through_api = function.settings.aws.http == "api"
        yield from _api(app, function, built, place) if through_api else _url(function, built)
    yield from on_websockets(app, function, built.causes, place)
    yield from mappings(function, built, place)
    yield from _rules(function, built, place)
    yield from pushed(function, built.causes, place)
    yield from schedules(
        app, function, built.causes, place, lambda each: _expression(function, each)
    )


def _published(
    function: Function[..., Any], built: Built, made: LambdaFunction, releasing: Releasing
) -> Iterator[Resource]:
    """Versions of it, and how many sandboxes of what answers are ready."""
    if function.settings.versions:
        yield Release(
            name=function.name,
            function=function.name,
            causes=built.causes,
            published=published(made),
            keep=function.settings.versions,
            hold=releasing.hold,
            by=releasing.by,
        )
    if function.settings.aws.provisioned:
        yield Provisioned(
            name=called(function),
            function=called(function),
            after=after(function),
            causes=built.causes,
            count=function.settings.aws.provisioned,
        )


def _around(
    app: str, function: Function[..., Any], built: Built, place: Place
) -> Iterator[Resource]:
    """What must be there before the function: its role, its log, the queue of its failures."""
    aws = function.settings.aws
    if built.least is not None:
        yield Role(
            name=role_name(app, function.name),
            function=function.name,
            policy=built.least.document,
            causes=_causes(built.least),
        )
    if aws.log_days:
        group = f"{PREFIX}{function.name}"
        more = {"function": function.name, "causes": built.causes}
        yield LogGroup(name=group, days=aws.log_days, **more)  # type: ignore[arg-type]
    named = (aws.dead_letter, aws.on_failure, aws.on_success)
    for queue in dict.fromkeys(each for each in named if each and not each.startswith("arn:")):
        yield Queue(name=queue, function=function.name, causes=built.causes)


def _causes(least: Least) -> dict[str, str]:
    """Of each action, the lines that need it."""
    whys: dict[str, dict[str, None]] = {}
    for need in least.needs:
        whys.setdefault(need.action, {})[need.why] = None
    return {action: ", ".join(each for each in found if each) for action, found in whys.items()}


def _events(function: Function[..., Any], built: Built, place: Place) -> Iterator[Resource]:
    """How asynchronous events end, where the function says anything of it."""
    aws = function.settings.aws
    if aws.retries is None and not (aws.event_seconds or aws.on_failure or aws.on_success):
        return
    yield EventConfig(
        name=called(function),
        function=called(function),
        after=after(function),
        causes=built.causes,
        retries=aws.retries,
        seconds=aws.event_seconds or None,
        on_failure=_queue_or_arn(aws.on_failure, place),
        on_success=_queue_or_arn(aws.on_success, place),
    )


def _queue_or_arn(target: str, place: Place) -> str:
    return place.queue_arn(target) if target and not target.startswith("arn:") else target


def refuse_roles_of_others(functions: Sequence[Function[..., Any]], place: Place) -> None:
    """Raise `CannotPlan` for a role of another account than the credentials': Lambda takes none,
    and most often the credentials are the wrong ones."""
    for function in functions:
        role = function.settings.aws.role or place.role
        account = role.split(":")[4] if role.startswith("arn:") else ""
        if account and account != place.account:
            raise CannotPlan(
                f"function {function.name!r} has a role of account {account}, and the credentials "
                f"are for account {place.account}; is AWS_PROFILE the right one?"
            )


def archives(built: Built) -> Iterator[Resource]:
    """The bucket and the object that an artifact goes through, or the image that it becomes."""
    artifact = built.artifact
    if built.bucket:
        name = artifact.function
        yield Bucket(name=built.bucket, function=name)
        yield Archive(name=f"{built.bucket}/{built.path}", function=name, sha256=artifact.sha256)
    if artifact.image is not None:
        reference = artifact.image.reference
        yield image_of(reference, artifact.digest, artifact.function, built.causes)


def layers(built: Built, place: Place) -> Iterator[Resource]:
    """The layers of an artifact, and the objects that they go through, where they do."""
    for each in built.artifact.layers:
        bucket, path = (place.bucket, f"layers/{each.sha256}.zip") if each.needs_s3 else ("", "")
        if bucket:
            yield Bucket(name=bucket)
            yield Archive(name=f"{bucket}/{path}", sha256=each.sha256)
        yield Layer(
            name=each.name,
            sha256=each.sha256,
            bucket=bucket,
            path=path,
            zipped=each.report.zipped,
            runtimes=each.runtimes,
            architectures=each.architectures,
            causes=built.causes,
        )


def _function(app: str, function: Function[..., Any], built: Built, place: Place) -> LambdaFunction:
    settings, artifact = function.settings, built.artifact
    image, vpc = artifact.image.reference if artifact.image else "", settings.aws.vpc
    return LambdaFunction(
        name=function.name,
        function=function.name,
        causes=built.causes,
        runtime="" if image else artifact.runtime,
        handler="" if image else artifact.handler,
        role=_role(app, function, built, place),
        architecture=built.architecture,
        memory=settings.memory,
        timeout=settings.timeout,
        description=settings.description,
        environment=dict(settings.environment),
        tags=dict(settings.tags),
        ephemeral_mb=settings.aws.ephemeral_mb,
        dead_letter=_queue_or_arn(settings.aws.dead_letter, place),
        subnets=tuple(vpc.subnets) if vpc else (),
        security_groups=tuple(vpc.security_groups) if vpc else (),
        concurrency=settings.concurrency,
        digest=artifact.digest,
        sha256=artifact.sha256,
        layers=(*settings.aws.layers, *(each.name for each in artifact.layers)),
        image=image,
        bucket=built.bucket,
        path=built.path,
        sources=built.sources,
        packages=built.packages,
        zipped=artifact.report.zipped,
        unzipped=artifact.report.unzipped,
        import_ms=built.import_ms,
    )


def _role(app: str, function: Function[..., Any], built: Built, place: Place) -> str:
    if built.least is not None:
        return place.role_arn(role_name(app, function.name))
    role = function.settings.aws.role or place.role
    if not role:
        raise CannotPlan(
            f"function {function.name!r} has no role to run under; "
            "give it one with aws=pelton.Aws(role='arn:aws:iam::ACCOUNT:role/NAME')"
        )
    return str(role)


def _url(function: Function[..., Any], built: Built) -> Iterator[Resource]:
    """A public URL needs both statements: since October 2025 the second too.

    Source: https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html
    """
    name = called(function)
    more = {"function": name, "causes": built.causes, "after": after(function)}
    yield Url(name=name, routes=routes_of(function), **more)  # type: ignore[arg-type]
    for sid, action in (
        ("pelton-url", "lambda:InvokeFunctionUrl"),
        ("pelton-url-invoke", "lambda:InvokeFunction"),
    ):
        yield Permission(name=f"{name}/{sid}", action=action, url=True, **more)  # type: ignore[arg-type]


def _api(app: str, function: Function[..., Any], built: Built, place: Place) -> Iterator[Resource]:
    """The app's HTTP API, and the function's routes in it."""
    yield HttpApi(name=app, function=function.name)
    for route in routes_of(function):
        yield ApiRoute(
            name=f"{app}/{route}",
            function=function.name,
            after=after(function),
            causes=built.causes,
            arn=place.function_arn(called(function)),
        )


def _rules(function: Function[..., Any], built: Built, place: Place) -> Iterator[Resource]:
    crons = [each for each in function.triggers if isinstance(each, Cron)]
    crons = [each for each in crons if not each.timezone and not each.store]
    for index, trigger in enumerate(crons):
        rule = f"{rule_prefix(function.name)}{index}"
        expression = _expression(function, trigger)
        may = Permission(
            name=f"{called(function)}/pelton-cron-{index}",
            function=called(function),
            after=after(function),
            causes=built.causes,
            principal="events.amazonaws.com",
            source_arn=place.rule_arn(rule),
        )
        yield may
        yield Rule(
            name=rule,
            function=function.name,
            causes=built.causes,
            expression=expression,
            after=(may.key,),
            arn=place.function_arn(called(function)),
        )


def _expression(function: Function[..., Any], trigger: Cron) -> str:
    try:
        return rate(trigger.every_s) if trigger.every_s else eventbridge_cron(trigger.schedule)
    except ValueError as error:
        raise CannotPlan(f"function {function.name!r}: {error}") from error
