"""A bandit: calls go to the step that was rewarded best, and now and then to any of them."""

from __future__ import annotations

from _thread import allocate_lock
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from ...handlers.errors import NotReady
from ..compile import Run
from ..fit import typed_dict, union
from ..kit.base import Branches, Step
from ..kit.hold import Holder, common_input, named_members
from ..refer import Place, place, wrong
from ..spec import Key, StepSpec, canonical

if TYPE_CHECKING:
    from ..run import Worker


class Arm(NamedTuple):
    """What is known of one arm: how often it was played and rewarded, and its mean reward."""

    plays: int = 0
    rewards: int = 0
    mean: float = 0.0


class Arms:
    """The arms' state on one worker; whoever chooses or rewards may be any thread.

    >>> arms = Arms(["a", "b"], epsilon=0, seed=1)
    >>> arms.reward("a", 1.0)
    >>> arms.reward("b", 3.0)
    >>> arms.choose(), arms.all()["b"]
    ('b', Arm(plays=1, rewards=1, mean=3.0))
    """

    def __init__(self, names: Sequence[str], epsilon: float, seed: int | None) -> None:
        from random import Random

        self._random, self._epsilon = Random(seed), epsilon
        self._arms, self._lock = {name: Arm() for name in names}, allocate_lock()

    def choose(self) -> str:
        """The next arm: by chance in `epsilon` of the calls, else one of the best so far."""
        with self._lock:
            explores = self._random.random() < self._epsilon
            names = list(self._arms) if explores else self._best()
            chosen = names[0] if len(names) == 1 else self._random.choice(names)
            arm = self._arms[chosen]
            self._arms[chosen] = arm._replace(plays=arm.plays + 1)
            return chosen

    def _best(self) -> list[str]:
        """Who was never played; else who has the best mean of those that were rewarded: an arm
        whose rewards are lost on their way must not keep the calls."""
        arms = self._arms
        new = [name for name, arm in arms.items() if not arm.plays and not arm.rewards]
        known = [name for name, arm in arms.items() if arm.rewards]
        best = max((arms[name].mean for name in known), default=0.0)
        return new or [name for name in known if arms[name].mean == best] or list(arms)

    def reward(self, name: str, amount: float) -> None:
        """Raises `KeyError` for an arm that is not here, `ValueError` for what is no reward."""
        if name not in self._arms:
            raise KeyError(f"there is no arm {name!r}; there are {', '.join(self._arms)}")
        if isinstance(amount, bool) or not float("-inf") < amount < float("inf"):
            raise ValueError(f"{amount!r} is no reward: give a number, such as 1.0 or 0.0")
        with self._lock:
            arm = self._arms[name]
            count = arm.rewards + 1
            self._arms[name] = Arm(arm.plays, count, arm.mean + (amount - arm.mean) / count)

    def all(self) -> dict[str, Arm]:
        with self._lock:
            return dict(self._arms)

    def load(self, context: Any = None) -> None:
        """Nothing to load: `Shared` asks everything it keeps."""

    def close(self) -> None:
        """Nothing to let go of."""


class Bandit(Holder):
    """See `bandit`; made by it, so that `reward` and `arms` can be asked of it."""

    def __init__(
        self,
        branches: Branches,
        epsilon: float,
        seed: int | None,
        tell_arm: bool,
        name: str,
        at: Place,
    ) -> None:
        if not 0 <= epsilon <= 1:
            what = f"bandit {name!r}: epsilon={epsilon!r} is no part of one"
            raise wrong(what, "0.1 tries any arm in a tenth of the calls", at=at)
        options = canonical({"epsilon": epsilon, "seed": seed, "tell_arm": tell_arm})
        super().__init__("bandit", name, branches, at, options=options)
        self.epsilon, self.seed, self.tell_arm = epsilon, seed, tell_arm
        self.input_type = common_input(self)
        answer = union(self.outputs())
        self.output_type = typed_dict({"arm": str, "answer": answer}) if tell_arm else answer

    def reward(self, arm: str, amount: float = 1.0) -> None:
        """Say how good an answer of `arm` was: 1.0 for a click, 0.0 for none, minutes saved.

        Raises `KeyError` for an arm that is not one, `ValueError` for a reward that is no number,
        `NotReady` where no graph with this bandit is loaded in this process.
        """
        self._here().reward(arm, amount)

    def arms(self) -> dict[str, Arm]:
        """What is known of each arm on this worker.  Raises `NotReady` as `reward` does."""
        return self._here().all()

    def _here(self) -> Arms:
        from ..models.shared import SHARED

        found: Arms | None = SHARED.find(self._key())
        if found is None:
            raise NotReady(f"no graph with the bandit {self.name!r} is loaded in this process")
        return found

    def _key(self) -> tuple[Any, ...]:
        return ("bandit", self.name, tuple(str(key) for key, _ in self.branches), self.spec.options)

    def _make(self) -> Arms:
        return Arms([str(key) for key, _ in self.branches], self.epsilon, self.seed)

    def join(self, runs: dict[Key, Run], path: str, worker: Worker) -> Run:
        from ..models.shared import Lease

        arms: Arms = worker.make(lambda: Lease(self._make, self._key), path).model
        counts = {key: worker.counter(path, f"to_{key}") for key in runs}
        told = self.tell_arm

        def pick() -> str:
            arm = arms.choose()
            counts[arm](1)
            return arm

        def plain(value: Any, context: Any) -> Any:
            answer = runs[arm := pick()](value, context)
            return {"arm": arm, "answer": answer} if told else answer

        async def waiting(value: Any, context: Any) -> Any:
            answer = await runs[arm := pick()](value, context)
            return {"arm": arm, "answer": answer} if told else answer

        return waiting if self.is_async else plain


def bandit(
    *arms: Any,
    epsilon: float = 0.1,
    seed: int | None = None,
    tell_arm: bool = False,
    name: str = "bandit",
) -> Bandit:
    """A step that hands each call to one of its arms: to the one with the best mean reward, and in
    `epsilon` of the calls to any of them.

    Rewards are said to the step: `chosen.reward("a", 1.0)`, in a later step or in another graph of
    the same worker.  What is known of the arms lives as long as a graph with this bandit is loaded,
    and belongs to one worker: others learn for themselves.  `chosen.arms()` says it.

    Each arm is played once before any is played again; then rewards decide, so say 0.0 for a call
    that earned nothing: only those rewarded are compared.

    epsilon:  the part of the calls that explores, from 0 to 1
    seed:     with one, chance falls the same way every time
    tell_arm: answer {"arm": its name, "answer": its answer}, so that a reward can name it

    Raises `GraphError` for an epsilon that is no part of one, or two arms of one name.

    >>> from pelton import Graph
    >>> def low(x: int) -> int:
    ...     return x
    >>> def high(x: int) -> int:
    ...     return x + 10
    >>> chosen = bandit(low, high, epsilon=0, name="doc")
    >>> graph = Graph("g", int) >> chosen
    >>> graph.load()
    >>> chosen.reward("low", 0.0), chosen.reward("high", 1.0)
    (None, None)
    >>> graph(1)
    11
    >>> graph.stop()
    """
    at = place()
    return Bandit(named_members(arms, f"bandit {name!r}", at), epsilon, seed, tell_arm, name, at)


def rebuild(spec: StepSpec, branches: Branches, at: Place) -> Step[Any, Any]:
    """The step that a spec says."""
    epsilon, seed, tell_arm = (spec.option(word) for word in ("epsilon", "seed", "tell_arm"))
    return Bandit(branches, epsilon, seed, tell_arm, spec.name, at)
