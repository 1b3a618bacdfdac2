"""The processor and what runs in its workers: our wrapper, or another, by one protocol.

The other is what `--pelton-nuclio-wrapper` names, or a copy of Nuclio's own that an installed
package has, or else one of two modules that is written for these tests.
"""

from __future__ import annotations

import importlib.util
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pelton.pytest_plugin import RunningEmulator

from .. import plain
from .support import emulator_at
from .test_nuclio_functions import deploy

HANDLER = """
import asyncio, json, os, sys

async def init_context(context):
    await asyncio.sleep(0)
    context.user_data.made = context.worker_id + " " + context.trigger.kind
    said = os.environ["SAID"]

    def say(what):
        with open(said, "a") as file:
            file.write(what)

    async def terminated():
        await asyncio.sleep(0)
        say("terminated ")

    context.platform.set_drain_callback(lambda: say("drained "))
    context.platform.set_termination_callback(terminated)

def handler(context, event):
    forms = {
        b"/text": lambda: "text",
        b"/bytes": lambda: b"\\xff\\x00",
        b"/dict": lambda: {"a": [1, float("inf")], "b": {"c": None}},
        b"/status": lambda: (201, "made"),
        b"/status-dict": lambda: (202, {"a": 1}),
        b"/none": lambda: None,
        b"/number": lambda: 7.5,
        b"/list": lambda: [{"first": 1}, "second"],
        b"/empty": lambda: [],
        b"/response": lambda: context.Response(
            headers={"x-a": "b", "X-Number": 3, "x-list": [1]}, body={"n": 1}, status_code=207
        ),
        b"/typed": lambda: context.Response(body="<p>", content_type="text/html"),
        b"/raise": lambda: 1 / 0,
        b"/exit": lambda: sys.exit("gone"),
        b"/stop": lambda: next(iter(())),
        b"/without-words": lambda: without_words(),
        b"/surrogate": lambda: "a\\udcff",
        b"/status-text": lambda: ("201", "made"),
        b"/header-list": lambda: context.Response(headers=[1]),
        b"/type-number": lambda: context.Response(content_type=5),
        b"/bad-batch": lambda: [("201", "made")],
        b"/coroutine": lambda: late(event),
        b"/user-data": lambda: context.user_data.made,
        b"/trigger": lambda: f"{context.trigger.kind} {context.trigger.name}",
        b"/event": lambda: {
            name: repr(getattr(event, name))
            for name in ("body", "content_type", "fields", "method", "path", "size", "url",
                         "shard_id", "num_shards", "type", "version", "offset", "topic")
        },
        b"/headers": lambda: repr(sorted(
            (name, value) for name, value in event.headers.items() if name.startswith(b"X-")
        )),
        b"/logs": lambda: logged(context),
        b"/pieces": lambda: pieces(),
        b"/late-pieces": lambda: late_pieces(),
        b"/awaited-pieces": lambda: awaited_pieces(context),
        b"/response-of-pieces": lambda: context.Response(
            headers={"x-a": "b"}, body=late_pieces(), content_type="text/html", status_code=203
        ),
        b"/one-piece": lambda: (each for each in [{"n": 1}]),
        b"/no-first-piece": lambda: (1 / 0 for _ in "a"),
    }
    return forms[event.path]()

class Wordless(Exception):
    def __str__(self):
        raise ValueError("no words")

def without_words():
    raise Wordless

def pieces():
    yield "first\\n"
    yield b"\\xff\\x00"
    yield 7

async def late_pieces():
    for each in "ab\u00fc":
        await asyncio.sleep(0)
        yield each

async def awaited_pieces(context):
    return context.Response(body=pieces())

async def late(event):
    await asyncio.sleep(0)
    return {"body": event.body}

def logged(context):
    context.logger.debug("quiet")
    context.logger.warn_with("loud", n=1)
    return "logged"
"""
TYPE = "Content-Type"
REQUESTS: list[dict[str, Any]] = [
    *({"url": f"/{path}"} for path in (
        "text", "bytes", "dict", "status", "status-dict", "none", "number", "list", "empty",
        "response", "typed", "raise", "exit", "user-data", "trigger", "pieces", "late-pieces",
        "awaited-pieces", "response-of-pieces", "one-piece", "no-first-piece", "stop", "surrogate",
        "without-words", "status-text", "header-list", "type-number", "bad-batch",
    )),
    {"url": "/coroutine", "json": {"n": 1}},
    {"url": "/event?b=2&a=%20x&a=y", "content": b"{broken", "headers": {TYPE: "application/json"}},
    {"url": "/event", "json": {"n": 1}, "method": "PUT"},
    {"url": "/event", "content": b'{"n": 1}', "headers": {TYPE: "application/json; charset=utf-8"}},
    {"url": "/headers", "headers": {"X-TestHeaderKEY1": "v", "x-two-words": "w"}},
    {"url": "/headers?bytes", "headers": [(b"X-Bytes", b"\xff\xc3\xbc")]},
    {"url": "/logs", "headers": {"x-nuclio-log-level": "info"}},
]  # fmt: skip


