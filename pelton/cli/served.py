"""What `pelton serve` and `pelton openapi` are about: an app's functions, its graphs as models, and
the document of its routes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from ..handlers.app import App
from ..handlers.errors import WrongUse
from ..handlers.event import Result

if TYPE_CHECKING:
    from ..runtime.asgi import Application
    from ..serving_graph.oip import Plane


class Found(NamedTuple):
    """What is served: the app, its models, and why a graph of it is none of them."""

    app: App
    plane: Plane | None
    left_out: tuple[str, ...] = ()


def find(where: str) -> Found:
    """The app of WHERE, or one made for its graph, with the inference protocol's routes."""
    from ..builders import load_app
    from ..builders.load import load_module
    from ..handlers.triggers.http import http
    from ..serving_graph.graph import Graph

    module, name, _ = load_module(where)
    thing = getattr(module, name, None) if name else None
    if isinstance(thing, Graph):
        app = App(thing.name)
        app.serve(thing, triggers=[http("POST", f"/{thing.name}")])
    else:
        app, _ = load_app(where)
    return with_models(app)


def with_models(app: App) -> Found:
    """The app and its models; its graphs become models where it does not serve them itself."""
    from ..serving_graph.graph import Graph
    from ..serving_graph.oip import oip

    graphs, left_out = [], []
    for each in list(app.functions.values()):
        plane: Plane | None = getattr(each.user_function, "plane", None)
        if plane is not None:
            return Found(app, plane)
        if isinstance(each.user_function, Graph):
            try:
                oip(each.user_function)
            except WrongUse as error:
                left_out.append(f"{each.name} is no model of /v2: {error.what}")
            else:
                graphs.append(each.user_function)
    if not graphs:
        return Found(app, None, tuple(left_out))
    made = oip(*graphs)
    app.serve(made, name="open-inference")
    return Found(app, made.plane, tuple(left_out))


def described(application: Application, found: Found) -> dict[str, Any]:
    """The OpenAPI document of the routes; an ASGI application documents its own."""
    from ..runtime.openapi import document

    routes = [
        (each.trigger, each.served.function)
        for each in application.routes
        if each.served.function.style != "asgi"
    ]
    return document(found.app.name, routes)


def pages(document: dict[str, Any]) -> dict[str, Callable[[], Result]]:
    """What the server answers itself, where no function has the path."""
    from ..runtime.openapi_page import page

    def docs() -> Result:
        return Result(page(document), content_type="text/html; charset=utf-8")

    return {"/openapi.json": lambda: Result(document), "/docs": docs}
