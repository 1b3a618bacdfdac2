"""Dead letters at a topic of MQTT, which keeps nothing but for a client's name that has subscribed:
that session is read.
"""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from typing import Any, ClassVar

from ...errors import Away
from ...message import Message
from ...sources.access import LooseWords
from ...sources.mqtt import Mqtt
from ...sources.mqtt_wire import Connection
from ..kept import Kept, of_dict, of_headers
from ..place import CannotRedrive, NotSent, Place, origin

# Seconds without a letter after which the session has no more: before the first, and behind one.
_FIRST, _QUIET = 1.0, 0.3
_MOST = 65_535  # messages that a broker hands out before it hears of one


class MqttPlace(Place):
    """
    place:     the topic
    url:       "mqtt://127.0.0.1:1883"
    client_id: the name for which the broker keeps the topic's messages
    version:   "5", "3.1.1"
    user, password, ca, cert, cert_key, verify: as of the source
    """

    kind: ClassVar[str] = "mqtt"
    words: ClassVar[frozenset[str]] = frozenset(
        {"url", "client_id", "version", *LooseWords.__annotations__}
    )

    def __init__(self, place: str, *, url: str, client_id: str = "", **words: Any) -> None:
        super().__init__()
        if place and not client_id:
            raise CannotRedrive(
                f"MQTT keeps nothing at a topic, so {place!r} cannot be read again, but for a "
                "client that has subscribed to it before: give its name as client_id="
            )
        self.place, self.client_id = place, client_id
        # For sending alone no session is kept.
        more: dict[str, Any] = {"client_id": client_id} if place else {"clean": True}
        self._source = Mqtt(url, topic=place or (), window=_MOST, **more, **words)
        self._begun = time.time()

    async def open(self) -> None:
        await self._source.open()
        if self.place and not self._source.resumed:
            self.notes.append(
                f"the broker kept nothing under the name {self.client_id!r} until now: from now on "
                f"it keeps what is sent to {self.place!r}"
            )

    async def letters(self) -> AsyncIterator[Kept]:
        wait = _FIRST
        while found := await self._source.receive(1000, wait):
            wait = _QUIET
            for each in found:
                letter = self._kept(each)
                # Given up since we have begun: perhaps one that was sent again just now.
                if letter.at is None or letter.at < self._begun:
                    yield letter

    def _kept(self, found: Message) -> Kept:
        if self._source.broker.version == "5":
            return of_headers(found.id, found.body, found.headers, found)
        try:
            return of_dict(found.id, json.loads(found.body), found)
        except (ValueError, TypeError, AttributeError):
            return Kept(found.id, found.body, raw=found)

    async def send(self, letter: Kept, to: str = "") -> None:
        where = origin(letter, to)
        version = self._source.broker.version
        headers = list(letter.again.items()) if version == "5" else []
        try:
            await self._open.publish(where, letter.body, headers)
        except Away as error:
            if self._source.gone is not None:
                raise
            raise NotSent(str(error)) from error

    @property
    def _open(self) -> Connection:
        return self._source.connection

    async def remove(self, letter: Kept) -> None:
        await self._source.ack([letter.raw])

    async def close(self) -> None:
        await self._source.close()
