"""What is said to the processor, and on which socket: blocking sockets, nothing spared."""

from __future__ import annotations

import json
import socket
import sys
import traceback
from collections.abc import AsyncIterator, Coroutine
from typing import Any

import nuclio_sdk
import nuclio_sdk.json_encoder
import nuclio_sdk.logger

ENCODE = nuclio_sdk.json_encoder.Encoder().encode


class Log:
    """A file for nuclio_sdk's logger."""

    def __init__(self, to: socket.socket, letter: bytes = b"") -> None:
        self._to, self._letter = to, letter

    def write(self, text: str) -> None:
        if text.strip():
            self._to.sendall(self._letter + text.strip().encode() + b"\n")

    def flush(self) -> None:
        pass


class ControlFormatter(nuclio_sdk.logger.JSONFormatter):  # type: ignore[misc]
    """A record as a control message."""

    def format(self, record: Any) -> str:
        message: str = self.format_to_log_control_message(record)
        return message


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


def words(what: str, error: BaseException) -> str:
    """What is answered for an error, or for the error of asking that one for its text."""
    try:
        return f'{what} - "{error}": {traceback.format_exc()}'
    except Exception as worse:
        return words("Exception caught while serving", worse)


async def settled(value: Any) -> Any:
    return await value if isinstance(value, Coroutine) else value


async def lines(handler: Any, context: Any, event: Any) -> AsyncIterator[str]:
    """What is said of an event: its response, whole or piece by piece, then how long it took."""

    async def called() -> Any:
        return await settled(handler(context, event))

    try:
        async for line in answers(await called()):
            yield line
    except BaseException as error:
        told = words("Exception caught in handler", error)
        context.logger.error_with(told.partition(" - ")[0], exc=told)
        failed = {"body": told, "body_encoding": "text", "content_type": "text/plain"}
        yield f"r{json.dumps(failed | {'status_code': 500})}"
        return
    yield 'm{"duration": 0.001}'


async def answers(output: Any) -> AsyncIterator[str]:
    form = nuclio_sdk.Response
    if isinstance(output, list):
        yield f"r{ENCODE([form.from_entrypoint_output(ENCODE, each) for each in output])}"
        return
    whole = form.get_handler_output_type(output) == "single"
    number = 0
    async for piece in form.from_entrypoint_output_async(ENCODE, output):
        first = "r" if whole else "c"
        yield f"b{piece}" if number else f"{first}{ENCODE(piece)}"
        number += 1
    if number > 1:
        yield "e"
