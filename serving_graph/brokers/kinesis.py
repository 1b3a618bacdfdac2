"""Kinesis: where the parts of a deployed graph send, in the order of a key.

What is sent is read by the function that the stream triggers, where Lambda keeps the place in each
shard; processes of one machine read it by `kinesis_reader`.  Dead letters go to SQS.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ..message import Message
from ..steps.queue import Address
from .base import Away, Broker, NoSuchQueue, NotSent, Received, digest_id, read
from .sqs import SqsBroker, client_of

if TYPE_CHECKING:
    from .kinesis_reader import Reader

T = TypeVar("T")
SHARDS = 4  # of a stream that is made for processes of this machine
FOLDER = ".pelton/streams"  # where such processes keep their places

RECORDS, BYTES = 500, 5_000_000  # of one request: its limit is 5 MiB, keys included
RECORD_BYTES = 1_000_000  # of one record: its limit is 1 MiB where nothing more is granted
LONGEST_KEY = 256


class KinesisBroker:
    """Kinesis by boto3.

    endpoint: "HOST:PORT" of an emulator; "" for AWS, with the environment's region and credentials
    client, letters: to use others than its own
    """

    def __init__(
        self, endpoint: str = "", client: Any = None, letters: SqsBroker | None = None
    ) -> None:
        self.url = f"kinesis://{endpoint}" if endpoint else "kinesis:"
        self._address = f"http://{endpoint}" if endpoint else ""
        self._client, self._letters = client, letters or SqsBroker(self._address)
        self._readers: dict[str, Reader] = {}

    def __repr__(self) -> str:
        return f"<broker {self.url}>"

    @property
    def client(self) -> Any:
        if self._client is None:
            self._client = client_of("kinesis", self._address)
        return self._client

    def open(self) -> None:
        _ = self.client

    def send(self, queue: Address, messages: Sequence[Message]) -> list[str | NotSent]:
        """Put records in order: a key's next only when its last one was taken, because a request
        may take the second of two and not the first.

        Raises `NoSuchQueue`, `Away`.
        """
        if queue.letters:
            return self._letters.send(Address(queue.name), messages)
        told: dict[int, str | NotSent] = {}
        behind: dict[str, NotSent] = {}
        for places in _requests(queue, messages, told):
            records: dict[int, dict[str, Any]] = {
                place: {"Data": messages[place].text().encode(), "PartitionKey": key}
                for place, key in places
                if key not in behind
            }
            told |= {place: behind[key] for place, key in places if key in behind}
            for place, said in self._put(queue, records).items():
                told[place] = said
                if isinstance(said, NotSent) and queue.ordered:
                    behind[records[place]["PartitionKey"]] = NotSent(
                        f"stream {queue.name!r}: a message of its key before it was not taken"
                    )
        return [told[place] for place in range(len(messages))]

    def _put(self, queue: Address, records: dict[int, Any]) -> dict[int, str | NotSent]:
        """One request: the sequence number of each record, or why it was not taken."""
        if not records:
            return {}
        from botocore.exceptions import ClientError, ConnectionError, HTTPClientError

        try:
            answer = self.client.put_records(StreamName=queue.name, Records=list(records.values()))
        except (ConnectionError, HTTPClientError) as error:
            raise Away(f"{self.url} {error}") from error
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceNotFoundException":
                what = NotSent(f"stream {queue.name!r} did not take the message: {error}")
                return dict.fromkeys(records, what)
            raise _missing(queue) from None
        return {
            place: each.get("SequenceNumber") or _refused(queue, each)
            for place, each in zip(records, answer["Records"], strict=True)
        }

    def prepare(self, queues: Sequence[Address]) -> None:
        self._letters.make_letters(queues)
        for each in queues:
            make = partial(self.client.create_stream, StreamName=each.name, ShardCount=SHARDS)
            try:
                self._asked(each, make)
            except self.client.exceptions.ResourceInUseException:
                pass  # it is there
            waiting = {"WaiterConfig": {"Delay": 1, "MaxAttempts": 120}}
            self.client.get_waiter("stream_exists").wait(StreamName=each.name, **waiting)

    def receive(self, queue: Address, most: int, wait: float) -> list[Received]:
        found = []
        for record, handle in self._asked(queue, lambda: self._reader(queue).take(most, wait)):
            name = f"{queue.name}:{record.sequence}"
            if one := read(self, queue, record.data, name, record.tries, handle):
                found.append(one)
        return found

    def done(self, queue: Address, received: Sequence[Received]) -> None:
        self._reader(queue).done([each.handle for each in received])

    def later(self, queue: Address, received: Received, seconds: float) -> None:
        self._reader(queue).later(received.handle, seconds)

    def _reader(self, queue: Address) -> Reader:
        if queue.name not in self._readers:
            from .kinesis_reader import Reader

            place = self.url.partition("://")[2].replace(":", "-") or "aws"
            self._readers[queue.name] = Reader(self.client, queue, Path(FOLDER, place))
        return self._readers[queue.name]

    def _asked(self, queue: Address, ask: Callable[[], T]) -> T:
        """An answer of Kinesis.  Raises `NoSuchQueue`, `Away`, and what else it says."""
        from botocore.exceptions import ClientError, ConnectionError, HTTPClientError

        try:
            return ask()
        except (ConnectionError, HTTPClientError) as error:
            raise Away(f"{self.url} {error}") from error
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceNotFoundException":
                raise
            raise _missing(queue) from None

    def close(self) -> None:
        for each in self._readers.values():
            each.close()
        self._readers.clear()
        self._letters.close()
        if self._client is not None:
            self._client.close()


def at(url: str) -> Broker:
    return KinesisBroker(url.partition("://")[2])


def _missing(queue: Address) -> NoSuchQueue:
    return NoSuchQueue(
        f"there is no stream {queue.name!r}: deploy the function that takes from it, or create "
        "the stream"
    )


def partition_key(queue: Address, message: Message) -> str:
    """By which a shard is chosen: the key whose order is kept, else one that scatters."""
    if not queue.ordered:
        return digest_id(message)
    if 0 < len(message.group) <= LONGEST_KEY:
        return message.group
    from hashlib import sha256

    return sha256(message.group.encode()).hexdigest()


def _requests(
    queue: Address, messages: Sequence[Message], told: dict[int, str | NotSent]
) -> Iterator[list[tuple[int, str]]]:
    """(place, key) of the messages of each request, no key twice in one; what is too large is
    told at once."""
    request, keys, size = list[tuple[int, str]](), set[str](), 0
    for place, each in enumerate(messages):
        key, length = partition_key(queue, each), len(each.text().encode())
        if length > RECORD_BYTES:
            said = f"stream {queue.name!r} takes no message of {length} bytes"
            told[place] = NotSent(said, never=True)
            continue
        length += len(key.encode())
        if request and (key in keys or len(request) == RECORDS or size + length > BYTES):
            yield request
            request, keys, size = [], set(), 0
        request.append((place, key))
        keys.add(key)
        size += length
    if request:
        yield request


def _refused(queue: Address, record: dict[str, Any]) -> NotSent:
    said = f"{record.get('ErrorCode', 'it said nothing')}: {record.get('ErrorMessage', '')}"
    return NotSent(f"stream {queue.name!r} did not take the message: {said}")
