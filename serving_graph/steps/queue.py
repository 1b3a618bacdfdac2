"""Where a graph is cut when it is spread over functions: `queue` between two steps.

In-process a queue lets every value pass.  What is cut, and what is sent, is in `segments`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

from ...handlers.frozen import Frozen
from ..kit.base import Bound, Branches, Step
from ..kit.field import check_field, reader
from ..refer import Place, holds_state, meant, place, reference, resolve, wrong
from ..spec import StepSpec, canonical

if TYPE_CHECKING:
    from ..run import Worker

KINDS = ("sqs", "kinesis")
BROKERS = ("nats", "kafka")  # what `broker=` may begin with
_NAME = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")


class Address(Frozen):
    """One queue, as brokers are told of it.

    name:        as the graph says it; a broker may write it in its own way
    ordered:     events of one key are handed out one after another, in the order of sending
    attempts:    how often an event is tried; then it goes to `dead_letter`
    dead_letter: the name of the queue for those
    window:      seconds within which a received message must be done, else it is handed out again
    letters:     it holds another queue's dead letters
    """

    name: str
    ordered: bool = False
    attempts: int = 5
    dead_letter: str = ""
    window: float = 30.0
    letters: bool = False


class Queue(Step[Any, Any]):
    """See `queue`."""

    splits = True

    def __init__(self, name: str, key: Any, options: dict[str, Any], at: Place) -> None:
        by = {"key": _written(key, name, at)} if key else {}
        super().__init__(StepSpec("queue", name, options=canonical(options | by)), at)
        _check(name, options, at)
        self.by, self.kind, self.attempts = key, options["kind"], options["attempts"]
        self.broker: str = options.get("broker", "")
        self.backoff, self.window = options["backoff"], options["window"]
        self.answers = options["answers"] == "value"
        self.dead_letter = options["dead_letter"] or f"{name}-dead"
        self.references = (reference(key),) if callable(key) else ()

    def taking(self, given: Any) -> Step[Any, Any]:
        """A queue gives what it takes; raises for a key that it does not have."""
        from copy import copy

        if isinstance(self.by, str) and self.by:
            check_field(f"queue {self.name!r} keeps the order of", self.by, given, self.place)
        other = copy(self)
        other.input_type = other.output_type = given
        return other

    def bind(self, worker: Worker, path: str) -> Bound:
        return Bound(self.name, path, _same)

    def group(self, value: Any) -> str:
        """The key by which a value keeps its order; "" for one that keeps none.

        Raises `InvalidInput` for a value without the field.
        """
        if not self.by:
            return ""
        if callable(self.by):
            return str(self.by(value))
        return str(reader(self.by)(value))

    def again_after(self, attempt: int) -> float:
        """Seconds to wait after an attempt that failed: twice as long each time, 15 minutes at the
        most."""
        return float(min(self.backoff * 2 ** (attempt - 1), 900.0))


def _same(value: Any) -> Any:
    return value


def queue(
    name: str,
    *,
    key: str | Callable[[Any], Any] = "",
    kind: str = "",
    broker: str = "",
    attempts: int = 5,
    backoff: float = 1.0,
    window: float = 0,
    dead_letter: str = "",
    answers: Literal["receipt", "value"] = "receipt",
) -> Step[Any, Any]:
    """A cut between two steps: deployed, what comes after is a function of its own, which takes the
    events from a queue.

    Called in-process, the graph runs straight through.  Served by `app.serve`, the entry function
    ends with sending and answers a `Receipt`; the function after the queue is called
    `<graph>-<queue>`.  An event is taken off the queue when its work is done, so it may come more
    than once: see `once`.  A queue that ends the graph takes the answers.

    key:         a field's name, or a function of the value: events of one key keep their order
    kind:        "sqs" (the default), or "kinesis": a stream, of which each shard keeps its order
                 and is held up while one event is tried, at Lambda's pace; one kind for all queues
                 of a graph
    broker:      instead of a kind, where the queue is outside of AWS: "nats://HOST:4222", a stream
                 of JetStream, or "kafka://HOST:9092", a topic; the function behind it is one of
                 Nuclio then
    attempts:    how often a failing event is tried before it goes to the dead-letter queue, with
                 the step, the error and the input's digest as the reason
    backoff:     seconds before it is tried again; twice as long each time
    window:      seconds within which an event must be done before it is handed out again; by
                 default computed: the sum of the steps' timeouts where all have one, else six times
                 the function's timeout
    dead_letter: that queue's name; by default `<name>-dead`
    answers:     what the entry answers when the event is in the queue: a `Receipt`, or the "value"
                 that was sent; with "value" that is the graph's answer in-process, too

    Raises `GraphError` for a queue in a branch, and for a value that no message can carry.

    >>> from pelton import Graph, steps
    >>> def double(n: int) -> int:
    ...     return 2 * n
    >>> def show(n: int) -> str:
    ...     return f"{n} pieces"
    >>> (Graph("pieces", int) >> double >> steps.queue("later") >> show)(1)
    '2 pieces'
    """
    options = {
        "kind": kind or (broker.partition("://")[0] if broker else "sqs"),
        **({"broker": broker} if broker else {}),
        "attempts": attempts,
        "backoff": backoff,
        "window": window,
        "dead_letter": dead_letter,
        "answers": answers,
    }
    return Queue(name, key, options, place())


def rebuild(spec: StepSpec, branches: Branches, at: Place) -> Step[Any, Any]:
    by, defaults = spec.option("key") or {}, ("kind", "attempts", "backoff", "window")
    options = {name: spec.option(name) for name in (*defaults, "dead_letter", "answers")}
    options |= {"broker": broker} if (broker := spec.option("broker")) else {}
    key = resolve(by["function"]) if "function" in by else by.get("field", "")
    return Queue(spec.name, key, options, at)


def _written(key: Any, name: str, at: Place) -> dict[str, str]:
    if isinstance(key, str):
        return {"field": key}
    if not callable(key) or not hasattr(key, "__qualname__") or holds_state(key):
        raise wrong(f"queue {name!r}: key={key!r:.60} is neither a field nor a function", at=at)
    return {"function": reference(key)}


def _check(name: str, options: dict[str, Any], at: Place) -> None:
    if len(name) > 60 or not _NAME.issuperset(name):
        raise wrong(
            f"a queue cannot be named {name!r}", "use 1 to 60 letters, digits, '-' or '_'", at=at
        )
    if options.get("broker"):
        _check_broker(name, options, at)
    elif options["kind"] not in KINDS:
        what = f"queue {name!r} is of no known kind: {options['kind']!r}"
        there = f'give broker="{options["kind"]}://HOST:PORT"'
        known = meant(str(options["kind"]), list(KINDS))
        raise wrong(what, there if options["kind"] in BROKERS else known, at=at)
    if options["answers"] not in ("receipt", "value"):
        what = f"queue {name!r}: answers={options['answers']!r} is no answer"
        raise wrong(what, meant(str(options["answers"]), ["receipt", "value"]), at=at)
    if not 1 <= options["attempts"] <= 100:
        raise wrong(f"queue {name!r}: attempts={options['attempts']} is outside 1 to 100", at=at)
    if options["backoff"] < 0:
        raise wrong(f"queue {name!r}: backoff={options['backoff']} is below 0 seconds", at=at)
    if not 0 <= options["window"] <= 43200:
        raise wrong(f"queue {name!r}: window={options['window']} is outside 0 to 43200 s", at=at)


def _check_broker(name: str, options: dict[str, Any], at: Place) -> None:
    broker = options["broker"]
    scheme, _, where = broker.partition("://")
    if scheme not in BROKERS or not where:
        known = " or ".join(f'"{each}://HOST:PORT"' for each in BROKERS)
        advice = f"write it as {known}; queues of AWS have kind= and no broker="
        raise wrong(f"queue {name!r}: broker={broker!r} is no broker's address", advice, at=at)
    if "@" in where:
        # It would be shown wherever the graph and its deploys are.
        what = f"queue {name!r}: broker= has a user or a password in it"
        raise wrong(what, "a graph is shown and sent as it is; give the address alone", at=at)
    if options["kind"] != scheme:
        what = f"queue {name!r} has kind={options['kind']!r} and broker={broker!r}"
        raise wrong(what, "give one of the two", at=at)
