"""A stream of JetStream between two functions of one graph, as Nuclio's own trigger reads it."""

from __future__ import annotations

from typing import ClassVar

from .base import Trigger

CONSUMER = "work"  # the one consumer of a graph's stream, whoever reads it


class JetStreamHandoff(Trigger):
    """The queue between two functions of one graph: a deploy makes it, with its dead letters.

    queue:    the stream, and its subject
    broker:   "nats://HOST:PORT"
    dead_letter: the stream of what is given up
    seconds:  within which an event is done, all its tries and pauses counted
    tries:    of an event, all within one call, because Nuclio's trigger hands out nothing again
              that its function has answered
    receives: how often it is handed out before the server itself gives it up
    ordered:  one event at a time
    function: the function that takes from it; "" for none of ours
    """

    kind: ClassVar[str] = "natsjetstream"
    needs_body: ClassVar[bool] = True
    batches: ClassVar[bool] = True

    queue: str
    broker: str
    dead_letter: str = ""
    seconds: float = 30.0
    tries: int = 5
    receives: int = 25
    ordered: bool = False
    function: str = ""
