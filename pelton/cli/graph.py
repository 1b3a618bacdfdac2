"""`pelton graph`: draw an app's serving graphs, watch one run, write it as text, compare two."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from . import graphs as of
from .say import json_option, say_json

if TYPE_CHECKING:
    from ..serving_graph.graph import Graph

_PATH = click.Path(dir_okay=False, path_type=Path)


@click.command()
@click.argument("file")
@click.argument("name", required=False)
@click.option("--svg", type=_PATH, help="Write SVG here.")
@click.option("--out", type=_PATH, help="Write the graph itself here: .json or .yaml.")
@click.option("--diff", "other", help="Compare with this one: FILE, module:graph, .json or .yaml.")
@click.option("--live", help="Draw what a /metrics address says of the steps, again and again.")
@click.option("--every", default=1.0, show_default=True, help="Seconds between two pictures.")
@click.option("--frames", type=int, help="End after so many pictures.")
@click.option("--html", type=_PATH, help="With --live: a page that shows the last picture.")
@json_option
def command(
    file: str,
    name: str | None,
    svg: Path | None,
    out: Path | None,
    other: str | None,
    live: str | None,
    every: float,
    frames: int | None,
    html: Path | None,
    as_json: bool,
) -> None:
    """Draw the serving graphs of FILE (FILE.py, FILE.py:app, module:graph, .json or .yaml), or the
    one NAMEd.

    With --svg the picture of one graph is written as SVG; with --json the graphs' specs are
    printed.  --diff prints what makes the other graph another: the exit code is 0 when nothing
    does, else 1.  --live takes the address of `pelton run`, `pelton serve` or of a function whose
    telemetry has a route; ctrl-C ends it.
    """
    found = of.find(file, name)
    if other is not None:
        _compare(of.only(found, "--diff"), of.only(of.find(other, name), "--diff"), as_json)
    if out is not None:
        graph = of.only(found, "--out")
        of.write(out, of.to_text(out, graph))
    if live is not None:
        from .live import Live

        Live(of.only(found, "--live"), live, every, svg, html).run(frames, as_json)
        return
    from ..serving_graph.draw import to_svg, to_text

    if svg is not None:
        of.write(svg, to_svg(of.only(found, "--svg")))
    if as_json:
        say_json({"graphs": [each.spec.to_dict() for each in found]})
        return
    click.echo("\n\n".join(to_text(each) for each in found))
    for path in filter(None, (svg, out)):
        click.echo(f"\nwritten: {path}")


def _compare(old: Graph[Any, Any], new: Graph[Any, Any], as_json: bool) -> None:
    found = old.diff(new)
    if as_json:
        say_json({"changes": [each._asdict() for each in found.changes]})
    elif found:
        click.echo(str(found))
    click.get_current_context().exit(1 if found else 0)
