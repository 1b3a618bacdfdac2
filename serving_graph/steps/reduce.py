"""State over events: each one is folded into what was kept for its key."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, TypeVar, overload

from ...handlers.errors import Overloaded
from ..check import agreed
from ..compile import note
from ..drive import drive
from ..fit import fits, type_name
from ..kit.ask import Ask, ask, read, takes
from ..kit.base import Bound, Branches, Step
from ..kit.hold import lifted_sleep
from ..parcel import Parcel
from ..refer import Place, holds_state, place, reference, resolve, wrong
from ..spec import StepSpec, canonical
from ..states import check, states_at
from ..turns import Turns

if TYPE_CHECKING:
    from ..run import Worker
    from ..states.base import States

I = TypeVar("I")  # noqa: E741 - the field's own letter
S = TypeVar("S")
O = TypeVar("O")  # noqa: E741
Full = Literal["refuse", "forget"]
TRIES = 100  # of one event, where other processes change the same state


class Reduce(Step[Any, Any]):
    """See `reduce`.  initial, store: as a spec has them."""

    def __init__(
        self,
        fn: Ask,
        initial: dict[str, Any],
        asks: dict[str, Ask | None],
        store: Any,
        limits: dict[str, Any],
        name: str,
        at: Place,
    ) -> None:
        self.what = what = f"reduce {name!r}"
        if limits["keys"] < 1 or limits["full"] not in ("refuse", "forget"):
            raise wrong(f"{what}: keys= is a number from 1, full= 'refuse' or 'forget'", at=at)
        written = {each: asked.written if asked else None for each, asked in asks.items()}
        written |= {"fn": fn.written, "initial": initial, "store": store}
        super().__init__(StepSpec("reduce", name, options=canonical(written | limits)), at)
        self.fn, self.key, self.gives = fn, asks["key"], asks["gives"]
        self.initial, self.store, self.limits = initial, store, limits
        takes(self, fn, self.key, self.gives)
        self.local = store == "memory:"
        self.either = self.either or not self.local
        self._check(at)

    def _check(self, at: Place) -> None:
        state, value = self.fn.input_types
        if not fits(self.fn.output_type, state):
            raise wrong(
                f"{self.what}: {self.fn.name} takes a state of {type_name(state)} but gives "
                f"{type_name(self.fn.output_type)}",
                "it gives the next state",
                at=at,
            )
        if "value" in self.initial and not fits(type(self.initial["value"]), state):
            raise wrong(
                f"{self.what}: initial={self.initial['value']!r:.40} is no {type_name(state)}",
                f"{self.fn.name} takes it as the first state",
                at=at,
            )
        taken = [(self.fn.name, value)]
        if self.key is not None:
            taken.append((f"key={self.key.name}", self.key.input_types[0]))
        if self.gives is not None:
            taken.append((f"gives={self.gives.name}", self.gives.input_types[1]))
            self.gives.check(self.fn.output_type, self.what, at)
        self.input_type = agreed(self.what, taken, at)
        if self.key is not None:
            self.key.check(self.input_type, self.what, at)
        self.output_type = (self.gives or self.fn).output_type
        kept = [self.fn.output_type]
        self.parcel = None if self.local else Parcel(self.name, kept, at, verb="keeps")

    def taking(self, given: Any) -> Step[Any, Any]:
        if self.input_type is Any and self.key is not None:
            self.key.check(given, self.what, self.place)
        return super().taking(given)

    def bind(self, worker: Worker, path: str) -> Bound:
        fold = self._fold(worker, path)
        if self.is_async:
            return Bound(self.name, path, fold, is_async=True, context="context")
        plain: Callable[..., Any] = lambda value, context: drive(fold(value, context))  # noqa: E731
        return Bound(self.name, path, plain, context="context")

    def _fold(self, worker: Worker, path: str) -> Callable[[Any, Any], Coroutine[Any, Any, Any]]:
        fold = self.fn.waiting(worker, path, is_async=self.is_async)
        key_of = self.key and self.key.waiting(worker, path, is_async=self.is_async)
        gives = self.gives and self.gives.waiting(worker, path, is_async=self.is_async)
        states, turns = self._states(worker, path), Turns(waits=self.is_async)
        fresh = _fresh(self.initial)
        wait = worker.clock.wait if self.is_async else lifted_sleep(worker)

        async def change(key: str, value: Any, context: Any) -> Any:
            for number in range(TRIES):
                found = await states.get(key)
                state, version = (fresh(), 0) if found is None else found
                state = await fold(context, state, value)
                if await states.put(key, state, version):
                    return state
                await wait(min(0.001 * 2**number, 0.1))
            raise Overloaded(f"the state of {key} in {path} was changed by others at every try")

        async def reduce(value: Any, context: Any) -> Any:
            try:
                key = _key(path, await key_of(context, value) if key_of else None)
                async with turns.of(key):
                    state = await change(key, value, context)
                return await gives(context, state, value) if gives else state
            except Exception as error:
                if not hasattr(error, "step"):
                    note(error, path, value)
                raise

        return reduce

    def _states(self, worker: Worker, path: str) -> _Kept:
        if isinstance(self.store, str):
            made = worker.make(lambda: states_at(self.store, **self.limits), path)
        else:
            target = resolve(self.store["function"])
            made = worker.make(partial(target, **self.store.get("arguments", {})), path)
        if self.local:
            worker.gauge(path, "keys", lambda: len(made))
        return _Kept(made, self.parcel, off_loop=self.is_async and not self.local)


class _Kept:
    """The states as they are, packed for who keeps them; off the loop where that may take long."""

    def __init__(self, states: States, parcel: Parcel | None, *, off_loop: bool) -> None:
        self._states, self._parcel, self._off = states, parcel, off_loop

    async def _do(self, verb: Callable[..., Any], *given: Any) -> Any:
        if not self._off:
            return verb(*given)
        import asyncio

        return await asyncio.to_thread(verb, *given)

    async def get(self, key: str) -> tuple[Any, int] | None:
        found = await self._do(self._states.get, key)
        if found is None or self._parcel is None:
            return found  # type: ignore[no-any-return]
        return self._parcel.unpack(json.loads(found[0])), found[1]

    async def put(self, key: str, state: Any, version: int) -> bool:
        text = state if self._parcel is None else canonical(self._parcel.pack(state))
        return bool(await self._do(self._states.put, key, text, version))


def _key(path: str, key: Any) -> str:
    """The key as text, with the step's own path: several steps may keep in one place."""
    key = getattr(key, "value", key) if hasattr(type(key), "__members__") else key
    if key is not None and not isinstance(key, (str, int, list, tuple)):
        raise TypeError(f"{key!r:.60} ({type(key).__name__}) is no key: give text or a number")
    return f"{path} {canonical(key)}"


