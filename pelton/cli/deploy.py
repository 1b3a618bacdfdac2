"""`pelton deploy`: plan, then apply; a second run without a change does nothing."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .plan import plan_lines
from .releases import who
from .say import json_option, say_json
from .where import make_where, where_options

if TYPE_CHECKING:
    from ..deploy.plan import Step


@click.command()
@click.argument("file")
@click.option("--only", multiple=True, help="Only this function (may be repeated).")
@click.option(
    "--hold", is_flag=True, help="Publish, and let the version that answers be (with versions=)."
)
@where_options
@json_option
def command(file: str, only: tuple[str, ...], hold: bool, as_json: bool, **options: Any) -> None:
    """Build the functions of FILE, plan what must change, and apply that plan."""
    from ..builders import load_app
    from ..deploy.apply import apply
    from ..deploy.session import Session
    from ..deploy.wants.common import Releasing

    app, root = load_app(file)
    with tempfile.TemporaryDirectory(prefix="pelton-deploy-") as out:
        releasing = Releasing(hold, who())
        where = make_where(options)
        with Session(app, root, where, Path(out), only, releasing=releasing) as session:
            plan = session.plan()
            if not as_json and plan:
                for artifact in session.artifacts:
                    click.echo(f"{artifact.function}: " + "\n".join(artifact.report.lines(4)))
            if not as_json and not plan:
                click.echo("\n".join(plan_lines(plan)))
            apply(plan, session.target, on_step=_silent if as_json else _say)
            urls = [] if as_json else _urls(session)
    if as_json:
        say_json(plan.document() | {"sources": session.sources()})
    elif plan:
        for name, url in urls:
            click.echo(f"{name}: {url}")
        click.echo(f"{app.name}: {len(plan.steps)} changes applied")
        for note in plan.notes:
            click.echo(f"note: {note}")


def _silent(step: Step, seconds: float | None) -> None:
    pass


def _say(step: Step, seconds: float | None) -> None:
    if seconds is None:
        changes = ", ".join(each.what for each in step.changes)
        click.echo(step.head + (f" ({changes})" if changes else ""))


def _urls(session: Any) -> list[tuple[str, str]]:
    """(function, method and address) of every HTTP trigger on Lambda."""
    from ..deploy.wants.lambda_ import called

    if "lambda" not in session.where.platforms:
        return []
    found = []
    for function in session.chosen():
        routes = [each for each in function.triggers if each.kind == "http"]
        url = (session.aws.url(called(function)) or "").rstrip("/") if routes else ""
        found += [(function.name, f"{each.method} {url}{each.path}") for each in routes]
    return found
