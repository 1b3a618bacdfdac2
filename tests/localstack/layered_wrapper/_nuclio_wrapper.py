"""One event after the other, taken off the event socket and answered there."""

import argparse
import asyncio
import importlib
import inspect
import signal
from typing import Any

import msgpack
import nuclio_sdk
import nuclio_sdk.logger
from wrapper_common import (  # type: ignore[import-not-found]
    ENCODE,
    ControlFormatter,
    Log,
    connected,
    exactly,
    lines,
    settled,
)

SIGNALS = (signal.SIGUSR1, signal.SIGUSR2)


async def serve(handler: Any, context: Any, event: Any, events: Any) -> None:
    async for line in lines(handler, context, event):
        events.sendall(line.encode() + b"\n")


def main() -> None:
    parser = argparse.ArgumentParser()
    for name in ("handler", "event-socket-path", "control-socket-path", "platform-kind",
                 "namespace", "worker-id", "trigger-kind", "trigger-name"):  # fmt: skip
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--decode-event-strings", action="store_true")
    given = parser.parse_args()
    control = connected(given.control_socket_path)
    logger = nuclio_sdk.Logger("DEBUG")
    logger.set_handler("default", Log(control), ControlFormatter())
    logger.debug("Connecting to the event socket")
    events = connected(given.event_socket_path)
    logger.set_handler("default", Log(events, b"l"), nuclio_sdk.logger.JSONFormatter())

    async def tell(message: Any) -> None:
        control.sendall(ENCODE(message).encode() + b"\n")

    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    platform = nuclio_sdk.Platform(given.platform_kind, given.namespace, on_control_callback=tell)
    trigger = nuclio_sdk.TriggerInfo(given.trigger_kind, given.trigger_name)
    context = nuclio_sdk.Context(logger, platform, given.worker_id, trigger)
    module_name, _, name = given.handler.partition(":")
    module = importlib.import_module(module_name)
    handler = getattr(module, name)
    if hasattr(module, "init_context"):
        begun = module.init_context(context)
        if inspect.iscoroutinefunction(module.init_context):
            loop.run_until_complete(begun)

    def call_back(kind: str) -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])  # one callback at a time
        logger.debug(f"Calling platform {kind} handler")
        loop.run_until_complete(settled(platform._on_signal(kind)))
        if kind == "drain":
            drained = {"kind": "drain", "attributes": {"workerId": given.worker_id}}
            loop.run_until_complete(tell(drained))
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
        event = nuclio_sdk.Event.deserialize(message, kind)
        # No callback while the loop runs: a measurement is still sent after its response is out.
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        loop.run_until_complete(serve(handler, context, event, events))
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)


if __name__ == "__main__":
    main()
