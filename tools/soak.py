"""`make soak`: mixed load on an emulator while its sandboxes are killed at random; then the books.

    python tools/soak.py --minutes 20

Calls, function URLs, asynchronous events, queue messages and deployments run side by side.  At the
end every acknowledged event and message must have run or be a dead letter, no answer may have been
anything but the function's own or Lambda's own words, and no process, descriptor or folder may be
left.  Prints one JSON document; exit code 1 when the books do not balance.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import random
import signal
import sys
import tempfile
import threading
import time
import uuid
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from pelton.pytest_plugin import RunningEmulator, running_emulator

ROLE = "arn:aws:iam::000000000000:role/r"
RUNTIME = f"python3.{sys.version_info.minor}"
SOURCE = """
import json, os, random, time, boto3
queue = boto3.client("sqs")
url = os.environ["RAN"]

def tell(ids):
    for each in ids:
        queue.send_message(QueueUrl=url, MessageBody=each)

def handler(event, context):
    if "Records" in event:
        tell([record["body"] for record in event["Records"]])
        return {"batchItemFailures": []}
    if "rawPath" in event:
        return {"statusCode": 200, "body": event["rawPath"]}
    if event.get("crash") and random.random() < 0.3:
        os._exit(3)
    if event.get("fail"):
        raise ValueError("told to")
    if "id" in event:
        tell([event["id"]])
    return event
