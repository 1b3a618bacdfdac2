"""A sandbox's life around its events: what stays, what goes, and what it may not exceed."""

import base64
import contextlib
import io
import json
import os
import re
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pelton.localstack.lambda_.environment import can_mount
from pelton.localstack.lambda_.interpreters import own
from pelton.pytest_plugin import RunningEmulator

from ... import plain
from ..support import until

SOURCE = """
import mmap, os, subprocess, sys, time
count = 0
kept = []

def daemon(words):
    if os.fork() == 0:
        subprocess.Popen(words, start_new_session=True)  # it has begun when this returns
        os._exit(0)
    os.wait()

def handler(event, context):
    global count
    count += 1
    what = event.get("do", "")
    left = context.get_remaining_time_in_millis()
    if what == "leave":
        open("/tmp/left", "w").write("here")
    if what == "processes":
        subprocess.Popen(["sleep", event["seconds"]])
        daemon(["sleep", event["seconds"]])
    if event.get("end") == "exit":
        os._exit(3)
    if event.get("end") == "hang":
        time.sleep(60)
    if what == "spike":
        held = b"x" * (event["mb"] << 20)
        time.sleep(event.get("seconds", 0))
        del held
    if what == "grow":
        while True:
            kept.append(b"x" * (8 << 20))
            time.sleep(0.01)
    if what == "child":
        code = "x = b'x' * (%d << 20); import time; time.sleep(30)" % event["mb"]
        subprocess.run([sys.executable, "-c", code])
    if what == "map":
        with open("/tmp/file", "wb") as file:
            file.truncate(event["mb"] << 20)
        with open("/tmp/file", "rb") as file:
            return sum(mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)[:: 1 << 12])
    if what == "fill":
        with open("/tmp/file", "wb") as file:
            os.posix_fallocate(file.fileno(), 0, event["mb"] << 20)
    if what == "write":
        open(event["path"], "w").close()
    if what == "go on":
        import threading
        def work():
            while True:
                time.sleep(0.005)
        threading.Thread(target=work, daemon=True).start()
    if what == "pool":
        import multiprocessing
        multiprocessing.Pool(1)
    if what == "read":
        open(event["path"]).close()
    return {"count": count, "left": left, "pid": os.getpid(),
            "found": os.path.exists("/tmp/left"),
            "tmp": os.statvfs("/tmp").f_blocks * os.statvfs("/tmp").f_frsize >> 20}
"""
MOUNTS = can_mount(own())
needs_mounts = pytest.mark.skipif(not MOUNTS, reason="mounts are not allowed here")
Send = Callable[..., Any]


def create(client: Any, source: str = SOURCE, **given: Any) -> None:
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as out:
        out.writestr("main.py", source)
        secret = zipfile.ZipInfo("secret.txt")
        secret.external_attr = 0o100000 << 16 | 0o200 << 16
        out.writestr(secret, "nobody reads this")
    client.create_function(
        FunctionName="f",
        Runtime=own().runtime,
        Role="arn:aws:iam::000000000000:role/r",
        Code={"ZipFile": memory.getvalue()},
        **{"Handler": "main.handler", "Timeout": 5, "MemorySize": 128, **given},
    )


def sender(client: Any) -> Send:
    def send(**event: Any) -> Any:
        answer = client.invoke(FunctionName="f", Payload=json.dumps(event), LogType="Tail")
        payload = json.loads(answer["Payload"].read())
        log = base64.b64decode(answer["LogResult"]).decode()
        if isinstance(payload, dict):
            used = re.search(r"Max Memory Used: (\d+) MB", log)
            assert used is not None
            payload |= {"log": log, "used": int(used[1])}
        return payload

    return send


@pytest.fixture
def client(pelton_emulator: RunningEmulator) -> Any:
    return pelton_emulator.client("lambda")


def running(seconds: str) -> list[int]:
    """The processes that sleep for so long."""
    words = b"sleep\0" + seconds.encode() + b"\0"
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if path.read_bytes() == words:
                found.append(int(path.parent.name))
        except OSError:
            pass
    return found


@pytest.mark.fidelity("Execution", "a timeout or a crash loses the globals and keeps /tmp")
@pytest.mark.parametrize("end", ["exit", "hang"])
def test_an_end_keeps_tmp_and_loses_globals(client: Any, end: str) -> None:
    create(client, Timeout=1)
    send = sender(client)
    assert [send(do="leave")["count"], send()["count"]] == [1, 2]
    assert "errorType" in send(end=end)
    after = send()
    assert (after["count"], after["found"]) == (1, True if MOUNTS else after["found"])


