"""`pelton env`: an app's settings as an environment has them, and where each comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from .say import json_option, say_json
from .where import find_file

if TYPE_CHECKING:
    from ..deploy.environments import Environment


@click.command()
@click.argument("words", nargs=-1, metavar="[FILE] [NAME]")
@json_option
def command(words: tuple[str, ...], as_json: bool) -> None:
    """Print what the functions of FILE are set to in the environment NAME of pelton.toml (or of
    [tool.pelton] in pyproject.toml), and where each value comes from.  Without NAME: what counts in
    no environment."""
    from ..builders import load_app
    from ..deploy.environments import environment_of

    file, name = _file_and_name(words)
    app, root = load_app(file)
    found = environment_of(app, root, name)
    if as_json:
        say_json(found.document())
    else:
        click.echo("\n".join(environment_lines(found)))


def _file_and_name(words: tuple[str, ...]) -> tuple[str, str]:
    """What is given of the two: a single word is a file's only if it looks like one.

    >>> _file_and_name(("app.py",)), _file_and_name(("app.py", "prod"))
    (('app.py', ''), ('app.py', 'prod'))
    """
    if len(words) > 2:
        raise click.UsageError(f"{words[2]!r} is one word too many: it is [FILE] [NAME]")
    if len(words) == 2:
        return words[0], words[1]
    word = "".join(words)
    if any(each in word for each in ".:/"):
        return word, ""
    return find_file(), word


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
