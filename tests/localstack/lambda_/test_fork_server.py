"""The fork server's own end, at the worst moment: between its death and the news of it."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import socket
import sys
from pathlib import Path
from typing import Any

import uvloop

from pelton.localstack.lambda_.fork_server import ForkServer, ForkServerGone
from pelton.localstack.lambda_.runtime_folder import runtime_folder


def children() -> set[int]:
    tasks = Path("/proc/self/task").iterdir()
    return {int(word) for each in tasks for word in (each / "children").read_text().split()}


def is_dead(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"


def test_the_number_of_a_dead_one_s_channel_is_nobody_s() -> None:
    """A connection that gets the descriptor's number is read as any other."""
    faults: list[dict[str, Any]] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: faults.append(context))
        server, before = ForkServer(sys.executable, runtime_folder()), children()
        await server.ensure()
        (pid,) = children() - before
        os.kill(pid, signal.SIGKILL)
        while not is_dead(pid):  # the loop does not turn: it has not read of the end
            pass
        await server.ensure()
        gc.collect()
        pairs = [socket.socketpair() for _ in range(40)]
        for ours, theirs in pairs:
            ours.setblocking(False)
            theirs.sendall(b"x")
            assert await asyncio.wait_for(loop.sock_recv(ours, 1), 10) == b"x"
        for pair in pairs:
            for each in pair:
                each.close()
        await server.close()

    uvloop.run(main())
    assert faults == []


def stopped(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


async def halted() -> tuple[ForkServer, int]:
    """A fork server that reads nothing until it is let go on, and its process id."""
    server, before = ForkServer(sys.executable, runtime_folder()), children()
    await server.ensure()
    (pid,) = children() - before
    os.kill(pid, signal.SIGSTOP)
    while not stopped(pid):
        pass
    return server, pid


def forks(server: ForkServer, number: int, padding: int = 0) -> list[asyncio.Task[int]]:
    """So many programs asked for at once: more than a channel holds."""
    message: dict[str, Any] = {
        "environment": {"FILLER": "x" * 4000},
        "mounts": [],
        "scratch": None,
        "padding": "x" * padding,
        "cwd": "/",
        "program": "/bin/true",
    }
    nowhere = os.open(os.devnull, os.O_WRONLY)
    made = [
        asyncio.create_task(server.fork(dict(message), [nowhere, nowhere], lambda *_: None))
        for _ in range(number)
    ]
    asyncio.get_running_loop().call_later(30, os.close, nowhere)
    return made


def test_a_fork_server_that_is_behind_is_waited_for() -> None:
    """A full channel is no death: no sandbox ends for it."""

    async def main() -> None:
        server, pid = await halted()
        asked = forks(server, 200)
        for _ in range(500):  # all that fits is sent
            await asyncio.sleep(0)
        assert not any(each.done() for each in asked)
        os.kill(pid, signal.SIGCONT)
        pids = await asyncio.wait_for(asyncio.gather(*asked), 60)
        assert len(set(pids)) == 200
        assert pid in children()
        await server.close()

    uvloop.run(main())


def test_who_gives_up_while_it_is_behind_leaves_no_half_message() -> None:
    """The next one's is read whole."""

    async def main() -> None:
        server, pid = await halted()
        asked = forks(server, 3, padding=1_000_000)  # each more than a channel holds
        for _ in range(500):
            await asyncio.sleep(0)
        for each in asked:
            each.cancel()
        await asyncio.gather(*asked, return_exceptions=True)
        os.kill(pid, signal.SIGCONT)
        (one,) = await asyncio.wait_for(asyncio.gather(*forks(server, 1)), 60)
        assert one > 0
        assert pid in children()
        await server.close()

    uvloop.run(main())


def test_who_waits_for_room_hears_of_the_end() -> None:
    async def main() -> None:
        server, pid = await halted()
        asked = forks(server, 200)
        for _ in range(500):
            await asyncio.sleep(0)
        os.kill(pid, signal.SIGKILL)
        ended = await asyncio.wait_for(asyncio.gather(*asked, return_exceptions=True), 60)
        assert {type(each) for each in ended} <= {ForkServerGone, int}
        assert ForkServerGone in {type(each) for each in ended}
        await server.close()

    uvloop.run(main())
