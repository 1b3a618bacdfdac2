"""The one call path: decode, call, encode.  Compiled once per function, with no branch per event
that could have been decided at import.

Between the platform's call and the user's function lie the adapter's handler and `call`.
"""

from __future__ import annotations

from _thread import allocate_lock
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from ..handlers.context import Context
from ..handlers.errors import WrongUse
from ..handlers.event import Event
from ..handlers.function import Function

if TYPE_CHECKING:
    from ..handlers.codec import Codec

Call = Callable[[Event, Context], Any]


def compile_call(function: Function[..., Any], decode: Any = None) -> Call:
    """The call path of a typed function: (event, context) -> the encoded answer.

    `decode` stands in for the codec's own: the first argument is then whatever it takes.

    The answer is a JSON-ready value, `bytes`, `str`, or a `Result` when the function gave one.
    Raises InvalidInput and MalformedBody for the event, InvalidOutput for the answer, and whatever
    the user's function raises, as it raised it.

    >>> from pelton import App, Event
    >>> app = App("doc")
    >>> @app.function
    ... def double(n: int) -> int:
    ...     return 2 * n
    >>> compile_call(double)(Event(body=4), Context())
    8
    """
    codec = function.codec
    if codec is None:
        raise TypeError(
            f"{function.name} has style {function.style!r}: its adapter calls it itself"
        )
    if codec.streams:
        raise no_stream(function, "here")
    decode = decode or codec.decode
    encode, user = codec.encode, function.user_function
    if codec.answer is not None:
        return _answering_events(codec, user, decode)
    if codec.is_async:
        run = run_async

        def call_async(event: Event, context: Context) -> Any:
            context.event = event
            return encode(run(user(*decode(event, context))))

        return call_async

    def call(event: Event, context: Context) -> Any:
        context.event = event
        return encode(user(*decode(event, context)))

    return call


def _answering_events(codec: Codec, user: Any, decode: Any) -> Call:
    answer: Any = codec.answer
    run = run_async if codec.is_async else _same

    def call(event: Event, context: Context) -> Any:
        context.event = event
        return answer(event, codec.encode(run(user(*decode(event, context)))))

    return call


def _same(value: Any) -> Any:
    return value


def no_stream(function: Function[..., Any], where: str) -> WrongUse:
    """What is said where an answer goes out whole or not at all."""
    return WrongUse(
        f"function {function.name} gives a stream, which cannot be sent {where}: its graph's last "
        "step is a generator",
        file=function.file,
        line=function.line,
        advice="serve it by `pelton serve`, or gather its items in a last step that gives a list",
    )


def many_of(function: Function[..., Any]) -> Any:
    """(values, context) -> each one's answer or `Failed`, of a graph that would rather have many
    values at once; None for everything else."""
    graph, codec = function.user_function, function.codec
    together = codec and codec.mode == "value" and getattr(graph, "batches", False)
    return getattr(graph, "many", None) if together else None


class _Loop:
    """This worker's event loop, made when the first coroutine comes (asyncio costs 70 ms)."""

    def __init__(self) -> None:
        self._runner: Any = None
        self._thread: Any = None
        self._lock = allocate_lock()  # a platform has one event at a time, `pelton run` has many

    def __call__(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        import asyncio

        if self._thread is not None or _in_a_loop():
            return self._beside(coroutine)
        with self._lock:
            self._runner = self._runner or asyncio.Runner()
            return self._runner.run(coroutine)

    def _beside(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """Run a coroutine from inside a running loop (a Nuclio worker's): on a thread that has our
        loop from then on, so that what one event opened there the next one can use."""
        if self._thread is None:
            import asyncio
            from concurrent.futures import ThreadPoolExecutor

            self._runner = self._runner or asyncio.Runner()
            self._thread = ThreadPoolExecutor(1, "pelton-loop")
        return self._thread.submit(self._runner.run, coroutine).result()


def _in_a_loop() -> bool:
    import asyncio

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


run_async = _Loop()


def maybe_await(value: Any) -> Any:
    """The value, or what it comes to when it is a coroutine."""
    return run_async(value) if hasattr(value, "__await__") else value
