"""The emulator's side of the fork server: start it, ask it for sandboxes, hear of their ends.

Every sandbox dies with the fork server (it asks the kernel for a SIGKILL at its parent's death),
and the fork server ends itself and all that sandboxes have started when its channel is closed, as
it is when the emulator ends, whatever kills it.
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
from contextlib import suppress
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

# (exit code, negative for a signal; peak memory of its largest process in KB)
OnExit = Callable[[int, int], None]
ADDRESS = "AWS_LAMBDA_RUNTIME_API"
END_SECONDS = 10
SAFE_ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"}


class ForkServerGone(Exception):
    """The fork server ended; the next request starts a new one."""


class ForkServer:
    """One helper process that forks sandboxes from a warm interpreter.

    executable: the Python it runs on
    runtime:    the folder with the runtime client for that Python (see runtime_folder)
    prefix:     where that Python is, when it is to be bound at /var/lang (see lang_start)
    """

    def __init__(self, executable: str, runtime: Path, prefix: str = "") -> None:
        self._executable, self._runtime, self._bound = executable, runtime, prefix
        self.prefix = ""  # where its Python finds itself, once it runs
        self._process: subprocess.Popen[bytes] | None = None
        self._channel: socket.socket | None = None
        self._buffer = bytearray()
        self._forked: dict[int, asyncio.Future[int]] = {}
        self._exits: dict[int, OnExit] = {}
        self._marks: dict[int, bytes] = {}  # a variable that all programs of a sandbox have
        self._early: dict[int, tuple[int, int]] = {}
        self._tokens = 0
        self._starting, self._sending = asyncio.Lock(), asyncio.Lock()
        self._room: asyncio.Future[None] | None = None  # to send in, while the channel is full
        self._tasks: set[asyncio.Task[None]] = set()

    async def fork(self, message: dict[str, Any], descriptors: list[int], on_exit: OnExit) -> int:
        """Fork one process of a sandbox; its id.  `on_exit` is called once.

        descriptors: for its output, and for the errno when it is a program that cannot be run
        Raises `ForkServerGone`.
        """
        await self.ensure()
        self._tokens += 1
        token = self._tokens
        done: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._forked[token] = done
        try:
            await self._send(message | {"token": token}, descriptors)
        except ForkServerGone:
            self._forked.pop(token, None)
            done.cancel()  # whether it was told of the end or not: it is said here
            if not done.cancelled():
                done.exception()
            raise
        pid = await done
        address = message["environment"].get(ADDRESS, "")
        self._marks[pid] = f"{ADDRESS}={address}".encode()
        if (ended := self._early.pop(pid, None)) is not None:
            asyncio.get_running_loop().call_soon(on_exit, *ended)
        else:
            self._exits[pid] = on_exit
        return pid

    def forget(self, scratch: Path) -> None:
        """A sandbox's /tmp is not needed any more; its files go."""
        if self._channel is not None:
            task = asyncio.get_running_loop().create_task(self._forget(scratch))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _forget(self, scratch: Path) -> None:
        with suppress(ForkServerGone):  # what it had mounted has gone with it
            await self._send({"forget": str(scratch)}, [])

    async def _send(self, message: dict[str, Any], descriptors: list[int]) -> None:
        """One message, whole, also when nobody waits for it any more: half of one would be read
        together with the next.  Raises `ForkServerGone`."""
        held = [os.dup(each) for each in descriptors]  # the caller may close its own
        task = asyncio.get_running_loop().create_task(self._send_whole(message, held))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        await asyncio.shield(task)

    async def _send_whole(self, message: dict[str, Any], descriptors: list[int]) -> None:
        body = json.dumps(message).encode()
        try:
            await self._send_in_turn(body, descriptors)
        finally:
            for each in descriptors:
                os.close(each)

    async def _send_in_turn(self, body: bytes, descriptors: list[int]) -> None:
        async with self._sending:
            if self._channel is None:
                raise ForkServerGone("the fork server ended")
            try:
                await self._send_descriptors(struct.pack("!I", len(body)), descriptors)
                await asyncio.get_running_loop().sock_sendall(self._channel, body)
            except OSError as error:
                self._lost()
                raise ForkServerGone(str(error)) from error

    async def _send_descriptors(self, head: bytes, descriptors: list[int]) -> None:
        """A message's head, with descriptors; waits while the fork server is behind with reading.

        Raises OSError when it is gone.
        """
        loop = asyncio.get_running_loop()
        while True:
            if self._channel is None:
                raise ForkServerGone("the fork server ended")
            try:
                socket.send_fds(self._channel, [head], descriptors)
                return
            except BlockingIOError:
                self._room = room = loop.create_future()
                loop.add_writer(self._channel.fileno(), self._has_room)
            try:
                await room
            finally:
                self._room = None
                if self._channel is not None:
                    loop.remove_writer(self._channel.fileno())

    def _has_room(self) -> None:
        if self._room is not None and not self._room.done():
            self._room.set_result(None)

    async def ensure(self) -> None:
        async with self._starting:
            if self._process is not None and self._process.poll() is not None:
                # Its end is not read yet.  A channel that is left to the collector leaves its
                # descriptor's number watched, and the next connection to get that number unread.
                self._lost()
            if self._process is None:
                await self._start()

    async def _start(self) -> None:
        ours, theirs = socket.socketpair()
        package = files(__package__)
        with (
            theirs,
            as_file(package / "fork_child.py") as program,
            as_file(package / "lang_start.py") as start,
        ):
            self._process = subprocess.Popen(
                [
                    self._executable,
                    "-S",
                    "-s",
                    "-E",
                    *([str(start), self._bound] if self._bound else []),
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
            pid, ended = message["exited"], (message["code"], message["peak"])
            self._marks.pop(pid, None)
            if (on_exit := self._exits.pop(pid, None)) is not None:
                on_exit(*ended)
            else:
                self._early[pid] = ended
        else:
            token, pid = message.get("token", 0), message.get("forked") or message.get("ready")
            self.prefix = message.get("prefix", self.prefix)
            waiting = self._forked.pop(token, None)
            if waiting is not None and not waiting.done():
                waiting.set_result(int(pid or 0))

    def _lost(self) -> None:
        """The fork server is gone, and with it every sandbox."""
        if self._channel is not None:
            asyncio.get_running_loop().remove_reader(self._channel.fileno())
            asyncio.get_running_loop().remove_writer(self._channel.fileno())
            self._channel.close()
            self._channel = None
        self._has_room()  # who waits for it sees that the channel is gone
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
        for waiting in self._forked.values():
            if not waiting.done():
                waiting.set_exception(ForkServerGone("the fork server ended"))
        self._forked.clear()
        exits, self._exits = self._exits, {}
        marks, self._marks = set(self._marks.values()), {}
        for pid in exits:
            kill_group(pid)
        kill_marked(marks)
        for on_exit in exits.values():
            on_exit(-signal.SIGKILL, 0)

    async def close(self) -> None:
        """Stop the fork server and every sandbox; returns when they are gone."""
        process = self._process
        if process is not None and self._channel is not None:
            self._channel.shutdown(socket.SHUT_WR)
            with suppress(subprocess.TimeoutExpired):  # a process that the kernel cannot end
                await asyncio.to_thread(process.wait, END_SECONDS)
            self._lost()


def kill_marked(marks: set[bytes]) -> None:
    """SIGKILL for every process that was started with one of these variables: what sandboxes have
    let go, when there is no fork server to know it."""
    if not marks:
        return
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if marks.intersection(path.read_bytes().split(b"\0")):
                os.kill(int(path.parent.name), signal.SIGKILL)
        except OSError:
            pass  # it has gone by itself, or is another user's


def kill_group(pid: int) -> None:
    """SIGKILL for the process group that a sandbox leads."""
    try:
        os.killpg(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass  # it has gone by itself
