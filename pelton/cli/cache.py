"""`pelton cache`: what builds keep between them, how large it is, and how to be rid of it."""

from __future__ import annotations

import click

from .say import json_option, say_json


@click.command()
@click.argument("what", type=click.Choice(["show", "prune", "clean"]), default="show")
@click.option("--days", default=30, show_default=True, help="Of prune: how long unused.")
@json_option
def command(what: str, days: int, as_json: bool) -> None:
    """Show what builds have cached; with `prune` remove what was not used for --days days, and
    what killed builds left; with `clean` remove all.

    Nothing is lost but time: the next build makes it anew.
    """
    from ..builders import default_cache
    from ..builders.cache import clean, prune, sizes
    from ..builders.report import human

    folder = default_cache()
    freed = clean(folder) if what == "clean" else prune(folder, days) if what == "prune" else 0
    found = sizes(folder)
    if as_json:
        say_json({"folder": str(folder), "freed": freed, "bytes": found})
        return
    if what != "show":
        click.echo(f"{human(freed)} freed")
    click.echo(f"{folder}: {human(sum(found.values()))}")
    for name, size in sorted(found.items(), key=lambda each: -each[1]):
        click.echo(f"  {human(size):>9}  {name}")