def other_wrapper(given: str) -> Path:
    """The one that is asked for, an installed one, or the one of two modules."""
    if given:
        return Path(given)
    for package in ("nuclio", "nuclio_sdk"):
        spec = importlib.util.find_spec(package)
        for folder in (spec.submodule_search_locations or ()) if spec else ():
            for found in Path(folder).rglob("_nuclio_wrapper.py"):
                return found
    return Path(__file__).with_name("layered_wrapper")


@pytest.fixture(scope="module")
def other_emulator(request: pytest.FixtureRequest) -> Iterator[RunningEmulator]:
    """An emulator whose Nuclio functions the other wrapper runs."""
    path = other_wrapper(request.config.getoption("--pelton-nuclio-wrapper"))
    with emulator_at("--nuclio-wrapper", str(path)) as emulator:
        yield emulator


@pytest.fixture(scope="module")
def our_emulator(request: pytest.FixtureRequest) -> Iterator[RunningEmulator]:
    """One whose workers run our wrapper, whatever the session's do."""
    if not request.config.getoption("--pelton-nuclio-wrapper"):
        yield request.getfixturevalue("module_emulator")
        return
    with emulator_at() as emulator:
        yield emulator


def answers(emulator: RunningEmulator, said: Path) -> list[Any]:
    """What the function answers to every request, and what its callbacks said at its end."""
    status = deploy(emulator, HANDLER, env=[{"name": "SAID", "value": str(said)}])
    assert status["state"] == "ready", status
    address = f"http://{status['externalInvocationUrls'][0]}"
    found = []
    with plain.Client(base_url=address, trust_env=False, timeout=30) as client:
        for each in REQUESTS:
            answer = client.request(**{"method": "POST", **each})
            kept = {k: v for k, v in answer.headers.items() if k != "x-nuclio-logs"}
            body = answer.content
            if answer.status_code == 500:  # the traces name the wrapper's own lines
                body, _, _ = body.partition(b": Traceback")
                kept.pop("content-length")
            logs = json.loads(answer.headers.get("x-nuclio-logs", "[]"))
            told = [(log["level"], log["message"], log.get("n")) for log in logs]
            found.append((each, answer.status_code, kept, body, told))
    delete(emulator, "f")
    return [*found, said.read_text()]


@pytest.mark.fidelity(
    "Nuclio", "another wrapper runs in the place of ours (`--nuclio-wrapper`), and answers the same"
)
def test_both_wrappers_answer_the_same(
    our_emulator: RunningEmulator, other_emulator: RunningEmulator, tmp_path: Path
) -> None:
    ours = answers(our_emulator, tmp_path / "ours")
    other = answers(other_emulator, tmp_path / "other")
    assert ours == other
    assert ours[-1] == "drained terminated "


ENDS = """
import asyncio, atexit, os

asyncio.run(asyncio.sleep(0))  # as a module's import may

def say(what):
    with open(os.environ["SAID"], "a") as file:
        file.write(what)

async def late():
    say("begun late ")

def init_context(context):
    atexit.register(say, "exited ")
    context.platform.set_drain_callback(lambda: say(f"drained {1 // 0}"))
    context.platform.set_termination_callback(lambda: say("terminated "))
    atexit.register(say, "first exit ")
    context.user_data.made = late()
    return context.user_data.made

def handler(context, event):
    context.user_data.made.close()
"""


