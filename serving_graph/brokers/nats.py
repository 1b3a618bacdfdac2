"""NATS JetStream: a stream on disk for every queue, so that a killed server loses nothing either.

An ordered queue hands out one message at a time, which keeps the order of every key.  nats-py is
imported, and its loop started on a thread of its own, when the broker first speaks.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from typing import Any, TypeVar

from ...handlers.triggers.broker_handoff import CONSUMER
from ..message import Message
from ..steps.queue import Address
from .base import (
    Away,
    Broker,
    NoSuchQueue,
    NotSent,
    Received,
    bury_deadly,
    dead,
    digest_id,
    read,
    receives,
)

T = TypeVar("T")
_ANSWER = 5.0  # seconds that a server may take to answer


class NatsBroker:
    """See the module.  url: "nats://127.0.0.1:4222"."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._thread: Any = None
        self._loop: Any = None
        self._connection: Any = None
        self._stream: Any = None
        self._taking: dict[str, Any] = {}

    def __repr__(self) -> str:
        return f"<broker {self.url}>"

    def open(self) -> None:
        self._do(_nothing())

    def prepare(self, queues: Sequence[Address]) -> None:
        from .nats_streams import MANY, Stream, given_up, make_all

        wanted = []
        for each in queues:
            letters = dead(each).name
            wanted.append(Stream(letters, (letters, given_up(each.name))))
            at_once = 1 if each.ordered else MANY
            # How often a message was handed out is told with it here: see `receive`.
            wanted.append(Stream(each.name, (each.name,), each.window, at_once))
        self.ask(lambda js: make_all(js, wanted))

    def ask(self, what: Callable[[Any], Coroutine[Any, Any, T]]) -> T:
        """What JetStream answers to nats-py's own calls.  Raises `Away`."""
        return self._do(self._asked(what))

    async def _asked(self, what: Callable[[Any], Coroutine[Any, Any, T]]) -> T:
        from nats.errors import Error

        try:
            return await what(self._stream)
        except (Error, OSError) as error:
            raise Away(f"{self.url}: {_words(error)}") from error

    def send(self, queue: Address, messages: Sequence[Message]) -> list[str | NotSent]:
        texts = [(each.text().encode(), digest_id(each)) for each in messages]
        return self._do(self._send(queue, texts))

    async def _send(self, queue: Address, texts: list[tuple[bytes, str]]) -> list[str | NotSent]:
        import asyncio

        if queue.ordered:
            return [await self._publish(queue, *each) for each in texts]
        return list(await asyncio.gather(*(self._publish(queue, *each) for each in texts)))

    async def _publish(self, queue: Address, body: bytes, same: str) -> str | NotSent:
        from nats.errors import Error, MaxPayloadError
        from nats.js.errors import NoStreamResponseError

        headers = {"Nats-Msg-Id": same}
        try:
            told = await self._stream.publish(queue.name, body, timeout=_ANSWER, headers=headers)
        except NoStreamResponseError:
            # The server says so as well while JetStream is not up yet.
            if await self._is_there(queue):
                return NotSent(f"queue {queue.name!r} did not take the message: try again")
            raise _missing(queue) from None
        except (Error, OSError) as error:
            said = f"queue {queue.name!r} did not take the message: {_words(error)}"
            return NotSent(said, never=isinstance(error, MaxPayloadError))
        return f"{queue.name}:{told.seq}"

    async def _is_there(self, queue: Address) -> bool:
        from nats.errors import Error
        from nats.js.errors import NotFoundError

        try:
            await self._stream.stream_info(queue.name)
        except NotFoundError:
            return False
        except (Error, OSError):
            return True
        return True

    def receive(self, queue: Address, most: int, wait: float) -> list[Received]:
        found = []
        for each in self._do(self._receive(queue, most, wait)):
            told = each.metadata
            name, count = f"{queue.name}:{told.sequence.stream}", told.num_delivered
            one = read(self, queue, each.data, name, count, each)
            if one and not (count > receives(queue) and bury_deadly(self, queue, one)):
                found.append(one)
        return found

    async def _receive(self, queue: Address, most: int, wait: float) -> list[Any]:
        from nats.errors import Error
        from nats.js.errors import NotFoundError

        try:
            taking = self._taking.get(queue.name)
            if taking is None:
                # Raises for a queue that is not there, where taking from it would only wait.
                await self._stream.consumer_info(queue.name, CONSUMER)
                taking = await self._stream.pull_subscribe_bind(CONSUMER, queue.name)
                self._taking[queue.name] = taking
            return list(await taking.fetch(most, timeout=max(wait, 0.05)))
        except TimeoutError:  # nats-py's own is one of these, and not the only one it raises
            return []
        except NotFoundError:
            raise _missing(queue) from None
        except (Error, OSError) as error:
            self._taking.pop(queue.name, None)
            raise Away(f"{self.url}: {_words(error)}") from error

    def done(self, queue: Address, received: Sequence[Received]) -> None:
        self._do(self._acknowledge([each.handle for each in received]))

    async def _acknowledge(self, messages: list[Any]) -> None:
        import asyncio

        from nats.errors import Error

        try:
            await asyncio.gather(*(each.ack_sync(timeout=_ANSWER) for each in messages))
        except (Error, OSError) as error:
            raise Away(f"{self.url}: {_words(error)}") from error

    def later(self, queue: Address, received: Received, seconds: float) -> None:
        self._do(self._later(received, seconds))

    async def _later(self, received: Received, seconds: float) -> None:
        from nats.errors import Error

        try:
            await received.handle.nak(delay=seconds or None)
        except (Error, OSError) as error:
            raise Away(f"{self.url}: {_words(error)}") from error

    def close(self) -> None:
        if self._thread is None:
            return
        import asyncio

        if self._connection is not None:
            asyncio.run_coroutine_threadsafe(self._connection.close(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._thread = self._connection = self._stream = None
        self._taking.clear()

    def _do(self, coroutine: Coroutine[Any, Any, T]) -> T:
        import asyncio

        if self._thread is None:
            import threading

            self._loop = asyncio.new_event_loop()
            run = self._loop.run_forever
            self._thread = threading.Thread(target=run, name="pelton-nats", daemon=True)
            self._thread.start()
        together = self._connected(coroutine)
        return asyncio.run_coroutine_threadsafe(together, self._loop).result()

    async def _connected(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """The coroutine, once there is a connection; after that, the client reconnects itself."""
        try:
            if self._connection is None:
                await self._connect()
        except BaseException:
            coroutine.close()
            raise
        return await coroutine

    async def _connect(self) -> None:
        import asyncio

        import nats
        from nats.errors import Error

        async def quiet(error: Exception) -> None:
            """Each call says for itself what became of it."""

        try:
            connecting = nats.connect(
                self.url, reconnect_time_wait=0.1, max_reconnect_attempts=-1, error_cb=quiet
            )
            # It would try the first time for ever, too.
            self._connection = await asyncio.wait_for(connecting, _ANSWER)
        except (Error, OSError) as error:
            raise Away(f"nothing answers at {self.url}: {_words(error)}") from error
        self._stream = self._connection.jetstream(timeout=_ANSWER)


async def _nothing() -> None:
    """To connect is all."""


def at(url: str) -> Broker:
    return NatsBroker(url)


def _missing(queue: Address) -> NoSuchQueue:
    return NoSuchQueue(f"there is no stream {queue.name!r} that a graph's function takes from")


def _words(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}".rstrip(": ")
