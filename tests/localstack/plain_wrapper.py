"""A wrapper as plain as the protocol allows, written for tests: blocking sockets, nothing spared.

It stands for Nuclio's own `_nuclio_wrapper.py` where none is at hand: what works with it leans on
the protocol and on nothing that only our own wrapper does.
"""

import argparse
import asyncio
import importlib
import json
import signal
import socket
import sys
import traceback
from typing import Any

import msgpack
import nuclio_sdk


class Log:
    def __init__(self, events: socket.socket) -> None:
        self._events = events

    def write(self, text: str) -> None:
        if text.strip():
            self._events.sendall(b"l" + text.strip().encode() + b"\n")

    def flush(self) -> None:
        pass


def connected(path: str) -> socket.socket:
    found = socket.socket(socket.AF_UNIX)
    found.connect(path)
    return found


def exactly(events: socket.socket, size: int) -> bytes:
    parts = b""
    while len(parts) < size:
        got = events.recv(size - len(parts))
        if not got:
            sys.exit(1)  # the processor has hung up
        parts += got
    return parts


async def settled(value: Any) -> Any:
    return await value if asyncio.iscoroutine(value) else value


def respond(handler: Any, context: Any, event: Any, loop: Any) -> Any:
    encode = context.encode
    try:
        output = loop.run_until_complete(settled(handler(context, event)))
        form = nuclio_sdk.Response.from_entrypoint_output
        if isinstance(output, list):
            return [form(encode, each) for each in output]
        return form(encode, output)
    except BaseException as error:
        told = f'Exception caught in handler - "{error}": {traceback.format_exc()}'
        context.logger.error_with("Exception caught in handler", exc=str(error))
        return {"body": told, "body_encoding": "text", "content_type": "text/plain",
                "status_code": 500}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser()
    for name in ("handler", "event-socket-path", "control-socket-path", "platform-kind",
                 "namespace", "worker-id", "trigger-kind", "trigger-name"):  # fmt: skip
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--decode-event-strings", action="store_true")
    given = parser.parse_args()
    events, control = connected(given.event_socket_path), connected(given.control_socket_path)

    async def tell(message: Any) -> None:
        control.sendall(json.dumps(message).encode() + b"\n")

    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    logger = nuclio_sdk.Logger("DEBUG")
    logger.set_handler("default", Log(events), nuclio_sdk.logger.JSONFormatter())
    platform = nuclio_sdk.Platform(given.platform_kind, given.namespace, on_control_callback=tell)
    trigger = nuclio_sdk.TriggerInfo(given.trigger_kind, given.trigger_name)
    context = nuclio_sdk.Context(logger, platform, given.worker_id, trigger)
    context.encode = nuclio_sdk.json_encoder.Encoder().encode
    module_name, _, name = given.handler.partition(":")
    module = importlib.import_module(module_name)
    handler = getattr(module, name)
    if hasattr(module, "init_context"):
        loop.run_until_complete(settled(module.init_context(context)))

    def call_back(kind: str) -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])  # one callback at a time
        logger.debug(f"Calling platform {kind} handler")
        loop.run_until_complete(settled(platform._on_signal(kind)))
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGUSR1])

    signal.signal(signal.SIGUSR1, lambda *_: call_back("termination"))
    signal.signal(signal.SIGUSR2, lambda *_: call_back("drain"))
    kinds = nuclio_sdk.event.EventDeserializerKinds
    kind = kinds.msgpack if given.decode_event_strings else kinds.msgpack_raw
    events.sendall(b"s\n")
    loop.run_until_complete(tell({"kind": "wrapperInitialized", "attributes": {"ready": "true"}}))
    while True:
        packed = exactly(events, int.from_bytes(exactly(events, 4), "big"))
        message = msgpack.unpackb(packed, raw=not given.decode_event_strings)
        response = respond(handler, context, nuclio_sdk.Event.deserialize(message, kind), loop)
        events.sendall(b'm{"duration": 0.001}\n')
        events.sendall(b"r" + context.encode(response).encode() + b"\n")


main()
