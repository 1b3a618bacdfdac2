"""`pelton versions`: a function's versions, who answers, and how it came."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from .releases import entry_document, open_platform
from .say import json_option, say_json
from .where import there_options

if TYPE_CHECKING:
    from ..deploy.versions.release import Released


@click.command()
@click.argument("function")
@click.option("--keep", type=click.IntRange(1), help="Remove the oldest, so that so many are left.")
@there_options
@json_option
def command(function: str, keep: int | None, as_json: bool, **options: Any) -> None:
    """List the versions of the deployed FUNCTION, which of them answer, and the releases until now.

    With --keep the oldest are removed, but none that an alias names, that a canary is about, or
    that `pelton rollback` would go to.
    """
    from ..deploy.versions import verbs

    with open_platform(options) as platform:
        gone = verbs.clean(platform, function, keep) if keep else ()
        released = platform.read(function)
    if as_json:
        say_json(_document(released) | {"removed": list(gone)})
        return
    for line in (*_table(released), *_story(released)):
        click.echo(line)
    if gone:
        click.echo(f"removed: {', '.join(gone)}")


def _document(released: Released) -> dict[str, Any]:
    from dataclasses import asdict

    return {
        "function": released.function,
        "versions": [asdict(each) for each in released.versions],
        "answers": asdict(released.split) if released.split else None,
        "aliases": dict(released.aliases),
        "canary": released.canary.document() if released.canary else None,
        "releases": [entry_document(released.function, e) for e in released.ledger.entries],
    }


def _table(released: Released) -> list[str]:
    """A line a version, the newest first."""
    from ..deploy.versions.release import percent

    if not released.versions:
        return [f"{released.function} has no version yet: `pelton deploy` publishes one"]
    lines = []
    for each in reversed(released.versions):
        words = [name for name, number in released.aliases.items() if number == each.number]
        if released.split and released.split.new == each.number:
            words.append(f"canary, {percent(released.split.share)} of the requests")
        lines.append(f"{each.number:>5}  {each.digest:12}  {each.made:20.19}  {', '.join(words)}")
    return [line.rstrip() for line in lines]


def _story(released: Released) -> list[str]:
    from ..deploy.versions.release import moment

    return [
        f"{moment(each.at)}  {each.kind} {each.was or '-'} > {each.version} by {each.by}"
        + (f": {each.reason}" if each.reason else "")
        for each in released.ledger.entries
    ]
