"""`pelton state`: what the last deploy left, made anew from tags, and its lock broken."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .say import json_option, say_json
from .where import file_argument, load_there, state_option, where_options

if TYPE_CHECKING:
    from ..deploy.session import Session


@click.group()
def command() -> None:
    """Look at the state of an app's last deploy, rebuild it, break its lock."""


@command.command()
@file_argument
@state_option
@where_options
@json_option
def show(file: str, as_json: bool, **options: Any) -> None:
    """Print what the last deploy of FILE left."""
    with _session(file, options) as session:
        state, where = session.state, session.store.where
    keys = sorted(state.resources) if state else []
    if as_json:
        serial = state.serial if state else 0
        say_json({"where": where, "serial": serial, "resources": keys})
    else:
        click.echo(f"{where}: {f'serial {state.serial}' if state else 'no state'}")
        for key in keys:
            click.echo(f"  {key}")


@command.command()
@file_argument
@state_option
@where_options
@json_option
def rebuild(file: str, as_json: bool, **options: Any) -> None:
    """Make the state of FILE's app anew from the tags and labels of what is there."""
    with _session(file, options) as session:
        with session.store.lock("pelton state rebuild"):
            state = session.rebuild()
        where = session.store.where
    if as_json:
        say_json({"where": where, "resources": sorted(state.resources)})
    else:
        click.echo(f"{where}: {len(state.resources)} resources found")


@command.command()
@file_argument
@state_option
@where_options
@json_option
def unlock(file: str, as_json: bool, **options: Any) -> None:
    """Break the lock of FILE's state: for when whoever held it has died."""
    with _session(file, options) as session:
        who, where = session.store.unlock(), session.store.where
    if as_json:
        say_json({"where": where, "held": who})
    else:
        click.echo(f"{where}: {f'it was held by {who}' if who else 'nobody held it'}")


@contextmanager
def _session(file: str, options: dict[str, Any]) -> Iterator[Session]:
    from ..deploy.session import Session

    app, root, where, _ = load_there(file, options)
    with tempfile.TemporaryDirectory(prefix="pelton-state-") as out:
        with Session(app, root, where, Path(out)) as session:
            yield session
