"""A graph over two processes and a queue of the emulator, against the queue alone.

Both: one process sends, another receives and deletes, ten messages a request, by boto3.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from time import perf_counter
from typing import Any, TypedDict

from pelton import Graph, steps
from pelton.serving_graph.brokers.sqs import SqsBroker
from pelton.serving_graph.message import Message
from pelton.serving_graph.spread import spread
from pelton.serving_graph.steps.queue import Address

from .emulator import emulator
from .row import Row

EVENTS, ROUNDS, LONG = 2000, 3, 20
_numbers = count()
_seen = count(1)

TAKE = """
import sys
from pelton.serving_graph.brokers.sqs import SqsBroker
broker, url, most = SqsBroker(sys.argv[1]), "", int(sys.argv[3])
client = broker.client
url = client.get_queue_url(QueueName=sys.argv[2])["QueueUrl"]
print("ready", flush=True)
while most:
    told = client.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1)
    found = [
        {"Id": str(place), "ReceiptHandle": each["ReceiptHandle"]}
        for place, each in enumerate(told.get("Messages", []))
    ]
    if found:
        client.delete_message_batch(QueueUrl=url, Entries=found)
    most -= len(found)
"""


class Event(TypedDict):
    """One event: its number, how many there are, and the file that says that all are done."""

    number: int
    of: int
    done: str


def same(event: Event) -> Event:
    return event


def end(event: Event) -> None:
    if next(_seen) == event["of"]:
        Path(event["done"]).touch()


def made(length: int) -> Graph[Any, Any]:
    """A graph with one queue and `length` steps behind it."""
    graph: Graph[Any, Any] = Graph("spread", Event) >> same >> steps.queue(f"q{next(_numbers)}")
    for place in range(length - 1):
        graph = graph >> steps.step(same, name=f"same{place}")
    return graph >> end


def rate_of_graph(endpoint: str, length: int) -> float:
    """Events a second from the first one sent to the last one done."""
    with tempfile.TemporaryDirectory() as folder:
        done = Path(folder) / "done"
        events = [Event(number=n, of=EVENTS, done=str(done)) for n in range(EVENTS)]
        with spread(made(length), f"sqs://{endpoint.partition('://')[2]}") as running:
            began = perf_counter()
            running.send_many(events)
            while not done.exists():
                time.sleep(0.002)
            return EVENTS / (perf_counter() - began)


def rate_of_queue(endpoint: str) -> float:
    """The same messages, sent by this process and taken by another that does nothing with them."""
    address = Address(f"bare{next(_numbers)}")
    broker = SqsBroker(endpoint)
    broker.prepare([address])
    url = broker.client.get_queue_url(QueueName=address.name)["QueueUrl"]
    text = Message(Event(number=1, of=EVENTS, done="/tmp/tmp01234567/done"), "spread", "s").text()
    with _taking(endpoint, address.name) as taker:
        began = perf_counter()
        for first in range(0, EVENTS, 10):
            batch = [{"Id": str(n), "MessageBody": text} for n in range(first, first + 10)]
            broker.client.send_message_batch(QueueUrl=url, Entries=batch)
        taker.wait()
        took = perf_counter() - began
    broker.close()
    return EVENTS / took


@contextmanager
def _taking(endpoint: str, queue: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", TAKE, endpoint, queue, str(EVENTS)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process


def measure() -> list[Row]:
    """The best of several rounds, taken in turns."""
    alone, short, long = list[float](), list[float](), list[float]()
    with emulator() as ready:
        for _ in range(ROUNDS):
            alone.append(rate_of_queue(ready["url"]))
            short.append(rate_of_graph(ready["url"], 1))
            long.append(rate_of_graph(ready["url"], LONG))
    queue, one, many = max(alone), max(short), max(long)
    return [
        Row(
            "graph over two processes and an SQS queue, to the queue alone",
            queue, one, "/s", value=one / queue, bound=0.5, at_least=True,
        ),
        Row(
            f"the same with {LONG} steps behind the queue, to one",
            1e6 / one, 1e6 / many, "µs", value=one / many, bound=1.25,
        ),
    ]  # fmt: skip


if __name__ == "__main__":
    from . import bench_spread  # the steps' processes import it, which they cannot do to a program

    print(*(row.line() for row in bench_spread.measure()), sep="\n")
