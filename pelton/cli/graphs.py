"""The graphs that a command line names: of an app, of a module, or in a text file."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..handlers.app import App
from ..handlers.errors import WrongUse

if TYPE_CHECKING:
    from ..serving_graph.graph import Graph

TEXTS = (".json", ".yaml", ".yml")


def find(where: str, name: str | None = None) -> list[Graph[Any, Any]]:
    """The graphs of FILE.py, FILE.py:app, module:graph or a text (.json, .yaml), or the one named.

    Raises `WrongUse` when there is none.
    """
    found = {each.name: each for each in _all(where)}
    if not found:
        raise WrongUse(f"{where} has no graph", advice="make one: pelton.Graph('name') >> step")
    if name is None:
        return list(found.values())
    if name not in found:
        raise WrongUse(f"{where} has no graph {name!r}", advice=f"there are: {', '.join(found)}")
    return [found[name]]


def only(graphs: list[Graph[Any, Any]], option: str) -> Graph[Any, Any]:
    """The one graph.  Raises `WrongUse`, which tells the names, for several."""
    if len(graphs) > 1:
        names = ", ".join(each.name for each in graphs)
        raise WrongUse(f"{option} takes one graph", advice=f"name it: {names}")
    return graphs[0]


def write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise WrongUse(f"cannot write {path}: {error.strerror}") from error


def from_text(path: Path) -> Graph[Any, Any]:
    """The graph of a JSON or YAML file, whose references are looked for from here."""
    from ..serving_graph.graph import Graph

    if str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise WrongUse(f"cannot read {path}: {getattr(error, 'strerror', error)}") from error
    return Graph.from_json(text) if path.suffix == ".json" else Graph.from_yaml(text)


def to_text(path: Path, graph: Graph[Any, Any]) -> str:
    """A graph as the text that the file's name asks for."""
    if path.suffix not in TEXTS:
        raise WrongUse(f"{path}: a graph is written as {', '.join(TEXTS)}")
    return graph.to_json() + "\n" if path.suffix == ".json" else graph.to_yaml()


def _all(where: str) -> list[Graph[Any, Any]]:
    """The graphs that the app serves, then those that its module holds besides."""
    from ..builders import load_app
    from ..builders.load import load_module
    from ..serving_graph.graph import Graph

    if Path(where).suffix in TEXTS:
        return [from_text(Path(where))]
    module, named, _ = load_module(where)
    if isinstance(graph := getattr(module, named, None) if named else None, Graph):
        return [graph]
    if named and not isinstance(getattr(module, named, None), App):
        things = [key for key, each in vars(module).items() if isinstance(each, (Graph, App))]
        raise WrongUse(
            f"{where} is no graph, and no app",
            advice=f"there are: {', '.join(things) or 'none'}; a graph that an app serves has no "
            "name in its module, choose it by --graph",
        )
    own = [each for each in vars(module).values() if isinstance(each, Graph) and each.steps]
    if own and not any(isinstance(each, App) for each in vars(module).values()):
        return own
    app, _ = load_app(where)
    # A part of a graph that is spread over functions says which graph it is of.
    functions = [each.user_function for each in app.functions.values()]
    served = [getattr(each, "graph", each) for each in functions]
    served += [graph for each in served for graph in getattr(each, "graphs", ())]
    homes = dict.fromkeys(each.module for each in app.functions.values())
    held = [each for home in homes for each in vars(_module(home)).values()]
    known = {id(each): each for each in (*served, *held)}
    found = [each for each in known.values() if isinstance(each, Graph) and each.steps]
    inner = {held.name for each in found for held in each.walk() if held.spec.kind == "graph"}
    return [each for each in found if each.name not in inner or each in served]


def _module(name: str) -> Any:
    return sys.modules.get(name) or importlib.import_module(name)
