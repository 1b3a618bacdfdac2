"""`pelton serve`: a graph or an app on an event loop, by HTTP and the Open Inference Protocol."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

import click

from ..handlers.errors import PeltonError, WrongUse
from .env_file import env_file_option, root_of, take
from .loop_watch import LoopWatch
from .say import json_option, line_by_line, say_json
from .served import Found, described, find, pages

if TYPE_CHECKING:
    from ..runtime.asgi import Application
    from ..runtime.asgi_gate import WebGate
    from ..serving_graph.oip import Plane

MIB = 1 << 20


@click.command()
@click.argument("where")
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8000, show_default=True)
@click.option("--grpc-port", type=int, help="Serve the inference protocol by gRPC here, too.")
@click.option("--threads", default=8, show_default=True, help="For functions that do not wait.")
@click.option("--most", default=1024, show_default=True, help="Calls under way; more get a 429.")
@click.option("--grace", default=10.0, show_default=True, help="Seconds for what is under way.")
@click.option("--max-body", default=64, show_default=True, help="MiB of a request's body.")
@env_file_option
@click.option("--allow-origin", multiple=True, help="A web origin whose pages may call; * is all.")
@click.option("--allow-host", multiple=True, help="A further name of this server in Host headers.")
@json_option
def command(
    where: str,
    host: str,
    port: int,
    grpc_port: int | None,
    threads: int,
    most: int,
    grace: float,
    max_body: int,
    env_file: str | None,
    allow_origin: tuple[str, ...],
    allow_host: tuple[str, ...],
    as_json: bool,
) -> None:
    """Serve WHERE (module:graph, module:app or FILE.py) until ctrl-C.

    Each function is at its HTTP routes, or at POST /NAME where it has none; graphs are models of
    the Open Inference Protocol under /v2 as well.  /docs shows the routes, /openapi.json says them.

    Web pages of other origins may not call it, unless --allow-origin says so; nor may anybody by
    another name than this machine's own, where it listens on a loopback address.
    """
    from ..runtime.asgi import Application
    from ..runtime.asgi_gate import WebGate
    from ..runtime.loop_workers import Workers

    line_by_line()
    if taken := take(env_file, root_of(where)):
        click.echo(f"variables of {taken}", err=True)
    served = find(where)
    workers = Workers(threads=threads, most=most)
    functions = list(served.app.functions.values())
    application = Application(functions, workers=workers, most_body=max_body * MIB)
    application.pages |= pages(described(application, served))
    if grpc_port is not None and served.plane is None:
        raise WrongUse("--grpc-port: there is no model to serve", advice="; ".join(served.left_out))
    listening = listen(host, port)
    gate = WebGate(application, host, hosts=allow_host, origins=allow_origin)
    asked = Asked(listening, gate, grpc_port, max_body * MIB, grace, as_json)
    try:
        asyncio.run(_serve(application, served, asked))
    finally:
        listening.close()


def listen(host: str, port: int) -> socket.socket:
    """A listening socket.  Raises `ClickException` with what to do when there is none to be had."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
        family, kind, protocol, _, address = found[0]
        # asyncio sends at once (TCP_NODELAY) only on sockets that say their protocol; without it
        # each answer waits 40 ms for the acknowledgement of its head.
        made = socket.socket(family, kind, protocol)
    except OSError as error:
        raise click.ClickException(f"--host {host}: {error.strerror}") from None
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(address)
        made.listen(1024)
    except OSError as error:
        made.close()
        raise click.ClickException(
            f"cannot listen on {host}:{port}: {error.strerror}; choose another --port"
        ) from None
    return made


class Asked(NamedTuple):
    """Where and how to serve."""

    listening: socket.socket
    gate: WebGate
    grpc_port: int | None
    most_body: int
    grace: float
    as_json: bool


