"""The worker's own program: started by path, without site-packages, it runs one function.

It imports the standard library, `nuclio_sdk` and `msgpack`, and nothing of pelton.  Strings of an
event are bytes unless NUCLIO_PYTHON_DECODE_EVENT_STRINGS is true, as in Nuclio's own wrapper.
"""

import ctypes
import json
import os
import signal
import socket
import struct
import sys
import time
from typing import Any


class Channel:
    """The socket to the processor."""

    def __init__(self, descriptor: int) -> None:
        self._socket = socket.socket(fileno=descriptor)

    def say(self, letter: str, text: str = "") -> None:
        self._socket.sendall(f"{letter}{text}\n".encode())

    def take(self) -> bytes | None:
        head = self._exactly(4)
        return self._exactly(struct.unpack("!I", head)[0]) if head else None

    def _exactly(self, size: int) -> bytes | None:
        parts = bytearray()
        while len(parts) < size:
            got = self._socket.recv(min(1 << 20, size - len(parts)))
            if not got:
                return None
            parts += got
        return bytes(parts)


class LogFile:
    """A file for nuclio_sdk's logger: each line it writes goes to the processor as a record."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    def write(self, text: str) -> None:
        for line in text.splitlines():
            if line:
                self._channel.say("l", line)

    def flush(self) -> None:
        pass


class Ends:
    """SIGUSR2 asks the function to drain, SIGUSR1 to terminate.

    As in Nuclio's own wrapper: the callbacks that it set on `context.platform` run when no event is
    in hand.  It then says that it has drained, or ends the process, which Nuclio kills in time.
    """

    def __init__(self, platform: Any, channel: Channel) -> None:
        self._platform, self._channel = platform, channel
        self._asked: list[int] = []
        self._idle = self._answering = False
        for number in (signal.SIGUSR1, signal.SIGUSR2):
            signal.signal(number, self._hear)

    def take(self) -> bytes | None:
        """The channel's next event; signals that come before it are answered at once."""
        self._idle = True
        self._answer()
        packed = self._channel.take()
        self._idle = False
        return packed

    def _hear(self, number: int, _: Any) -> None:
        self._asked.append(number)
        if self._idle and not self._answering:
            self._answer()

    def _answer(self) -> None:
        self._answering = True
        while self._asked:
            draining = self._asked.pop(0) == signal.SIGUSR2
            try:
                awaited(self._platform._on_signal("drain" if draining else "termination"))
            except BaseException as error:
                report(error, "Exception raised while draining or terminating")
            sys.stdout.flush()
            if not draining:
                os._exit(0)
            self._channel.say("d")
        self._answering = False


def main() -> None:
    given = json.loads(sys.argv[1])
    ctypes.CDLL(None).prctl(1, signal.SIGKILL, 0, 0, 0)
    sys.path[:] = given["path"]
    sys.executable = given["python"]  # what the function's own children are started with
    import msgpack
    import nuclio_sdk
    import nuclio_sdk.logger

    channel = Channel(given["channel"])
    decoded = os.environ.get("NUCLIO_PYTHON_DECODE_EVENT_STRINGS", "").lower() == "true"
    kinds = nuclio_sdk.event.EventDeserializerKinds
    deserialize = (kinds.msgpack if decoded else kinds.msgpack_raw).value.deserialize
    context = make_context(nuclio_sdk, channel, given)
    try:
        handler = load(given["handler"], context)
    except BaseException as error:
        report(error, "Exception raised while running init_context or loading the handler")
        sys.exit(1)
    ends = Ends(context.platform, channel)
    channel.say("s")
    encoder = nuclio_sdk.json_encoder.Encoder() if hasattr(nuclio_sdk, "json_encoder") else None
    while (packed := ends.take()) is not None:
        began = time.monotonic()
        message = msgpack.unpackb(packed, raw=not decoded)
        response = run(nuclio_sdk, encoder, handler, context, deserialize(message))
        sys.stdout.flush()
        channel.say("m", json.dumps({"duration": time.monotonic() - began}))
        channel.say("r", json.dumps(response))


def make_context(nuclio_sdk: Any, channel: Channel, given: dict[str, Any]) -> Any:
    import logging

    logger = nuclio_sdk.Logger(logging.DEBUG)
    logger.set_handler("default", LogFile(channel), formatter())
    trigger = nuclio_sdk.TriggerInfo(given["trigger"]["kind"], given["trigger"]["name"])
    platform = nuclio_sdk.Platform(
        "local", given["namespace"], connection_provider=connections(given["addresses"])
    )
    return nuclio_sdk.Context(logger, platform, given["worker"], trigger)


def formatter() -> Any:
    import logging

    class Json(logging.Formatter):
        def format(self, record: logging.LogRecord) -> str:
            line = {
                "datetime": time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(record.created)),
                "time": record.created * 1000,
                "level": record.levelname.lower(),
                "message": record.getMessage(),
                "with": getattr(record, "with", {}),
            }
            return json.dumps(line, default=str)

    return Json()


def connections(addresses_file: str) -> Any:
    """nuclio_sdk calls other functions at nuclio-<namespace>-<name>:8080; here that is a port."""
    import http.client

    def connect(address: str, *args: Any, **options: Any) -> Any:
        host = address.partition(":")[0]
        with open(addresses_file) as file:
            known = json.load(file)
        return http.client.HTTPConnection(known.get(host, address), *args, **options)

    return connect


def load(handler: str, context: Any) -> Any:
    import importlib

    module_name, _, name = handler.rpartition(":")
    module = importlib.import_module(module_name)
    found = getattr(module, name, None)
    if found is None:
        raise AttributeError(f"module {module_name!r} has no handler {name!r}")
    # Where Nuclio's wrapper looks for it: in the module that the handler says it is of.
    home = sys.modules.get(getattr(found, "__module__", module_name), module)
    if hasattr(home, "init_context"):
        awaited(home.init_context(context))
    return found


_LOOP: Any = None


def awaited(value: Any) -> Any:
    """The value, or what a coroutine comes to on this worker's one loop."""
    global _LOOP
    if not hasattr(value, "__await__"):
        return value
    import asyncio

    _LOOP = _LOOP or asyncio.new_event_loop()
    return _LOOP.run_until_complete(value)


def run(nuclio_sdk: Any, encoder: Any, handler: Any, context: Any, event: Any) -> Any:
    try:
        output = awaited(handler(context, event))
        return nuclio_sdk.Response.from_entrypoint_output(encode(encoder), output)
    except BaseException as error:
        trace = report(error, "Exception caught in handler")
        return {
            "body": f'Exception caught in handler - "{error}": {trace}',
            "body_encoding": "text",
            "content_type": "text/plain",
            "headers": {},
            "status_code": 500,
            "event_id": None,
        }


def encode(encoder: Any) -> Any:
    return encoder.encode if encoder is not None else json.dumps


def report(error: BaseException, what: str) -> str:
    import traceback

    own = error.__traceback__.tb_next if error.__traceback__ else None
    trace = "".join(traceback.format_exception(type(error), error, own or error.__traceback__))
    print(f'{what} - "{error}": {trace}', file=sys.stderr, flush=True)
    return trace


if __name__ == "__main__":
    main()
