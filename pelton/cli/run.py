"""`pelton run`: an app's functions over HTTP in this process, for quick work."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from .env_file import env_file_option, root_of, take
from .say import json_option, line_by_line, say_json
from .where import file_argument

if TYPE_CHECKING:
    from ..runner.relay import Relay
    from ..runner.routes import Route
    from ..runner.server import Server
    from ..runtime.worker import Worker

PATIENCE = 30.0  # seconds that a request under way has when the command is told to end
MIB = 1 << 20


@click.command()
@file_argument
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8000, show_default=True)
@click.option("--max-body", default=64, show_default=True, help="MiB of a request's body.")
@env_file_option
@json_option
def command(
    file: str, host: str, port: int, max_body: int, env_file: str | None, as_json: bool
) -> None:
    """Serve the functions of FILE at their HTTP routes and at /NAME; ctrl-C ends it."""
    from ..builders import load_app
    from ..runner.ends import end_workers
    from ..runner.relay import Relay
    from ..runner.routes import make_routes
    from ..runner.server import Server

    line_by_line()
    if taken := take(env_file, root_of(file)):
        click.echo(f"variables of {taken}", err=True)
    app, _ = load_app(file)
    workers: list[Worker] = []
    routes = make_routes(app, workers=workers)
    server = Server(routes, most_body=max_body * MIB)
    try:
        address = f"http://{host}:{server.bind(host, port)}"
    except OSError as error:
        raise click.ClickException(
            f"cannot listen on {host}:{port}: {error.strerror}; choose another --port"
        ) from None
    try:
        with asyncio.Runner(loop_factory=_new_loop) as runner:
            end, relay = End(), Relay(loop := runner.get_loop())
            with _signals(lambda: loop.call_soon_threadsafe(end.tell)):
                say = partial(_say, routes, address, as_json)
                left = relay.run(_serve(server, relay, say, end))
        if left:
            click.echo(f"{left} requests were not done within {PATIENCE:g} s", err=True)
        end_workers(workers)  # hooks run without the loop: a signal interrupts them
    except (KeyboardInterrupt, asyncio.CancelledError):
        click.echo("stopped at once: requests under way were not answered", err=True)
        return
    click.echo("stopped", err=True)


class End:
    """What signals ask for: the first an end, the second one at once."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.task: asyncio.Task[Any] | None = None

    def tell(self) -> None:
        if self.asked.is_set() and self.task is not None:
            self.task.cancel()
        self.asked.set()


async def _serve(server: Server, relay: Relay, ready: Callable[[], None], end: End) -> int:
    """Serve until the end is asked for, then answer what has come; how many were not answered."""
    end.task = asyncio.current_task()
    await server.begin(relay)
    ready()
    await end.asked.wait()
    return await server.end(PATIENCE)


def _say(routes: list[Route], address: str, as_json: bool) -> None:
    if as_json:
        shown = [
            {"function": each.name, "method": each.trigger.method, "path": each.trigger.path}
            for each in routes
        ]
        say_json({"url": address, "routes": shown})
        return
    for each in routes:
        click.echo(f"{each.name}: {each.trigger.method} {address}{each.trigger.path}")


@contextmanager
def _signals(stop: Callable[[], object]) -> Iterator[None]:
    """Have the signals that end a command call `stop`; afterwards they interrupt."""
    numbers = (signal.SIGINT, signal.SIGTERM)
    for number in numbers:
        signal.signal(number, lambda *_: stop())
    try:
        yield
    finally:
        for number in numbers:
            signal.signal(number, signal.default_int_handler)


def _new_loop() -> asyncio.AbstractEventLoop:
    try:
        import uvloop
    except ImportError:  # an extra's, and not made for every platform
        return asyncio.new_event_loop()
    loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
    return loop
