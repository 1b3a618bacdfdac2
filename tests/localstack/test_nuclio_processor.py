"""What Nuclio's processor does around a function, seen by an HTTP client and in its status."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from pelton.pytest_plugin import RunningEmulator

from .. import plain
from .support import until
from .test_nuclio_functions import deploy

MAIN = """
import json, os, threading, time

def handler(context, event):
    return {
        "/event": told, "/hold": hold, "/file": file, "/much": much, "/levels": levels,
        "/letters": letters,
    }[event.path](context, event)

def told(context, event):
    names = "body", "content_type", "id", "method", "path", "type", "type_version", "version"
    said = {name: repr(getattr(event, name)) for name in names}
    return {**said, "trigger": [event.trigger.kind, event.trigger.name],
            "time": str(event.timestamp), "headers": event.headers}

def hold(context, event):
    mine = event.body.decode()
    open(mine, "w").close()           # it is at work
    with open(mine + ".go") as pipe:  # until it is told to go on
        pipe.read()
    return "held"

def file(context, event):
    headers = {"x-nuclio-filestream-path": event.body.decode(), "X-Kept": "yes"}
    if event.fields:
        headers["X-Nuclio-FileStream-Delete-After-Send"] = "any"
    return context.Response(headers=headers, body="not this", status_code=206)

def letters(context, event):
    given = event.headers["X-Letters"]
    headers = {"X-Letters": given, "X-Seen": ascii(given)}
    return context.Response(headers=headers, body=ascii(event.fields), content_type="text/ü")

def much(context, event):
    context.logger.info("x" * int(event.body))

def levels(context, event):
    for level in "debug", "info", "warn", "error":
        getattr(context.logger, level + "_with")(level, n=1)
