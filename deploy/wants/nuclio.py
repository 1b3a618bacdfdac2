"""A function as Nuclio will have it: the project, the archive, and the function."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from ...handlers.function import Function
from ...handlers.secret import is_reference
from ..errors import CannotPlan
from ..kinds.base import Resource
from ..kinds.nuclio_function import NuclioFunction
from ..kinds.nuclio_gateway import NuclioGateway
from ..kinds.nuclio_project import NuclioProject
from ..kinds.nuclio_release import NuclioRelease, published
from .brokers import needed
from .common import AT_ONCE, Built, Releasing, routes_of
from .lambda_ import archives


def on_nuclio(
    app: str, function: Function[..., Any], built: Built, releasing: Releasing = AT_ONCE
) -> Iterator[Resource]:
    """Everything that `function` is on Nuclio; raises `CannotPlan` for what it cannot have."""
    made = _function(app, function, built)
    yield from archives(built)
    yield NuclioProject(name=app, function=function.name)
    run: Resource = _released(made, function, releasing) if function.settings.versions else made
    yield run
    if function.settings.nuclio.host:
        yield NuclioGateway(
            name=function.name,
            function=function.name,
            causes=built.causes,
            after=(run.key,),
            host=function.settings.nuclio.host,
            project=app,
        )


def _function(app: str, function: Function[..., Any], built: Built) -> NuclioFunction:
    artifact = built.artifact
    if artifact.spec is None:
        raise CannotPlan(f"function {function.name!r}: its artifact is not one for nuclio")
    spec = json.loads(json.dumps(artifact.spec.get("spec", artifact.spec)))
    build = spec.setdefault("build", {})
    build.pop("path", None)
    source = build.pop("functionSourceCode", "")
    return NuclioFunction(
        name=function.name,
        function=function.name,
        causes=built.causes,
        project=app,
        spec=spec,
        digest=artifact.digest,
        labels=dict(function.settings.tags),
        namespace=function.settings.nuclio.namespace,
        source=source,
        bucket=built.bucket,
        path=built.path,
        routes=routes_of(function),
        after=needed(function),
        sources=built.sources,
        zipped=artifact.report.zipped,
    )


def refuse_secrets_on_docker(
    functions: Sequence[Function[..., Any]], platform: Callable[[], str]
) -> None:
    """Raise `CannotPlan` for a secret where Nuclio runs on Docker, which follows no reference.

    platform: what Nuclio runs on, asked for where a function has a secret
    """
    for function in functions:
        for variable, value in function.settings.environment.items():
            if is_reference(value) and platform() == "local":
                raise CannotPlan(
                    f"function {function.name!r}: environment {variable} is a secret of the "
                    "cluster, and this Nuclio runs on Docker, which has none; deploy it to a "
                    "Nuclio on Kubernetes, or give this environment a plain value of its own"
                )


def without_gateways(
    wanted: Sequence[Resource], has_gateways: Callable[[], bool]
) -> tuple[list[Resource], list[str]]:
    """(what is wanted but for API gateways, a note on each), where Nuclio has none (on Docker)."""
    gateways = [each for each in wanted if isinstance(each, NuclioGateway)]
    if not gateways or has_gateways():
        return list(wanted), []
    notes = [
        f"{each.name} has host={each.host!r}, and this Nuclio has no API gateways: it is called at "
        "its own address"
        for each in gateways
    ]
    return [each for each in wanted if not isinstance(each, NuclioGateway)], notes


def _released(
    made: NuclioFunction, function: Function[..., Any], releasing: Releasing
) -> NuclioRelease:
    """The function as its releases run it; raises `CannotPlan` where its code is kept nowhere."""
    if made.source:
        raise CannotPlan(
            f"function {made.name!r} has versions=, whose configurations are kept in the "
            "project's annotations, where no source code fits: give it "
            'nuclio=pelton.Nuclio(package="archive") or package="image"'
        )
    return NuclioRelease(
        name=made.name,
        function=made.name,
        causes=made.causes,
        project=made.project,
        published=published(made),
        keep=function.settings.versions,
        hold=releasing.hold,
        by=releasing.by,
        spec=made.spec,
        digest=made.digest,
        labels=made.labels,
        namespace=made.namespace,
        bucket=made.bucket,
        path=made.path,
        sources=made.sources,
        zipped=made.zipped,
        after=made.after,
    )
