"""Steps whose effect is not to happen again when an event is delivered again."""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from ..drive import AsyncRun
from ..kit.base import Branches, Drop, Step
from ..kit.hold import Policy, Wait
from ..parcel import Parcel
from ..refer import Place, place, wrong
from ..spec import Key, StepSpec, canonical
from ..stores import check, store_at
from ..stores.base import Busy
from .call import steps_of

if TYPE_CHECKING:
    from ..run import Worker

FOUR_DAYS = 4 * 24 * 3600  # as long as SQS keeps a message, when nothing else is said


class Once(Policy):
    """See `once`."""

    single = True

    def __init__(self, branches: Branches, store: str, limits: Any, name: str, at: Place) -> None:
        options = {"store": store, "claim": limits[0], "keep": limits[1]}
        super().__init__("once", name, branches, at, options=canonical(options))
        if min(limits) <= 0:
            raise wrong(f"once {name!r}: claim and keep are seconds above 0", at=at)
        check(store)
        self.store, self.limits = store, limits
        inner = branches[0][1]
        self.input_type, self.output_type = inner[0].input_type, inner[-1].output_type
        self.takes_context = True
        self.parcel = Parcel(name, [self.output_type], at, verb="gives")

    def policy(
        self, runs: dict[Key, AsyncRun], path: str, worker: Worker, wait: Wait
    ) -> Callable[[Any, Any], Coroutine[Any, Any, Any]]:
        (run,) = runs.values()
        store, parcel, (claim_seconds, keep_seconds) = (
            store_at(self.store),
            self.parcel,
            self.limits,
        )

        async def work(key: str, token: str, value: Any, context: Any) -> Any:
            try:
                answer = await run(value, context)
                kept = {"value": parcel.pack(answer)}
            except Drop:
                store.keep(key, token, "{}", keep_seconds)
                raise
            except BaseException:
                store.release(key, token)
                raise
            if not store.keep(key, token, json.dumps(kept), keep_seconds):
                raise Busy(f"{path}: its claim was over before it was done", after=claim_seconds)
            return answer

        async def once(value: Any, context: Any) -> Any:
            if context is None or context.delivery is None:
                return await run(value, context)
            key = f"{path} {context.delivery.idempotency_key}"
            claim = store.claim(key, claim_seconds)
            if claim.token:
                return await work(key, claim.token, value, context)
            if claim.answer is None:
                raise Busy(f"{path}: another worker is at this event", after=claim.after)
            kept = json.loads(claim.answer)
            if "value" not in kept:
                raise Drop
            return parcel.unpack(kept["value"])

        return once


def once(
    step: Any,
    *,
    store: str = "memory:",
    claim: float = 60,
    keep: float = FOUR_DAYS,
    name: str = "once",
) -> Step[Any, Any]:
    """A step that runs once for an event, however often the event is delivered.

    Queues deliver at least once.  Before the step runs, the event's idempotency key is claimed in
    the store; after, its answer is kept there, and given when the event comes again.  An event that
    another worker is at comes again later.  Called plainly, without a delivery, the step just runs.

    store: "memory:" (this process), "sqlite:FILE" (this machine), "dynamodb:TABLE",
           "nats://HOST:PORT/BUCKET"
    claim: seconds after which a worker that was killed in the step loses its claim; more than the
           step takes
    keep:  seconds for which answers are kept

    A worker that is killed after the step's effect and before its answer is kept repeats the step.
    An effect in the store's own SQLite file (`SqliteStore.execute`) is committed with the answer
    and never repeated; give any other the key: `context.delivery.idempotency_key`.

    Raises `GraphError` for an answer that cannot be kept as JSON, and inside a step that repeats
    its own (`map`).

    >>> from pelton import Context, Graph, steps
    >>> from pelton.handlers.delivery import Delivery
    >>> def charge(cents: int) -> str:
    ...     print("charged")
    ...     return f"paid {cents}"
    >>> graph = Graph("pay", int) >> steps.once(charge, store="memory:doc")
    >>> graph(5, Context(delivery=Delivery("order 7")))
    charged
    'paid 5'
    >>> graph(5, Context(delivery=Delivery("order 7")))
    'paid 5'
    """
    return Once((("", steps_of(step)),), store, (claim, keep), name, place())


def rebuild(spec: StepSpec, branches: Branches, at: Place) -> Step[Any, Any]:
    limits = (spec.option("claim"), spec.option("keep"))
    return Once(branches, spec.option("store"), limits, spec.name, at)
