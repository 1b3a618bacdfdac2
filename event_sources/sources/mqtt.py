"""MQTT 3.1.1 and 5: topics that a broker pushes, kept for a client's name while it is away.

The broker keeps a session under the client's name: its subscriptions, and what it has not said is
received.  That is said when the work is done, in whatever order it is done; after a kill, what was
not comes again to the next client of that name, and to no other.
"""

from __future__ import annotations

import json
import logging
import socket
import uuid
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import count
from typing import Any, ClassVar, Unpack

from ..dead_letters.file import as_dict
from ..errors import Away, WrongSource
from ..message import Letter, Message
from ..source import Promises, Source
from .access import LooseAccess, LooseWords
from .buffer import Buffer
from .mqtt_broker import Broker, address
from .mqtt_wire import Connection

DAYS = 86_400.0
log = logging.getLogger("pelton.event_sources")


class Mqtt(Source):
    """
    url:       "mqtt://127.0.0.1:1883", "mqtts:" for TLS; user and password may be in it
    topic:     a filter, or several: "orders/+", "orders/#"; or filters with the QoS of each
    qos:       at most; of QoS 0 nothing is kept while we are away or busy
    client_id: the name that our session is kept under; two of one name push each other out.  By
               default made of `reader` and the topics, and with a group of this machine's name too
    reader:    who reads: of two that read the same topics, each has a name of its own
    group:     whose members share the messages ("$share/GROUP/…"; MQTT 5, and brokers that have it
               for 3.1.1).  Each member has a client_id of its own, always the same
    version:   "5", "3.1.1"
    session:   seconds that the broker keeps for us while we are away (MQTT 5; else as it likes)
    clean:     nothing is kept: the session ends with the connection
    window:    messages handed out and not acknowledged (MQTT 5; else as the broker likes), and of
               QoS 0 those that wait here: more are dropped
    retained:  whether what the broker keeps at topics comes first, when we subscribe
    key:       the user property that is a message's key (MQTT 5); without one its topic orders it
    user, password, ca, cert, cert_key, verify: what the broker asks for; files, and whether its
               certificate must be of `ca`, or of one that this machine trusts
    """

    kind: ClassVar[str] = "mqtt"
    promises: ClassVar[Promises] = Promises(
        redelivers=True,
        ordered_by="topic, or a user property",
        across_workers=False,
        dead_letters="topic",
        note="kept for a client's name: what it held comes again to that name; nothing of QoS 0 "
        "comes again",
    )

    def __init__(
        self,
        url: str,
        *,
        topic: str | Sequence[str] | Mapping[str, int],
        qos: int = 1,
        client_id: str = "",
        reader: str = "",
        group: str = "",
        version: str = "5",
        session: float = 7 * DAYS,
        clean: bool = False,
        window: int = 1000,
        retained: bool = True,
        key: str = "",
        **access: Unpack[LooseWords],
    ) -> None:
        topics = _with_qos(topic, qos)
        if version not in ("5", "3.1.1"):
            raise WrongSource(f'mqtt version={version!r} is none of "5", "3.1.1"')
        self.url, self.group, self.key, self.retained = url, group, key, retained
        share = f"$share/{group}/" if group else ""
        self.filters = {share + each: most for each, most in topics.items()}
        host, port, tls, told_user, told_password = address(url)
        who = LooseAccess(**access)
        self.broker = Broker(
            host=host,
            port=port,
            tls=tls or bool(who.files),
            who=replace(who, user=who.user or told_user, password=who.password or told_password),
            client_id=client_id or ("" if clean else name_of(list(topics), group, reader)),
            version=version,
            clean=clean,
            session=session,
            window=window,
        )
        self._connection: Connection | None = None
        self._buffer = Buffer(window)
        self._run, self._numbers, self._opened = uuid.uuid4().hex[:8], count(), 0
        # What is not acknowledged: packet identifier > id, and what tells the message again.
        self._known: dict[int, tuple[str, str, int]] = {}
        self._gone: Away | None = None
        self._left: list[Message] = []  # of an earlier connection, and not taken
        self._subscribed, self._dropped = False, 0
        self.resumed = False  # whether the broker had kept a session of ours when we came

    # -- opening
    async def open(self) -> None:
        await self.close()
        self._opened += 1
        self._left, self._gone = self._left + self._buffer.clear(), None
        connection = Connection(self.broker, self._heard, self._lost)
        self._connection = connection
        try:
            kept = self.resumed = await connection.open()
            self._take_up(kept)
            # A broker of 3.1.1 sends what it keeps at topics for every subscription, new or not.
            again = kept and self._subscribed and self.broker.version != "5"
            if self.filters and not again:
                await connection.subscribe(self.filters, retained=self.retained)
        except BaseException:
            await self.close()
            raise
        self._subscribed = True

    def _take_up(self, kept: bool) -> None:
        """What an earlier connection brought and nobody took: with our session kept, it comes again
        and in its order; without, this is all that is left of it."""
        if not kept:
            self._known.clear()
        for each in self._left:
            if not kept or each.raw[2] == 0:
                self._buffer.add(each)
        self._left.clear()

    async def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    # -- receiving
    async def receive(self, most: int, seconds: float) -> Sequence[Message]:
        if self._gone is not None:  # what waits here comes again, and is better not handed out now
            raise self._gone
        return await self._buffer.take(most, seconds)

    @property
    def connection(self) -> Connection:
        """The one that is open.  Raises `Away` where none is."""
        if self._connection is None:
            raise Away(f"{self.broker.where}: there is no connection")
        return self._connection

    @property
    def gone(self) -> Away | None:
        """Why the connection is no more; None while it is."""
        return self._gone

    def _lost(self, error: Away) -> None:
        self._gone = error
        self._buffer.fail(error)

    def _heard(self, raw: Any) -> None:
        if raw.retain and not self.retained:
            self._take_over([(raw.mid, raw.qos)])
        elif raw.qos == 0 and self._buffer.full:
            self._drop()
        else:
            self._buffer.add(self._message(raw))

    def _drop(self) -> None:
        self._dropped += 1
        if self._dropped & (self._dropped - 1) == 0:  # the 1st, 2nd, 4th, 8th …
            log.warning("%r: %d messages of QoS 0 dropped, nobody takes them", self, self._dropped)

    def _message(self, raw: Any) -> Message:
        topic, headers = raw.topic, headers_of(raw)
        key = headers.get(self.key, "") if self.key else ""
        return Message(
            id=self._id(raw, topic),
            body=bytes(raw.payload),
            topic=topic,
            key=key,
            lane=f"{self.key}={key}" if key else topic,
            headers=headers,
            raw=(self._opened, raw.mid, raw.qos),
        )

    def _id(self, raw: Any, topic: str) -> str:
        """The same for one that comes again and is not acknowledged: by its packet identifier, and
        by its content, for a broker that has lost its memory begins to count anew."""
        if raw.qos == 0:
            return f"{self._run}-{next(self._numbers)}"
        known = self._known.get(raw.mid)
        told = (topic, zlib.crc32(raw.payload))
        if raw.dup and known is not None and known[1:] == told:
            return known[0]
        made = f"{self._run}-{next(self._numbers)}"
        self._known[raw.mid] = (made, *told)
        return made

    # -- telling
    async def ack(self, messages: Sequence[Message]) -> None:
        """What an earlier connection brought is passed over: its packet identifiers may mean other
        messages by now.  It comes again, is known, and acknowledged then."""
        mine = [each.raw[1:] for each in messages if each.raw[0] == self._opened and each.raw[2]]
        for mid, _ in mine:
            self._known.pop(mid, None)
        self._take_over(mine)

    def _take_over(self, taken: Sequence[tuple[int, int]]) -> None:
        self.connection.take_over(taken)

    async def bury(self, letter: Letter, place: str) -> None:
        """To a topic.  MQTT 3.1.1 has no headers: there, a letter is a JSON object of all it is."""
        body, headers = letter.message.body, letter.headers()
        if self.broker.version != "5":
            body, headers = json.dumps(as_dict(letter)).encode(), {}
        await self.connection.publish(place, body, list(headers.items()))


