"""`pelton env`: an app's settings as an environment has them, and where each comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from .say import json_option, say_json

if TYPE_CHECKING:
    from ..deploy.environments import Environment


@click.command()
@click.argument("file")
@click.argument("name", default="")
@json_option
def command(file: str, name: str, as_json: bool) -> None:
    """Print what the functions of FILE are set to in the environment NAME of pelton.toml (or of
    [tool.pelton] in pyproject.toml), and where each value comes from.  Without NAME: what counts in
    no environment."""
    from ..builders import load_app
    from ..deploy.environments import environment_of

    app, root = load_app(file)
    found = environment_of(app, root, name)
    if as_json:
        say_json(found.document())
    else:
        click.echo("\n".join(environment_lines(found)))


def environment_lines(environment: Environment) -> list[str]:
    """A line a setting, with its origin."""
    told = environment.document()
    lines = [f"{told['app']}{f' in {environment.name}' if environment.name else ''}"]
    lines += [_line(key, each) for key, each in told["settings"].items()]
    for name, settings in told["functions"].items():
        deployed = settings.pop("deployed")
        lines.append(f"{name}{f', deployed as {deployed}' if deployed != name else ''}:")
        lines += [f"  {_line(key, each)}" for key, each in settings.items()]
    return lines


def _line(key: str, each: dict[str, object]) -> str:
    return f"  {key} = {each['value']}  ({each['from']})"
