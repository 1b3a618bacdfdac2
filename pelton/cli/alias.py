"""`pelton alias`: let a name mean a version."""

from __future__ import annotations

from typing import Any

import click

from .releases import Now, open_platform, who
from .say import json_option, say_json
from .where import there_options


@click.command()
@click.argument("function")
@click.argument("name")
@click.argument("version")
@there_options
@json_option
def command(function: str, name: str, version: str, as_json: bool, **options: Any) -> None:
    """Let the alias NAME of the deployed FUNCTION mean VERSION (a number, or another alias).

    The alias `live` is the one that triggers call.
    """
    from ..deploy.versions import verbs

    with open_platform(options) as platform:
        number = verbs.set_alias(platform, function, name, version, now=Now().time(), by=who())
    if as_json:
        say_json({"function": function, "alias": name, "version": number})
    else:
        click.echo(f"{function}: {name} is version {number}")
