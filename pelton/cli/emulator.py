"""`pelton emulator`: AWS and Nuclio on this machine, until ctrl-C.

Knows flags, the ready line and signals; the emulator itself knows none of them.
"""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .say import json_option, report_failure, say_json

if TYPE_CHECKING:
    from ..localstack.clock import Clock
    from ..localstack.emulator import Emulator

# Seconds for functions that still run when the emulator is to stop, and until that is said.
GRACE, AT_ONCE = 5.0, 0.2
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def _clock(ctx: click.Context, option: click.Parameter, text: str) -> Clock | None:
    """The clock that `--clock` names; None is the machine's."""
    from ..localstack.manual_clock import ManualClock

    kind, _, start = text.partition("@")
    if text == "real":
        return None
    if kind != "manual":
        raise click.BadParameter(f"{text!r} is neither 'real' nor 'manual' nor 'manual@TIME'")
    return ManualClock(_moment(start) if start else float(int(time.time())))


def _moment(text: str) -> float:
    """A time as people write it, in seconds since the epoch; without a zone it is UTC."""
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        raise click.BadParameter(f"{text!r} is not a time like 2026-01-01T00:00:00") from None
    return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()


def _matching(pattern: str, like: str) -> Callable[[click.Context, click.Parameter, str], str]:
    """A check that an option is written `like` that."""

    def check(ctx: click.Context, option: click.Parameter, text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise click.BadParameter(f"{text!r} is not like {like}")
        return text

    return check


def _brokers(ctx: click.Context, option: click.Parameter, given: tuple[str, ...]) -> dict[str, str]:
    """Addresses by ARN, "" for every broker."""
    found = {}
    for each in given:
        arn, _, url = each.rpartition("=")
        if not re.fullmatch(r"amqps?://[^@/]+/?", url) or (arn and not arn.startswith("arn:")):
            raise click.BadParameter(
                f"{each!r} is not like amqp://HOST:PORT or arn:aws:mq:…=amqp://HOST:PORT (user and "
                "password are in the mapping's secret, the virtual host is in the mapping)"
            )
        found[arn] = url
    return found


_PORT = click.IntRange(0, 65535)


@click.command("emulator")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", type=_PORT, default=4566, show_default=True, help="Port of AWS; 0 takes a free one."
)
@click.option(
    "--nuclio-port",
    type=_PORT,
    default=8070,
    show_default=True,
    help="Port of Nuclio's dashboard; 0 takes a free one.",
)
@click.option(
    "--nuclio-platform",
    type=click.Choice(["kube", "local"]),
    default="kube",
    show_default=True,
    help="local is Nuclio on Docker: without API gateways and the cluster's Secrets.",
)
@click.option(
    "--data-dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="Keep functions and services here between runs (nothing is kept without it).",
)
@click.option(
    "--region",
    default="us-east-1",
    show_default=True,
    callback=_matching(r"[a-z]{2}(-[a-z]+)+-\d", "us-east-1"),
    help="Region of everything.",
)
@click.option(
    "--account",
    default="000000000000",
    show_default=True,
    callback=_matching(r"\d{12}", "000000000000, twelve digits"),
    help="Account of everything.",
)
@click.option(
    "--retry-delay",
    type=click.FloatRange(min=0),
    default=60.0,
    show_default=True,
    help="Seconds before a failed asynchronous event is tried again; the second retry waits twice "
    "as long.",
)
@click.option(
    "--clock",
    default="real",
    show_default=True,
    metavar="[real|manual[@TIME]]",
    callback=_clock,
    help="manual: time stands still until POST /_pelton/clock moves it; TIME is when it begins, "
    "like 2026-01-01T00:00:00.",
)
@click.option(
    "--allow-origin",
    "origins",
    multiple=True,
    metavar="ORIGIN",
    help="Let web pages of this origin call everything, like http://localhost:3000; '*' is all. "
    "Function URLs and API Gateway go by their own CORS settings.",
)
@click.option(
    "--allow-host",
    "hosts",
    multiple=True,
    metavar="NAME",
    help="A further name of this machine, like host.docker.internal or *.dev.test; '*' is all.",
)
@click.option(
    "--verify-signatures",
    is_flag=True,
    help="Check the signature of every AWS call; without it credentials pass unchecked.",
)
@click.option(
    "--env-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Variables that every function finds, unless it has them already, like a .env file.",
)
@click.option(
    "--nuclio-wrapper",
    type=click.Path(exists=True, resolve_path=True, path_type=Path),
    help="Nuclio's own _nuclio_wrapper.py, or the folder that has it and its modules: "
    "it runs functions in the place of ours.",
)
@click.option(
    "--nuclio-secrets",
    type=click.Path(exists=True, file_okay=False, resolve_path=True, path_type=Path),
    help="A folder of Secrets that Nuclio functions refer to or mount, as NAME/KEY files.",
)
@click.option(
    "--nuclio-config-maps",
    type=click.Path(exists=True, file_okay=False, resolve_path=True, path_type=Path),
    help="The same of ConfigMaps.",
)
@click.option(
    "--mq",
    "brokers",
    multiple=True,
    metavar="[ARN=]URL",
    callback=_brokers,
    help="The RabbitMQ server that stands for a broker of Amazon MQ, like amqp://127.0.0.1:5672; "
    "without an ARN, for every broker.",
)
@click.option("--while-stdin", is_flag=True, hidden=True, help="End when standard input does.")
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    host: str,
    port: int,
    nuclio_port: int,
    nuclio_platform: str,
    data_dir: Path | None,
    region: str,
    account: str,
    retry_delay: float,
    clock: Clock | None,
    origins: tuple[str, ...],
    hosts: tuple[str, ...],
    verify_signatures: bool,
    env_file: Path | None,
    nuclio_wrapper: Path | None,
    nuclio_secrets: Path | None,
    nuclio_config_maps: Path | None,
    brokers: dict[str, str],
    while_stdin: bool,
    as_json: bool,
) -> None:
    """Run AWS and Nuclio on this machine, in the foreground."""
    from ..localstack.emulator import CannotStart, Emulator
    from ..localstack.gate import Access
    from ..localstack.services_kept import NotKept
    from .env_file import read

    if not verify_signatures:
        _warn(host)
    emulator = Emulator(
        host,
        port,
        nuclio_port,
        data_dir,
        region,
        account,
        retry_delay,
        clock,
        access=Access(origins, hosts, verify_signatures),
        variables=read(env_file) if env_file else None,
        nuclio_platform=nuclio_platform,
        nuclio_wrapper=nuclio_wrapper,
        brokers=brokers,
        nuclio_secrets=nuclio_secrets,
        nuclio_config_maps=nuclio_config_maps,
    )
    try:
        with asyncio.Runner(loop_factory=_new_loop) as runner:
            runner.run(_run(emulator, while_stdin, as_json))
    except (CannotStart, NotKept) as error:
        report_failure(error, ctx)
        ctx.exit(1)


