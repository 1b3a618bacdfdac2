"""What router, parallel, ensemble and sub-graph share: steps that hold other steps."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import TYPE_CHECKING, Any, Literal

from ..check import agreed, check_sequence
from ..compile import Run
from ..drive import AsyncRun, drive, lifted
from ..paths import branch_path
from ..refer import Place, wrong
from ..spec import BranchSpec, Key, StepSpec
from ..steps.call import steps_of
from .base import Bound, Branches, Step

if TYPE_CHECKING:
    from ..run import Worker

Wait = Callable[[float], Awaitable[None]]


class Holder(Step[Any, Any]):
    """A step with branches: async when one of them is, its types made of theirs.

    streamable: whether it may end in a generator, its call being all there is to it
    repeats: whether it runs its branches several times for one event
    hands:   "all" when every branch gets the value, once; "one" when one does, and its answer is
             the step's; "" for anything else
    """

    streamable: bool = False
    repeats: bool = False
    hands: Literal["", "all", "one"] = ""

    def __init__(
        self, kind: str, name: str, branches: Branches, at: Place, *, options: str = "{}"
    ) -> None:
        spec = StepSpec(kind, name, options=options, branches=tuple(map(_branch_spec, branches)))
        super().__init__(spec, at)
        what = f"{kind} {name!r}"
        self.branches = branches = tuple(
            (key, check_sequence(f"branch {key!r} of {what}" if key != "" else what, steps, at))
            for key, steps in branches
        )
        for _, steps in self.branches:
            self._check_held(steps, what)
            if steps[-1].streams and not self.streamable:
                raise wrong(
                    f"{what} holds the generator {steps[-1].name!r}, whose items come when the "
                    "step is over",
                    "let the generator be the graph's own last step, or gather its items before",
                    at=at,
                )
        held = [each for _, steps in branches for each in steps]
        self.is_async = any(each.is_async for each in held)
        self.takes_context = any(each.takes_context for each in held)
        self.drops = any(each.drops for each in held)
        self.either = any(each.either for each in held)

    def _check_held(self, steps: tuple[Step[Any, Any], ...], what: str) -> None:
        """Raise for a step that cannot be where it is: a queue in a branch, one run in many."""
        for each in steps:
            if each.splits:
                raise wrong(
                    f"the queue {each.name!r} is inside {what}",
                    "a graph is cut at queues of its own top sequence only: put it there",
                    at=each.place,
                )
            if self.repeats and each.single:
                raise wrong(
                    f"{what} runs {each.name!r} several times for one event, which is to run once",
                    "put it before or after",
                    at=each.place,
                )
            for _, held in each.branches:
                self._check_held(held, what)

    def bind(self, worker: Worker, path: str) -> Bound:
        if self.either and self.hands:
            return self._bind_many(worker, path)
        runs = {
            key: worker.branch(key, steps, path, is_async=self.is_async)
            for key, steps in self.branches
        }
        joined = self.join(runs, path, worker)
        return Bound(self.name, path, joined, is_async=self.is_async, context="context")

    def _bind_many(self, worker: Worker, path: str) -> Bound:
        """`bind` where a branch would rather have many values at once."""
        from ..many import Many, one_by_one
        from ..many_branches import to_all, to_one

        waits, runs, manys = self.is_async, dict[Key, Run](), dict[Key, Many]()
        for key, steps in self.branches:
            place = branch_path(path, key, steps)
            runs[key], many = worker.sequences(steps, place, is_async=waits)
            manys[key] = many or one_by_one(runs[key], is_async=waits)
        joined = self.join(dict(runs), path, worker)
        make = to_all if self.hands == "all" else to_one
        many = make(manys, lambda given: self.join(given, path, worker), is_async=waits)
        return Bound(self.name, path, joined, is_async=waits, context="context", many=many)

    def join(self, runs: dict[Key, Run], path: str, worker: Worker) -> Run:
        """The function `(value, context)` over the branches' functions."""
        raise NotImplementedError

    def outputs(self) -> list[Any]:
        return [steps[-1].output_type for _, steps in self.branches]


class Policy(Holder):
    """A holder that only orders the calls of its branches, so that one coroutine says it for plain
    graphs and for async ones: see `drive`."""

    def join(self, runs: dict[Key, Run], path: str, worker: Worker) -> Run:
        if self.is_async:
            return self.policy(runs, path, worker, worker.clock.wait)
        policy = self.policy(
            {key: lifted(run) for key, run in runs.items()}, path, worker, lifted_sleep(worker)
        )
        return lambda value, context: drive(policy(value, context))

    def policy(
        self, runs: dict[Key, AsyncRun], path: str, worker: Worker, wait: Wait
    ) -> Callable[[Any, Any], Coroutine[Any, Any, Any]]:
        """The coroutine function `(value, context)` over the branches'; `wait(seconds)` waits."""
        raise NotImplementedError


def choosing(pick: Callable[[Any, Any], Run], *, is_async: bool) -> Run:
    """The function that runs whichever branch `pick` says for the value and the context."""

    def plain(value: Any, context: Any) -> Any:
        return pick(value, context)(value, context)

    async def waiting(value: Any, context: Any) -> Any:
        return await pick(value, context)(value, context)

    return waiting if is_async else plain


def lifted_sleep(worker: Worker) -> Wait:
    async def wait(seconds: float) -> None:
        worker.clock.sleep(seconds)

    return wait


def common_input(holder: Holder, branches: Branches | None = None) -> Any:
    """The one type that every branch takes; refused when two of them can never agree.

    branches: those that get the value; all of the holder's when left out
    """
    taken = holder.branches if branches is None else branches
    what = f"{holder.spec.kind} {holder.name!r}"
    given = [(f"branch {key!r}", steps[0].input_type) for key, steps in taken]
    return agreed(what, given, holder.place)


def branches_of(given: Mapping[Any, Any], what: str, at: Place) -> Branches:
    """Each value's steps under its key.  Raises when a branch is None, or there are none."""
    if not given:
        raise wrong(f"{what} has no branches", "give it at least one", at=at)
    for key, thing in given.items():
        if thing is None:
            raise wrong(f"{what}: the branch {key!r} is None", "give it a step", at=at)
    return tuple((key, steps_of(thing)) for key, thing in given.items())


def named_members(members: tuple[Any, ...], what: str, at: Place) -> Branches:
    """Branches under their steps' names.  Raises when two have one name."""
    if not members:
        raise wrong(f"{what} has no members", "give it at least two steps", at=at)
    found: dict[Key, tuple[Step[Any, Any], ...]] = {}
    for steps in map(steps_of, members):
        name = steps[-1].name
        if name in found:
            raise wrong(
                f"{what} has two members named {name!r}", "name one: step(..., name=...)", at=at
            )
        found[name] = steps
    return tuple(found.items())


def _branch_spec(branch: tuple[Key, tuple[Step[Any, Any], ...]]) -> BranchSpec:
    key, steps = branch
    return BranchSpec(key, tuple(each.spec for each in steps))