"""


def client_of(status: dict[str, Any]) -> httpx.Client:
    assert status["state"] == "ready", status
    base = f"http://{status['externalInvocationUrls'][0]}"
    return plain.Client(base_url=base, trust_env=False, timeout=30)


def trigger(**settings: Any) -> dict[str, Any]:
    return {"web": {"kind": "http", "numWorkers": 1, **settings}}


@pytest.fixture(scope="module")
def main(module_emulator: RunningEmulator) -> Iterator[httpx.Client]:
    status = deploy(
        module_emulator,
        MAIN,
        env=[{"name": "NUCLIO_PYTHON_DECODE_EVENT_STRINGS", "value": "true"}],
        loggerSinks=[{"level": "warn", "sink": "stdout"}],
        triggers=trigger(
            workerAvailabilityTimeoutMilliseconds=20, attributes={"readBufferSize": 4096}
        ),
    )
    with client_of(status) as client:
        yield client


@pytest.mark.fidelity(
    "Nuclio", "NUCLIO_PYTHON_DECODE_EVENT_STRINGS: an event's strings are decoded"
)
def test_strings_are_decoded_when_asked(main: httpx.Client) -> None:
    said = main.post("/event", content=b"raw", headers={"X-A": "b"}).json()
    assert (said["method"], said["path"], said["body"]) == ("'POST'", "'/event'", "b'raw'")
    assert said["headers"]["X-A"] == "b"
    assert said["trigger"] == ["http", "web"]


@pytest.mark.fidelity("Nuclio", "no worker free in time: 503 without a body; the next is served")
def test_no_worker_is_a_503(main: httpx.Client, tmp_path: Path) -> None:
    import os

    at_work = tmp_path / "at-work"
    os.mkfifo(f"{at_work}.go")
    with ThreadPoolExecutor(1) as pool:
        held = pool.submit(main.post, "/hold", content=str(at_work))
        until(lambda: at_work.exists() or held.done())
        refused = main.post("/event", headers={"x-nuclio-log-level": "debug"})
        Path(f"{at_work}.go").write_text("go")
        assert (refused.status_code, refused.content) == (503, b"")
        assert "content-type" not in refused.headers
        assert (refused.headers["server"], refused.headers["x-nuclio-logs"]) == ("nuclio", "[]")
        assert held.result().text == "held"
    assert main.post("/event").status_code == 200


@pytest.mark.fidelity("Nuclio", "x-nuclio-log-level: only records of that level and above")
@pytest.mark.parametrize(
    ("level", "wanted"),
    [("error", ["error"]), ("warn", ["warn", "error"]), ("x", ["debug", "info", "warn", "error"])],
)
def test_the_level_of_an_event_s_logs(main: httpx.Client, level: str, wanted: list[str]) -> None:
    answer = main.post("/levels", headers={"X-Nuclio-Log-Level": level})
    found = json.loads(answer.headers["x-nuclio-logs"])
    assert [(each["level"], each["message"], each["n"]) for each in found] == [
        (each, each, 1) for each in wanted
    ]
    assert found[0]["name"] == "web" and found[0]["time"] > 1e12


@pytest.mark.fidelity("Nuclio", "X-Nuclio-Logs has less than 4096 bytes or is not there")
def test_logs_are_bounded(main: httpx.Client) -> None:
    asks = {"x-nuclio-log-level": "info"}
    full = len(main.post("/much", content=b"1", headers=asks).headers["x-nuclio-logs"]) - 1
    most = 4095 - full
    found = main.post("/much", content=str(most).encode(), headers=asks).headers
    # The time in milliseconds is written without its last zeros: some bytes more or fewer.
    assert len(found.get("x-nuclio-logs", "x" * 4095)) == pytest.approx(4095, abs=8)
    assert "x-nuclio-logs" not in main.post("/much", content=b"4095", headers=asks).headers


@pytest.mark.fidelity(
    "Nuclio", "loggerSinks: the function's log keeps their lowest level and above"
)
def test_sinks_have_a_level(main: httpx.Client, module_emulator: RunningEmulator) -> None:
    main.post("/levels")
    api = f"{module_emulator.nuclio_url}/api/functions/f"
    logs = plain.get(api, trust_env=False).json()["status"]["logs"]
    said = [each["message"] for each in logs if each["name"] == "processor"]
    assert "warn" in said and "info" not in said


@pytest.mark.fidelity("Nuclio", "a file is sent in the place of a body, and deleted when asked")
def test_a_file_is_streamed(main: httpx.Client, tmp_path: Path) -> None:
    file = tmp_path / "large"
    file.write_bytes(b"0123456789" * 100_000)
    kept = main.post("/file", content=str(file))
    assert (kept.status_code, kept.content) == (206, file.read_bytes())
    assert kept.headers["x-kept"] == "yes"
    assert not any(name.startswith("x-nuclio") for name in kept.headers)
    assert main.post("/file?delete=1", content=str(file)).content == kept.content
    assert not file.exists()
    assert (gone := main.post("/file", content=str(file))).status_code == 404
    assert (gone.content, "content-type" in gone.headers) == (b"", False)
    assert main.post("/file", content=str(tmp_path)).status_code == 500


@pytest.mark.fidelity("Nuclio", "CloudEvents of version 0.1, structured: identity and data")
def test_a_structured_cloud_event(main: httpx.Client) -> None:
    event = {
        "cloudEventsVersion": "0.1", "eventType": "sold", "eventTypeVersion": "2",
        "source": "/shop", "eventID": "17", "eventTime": "2026-01-02T03:04:05Z",
        "contentType": "application/json", "extensions": {"Ext": "e"}, "data": {"n": 1},
    }  # fmt: skip
    headers = {"Content-Type": "application/cloudevents+json"}
    said = main.post("/event", content=json.dumps(event), headers=headers).json()
    assert said["id"] == "'17'" and said["body"] == "{'n': 1}"
    assert said["trigger"] == ["/shop", ""]
    assert (said["type"], said["type_version"], said["version"]) == ("'sold'", "'2'", "'0.1'")
    assert said["time"] == "2026-01-02 03:04:05"
    assert said["headers"] == {"Ext": "e"}
    text = main.post("/event", content=json.dumps(event | {"data": "t"}), headers=headers).json()
    assert text["body"] == "b't'"
    broken = main.post("/event", content=b"{", headers=headers)
    assert (broken.status_code, broken.content) == (500, b"")


@pytest.mark.fidelity("Nuclio", "CloudEvents of version 0.1, binary: identity from the headers")
def test_a_binary_cloud_event(main: httpx.Client) -> None:
    headers = {"CE-CloudEventsVersion": "0.1", "CE-EventID": "17", "CE-Source": "/shop",
               "CE-EventType": "sold", "CE-EventTime": "2026-01-02T03:04:05Z",
               "Content-Type": "application/json"}  # fmt: skip
    said = main.post("/event", content=b'{"n": 1}', headers=headers).json()
    assert (said["id"], said["body"], said["type"]) == ("'17'", "{'n': 1}", "'sold'")
    assert said["trigger"] == ["/shop", ""] and said["time"] == "2026-01-02 03:04:05"


@pytest.mark.fidelity("Nuclio", "/__internal/health, and headers over readBufferSize (431)")
def test_health_and_large_headers(main: httpx.Client) -> None:
    healthy = main.get("/__internal/health")
    assert (healthy.status_code, healthy.content) == (200, b"")
    refused = main.post("/event", headers={"X-Large": "x" * 8000})
    assert (refused.status_code, refused.text) == (431, "Too big request header")
    assert main.post("/event", headers={"X-Large": "x" * 2000}).status_code == 200


@pytest.mark.fidelity("Nuclio", "headers beyond ASCII pass byte by byte, both ways")
def test_letters_beyond_ascii(main: httpx.Client) -> None:
    letters = "ü日".encode()
    answer = main.post("/letters?q=%C3%BC", headers=[(b"X-Letters", letters)])
    raw = {name.lower(): value for name, value in answer.headers.raw}
    assert (raw[b"x-letters"], raw[b"content-type"]) == (letters, "text/ü".encode())
    assert raw[b"x-seen"] == rb"'\xfc\u65e5'", "the text that its client wrote"
    assert answer.text == r"{'q': '\xfc'}"


CORS = """
def handler(context, event):
    return context.Response(headers={"X-Own": "1"}, body="asked")
