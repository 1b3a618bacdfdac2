"""`pelton export`: an app for those who deploy with SAM, CloudFormation, Terraform or nuctl."""

from __future__ import annotations

from pathlib import Path

import click

from .say import json_option, say_json
from .where import chosen_functions, env_option, file_argument, only_option, some_region

FORMATS = ["sam", "cloudformation", "terraform", "nuctl"]


@click.command()
@click.argument("format_", metavar="FORMAT", type=click.Choice(FORMATS))
@file_argument
@only_option
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), required=True)
@click.option("--role", default="", help="Execution role, in place of one that is made.")
@click.option(
    "--archives",
    "address",
    default="",
    metavar="URL",
    help="nuctl: where the folder `artifacts` will be fetched from [beside function.yaml].",
)
@env_option
@json_option
def command(
    format_: str,
    file: str,
    only: tuple[str, ...],
    out: Path,
    role: str,
    address: str,
    env: str,
    as_json: bool,
) -> None:
    """Write the app of FILE as FORMAT (sam, cloudformation, terraform or nuctl) into --out.

    Functions with all that a deploy would make of them, as the environment --env has them, and the
    archives in --out/artifacts.  What the format has no words for is named.
    """
    from dataclasses import replace

    from ..builders import load_app
    from ..deploy.environments import environment_of
    from ..deploy.errors import CannotPlan
    from ..deploy.exports.collect import export

    with some_region():
        given, root = load_app(file)
    found = environment_of(given, root, env)
    app = found.app
    if not app.functions:
        raise CannotPlan(f"app {app.name} has no functions: put @app.function above one")
    chosen = chosen_functions(app, only)
    made = export(format_, app, root, out, functions=chosen, role=role, address=address)
    if region := found.value("region"):
        said = f"the settings say the region {region}: deploy it there"
        made = replace(made, notes=(*made.notes, said))
    if as_json:
        files = sorted(str(out / each) for each in made.files)
        say_json({"files": files, "next": list(made.next), "notes": list(made.notes)})
        return
    for each in made.files:
        click.echo(f"{out / each} written")
    for note in made.notes:
        click.echo(f"note: {note}")
    click.echo("\n".join([f"deploy it, in {out}:", *(f"  {each}" for each in made.next)]))
