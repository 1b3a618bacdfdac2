"""`pelton plan`: what a deploy would change, and why; exit code 2 when there is something."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .say import json_option, say_json
from .where import make_where, where_options

if TYPE_CHECKING:
    from ..deploy.plan import Plan, Step


@click.command()
@click.argument("file")
@click.option("--only", multiple=True, help="Only this function (may be repeated).")
@where_options
@json_option
def command(file: str, only: tuple[str, ...], as_json: bool, **options: Any) -> None:
    """Show what deploying FILE (FILE.py, FILE.py:app or module:app) would change.

    Exit code 0: nothing to do; 2: there are changes; 1: it failed.
    """
    from ..builders import load_app
    from ..deploy.session import Session

    app, root = load_app(file)
    with tempfile.TemporaryDirectory(prefix="pelton-plan-") as out:
        with Session(app, root, make_where(options), Path(out), only) as session:
            plan = session.plan()
    if as_json:
        say_json(plan.document())
    else:
        click.echo("\n".join(plan_lines(plan)))
    click.get_current_context().exit(2 if plan else 0)


def plan_lines(plan: Plan) -> list[str]:
    """The plan for people: a line a step, below it what was and what will be."""
    notes = [f"note: {each}" for each in plan.notes]
    if not plan:
        said = f"{plan.app}: nothing to do ({', '.join(plan.functions) or 'no functions'})"
        return [said, *notes]
    return [line for step in plan.steps for line in step_lines(step)] + notes


def step_lines(step: Step) -> Iterator[str]:
    yield step.head + (f" ({step.drift})" if step.drift else "")
    for change in step.changes:
        old = "" if change.old is None else f"{change.old} -> "
        new = "removed" if change.new is None else change.new
        cause = f"  [{change.cause}]" if change.cause and change.old is not None else ""
        by = "  (somebody else changed it)" if change.drift else ""
        yield f"    {change.what}: {old}{new}{cause}{by}"
    if step.follows:
        yield f"    then: {step.follows}"