"""


@pytest.mark.fidelity("Nuclio", "CORS by the trigger's settings: preflight, allowed, not allowed")
def test_cors(module_emulator: RunningEmulator) -> None:
    cors = {"enabled": True, "allowOrigins": ["http://a.test"], "allowCredentials": True,
            "allowHeaders": ["X-In"], "preflightMaxAgeSeconds": 60}  # fmt: skip
    with_cors = trigger(attributes={"cors": cors})
    with client_of(deploy(module_emulator, CORS, "cors", triggers=with_cors)) as f:
        page, method = {"Origin": "http://a.test"}, {"Access-Control-Request-Method": "POST"}
        before = f.options(
            "/", headers={**page, **method, "Access-Control-Request-Headers": "x-in"}
        )
        assert (before.status_code, before.content) == (200, b"")
        told = {k[15:]: v for k, v in before.headers.items() if k.startswith("access-control-")}
        assert told == {
            "allow-origin": "http://a.test", "allow-credentials": "true", "max-age": "60",
            "allow-methods": "HEAD, GET, POST, PUT, DELETE, OPTIONS", "allow-headers": "X-In",
        }  # fmt: skip
        for wrong in (
            {"Origin": "http://b.test", **method},
            {**page, "Access-Control-Request-Method": "PATCH"},
            {**page, **method, "Access-Control-Request-Headers": "x-other"},
        ):
            refused = f.options("/", headers=wrong)
            assert refused.status_code == 400
            assert refused.headers.get_list("vary")[0] == "Origin"
            assert refused.headers["server"] == "nuclio"
        asked = f.post("/", headers=page)
        assert (asked.text, asked.headers["access-control-allow-origin"]) == (
            "asked", "http://a.test",
        )  # fmt: skip
        other = f.post("/", headers={"Origin": "http://b.test"})
        assert (other.status_code, other.content) == (200, b""), "the function is not asked"
        assert f.options("/", headers=page).text == "asked", "no preflight: the function's own"


BATCHES = """
def handler(context, events):
    context.logger.info("a batch of %d", len(events))
    if events[0].body == b"fail":
        raise ValueError("whole")
    return [
        context.Response(body=event.body.upper(), status_code=201,
                         event_id=None if event.body == b"nameless" else event.id.decode())
        for event in reversed(events)
    ]
"""


@pytest.mark.fidelity(
    "Nuclio",
    "batches of an HTTP trigger: each request has its own answer; one that names no event "
    "is dropped with a warning, and its request is answered 200, empty, when its time is over",
)
def test_batches_of_requests(module_emulator: RunningEmulator) -> None:
    settings = {
        "batch": {"mode": "enable", "batchSize": 3, "timeout": "400ms"},
        "workerAvailabilityTimeoutMilliseconds": 3000,
    }
    status = deploy(module_emulator, BATCHES, "batches", triggers=trigger(**settings))
    with client_of(status) as client, ThreadPoolExecutor(3) as pool:

        def together(*bodies: bytes) -> list[tuple[int, bytes]]:
            answers = pool.map(lambda body: client.post("/", content=body), bodies)
            return [(each.status_code, each.content) for each in answers]

        assert together(b"a", b"b", b"c") == [(201, b"A"), (201, b"B"), (201, b"C")]
        assert together(b"alone") == [(201, b"ALONE")]
        failed = together(b"fail")
        assert failed[0][0] == 500 and b'handler - "whole"' in failed[0][1]
        assert together(b"nameless", b"b", b"c") == [(200, b""), (201, b"B"), (201, b"C")]
    said = [each["message"] for each in state_of(module_emulator, "batches")["logs"]]
    assert "a batch of 3" in said
    assert "Received response with empty event_id, response won't be returned" in said


CALLER = """
import json, urllib.request
import nuclio_sdk

