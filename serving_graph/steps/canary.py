"""A canary: a part of the calls goes to the new step, chosen by chance or by a key that stays."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..compile import Run, note
from ..fit import union
from ..kit.base import Branches, Step
from ..kit.field import check_field, reader
from ..kit.hold import Holder, branches_of, choosing, common_input
from ..refer import Place, place, wrong
from ..spec import Key, StepSpec, canonical

if TYPE_CHECKING:
    from ..run import Worker


class Canary(Holder):
    """See `canary`."""

    def __init__(
        self, branches: Branches, weight: float, key: str, seed: int | None, name: str, at: Place
    ) -> None:
        what = f"canary {name!r}"
        if not 0 <= weight <= 1:
            raise wrong(f"{what}: the weight {weight!r} is no part of one", "0.1 is a tenth", at=at)
        options = canonical({"weight": weight, "key": key, "seed": seed})
        super().__init__("canary", name, branches, at, options=options)
        self.weight, self.key, self.seed = weight, key, seed
        self.input_type = common_input(self)
        self.output_type = union(self.outputs())
        if key:
            check_field(f"{what} chooses by", key, self.input_type, at)

    def join(self, runs: dict[Key, Run], path: str, worker: Worker) -> Run:
        stable, new, is_new = runs["stable"], runs["new"], self._chooser()
        counts = {run: worker.counter(path, f"to_{key}") for key, run in runs.items()}

        def pick(value: Any, context: Any) -> Run:
            try:
                run = new if is_new(value) else stable
            except Exception as error:
                note(error, path, value)
                raise
            counts[run](1)
            return run

        return choosing(pick, is_async=self.is_async)

    def _chooser(self) -> Callable[[Any], bool]:
        weight = self.weight
        if self.key:
            read, name = reader(self.key), self.name
            return lambda value: side(name, read(value)) < weight
        from random import Random

        chance = Random(self.seed).random
        return lambda value: chance() < weight


def side(name: str, key: Any) -> float:
    """Where a key lies between 0 and 1: always the same for one canary, elsewhere for another.

    >>> side("tenth", "UA1545") == side("tenth", "UA1545") != side("other", "UA1545")
    True
    """
    from hashlib import sha256

    digest = sha256(f"{name}\0{key}".encode()).digest()
    return int.from_bytes(digest[:7], "big") / (1 << 56)


def canary(
    stable: Any,
    new: Any,
    *,
    weight: float = 0.1,
    key: str = "",
    seed: int | None = None,
    name: str = "canary",
) -> Step[Any, Any]:
    """A step that hands a part of the calls to `new` and the others to `stable`.

    weight: the part that goes to `new`, from 0 to 1
    key:    a field whose value decides ("passenger", "order.customer"): all calls with one value
            go to one side, on every worker, and a greater weight only moves keys to `new`
    seed:   without a key each call is drawn; with a seed always in the same order

    Raises `GraphError` for a weight that is no part of one, or a field that the type lacks; at
    run, `InvalidInput` when the field is missing.

    >>> from pelton import Graph
    >>> graph = Graph("size", str) >> canary(len, str.upper, weight=1)
    >>> graph("ab")
    'AB'
    """
    at = place()
    branches = branches_of({"stable": stable, "new": new}, f"canary {name!r}", at)
    return Canary(branches, weight, key, seed, name, at)


def rebuild(spec: StepSpec, branches: Branches, at: Place) -> Step[Any, Any]:
    """The step that a spec says."""
    weight, key, seed = (spec.option(word) for word in ("weight", "key", "seed"))
    return Canary(branches, weight, key, seed, spec.name, at)
