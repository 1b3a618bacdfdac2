"""The functions of `pelton dev` that run under a debugger: which, where, and how to attach.

It asks the emulator for it, over HTTP, after each deploy; that a function is debugged is nothing
that the app or a deploy knows of.
"""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import click

from .say import say_json

PORT = 5678
Decorated = TypeVar("Decorated", bound=Callable[..., Any])


class Target(NamedTuple):
    """A function, and the port that its debugger listens on."""

    name: str
    port: int


def debug_options(function: Decorated) -> Decorated:
    """--debug, --debug-port, --wait."""
    for option in (
        click.option("--wait", is_flag=True, help="Hold its events until an editor is attached."),
        click.option(
            "--debug-port", type=click.IntRange(0, 65535), help=f"For its debugger [{PORT}]."
        ),
        click.option(
            "--debug",
            "debugged",
            multiple=True,
            metavar="FN[:PORT]",
            help="Run the function FN under debugpy, without timeout; may be given again.",
        ),
    ):
        function = option(function)
    return function


def targets(given: Sequence[str], port: int | None, wait: bool, on: str) -> tuple[Target, ...]:
    """What the options ask for: those after the first have the ports that follow.

    Raises `UsageError`, and `ClickException` when there is no debugger to be had.

    >>> targets(["a", "b", "c:9000"], None, False, "lambda")
    (Target(name='a', port=5678), Target(name='b', port=5679), Target(name='c', port=9000))
    """
    if not given:
        if wait or port is not None:
            raise click.UsageError("--wait and --debug-port go with --debug FN")
        return ()
    if on != "lambda":
        raise click.UsageError(
            f"--debug works with --on lambda, not with --on {on}: the emulator has no debugger for "
            "Nuclio's workers; a function that does not use its platform behaves alike on both"
        )
    if find_spec("debugpy") is None:
        raise click.ClickException(
            "--debug runs functions under debugpy, which is not installed: "
            "pip install 'pelton[debug]'"
        )
    first = PORT if port is None else port
    ports = [first + number if first else 0 for number in range(len(given))]
    return tuple(_target(*each) for each in zip(given, ports, strict=True))


def _target(text: str, port: int) -> Target:
    name, colon, own = text.partition(":")
    if not name or (colon and not own.isdigit()) or int(own or port) > 65535:
        raise click.UsageError(f"--debug {text!r} is not like FN or FN:5678")
    return Target(name, int(own or port))


class Debuggers:
    """Those of one run.

    url:  of the emulator;  root: the app's folder
    wait: whether their functions run nothing before an editor is attached
    """

    def __init__(
        self, url: str, root: Path, wanted: Sequence[Target], wait: bool, as_json: bool
    ) -> None:
        self._url, self._root, self._wanted = url, root, wanted
        self._wait, self._json = wait, as_json
        self._ports = {each.name: each.port for each in wanted}
        self._told: set[str] = set()

    def follow(self, functions: Sequence[str]) -> None:
        """These are deployed: those that are wanted have a debugger for their newest code.

        Raises `ClickException` when one has none at first; later that is said.
        """
        for name in self._ports:
            if name not in functions:
                known = ", ".join(functions)
                raise click.ClickException(f"--debug {name}: the app has {known}")
            try:
                place = self._ask(name)
            except click.ClickException as error:
                if name not in self._told:
                    raise
                click.echo(f"{name} is not debugged: {error.message}", err=True)
            else:
                self._tell(name, place)

    def _ask(self, name: str) -> dict[str, str]:
        """By the alias that triggers call, where there is one."""
        asked = {"port": self._ports[name], "wait": self._wait}
        status, said = self._put(name, {**asked, "qualifier": "live"})
        if status == 404:
            status, said = self._put(name, asked)
        if status != 200:
            other = (
                "; choose another with --debug FN:PORT"
                if "cannot listen" in said["message"]
                else ""
            )
            raise click.ClickException(said["message"] + other)
        self._ports[name] = int(said["address"].rpartition(":")[2])
        return said

    def _put(self, name: str, asked: dict[str, Any]) -> tuple[int, dict[str, str]]:
        from ..testing import open_directly

        address, body = f"{self._url}/_pelton/debug/{name}", json.dumps(asked).encode()
        request = urllib.request.Request(address, data=body, method="PUT")
        try:
            with open_directly(request) as answer:
                return 200, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)
        except OSError as error:
            raise click.ClickException(f"the emulator does not answer: {error}") from None

    def _tell(self, name: str, place: dict[str, str]) -> None:
        first = name not in self._told
        self._told.add(name)
        if self._json:
            config = launch(name, place["address"], self._root, place["root"])
            say_json({"debug": {**place, "launch": config}})
        elif not first:
            later = ", after the event that it has now" if place["state"] != "listening" else ""
            click.echo(f"{name}: debugger at {place['address']} for the new code{later}")
        else:
            click.echo(_how(name, place, self._root, self._wait))


def _how(name: str, place: dict[str, str], root: Path, wait: bool) -> str:
    """What somebody who has asked for a debugger needs to know at first."""
    config = json.dumps(launch(name, place["address"], root, place["root"]), indent=2)
    held = "its events wait for an editor, " if wait else ""
    return (
        f"{name}: debugger at {place['address']}; {held}it has one event at a time and neither "
        "timeout nor memory limit\n"
        "attach an editor; for VS Code, one of the configurations in .vscode/launch.json:\n"
        f"{config}\n"
        "breakpoint() in the code stops there, too, while an editor is attached"
    )


def launch(name: str, address: str, root: Path, there: str) -> dict[str, Any]:
    """VS Code's launch configuration; other clients of debugpy take the same members.

    root: the app's folder;  there: where it is in the function's process

    >>> launch("f", "127.0.0.1:5678", Path("/home/me/app"), "/var/task")["connect"]
    {'host': '127.0.0.1', 'port': 5678}
    """
    host, _, port = address.rpartition(":")
    return {
        "name": f"pelton: {name}",
        "type": "debugpy",
        "request": "attach",
        "connect": {"host": host, "port": int(port)},
        "pathMappings": [{"localRoot": str(root), "remoteRoot": there}],
        "justMyCode": True,
    }
