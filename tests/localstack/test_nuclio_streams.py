"""Answers that come piece by piece: as the function gives them, however slow or gone the client."""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from pelton.localstack.messages import BrokenOff
from pelton.localstack.nuclio import wire
from pelton.localstack.nuclio.pool import Pool
from pelton.localstack.nuclio.program import NoWrapper, wrapper_at
from pelton.localstack.nuclio.streams import MOST, Stream
from pelton.localstack.nuclio.work import Work

from .nuclio_pools import with_pool

HANDLER = """
import os, pathlib, time

def handler(context, event):
    return {"waits": waits, "large": large, "fails": fails, "dies": dies}[event.path](event)

def waits(event):
    yield "first"
    while not os.path.exists(event.body.decode()):
        time.sleep(0.001)
    yield "second"

def large(event):
    for number in range(int(event.body)):
        yield bytes(1 << 16)
    yield b"end"

def fails(event):
    yield "first"
    raise ValueError("on the way")

def dies(event):
    yield "first"
    os._exit(3)
"""


async def begun(pool: Pool, path: str, body: bytes = b"") -> tuple[Work, AsyncIterator[bytes]]:
    event = wire.event(kind="http", name="h", body=body, path=path, now=1.0)
    work = pool.ask(event)
    (reply,) = await pool.answer(work, event)
    assert work.stream is not None
    return work, work.stream.pieces(reply.body)


@pytest.mark.fidelity(
    "Nuclio", "generators, sync and async, and a Response of one: pieces are sent as they are given"
)
def test_pieces_come_while_the_function_works(tmp_path: Path) -> None:
    gate = tmp_path / "gate"

    async def work(pool: Pool) -> None:
        _, pieces = await begun(pool, "waits", str(gate).encode())
        assert await anext(pieces) == b"first"
        assert pool.busy == 1
        gate.touch()
        assert [each async for each in pieces] == [b"second"]
        assert pool.busy == 0

    with_pool(tmp_path, HANDLER, work, kind="http", wait=60.0)


@pytest.mark.fidelity(
    "Nuclio",
    "a generator that fails after its first piece breaks its client's connection",
    different="what Nuclio's processor does then was not found",
)
def test_what_breaks_off_is_told_and_the_next_event_is_answered(tmp_path: Path) -> None:
    async def work(pool: Pool) -> None:
        for path in ("fails", "dies", "fails"):
            _, pieces = await begun(pool, path)
            assert await anext(pieces) == b"first"
            with pytest.raises(BrokenOff):
                await anext(pieces)
        assert pool.restarts == 1

    with_pool(tmp_path, HANDLER, work, kind="http", wait=60.0)


def test_a_slow_client_holds_the_function_up_and_a_gone_one_does_not(tmp_path: Path) -> None:
    async def work(pool: Pool) -> None:
        held, pieces = await begun(pool, "large", b"100")
        assert held.stream is not None
        while held.stream.waiting <= MOST:
            await asyncio.sleep(0)
        assert held.stream.waiting < 2 * MOST  # of six megabytes
        found = [each async for each in pieces]
        assert (len(b"".join(found)), found[-1]) == ((100 << 16) + 3, b"end")
        for begin in (False, True):
            _, pieces = await begun(pool, "large", b"100")
            if begin:
                await anext(pieces)
            del pieces
        _, pieces = await begun(pool, "large", b"0")
        assert [each async for each in pieces] == [b"end"]

    with_pool(tmp_path, HANDLER, work, kind="http", wait=60.0)


def test_a_stream_is_paused_and_resumed_by_what_waits() -> None:
    said: list[str] = []
    stream = Stream(lambda: said.append("pause"), lambda: said.append("resume"))
    for _ in range(3):
        stream.put(base64.b64encode(bytes(MOST)))
    assert said == ["pause"]
    stream.put(b"")
    stream.discard()
    stream.put(base64.b64encode(b"unwanted"))
    assert (said, stream.waiting) == (["pause", "resume"], 0)
    with pytest.raises(binascii.Error):
        stream.put(b"!")


def test_a_wrapper_is_a_file_or_the_folder_that_has_all_its_modules(tmp_path: Path) -> None:
    def refused(path: Path) -> str:
        with pytest.raises(NoWrapper) as raised:
            wrapper_at(path)
        return str(raised.value)

    own = tmp_path / "_nuclio_wrapper.py"
    assert "holds no _nuclio_wrapper.py" in refused(tmp_path)
    assert "holds no _nuclio_wrapper.py" in refused(tmp_path / "absent.py")
    own.write_text("from wrapper_common import AbstractWrapper\n")
    assert "needs wrapper_common.py beside it" in refused(own)
    (tmp_path / "wrapper_common.py").touch()
    assert wrapper_at(own) == wrapper_at(tmp_path) == own
    assert "mode async" in refused(tmp_path / "_nuclio_async_wrapper.py")
