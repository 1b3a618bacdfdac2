"""A queue drained through a mapping, against receiving and deleting the same messages alone."""

from __future__ import annotations

import json
import socket
from time import perf_counter, sleep
from typing import Any
from urllib.parse import urlsplit

from .emulator import client, create, emulator
from .row import Row

MESSAGES = 10_000
HANDLER = "def handler(event, context):\n    return None\n"
BOUNDS = {10: 2.0, 1: 2.0}
ARN = "arn:aws:sqs:us-east-1:000000000000:{}"


def measure() -> list[Row]:
    with emulator() as ready:
        queue = Queue(ready["url"])
        lambda_ = client(ready["url"])
        create(lambda_, "drain", {"main.py": HANDLER}, "main.handler")
        rows = []
        for size in (10, 1):
            # The floor beside each, so that the machine's moods meet both.
            floor = queue.alone("alone")
            ours = _through(queue, lambda_, f"batch-{size}", size)
            rows.append(_row(size, floor, ours))
        queue.close()
    return rows


def _row(size: int, floor: float, ours: float) -> Row:
    what = f"{MESSAGES:,} queued messages drained, batch {size}, each"
    return Row(what, floor * 1e3, ours * 1e3, "ms", ours / floor, BOUNDS[size])


def _through(queue: Queue, lambda_: Any, name: str, size: int) -> float:
    """Seconds a message, from enabling the mapping until the queue is empty."""
    queue.fill(name)
    mapping = lambda_.create_event_source_mapping(
        EventSourceArn=ARN.format(name), FunctionName="drain", BatchSize=size, Enabled=False
    )["UUID"]
    sleep(0.2)
    began = perf_counter()
    lambda_.update_event_source_mapping(UUID=mapping, Enabled=True)
    while not queue.is_empty(name):
        sleep(0.1)
    seconds = perf_counter() - began
    lambda_.delete_event_source_mapping(UUID=mapping)
    return seconds / MESSAGES


class Queue:
    """SQS over one keep-alive connection, as lean as can be."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._host = parts.netloc
        self._socket = socket.create_connection((parts.hostname or "", parts.port or 80))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def alone(self, name: str) -> float:
        """Seconds a message, to receive and delete all of them, ten a request."""
        url = self.fill(name)
        asked = {"QueueUrl": url, "MaxNumberOfMessages": 10, "AttributeNames": ["All"]}
        began = perf_counter()
        while messages := self.call("ReceiveMessage", asked).get("Messages"):
            entries = [
                {"Id": str(number), "ReceiptHandle": each["ReceiptHandle"]}
                for number, each in enumerate(messages)
            ]
            self.call("DeleteMessageBatch", {"QueueUrl": url, "Entries": entries})
        return (perf_counter() - began) / MESSAGES

    def fill(self, name: str) -> str:
        attributes = {"VisibilityTimeout": "900"}
        made = self.call("CreateQueue", {"QueueName": name, "Attributes": attributes})
        entries = [{"Id": str(number), "MessageBody": '{"n":1}'} for number in range(10)]
        for _ in range(MESSAGES // 10):
            self.call("SendMessageBatch", {"QueueUrl": made["QueueUrl"], "Entries": entries})
        return str(made["QueueUrl"])

    def is_empty(self, name: str) -> bool:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        url = self.call("GetQueueUrl", {"QueueName": name})["QueueUrl"]
        told = self.call("GetQueueAttributes", {"QueueUrl": url, "AttributeNames": names})
        return set(told["Attributes"].values()) == {"0"}

    def call(self, operation: str, members: dict[str, Any]) -> dict[str, Any]:
        body = json.dumps(members).encode()
        head = (
            f"POST / HTTP/1.1\r\nHost: {self._host}\r\n"
            "Authorization: AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/sqs/aws4_request, "
            "SignedHeaders=host, Signature=0\r\n"
            f"X-Amz-Target: AmazonSQS.{operation}\r\nContent-Type: application/x-amz-json-1.0\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        self._socket.sendall(head.encode() + body)
        answer: dict[str, Any] = json.loads(self._read() or b"{}")
        return answer

    def _read(self) -> bytes:
        received = self._socket.recv(1 << 20)
        while b"\r\n\r\n" not in received:
            received += self._socket.recv(1 << 20)
        head, _, body = received.partition(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(received.decode())
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        while len(body) < length:
            body += self._socket.recv(1 << 20)
        return body

    def close(self) -> None:
        self._socket.close()