@pytest.mark.fidelity(
    "Nuclio", "a callback that raises ends the worker; atexit; an init_context that is no async def"
)
def test_both_wrappers_end_the_same(
    our_emulator: RunningEmulator, other_emulator: RunningEmulator, tmp_path: Path
) -> None:
    """A drain callback that raises: no termination callback is called any more."""
    said = {}
    for number, emulator in enumerate((our_emulator, other_emulator)):
        file = tmp_path / str(number)
        status = deploy(emulator, ENDS, "ends", env=[{"name": "SAID", "value": str(file)}])
        assert status["state"] == "ready", status
        plain.get(f"http://{status['externalInvocationUrls'][0]}", trust_env=False, timeout=30)
        delete(emulator, "ends")
        said[number] = file.read_text()
    assert said[0] == said[1] == "first exit exited "


@pytest.mark.parametrize(
    "source",
    ["handler = 'text'", "init_context = None\n\ndef handler(context, event):\n    pass"],
)
def test_what_neither_wrapper_takes(our_emulator: RunningEmulator, source: str) -> None:
    status = deploy(our_emulator, source, "broken")
    delete(our_emulator, "broken")
    assert status["state"] == "error"
    assert re.search("'str' object has no attribute '__module__'|not callable", status["message"])


def delete(emulator: RunningEmulator, name: str) -> None:
    plain.request(
        "DELETE",
        f"{emulator.nuclio_url}/api/functions",
        json={"metadata": {"name": name}},
        trust_env=False,
        timeout=30,
    ).raise_for_status()


@pytest.mark.fidelity("Nuclio", "every form of an answer, as the processor sends it on")
def test_each_form(pelton_emulator: RunningEmulator, tmp_path: Path) -> None:
    """A list is a batch of responses, of which a single event gets the first."""
    every = answers(pelton_emulator, tmp_path / "said")[:-1]
    heads = {each["url"]: headers for each, _, headers, _, _ in every}
    found = {
        each["url"]: (status, headers.get("content-type"), body)
        for each, status, headers, body, _ in every
    }
    text, as_json = "text/plain", "application/json"
    assert found["/text"] == (200, text, b"text")
    assert found["/bytes"] == (200, text, b"\xff\x00")
    assert found["/dict"] == (200, as_json, b'{"a": [1, "Infinity"], "b": {"c": null}}')
    assert found["/status"] == (201, text, b"made")
    assert found["/status-dict"] == (202, as_json, b'{"a": 1}')
    assert found["/none"] == (200, text, b"None")
    assert found["/number"] == (200, text, b"7.5")
    assert found["/list"] == (200, as_json, b'{"first": 1}')
    assert found["/response"] == (207, as_json, b'{"n": 1}')
    assert heads["/response"]["x-a"] == "b" and "x-number" not in heads["/response"]
    assert found["/typed"] == (200, "text/html", b"<p>")
    assert found["/pieces"] == found["/awaited-pieces"] == (200, text, b"first\n\xff\x007")
    assert found["/late-pieces"] == (200, text, "abü".encode())
    assert found["/response-of-pieces"] == (203, "text/html", "abü".encode())
    assert found["/one-piece"] == (200, as_json, b'{"n": 1}')
    assert found["/no-first-piece"][0] == 500
    assert found["/raise"] == (500, text, b'Exception caught in handler - "division by zero"')
    assert found["/stop"][2] == b'Exception caught in handler - "coroutine raised StopIteration"'
    assert found["/without-words"][2] == b'Exception caught while serving - "no words"'
    assert found["/surrogate"] == (200, text, "a\ufffd".encode())
    cannot = b"json: cannot unmarshal"
    assert found["/status-text"][2] == cannot + (
        b" string into Go struct field Result.status_code of type int"
    )
    assert found["/header-list"][2] == cannot + (
        b" array into Go struct field Result.headers of type map[string]interface {}"
    )
    assert found["/type-number"][2] == cannot + (
        b" number into Go struct field Result.content_type of type string"
    )
    assert found["/bad-batch"][2] == cannot + b" array into Go value of type result.Result"
    assert found["/exit"] == (500, text, b'Exception caught in handler - "gone"')
    assert found["/user-data"] == (200, text, b"0 http")
    assert found["/coroutine"] == (200, as_json, b'{"body": {"n": 1}}')
    assert found["/headers?bytes"][2] == rb"[(b'X-Bytes', b'\xff\xc3\xbc')]"
    assert found["/headers"][2] == b"[(b'X-Testheaderkey1', b'v'), (b'X-Two-Words', b'w')]"
