"""Our wrapper: what runs one function in a worker's process and speaks to the processor.

It takes the options of Nuclio's own wrapper and speaks its protocol, so that either can stand in
the other's place: events come by one unix socket, answers and logs go back on it; a second one
carries control messages.  It imports the standard library, `nuclio_sdk` and `msgpack`, and nothing
of pelton.

The handler runs inside this process's event loop, one event at a time, a coroutine to its end; what
it leaves to the loop goes on between events.  Strings of an event are bytes unless the option says
that they are decoded.  Source: Nuclio's public processor and wrapper (`_nuclio_wrapper.py`).
"""

import asyncio
import atexit
import json
import os
import select
import signal
import socket
import sys
import time
import types
from collections.abc import Coroutine
from typing import Any, NoReturn

import msgpack
import nuclio_sdk
import nuclio_sdk.json_encoder
import nuclio_sdk.logger

PIECE, LARGE = 1 << 14, 1 << 20
HANDLING, SERVING = "Exception caught in handler", "Exception caught while serving"
DISCARDED = "Event discarded: worker draining"
GENERATORS = (types.GeneratorType, types.AsyncGeneratorType)
ENCODER = nuclio_sdk.json_encoder.Encoder()
# The same text from C wherever the SDK's own encoder has nothing to say that JSON cannot.
FAST = json.JSONEncoder(allow_nan=False, default=ENCODER.default)


def encode(value: Any) -> str:
    """What nuclio_sdk's encoder makes of it, which is written in Python and forty times slower."""
    try:
        return FAST.encode(value)
    except ValueError:  # NaN and infinities, which it gives as text; or a circle, which it refuses
        text: str = ENCODER.encode(value)
        return text


class Channel:
    """A socket to the processor; what is said goes out whole, however long that takes."""

    def __init__(self, path: str) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.connect(path)
        self.socket.setblocking(False)

    def say(self, text: str) -> None:
        data = text.encode()
        while data:
            try:
                data = data[self.socket.send(data) :]
            except BlockingIOError:
                select.select([], [self.socket], [])


class LogFile:
    """A file for nuclio_sdk's logger: a record that it writes is an `l` line."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    def write(self, text: str) -> None:
        if text.strip():
            self._channel.say(f"l{text.rstrip()}\n")

    def flush(self) -> None:
        pass


class Wrapper:
    """One function's worker: takes events off its channel and answers them, one by one."""

    def __init__(self, events: Channel, control: Channel, decoded: bool) -> None:
        self._events, self._control, self._raw = events, control, not decoded
        kinds = nuclio_sdk.event.EventDeserializerKinds
        self._deserialize = (kinds.msgpack if decoded else kinds.msgpack_raw).value.deserialize
        self._received = bytearray()
        self._task: asyncio.Task[None] | None = None  # an event, or a callback, in hand
        self._signals: list[int] = []
        self._discards = False

    def load(self, options: dict[str, str], logger: Any) -> None:
        """Import the function; no loop runs yet, so that its module may run one of its own."""
        platform = nuclio_sdk.Platform(
            options["platform-kind"], options["namespace"], on_control_callback=self.tell
        )
        trigger = nuclio_sdk.TriggerInfo(options["trigger-kind"], options["trigger-name"])
        self._context = nuclio_sdk.Context(logger, platform, options["worker-id"], trigger)
        self._handler, self._module = load(options["handler"])

    async def begin(self) -> None:
        """Prepare the function, and say that events may come."""
        if hasattr(self._module, "init_context"):
            made = self._module.init_context(self._context)
            if asyncio.iscoroutinefunction(self._module.init_context):
                await made
        self._loop = asyncio.get_running_loop()
        for number in (signal.SIGUSR1, signal.SIGUSR2, signal.SIGCONT):
            self._loop.add_signal_handler(number, self._hear, number)
        self._gone = self._loop.create_future()
        self._loop.add_reader(self._events.socket, self._read)
        self._events.say("s\n")
        await self.tell({"kind": "wrapperInitialized", "attributes": {"ready": "true"}})

    async def serve(self) -> None:
        """Until the processor hangs up."""
        await self._gone

    async def tell(self, message: Any) -> None:
        """Send a control message."""
        self._control.say(f"{encode(message)}\n")

    # -- events
    def _read(self) -> None:
        try:
            data = self._events.socket.recv(LARGE if len(self._received) >= PIECE else PIECE)
        except BlockingIOError:
            return
        if not data:
            self._loop.remove_reader(self._events.socket)
            self._gone.set_result(None)
            return
        self._received += data
        self._go_on()

    def _go_on(self) -> None:
        """The next event that is whole, when none is in hand."""
        received = self._received
        while self._task is None and len(received) >= 4:
            end = 4 + int.from_bytes(received[:4], "big")
            if len(received) < end:
                return
            packed = bytes(received[4:end])
            del received[:end]
            self._take(packed)

    def _take(self, packed: bytes) -> None:
        try:
            event = self._deserialize(msgpack.unpackb(packed, raw=self._raw))
        except Exception as error:
            self._fail(error, SERVING)
            return
        if self._discards:
            self._context.logger.debug_with("Event has been discarded", event=event)
            self._say_error(DISCARDED)
            return
        began = time.time()
        try:
            output = self._handler(self._context, event)
            if isinstance(output, Coroutine) or is_stream(output):
                self._task = self._loop.create_task(self._finish(output, began))
                return
            self._answer(output, began)
        except StopIteration as error:
            self._fail(stopped(error), HANDLING)
        except BaseException as error:
            self._fail(error, HANDLING)
        if self._signals:
            self._heed()

    async def _finish(self, output: Any, began: float) -> None:
        try:
            output = await output if isinstance(output, Coroutine) else output
            if is_stream(output):
                await self._stream(output, began)
            else:
                self._answer(output, began)
        except BaseException as error:
            self._fail(error, HANDLING)
        self._over()

    async def _stream(self, output: Any, began: float) -> None:
        """Send a generator's pieces as they come: `c` a response with the first, `b` each other in
        base64, `e` that it is over.  One that gives nothing is an empty answer."""
        letter = "c"
        async for piece in nuclio_sdk.Response.from_entrypoint_output_async(encode, output):
            self._events.say(f"c{encode(piece)}\n" if letter == "c" else f"b{piece}\n")
            letter = "b"
        if letter == "c":
            self._context.logger.warn("A generator gave nothing: Nuclio sends no answer to that")
            return self._answer("", began)
        duration = time.time() - began or sys.float_info.min
        self._events.say(f'e\nm{{"duration": {duration!r}}}\n')

    def _over(self) -> None:
        """What was in hand is done: what came meanwhile follows."""
        self._task = None
        self._heed()
        self._go_on()

    def _answer(self, output: Any, began: float) -> None:
        duration = time.time() - began or sys.float_info.min
        form = nuclio_sdk.Response.from_entrypoint_output
        if isinstance(output, list):
            answer = encode([form(encode, each) for each in output])
        else:
            answer = encode(form(encode, output))
        self._events.say(f'm{{"duration": {duration!r}}}\nr{answer}\n')

    def _fail(self, error: BaseException, what: str) -> None:
        trace = traced(error)
        try:
            text = str(error)
        except Exception as worse:  # it has no text: why is what is told
            return self._fail(worse, SERVING)
        self._context.logger.error_with(what, exc=text, traceback=trace)
        self._say_error(f'{what} - "{text}": {trace}')

    def _say_error(self, body: str) -> None:
        answer = {
            "body": body,
            "body_encoding": "text",
            "content_type": "text/plain",
            "status_code": 500,
        }
        self._events.say(f"r{encode(answer)}\n")

    # -- signals
    def _hear(self, number: int) -> None:
        """SIGUSR2 asks the function to drain, SIGUSR1 to terminate; SIGCONT has events go on."""
        name = signal.Signals(number).name
        self._context.logger.debug_with("Received signal", signal=name)
        if number == signal.SIGCONT:
            self._discards = False
        elif number == signal.SIGUSR1 or not self._discards:
            self._discards = True
            self._signals.append(number)
        if self._task is None:
            self._heed()

    def _heed(self) -> None:
        """Run the callbacks that are due; one that is a coroutine is in hand until it is done."""
        if self._signals:
            self._task = self._loop.create_task(self._call_back(self._signals.pop(0)))

    async def _call_back(self, number: int) -> None:
        """What raises here ends the worker, as it does with Nuclio's own."""
        drains = number == signal.SIGUSR2
        try:
            said = self._context.platform._on_signal("drain" if drains else "termination")
            if asyncio.iscoroutine(said):
                await said
        except BaseException as error:
            what = "draining" if drains else "terminating"
            print(f"Exception raised while {what} - {traced(error)}", file=sys.stderr)
            leave(1)
        if not drains:
            leave(0)
        await self.tell({"kind": "drain", "attributes": {"workerId": self._context.worker_id}})
        self._over()


