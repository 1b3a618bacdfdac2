"""A connection to an MQTT broker on the running loop, that does not hide that it is gone.

It knows packets, and nothing of deliveries: `heard` is called with each message as paho has it.
paho's own reconnecting is off: the delivery opens the source again, with a new connection.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from ..errors import Away
from .mqtt_broker import Broker
from .refusal import why

_ANSWER = 10.0  # seconds for a broker to answer
_GOODBYE = 1.0  # seconds for it to close when we do
_KEEPALIVE = 30  # seconds without a word after which it is asked whether it is there
_AT_ONCE = 100  # messages read in one go, before others have their turn
_NO_SUBSCRIBERS = 0x10  # MQTT 5.0, 3.4.2.1: received, and there is nobody to give it to


class Connection:
    """One connection, from `open` to `close`.

    heard: called with each message;  gone: called once, when it is no more
    """

    def __init__(
        self, broker: Broker, heard: Callable[[Any], None], gone: Callable[[Away], None]
    ) -> None:
        self.broker, self._heard, self._told_gone = broker, heard, gone
        self._loop = asyncio.get_running_loop()
        self._client = self._make()
        self._opened: asyncio.Future[bool] = self._loop.create_future()
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self._reading = self._writing = -1  # their file descriptors
        self._timer: asyncio.TimerHandle | None = None
        self._messages, self._closed, self._connecting = 0, False, False
        self._tls_said: list[str] = []  # why TLS has ended

    def _make(self) -> Any:
        from paho.mqtt.client import MQTTv5, MQTTv311
        from paho.mqtt.enums import CallbackAPIVersion

        from .mqtt_client import LateClient

        broker, five = self.broker, self.broker.version == "5"
        client = LateClient(
            CallbackAPIVersion.VERSION2,
            client_id=broker.client_id,
            clean_session=None if five else broker.clean,
            protocol=MQTTv5 if five else MQTTv311,
            reconnect_on_failure=False,
            manual_ack=True,
        )
        client.connect_timeout = _ANSWER
        if broker.who.user:
            client.username_pw_set(broker.who.user, broker.who.password)
        client.on_connect, client.on_disconnect = self._on_connect, self._on_disconnect
        client.on_message, client.on_subscribe = self._on_message, self._on_answer
        client.on_publish = self._on_published
        client.on_socket_register_write = self._to_write
        return client

    # -- opening and closing
    async def open(self) -> bool:
        """Connect; whether the broker had kept a session of ours."""
        try:
            with self._as_away():
                await self._connect()
            if (open_ := self._client.socket()) is None:
                raise Away(f"{self.broker.where}: {self._why('the connection is gone')}")
            self._reading = open_.fileno()
            self._loop.add_reader(self._reading, self._read)
            self._tick()
            return bool(await self._in_time(self._opened))
        except BaseException:
            await self.close()
            raise

    async def _connect(self) -> None:
        self._connecting = True
        work = self._loop.run_in_executor(None, self._connect_now)
        try:
            await asyncio.shield(work)
            self._connecting = False
        except asyncio.CancelledError:
            # The thread goes on: what it opens is closed when it is there.
            work.add_done_callback(self._opened_too_late)
            raise

    def _opened_too_late(self, work: asyncio.Future[None]) -> None:
        if not work.cancelled() and work.exception() is None:
            self._drop()

    def _connect_now(self) -> None:
        """In a thread of its own: it waits for names, sockets and handshakes."""
        broker = self.broker
        if broker.tls:
            self._client.tls_set_context(broker.context(self._tls_said.append))
        options: dict[str, Any] = {}
        if broker.version == "5":
            options = {"clean_start": broker.clean, "properties": self._asked()}
        self._client.connect(broker.host, broker.port, _KEEPALIVE, **options)

    def _asked(self) -> Any:
        from paho.mqtt.packettypes import PacketTypes
        from paho.mqtt.properties import Properties

        asked: Any = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        asked.ReceiveMaximum = min(self.broker.window, 65_535)
        if not self.broker.clean:
            asked.SessionExpiryInterval = min(int(self.broker.session), 0xFFFF_FFFF)
        return asked

    async def close(self) -> None:
        """Say good-bye, so that no last will is sent, and let go; what is kept for us stays.

        Back when the broker has closed as well: it has read all that was said then.  Where a socket
        is closed with something unread in it, what it has sent last may be lost.
        """
        with self._end() as left:
            if left is None:
                return
            with suppress(OSError, TimeoutError):
                async with asyncio.timeout(_GOODBYE):
                    while await self._loop.sock_recv(left, 65_536):
                        pass

    def _drop(self) -> None:
        with self._end():
            pass

    @contextmanager
    def _end(self) -> Iterator[socket.socket | None]:
        """Nothing more is heard; the socket, for what the broker says yet."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        self._let_go()
        self._fail(Away(f"{self.broker.where}: the connection is closed"))
        theirs = self._client.socket()
        if theirs is None:
            yield None
            return
        # paho closes its own as soon as it has said good-bye.
        with theirs, socket.socket(fileno=os.dup(theirs.fileno())) as ours:
            ours.setblocking(False)
            self._client.disconnect()
            self._client.loop_write()
            yield ours

    def _let_go(self) -> None:
        if self._reading >= 0:
            self._loop.remove_reader(self._reading)
        if self._writing >= 0:
            self._loop.remove_writer(self._writing)
        self._reading = self._writing = -1

    # -- saying
    async def subscribe(self, filters: Mapping[str, int], *, retained: bool) -> None:
        """From now on messages of these topics are heard, each with its QoS at most.

        retained: with those that the broker keeps at topics, when the subscription is new
        """
        from paho.mqtt.subscribeoptions import SubscribeOptions

        wanted: list[Any] = list(filters.items())
        if self.broker.version == "5":
            handling = 1 if retained else 2
            # A broker sends none of them to a shared subscription.
            wanted = [
                (each, SubscribeOptions(qos, retainHandling=handling)) for each, qos in wanted
            ]
        with self._as_away():
            asked = self._client.subscribe(wanted)[1]
        codes = await self._answered(asked)
        for topic, code in zip(filters, codes, strict=False):
            if code.is_failure:
                raise Away(f"{self.broker.where}: topic {topic!r}: {code}")

    async def publish(self, topic: str, body: bytes, headers: Sequence[tuple[str, str]]) -> None:
        """Send it; back when the broker has it, with somebody to give it to where it says that."""
        from paho.mqtt.packettypes import PacketTypes
        from paho.mqtt.properties import Properties

        said: Any = None
        if self.broker.version == "5":
            said = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
            said.UserProperty = list(headers)
        with self._as_away(f"topic {topic!r}"):
            sent = self._client.publish(topic, body, 1, properties=said)
        code = await self._answered(sent.mid)
        if code.is_failure:
            raise Away(f"{self.broker.where}: topic {topic!r}: {code}")
        if code.value == _NO_SUBSCRIBERS:
            raise Away(f"{self.broker.where}: topic {topic!r}: nobody subscribes, it would be lost")

    def take_over(self, taken: Sequence[tuple[int, int]]) -> None:
        """Their work is done: packet identifiers with their QoS."""
        for mid, qos in taken:
            if self._client.take_over(mid, qos):
                raise Away(f"{self.broker.where}: the connection is gone")

    async def _answered(self, mid: int | None) -> Any:
        if mid is None or self._client.socket() is None:
            raise Away(f"{self.broker.where}: the connection is gone")
        answer = self._answers[mid] = self._loop.create_future()
        try:
            return await self._in_time(answer)
        finally:
            self._answers.pop(mid, None)

    async def _in_time(self, answer: asyncio.Future[Any]) -> Any:
        try:
            async with asyncio.timeout(_ANSWER):
                return await answer
        except TimeoutError:
            raise Away(f"{self.broker.where}: no answer in {_ANSWER:g} s") from None

    # -- what paho says
    def _on_connect(self, client: Any, data: Any, flags: Any, code: Any, told: Any) -> None:
        if self._opened.done():
            return
        if code.is_failure:
            self._opened.set_exception(Away(f"{self.broker.where}: {self._why(str(code))}"))
        else:
            self._opened.set_result(bool(flags.session_present))

    def _on_disconnect(self, client: Any, data: Any, flags: Any, code: Any, told: Any) -> None:
        if self._connecting:  # in a thread of its own: who opens it sees that it is gone
            return
        self._let_go()
        said = f": {code}" if flags.is_disconnect_packet_from_server else ""
        said = f"the connection is gone{said}"
        self._fail(Away(f"{self.broker.where}: {self._why(said)}"))

    def _on_message(self, client: Any, data: Any, message: Any) -> None:
        self._messages += 1
        self._heard(message)

    def _on_answer(self, client: Any, data: Any, mid: int, codes: Any, told: Any) -> None:
        answer = self._answers.get(mid)
        if answer is not None and not answer.done():
            answer.set_result(codes)

    def _on_published(self, client: Any, data: Any, mid: int, code: Any, told: Any) -> None:
        self._on_answer(client, data, mid, code, told)

    def _fail(self, error: Away) -> None:
        for each in [self._opened, *self._answers.values()]:
            if not each.done():
                each.set_exception(error)
        # Nobody waits any more for some of them.
        if self._opened.done() and not self._opened.cancelled():
            self._opened.exception()
        if not self._closed:
            self._closed = True
            self._told_gone(error)

    # -- the loop's side
    def _read(self) -> None:
        try:
            with self._as_away():
                for _ in range(_AT_ONCE):
                    before = self._messages
                    self._client.loop_read()
                    if not self._more(before):
                        return
        except Away as error:
            self._let_go()
            self._fail(error)

    def _more(self, before: int) -> bool:
        """Whether there may be more to read now: where there was a message, or in TLS's buffer."""
        open_ = self._client.socket()
        if open_ is None:
            return False
        return bool(self._messages > before or (self.broker.tls and open_.pending()))

    def _to_write(self, client: Any, data: Any, sock: Any) -> None:
        self._loop.call_soon_threadsafe(self._write)

    def _write(self) -> None:
        if self._client.socket() is None:
            return
        self._client.loop_write()
        if self._client.want_write() and (open_ := self._client.socket()) is not None:
            self._writing = open_.fileno()
            self._loop.add_writer(self._writing, self._write)
        elif self._writing >= 0:
            self._loop.remove_writer(self._writing)
            self._writing = -1

    def _tick(self) -> None:
        """Asks a silent broker whether it is there, and takes it for gone when it is not."""
        self._client.loop_misc()
        if not self._closed:
            self._timer = self._loop.call_later(_KEEPALIVE / 3, self._tick)

    def _why(self, error: BaseException | str) -> str:
        said = error if isinstance(error, str) else f"{type(error).__name__}: {error}".rstrip(": ")
        told = ": ".join(dict.fromkeys([said, *self._tls_said[-1:]]))
        return why(told, tls=self.broker.tls, early=not self._opened.done())

    @contextmanager
    def _as_away(self, what: str = "") -> Iterator[None]:
        """What paho raises for a broker that is not there, or is none, is `Away`."""
        from paho.mqtt.exception import MQTTException

        try:
            yield
        except (OSError, MQTTException, ValueError) as error:
            said = self._why(error)
            told = [each for each in (self.broker.where, what, said) if each]
            raise Away(": ".join(told)) from error
