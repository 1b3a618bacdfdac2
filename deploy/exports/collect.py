"""An app becomes a folder for another tool: built for the platform, of which nothing is asked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ...builders import Artifact, Target, build
from ...handlers.app import App
from ...handlers.function import Function
from ..kinds.base import Resource
from ..place import Place, Queue
from ..policy.arns import Account
from ..policy.least import least_policy, records_of
from ..wants import between, brokers, common, missing
from ..wants.lambda_ import on_lambda
from ..wants.nuclio import on_nuclio
from . import format_of
from .base import ROLE, Asked, Exported

PACKAGES = {"lambda": "zip", "nuclio": "archive"}  # what every format has words for
PATIENT = 43_200  # seconds: what the visibility of a queue that is not asked could be


def export(
    name: str,
    app: App,
    root: Path,
    out: Path,
    *,
    functions: Sequence[Function[..., Any]] = (),
    role: str = "",
    address: str = "",
) -> Exported:
    """Write `app` in the format of that name into `out`, with its archives in `out/artifacts`.

    functions: those of the app that are exported; all of them where none is given
    role:    ARN for functions that name none; "": the template makes one with the least policy
    address: where the archives will be fetched from, for formats that fetch them
    Raises `BuildError` and `CannotPlan`; a file that is there is written over.
    """
    format_ = format_of(name)
    functions = functions or list(app.functions.values())
    for function in functions:
        missing.refuse_missing_triggers(function, format_.PLATFORM)
    built = {each.name: _built(each, format_.PLATFORM, root, out) for each in functions}
    place = replace(format_.PLACE, role=role or ROLE, queues=_given(functions, format_.PLACE))
    resources = tuple(_wanted(app, functions, built, place, format_.PLATFORM))
    asked = Asked(
        app.name,
        resources,
        archives={each: _place(built[each].artifact) for each in built},
        policies=dict(_policies(functions, root, place)) if format_.PLATFORM == "lambda" else {},
        address=address,
    )
    made = format_.write(asked)
    for file, text in made.files.items():
        path = out / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return replace(made, notes=(*made.notes, *_notes(functions, place)))


def _built(function: Function[..., Any], platform: str, root: Path, out: Path) -> common.Built:
    target = Target.nuclio(function) if platform == "nuclio" else Target.aws(function)
    package = PACKAGES[platform]
    artifact = build(function, target, root=root, out=out / "artifacts", package=package)
    path = out / _place(artifact)
    path.parent.mkdir(parents=True, exist_ok=True)
    artifact.path.replace(path)
    artifact = replace(artifact, path=path)
    return common.Built(
        artifact,
        target.architecture,
        where=common.where_of(function, root),
        sources=artifact.sources,
    )


def _place(artifact: Artifact) -> str:
    """Where a function's zip lies, from the template: named by its content."""
    return f"artifacts/{artifact.function}/{artifact.sha256}.zip"


def _wanted(
    app: App,
    functions: Sequence[Function[..., Any]],
    built: dict[str, common.Built],
    place: Place,
    platform: str,
) -> Iterator[Resource]:
    if platform == "nuclio":
        yield from brokers.on_brokers(functions)
        for function in functions:
            yield from on_nuclio(app.name, function, built[function.name])
        return
    yield from between.between(functions)
    for function in functions:
        yield from on_lambda(app.name, function, built[function.name], place)


def _given(functions: Sequence[Function[..., Any]], place: Place) -> dict[str, Queue]:
    """The queues of others, which must be there when the template is deployed."""
    found = {}
    for trigger in (t for each in functions for t in each.triggers if between.is_given(t)):
        arn = trigger.queue if trigger.queue.startswith("arn:") else place.queue_arn(trigger.queue)
        found[trigger.queue] = Queue(arn, PATIENT)
    return found


def _policies(
    functions: Sequence[Function[..., Any]], root: Path, place: Place
) -> Iterator[tuple[str, dict[str, Any]]]:
    where, records = Account(place.partition, place.region, place.account), records_of(root)
    for function in functions:
        yield function.name, least_policy(function, root, where, records).document


def _notes(functions: Sequence[Function[..., Any]], place: Place) -> Iterator[str]:
    yield from between.held_up(functions)
    for each in functions:
        package = each.settings.aws.package
        if place.account and package != PACKAGES["lambda"]:
            yield f"function {each.name} is exported as a zip, not as {package}"
    for name in place.queues:
        yield (
            f"the queue {name} must be there, and show a message again only after six times its "
            "function's timeout: the template does not make it"
        )