"""
KNOWN = ("Runtime.ExitError", "ValueError", "Sandbox.Timedout")


class Soak:
    """The load and its books."""

    def __init__(self, emulator: RunningEmulator) -> None:
        self.emulator = emulator
        self.over = threading.Event()
        self.owed: set[str] = set()  # acknowledged, and to be seen
        self.seen: Counter[str] = Counter()
        self.dead: set[str] = set()
        self.counts: Counter[str] = Counter()
        self.wrong: list[str] = []
        self._lock = threading.Lock()

    def client(self, service: str) -> Any:
        return boto3.client(
            service, endpoint_url=self.emulator.url, region_name="us-east-1",
            aws_access_key_id="test", aws_secret_access_key="test",
            config=Config(proxies={}, retries={"total_max_attempts": 1}, read_timeout=120),
        )  # fmt: skip

    # -- what is there
    def prepare(self) -> None:
        queues, functions = self.client("sqs"), self.client("lambda")
        self.ran = queues.create_queue(QueueName="ran")["QueueUrl"]
        self.dlq = queues.create_queue(QueueName="dead")["QueueUrl"]
        self.work = queues.create_queue(QueueName="work", Attributes={"VisibilityTimeout": "20"})[
            "QueueUrl"
        ]
        self.deploy(functions, "f", DeadLetterConfig={"TargetArn": _arn(queues, self.dlq)})
        functions.put_function_event_invoke_config(FunctionName="f", MaximumRetryAttempts=2)
        functions.create_event_source_mapping(
            FunctionName="f", EventSourceArn=_arn(queues, self.work), BatchSize=5,
            FunctionResponseTypes=["ReportBatchItemFailures"],
        )  # fmt: skip
        for action in ("lambda:InvokeFunctionUrl", "lambda:InvokeFunction"):
            auth = {"FunctionUrlAuthType": "NONE"} if action.endswith("Url") else {}
            functions.add_permission(
                FunctionName="f", StatementId=action[7:], Action=action, Principal="*", **auth
            )
        made = functions.create_function_url_config(FunctionName="f", AuthType="NONE")
        self.url = made["FunctionUrl"]

    def deploy(self, functions: Any, name: str, **more: Any) -> None:
        functions.create_function(
            FunctionName=name, Runtime=RUNTIME, Role=ROLE, Handler="main.handler", Timeout=15,
            Code={"ZipFile": _zipped(SOURCE)}, Environment={"Variables": {"RAN": self.ran}}, **more,
        )  # fmt: skip

    # -- the load, one method a kind
    def call(self) -> None:
        functions = self.client("lambda")
        while not self.over.is_set():
            answer = functions.invoke(
                FunctionName="f", Payload=json.dumps({"crash": True, "n": random.random()})
            )
            said = json.loads(answer["Payload"].read())
            if "FunctionError" in answer and said.get("errorType") not in KNOWN:
                self.complain(f"an invocation ended with {said}")
            self.counts["calls"] += 1

    def ask_url(self) -> None:
        import httpx

        with httpx.Client(trust_env=False, timeout=60) as caller:
            while not self.over.is_set():
                path = f"{random.randint(1, 9)}"
                answer = caller.get(f"{self.url}{path}")
                # A killed sandbox is a 502 of the URL's.
                if answer.status_code not in (200, 502):
                    self.complain(f"a function URL answered {answer.status_code} {answer.text!r}")
                self.counts["urls"] += 1

    def send_events(self) -> None:
        functions = self.client("lambda")
        while not self.over.is_set():
            each = uuid.uuid4().hex
            event = {"id": each, "crash": True, "fail": random.random() < 0.05}
            functions.invoke(FunctionName="f", InvocationType="Event", Payload=json.dumps(event))
            with self._lock:
                self.owed.add(each)
            self.counts["events"] += 1
            self.over.wait(0.02)

    def send_messages(self) -> None:
        queues = self.client("sqs")
        while not self.over.is_set():
            ids = [uuid.uuid4().hex for _ in range(5)]
            queues.send_message_batch(
                QueueUrl=self.work,
                Entries=[{"Id": str(n), "MessageBody": each} for n, each in enumerate(ids)],
            )
            with self._lock:
                self.owed.update(ids)
            self.counts["messages"] += len(ids)
            self.over.wait(0.2)

    def redeploy(self) -> None:
        functions, number = self.client("lambda"), 0
        while not self.over.is_set():
            number += 1
            name = f"other-{number}"
            self.deploy(functions, name)
            functions.get_waiter("function_active_v2").wait(FunctionName=name)
            functions.invoke(FunctionName=name, Payload=b"{}")
            functions.delete_function(FunctionName=name)
            if number % 10 == 0:
                functions.update_function_configuration(FunctionName="f", Description=str(number))
            self.counts["deployments"] += 1
            self.over.wait(0.5)

    def kill(self, pid: int) -> None:
        """SIGKILL to a sandbox now and then; rarely to a fork server, and all of its sandboxes."""
        while not self.over.wait(random.uniform(0.2, 1.5)):
            servers = _children(pid)
            sandboxes = [child for server in servers for child in _children(server)]
            chosen = servers if random.random() < 0.02 else sandboxes
            if chosen:
                try:
                    os.kill(random.choice(chosen), signal.SIGKILL)
                    self.counts["kills"] += 1
                except ProcessLookupError:
                    pass

    def collect(self) -> None:
        """What has run and what is dead, as it comes."""
        queues = self.client("sqs")
        for each in _drained(queues, self.ran):
            self.seen[each] += 1
        for each in _drained(queues, self.dlq):
            self.dead.add(json.loads(each)["id"])

    def complain(self, sentence: str) -> None:
        with self._lock:
            self.wrong.append(sentence)

    def run(self, pid: int, seconds: float) -> None:
        """Everything at once, for `seconds`; then wait until all that is owed is settled."""
        kinds: list[Callable[[], None]] = [
            self.call, self.call, self.ask_url, self.send_events, self.send_messages,
            self.redeploy, lambda: self.kill(pid),
        ]  # fmt: skip
        threads = [threading.Thread(target=self._guarded, args=(each,)) for each in kinds]
        for thread in threads:
            thread.start()
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.collect()
            _say(self.counts, len(self.owed) - len(self.settled()))
            time.sleep(1)
        self.over.set()
        for thread in threads:
            thread.join()
        patience = time.monotonic() + 180
        while self.missing() and time.monotonic() < patience:
            self.collect()
            time.sleep(0.5)

    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as error:
            self.complain(f"{getattr(work, '__name__', 'kill')} ended with {error!r}")

    def settled(self) -> set[str]:
        return self.owed & (set(self.seen) | self.dead)

    def missing(self) -> set[str]:
        return self.owed - set(self.seen) - self.dead


def _arn(queues: Any, url: str) -> str:
    told = queues.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    return str(told["Attributes"]["QueueArn"])


def _drained(queues: Any, url: str) -> Iterator[str]:
    while messages := queues.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        yield from (each["Body"] for each in messages)
        entries = [
            {"Id": str(n), "ReceiptHandle": each["ReceiptHandle"]}
            for n, each in enumerate(messages)
        ]
        queues.delete_message_batch(QueueUrl=url, Entries=entries)


def _zipped(source: str) -> bytes:
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as out:
        out.writestr("main.py", source)
    return memory.getvalue()


def _children(pid: int) -> list[int]:
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        return [int(word) for task in tasks for word in (task / "children").read_text().split()]
    except OSError:
        return []


def _descriptors(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def _megabytes(pid: int) -> int:
    text = Path(f"/proc/{pid}/status").read_text()
    return int(text.partition("VmRSS:")[2].split()[0]) // 1024


def _say(counts: Counter[str], waiting: int) -> None:
    told = ", ".join(f"{count} {kind}" for kind, count in sorted(counts.items()))
    print(f"\r{told}; {waiting} not settled   ", end="", file=sys.stderr, flush=True)


@contextmanager
def _emulator(data: str) -> Iterator[tuple[RunningEmulator, int]]:
    """An emulator that retries soon, and its process id."""
    with running_emulator("--data-dir", data, "--retry-delay", "0.5") as emulator:
        (pid,) = [each for each in _children(os.getpid()) if _runs(each, "emulator")]
        yield emulator, pid


def _runs(pid: int, word: str) -> bool:
    return word in Path(f"/proc/{pid}/cmdline").read_text().split("\0")


def soak(minutes: float) -> dict[str, Any]:
    """Run it; the books as data, with what is wrong under "wrong"."""
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        scratch = Path(folder) / "tmp"  # the emulator's, so that what it leaves is seen
        scratch.mkdir()
        os.environ["TMPDIR"] = str(scratch)
        with _emulator(f"{folder}/data") as (emulator, pid):
            soak = Soak(emulator)
            soak.prepare()
            soak.client("lambda").invoke(FunctionName="f", Payload=b"{}")
            before = {"descriptors": _descriptors(pid), "megabytes": _megabytes(pid)}
            soak.run(pid, minutes * 60)
            soak.client("lambda").delete_function(FunctionName="f")
            time.sleep(2)
            left = [child for server in _children(pid) for child in _children(server)]
            after = {"descriptors": _descriptors(pid), "megabytes": _megabytes(pid)}
            tree = [pid, *_children(pid)]
        alive = [each for each in tree if Path(f"/proc/{each}").exists()]
        folders = sorted(each.name for each in scratch.iterdir())
    wrong = list(soak.wrong)
    if missing := soak.missing():
        wrong.append(f"{len(missing)} acknowledged events neither ran nor are dead letters")
    if left:
        wrong.append(f"{len(left)} sandboxes outlive their functions")
    if after["descriptors"] > before["descriptors"] + 20:
        wrong.append(f"descriptors grew from {before['descriptors']} to {after['descriptors']}")
    if alive:
        wrong.append(f"processes are left of the emulator: {alive}")
    if folders:
        wrong.append(f"folders are left: {folders}")
    again = sum(count - 1 for count in soak.seen.values())
    return {
        "minutes": minutes, **soak.counts, "owed": len(soak.owed), "dead_letters": len(soak.dead),
        "ran_again": again, "before": before, "after": after, "wrong": wrong[:20],
    }  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=20)
    books = soak(parser.parse_args().minutes)
    print(f"\n{json.dumps(books, indent=2)}")
    return 1 if books["wrong"] else 0


if __name__ == "__main__":
    sys.exit(main())
