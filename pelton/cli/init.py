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
@json_option
def command(folder: Path, ci: str | None, as_json: bool) -> None:
    """Write app.py into FOLDER; a file that is there is never overwritten.

    With --ci also a pipeline: a plan on each request, a deploy on merge, production by approval;
    an app.py that is there stays as it is.
    """
    files = {folder / "app.py": APP}
    if ci:
        place, text = PIPELINES[ci]
        files = {path: each for path, each in files.items() if not path.exists()}
        files[folder / place] = text
    if there := [path for path in files if path.exists()]:
        raise click.ClickException(f"{there[0]} is there already; nothing was written")
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    written = [str(path) for path in files]
    if as_json:
        say_json({"written": written[0], "files": written})
        return
    for each in written:
        click.echo(f"{each} written")
    click.echo(
        "how to set it up is at the file's head" if ci else f"try: pelton run {folder / 'app.py'}"
    )
