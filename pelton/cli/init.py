"""`pelton init`: a first app in a folder, ready to run."""

from __future__ import annotations

from pathlib import Path

import click

from .pipelines import PIPELINES
from .say import json_option, say_json

APP = '''"""A first app.  Try it:  pelton run app.py   then   curl -d '{"name": "you"}' localhost:8000/hello"""

from dataclasses import dataclass

import pelton

app = pelton.App("first")


@dataclass
class Who:
    name: str


@app.function(triggers=[pelton.http("POST", "/hello")])
def hello(who: Who, context: pelton.Context) -> dict[str, str]:
    context.logger.info("greeting", name=who.name)
    return {"hello": who.name}
'''  # noqa: E501 - a line of the file that is written


@click.command()
@click.argument("folder", default=".", type=click.Path(file_okay=False, path_type=Path))
@click.option("--ci", type=click.Choice(list(PIPELINES)), help="Write a pipeline file, too.")
@click.option(
    "--from",
    "template",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Take over a SAM template or a Nuclio function.yaml, beside it.",
)
@json_option
def command(folder: Path, ci: str | None, template: Path | None, as_json: bool) -> None:
    """Write app.py into FOLDER; a file that is there is never overwritten.

    With --ci also a pipeline: a plan on each request, a deploy on merge, production by approval;
    an app.py that is there stays as it is.  Where pelton.toml has environments, each is planned,
    the one before production is deployed on merge, and production by approval.

    With --from the app says what a template says, and calls its handlers as they are; what cannot
    be carried over is named, line by line.
    """
    files, lost = {folder / "app.py": APP}, list[str]()
    if template:
        from ..builders.takeover import read_template, render

        taken = read_template(template)
        files = {template.parent / place: text for place, text in render(taken).items()}
        lost = taken.lost
    if ci:
        place, text = _pipeline(ci, folder)
        files = {path: each for path, each in files.items() if not path.exists()}
        if _named(folder):
            files.pop(folder / "app.py", None)
        files[folder / place] = text
    if there := [path for path in files if path.exists()]:
        raise click.ClickException(f"{there[0]} is there already; nothing was written")
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    written = [str(path) for path in files]
    if as_json:
        say_json({"written": written[0], "files": written, "lost": lost})
        return
    for each in written:
        click.echo(f"{each} written")
    for each in lost:
        click.echo(each)
    click.echo("how to set it up is at the file's head" if ci else f"try: pelton run {written[-1]}")


def _pipeline(service: str, folder: Path) -> tuple[str, str]:
    """(where it is, what is in it), by the environments of the folder's settings."""
    from ..deploy.settings_file import read_settings
    from .pipelines_env import with_environments

    place, plain = PIPELINES[service]
    environments = list(read_settings(folder.resolve()).environments)
    if not environments:
        return place, plain
    try:
        return place, with_environments(service, environments, _named(folder) or "app.py")
    except ValueError as error:
        raise click.ClickException(f"{error}; nothing was written") from None


def _named(folder: Path) -> str:
    """The app that the folder's settings name; "" where they name none."""
    from ..builders.find_app import named

    return named(folder)
