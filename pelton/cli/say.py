"""How commands speak: lines for people, one JSON document with --json, failures in either form.

Knows nothing of what the commands do.
"""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from typing import Any, TypeVar

import click

_ASKED = "pelton.json"  # shared by a command and its group through the context

Decorated = TypeVar("Decorated", bound=Callable[..., Any])


def json_option(function: Decorated) -> Decorated:
    """The --json flag that every command has, as the argument `as_json`."""
    option = click.option(
        "--json",
        "as_json",
        is_flag=True,
        callback=_remember,
        is_eager=True,
        help="Print one JSON document.",
    )
    return option(function)


def _remember(ctx: click.Context, _: click.Parameter, value: bool) -> bool:
    ctx.meta[_ASKED] = value
    return value


def line_by_line() -> None:
    """Have what functions print and log leave at each line's end, into a pipe or a file too.

    Whoever follows it would hear of nothing until eight kilobytes have come together.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)


def say_json(value: object) -> None:
    """Print `value` as one JSON document (what is not JSON as its text)."""
    click.echo(json_text(value))


def json_text(value: object) -> str:
    """The document that `say_json` prints."""
    return json.dumps(value, default=str)


def report_failure(error: Exception, ctx: click.Context) -> None:
    """Print a failure: `error: <sentence>` and its notes to stderr, or with --json a document to
    stdout."""
    notes = list(getattr(error, "__notes__", ()))
    said = error.format_message() if isinstance(error, click.ClickException) else str(error)
    if is_asked_for_json(ctx):
        more = {"notes": notes} if notes else {}
        kind = "CommandFailed" if type(error) is click.ClickException else type(error).__name__
        say_json({"error": {"type": kind, "message": said, **more}})
    else:
        click.echo("\n".join([f"error: {said}", *notes]), err=True)


def is_asked_for_json(ctx: click.Context) -> bool:
    """Whether the command of `ctx`, or one below it, was given --json."""
    return bool(ctx.meta.get(_ASKED))
