"""One step asked aside of another's answer, the two compared, and the count of how they were."""

from __future__ import annotations

from _thread import allocate_lock
from collections.abc import Callable, Sequence
from copy import deepcopy
from math import isclose
from typing import TYPE_CHECKING, Any, NamedTuple

from .compile import Run
from .kit.base import Drop

if TYPE_CHECKING:
    from .aside import Aside

Compare = Callable[[Any, Any], bool]


class Tally(NamedTuple):
    """What became of a shadow's answers on this worker.

    same, different: compared with the answer that was returned
    failed:          it raised an error, or the two could not be compared
    skipped:         not asked, since as many as there is room for were waiting
    """

    same: int = 0
    different: int = 0
    failed: int = 0
    skipped: int = 0


class Board:
    """The counts of a step's shadows on one worker, and who answers; any thread may ask."""

    def __init__(self, names: Sequence[str], champion: str) -> None:
        self._tallies = {name: Tally() for name in names}
        self.champion, self._lock = champion, allocate_lock()

    def count(self, name: str, what: str) -> None:
        with self._lock:
            tally = self._tallies[name]
            self._tallies[name] = tally._replace(**{what: getattr(tally, what) + 1})

    def all(self) -> dict[str, Tally]:
        with self._lock:
            return dict(self._tallies)

    def load(self, context: Any = None) -> None:
        """Nothing to load: `Shared` asks everything it keeps."""

    def close(self) -> None:
        """Nothing to let go of."""


class Shadow:
    """One step that is asked aside; no method of it raises."""

    def __init__(
        self,
        path: str,
        run: Run,
        waits: bool,
        aside: Aside,
        seen: Callable[[str], None],
        compare: Compare,
    ) -> None:
        self._path, self._run, self._waits, self._aside = path, run, waits, aside
        self._seen, self._compare = seen, compare

    def copy(self, value: Any) -> Any:
        """The value as it is before anybody changes it; the error where it cannot be copied."""
        try:
            return deepcopy(value)
        except Exception as error:  # whatever a value's own copying raises
            return Uncopied(error)

    def begin(self, value: Any, answer: Any, context: Any) -> None:
        """Ask aside, without the event's deadline, and compare with the answer."""
        answer = self.copy(answer)
        context = context.aside() if hasattr(context, "aside") else context
        for each in (value, answer):
            if isinstance(each, Uncopied):
                return self._failed(each.error, context)
        job = self._job_waiting if self._waits else self._job
        if not self._aside.take(lambda: job(value, answer, context)):
            self._seen("skipped")

    def _job(self, value: Any, answer: Any, context: Any) -> None:
        try:
            self._judge(self._run(value, context), answer, context)
        except (Exception, Drop) as error:
            self._failed(error, context)

    async def _job_waiting(self, value: Any, answer: Any, context: Any) -> None:
        try:
            self._judge(await self._run(value, context), answer, context)
        except (Exception, Drop) as error:
            self._failed(error, context)

    def _judge(self, found: Any, answer: Any, context: Any) -> None:
        if self._compare(answer, found):
            return self._seen("same")
        self._seen("different")
        words = {"answer": f"{answer!r:.200}", "shadow_answer": f"{found!r:.200}"}
        self._log(context, "info", "a shadow answered otherwise", words)

    def _failed(self, error: BaseException, context: Any) -> None:
        self._seen("failed")
        said = {"error": f"{type(error).__name__}: {error}"}
        self._log(context, "warning", "a shadow failed", said)

    def _log(self, context: Any, level: str, message: str, fields: dict[str, Any]) -> None:
        try:
            if (logger := getattr(context, "logger", None)) is not None:
                getattr(logger, level)(message, step=self._path, **fields)
        except Exception:  # it is counted; a log that fails has no other log to be said in
            return


class Uncopied:
    """In the place of a value that cannot be copied."""

    def __init__(self, error: Exception) -> None:
        self.error = error


def alike_within(tolerance: float) -> Compare:
    """Whether two answers are the same, numbers within the tolerance, place by place."""

    def alike(first: Any, second: Any) -> bool:
        first, second = (getattr(each, "tolist", lambda x=each: x)() for each in (first, second))
        if isinstance(first, dict) and isinstance(second, dict):
            if first.keys() != second.keys():
                return False
            return all(alike(first[key], second[key]) for key in first)
        if isinstance(first, (list, tuple)) and isinstance(second, (list, tuple)):
            return len(first) == len(second) and all(map(alike, first, second))
        if isinstance(first, float) and isinstance(second, (int, float)):
            return isclose(first, second, rel_tol=0, abs_tol=tolerance) or first != first != second
        return bool(first == second)

    return alike
