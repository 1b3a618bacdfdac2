"""The emulator's side of the fork server: start it, ask it for sandboxes, hear of their ends.

Every sandbox dies with the fork server and the fork server with the emulator, whatever kills it:
each asks the kernel for a SIGKILL at its parent's death.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import struct
import subprocess
from collections.abc import Callable
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

SAFE_ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"}


class ForkServerGone(Exception):
    """The fork server ended; the next request starts a new one."""


class ForkServer:
    """One helper process that forks sandboxes from a warm interpreter.

    executable: the Python it runs on
    runtime:    the folder with the runtime client for that Python (see runtime_folder)
    """

    def __init__(self, executable: str, runtime: Path) -> None:
        self._executable, self._runtime = executable, runtime
        self._process: subprocess.Popen[bytes] | None = None
        self._channel: socket.socket | None = None
        self._buffer = bytearray()
        self._forked: dict[int, asyncio.Future[int]] = {}
        self._exits: dict[int, Callable[[int], None]] = {}
        self._early: dict[int, int] = {}
        self._tokens = 0
        self._starting = asyncio.Lock()

    async def fork(
        self, message: dict[str, Any], output: int, on_exit: Callable[[int], None]
    ) -> int:
        """Fork one sandbox; its process id.  `on_exit` is called once with its exit code
        (negative for a signal).  Raises `ForkServerGone`."""
        await self.ensure()
        assert self._channel is not None
        self._tokens += 1
        token = self._tokens
        done: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._forked[token] = done
        body = json.dumps(message | {"token": token}).encode()
        try:
            socket.send_fds(self._channel, [struct.pack("!I", len(body))], [output])
            await asyncio.get_running_loop().sock_sendall(self._channel, body)
        except OSError as error:
            self._lost()
            raise ForkServerGone(str(error)) from error
        pid = await done
        if (code := self._early.pop(pid, None)) is not None:
            asyncio.get_running_loop().call_soon(on_exit, code)
        else:
            self._exits[pid] = on_exit
        return pid

    async def ensure(self) -> None:
        async with self._starting:
            if self._process is None or self._process.poll() is not None:
                await self._start()

    async def _start(self) -> None:
        ours, theirs = socket.socketpair()
        with theirs, as_file(files(__package__) / "fork_child.py") as program:
            self._process = subprocess.Popen(
                [
                    self._executable,
                    "-S",
                    "-s",
                    "-E",
                    str(program),
                    str(theirs.fileno()),
                    str(self._runtime),
                ],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                env=SAFE_ENVIRONMENT,
                start_new_session=True,
            )
        ours.setblocking(False)
        self._channel = ours
        self._buffer.clear()
        ready: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._forked[0] = ready
        asyncio.get_running_loop().add_reader(ours.fileno(), self._read)
        await ready

    def _read(self) -> None:
        assert self._channel is not None
        try:
            data = self._channel.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._lost()
            return
        self._buffer += data
        while len(self._buffer) >= 4:
            (length,) = struct.unpack_from("!I", self._buffer)
            if len(self._buffer) < 4 + length:
                return
            message = json.loads(self._buffer[4 : 4 + length])
            del self._buffer[: 4 + length]
            self._message(message)

    def _message(self, message: dict[str, Any]) -> None:
        if "exited" in message:
            pid, code = message["exited"], message["code"]
            if (on_exit := self._exits.pop(pid, None)) is not None:
                on_exit(code)
            else:
                self._early[pid] = code
        else:
            token, pid = message.get("token", 0), message.get("forked") or message.get("ready")
            waiting = self._forked.pop(token, None)
            if waiting is not None and not waiting.done():
                waiting.set_result(int(pid or 0))

    def _lost(self) -> None:
        """The fork server is gone, and with it every sandbox."""
        if self._channel is not None:
            asyncio.get_running_loop().remove_reader(self._channel.fileno())
            self._channel.close()
            self._channel = None
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
        for waiting in self._forked.values():
            if not waiting.done():
                waiting.set_exception(ForkServerGone("the fork server ended"))
        self._forked.clear()
        exits, self._exits = self._exits, {}
        for pid, on_exit in exits.items():
            kill_group(pid)
            on_exit(-signal.SIGKILL)

    async def close(self) -> None:
        """Stop the fork server and every sandbox; returns when they are gone."""
        if self._process is not None:
            for pid in self._exits:
                kill_group(pid)
            self._lost()


def kill_group(pid: int) -> None:
    """SIGKILL for the process group that a sandbox leads."""
    try:
        os.killpg(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass  # it has gone by itself
