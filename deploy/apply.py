"""Take a plan's steps: the only code that changes anything, and it does so through the resources.

Several at a time, each after those that it needs, and never two on one function.  When one fails,
or ctrl-C comes, what runs is waited for and nothing more is begun.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field

from .errors import DeployError, Interrupted
from .plan import Plan, Step
from .targets.aws import WIDTH
from .targets.target import Target

Told = Callable[[Step, float | None], None]


def apply(
    plan: Plan,
    target: Target,
    *,
    on_step: Told = lambda step, seconds: None,
    keep: Callable[[], None] = lambda: None,
    take: Callable[[Step, Target], None] | None = None,
) -> None:
    """Take the steps; every one is done when this returns.

    on_step: called in this thread before each step (seconds None) and after it
    keep:    called in this thread when all that had ended by then was told, before more begins
    take:    how one step is taken, for tests

    Raises the first failure (`DeployError`) with notes on what was done and what was not, and
    `Interrupted` after ctrl-C; planning and applying again goes on from there, because the plan is
    made from what is live.
    """
    _Applying(list(plan.steps), target, on_step, keep, take or take_step).run()


def take_step(step: Step, target: Target) -> None:
    """Take one step to its end; raises `DeployError` with the platform's words."""
    want, have = step.want, step.have
    with target.aws.named(f"{step.action} {step.resource.words}"):
        if have is not None and step.action in ("delete", "replace"):
            have.delete(target)
        if want is not None and step.action in ("create", "replace"):
            want.create(target)
        if want is not None and have is not None and step.action == "update":
            want.update(target, have)


@dataclass
class _Applying:
    waiting: list[Step]
    target: Target
    on_step: Told
    keep: Callable[[], None]
    take: Callable[[Step, Target], None]
    done: list[Step] = field(default_factory=list)
    running: dict[Future[None], tuple[Step, float]] = field(default_factory=dict)
    failures: list[BaseException] = field(default_factory=list)

    def run(self) -> None:
        with ThreadPoolExecutor(WIDTH) as pool:
            try:
                self._begin(pool)
                while self.running:
                    self._come_back()
                    self._begin(pool)
            except KeyboardInterrupt:
                while self.running:
                    self._come_back()
                self.failures.insert(0, Interrupted("interrupted; nothing more was begun"))
        if self.failures:
            error = self.failures[0]
            for note in self._story():
                error.add_note(note)
            raise error

    def _begin(self, pool: ThreadPoolExecutor) -> None:
        running = [each for each, _ in self.running.values()]
        lanes = {_lane(each) for each in running}
        not_done = {each.key for each in (*self.waiting, *running)}
        for step in list(self.waiting) if not self.failures else ():
            if _lane(step) not in lanes and not_done.isdisjoint(step.needs):
                lanes.add(_lane(step))
                self.waiting.remove(step)
                self._tell(step, None)
                future = pool.submit(self.take, step, self.target)
                self.running[future] = (step, time.monotonic())

    def _come_back(self) -> None:
        ended, _ = wait(self.running, return_when=FIRST_COMPLETED)
        for future in ended:
            step, began = self.running.pop(future)
            error = future.exception()
            if error is None:
                self.done.append(step)
                self._tell(step, time.monotonic() - began)
            else:
                self.failures.append(error)
                self.waiting.insert(0, step)
        self._safely(self.keep)

    def _tell(self, step: Step, seconds: float | None) -> None:
        self._safely(lambda: self.on_step(step, seconds))

    def _safely(self, act: Callable[[], None]) -> None:
        """What cannot be kept or told (a full disk) stops it as a step that fails does."""
        try:
            act()
        except DeployError as error:
            self.failures.append(error)

    def _story(self) -> list[str]:
        """What was done and what was not."""
        done = ", ".join(each.key for each in self.done) or "nothing"
        left = ", ".join(each.key for each in self.waiting) or "nothing"
        others = [f"also failed: {each}" for each in self.failures[1:]]
        return [*others, f"done: {done}; not done: {left}; the next deploy goes on from there"]


def _lane(step: Step) -> str:
    """Steps of one lane are taken one after another: those on one function, for AWS refuses a
    change of one that is being changed."""
    return step.resource.function or step.key
