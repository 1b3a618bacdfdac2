"""Which function a request is for: by the routes of HTTP triggers, else by its name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ..handlers.event import Result
from ..handlers.metrics import Metrics
from ..handlers.triggers import Http
from ..runtime.aws import make_handler
from ..runtime.routes import in_order, not_allowed, not_found
from ..runtime.worker import Worker
from .relay import Pace


@dataclass(frozen=True, slots=True)
class Route:
    """Where a function is: at the route of a trigger, or by its name."""

    name: str
    trigger: Http
    by_name: bool
    handler: Callable[[Any, Any], Any]
    pace: Pace = field(default_factory=Pace)


def make_routes(
    app: Any, metrics: Metrics | None = None, *, workers: list[Worker] | None = None
) -> list[Route]:
    """Every way to every function, in the order in which a request is held against them.

    metrics: what the functions count into, all into one; told at GET /metrics
    workers: where the functions' workers are put, for who ends them
    """
    metrics = Metrics() if metrics is None else metrics
    routes = [metrics_route(metrics)]
    for name, function in app.functions.items():
        worker, pace = Worker(function, metrics), Pace()
        handler = make_handler(function, worker)
        if workers is not None:
            workers.append(worker)
        routes.append(Route(name, Http("ANY", f"/{name}"), True, handler, pace))
        for trigger in function.triggers:
            if isinstance(trigger, Http):
                routes.append(Route(name, trigger, False, handler, pace))
    order = in_order(each.trigger for each in routes)
    return sorted(routes, key=lambda each: (each.by_name, order.index(each.trigger)))


def metrics_route(metrics: Metrics) -> Route:
    """The way to what the functions count, unless a function has that route itself."""
    from ..runtime.telling.prometheus import CONTENT_TYPE, expose

    def handler(event: Any, raw: Any) -> dict[str, Any]:
        return {
            "statusCode": 200,
            "headers": {"content-type": CONTENT_TYPE},
            "body": expose(metrics),
        }

    return Route("metrics", Http("GET", "/metrics"), True, handler)


def find(routes: list[Route], method: str, path: str) -> Route | Result:
    """The way that a request takes; the 404 or 405 where there is none."""
    there = [each for each in routes if each.trigger.match(path) is not None]
    # A path that a trigger names is that trigger's alone, as it is where the function is deployed.
    there = [each for each in there if not each.by_name] or there
    for route in there:
        if route.trigger.serves(method):
            return route
    if there:
        return not_allowed(method, path, (each.trigger for each in there))
    refusal = not_found(path)
    refusal.body |= {"routes": [each.trigger.route for each in routes if not each.by_name]}
    return refusal
