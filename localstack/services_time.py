"""The embedded services go by the emulator's clock: the one seam through which they get time.

ministack's modules import `time`, `datetime` and `threading` as any module does.  They are given
ours, by an `__import__` of their own (`install`, before the first of them is loaded): what they ask
is the time of the clock that `go_by` names, the threads that deliver things sleep by it, and are
counted as work under way until they sleep or end.  By the machine's clock everything passes
through unchanged.

What stays real by a manual clock: `time.monotonic`, `asyncio.sleep`, and threads of other modules
than `_DELIVERING` (listeners, processes, a Step Functions Wait inside a Map).

Besides this module `services_moments`, `services`, `push_seam` and `api_seam` know ministack from
within; contract tests hold every name that they use.
"""

from __future__ import annotations

import builtins
import datetime as real_datetime
import importlib.abc
import importlib.machinery
import sys
import threading as real_threading
import time as real_time
from collections.abc import Callable, Mapping, Sequence
from types import ModuleType
from typing import Any, ClassVar

from . import services_zones
from .clock import MACHINE, Clock
from .manual_clock import ManualClock

PACKAGE = "ministack"
# Modules whose threads hand things on or fall due, and end: they are waited for.
_DELIVERING = frozenset(
    f"{PACKAGE}.{name}"
    for name in (
        "core.concurrency", "services.cloudwatch_logs", "services.dynamodb",
        "services.eventbridge", "services.firehose", "services.kinesis", "services.lambda_svc",
        "services.pipes", "services.s3", "services.scheduler", "services.sns",
        "services.stepfunctions",
    )
)  # fmt: skip
# Threads that look whether something is due, every few seconds: by a manual clock they are woken
# when something is (see `services_moments`).
TICKING = frozenset({"eb-scheduler", "evb-scheduler-ticker", "dynamodb-ttl-reaper"})


class _Now:
    """Which clock it is, and the threads that sleep by it."""

    clock: Clock = MACHINE
    clocks: ClassVar[list[Clock]] = []
    asleep: ClassVar[set[real_threading.Event]] = set()
    ticking: ClassVar[dict[str, Callable[[], None]]] = {}


def go_by(clock: Clock) -> None:
    """From now on the services have the time of `clock`, until `leave`."""
    _Now.clocks.append(clock)
    _turn_to(clock)


def leave(clock: Clock) -> None:
    """The emulator of `clock` ends: the services have the time that they had before.

    They are one in a process: of several emulators in it the last one's clock counts.
    """
    if clock in _Now.clocks:
        _Now.clocks.remove(clock)
        _turn_to(_Now.clocks[-1] if _Now.clocks else MACHINE)


def _turn_to(clock: Clock) -> None:
    if clock is _Now.clock:
        return
    _Now.clock = clock
    _Now.ticking.clear()
    for woken in list(_Now.asleep):  # who slept by the other goes on
        woken.set()


def ticking(thread: str) -> Callable[[], None] | None:
    """What wakes a thread of `TICKING`; None while it does not sleep."""
    return _Now.ticking.get(thread)


# -- what is given in place of the standard library's
def _sleep(seconds: float) -> None:
    """`time.sleep` of a delivering thread; every other thread sleeps really."""
    clock, thread = _Now.clock, real_threading.current_thread()
    if not isinstance(clock, ManualClock) or not isinstance(thread, _Thread):
        real_time.sleep(max(0.0, seconds))
        return
    woken = real_threading.Event()

    def wake() -> None:
        _Now.ticking.pop(thread.name, None)
        if not woken.is_set():  # else it went on when the services left this clock
            thread.goes_on(clock)
            woken.set()

    thread.goes_on(clock)
    _Now.asleep.add(woken)
    if thread.name in TICKING:
        _Now.ticking[thread.name] = wake
    else:
        clock.wake_at(clock.time() + max(0.0, seconds), wake)
    thread.rests()
    woken.wait()
    _Now.asleep.discard(woken)