def is_stream(output: Any) -> bool:
    """Whether it is a generator, or a response whose body is one."""
    body = output.body if isinstance(output, nuclio_sdk.Response) else output
    return isinstance(body, GENERATORS)


def stopped(error: StopIteration) -> RuntimeError:
    """What a coroutine makes of it; in one Nuclio's own wrapper calls the handler."""
    made = RuntimeError("coroutine raised StopIteration")
    made.__cause__ = error
    return made


def load(handler: str) -> tuple[Any, Any]:
    """The handler, and the module that it says it is of, whose `init_context` is called."""
    import importlib

    module_name, _, name = handler.rpartition(":")
    found = getattr(importlib.import_module(module_name), name)
    return found, sys.modules[found.__module__]


def leave(code: int) -> NoReturn:
    """End the process with what the function registered for its exit; its threads are not waited
    for."""
    try:
        atexit._run_exitfuncs()
    finally:
        for file in (sys.stdout, sys.stderr):
            file.flush()
        os._exit(code)


def traced(error: BaseException) -> str:
    """Its traceback, beginning in the function."""
    import traceback

    own = error.__traceback__.tb_next if error.__traceback__ else None
    return "".join(traceback.format_exception(type(error), error, own or error.__traceback__))


def main(options: dict[str, str]) -> None:
    import logging

    logger = nuclio_sdk.Logger(logging.DEBUG)
    logger.bind(worker_id=options["worker-id"])
    events, control = Channel(options["event-socket-path"]), Channel(options["control-socket-path"])
    logger.set_handler("default", LogFile(events), nuclio_sdk.logger.JSONFormatter())
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    wrapper = Wrapper(events, control, "decode-event-strings" in options)
    try:
        wrapper.load(options, logger)
        loop.run_until_complete(wrapper.begin())
    except BaseException as error:
        print(
            "Exception raised while running init_context or loading the handler - "
            f'"{error}": {traced(error)}',
            file=sys.stderr,
            flush=True,
        )
        leave(1)
    loop.run_until_complete(wrapper.serve())
    leave(0)


def options_of(words: list[str]) -> dict[str, str]:
    """
    >>> options_of(["--handler", "a:b", "--decode-event-strings"])
    {'handler': 'a:b', 'decode-event-strings': ''}
    """
    found: dict[str, str] = {}
    name = ""
    for word in words:
        if word.startswith("--"):
            name = word[2:]
            found[name] = ""
        else:
            found[name] = word
    return found


if __name__ == "__main__":
    main(options_of(sys.argv[1:]))