def handler(context, event):
    if event.path == b"/called":
        return context.Response(
            body={"got": repr(event.body), "target": event.get_header(b"X-Nuclio-Target").decode()},
            status_code=202,
        )
    if event.path == b"/any-client":
        url = "http://nuclio-calls:8080/called"
        asked = urllib.request.Request(url, data=b"x", headers={"X-Nuclio-Target": "calls"})
        return urllib.request.urlopen(asked).read()
    sent = nuclio_sdk.Event(body={"n": 1}, path="/called", method="POST")
    answer = context.platform.call_function("calls", sent, timeout=10)
    return {"status": answer.status_code, "body": answer.body}
"""


@pytest.mark.fidelity(
    "Nuclio", "call_function, and the names of functions' services for any HTTP client"
)
def test_functions_call_each_other(module_emulator: RunningEmulator) -> None:
    with client_of(
        deploy(module_emulator, CALLER, "calls", triggers=trigger(numWorkers=2))
    ) as client:
        body = {"got": "{'n': 1}", "target": "calls"}
        assert client.post("/").json() == {"status": 202, "body": body}
        assert client.post("/any-client").json() == {"got": "b'x'", "target": "calls"}


COUNTS = """
import os, threading

def handler(context, event):
    if event.path == b"/meet":  # two replicas are at work at one time
        mine = event.body.decode()
        open(mine, "w").close()
        other = mine[:-1] + ("a" if mine.endswith("b") else "b")
        while not os.path.exists(other):
            pass
    return os.environ["NUCLIO_FUNCTION_INSTANCE"]
"""


def state_of(emulator: RunningEmulator, name: str = "f") -> dict[str, Any]:
    answer = plain.get(f"{emulator.nuclio_url}/api/functions/{name}", trust_env=False)
    status: dict[str, Any] = answer.json()["status"]
    return status


@pytest.mark.fidelity(
    "Nuclio",
    "minReplicas, maxReplicas, scaleToZero: to zero after its window, from zero by the next event",
    different="a replica is added while events wait, not by targetCPU; it is workers, no pod",
)
def test_to_zero_and_from_zero(pelton_manual_emulator: RunningEmulator, tmp_path: Path) -> None:
    emulator = pelton_manual_emulator
    window = {"scaleResources": [{"metricName": "m", "windowSize": "5m", "threshold": 0}]}
    status = deploy(
        emulator, COUNTS, minReplicas=0, maxReplicas=2, scaleToZero=window, targetCPU=50
    )
    assert any("targetCPU" in each["message"] for each in state_of(emulator)["logs"])
    with client_of(status) as client, ThreadPoolExecutor(8) as pool:
        for _ in range(3):  # one after the other: none waits
            assert client.post("/").text == "nuclio-f-0"
        emulator.advance(299)
        assert state_of(emulator)["state"] == "ready"
        emulator.advance(2)
        assert state_of(emulator)["state"] == "scaledToZero"
        # All of those who come first wait for it, and none is lost.
        asked = [pool.submit(client.post, "/") for _ in range(16)]
        assert {each.result().status_code for each in asked} == {200}
        assert state_of(emulator)["state"] == "ready"
        both = [f"{tmp_path}/a", f"{tmp_path}/b"]
        met = list(pool.map(lambda body: client.post("/meet", content=body).text, both))
        assert sorted(met) == ["nuclio-f-0", "nuclio-f-1"], "a second replica came"
        emulator.advance(301)
        assert state_of(emulator)["state"] == "scaledToZero"
    said = [each["message"] for each in state_of(emulator)["logs"] if each["name"] == "deployer"]
    assert [each for each in said if "cal" in each] == [
        "Scaling to zero", "Function is scaled to zero", "Scaling from zero",
        "Function is scaled from zero", "Scaling to zero", "Function is scaled to zero",
    ]  # fmt: skip
    assert said.count("Function has 2 replicas") == 1, "for those who waited, and for no other"


@pytest.mark.fidelity("Nuclio", "replicas: so many, each with numWorkers workers")
def test_replicas_are_as_many_as_asked(module_emulator: RunningEmulator, tmp_path: Path) -> None:
    with client_of(deploy(module_emulator, COUNTS, "two", replicas=2)) as client:
        with ThreadPoolExecutor(2) as pool:
            both = [f"{tmp_path}/a", f"{tmp_path}/b"]
            met = pool.map(lambda body: client.post("/meet", content=body).text, both)
            assert sorted(met) == ["nuclio-two-0", "nuclio-two-1"]


BROKEN_LATER = """
import os
if os.path.exists(os.environ["BROKEN"]):
    raise RuntimeError("broken by now")

