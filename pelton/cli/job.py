"""`pelton job`: a graph over a dataset."""

from __future__ import annotations

from pathlib import Path

import click

from . import graphs as of
from .env_file import env_file_option, root_of, take
from .say import json_option, say_json

_PATH = click.Path(dir_okay=False, path_type=Path)
SHOWN = 5  # errors, on the terminal


@click.command()
@click.argument("file")
@click.argument("data", type=_PATH)
@click.option("--graph", "name", help="Which graph, where FILE has several.")
@click.option("--out", type=_PATH, required=True, help="Answers: .jsonl, .csv or .parquet.")
@click.option(
    "--executor",
    type=click.Choice(["local", "processes", "dask", "ray"]),
    default="local",
    show_default=True,
)
@click.option("--workers", type=click.IntRange(min=1), help="As many as processors, if left out.")
@click.option("--chunk", type=click.IntRange(min=1), default=256, show_default=True, help="Rows.")
@click.option(
    "--errors",
    type=click.Choice(["raise", "collect"]),
    default="raise",
    show_default=True,
    help="End with the first row that fails, or go on and write them to OUT.errors.jsonl.",
)
@env_file_option
@json_option
def command(
    file: str,
    data: Path,
    name: str | None,
    out: Path,
    executor: str,
    workers: int | None,
    chunk: int,
    errors: str,
    env_file: str | None,
    as_json: bool,
) -> None:
    """Run every row of DATA (.csv, .jsonl or .parquet) through the graph of FILE (FILE.py,
    FILE.py:app, module:graph, .json or .yaml); the answers in the order of the rows.

    The exit code is 1 when rows failed.
    """
    if taken := take(env_file, root_of(file)):
        click.echo(f"variables of {taken}", err=True)
    graph = of.only(of.find(file, name), "a job")
    progress = False if as_json else None
    done = graph.job(
        data,
        executor=executor,
        workers=workers,
        chunk=chunk,
        errors="collect" if errors == "collect" else "raise",
        out=out,
        progress=progress,
    )
    if as_json:
        failed = [each._asdict() for each in done.errors]
        say_json({"rows": done.rows, "seconds": done.seconds, "out": out, "errors": failed})
    else:
        click.echo(f"{done.rows:,} rows in {done.seconds:.1f} s: {out}")
        for each in done.errors[:SHOWN]:
            click.echo(str(each), err=True)
        if done.errors:
            click.echo(f"{len(done.errors):,} rows failed: {out}.errors.jsonl", err=True)
    click.get_current_context().exit(1 if done.errors else 0)
