"""Random graphs from int to int, for properties that hold of every graph.

`graphs()` draws a `Recipe`, which builds the same graph of plain steps, of steps that wait, or of
both: `recipe.graph()`, `recipe.graph("all")`, `recipe.graph("some")`.  The answers must not differ.

A kind of step takes part by a function in `PIECES`: given the strategy of what may stand inside it,
it gives a strategy of `Piece`s.  All pieces take an int and give an int.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple

from hypothesis import strategies as st

from pelton import Graph, ensemble, parallel, router, step, steps
from pelton.serving_graph.kit.base import Step

Waits = Literal["none", "some", "all"]


class Piece(NamedTuple):
    """One step, or a few: `build(name, waits)` makes it under a name that its neighbours lack."""

    said: str
    build: Callable[[str, Waits], Any]

    def __repr__(self) -> str:
        return self.said


Pieces = st.SearchStrategy[Piece]


class Recipe(NamedTuple):
    """A graph that can be built in several ways.

    fans: whether it ends with two steps side by side whose values a third takes
    queue: after how many of its pieces it is cut; 0 for nowhere
    once:  which of its pieces runs once for an event, counted from 1; 0 for none
    """

    pieces: tuple[Piece, ...]
    fans: bool
    queue: int
    once: int = 0

    def graph(self, waits: Waits = "none", name: str = "random") -> Graph[Any, Any]:
        made: Graph[Any, Any] = Graph(name, int)
        for place, piece in enumerate(self.pieces):
            built = piece.build(f"s{place}", waits)
            made = made >> (steps.once(built, name="once") if place + 1 == self.once else built)
            if place + 1 == self.queue:
                made = made >> steps.queue("cut")
        if not self.fans:
            return made
        before = made.steps[-1].name
        left, right = step(add, name="left", by=1), step(leaf(times, waits, True), name="right")
        made = made.to(left, after=before).to(right, after=before)
        return made.to(both, after=["left", "right"])

    def __repr__(self) -> str:
        told = [*map(repr, self.pieces), *(["fan"] if self.fans else [])]
        told += [f"(queue after {self.queue})"] * bool(self.queue)
        return " >> ".join(told) + f" (once: {self.once})" * bool(self.once)


def graphs(*, queues: bool = False, kinds: Sequence[str] = ()) -> st.SearchStrategy[Recipe]:
    """Graphs of the kinds named (all when left out), steps inside steps included.

    queues: whether a graph may be cut by a queue (what comes after runs at once, called plainly)
    """
    chosen = {name: PIECES[name] for name in kinds or PIECES}
    inner = st.recursive(
        calls(),
        lambda inside: st.one_of([each(chains(inside)) for each in chosen.values()]),
        max_leaves=6,
    )
    pieces = st.lists(inner, min_size=1, max_size=4).map(tuple)
    cuts = st.integers(0, 3) if queues else st.just(0)
    return st.builds(Recipe, pieces, st.booleans(), cuts, st.integers(0, 3)).filter(
        lambda recipe: recipe.queue < len(recipe.pieces) and not (recipe.queue and recipe.fans)
    )


def chains(inside: Pieces) -> Pieces:
    """One to three pieces, one after another."""
    return st.lists(inside, min_size=1, max_size=3).map(_chain)


def _chain(pieces: list[Piece]) -> Piece:
    def build(name: str, waits: Waits) -> Any:
        first, *rest = [each.build(f"{name}.{n}", waits) for n, each in enumerate(pieces)]
        made = step(first)
        for each in rest:
            made = made >> each
        return made

    return Piece(f"({' >> '.join(map(repr, pieces))})", build)


# What the leaves do, plain and waiting.


def add(value: int, by: int = 0) -> int:
    return value + by


async def add_later(value: int, by: int = 0) -> int:
    return value + by


def times(value: int, by: int = 3) -> int:
    return value * by


async def times_later(value: int, by: int = 3) -> int:
    return value * by


def below(value: int, limit: int) -> bool:
    return value < limit


async def below_later(value: int, limit: int) -> bool:
    return value < limit


class Plus:
    """A class step that counts its loads."""

    def __init__(self, by: int) -> None:
        self.by, self.loaded = by, 0

    def load(self) -> None:
        self.loaded += 1

    def __call__(self, value: int) -> int:
        assert self.loaded == 1
        return value + self.by


def up_to(value: int) -> list[int]:
    return list(range(value, value + abs(value) % 4))


def total(values: list[int]) -> int:
    return sum(values)


def added(values: dict[str, int]) -> int:
    return sum(values.values())


def whole(values: dict[str, float]) -> int:
    return int(sum(values.values()))


def both(given: dict[str, int]) -> int:
    return 2 * given["left"] + given["right"]


def most(values: list[int]) -> int:
    return max(values)


def rest(value: int) -> int:
    return value % 3


def fussy(value: int) -> int:
    if value % 5 == 4:
        raise LookupError(value)
    return value + 1


async def fussy_later(value: int) -> int:
    return fussy(value)


def sorry(error: LookupError, value: int) -> int:
    return -value


def large(value: int) -> bool:
    return value > 6


def grown(value: int) -> int:
    return abs(value) + 2


_LATER: dict[Any, Any] = {
    add: add_later,
    below: below_later,
    fussy: fussy_later,
    times: times_later,
}


def leaf(function: Any, waits: Waits, mixed: bool) -> Any:
    return _LATER[function] if waits == "all" or (waits == "some" and mixed) else function


# The pieces, one function a kind.


def calls() -> Pieces:
    def call(function: Any, by: int, mixed: bool) -> Piece:
        said = f"{function.__name__}({by})"
        return Piece(said, lambda name, w: step(leaf(function, w, mixed), name=name, by=by))

    def instance(by: int) -> Piece:
        return Piece(f"Plus({by})", lambda name, w: step(Plus, name=name, by=by))

    numbers = st.integers(-3, 3)
    plain = st.builds(call, st.sampled_from([add, times]), numbers, st.booleans())
    return plain | st.builds(instance, numbers)


def filters(inner: Pieces) -> Pieces:
    def make(limit: int, mixed: bool) -> Piece:
        def build(name: str, waits: Waits) -> Any:
            return steps.filter(leaf(below, waits, mixed), name=name, limit=limit)

        return Piece(f"filter(<{limit})", build)

    return st.builds(make, st.integers(-20, 20), st.booleans())


def maps(inner: Pieces) -> Pieces:
    def make(piece: Piece, concurrency: int) -> Piece:
        def build(name: str, waits: Waits) -> Any:
            inside = piece.build(f"{name}i", waits)
            each = steps.map(inside, concurrency=concurrency, name=name)
            return step(up_to, name=f"{name}u") >> each >> step(total, name=f"{name}t")

        return Piece(f"map({piece!r})", build)

    return st.builds(make, inner, st.integers(1, 3))


def parallels(inner: Pieces) -> Pieces:
    def make(pieces: dict[str, Piece]) -> Piece:
        def build(name: str, waits: Waits) -> Any:
            made = {key: each.build(f"{name}{key}", waits) for key, each in pieces.items()}
            return parallel(name=name, **made) >> step(added, name=f"{name}s")

        return Piece(f"parallel({pieces!r})", build)

    return st.dictionaries(st.sampled_from("abc"), inner, min_size=1).map(make)


def routers(inner: Pieces) -> Pieces:
    def make(pieces: dict[int, Piece], default: Piece) -> Piece:
        def build(name: str, waits: Waits) -> Any:
            made = {key: each.build(f"{name}{key}", waits) for key, each in pieces.items()}
            return router(rest, made, default=default.build(f"{name}d", waits), name=name)

        return Piece(f"router({pieces!r}, {default!r})", build)

    routes = st.dictionaries(st.integers(0, 2), inner, min_size=1, max_size=2)
    return st.builds(make, routes, inner)


def ensembles(inner: Pieces) -> Pieces:
    def make(pieces: list[Piece]) -> Piece:
        def build(name: str, waits: Waits) -> Any:
            made = [each.build(f"{name}{place}", waits) for place, each in enumerate(pieces)]
            return ensemble(*made, combine=most, name=name)

        return Piece(f"ensemble({pieces!r})", build)

    return st.lists(inner, min_size=1, max_size=3).map(make)


def subgraphs(inner: Pieces) -> Pieces:
    def make(piece: Piece) -> Piece:
        def build(name: str, waits: Waits) -> Any:
            graph: Graph[Any, Any] = Graph(name, int) >> piece.build(f"{name}g", waits)
            return graph.as_step()

        return Piece(f"graph({piece!r})", build)

    return inner.map(make)


def canaries(inner: Pieces) -> Pieces:
    def make(old: Piece, new: Piece, weight: float) -> Piece:
        def build(name: str, waits: Waits) -> Step[Any, Any]:
            parts = old.build(f"{name}o", waits), new.build(f"{name}n", waits)
            return steps.canary(*parts, weight=weight, name=name)

        return Piece(f"canary({old!r}, {new!r}, {weight})", build)

    return st.builds(make, inner, inner, st.sampled_from([0.0, 1.0]))


def stackings(inner: Pieces) -> Pieces:
    def make(pieces: list[Piece]) -> Piece:
        def build(name: str, waits: Waits) -> Step[Any, Any]:
            made = [each.build(f"{name}{place}", waits) for place, each in enumerate(pieces)]
            return steps.stacking(*made, meta=step(whole, name=f"{name}m"), name=name)

        return Piece(f"stacking({pieces!r})", build)

    return st.lists(inner, min_size=2, max_size=2).map(make)


def around(word: str, said: str, wrap: Callable[[Any, str], Any]) -> Callable[[Pieces], Pieces]:
    """A kind that holds one step and changes no answer."""

    def pieces(inner: Pieces) -> Pieces:
        def make(piece: Piece) -> Piece:
            def build(name: str, waits: Waits) -> Any:
                return wrap(piece.build(f"{name}i", waits), name)

            return Piece(f"{word}({piece!r}{said})", build)

        return inner.map(make)

    return pieces


def fallbacks(inner: Pieces) -> Pieces:
    def make(other: Piece, mixed: bool) -> Piece:
        def build(name: str, waits: Waits) -> Any:
            first = step(leaf(fussy, waits, mixed), name=f"{name}f")
            return steps.fallback(first, other.build(f"{name}o", waits), name=name)

        return Piece(f"fallback(fussy, {other!r})", build)

    return st.builds(make, inner, st.booleans())


def catches(inner: Pieces) -> Pieces:
    def make(mixed: bool, attempts: int) -> Piece:
        def build(name: str, waits: Waits) -> Any:
            first = step(leaf(fussy, waits, mixed), name=f"{name}f")
            if attempts > 1:
                first = steps.retry(first, attempts=attempts, on=LookupError, backoff=0)
            return steps.catch(first, {LookupError: sorry}, name=name)

        return Piece(f"catch(fussy, tried {attempts} times)", build)

    return st.builds(make, st.booleans(), st.integers(1, 3))


def choices(inner: Pieces) -> Pieces:
    def make(yes: Piece, no: Piece) -> Piece:
        def build(name: str, waits: Waits) -> Any:
            case = steps.when(large, yes.build(f"{name}y", waits))
            return steps.choice(case, otherwise=no.build(f"{name}n", waits), name=name)

        return Piece(f"choice({yes!r}, {no!r})", build)

    return st.builds(make, inner, inner)


def flat_maps(inner: Pieces) -> Pieces:
    def make(piece: Piece, size: int) -> Piece:
        def build(name: str, waits: Waits) -> Any:
            made: Any = step(piece.build(f"{name}i", waits)) >> step(up_to, name=f"{name}v")
            made = step(up_to, name=f"{name}u") >> steps.flat_map(made, name=name)
            made = made >> steps.batch(size, name=f"{name}b")
            sums = steps.map(step(total, name=f"{name}s"), name=f"{name}m")
            return made >> sums >> step(total, name=f"{name}t")

        return Piece(f"flat_map({piece!r}) in lists of {size}", build)

    return st.builds(make, inner, st.integers(1, 3))


def cycles(inner: Pieces) -> Pieces:
    def build(name: str, waits: Waits) -> Any:
        return steps.cycle(step(grown, name=f"{name}g"), until=large, limit=9, name=name)

    return st.just(Piece("cycle(grown, until=large)", build))


def table(key: int) -> int | None:
    return key * key if key else None


async def table_later(key: int) -> int | None:
    return table(key)


def put(value: int, found: int | None) -> int:
    return value + (found or 7)


def joins(inner: Pieces) -> Pieces:
    def make(mixed: bool, missing: Any) -> Piece:
        def build(name: str, waits: Waits) -> Any:
            lookup = leaf(table, waits, mixed)
            return steps.join(lookup, by=rest, combine=put, missing=missing, name=name)

        return Piece(f"join(table, missing={missing})", build)

    return st.builds(make, st.booleans(), st.sampled_from(["none", "drop"]))


def latest(state: int, value: int) -> int:
    return value  # whatever the order is in which items come


async def latest_later(state: int, value: int) -> int:
    return value


def reduces(inner: Pieces) -> Pieces:
    def make(mixed: bool, keyed: bool) -> Piece:
        def build(name: str, waits: Waits) -> Any:
            fold = leaf(latest, waits, mixed)
            return steps.reduce(fold, 0, key=rest if keyed else None, name=name)

        return Piece("reduce(latest)", build)

    return st.builds(make, st.booleans(), st.booleans())


_LATER |= {latest: latest_later, table: table_later}


PIECES: dict[str, Callable[[Pieces], Pieces]] = {
    "breaker": around("breaker", "", lambda held, name: steps.breaker(held, name=name)),
    "cache": around("cache", "", lambda held, name: steps.cache(held, name=name)),
    "call": chains,
    "canary": canaries,
    "catch": catches,
    "choice": choices,
    "cycle": cycles,
    "ensemble": ensembles,
    "fallback": fallbacks,
    "filter": filters,
    "flat_map": flat_maps,
    "graph": subgraphs,
    "join": joins,
    "limit": around("limit", "", lambda held, name: steps.limit(held, name=name)),
    "map": maps,
    "parallel": parallels,
    "reduce": reduces,
    "router": routers,
    "stacking": stackings,
}
