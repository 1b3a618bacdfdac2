"""`pelton openapi`: the OpenAPI document of what `pelton serve` would serve."""

from __future__ import annotations

import json

import click

from .say import json_option


@click.command()
@click.argument("where")
@json_option
def command(where: str, as_json: bool) -> None:
    """Print the OpenAPI document of WHERE (module:graph, module:app or FILE.py), as JSON."""
    from ..runtime.asgi import Application
    from .served import described, find

    found = find(where)
    application = Application(found.app.functions.values())
    click.echo(json.dumps(described(application, found), indent=None if as_json else 2))
