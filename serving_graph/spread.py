"""A graph spread over processes of this machine: the same segments that are functions elsewhere.

`spread` starts a process for each queue and keeps it running; the entry is called where you are.
Events are where they are on a platform: in the broker's queues, whatever is killed.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any

from ..handlers.context import Context
from ..handlers.delivery import Delivery
from ..handlers.errors import NotReady
from .brokers import broker_at
from .brokers.base import Away, Broker, Received
from .cut import split
from .drive import drive
from .graph import Graph
from .refer import wrong
from .segments import _DROPPED, Receipt, Segment
from .steps.queue import Address, Queue, queue

START = 60.0  # seconds within which a process must say that it is ready
STOP = 60.0  # seconds for what a process has in hand
LOOK = 0.05  # seconds between two looks at the processes
_SHORT = 1.0  # a process that lived less is started again more slowly


class Place:
    """One process's place: its segment, the process that has it now, and how often one died.

    port: of its metrics; 0 for none
    """

    def __init__(self, name: str, order: Mapping[str, Any], port: int = 0) -> None:
        self.name, self.order, self.port = name, json.dumps({**order, "metrics": port}), port
        self.process: subprocess.Popen[str] = self._start()
        self.restarts, self.began, self._pause, self._due = 0, time.monotonic(), 0.1, 0.0

    def _start(self) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", f"{__package__}.station"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdin is not None
        try:
            process.stdin.write(self.order + "\n")
            process.stdin.flush()
        except BrokenPipeError:
            pass  # it died at once; who looks after it sees that
        return process

    def wait_ready(self) -> None:
        """Raises `NotReady` when the process ended instead; its error is above, on stderr."""
        assert self.process.stdout is not None
        if self.process.stdout.readline().strip() != "ready":
            code = self.process.wait()
            raise NotReady(f"the process of {self.name} ended with {code} before it was ready")

    def look(self) -> None:
        """Start the process again when it has died, more slowly when it dies at once."""
        if self.process.poll() is None:
            return
        now = time.monotonic()
        if not self._due:
            self.close()
            short = now - self.began < _SHORT
            self._pause = min(self._pause * 2, 5.0) if short else 0.1
            self._due = now + (self._pause if short else 0.0)
        if now >= self._due:
            self.process, self.restarts = self._start(), self.restarts + 1
            self.began, self._due = now, 0.0

    def close(self) -> None:
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except BrokenPipeError:
                    pass


class Spread:
    """A graph at work over several processes; see `spread`."""

    def __init__(self, segments: Sequence[Segment], broker: Broker, places: list[Place]) -> None:
        self.segments, self.broker, self.places = segments, broker, places
        self._entry, self._last = segments[0], segments[-1]
        self._ended, self._lock = threading.Event(), threading.Lock()
        self._keeper = threading.Thread(target=self._keep, name="pelton-spread", daemon=True)
        self._keeper.start()

    def __enter__(self) -> Spread:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def __call__(self, value: Any, *, key: str = "") -> Receipt | None:
        """Give one event to the entry: its receipt, once the event is in the first queue; None for
        one that the entry dropped.

        key: the event's idempotency key; a new one when left out
        """
        (told,) = self.send_many([value], keys=[key])
        return told

    def send_many(self, values: Iterable[Any], *, keys: Iterable[str] = ()) -> list[Receipt | None]:
        """`__call__` for several, sent together.

        Raises the first error of a step or of sending; what was taken before it stays taken.
        """
        entry, ready = self._entry, []
        assert entry.target is not None
        given = [*keys]
        for place, value in enumerate(values):
            delivery = _delivery(given[place] if place < len(given) else "")
            out = self._run(value, Context(delivery=delivery, function_name=entry.name))
            ready.append(None if out is _DROPPED else entry.packed(out, delivery))
        sent = iter(entry.send([each for each in ready if each is not None]))
        told = [None if each is None else next(sent) for each in ready]
        return [_receipt(entry.target.name, each) for each in told]

    def _run(self, value: Any, context: Context) -> Any:
        ran = self._entry.run(value, context)
        if self._entry.executor.is_async:
            from ..runtime.call import run_async

            return run_async(ran)
        return drive(ran)

    def answers(self, many: int, *, wait: float = 30.0) -> Iterator[tuple[str, Any]]:
        """Up to `many` answers as they come, each with its event's idempotency key; fewer when none
        comes for `wait` seconds.  An answer may come twice, as every message may."""
        target = self._last.target
        if target is None or self._last.gives is None:
            raise wrong(
                f"graph {self._entry.graph.name!r} does not say where its answers go",
                "end it with a queue, or give spread(answers=True)",
            )
        address, ends, found = self._last.address_of(target), time.monotonic() + wait, 0
        while found < many and time.monotonic() < ends:
            batch = self._received(address, min(10, many - found))
            for each in batch:
                yield each.message.idempotency_key, self._last.gives.unpack(each.message.value)
            if batch:
                self.broker.done(address, batch)
                found, ends = found + len(batch), time.monotonic() + wait

    def _received(self, queue: Address, most: int) -> list[Received]:
        try:
            return self.broker.receive(queue, most, 1.0)
        except Away:
            time.sleep(LOOK)
            return []

    def _keep(self) -> None:
        while not self._ended.wait(LOOK):
            with self._lock:
                if not self._ended.is_set():
                    for each in self.places:
                        each.look()

    def stop(self) -> None:
        """End every process after what it has in hand; what is in queues stays there."""
        with self._lock:
            self._ended.set()
        self._keeper.join()
        for each in self.places:
            each.process.terminate()
        for each in self.places:
            _wait(each)
        self._entry.stop()
        self.broker.close()


def _receipt(queue: str, told: str | Exception | None) -> Receipt | None:
    if isinstance(told, Exception):
        raise told
    return None if told is None else Receipt(queue=queue, message_id=told)


def _wait(place: Place) -> None:
    try:
        place.process.wait(STOP)
    except subprocess.TimeoutExpired:
        place.process.kill()
        place.process.wait()
    place.close()


def spread(
    graph: Graph[Any, Any],
    broker: str = "",
    *,
    workers: int = 1,
    answers: bool = False,
    timeout: float = 0,
    metrics: int = 0,
) -> Spread:
    """Run a graph with queues over processes of this machine, `workers` for each queue.

    The queues are made where they are not there.  Processes that die are started again.  A context
    manager: at its end each process finishes what it has in hand.

    broker:  "nats://127.0.0.1:4222" (JetStream), "kafka://127.0.0.1:9092", "sqs://127.0.0.1:4566"
             (the emulator) or "sqs:", and the same with "kinesis"; by default that of the graph's
             own queues
    answers: send what the last step gives to the queue `<graph>-answers`, for `Spread.answers`
    timeout: seconds that an event may take in a process, for the queues' windows; see `queue`
    metrics: a port, from which on each process has one: its /metrics counts and times its steps, in
             Prometheus's form, for this machine; 0 for none.  `Spread.places` say theirs

    Raises `GraphError` for a graph that no other process can make again, or without a queue;
    `NotReady` when a process does not start.
    """
    if not any(each.splits for each in graph.steps):
        raise wrong(f"graph {graph.name!r} has no queue", "put one where it is to be cut")
    if answers and not graph.steps[-1].splits:
        graph = graph >> _answers_of(graph)
    _check_importable(graph)
    broker = broker or broker_of(graph)
    segments, carrier = split(graph), broker_at(broker)
    for each in segments:
        each.connect(carrier, timeout=timeout)
    carrier.prepare([each.address_of(each.target) for each in segments if each.target])
    order = {"path": sys.path, "graph": graph.spec.to_dict(), "broker": broker, "timeout": timeout}
    wanted = [
        (number, each.name)
        for number, each in enumerate(segments)
        for _ in range(workers if each.source else 0)
    ]
    places = [
        Place(name, order | {"segment": number}, metrics + place if metrics else 0)
        for place, (number, name) in enumerate(wanted)
    ]
    try:
        for place in places:
            place.wait_ready()
    except NotReady:
        for place in places:
            place.process.terminate()
            _wait(place)
        carrier.close()
        raise
    return Spread(segments, carrier, places)


def _queues(graph: Graph[Any, Any]) -> list[Queue]:
    return [each for each in graph.steps if isinstance(each, Queue)]


def _answers_of(graph: Graph[Any, Any]) -> Any:
    """The queue for what the last step gives, like the others."""
    known = next(iter(_queues(graph)), None)
    like = {"kind": known.kind, "broker": known.broker} if known else {}
    return queue(f"{graph.name}-answers", **like)


def broker_of(graph: Graph[Any, Any]) -> str:
    """The broker that a graph's own queues name, for a spread that is told none."""
    known = next(iter(_queues(graph)), None)
    if known is None or not known.broker:
        raise wrong(
            f"the queues of graph {graph.name!r} say no broker",
            'give one: "nats://127.0.0.1:4222", or "sqs://127.0.0.1:4566" for the emulator',
        )
    return known.broker


def _check_importable(graph: Graph[Any, Any]) -> None:
    for name in graph.modules():
        if name == "__main__":
            raise wrong(
                f"graph {graph.name!r} has steps of the program that runs, which no other process "
                "can import",
                "put them into a module of their own",
            )
    Graph.from_spec(graph.spec)


def _delivery(key: str) -> Delivery:
    from uuid import uuid4

    name = str(uuid4())
    return Delivery(key or name, name)
