"""`pelton promote`: let a new version answer everything."""

from __future__ import annotations

import os
from typing import Any

import click

from .releases import Now, entry_document, entry_line, open_platform, who
from .say import json_option, say_json
from .where import there_options


@click.command()
@click.argument("function")
@click.argument("version", default="")
@click.option("--force", is_flag=True, help="Although a gate of the canary does not hold.")
@click.option("--reason", default="", help="Why; it is kept with the release.")
@there_options
@json_option
def command(
    function: str, version: str, force: bool, reason: str, as_json: bool, **options: Any
) -> None:
    """Let a new version of the deployed FUNCTION answer everything.

    It is the canary's, whose gates must hold; without a canary VERSION, or the newest.
    """
    from ..deploy.versions import judges, verbs
    from ..deploy.versions.gates import parse

    with open_platform(options) as platform:
        canary = platform.read(function).canary
        gates = [parse(each) for each in canary.gates] if canary and not force else []
        entry = verbs.promote(
            platform,
            function,
            judges.load(gates, os.getcwd()),
            now=Now().time(),
            by=who(),
            version=version,
            reason=reason,
            force=force,
        )
    if as_json:
        say_json(entry_document(function, entry))
    else:
        click.echo(entry_line(function, entry))
