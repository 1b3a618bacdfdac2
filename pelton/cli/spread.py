"""`pelton spread`: a graph with queues over processes of this machine, fed from standard input."""

from __future__ import annotations

import json
import signal
import sys
import threading
from typing import TYPE_CHECKING, Any

import click

from ..handlers.errors import InvalidInput, NotReady, WrongUse
from .say import json_option, say_json

if TYPE_CHECKING:
    from ..serving_graph import Graph
    from ..serving_graph.spread import Spread

MANY = 1 << 60


@click.command()
@click.argument("where")
@click.option("--broker", required=True, help="nats://HOST:PORT, sqs://HOST:PORT or sqs: (AWS).")
@click.option("--workers", default=1, show_default=True, help="Processes for each queue.")
@click.option("--timeout", default=0.0, help="Seconds that an event may take in a process.")
@click.option("--idle", default=5.0, show_default=True, help="Seconds without an answer, then end.")
@json_option
def command(
    where: str, broker: str, workers: int, timeout: float, idle: float, as_json: bool
) -> None:
    """Run the graph of WHERE (module:graph, FILE.py:graph or FILE.py) with a process for each of
    its queues.

    Events are lines of JSON on standard input; the answers are printed as lines of JSON, as they
    come.  It ends with its input, when no answer has come for --idle seconds; ctrl-C ends it at
    once.  What is in the queues stays there.
    """
    from ..serving_graph.spread import spread

    graph = find(where)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with spread(graph, broker, workers=workers, answers=True, timeout=timeout) as running:
            if as_json:
                say_json({"graph": graph.name, "functions": [each.name for each in running.places]})
            feeder = threading.Thread(target=_feed, args=(running, sys.stdin), daemon=True)
            feeder.start()
            _print(running, feeder, idle)
    except KeyboardInterrupt:
        click.echo("stopped", err=True)


def find(where: str) -> Graph[Any, Any]:
    """The graph that WHERE names, or the only one with a queue that its module has."""
    from ..builders.load import load_module
    from ..serving_graph import Graph

    module, name, _ = load_module(where)
    if name:
        found = getattr(module, name, None)
        if not isinstance(found, Graph):
            raise WrongUse(f"{where} is no graph")
        return found
    held = {each.name: each for each in vars(module).values() if isinstance(each, Graph)}
    cut = {key: each for key, each in held.items() if any(step.splits for step in each.steps)}
    if len(cut) != 1:
        there = ", ".join(cut) or "none"
        raise WrongUse(f"{where} has not one graph with a queue: {there}", advice=f"{where}:NAME")
    return next(iter(cut.values()))


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
