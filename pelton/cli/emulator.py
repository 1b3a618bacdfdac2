"""`pelton emulator`: AWS and Nuclio on this machine, until ctrl-C.

Knows flags, the ready line and signals; the emulator itself knows none of them.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .say import json_option, report_failure, say_json

if TYPE_CHECKING:
    from ..localstack.emulator import Emulator

_LOOPBACK = ("127.0.0.1", "localhost", "::1")


@click.command("emulator")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=4566, show_default=True, help="Port of AWS; 0 takes a free one.")
@click.option("--nuclio-port", default=8070, show_default=True, help="Port of Nuclio's dashboard.")
@click.option(
    "--data-dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="Keep functions and services here between runs (nothing is kept without it).",
)
@click.option("--region", default="us-east-1", show_default=True, help="Region of everything.")
@click.option("--account", default="000000000000", show_default=True, help="Account of everything.")
@click.option(
    "--retry-delay",
    default=60.0,
    show_default=True,
    help="Seconds before a failed asynchronous event is tried again.",
)
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    host: str,
    port: int,
    nuclio_port: int,
    data_dir: Path | None,
    region: str,
    account: str,
    retry_delay: float,
    as_json: bool,
) -> None:
    """Run AWS and Nuclio on this machine, in the foreground."""
    from ..localstack.emulator import CannotStart, Emulator

    _warn(host)
    emulator = Emulator(host, port, nuclio_port, data_dir, region, account, retry_delay)
    try:
        with asyncio.Runner(loop_factory=_new_loop) as runner:
            runner.run(_run(emulator, as_json))
    except CannotStart as error:
        report_failure(error, ctx)
        ctx.exit(1)


async def _run(emulator: Emulator, as_json: bool) -> None:
    asked_to_stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, asked_to_stop.set)
    await emulator.start()
    try:
        _say_ready(emulator, as_json)
        await asked_to_stop.wait()
    finally:
        await emulator.stop()


def _say_ready(emulator: Emulator, as_json: bool) -> None:
    if as_json:
        ready = {"url": emulator.url, "nuclio_url": emulator.nuclio_url, "pid": os.getpid()}
        say_json({"status": "ready", **ready})
    else:
        click.echo(
            f"pelton emulator is ready: AWS at {emulator.url}, Nuclio at {emulator.nuclio_url} "
            "(ctrl-C stops it)"
        )
    sys.stdout.flush()


def _warn(host: str) -> None:
    if host not in _LOOPBACK:
        click.echo(
            f"warning: listening on {host}: whoever reaches this machine can run code on it, "
            "no credentials are checked",
            err=True,
        )


def _new_loop() -> asyncio.AbstractEventLoop:
    try:
        import uvloop
    except ImportError:  # not made for this platform
        return asyncio.new_event_loop()
    loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
    return loop