@pytest.mark.fidelity("Execution", "a new configuration is a new sandbox with an empty /tmp")
@needs_mounts
def test_a_new_configuration_starts_anew(client: Any) -> None:
    create(client)
    send = sender(client)
    send(do="leave")
    client.update_function_configuration(FunctionName="f", Timeout=6)
    client.get_waiter("function_updated_v2").wait(
        FunctionName="f", WaiterConfig={"Delay": 0.05, "MaxAttempts": 100}
    )
    after = send()
    assert (after["count"], after["found"]) == (1, False)


@pytest.mark.fidelity(
    "Execution", "the remaining time counts from the event's dispatch, not from the cold start"
)
def test_a_cold_start_takes_nothing_of_the_time_that_remains(client: Any) -> None:
    create(client, f"import time; time.sleep(1)\n{SOURCE}", Timeout=2)
    first = sender(client)()
    assert 1900 < first["left"] <= 2000


@pytest.mark.parametrize("end", ["exit", "hang", "retired"])
@pytest.mark.fidelity(
    "Execution", "whatever a function started ends with its sandbox, its daemons too"
)
def test_processes_of_a_function_end_with_it(client: Any, end: str) -> None:
    create(client, Timeout=1)
    seconds = f"{1000 + os.getpid()}.{['exit', 'hang', 'retired'].index(end)}"
    sender(client)(do="processes", seconds=seconds, end=end)
    if end == "retired":
        assert until(lambda: len(running(seconds)) == 2)
        client.delete_function(FunctionName="f")
    assert until(lambda: not running(seconds))


@pytest.mark.fidelity(
    "Safety", "a fork server that is killed takes all with it; the next call is served"
)
def test_a_fork_server_that_is_killed(client: Any) -> None:
    create(client)
    send, seconds = sender(client), f"{1000 + os.getpid()}.7"
    pid = send(do="processes", seconds=seconds)["pid"]
    stat = Path(f"/proc/{pid}/stat").read_text()
    os.kill(int(stat.rpartition(")")[2].split()[1]), signal.SIGKILL)
    assert until(lambda: not running(seconds))
    assert send()["count"] == 1


@pytest.mark.fidelity(
    "Execution",
    "a function over its memory is ended: Runtime exited with error: signal: killed",
    different="looked at fifty times a second; what is shorter may pass",
)
@pytest.mark.parametrize(
    "event",
    [{"do": "grow"}, {"do": "spike", "mb": 200, "seconds": 0.3}, {"do": "child", "mb": 200}],
    ids=["by and by", "for a moment", "in a process of its own"],
)
def test_more_memory_than_it_has(client: Any, event: dict[str, Any]) -> None:
    create(client, Timeout=20)
    send = sender(client)
    ended = send(**event)
    assert ended["errorType"] == "Runtime.ExitError"
    assert ended["errorMessage"].endswith("Runtime exited with error: signal: killed")
    assert ended["used"] == 128
    assert "Status: error\tError Type: Runtime.OutOfMemory" in ended["log"]
    assert send()["count"] == 1


@pytest.mark.fidelity("Execution", "Max Memory Used is the true peak, however short it was")
def test_the_peak_is_reported(client: Any) -> None:
    create(client, MemorySize=512)
    send = sender(client)
    before = send()["used"]
    spiked = send(do="spike", mb=200)["used"]
    assert 200 <= spiked <= before + 210
    assert send()["used"] == spiked, "of the sandbox's life, as on AWS"


def test_a_mapped_file_is_not_memory_that_it_holds(client: Any) -> None:
    create(client)
    assert sender(client)(do="map", mb=200) == 0


@needs_mounts
@pytest.mark.fidelity(
    "Execution",
    "/tmp has the size of EphemeralStorage",
    different="where mounts are allowed, and in memory; elsewhere as large as the disk",
)
def test_tmp_has_the_size_that_was_asked_for(client: Any) -> None:
    create(client, EphemeralStorage={"Size": 600})
    send = sender(client)
    assert send()["tmp"] == 600
    full = send(do="fill", mb=700)
    assert (full["errorType"], full["errorMessage"]) == (
        "OSError",
        "[Errno 28] No space left on device",
    )


@needs_mounts
@pytest.mark.parametrize("path", ["/var/task/new", "/opt/new", "/var/runtime/new"])
@pytest.mark.fidelity("Execution", "/var/task, /var/runtime and /opt can only be read")
def test_only_tmp_can_be_written(client: Any, path: str) -> None:
    create(client)
    refused = sender(client)(do="write", path=path)
    assert refused["errorMessage"] == f"[Errno 30] Read-only file system: '{path}'"


