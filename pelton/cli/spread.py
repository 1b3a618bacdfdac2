"""`pelton spread`: a graph with queues over processes of this machine, fed from standard input."""

from __future__ import annotations

import json
import signal
import sys
import threading
from typing import TYPE_CHECKING, Any

import click

from ..handlers.errors import InvalidInput, NotReady, WrongUse
from . import graphs as of
from .say import json_option, say_json

if TYPE_CHECKING:
    from ..serving_graph.graph import Graph
    from ..serving_graph.spread import Spread

MANY = 1 << 60


@click.command()
@click.argument("where")
@click.option(
    "--broker",
    default="",
    help="nats:// or kafka://HOST:PORT, sqs: or kinesis: (//HOST:PORT); else the graph's.",
)
@click.option("--workers", default=1, show_default=True, help="Processes for each queue.")
@click.option("--timeout", default=0.0, help="Seconds that an event may take in a process.")
@click.option("--idle", default=5.0, show_default=True, help="Seconds without an answer, then end.")
@click.option("--metrics", default=0, help="A port; each process has /metrics there, or after it.")
@click.option("--graph", "name", help="Which graph, where WHERE has several with a queue.")
@json_option
def command(
    where: str,
    broker: str,
    workers: int,
    timeout: float,
    idle: float,
    metrics: int,
    name: str | None,
    as_json: bool,
) -> None:
    """Run the graph of WHERE (FILE.py, FILE.py:app, module:graph, .json or .yaml) with a process
    for each of its queues.

    Events are lines of JSON on standard input; the answers are printed as lines of JSON, as they
    come.  It ends with its input, when no answer has come for --idle seconds; ctrl-C ends it at
    once.  What is in the queues stays there.
    """
    from ..serving_graph.spread import spread

    graph = find(where, name)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with spread(
            graph, broker, workers=workers, answers=True, timeout=timeout, metrics=metrics
        ) as running:
            _say(graph.name, running, as_json)
            feeder = threading.Thread(target=_feed, args=(running, sys.stdin), daemon=True)
            feeder.start()
            _print(running, feeder, idle)
    except KeyboardInterrupt:
        click.echo("stopped", err=True)


def _say(name: str, running: Spread, as_json: bool) -> None:
    """Which processes there are, and where they tell of themselves."""
    pages = [
        {"function": each.name, "url": f"http://127.0.0.1:{each.port}/metrics"}
        for each in running.places
        if each.port
    ]
    if as_json:
        say_json(
            {"graph": name, "functions": [each.name for each in running.places], "metrics": pages}
        )
        return
    for page in pages:
        click.echo(f"{page['function']}: {page['url']}", err=True)


def find(where: str, name: str | None = None) -> Graph[Any, Any]:
    """The graph that WHERE names, or the only one with a queue that is there."""
    found = of.find(where, name)
    cut = [each for each in found if any(step.splits for step in each.steps)]
    if len(found) == 1:
        return found[0]
    if not cut:
        raise WrongUse(
            f"no graph of {where} has a queue",
            advice="put one between its steps: steps.queue('name'); without one it is `pelton run`",
        )
    return of.only(cut, "pelton spread")


def _feed(running: Spread, lines: Any) -> None:
    """Give every line to the entry; what is wrong with one is said, and the next one taken."""
    entry = running.segments[0]
    from ..handlers.codec.types import converter
    from ..serving_graph.parcel import Parcel
    from ..serving_graph.refer import Place

    converter(Any)
    taken = Parcel(entry.graph.name, [entry.graph.input_type], Place())
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            running(taken.unpack(json.loads(line)))
        except (ValueError, InvalidInput) as error:
            click.echo(f"line {number}: {error}", err=True)
        except NotReady as error:
            click.echo(f"line {number}: not taken: {error}", err=True)


def _print(running: Spread, feeder: threading.Thread, idle: float) -> None:
    pack = running.segments[-1].gives
    assert pack is not None
    while True:
        fed = not feeder.is_alive()
        for _, answer in running.answers(MANY, wait=idle if fed else 1.0):
            click.echo(json.dumps(pack.pack(answer)))
        if fed:
            return