async def _serve(application: Application, found: Found, asked: Asked) -> None:
    """Serve until a signal, then wait for what is under way, within its grace."""
    host, port = asked.listening.getsockname()[:2]
    server = _server(asked.gate, asked.grace)
    with _told("it cannot be loaded"):
        await application.begin()
    remote, said = None, {"url": f"http://{host}:{port}"}
    try:
        if asked.grpc_port is not None and found.plane is not None:
            remote, bound = await _grpc(application, found.plane, host, asked)
            said["grpc"] = f"{host}:{bound}"
        _say(application, found, said, asked.as_json)
        watch = LoopWatch(lambda line: click.echo(line, err=True))
        await server.serve(sockets=[asked.listening])
        watch.stop()
    finally:
        left = max(1.0, server.until - time.monotonic())
        if remote is not None:
            await remote.stop(left)
        with _told("it did not stop as it should"):
            if not await application.end(left):
                _give_up(asked.grace)
    click.echo("stopped", err=True)


@contextmanager
def _told(what: str) -> Iterator[None]:
    """What the user's own code raises is said in a line, after its trace."""
    try:
        yield
    except (PeltonError, click.ClickException):
        raise
    except Exception as error:
        click.echo("".join(traceback.format_exception(error)).rstrip(), err=True)
        step = getattr(error, "step", "")
        where = f" (in step {step})" if step else ""
        raise click.ClickException(f"{what}: {type(error).__name__}: {error}{where}") from None


def _give_up(grace: float) -> NoReturn:
    """End the process though a thread is held up: a plain function cannot be interrupted."""
    click.echo(
        f"error: a call had not ended {grace:g} s after the signal; it was cut off", err=True
    )
    sys.stdout.flush()
    os._exit(1)


def _server(application: WebGate, grace: float) -> Any:
    try:
        import uvicorn
    except ModuleNotFoundError:
        raise click.ClickException(
            "pelton serve needs uvicorn: pip install 'pelton[oip]'"
        ) from None

    class Server(uvicorn.Server):
        """Ended by the signals below, so that what comes after it still runs.

        until: when the grace of what is under way is over
        """

        until = 0.0

        @contextmanager
        def capture_signals(self) -> Iterator[None]:
            yield

    config = uvicorn.Config(
        application,
        lifespan="off",
        log_level="warning",
        timeout_graceful_shutdown=max(1, round(grace)),
    )
    server = Server(config)

    def end() -> None:
        server.force_exit = server.should_exit
        server.should_exit = True
        server.until = server.until or time.monotonic() + grace

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, end)
    return server


async def _grpc(application: Application, plane: Plane, host: str, asked: Asked) -> Any:
    try:
        from ..serving_graph.oip.grpc_server import Service, start
    except ModuleNotFoundError as error:
        raise click.ClickException(
            f"--grpc-port needs {error.name}: pip install 'pelton[oip]'"
        ) from None
    of_models = next(
        each for each in application.served if hasattr(each.function.user_function, "plane")
    )
    service = Service(plane, application.workers, of_models.context)
    try:
        return await start(service, host, asked.grpc_port or 0, most_body=asked.most_body)
    except OSError as error:
        raise click.ClickException(f"{error}; choose another --grpc-port") from None


def _is_ours(application: Application, path: str) -> bool:
    """Whether the server answers there itself: a function may have the path, too."""
    from ..handlers.event import Event, Result

    return isinstance(application.find(Event(method="GET", path=path)), Result)


def _say(application: Application, found: Found, said: dict[str, str], as_json: bool) -> None:
    routes = [
        {"function": each.served.function.name, "method": trigger.method, "path": trigger.path}
        for each in application.routes
        if (trigger := each.trigger) is not None
    ]
    models = [] if found.plane is None else [each.name for each in found.plane.index()]
    if as_json:
        say_json({**said, "routes": routes, "models": models, "left_out": list(found.left_out)})
        return
    for each in routes:
        click.echo(f"{each['function']}: {each['method']} {said['url']}{each['path']}")
    if models:
        by_grpc = f", gRPC at {said['grpc']}" if "grpc" in said else ""
        click.echo(f"models: {', '.join(models)} at {said['url']}/v2{by_grpc}")
    if own := [each for each in ("/docs", "/openapi.json") if _is_ours(application, each)]:
        click.echo(f"documents: {', '.join(said['url'] + each for each in own)}")
    for line in found.left_out:
        click.echo(line)