def _fresh(initial: dict[str, Any]) -> Callable[[], Any]:
    """The first state of a key, made anew each time."""
    if "function" in initial:
        made: Callable[[], Any] = resolve(initial["function"])
        return made
    text = canonical(initial["value"])
    return lambda: json.loads(text)


def _written(initial: Any, what: str, at: Place) -> dict[str, Any]:
    if callable(initial) and hasattr(initial, "__qualname__") and not holds_state(initial):
        return {"function": reference(initial)}
    try:
        canonical(initial)
    except (TypeError, ValueError):
        raise wrong(
            f"{what}: initial={initial!r:.60} is not JSON-ready",
            "give a function that makes it",
            at=at,
        ) from None
    return {"value": initial}


def _store(store: Any, what: str, at: Place) -> Any:
    if isinstance(store, str):
        check(store, what)
        return store
    made = store.func if isinstance(store, partial) else store
    arguments = dict(store.keywords) if isinstance(store, partial) else {}
    positional = isinstance(store, partial) and store.args
    if not isinstance(made, type) or positional:
        raise wrong(
            f"{what}: store={store!r:.60}",
            'give "memory:", "sqlite:FILE", or a class with get and put; its arguments by '
            "partial(Class, name=value)",
            at=at,
        )
    return {"function": reference(made), "arguments": arguments}