def _with_qos(topic: str | Sequence[str] | Mapping[str, int], qos: int) -> dict[str, int]:
    if isinstance(topic, Mapping):
        found = dict(topic)
    else:
        found = dict.fromkeys([topic] if isinstance(topic, str) else topic, qos)
    for each in found.values():
        if each not in (0, 1, 2):
            raise WrongSource(f"mqtt qos={each!r} is none of 0, 1, 2")
    return found


def name_of(topics: Sequence[str], group: str, reader: str) -> str:
    """A client's name that is the same in the next process.

    >>> name_of(["orders/#"], "", "billing")
    'pelton-billing-f253ee0c'
    """
    told = f"{zlib.crc32(' '.join(topics).encode()):08x}"
    parts = ["pelton", reader, group, told, socket.gethostname() if group else ""]
    return "-".join(each for each in parts if each)


def headers_of(raw: Any) -> Mapping[str, str]:
    """User properties and the properties that say what a message is, as text."""
    found: dict[str, str] = {"mqtt-retained": "true"} if raw.retain else {}
    told = raw.properties
    if told is None:
        return found
    found |= {str(name): str(value) for name, value in getattr(told, "UserProperty", ())}
    if content := getattr(told, "ContentType", ""):
        found.setdefault("content-type", content)
    if answer := getattr(told, "ResponseTopic", ""):
        found.setdefault("mqtt-response-topic", answer)
    if correlation := getattr(told, "CorrelationData", b""):
        found.setdefault("mqtt-correlation-data", correlation.hex())
    return found
