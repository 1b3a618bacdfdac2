"""`pelton init`: a first app in a folder, ready to run."""

from __future__ import annotations

from pathlib import Path

import click

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
@json_option
def command(folder: Path, as_json: bool) -> None:
    """Write app.py into FOLDER; a file that is there is never overwritten."""
    path = folder / "app.py"
    if path.exists():
        raise click.ClickException(f"{path} is there already; nothing was written")
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text(APP)
    if as_json:
        say_json({"written": str(path)})
    else:
        click.echo(f"{path} written; try: pelton run {path}")