def handler(context, event):
    return "up"
"""


def test_a_function_that_does_not_wake_says_so(
    pelton_manual_emulator: RunningEmulator, tmp_path: Path
) -> None:
    emulator, broken = pelton_manual_emulator, tmp_path / "broken"
    env = [{"name": "BROKEN", "value": str(broken)}]
    status = deploy(emulator, BROKEN_LATER, minReplicas=0, env=env)
    with client_of(status) as client:
        emulator.advance(601)
        broken.touch()
        assert client.get("/").status_code == 503
        told = state_of(emulator)
        assert told["state"] == "unhealthy" and "broken by now" in told["message"]
        broken.unlink()
        assert client.get("/").text == "up", "the next one tries again"
        assert state_of(emulator)["state"] == "ready"


def test_a_least_above_the_most_fails(module_emulator: RunningEmulator) -> None:
    status = deploy(module_emulator, CORS, "three", minReplicas=3, maxReplicas=2)
    assert status["state"] == "error"
    assert status["message"] == "minReplicas is 3, which is more than maxReplicas, 2"


def deploy_again(emulator: RunningEmulator) -> int:
    """Deploy the function as it is, and wait; the status of the request, 0 for a 412: it is being
    scaled just now, and not to be changed meanwhile."""
    url = f"{emulator.nuclio_url}/api/functions/f"
    wanted = plain.get(url, trust_env=False).json()
    wait = {"x-nuclio-wait-function-action": "true"}
    status = plain.put(url, json=wanted, headers=wait, trust_env=False, timeout=60).status_code
    return 0 if status == 412 else status


def test_scaling_and_deploying_lose_no_request(
    pelton_manual_emulator: RunningEmulator,
) -> None:
    """Callers ask without a pause while the function goes to zero, wakes and is deployed again."""
    emulator = pelton_manual_emulator
    status = deploy(emulator, COUNTS, minReplicas=0, maxReplicas=2)
    over, found = threading.Event(), []

    def ask() -> None:
        with client_of(status) as client:
            while not over.wait(0.003):  # as often as can be seen, and no oftener
                found.append(client.post("/").status_code)

    callers = [threading.Thread(target=ask) for _ in range(2)]
    for each in callers:
        each.start()
    for _ in range(2):
        emulator.advance(601)
        assert until(lambda: deploy_again(emulator)) == 202
    over.set()
    for each in callers:
        each.join()
    assert set(found) == {200}


@pytest.mark.fidelity(
    "Nuclio", "PATCH to scaledToZero: also of a fixed number of replicas; the next event wakes it"
)
def test_told_to_go_to_zero_a_function_loses_no_request(module_emulator: RunningEmulator) -> None:
    status = deploy(module_emulator, COUNTS, "told")
    url = f"{module_emulator.nuclio_url}/api/functions/told"
    over, found, told = threading.Event(), list[int](), list[int]()

    def ask() -> None:
        with client_of(status) as client:
            while not over.wait(0.003):  # as often as can be seen, and no oftener
                found.append(client.post("/").status_code)

    def patch(state: str) -> bool:
        """Whether it is done; it may be going, or waking, from what was asked before: that is
        said, and nothing is done."""
        wanted = {"desiredState": state}
        told.append(plain.patch(url, json=wanted, trust_env=False, timeout=60).status_code)
        return told[-1] != 412

    callers = [threading.Thread(target=ask) for _ in range(2)]
    for each in callers:
        each.start()
    for wanted in ("scaledToZero", "ready", "scaledToZero"):
        until(lambda state=wanted: patch(state))  # type: ignore[misc]
    over.set()
    for each in callers:
        each.join()
    assert (set(found), set(told) - {412}) == ({200}, {202})
    until(lambda: patch("scaledToZero"))
    assert plain.get(f"{url}/replicas", trust_env=False).json()["names"] == []
    with client_of(status) as client:
        assert client.post("/").text == "nuclio-told-0"
