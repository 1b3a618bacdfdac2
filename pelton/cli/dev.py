"""`pelton dev`: the emulator, a deploy of the app, and a deploy again on every save."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from .say import json_option

PAUSE = 0.5


@click.command()
@click.argument("file")
@click.option("--port", default=4566, show_default=True)
@click.option("--nuclio-port", default=8070, show_default=True)
@click.option("--on", type=click.Choice(["lambda", "nuclio", "both"]), default="lambda")
@json_option
def command(file: str, port: int, nuclio_port: int, on: str, as_json: bool) -> None:
    """Run the emulator and FILE's functions on it; deploy again when a file is saved.

    Logs of the functions are printed as they come.  Ctrl-C ends everything.
    """
    with emulator(port, nuclio_port) as ready:
        where = ["--endpoint", ready["url"], "--nuclio-endpoint", ready["nuclio_url"], "--on", on]
        root = Path(file.partition(":")[0]).resolve().parent
        logs = Followers(where)
        try:
            watch(root, lambda: deploy(file, where, logs, as_json), time.sleep)
        except KeyboardInterrupt:
            click.echo("stopped", err=True)
        finally:
            logs.close()


@contextmanager
def emulator(port: int, nuclio_port: int) -> Iterator[dict[str, Any]]:
    """An emulator of our own; its ready line.  Ended with us."""
    words = ["emulator", "--port", str(port), "--nuclio-port", str(nuclio_port), "--json"]
    process = subprocess.Popen(
        [sys.executable, "-m", "pelton", *words],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise click.ClickException("the emulator did not start; it said why above")
        yield json.loads(line)
    finally:
        process.terminate()
        process.wait()


class Followers:
    """One `pelton logs -f` for each deployed function."""

    def __init__(self, where: list[str]) -> None:
        self._where = where
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def follow(self, name: str) -> None:
        if name not in self._running:
            command = [sys.executable, "-m", "pelton", "logs", name, "-f", *self._where]
            self._running[name] = subprocess.Popen(command, start_new_session=True)

    def close(self) -> None:
        for process in self._running.values():
            process.terminate()
            process.wait()


def deploy(file: str, where: list[str], logs: Followers, as_json: bool) -> None:
    """Deploy in a process of its own, so that the code is read anew; an error is printed."""
    words = [sys.executable, "-m", "pelton", "deploy", file, *where]
    done = subprocess.run([*words, "--json"], stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        click.echo(json.loads(done.stdout or '{"error": {}}')["error"].get("message", ""), err=True)
        return
    document = json.loads(done.stdout)
    click.echo(done.stdout.strip() if as_json else f"deployed: {', '.join(document['functions'])}")
    if "both" not in where:
        for name in document["functions"]:
            logs.follow(name)


def watch(root: Path, act: Callable[[], None], pause: Callable[[float], None]) -> None:
    """Act now, and again whenever a file below `root` has changed."""
    seen: dict[Path, float] = {}
    while True:
        now = stamps(root)
        if now != seen:
            seen = now
            act()
        pause(PAUSE)


def stamps(root: Path) -> dict[Path, float]:
    """When each file of the app was saved last; hidden folders and caches do not count."""
    return {
        path: path.stat().st_mtime
        for path in root.rglob("*.py")
        if not any(part.startswith((".", "__pycache__")) for part in path.relative_to(root).parts)
    }
