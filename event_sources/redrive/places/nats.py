"""Dead letters that a stream of JetStream keeps, of sources that read a stream or a plain subject.

NATS itself keeps nothing of a subject: without a stream that takes it, letters went to who listened
at that moment, and cannot be read again.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import fields
from typing import Any, ClassVar

from ...errors import Away
from ...sources.nats_access import NatsOptions
from ...sources.nats_wire import Connection, as_away, shown, without_conditions
from ..kept import Kept, of_headers
from ..place import CannotRedrive, NotSent, Place, origin

_ID = "Nats-Msg-Id"
_NOBODY = "503"  # the server's word for a request that nobody has heard


class NatsPlace(Place):
    """
    place:  the subject, of a stream that takes it
    url:    "nats://127.0.0.1:4222"
    stream: its name; "" for the one that has the subject
    further words as of `NatsOptions`
    """

    kind: ClassVar[str] = "nats"
    words: ClassVar[frozenset[str]] = frozenset(
        {"url", "stream", *(each.name for each in fields(NatsOptions))}
    )

    def __init__(self, place: str, *, url: str, stream: str = "", **options: Any) -> None:
        super().__init__()
        self.place, self.url, self._stream = place, url, stream
        self._connection = Connection(url, options)
        self._jetstream: Any = None
        self._last = 0

    async def open(self) -> None:
        from nats.errors import NoRespondersError
        from nats.js.errors import APIError

        await self._connection.open()
        self._jetstream = self._connection.client.jetstream(timeout=5.0)
        if not self.place:
            return
        with as_away(self.url, f"subject {self.place!r}"):
            try:
                await self._look()
            except (NoRespondersError, APIError) as error:
                raise self._nothing_kept() from error

    async def _look(self) -> None:
        """Find the stream, and where it ends."""
        found = self._stream or await self._jetstream.find_stream_name_by_subject(self.place)
        told = await self._jetstream.stream_info(found)
        self._stream, self._last = str(found), int(told.state.last_seq)
        if told.config.deny_delete:
            raise CannotRedrive(
                f"stream {self._stream!r} lets nothing be deleted (deny_delete), so nobody would "
                "know what of it was sent again: read it with a consumer of your own"
            )

    def _nothing_kept(self) -> CannotRedrive:
        which = f"there is no stream {self._stream!r}" if self._stream else "no stream keeps it"
        return CannotRedrive(
            f"{shown(self.url)}: subject {self.place!r}: {which}, and NATS itself keeps nothing: "
            "its letters went to who listened then. Make a stream with this subject for those to "
            "come"
        )

    async def letters(self) -> AsyncIterator[Kept]:
        from nats.js.errors import NotFoundError

        number = 1
        while number <= self._last:
            with as_away(self.url, f"stream {self._stream!r}"):
                try:
                    found = await self._jetstream.get_msg(
                        self._stream, seq=number, subject=self.place, next=True
                    )
                except NotFoundError:
                    return
            if found.seq > self._last:
                return
            number = found.seq + 1
            yield self._kept(found)

    def _kept(self, found: Any) -> Kept:
        headers = {str(name): str(value) for name, value in (found.headers or {}).items()}
        if headers.get(_ID, "").startswith("dead:"):  # the letter's, not the message's
            del headers[_ID]
        return of_headers(str(found.seq), found.data or b"", headers)

    async def send(self, letter: Kept, to: str = "") -> None:
        where, headers = origin(letter, to), without_conditions(letter.again)
        try:
            self._connection.check_size(letter.body, headers)
        except Away as error:
            raise NotSent(str(error)) from error
        if letter.source == "nats":
            await self._tell(where, letter.body, headers)
        else:
            await self._keep(where, letter, headers)

    async def _keep(self, where: str, letter: Kept, headers: Mapping[str, str]) -> None:
        """To a stream, once within its window for copies, also when we are killed behind it."""
        from nats.js.errors import APIError, NoStreamResponseError

        once = {_ID: f"redriven:{self._stream}:{letter.id}:{letter.at}:{letter.redriven}"}
        with as_away(self.url, f"subject {where!r}"):
            try:
                await self._jetstream.publish(where, letter.body, headers={**headers, **once})
            except NoStreamResponseError as error:
                raise NotSent(f"no stream takes subject {where!r}") from error
            except APIError as error:
                raise NotSent(f"subject {where!r}: {error.description}") from error

    async def _tell(self, where: str, body: bytes, headers: Mapping[str, str]) -> None:
        """To who listens now.  As a request, since the server says of those if nobody has."""
        client, nobody = self._connection.client, asyncio.Event()

        async def heard(answer: Any) -> None:
            if (answer.headers or {}).get("Status") == _NOBODY:
                nobody.set()

        with as_away(self.url, f"subject {where!r}"):
            inbox = client.new_inbox()
            waiting = await client.subscribe(inbox, cb=heard)
            await client.publish(where, body, reply=inbox, headers=dict(headers))
            await self._connection.flush()  # what the server says of it comes before its answer
            await waiting.drain()
        if nobody.is_set():
            raise NotSent(f"nobody listens to subject {where!r}, it would be lost")

    async def remove(self, letter: Kept) -> None:
        from nats.js.errors import APIError

        with as_away(self.url, f"stream {self._stream!r}"):
            try:
                await self._jetstream.delete_msg(self._stream, int(letter.id))
            except APIError as error:
                if "no message found" not in str(error.description):  # another has taken it away
                    raise

    async def close(self) -> None:
        self._jetstream = None
        await self._connection.close()
