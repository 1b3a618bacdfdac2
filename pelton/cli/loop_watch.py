"""Says when an event loop stands still, and in which step: everybody waits for it then.

A task of the loop says that it lives; a thread beside it looks, while it does not, at what the
loop's own thread is doing.
"""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType

EVERY = 0.25  # seconds between two looks
LONG = 1.0  # seconds that are worth a word


class LoopWatch:
    """Watches the loop that it is started in, until `stop`.

    say:   takes each warning, when the stand-still is over
    where: in what the loop's thread was seen while it stands still; "" while it lives
    """

    def __init__(
        self, say: Callable[[str], None], *, every: float = EVERY, long: float = LONG
    ) -> None:
        self._say, self._every, self._long = say, every, long
        self._thread, self._alive = threading.get_ident(), time.monotonic()
        self.where, self._ended = "", threading.Event()
        self._task = asyncio.get_running_loop().create_task(self._live())
        self._looker = threading.Thread(target=self._look, name="pelton-loop-watch", daemon=True)
        self._looker.start()

    def stop(self) -> None:
        self._ended.set()
        self._task.cancel()
        self._looker.join()

    @property
    def _late(self) -> float:
        """Seconds that the loop has stood still, as far as one can know."""
        return time.monotonic() - self._alive - self._every

    async def _live(self) -> None:
        while True:
            if (late := self._late) > self._long:
                self._say(sentence(late, self.where))
            self.where, self._alive = "", time.monotonic()
            await asyncio.sleep(self._every)

    def _look(self) -> None:
        while not self._ended.wait(self._every):
            if "step" not in self.where and self._late > self._long:
                frame = sys._current_frames().get(self._thread)
                self.where = where(frame) if frame is not None else ""


def sentence(seconds: float, place: str) -> str:
    said = f", in {place}" if place else ""
    return (
        f"warning: the event loop stood still for {seconds:.1f} s{said}: an async function or step "
        "blocks it; write it with a plain def, which gets a thread"
    )


def where(frame: FrameType | None) -> str:
    """The innermost step that a thread is in, and the innermost line of the user's own there."""
    from ..serving_graph.compile import step_at

    line = step = ""
    while frame is not None and not step:
        step = step_at(frame)
        code, module = frame.f_code, str(frame.f_globals.get("__name__", ""))
        if not line and not step and not _is_library(module, code.co_filename):
            line = f"{code.co_filename}:{frame.f_lineno}"
        frame = frame.f_back
    return f"step {step} ({line})" if step and line else step or line


def _is_library(module: str, file: str) -> bool:
    known = module.partition(".")[0] in ("pelton", *sys.stdlib_module_names)
    return known or "site-packages" in file or file.startswith("<")
