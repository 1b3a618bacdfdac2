"""`pelton deploy`: plan, then apply; a second run without a change does nothing."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .plan import plan_lines, saved_plan
from .releases import who
from .requirements import make_resolver, requirement_options
from .say import json_option, say_json
from .where import (
    adopt_option,
    build_folder,
    find_file,
    load_there,
    only_option,
    package_option,
    state_option,
    where_options,
)

if TYPE_CHECKING:
    from ..deploy.plan import Plan, Step
    from ..deploy.saved import SavedPlan
    from ..deploy.session import Session


@click.command()
@click.argument("file", default="")
@only_option
@adopt_option
@click.option("--plan", "planned", type=click.Path(path_type=Path), help="A plan saved by --out.")
@click.option(
    "--hold", is_flag=True, help="Publish, and let the version that answers be (with versions=)."
)
@state_option
@where_options
@requirement_options
@package_option
@json_option
def command(
    file: str,
    only: tuple[str, ...],
    adopt: tuple[str, ...],
    planned: Path | None,
    hold: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Build the functions of FILE, plan what must change, and apply that plan.

    FILE is FILE.py, FILE.py:app or module:app; without it the app of this folder.  It may be a
    plan saved by `pelton plan --out`: then exactly that one is applied, with the options that it
    was made with, or refused with what has moved.
    """
    from ..deploy.saved import SavedPlan
    from ..deploy.session import Session
    from ..deploy.wants.common import Releasing

    resolver = make_resolver(options, "write")
    saved = _saved(file, planned)
    if saved is not None:
        file, only, options = saved.file, tuple(saved.only), dict(saved.options)
        adopt = tuple(options.pop("adopt", ()))
    app, root, where, only = load_there(file or find_file(), options, only)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as ctrl-C: in order
    releasing = Releasing(hold, who())
    with build_folder(root, options["to"]) as out:
        package = options.get("package") or ""
        with Session(
            app, root, where, out, only, adopt, releasing, resolver, package=package
        ) as session:
            with session.store.lock("pelton deploy"):
                plan = session.plan()
                if isinstance(saved, SavedPlan):
                    saved.refuse_moved(saved_plan(session, plan, file, options, saved.salt))
                _announce(session, plan, as_json)
                session.apply(plan, Progress(plan, as_json))
            urls = [] if as_json else _urls(session)
    if as_json:
        say_json(plan.document() | {"sources": session.sources()})
    elif plan:
        for name, url in urls:
            click.echo(f"{name}: {url}")
        many = "change" if len(plan.steps) == 1 else "changes"
        click.echo(f"{app.name}: {len(plan.steps)} {many} applied")
        for note in plan.notes:
            click.echo(f"note: {note}")


def _saved(file: str, planned: Path | None) -> SavedPlan | None:
    from ..deploy.saved import SavedPlan

    if planned is not None and file:
        raise click.UsageError("give FILE or --plan, not both: a plan names its app")
    if planned is None and not file.endswith(".json"):
        return None
    return SavedPlan.read(planned or Path(file))


def _announce(session: Session, plan: Plan, as_json: bool) -> None:
    if as_json:
        return
    if not plan:
        click.echo("\n".join(plan_lines(plan)))
        return
    for artifact in session.artifacts:
        click.echo(f"{artifact.function}: " + "\n".join(artifact.report.lines(4)))


class Progress:
    """A line when a step begins, and one when it is done."""

    def __init__(self, plan: Plan, quiet: bool) -> None:
        self._quiet, self._all, self._done = quiet, len(plan.steps), 0

    def __call__(self, step: Step, seconds: float | None) -> None:
        if self._quiet:
            return
        if seconds is None:
            changes = ", ".join(each.what for each in step.changes)
            click.echo(step.head + (f" ({changes})" if changes else ""))
            return
        self._done += 1
        click.echo(f"  {self._done}/{self._all} done: {step.head}, {seconds:.1f} s")


def _urls(session: Session) -> list[tuple[str, str]]:
    """(function, method and address) of every HTTP trigger on Lambda."""
    if "lambda" not in session.where.platforms:
        return []
    found = []
    for function in session.chosen():
        routes: list[Any] = [each for each in function.triggers if each.kind == "http"]
        url = _address(session, function).rstrip("/") if routes else ""
        found += [(function.name, f"{each.method} {url}{each.path}") for each in routes]
        found += _sockets(session, function)
    return found


def _sockets(session: Session, function: Any) -> list[tuple[str, str]]:
    """Where clients of the function's WebSocket routes connect."""
    triggers = [each for each in function.triggers if each.kind == "websocket_api"]
    if not triggers:
        return []
    from ..deploy.kinds.websocket_api import WebSocketApi

    api = WebSocketApi.read(session.target, WebSocketApi.name_of(session.app.name))
    address = api.address_at(session.where.aws_address) if api else ""
    return [(function.name, f"{address} ({each.name})") for each in triggers]


def _address(session: Any, function: Any) -> str:
    """Where a function's routes are: its own URL, or the app's HTTP API."""
    from ..deploy.kinds.http_api import HttpApi
    from ..deploy.wants.common import called

    if function.settings.aws.http != "api":
        return str(session.aws.url(called(function)) or "")
    api = HttpApi.read(session.target, session.app.name)
    return api.endpoint if api else ""
