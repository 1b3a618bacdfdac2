"""`pelton rollback`: let the version before answer again."""

from __future__ import annotations

from typing import Any

import click

from .releases import Now, entry_document, entry_line, open_platform, who
from .say import json_option, say_json
from .where import there_options


@click.command()
@click.argument("function")
@click.argument("version", default="")
@click.option("--reason", default="", help="Why; it is kept with the release.")
@there_options
@json_option
def command(function: str, version: str, reason: str, as_json: bool, **options: Any) -> None:
    """Let VERSION of the deployed FUNCTION answer everything; without it the one that answered
    before.  A canary under way is taken back.
    """
    from ..deploy.versions import verbs

    with open_platform(options) as platform:
        entry = verbs.roll_back(
            platform, function, now=Now().time(), by=who(), version=version, reason=reason
        )
    if as_json:
        say_json(entry_document(function, entry))
    else:
        click.echo(entry_line(function, entry))
