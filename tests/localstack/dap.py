"""A client of the Debug Adapter Protocol, as an editor is one: messages over a socket, no more.

Source: the protocol's public specification (messages with a Content-Length head; attach, then
`initialized`, then breakpoints, then configurationDone).
"""

from __future__ import annotations

import json
import socket
from collections.abc import Iterable
from contextlib import suppress
from typing import Any


class DapClient:
    """An editor that is attached to what listens at `address` ("127.0.0.1:5678").

    mappings: pairs of a folder here and the folder that it is in the process
    """

    def __init__(self, address: str, mappings: Iterable[tuple[str, str]] = ()) -> None:
        host, _, port = address.partition(":")
        self._socket = socket.create_connection((host, int(port)), timeout=60)
        self._file = self._socket.makefile("rb")
        self._sent = 0
        self._events: list[dict[str, Any]] = []
        self.ask("initialize", adapterID="tests", linesStartAt1=True, pathFormat="path")
        paths = [{"localRoot": here, "remoteRoot": there} for here, there in mappings]
        self._attach = self._send("attach", pathMappings=paths)
        self.event("initialized")

    def breaks(self, path: str, *lines: int) -> list[dict[str, Any]]:
        """Set the breakpoints of a file; what became of them."""
        points = [{"line": each} for each in lines]
        answer = self.ask("setBreakpoints", source={"path": path}, breakpoints=points)
        return list(answer["breakpoints"])

    def run(self) -> None:
        """All is said: the process may go on."""
        self.ask("configurationDone")
        self._answer(self._attach)

    def stopped(self) -> tuple[int, dict[str, Any]]:
        """Wait for a stop: its thread and its top frame."""
        thread = int(self.event("stopped")["threadId"])
        return thread, self.ask("stackTrace", threadId=thread)["stackFrames"][0]

    def go_on(self, thread: int) -> None:
        """Let it run.  The answer is not waited for: its process may end before it is given."""
        self._send("continue", threadId=thread)

    def value(self, frame: int, expression: str) -> str:
        answer = self.ask("evaluate", expression=expression, frameId=frame, context="watch")
        return str(answer["result"])

    def ask(self, command: str, **arguments: Any) -> dict[str, Any]:
        return self._answer(self._send(command, **arguments))

    def event(self, name: str) -> dict[str, Any]:
        """The next event of that name."""
        while True:
            for each in self._events:
                if each["event"] == name:
                    self._events.remove(each)
                    return dict(each.get("body") or {})
            self._take()

    def _send(self, command: str, **arguments: Any) -> int:
        self._sent += 1
        said = {"seq": self._sent, "type": "request", "command": command, "arguments": arguments}
        body = json.dumps(said).encode()
        self._socket.sendall(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        return self._sent

    def _answer(self, number: int) -> dict[str, Any]:
        while True:
            message = self._take()
            if message["type"] == "response" and message["request_seq"] == number:
                assert message["success"], message
                return dict(message.get("body") or {})

    def _take(self) -> dict[str, Any]:
        length = 0
        while (line := self._file.readline()) != b"\r\n":
            assert line, "the debugger has hung up"
            length = int(line.partition(b":")[2])
        message: dict[str, Any] = json.loads(self._file.read(length))
        if message["type"] == "event":
            self._events.append(message)
        return message

    def close(self) -> None:
        with suppress(OSError, AssertionError):  # it may have ended before
            self.ask("disconnect", terminateDebuggee=False)
        self._file.close()
        self._socket.close()

    def __enter__(self) -> DapClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
