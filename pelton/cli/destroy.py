"""`pelton destroy`: delete everything that a deploy of an app has made."""

from __future__ import annotations

import signal
import sys
import tempfile
from pathlib import Path
from typing import Any

import click

from .deploy import Progress
from .plan import plan_lines
from .say import json_option, say_json
from .where import file_argument, load_there, state_option, where_options


@click.command()
@file_argument
@click.option("--yes", is_flag=True, help="Do not ask.")
@state_option
@where_options
@json_option
def command(file: str, yes: bool, as_json: bool, **options: Any) -> None:
    """Show everything of FILE's app that is there, ask, and delete it.

    What others made is left alone, and so is the bucket of archives, which all apps share.
    """
    from ..deploy.session import Session

    app, root, where, _ = load_there(file, options)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as ctrl-C: in order
    with tempfile.TemporaryDirectory(prefix="pelton-destroy-") as out:
        with Session(app, root, where, Path(out)) as session:
            with session.store.lock("pelton destroy"):
                plan = session.plan(destroy=True)
                if not as_json:
                    click.echo("\n".join(plan_lines(plan)) if plan else f"{app.name}: nothing left")
                if plan and not yes:
                    _ask(len(plan.steps))
                session.apply(plan, Progress(plan, as_json))
    if as_json:
        say_json(plan.document())
    elif plan:
        click.echo(f"{app.name}: {len(plan.steps)} deleted")


def _ask(count: int) -> None:
    if not sys.stdin.isatty():
        raise click.UsageError("nobody is there to be asked; give --yes")
    click.confirm(f"delete these {count}?", abort=True)
