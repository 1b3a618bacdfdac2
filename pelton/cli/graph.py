"""`pelton graph`: draw the serving graphs of an app, in the terminal and as SVG."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..handlers.errors import WrongUse
from .say import json_option, say_json

if TYPE_CHECKING:
    from ..serving_graph import Graph


@click.command()
@click.argument("file")
@click.argument("name", required=False)
@click.option("--svg", type=click.Path(dir_okay=False, path_type=Path), help="Write SVG here.")
@json_option
def command(file: str, name: str | None, svg: Path | None, as_json: bool) -> None:
    """Draw the serving graphs of FILE (FILE.py, FILE.py:app or module:app), or the one NAMEd.

    With --svg the picture is written as SVG, of one graph; with --json the graphs' specs are
    printed.
    """
    from ..serving_graph.draw import to_svg, to_text

    graphs = _chosen(file, name)
    if svg is not None:
        _write(svg, to_svg(_only(graphs)))
    if as_json:
        say_json({"graphs": [each.spec.to_dict() for each in graphs]})
        return
    click.echo("\n\n".join(to_text(each) for each in graphs))
    if svg is not None:
        click.echo(f"\nwritten: {svg}")


def _chosen(file: str, name: str | None) -> list[Graph[Any, Any]]:
    found = {each.name: each for each in _graphs(file)}
    if not found:
        raise WrongUse(f"{file} has no graph", advice="make one: pelton.Graph('name') >> step")
    if name is None:
        return list(found.values())
    if name not in found:
        raise WrongUse(f"{file} has no graph {name!r}", advice=f"there are: {', '.join(found)}")
    return [found[name]]


def _graphs(file: str) -> list[Graph[Any, Any]]:
    """The graphs that the app serves, then those that its module holds besides."""
    from ..builders import load_app
    from ..serving_graph import Graph

    app, _ = load_app(file)
    served = [each.user_function for each in app.functions.values()]
    served += [graph for each in served for graph in getattr(each, "graphs", ())]
    homes = dict.fromkeys(each.module for each in app.functions.values())
    held = [each for home in homes for each in vars(_module(home)).values()]
    found = [each for each in (*served, *held) if isinstance(each, Graph) and each.steps]
    inner = {held.name for each in found for held in each.walk() if held.spec.kind == "graph"}
    return [each for each in found if each.name not in inner or each in served]


def _module(name: str) -> Any:
    return sys.modules.get(name) or importlib.import_module(name)


def _only(graphs: list[Graph[Any, Any]]) -> Graph[Any, Any]:
    if len(graphs) > 1:
        names = ", ".join(each.name for each in graphs)
        raise WrongUse("--svg takes one graph", advice=f"name it: {names}")
    return graphs[0]


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise WrongUse(f"cannot write {path}: {error.strerror}") from error
