"""`pelton plan`: what a deploy would change, and why; exit code 2 when there is something."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .requirements import make_resolver, requirement_options
from .say import json_option, say_json
from .where import (
    adopt_option,
    build_folder,
    file_argument,
    load_there,
    only_option,
    package_option,
    state_option,
    where_options,
)

if TYPE_CHECKING:
    from ..deploy.kinds.base import Change
    from ..deploy.plan import Plan, Step
    from ..deploy.saved import SavedPlan
    from ..deploy.session import Session


@click.command()
@file_argument
@only_option
@adopt_option
@click.option("--out", "out_file", type=click.Path(path_type=Path), help="Save the plan here.")
@state_option
@where_options
@requirement_options
@package_option
@json_option
def command(
    file: str,
    only: tuple[str, ...],
    adopt: tuple[str, ...],
    out_file: Path | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Show what deploying FILE (FILE.py, FILE.py:app or module:app; without it the app of this
    folder) would change.

    With --out it is saved, and `pelton deploy PLAN` applies it if nothing has moved by then.
    Exit code 0: nothing to do; 2: there are changes; 1: it failed.
    """
    from ..deploy.session import Session

    resolver = make_resolver(options, "read")
    app, root, where, only = load_there(file, options, only)
    with build_folder(root, options["to"]) as out:
        package = options["package"] or ""
        with Session(
            app, root, where, out, only, adopt, resolver=resolver, package=package
        ) as session:
            plan = _planned(session)
            if out_file is not None:
                saved_plan(session, plan, file, options).write(out_file)
    if as_json:
        say_json(plan.document())
    else:
        click.echo("\n".join(plan_lines(plan)))
        if out_file is not None:
            click.echo(f"saved: `pelton deploy {out_file}` applies it")
    click.get_current_context().exit(2 if plan else 0)


def _planned(session: Session) -> Plan:
    """The plan; whoever deploys meanwhile is named in it."""
    from dataclasses import replace

    holder = session.store.held()
    plan = session.plan()
    if not holder:
        return plan
    note = (
        f"the state is locked by {holder}: this plan is of what is there while that goes on; plan "
        "again when it has ended"
    )
    return replace(plan, notes=(note, *plan.notes))


def saved_plan(
    session: Session, plan: Plan, file: str, options: dict[str, Any], salt: str | None = None
) -> SavedPlan:
    """The plan with what it was made from; with another's salt, to be compared with that."""
    from ..deploy.saved import as_saved

    return as_saved(
        plan,
        file=file,
        place=f"account {session.place.account}, {session.place.region}",
        serial=session.state.serial if session.state else 0,
        artifacts={f"{e.function} on {e.target.platform}": e.digest for e in session.artifacts},
        only=session.only,
        options={**options, "adopt": list(session.adopt)},
        salt=salt,
    )


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
        if _value(change, change.old) != _value(change, change.new):  # a size may look the same
            yield _change_line(change, step.action)
    if step.follows:
        yield f"    then: {step.follows}"


def _change_line(change: Change, action: str) -> str:
    old = "" if change.old is None else f"{_value(change, change.old)} -> "
    new = "removed" if change.new is None else _value(change, change.new)
    told = change.old is not None or action == "update"  # all of what is made has one cause
    cause = f"  [{change.cause}]" if change.cause and told else ""
    by = "  (somebody else changed it)" if change.drift else ""
    anew = "  (deleted and made anew)" if change.replaces else ""
    return f"    {change.what}: {old}{new}{cause}{by}{anew}"


def _value(change: Change, value: Any) -> Any:
    from ..builders.report import human

    if isinstance(value, tuple | list):
        return ", ".join(map(str, value)) or "none"
    if change.what == "size" and value is not None:
        return human(value)
    return f"{value:.0f} ms" if change.what == "import time" and value is not None else value