@overload
def reduce(
    fn: Callable[[S, I], Awaitable[S]],
    initial: Any,
    *,
    gives: Callable[[S, I], O],
    key: str | Callable[[I], Any] | None = None,
    store: Any = "memory:",
    keys: int = 10_000,
    full: Full = "refuse",
    name: str = "reduce",
) -> Step[I, O]: ...
@overload
def reduce(
    fn: Callable[[S, I], Awaitable[S]],
    initial: Any,
    *,
    key: str | Callable[[I], Any] | None = None,
    store: Any = "memory:",
    keys: int = 10_000,
    full: Full = "refuse",
    name: str = "reduce",
) -> Step[I, S]: ...
@overload
def reduce(
    fn: Callable[[S, I], S],
    initial: Any,
    *,
    gives: Callable[[S, I], O],
    key: str | Callable[[I], Any] | None = None,
    store: Any = "memory:",
    keys: int = 10_000,
    full: Full = "refuse",
    name: str = "reduce",
) -> Step[I, O]: ...
@overload
def reduce(
    fn: Callable[[S, I], S],
    initial: Any,
    *,
    key: str | Callable[[I], Any] | None = None,
    store: Any = "memory:",
    keys: int = 10_000,
    full: Full = "refuse",
    name: str = "reduce",
) -> Step[I, S]: ...


def reduce(
    fn: Any,
    initial: Any,
    *,
    key: Any = None,
    gives: Any = None,
    store: Any = "memory:",
    keys: int = 10_000,
    full: Full = "refuse",
    name: str = "reduce",
) -> Step[Any, Any]:
    """A step that keeps a state for each key: `fn(state, value)` makes the next one of it.

    fn:      gives the next state, plain or async; it must not change the one it gets
    initial: a key's first state: a JSON-ready value, or a function that makes it
    key:     whose state it is: a field's name or a function of the value; one for all when left out
    gives:   what goes on: a function of the new state and the value; the state when left out
    store:   "memory:" (this worker's), "sqlite:FILE" (this machine's), or a class of yours with
             `get` and `put` (see `states.base.States`), with arguments as partial(Class, name=…);
             what is not in memory is kept as JSON, by the state's type
    keys:    how many keys are kept in memory
    full:    what a key above that means: "refuse" (`Overloaded`), since a state that is forgotten
             makes wrong answers; "forget": the one that was not asked for the longest

    Events of one key are folded one after another, also where several processes share a store: who
    was overtaken folds again.  An event that is delivered twice is folded twice: see `once`.

    Raises `GraphError` where `fn` does not take its own state, and where types do not fit.

    >>> from pelton import Graph, steps
    >>> def add(total: int, n: int) -> int:
    ...     return total + n
    >>> graph = Graph("sum", int) >> steps.reduce(add, 0)
    >>> graph(3), graph(4)
    (3, 7)
    """
    at = place()
    what = f"reduce {name!r}"
    asks = {
        "key": None if key is None else ask(key, f"{what}: key", at),
        "gives": None if gives is None else ask(gives, f"{what}: gives", at, values=2),
    }
    folding = ask(fn, what, at, values=2)
    limits = {"keys": keys, "full": full}
    first = _written(initial, what, at)
    return Reduce(folding, first, asks, _store(store, what, at), limits, name, at)


def rebuild(spec: StepSpec, branches: Branches, at: Place) -> Step[Any, Any]:
    what = f"reduce {spec.name!r}"
    key, gives = spec.option("key"), spec.option("gives")
    asks = {
        "key": None if key is None else read(key, what, at),
        "gives": None if gives is None else read(gives, what, at, values=2),
    }
    fn = read(spec.option("fn"), what, at, values=2)
    limits = {each: spec.option(each) for each in ("keys", "full")}
    return Reduce(fn, spec.option("initial"), asks, spec.option("store"), limits, spec.name, at)
