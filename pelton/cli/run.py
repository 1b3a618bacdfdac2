"""`pelton run`: an app's functions over HTTP in this process, for quick work."""

from __future__ import annotations

import signal
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import click

from ..handlers.event import Result
from ..handlers.metrics import Metrics
from ..handlers.triggers import Http
from .env_file import env_file_option, root_of, take
from .run_end import InHand, end
from .say import json_option, say_json
from .where import file_argument

if TYPE_CHECKING:
    from ..runtime.worker import Worker

Reply = tuple[int, list[tuple[str, str]], bytes]

# To a request that comes on an open connection when the command has been told to end.
ENDING: Reply = (503, [("content-type", "application/json")], b'{"message": "stopping"}')


@click.command()
@file_argument
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8000, show_default=True)
@env_file_option
@json_option
def command(file: str, host: str, port: int, env_file: str | None, as_json: bool) -> None:
    """Serve the functions of FILE at their HTTP routes and at /NAME; ctrl-C ends it."""
    from ..builders import load_app

    if taken := take(env_file, root_of(file)):
        click.echo(f"variables of {taken}", err=True)
    app, _ = load_app(file)
    workers: list[Worker] = []
    routes, requests = make_routes(app, workers=workers), InHand()
    try:
        server = ThreadingHTTPServer((host, port), make_server(routes, requests))
    except OSError as error:
        raise click.ClickException(
            f"cannot listen on {host}:{port}: {error.strerror}; choose another --port"
        ) from None
    address = f"http://{host}:{server.server_address[1]}"
    if as_json:
        shown = [
            {"function": each.name, "method": each.trigger.method, "path": each.trigger.path}
            for each in routes
        ]
        say_json({"url": address, "routes": shown})
    else:
        for each in routes:
            click.echo(f"{each.name}: {each.trigger.method} {address}{each.trigger.path}")
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with server:
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            pass
    try:
        end(requests, workers)
    except KeyboardInterrupt:
        click.echo("stopped at once: requests under way were not answered", err=True)
        return
    click.echo("stopped", err=True)


@dataclass(frozen=True, slots=True)
class Route:
    """Where a function is: at the route of a trigger, or by its name."""

    name: str
    trigger: Http
    by_name: bool
    handler: Callable[[Any, Any], Any]


def make_routes(
    app: Any, metrics: Metrics | None = None, *, workers: list[Worker] | None = None
) -> list[Route]:
    """Every way to every function, in the order in which a request is held against them.

    metrics: what the functions count into, all into one; told at GET /metrics
    workers: where the functions' workers are put, for who ends them
    """
    from ..runtime.aws import make_handler
    from ..runtime.routes import in_order
    from ..runtime.worker import Worker

    metrics = Metrics() if metrics is None else metrics
    routes = [metrics_route(metrics)]
    for name, function in app.functions.items():
        worker = Worker(function, metrics)
        handler = make_handler(function, worker)
        if workers is not None:
            workers.append(worker)
        routes.append(Route(name, Http("ANY", f"/{name}"), True, handler))
        for trigger in function.triggers:
            if isinstance(trigger, Http):
                routes.append(Route(name, trigger, False, handler))
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


def make_server(
    routes: list[Route], requests: InHand | None = None
) -> type[BaseHTTPRequestHandler]:
    """A request handler that turns requests into payload 2.0 events, as a function URL does."""
    in_hand = requests or InHand()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            with in_hand.one() as begun:
                self.reply(serve(routes, self) if begun else ENDING)

        def reply(self, reply: Reply) -> None:
            status, headers, body = reply
            self.close_connection = self.close_connection or in_hand.ending
            self.send_response(status)
            for name, value in headers:
                self.send_header(name, value)
            self.send_header("content-length", str(len(body)))
            if self.close_connection:
                self.send_header("connection", "close")
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = answer

    return Handler


def serve(routes: list[Route], request: BaseHTTPRequestHandler) -> Reply:
    """The reply to one request; an error is a 502, as on a function URL, its trace printed."""
    import traceback
    from urllib.parse import parse_qsl

    from ..runtime.aws_events import http_reply
    from ..runtime.routes import BY_NAME
    from ..testing import http_v2, lambda_context

    path, _, query = request.path.partition("?")
    length = request.headers.get("content-length") or "0"
    if not length.isdigit() or "transfer-encoding" in request.headers:
        request.close_connection = True
        return _json(411, {"message": "send the body with its content-length"})
    body = request.rfile.read(int(length))
    route = find(routes, request.command, path)
    if not isinstance(route, Route):
        return make_reply(http_reply("http2", {}, route))
    name, handler = route.name, route.handler
    headers = {key.lower(): value for key, value in request.headers.items()}
    if route.by_name:
        headers[BY_NAME] = "1"
    event = http_v2(
        body, method=request.command, path=path, headers=headers, query=dict(parse_qsl(query))
    )
    event["rawQueryString"] = query  # as it was asked for: a name may come twice
    try:
        return make_reply(handler(event, lambda_context(name, remaining_ms=900_000)))
    except Exception:
        traceback.print_exc()
        return _json(502, {"message": "Internal Server Error"})


def find(routes: list[Route], method: str, path: str) -> Route | Result:
    """The way that a request takes; the 404 or 405 where there is none."""
    from ..runtime.routes import not_allowed, not_found

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


def make_reply(answer: Any) -> Reply:
    """A handler's answer as a function URL gives it: with a statusCode as it says, else as JSON.

    >>> make_reply({"a": 1})
    (200, [('content-type', 'application/json')], b'{"a": 1}')
    """
    import base64

    if not isinstance(answer, dict) or "statusCode" not in answer:
        return _json(200, answer)
    raw = answer.get("body") or ""
    data = base64.b64decode(raw) if answer.get("isBase64Encoded") else raw.encode()
    headers = [(name, str(value)) for name, value in (answer.get("headers") or {}).items()]
    headers += [("set-cookie", each) for each in answer.get("cookies") or ()]
    return int(answer["statusCode"]), headers, data


def _json(status: int, value: Any) -> Reply:
    import json

    text = value if isinstance(value, str) else json.dumps(value)
    return status, [("content-type", "application/json")], text.encode()
