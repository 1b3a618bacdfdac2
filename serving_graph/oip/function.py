"""`oip`: the protocol as a function of an app, wherever its functions run.

`App.serve` takes it as it takes a graph; its routes are the protocol's own.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ...handlers.checks import caller
from ...handlers.errors import WrongUse
from ...handlers.event import Event, Result
from ...handlers.triggers.http import Http
from .plane import Plane
from .rest import Pending, begin, refused

if TYPE_CHECKING:
    from ...handlers.telemetry import Telemetry
    from ..graph import Graph
    from ..models.repository import ModelRepository


class OpenInference:
    """What `oip` makes: served by `App.serve`, called with an HTTP `Event`."""

    input_type = Event
    output_type = Result

    def __init__(self, plane: Plane, name: str, graphs: tuple[Any, ...]) -> None:
        self.plane, self.name, self.graphs = plane, name, graphs
        self.is_async = plane.is_async
        self.triggers = (Http("ANY", "/v2/{rest+}"), Http("GET", "/v2"))

    def __call__(self, value: Event, context: Any = None) -> Any:
        """The protocol's answer to an event; an awaitable of it when a graph is async."""
        return self._answer_async(value, context) if self.is_async else self._answer(value, context)

    def _answer(self, event: Event, context: Any) -> Result:
        begun = begin(self.plane, event, context)
        if not isinstance(begun, Pending):
            return begun
        try:
            answer = begun.call(context)
        except Exception as error:
            return refused(error)
        return begun.finish(answer, context)

    async def _answer_async(self, event: Event, context: Any) -> Result:
        from asyncio import to_thread  # a loaded model may hold the loop up, an unload waits

        begun = await to_thread(begin, self.plane, event, context)
        if not isinstance(begun, Pending):
            return begun
        try:
            if begun.is_async:
                answer = await begun.call(context)
            else:
                answer = await to_thread(begun.call, context)
        except Exception as error:
            return refused(error)
        return begun.finish(answer, context)

    def check(self) -> None:
        """Raise `GraphError` for a graph without steps."""
        for each in self.graphs:
            each.check()

    def load(self, context: Any = None, *, telemetry: Telemetry | None = None) -> None:
        """Load every graph, and every model of the repository, for this worker."""
        for each in self.graphs if telemetry is not None else ():
            each.observe(context, telemetry)
        self.plane.load(context=context)
        if self.plane.repository is not None:
            for name in dict.fromkeys(each.name for each in self.plane.repository.index()):
                self.plane.repository.load(name)

    def drain(self, context: Any = None) -> None:
        for each in self.graphs:
            each.drain(context)

    def stop(self, context: Any = None) -> None:
        for each in self.graphs:
            each.stop(context)

    def walk(self) -> Iterator[Any]:
        """The steps of its graphs."""
        for each in self.graphs:
            yield from each.walk()

    def openapi(self) -> dict[str, Any]:
        """The protocol's paths for an OpenAPI document."""
        from .openapi import paths

        return paths(dict.fromkeys(each.name for each in self.plane.index()))

    def __repr__(self) -> str:
        names = ", ".join(each.name for each in self.plane.index()) or "no models"
        return f"<open inference {self.name}: {names}>"


def oip(
    *graphs: Graph[Any, Any],
    repository: ModelRepository | None = None,
    name: str = "oip",
    version: str = "1",
) -> OpenInference:
    """The Open Inference Protocol (v2) over graphs and a repository of models, to be served.

    Each graph is one model of its own name; its metadata come from its types: a record is a tensor
    a field, a list of records a column a field, lists and numpy arrays one tensor ("input",
    "output").  Needs numpy only where a graph's types or a repository's models are arrays.

    repository: models besides the graphs; loaded when the function's worker begins
    name:       the function's, where `App.serve` gives none
    version:    the one version that a graph's model has

    Raises `WrongUse` with the graph's file and line for a type that has no tensor form, and for a
    graph that streams.

    >>> from pelton import App, Graph, testing
    >>> app = App("doc")
    >>> def size(text: str) -> int:
    ...     return len(text)
    >>> served = app.serve(oip(Graph("size") >> size))
    >>> event = testing.http_v2("", method="GET", path="/v2/models/size")
    >>> testing.on_lambda(served, event)["body"]  # doctest: +ELLIPSIS
    '{"name": "size", "versions": ["1"], "platform": "pelton_graph", "inputs": [{"name": ...
    """
    file, line = caller(2)
    if not graphs and repository is None:
        raise WrongUse("oip() has nothing to serve", file=file, line=line, advice="give it a graph")
    for each in graphs:
        if not hasattr(each, "walk") or not hasattr(each, "input_type"):
            raise WrongUse(
                f"oip() was given {each!r:.60}, which is no graph",
                file=file,
                line=line,
                advice="give pelton.Graph objects, and models by repository=",
            )
        each.check()
    return OpenInference(Plane(graphs, repository=repository, version=version), name, graphs)
