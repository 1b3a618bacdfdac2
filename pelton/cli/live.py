"""A graph's picture with the numbers of a running one, drawn again and again.

Asks a `/metrics` address; what runs there may be another process, machine or platform.
"""

from __future__ import annotations

import os
import sys
import time
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import httpx

from ..handlers.errors import WrongUse
from .say import say_json

if TYPE_CHECKING:
    from ..serving_graph.graph import Graph
    from ..serving_graph.layout import Mark
    from ..serving_graph.live import Seen

_HOME, _BELOW = "\x1b[H", "\x1b[J"  # to the corner; what is below goes


class Live:
    """One graph and the address that tells of it.

    svg, html: files that are written anew with every picture
    """

    def __init__(
        self,
        graph: Graph[Any, Any],
        address: str,
        every: float,
        svg: Path | None = None,
        html: Path | None = None,
    ) -> None:
        if every <= 0:
            raise WrongUse(f"--every {every} is no time", advice="give seconds, such as 1")
        self.graph, self.address, self.every = graph, url_of(address), every
        self.svg, self.html = svg, html
        self._before: tuple[float, dict[str, Seen]] | None = None

    def run(self, frames: int | None, as_json: bool = False) -> None:
        """Draw until ctrl-C, or so many times; once where nobody looks at a terminal.

        Raises `WrongUse` when the first answer is none; later ones are waited for.
        """
        alive = sys.stdout.isatty() and not as_json
        frames = frames or (None if alive or self.svg or self.html else 1)
        marks, number = self.ask(), 0
        try:
            while True:
                number += 1
                self._show(marks, alive, as_json)
                if number == frames:
                    return
                time.sleep(self.every)
                marks = self._ask_again(marks)
        except KeyboardInterrupt:
            click.echo("stopped", err=True)

    def ask(self) -> dict[str, Mark]:
        """What the address says now of this graph's steps."""
        from ..serving_graph.live import marks, read, steps

        try:
            answer = httpx.get(self.address, timeout=10, follow_redirects=True)
            answer.raise_for_status()
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise WrongUse(
                f"{self.address} does not tell metrics: {error}",
                advice="give the address of pelton run, pelton serve, or of a function with "
                "telemetry=pelton.Telemetry(route=...)",
            ) from error
        now, found = time.monotonic(), steps(read(answer.text))
        then, before = self._before or (now, None)
        self._before = now, found
        own = f"{self.graph.name}/"
        told = marks(found, before, now - then)
        return {path: mark for path, mark in told.items() if path.startswith(own)}

    def _ask_again(self, last: dict[str, Mark]) -> dict[str, Mark]:
        try:
            return self.ask()
        except WrongUse as error:
            click.echo(f"{error.what}; the numbers are the last known", err=True)
            return last

    def _show(self, marks: dict[str, Mark], alive: bool, as_json: bool) -> None:
        from ..serving_graph.draw import to_svg, to_text

        picture = to_svg(self.graph, marks) if self.svg or self.html else ""
        if self.svg:
            replace(self.svg, picture)
        if self.html:
            replace(self.html, page(self.graph.name, picture, self.every))
        if as_json:
            say_json({"steps": {path: mark._asdict() for path, mark in marks.items()}})
            return
        text = to_text(self.graph, marks)
        if not marks:
            text += f"\n\n{self.address} knows no step of this graph yet"
        click.echo(f"{_HOME}{_BELOW}{text}" if alive else text)


def url_of(address: str) -> str:
    """
    >>> url_of("127.0.0.1:8000"), url_of("http://x/own/metrics")
    ('http://127.0.0.1:8000/metrics', 'http://x/own/metrics')
    """
    url = address if "://" in address else f"http://{address}"
    rest = url.partition("://")[2]
    return url if rest.partition("/")[2] else f"{url.rstrip('/')}/metrics"


def page(title: str, picture: str, every: float) -> str:
    """A page that shows the picture and loads itself again."""
    seconds = max(1, round(every))
    return (
        f'<!doctype html>\n<meta charset="utf-8">\n<meta http-equiv="refresh" content="{seconds}">'
        f"\n<title>{escape(title)}</title>\n{picture}"
    )


def replace(path: Path, text: str) -> None:
    """Write a file so that who reads it at the same time sees the old one or the new one."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        beside.write_text(text, encoding="utf-8")
        beside.replace(path)
    except OSError as error:
        raise WrongUse(f"cannot write {path}: {error.strerror}") from error
