"""What people see of an error: their own code first, the step's path, and no frame of pelton's."""

import json
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from awslambdaric.bootstrap import handle_event_request

import pelton
from pelton import App, InvalidInput, InvalidOutput, testing
from pelton.runtime.aws import handler_for, make_handler

app = App("traces")


def clean(n: int) -> int:
    return n


def explode(n: int) -> int:
    raise ValueError("boom")


def small(n: int) -> int:
    return explode(n)


async def slow(n: int) -> int:
    return explode(n)


app.serve(pelton.Graph("plain", int) >> clean >> explode, triggers=[pelton.sqs("q")])
app.serve(pelton.Graph("routed", int) >> pelton.router(lambda n: "a", {"a": small}) >> clean)
app.serve(pelton.Graph("slow", int) >> slow)


@dataclass(frozen=True)
class Frozen(Exception):
    why: str


def freeze(n: int) -> int:
    raise Frozen("cold")


app.serve(pelton.Graph("frozen", int) >> freeze)


@app.function
def fails(n: int) -> int:
    return explode(n)


@app.function
async def fails_slowly(n: int) -> int:
    return explode(n)


@app.function
def gives_nothing_json(n: int) -> Any:
    return object()


class Client:
    """Lambda's Runtime API as far as the runtime client asks for it, to hear what it is told."""

    def __init__(self) -> None:
        from awslambdaric.lambda_runtime_marshaller import LambdaMarshaller

        self.marshaller = LambdaMarshaller()
        self.told: dict[str, Any] = {}

    def post_invocation_error(self, _: str, error: str, *__: Any) -> None:
        self.told = json.loads(error)

    def log_error(self, lines: list[str]) -> None: ...


def on_the_runtime_client(function: Any, event: Any) -> dict[str, Any]:
    """The error that AWS's own client reports for the function."""
    client = Client()
    handle_event_request(
        client, make_handler(function), "id", json.dumps(event), "application/json",
        None, None, "arn", 0, None, client,
    )  # fmt: skip
    return client.told


def names(told: dict[str, Any]) -> list[str]:
    return [each.splitlines()[0].rpartition(", in ")[2] for each in told["stackTrace"]]


@pytest.mark.parametrize(
    ("name", "frames"),
    [
        ("fails", ["fails", "explode"]),
        ("fails_slowly", ["fails_slowly", "explode"]),
        ("plain", ["plain/explode", "explode"]),
        ("routed", ["routed/router/a/small", "small", "explode"]),
        ("slow", ["slow/slow", "slow", "explode"]),
    ],
)
def test_a_trace_on_lambda_is_the_users_under_the_steps_path(name: str, frames: list[str]) -> None:
    told = on_the_runtime_client(app.functions[name], 1)
    assert (told["errorType"], told["errorMessage"]) == ("ValueError", "boom")
    assert names(told) == frames


def test_an_error_that_cannot_be_changed_is_told_as_it_is() -> None:
    told = on_the_runtime_client(app.functions["frozen"], 1)
    assert told["errorType"] == "Frozen"
    assert names(told) == ["frozen/freeze", "freeze"]


def test_the_step_has_a_log_line_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    on_the_runtime_client(app.functions["plain"], 1)
    lines = [json.loads(each) for each in capsys.readouterr().out.splitlines()]
    (line,) = [each for each in lines if "step" in each]
    assert (line["level"], line["step"]) == ("ERROR", "plain/explode")
    assert line["error"] == "ValueError: boom"


def test_a_record_that_fails_is_logged_as_its_error_would_be(
    capsys: pytest.CaptureFixture[str],
) -> None:
    testing.on_lambda(app.functions["plain"], testing.sqs(1))
    (line,) = [json.loads(each) for each in capsys.readouterr().out.splitlines()]
    assert (line["messageId"], line["step"]) == ("0", "plain/explode")
    assert "pelton" not in line["trace"]
    assert "boom" in line["trace"]


@pytest.mark.parametrize(
    ("name", "event", "kind"),
    [("fails", "text", InvalidInput), ("gives_nothing_json", 1, InvalidOutput)],
)
def test_a_refusal_points_at_the_function(name: str, event: Any, kind: type[Exception]) -> None:
    function = app.functions[name]
    told = on_the_runtime_client(function, event)
    assert told["errorType"] == kind.__name__
    (frame,) = told["stackTrace"]
    assert frame.startswith(f'  File "{__file__}", line {function.line}, in {name}\n')


@pytest.mark.parametrize(
    ("name", "frames"),
    [
        ("fails", ["fails", "explode"]),
        ("fails_slowly", ["fails_slowly", "explode"]),
        ("routed", ["routed/router/a/small", "small", "explode"]),
    ],
)
def test_a_500_on_nuclio_has_nuclios_form_and_the_users_frames(
    name: str, frames: list[str]
) -> None:
    answer = testing.on_nuclio(app.functions[name], testing.nuclio_http(1))
    assert (answer.status_code, answer.content_type) == (500, "text/plain")
    head, *lines = answer.body.splitlines()
    assert head == 'Exception caught in handler - "boom": Traceback (most recent call last):'
    assert [each.rpartition(", in ")[2] for each in lines if each.startswith("  File")] == frames
    assert "ValueError: boom" in lines


def test_an_error_at_import_has_the_users_frames_next_to_the_entry(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken_at_import.py").write_text("def load():\n    1 / 0\n\nload()\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ZeroDivisionError) as caught:
        handler_for("broken_at_import", "f")
    found = [each.name for each in traceback.extract_tb(caught.tb)][1:]
    assert found == ["handler_for", "find_function", "<module>", "load"]


def test_an_error_of_ours_is_left_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """With no frame of the user's the fault is ours, and must be found."""
    with pytest.raises(KeyError) as caught:
        testing.on_lambda(app.functions["fails"], {"Records": [{"eventSource": "aws:sqs"}]})
    assert any("aws_records" in each.filename for each in traceback.extract_tb(caught.tb))