def states(pid: int) -> set[str]:
    """The states of a process's threads: "T" is one that stands still."""
    found = set()
    for path in Path(f"/proc/{pid}/task").glob("*/stat"):
        with contextlib.suppress(OSError):  # it has ended
            found.add(path.read_text().rpartition(")")[2].split()[0])
    return found


@pytest.mark.fidelity(
    "Execution",
    "threads and processes of a function stand still between its events",
    different="from a tenth of a second after the event on; not where there are extensions",
)
def test_between_events_all_stands_still(client: Any) -> None:
    create(client)
    send, seconds = sender(client), f"{1000 + os.getpid()}.8"
    pid = send(do="go on")["pid"]
    assert until(lambda: states(pid) == {"T"})
    assert send(do="processes", seconds=seconds)["count"] == 2, "and goes on with the next event"
    assert until(lambda: len(running(seconds)) == 2)
    children = running(seconds)
    assert until(lambda: all(states(each) == {"T"} for each in (pid, *children)))
    client.delete_function(FunctionName="f")
    assert until(lambda: not running(seconds) and not Path(f"/proc/{pid}").exists())


@needs_mounts
@pytest.mark.fidelity(
    "Execution",
    "there is no /dev/shm: multiprocessing's pools, queues and locks cannot be made",
    different="[Errno 30] where AWS says [Errno 38]; there without mounts",
)
def test_there_is_no_shared_memory(client: Any) -> None:
    create(client)
    assert sender(client)(do="pool")["errorType"] == "OSError"


@pytest.mark.fidelity(
    "Execution",
    "permissions of files in an archive",
    different="those of the owner count; on AWS a function is another user, so that a file which "
    "only its owner may read is not read there: a warning says so at create",
)
def test_permissions_in_the_archive_count(client: Any) -> None:
    create(client)
    refused = sender(client)(do="read", path="secret.txt")
    assert refused["errorMessage"] == "[Errno 13] Permission denied: 'secret.txt'"


@pytest.mark.parametrize(
    ("handler", "kind"),
    [("nothing", "Runtime.MalformedHandlerName"), ("sys.exit", "Runtime.BuiltInModuleConflict")],
)
def test_handlers_that_cannot_be(client: Any, handler: str, kind: str) -> None:
    create(client, Handler=handler)
    assert sender(client)()["errorType"] == kind
    assert sender(client)()["errorType"] == kind, "and each call begins anew"


@pytest.mark.slow
@pytest.mark.fidelity(
    "Execution", "an init of more than 10 seconds is run again under the function's timeout"
)
def test_an_init_of_more_than_ten_seconds(client: Any) -> None:
    create(client, f"import time; time.sleep(11)\n{SOURCE}", Timeout=20)
    began = time.monotonic()
    first = sender(client)()
    assert first["count"] == 1
    assert time.monotonic() - began > 21


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[tuple[RunningEmulator, subprocess.Popen[str]]]:
    """An emulator of the test's own, whose clock stands still; it speaks into `said`."""
    words = "emulator --port 0 --nuclio-port 0 --json --clock manual".split()
    with (
        (tmp_path / "said").open("w") as said,
        subprocess.Popen(
            [sys.executable, "-m", "pelton", *words], stdout=subprocess.PIPE, stderr=said, text=True
        ) as process,
    ):
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        yield RunningEmulator(ready["url"], ready["nuclio_url"]), process
        process.kill()


@pytest.mark.fidelity(
    "Execution",
    "idle sandboxes are reclaimed",
    different="after ten minutes of the emulator's clock; AWS does not say when",
)
def test_idle_sandboxes_go_and_a_killed_emulator_leaves_no_process(
    alone: tuple[RunningEmulator, subprocess.Popen[str]], tmp_path: Path
) -> None:
    emulator, process = alone
    client = emulator.client("lambda")
    create(client)
    assert "only its owner may read main.py" in (tmp_path / "said").read_text()
    send, seconds = sender(client), f"{1000 + os.getpid()}.9"
    first = send()["pid"]
    for advance in (500, 400):
        assert Path(f"/proc/{first}").exists()
        moved = plain.post(
            f"{emulator.url}/_pelton/clock", json={"advance": advance}, trust_env=False, timeout=30
        )
        assert moved.status_code == 200, moved.text
    assert until(lambda: not Path(f"/proc/{first}").exists())
    again = send(do="processes", seconds=seconds)
    assert again["count"] == 1
    assert until(lambda: len(running(seconds)) == 2)
    os.kill(process.pid, signal.SIGKILL)
    assert until(lambda: not running(seconds) and not Path(f"/proc/{again['pid']}").exists())
