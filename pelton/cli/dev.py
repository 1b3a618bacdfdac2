"""`pelton dev`: the emulator, a deploy of the app, and a deploy again on every save."""

from __future__ import annotations

import json
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import click

from . import warm
from .debugger import Debuggers, debug_options, targets
from .env_file import choose, env_file_option, read
from .say import json_option
from .where import file_argument

PAUSE = 0.05  # between looks at the files; a look at 200 takes two milliseconds


@click.command()
@file_argument
@click.option("--port", default=4566, show_default=True)
@click.option("--nuclio-port", default=8070, show_default=True)
@click.option("--on", type=click.Choice(["lambda", "nuclio", "both"]), default="lambda")
@debug_options
@env_file_option
@json_option
def command(
    file: str,
    port: int,
    nuclio_port: int,
    on: str,
    debugged: tuple[str, ...],
    debug_port: int | None,
    wait: bool,
    env_file: str | None,
    as_json: bool,
) -> None:
    """Run the emulator and FILE's functions on it; deploy again when a file is saved.

    Logs of the functions are printed as they come.  Ctrl-C ends everything.
    """
    root = Path(file.partition(":")[0]).resolve().parent
    wanted = targets(debugged, debug_port, wait, on)
    for number in ends():  # each ends everything, in order
        signal.signal(number, signal.default_int_handler)
    try:
        variables = choose(env_file, root)
        if variables is not None:
            names = ", ".join(read(variables))
            click.echo(f"variables of {variables}: {names}; start again when it changes", err=True)
        with emulator(port, nuclio_port, variables) as ready:
            click.echo(
                json.dumps(ready)
                if as_json
                else f"emulator: AWS at {ready['url']}, Nuclio at {ready['nuclio_url']}"
            )
            where = ["--endpoint", ready["url"], "--nuclio-endpoint", ready["nuclio_url"]]
            with closing(Followers(where, on)) as logs:
                debuggers = Debuggers(ready["url"], root, wanted, wait, as_json)
                deploy_it = partial(deploy, file, [*where, "--on", on], logs, debuggers, as_json)
                watch(root, deploy_it, time.sleep)
    except KeyboardInterrupt:
        click.echo("stopped", err=True)


@contextmanager
def emulator(
    port: int, nuclio_port: int, variables: Path | None = None
) -> Iterator[dict[str, Any]]:
    """An emulator of our own; its ready line.  Ended with us, and by itself where we are killed:
    it lives as long as its standard input is open."""
    words = ["emulator", "--port", str(port), "--nuclio-port", str(nuclio_port), "--json"]
    words += ["--while-stdin"]
    words += ["--env-file", str(variables)] if variables else []
    with uninterrupted():
        process = subprocess.Popen(
            [sys.executable, "-m", "pelton", *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
    try:
        assert process.stdin is not None and process.stdout is not None
        warm.prepare()  # while it starts
        line = process.stdout.readline()
        if not line.startswith('{"status": "ready"'):
            raise click.ClickException(f"the emulator did not start: {_why(line)}")
        yield json.loads(line)
    finally:
        with uninterrupted():
            process.terminate()
            process.wait()
            process.communicate()  # closes its pipes


def ends() -> Iterator[signal.Signals]:
    """The signals that ask for an end: ctrl-C, a supervisor's, and a terminal's that is closed,
    unless whoever started us lets that go by (nohup)."""
    yield from (signal.SIGINT, signal.SIGTERM)
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:
        yield signal.SIGHUP


@contextmanager
def uninterrupted() -> Iterator[None]:
    """A process is noted as soon as it is started: an interrupt in between comes afterwards."""
    came: list[int] = []
    old = {
        number: signal.signal(number, lambda number, _: came.append(number)) for number in ends()
    }
    try:
        yield
    finally:
        for number, handler in old.items():
            signal.signal(number, handler)
    if came:
        raise KeyboardInterrupt


class Followers:
    """One `pelton logs -f` for each deployed function, on each platform it is on."""

    def __init__(self, where: list[str], on: str) -> None:
        self._where = where
        self._platforms = ("lambda", "nuclio") if on == "both" else (on,)
        self._running: dict[tuple[str, str], subprocess.Popen[bytes]] = {}

    def follow(self, name: str) -> None:
        for platform in self._platforms:
            if (name, platform) not in self._running:
                words = ["logs", name, "-f", *self._where, "--on", platform]
                with uninterrupted():
                    self._running[name, platform] = subprocess.Popen(
                        [sys.executable, "-m", "pelton", *words], start_new_session=True
                    )

    def close(self) -> None:
        with uninterrupted():
            for process in self._running.values():
                process.terminate()
            for process in self._running.values():
                process.wait()


def deploy(
    file: str, where: list[str], logs: Followers, debuggers: Debuggers, as_json: bool
) -> list[str]:
    """Deploy in a process of its own, so that the code is read anew; an error is printed.

    Returns the files that the functions are made of; none when it failed.
    """
    done = warm.run(["deploy", file, *where, "--json"])
    if done.code:
        click.echo(f"not deployed: {_why(done.said)}", err=True)
        return []
    document = json.loads(done.said)
    if as_json:
        click.echo(done.said.strip())
    elif document["steps"]:
        click.echo(f"deployed: {', '.join(document['functions'])}")
    for name in document["functions"]:
        logs.follow(name)
    if document["steps"]:
        debuggers.follow(document["functions"])
    return list(document["sources"])


def _why(said: str) -> str:
    """The sentence of a failed deploy's JSON document; what went to standard error is there."""
    try:
        return str(json.loads(said)["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return "see above"


def watch(root: Path, act: Callable[[], list[str]], pause: Callable[[float], None]) -> None:
    """Act now, and again whenever a Python file below `root`, or a file that the last act named,
    has changed: what a running program writes beside the app changes nothing."""
    made_of: set[Path] = set()
    seen: dict[Path, float] | None = None
    while True:
        now = stamps(root, made_of)
        if now != seen:
            made_of |= set(map(Path, act()))
            # A file known before, saved while it acted, keeps its old time here: it acts again.
            seen = stamps(root, made_of) | now
        pause(PAUSE)


def stamps(root: Path, more: set[Path]) -> dict[Path, float]:
    """When each Python file of the app, and each of `more`, was saved last; hidden folders and
    caches do not count."""
    found: dict[Path, float] = {}
    for path in (*root.rglob("*.py"), *more):
        if path not in more:
            parts = path.relative_to(root).parts
            if any(part.startswith((".", "__pycache__")) for part in parts):
                continue
        try:
            status = path.stat()
        except OSError:  # an editor's own file, gone again
            continue
        if stat.S_ISREG(status.st_mode):
            found[path] = status.st_mtime
    return found