async def _run(emulator: Emulator, while_stdin: bool, as_json: bool) -> None:
    asked_to_stop, asked_again = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def ask() -> None:
        (asked_again if asked_to_stop.is_set() else asked_to_stop).set()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:  # as nohup has the last
            loop.add_signal_handler(number, ask)
    if while_stdin:
        _at_the_end_of_stdin(loop, asked_to_stop.set)
    await emulator.start()
    try:
        _say_ready(emulator, as_json)
        await asked_to_stop.wait()
        await _let_end(emulator, asked_again)
    finally:
        await emulator.stop()


def _at_the_end_of_stdin(loop: asyncio.AbstractEventLoop, act: Callable[[], None]) -> None:
    """Whoever holds the other end has gone, whatever ended it."""

    def look() -> None:
        if not os.read(0, 4096):
            loop.remove_reader(0)
            act()

    loop.add_reader(0, look)


async def _let_end(emulator: Emulator, asked_again: asyncio.Event) -> None:
    """Running calls of functions may end, unless they take long or the user asks again."""
    rest, again = asyncio.ensure_future(emulator.rest()), asyncio.ensure_future(asked_again.wait())
    both = (rest, again)
    done, _ = await asyncio.wait(both, timeout=AT_ONCE, return_when=asyncio.FIRST_COMPLETED)
    if not done:
        click.echo(
            f"waiting for running functions, {GRACE:g} seconds at the most (ctrl-C ends them)",
            err=True,
        )
        await asyncio.wait(both, timeout=GRACE, return_when=asyncio.FIRST_COMPLETED)
    for each in both:
        each.cancel()


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
