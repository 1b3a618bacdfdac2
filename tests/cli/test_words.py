"""Commands given what cannot be: one sentence that says what to do."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from pelton.cli import command
from pelton.pytest_plugin import RunningEmulator

QUEUES = """
import pelton
app = pelton.App("shop")

@app.function(triggers=[pelton.sqs("orders")])
def order(n: int) -> int: ...

@app.function(triggers=[pelton.sqs("returns")])
def back(n: int) -> int: ...
"""
EMPTY = 'import pelton\napp = pelton.App("empty")\n'


def said(*words: str) -> str:
    done = CliRunner().invoke(command, list(words))
    assert done.exit_code in (1, 2), done.output
    return done.output


def test_every_missing_queue_is_named_with_the_call_that_makes_it(
    pelton_emulator: RunningEmulator, tmp_path: Path
) -> None:
    (tmp_path / "queues.py").write_text(QUEUES)
    address = pelton_emulator.url.removeprefix("http://")  # without its scheme it is good too
    words = said("plan", str(tmp_path / "queues.py"), "--endpoint", address)
    assert "'orders' (function 'order'), 'returns' (function 'back')" in words
    assert f"endpoint_url='{pelton_emulator.url}', region_name=" in words
    assert ").create_queue(QueueName='returns')" in words


@pytest.mark.parametrize("what", ["plan", "deploy", "build"])
def test_an_app_without_functions_is_told_how_to_have_one(
    pelton_emulator: RunningEmulator, tmp_path: Path, what: str
) -> None:
    (tmp_path / "empty.py").write_text(EMPTY)
    where = [] if what == "build" else ["--endpoint", pelton_emulator.url]
    assert "put @app.function above one" in said(what, str(tmp_path / "empty.py"), *where)


@pytest.mark.parametrize("what", ["invoke", "logs"])
def test_one_platform_is_asked(what: str) -> None:
    assert "'both' is not one of 'lambda', 'nuclio'" in said(what, "f", "--on", "both")


@pytest.mark.parametrize(
    ("words", "code", "kind", "told"),
    [
        (("events", "generate", "tides"), 2, "UsageError", "no kind of event 'tides'"),
        (("graph", "nowhere.py"), 1, "CannotLoad", "there is no file nowhere.py"),
        (("bridge", "--lease", "-1"), 2, "BadParameter", "-1.0 is not in the range"),
        (("init", "HERE"), 1, "CommandFailed", "is there already; nothing was written"),
    ],
)
def test_who_asks_for_json_is_told_in_json_what_failed(
    words: tuple[str, ...], code: int, kind: str, told: str, tmp_path: Path
) -> None:
    (tmp_path / "app.py").write_text(EMPTY)
    here = [str(tmp_path) if each == "HERE" else each for each in words]
    done = CliRunner().invoke(command, [*here, "--json"])
    failure = json.loads(done.stdout)["error"]
    assert (done.exit_code, done.stderr, failure["type"]) == (code, "", kind)
    assert told in failure["message"]


@pytest.mark.parametrize("json_", [False, True])
def test_ctrl_c_is_no_failure_of_ours(json_: bool, tmp_path: Path) -> None:
    (tmp_path / "stopped.py").write_text("raise KeyboardInterrupt")  # while it is imported
    asked = ["build", str(tmp_path / "stopped.py"), *(["--json"] if json_ else [])]
    done = CliRunner().invoke(command, asked)
    as_json = '{"error": {"type": "Interrupted", "message": "interrupted"}}\n'
    assert (done.exit_code, done.output) == (130, as_json if json_ else "error: interrupted\n")


SPREAD = """
from pelton import Graph, steps

def half(n: int) -> float:
    return n / 2

whole = Graph("whole", int) >> half
cut = Graph("cut", int) >> steps.queue("cut-q") >> half
"""
SERVED = """
import pelton

app = pelton.App("served")
app.serve(whole)
app.serve(Graph("inline", int) >> steps.queue("inline-q") >> half)
"""


@pytest.mark.parametrize(
    ("where", "broker", "words"),
    [
        (
            ":half",
            "nats://127.0.0.1:1",
            "spread_words.py:half is no graph, and no app; there are: whole",
        ),
        (":whole", "nats://127.0.0.1:1", "graph 'whole' has no queue"),
        (":cut", "amqp://x", "'amqp://x' names no broker"),
        ("", "sqs://127.0.0.1:1", "sqs://127.0.0.1:1: Could not connect"),
    ],
)
def test_spread_says_what_it_cannot_do(tmp_path: Path, where: str, broker: str, words: str) -> None:
    path = tmp_path / "spread_words.py"
    path.write_text(SPREAD)
    told = said("spread", f"{path}{where}", "--broker", broker)
    assert words in told and "cli/" not in told and "click" not in told


def test_spread_finds_the_graph_that_an_app_serves(tmp_path: Path) -> None:
    path = tmp_path / "spread_served.py"
    path.write_text(SPREAD + SERVED)
    assert "takes one graph; name it: inline, cut" in said("spread", str(path), "--broker", "x://")
    one = said("spread", str(path), "--graph", "inline", "--broker", "x://")
    assert "'x://' names no broker" in one
    path = tmp_path / "spread_inline.py"
    path.write_text(SPREAD.replace("cut = ", "# ") + SERVED)
    assert "'x://' names no broker" in said("spread", str(path), "--broker", "x://")
    path = tmp_path / "spread_none.py"
    path.write_text(SPREAD.replace("cut = ", "# "))
    assert "graph 'whole' has no queue" in said("spread", str(path), "--broker", "x://")


def test_only_some_functions_are_built(tmp_path: Path) -> None:
    (tmp_path / "queues.py").write_text(QUEUES)
    words = ["build", str(tmp_path / "queues.py"), "--out", str(tmp_path / "out"), "--only"]
    done = CliRunner().invoke(command, [*words, "back"])
    assert done.exit_code == 0, done.output
    assert [each.name for each in (tmp_path / "out").glob("*.zip")] == ["back-lambda-aws.zip"]
    assert "app shop has no function 'bakc'; it has order, back" in said(*words, "bakc")
