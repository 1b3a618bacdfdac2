"""One segment at work on a broker, in a process of its own: receive, work, send, be done.

`python -m pelton.serving_graph.station` is that process: it reads what to do from the first line of
its standard input, says "ready" on its standard output, and ends when its input does (whoever
started it is gone) or at SIGTERM: after what is in hand, which is then done and sent on.
"""

from __future__ import annotations

import json
import os
import sys
import time
from typing import TYPE_CHECKING, Any

from ..handlers.context import Context
from ..handlers.telemetry import Telemetry
from ..runtime.logs import JsonLogger
from .brokers.base import Away, Broker
from .clock import RealClock

if TYPE_CHECKING:
    from ..handlers.metrics import Metrics
    from .protocols import Clock
    from .segments import Segment

BATCH = 10  # messages at once
WAIT = 1.0  # seconds to wait for the first of them; a stop waits as long
REST = 0.5  # seconds after the broker could not be reached


class Station:
    """Works for one segment until it is told to stop.

    write:   takes each line that is logged
    metrics: what its steps are counted and timed into; None for nothing
    """

    def __init__(
        self,
        segment: Segment,
        broker: Broker,
        *,
        clock: Clock | None = None,
        wait: float = WAIT,
        write: Any = None,
        metrics: Metrics | None = None,
    ) -> None:
        self.segment, self.broker, self.wait = segment, broker, wait
        self.clock: Clock = clock or RealClock()
        self.stopping = False
        self._source, self._write = segment.address_of(segment.source), write
        self._metrics = metrics

    def run(self) -> None:
        """Load the segment's steps, work until `stop`, then drain and close them."""
        context = self._context(None)
        self.segment.load(context, telemetry=None if self._metrics is None else Telemetry())
        try:
            while not self.stopping:
                self.turn()
            self.segment.drain(context)
        finally:
            self.segment.stop(context)

    def stop(self, *signal: Any) -> None:
        """End after what is in hand."""
        self.stopping = True

    def turn(self) -> int:
        """One batch, to its end; how many messages it was."""
        try:
            most = 1 if self._source.ordered else BATCH
            batch = self.broker.receive(self._source, most, self.wait)
            if batch:
                self._work(batch)
        except Away as error:
            self._context(None).logger.warning("broker away", error=str(error))
            self.clock.sleep(REST)
            return 0
        return len(batch)

    def _work(self, batch: list[Any]) -> None:
        # What is not begun in its window is handed out again: better given back in time.
        outcome = self.segment.work(self._context(self._source.window)).batch(batch)
        if outcome.done:
            self.broker.done(self._source, outcome.done)
        for each, seconds in outcome.failed:
            self.broker.later(self._source, each, seconds)

    def _context(self, seconds: float | None) -> Context:
        return Context(
            function_name=self.segment.name,
            deadline=None if seconds is None else time.time() + seconds,
            make_logger=self._logger,
            metrics=self._metrics,
        )

    def _logger(self, context: Context) -> JsonLogger:
        first = {"function": context.function_name}
        if context.delivery is not None:
            first["correlationId"] = context.delivery.correlation_id
        return JsonLogger(first, write=self._write)


def main() -> int:
    import signal
    import threading

    ready = os.dup(1)
    os.dup2(2, 1)  # what steps print is for people; nobody reads a pipe that is never emptied
    told = json.loads(sys.stdin.readline())
    sys.path[:] = told["path"]
    from .brokers import broker_at
    from .cut import split
    from .graph import Graph

    segment = split(Graph.from_spec(told["graph"]))[told["segment"]]
    broker = broker_at(told["broker"])
    segment.connect(broker, timeout=told["timeout"])
    metrics = _served(told["metrics"]) if told.get("metrics") else None
    station = Station(
        segment,
        broker,
        write=lambda line: print(line, file=sys.stderr, flush=True),
        metrics=metrics,
    )
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, station.stop)
    threading.Thread(target=_end_with, args=(station,), daemon=True).start()
    os.write(ready, b"ready\n")
    os.close(ready)
    station.run()
    broker.close()
    return 0


def _served(port: int) -> Metrics:
    """Metrics that this machine may read at a port.  Raises `OSError` for one that is taken."""
    import threading
    from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

    from ..handlers.metrics import Metrics
    from ..runtime.telling.prometheus import CONTENT_TYPE, expose

    metrics = Metrics()

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = self.path.partition("?")[0] == "/metrics"
            body = expose(metrics).encode() if found else b"the metrics are at /metrics\n"
            self.send_response(200 if found else 404)
            self.send_header("content-type", CONTENT_TYPE)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Nobody reads a line a scrape."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return metrics


def _end_with(station: Station) -> None:
    """Wait for the end of whoever started this process."""
    while os.read(0, 4096):  # past `sys.stdin`, whose lock would be held when Python ends
        pass
    station.stop()


if __name__ == "__main__":
    sys.exit(main())