class _Thread(real_threading.Thread):
    """A thread that is work under way from its start to its end, unless it sleeps or waits for
    another, which is counted itself."""

    _count: tuple[ManualClock, int] | None = None

    def goes_on(self, clock: Clock) -> None:
        """It is under way, if it was not."""
        if self._count is None and isinstance(clock, ManualClock):
            self._count = clock, clock.begin(f"thread {self.name} of the services")

    def rests(self) -> None:
        """It is not under way, or has ended."""
        count, self._count = self._count, None
        if count is not None:
            count[0].end(count[1])

    def start(self) -> None:
        self.goes_on(_Now.clock)
        try:
            super().start()
        except RuntimeError:
            self.rests()
            raise

    def run(self) -> None:
        try:
            super().run()
        finally:
            self.rests()

    def join(self, timeout: float | None = None) -> None:
        waiting = real_threading.current_thread()
        if not isinstance(waiting, _Thread):
            super().join(timeout)
            return
        waiting.rests()
        super().join(timeout)
        waiting.goes_on(_Now.clock)


class _Event(real_threading.Event):
    """An event whose `set` is a reason for pollers to look (ministack's `esm_wake` is one)."""

    def set(self) -> None:
        super().set()
        _Now.clock.stir()


def _moment(seconds: float | None) -> float:
    return _Now.clock.time() if seconds is None else seconds


class _DateKind(type):
    """Stands for a class of `datetime` and makes real ones of it."""

    real: type[Any]

    def __call__(cls, *given: Any, **named: Any) -> Any:
        return cls.real(*given, **named)

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, cls.real)

    def __getattr__(cls, name: str) -> Any:
        return getattr(cls.real, name)


class _Datetime(metaclass=_DateKind):
    real = real_datetime.datetime

    @staticmethod
    def now(tz: real_datetime.tzinfo | None = None) -> real_datetime.datetime:
        return real_datetime.datetime.fromtimestamp(_Now.clock.time(), tz)

    @staticmethod
    def utcnow() -> real_datetime.datetime:
        return _Datetime.now(real_datetime.UTC).replace(tzinfo=None)

    @staticmethod
    def today() -> real_datetime.datetime:
        return _Datetime.now()


class _Date(metaclass=_DateKind):
    real = real_datetime.date

    @staticmethod
    def today() -> real_datetime.date:
        return _Datetime.now().date()


class _Stand(ModuleType):
    """A module of the standard library in which some names are ours."""

    def __init__(self, real: ModuleType, names: Mapping[str, Any]) -> None:
        super().__init__(real.__name__)
        self.__dict__.update(names)
        self._real = real

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


_TIME: Mapping[str, Callable[..., Any]] = {
    "time": lambda: _Now.clock.time(),
    "time_ns": lambda: int(_Now.clock.time() * 1_000_000_000),
    "sleep": _sleep,
    "gmtime": lambda seconds=None: real_time.gmtime(_moment(seconds)),
    "localtime": lambda seconds=None: real_time.localtime(_moment(seconds)),
    "ctime": lambda seconds=None: real_time.ctime(_moment(seconds)),
    "strftime": lambda form, when=None: real_time.strftime(
        form, real_time.localtime(_Now.clock.time()) if when is None else when
    ),
}
_STANDS = {
    "time": _Stand(real_time, _TIME),
    "datetime": _Stand(real_datetime, {"datetime": _Datetime, "date": _Date}),
}
_THREADING = _Stand(real_threading, {"Thread": _Thread, "Event": _Event})


def _import(
    name: str,
    globals: Mapping[str, Any] | None = None,
    locals: Mapping[str, Any] | None = None,
    fromlist: Sequence[str] | None = (),
    level: int = 0,
) -> ModuleType:
    """`__import__` of ministack's modules."""
    if level == 0 and name in _STANDS:
        return _STANDS[name]
    if level == 0 and name == "threading" and (globals or {}).get("__name__") in _DELIVERING:
        return _THREADING
    return builtins.__import__(name, globals, locals, fromlist or (), level)


class _Loader(importlib.machinery.SourceFileLoader):
    def exec_module(self, module: ModuleType) -> None:
        module.__dict__["__builtins__"] = {**vars(builtins), "__import__": _import}
        super().exec_module(module)
        services_zones.fit(module)


class _Finder(importlib.abc.MetaPathFinder):
    """Finds ministack's own modules, and has them loaded with our `__import__`."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if not fullname.startswith(f"{PACKAGE}."):
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if spec is not None and isinstance(spec.loader, importlib.machinery.SourceFileLoader):
            spec.loader = _Loader(spec.loader.name, spec.loader.path)
        return spec


def install() -> None:
    """Give ministack's modules our time from now on; once a process."""
    if not any(isinstance(each, _Finder) for each in sys.meta_path):
        sys.meta_path.insert(0, _Finder())
