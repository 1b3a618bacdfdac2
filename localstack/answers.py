"""The half of a connection that answers: requests one after the other, in the order they came.

A client may send requests ahead of their answers, up to a bound; one that does not read its
answers is dropped in the end.  How requests arrive is in `connection`; who answers them is the
front's handler, and what they are about is never known here.
"""

from __future__ import annotations

import asyncio
import sys
import traceback
from collections import deque
from functools import partial
from typing import TYPE_CHECKING

from .clock import Timer
from .messages import BrokenOff, Request, Response, broken, head_and_body, head_of, plain

if TYPE_CHECKING:
    from .front import Front

# A request that waits for its turn, whether the connection lives on after it, its answer when it
# is not to be served, and whether its client speaks HTTP/1.0, which has no chunks.
Turn = tuple[Request, bool, Response | None, bool]
_LINGER = 2.0  # seconds in which a refused client may read why


class Answers(asyncio.Protocol):
    """The turns of one client."""

    def __init__(self, front: Front) -> None:
        self._front, self._limits = front, front.limits
        self._waiting: deque[Turn] = deque()
        self._busy = False  # something is being answered
        self._task: asyncio.Task[None] | None = None  # by it, where it takes one
        self._writable = asyncio.Event()
        self._writable.set()
        self._transport: asyncio.Transport | None = None
        self._ended = False  # nothing more is read
        self._paused = False  # its client is too far ahead
        self._lingers = False  # its client may still be sending when it is closed
        self._continues = False  # 100 Continue is due after the answers before it
        self._reading: Timer | None = None  # for the answer that its client does not read

    # -- what the transport calls
    def pause_writing(self) -> None:
        self._writable.clear()
        self._reading = self._front.clock.call_later(self._limits.stalled, self.abort)

    def resume_writing(self) -> None:
        self._writable.set()
        if self._reading is not None:
            self._reading.cancel()
            self._reading = None

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    # -- answering
    def _answer_in_turn(self, turn: Turn) -> None:
        if self._busy:
            self._waiting.append(turn)
            if len(self._waiting) > self._limits.ahead and not self._paused:
                self._paused = True
                if self._transport is not None:
                    self._transport.pause_reading()
            return
        self._busy = True
        if turn[2] is not None or self._front.begin is None or not self._begun(turn):
            self._go_on(turn)

    def _begun(self, turn: Turn) -> bool:
        assert self._front.begin is not None
        done = partial(self._done, turn)
        try:
            return self._front.begin(turn[0], done)
        except Exception as error:  # the last door: serving goes on
            done(broken(turn[0], error))
            return True

    def _done(self, turn: Turn, response: Response) -> None:
        """A response that came without a task; it needs one when it cannot go out at once."""
        request, keep_alive, _, old = turn
        if response.chunks is not None or not self._writable.is_set():
            self._go_on((request, keep_alive, response, old))
            return
        if self._front.ending and not self._waiting:
            keep_alive, self._ended = False, True
        if "origin" in request.headers:
            response = self._front.gate.marked(request, response)
        if self._transport is not None:
            head = request.method == "HEAD"
            self._transport.write(head_and_body(response, head, keep_alive))
        if self._waiting or not self._writable.is_set():
            self._go_on()
        else:
            self._over()

    def _go_on(self, turn: Turn | None = None) -> None:
        if turn is not None:
            self._waiting.appendleft(turn)
        self._task = asyncio.get_running_loop().create_task(self._answer_all())

    async def _answer_all(self) -> None:
        if not self._writable.is_set():
            await self._writable.wait()
        while self._waiting:
            request, keep_alive, refused, old = self._waiting.popleft()
            response = refused or await self._answer(request)
            if self._front.ending and not self._waiting:
                keep_alive, self._ended = False, True
            if "origin" in request.headers:
                response = self._front.gate.marked(request, response)
            await self._write(response, request.method == "HEAD", keep_alive, old)
            if self._paused and not self._waiting and self._transport is not None:
                self._paused = False
                self._transport.resume_reading()
        self._task = None
        self._over()

    def _over(self) -> None:
        """All that was asked for is answered."""
        self._busy = False
        if self._continues:
            self._continues = False
            self._send(b"HTTP/1.1 100 Continue\r\n\r\n")
        if self._ended:
            self._leave()

    async def _answer(self, request: Request) -> Response:
        try:
            return await self._front.handler(request)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            # What it waited for was ended; its caller must not wait on.
            return plain(500, f"the emulator gave up on {request.method} {request.path}")
        except Exception as error:  # the last door: serving goes on
            return broken(request, error)

    async def _write(self, response: Response, head: bool, keep_alive: bool, old: bool) -> None:
        transport = self._transport
        if response.chunks is not None:
            await self._write_chunks(response, head, keep_alive and not old, old)
        elif transport is not None:
            transport.write(head_and_body(response, head, keep_alive))
            if keep_alive and not self._writable.is_set():
                await self._writable.wait()

    async def _write_chunks(
        self, response: Response, head: bool, keep_alive: bool, old: bool
    ) -> None:
        """Send the pieces as they come; when they break off, so does the connection."""
        assert response.chunks is not None
        sized = any(name.lower() == "content-length" for name, _ in response.headers)
        chunked = not (sized or old)
        extra = [("Transfer-Encoding", "chunked")] if chunked else []
        extra += [] if keep_alive else [("Connection", "close")]
        self._ended = self._ended or not keep_alive
        self._send(head_of(response.status, [*response.headers, *extra]))
        try:
            async for chunk in response.chunks:
                if chunk and not head:
                    self._send(b"%x\r\n%b\r\n" % (len(chunk), chunk) if chunked else chunk)
                    await self._writable.wait()
        except BrokenOff:
            self.abort()
            return
        except Exception:  # the status is sent: a broken connection is what can still be said
            traceback.print_exc(file=sys.stderr)
            self.abort()
            return
        if chunked and not head:
            self._send(b"0\r\n\r\n")

    def _send(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)

    def _leave(self) -> None:
        """Close; but who may still be sending is given time to read why."""
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        if self._lingers and transport.can_write_eof():
            transport.write_eof()
            self._front.clock.call_later(_LINGER, self.abort)
        else:
            transport.close()
