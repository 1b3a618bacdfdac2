"""`pelton dev --debug`: it stops in the user's own file, by the configuration that it prints."""

from __future__ import annotations

import json
import sys
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from click import ClickException
from click.testing import CliRunner

from pelton.cli.debugger import Debuggers, targets
from pelton.cli.dev import command

from ..localstack.dap import DapClient

APP = """import pelton
import factors

app = pelton.App("dev")

@app.function(timeout=1)
def times(n: int) -> int:
    return factors.of(n) * n
"""
FACTORS = "def of(n: int) -> int:\n    found = {}\n    return found\n"
LAST = 3


def refused(*words: str) -> str:
    """What a command line ends with before anything is started."""
    done = CliRunner().invoke(command, ["app.py", "--port", "0", *words])
    assert done.exit_code in (1, 2)
    return done.output.strip().splitlines()[-1]


def test_what_cannot_be_debugged_is_refused_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "--debug 'f:x' is not like FN or FN:5678" in refused("--debug", "f:x")
    assert "--debug ':1' is not like FN or FN:5678" in refused("--debug", ":1")
    assert "--debug 'f:70000' is not like" in refused("--debug", "f:70000")
    assert "--wait and --debug-port go with --debug FN" in refused("--wait")
    assert "not with --on nuclio" in refused("--debug", "f", "--on", "nuclio")
    monkeypatch.setitem(sys.modules, "debugpy", None)  # as where the extra is not installed
    assert refused("--debug", "f") == (
        "Error: --debug runs functions under debugpy, which is not installed: "
        "pip install 'pelton[debug]'"
    )


@pytest.fixture
def dev(start: Callable[..., Any], tmp_path: Path) -> Callable[..., Any]:
    def dev(*words: str) -> Any:
        (tmp_path / "dev_app.py").write_text(APP)
        (tmp_path / "factors.py").write_text(FACTORS.format(2))
        return start("dev", "dev_app.py", "--port", "0", "--nuclio-port", "0", "--json", *words)

    return dev


def test_a_function_that_is_not_there_is_said() -> None:
    wanted = targets(["tomes"], None, False, "lambda")
    with pytest.raises(ClickException, match="--debug tomes: the app has times"):
        Debuggers("http://127.0.0.1:9", Path("/app"), wanted, False, False).follow(["times"])


def test_it_stops_in_the_users_file_also_after_a_save(
    dev: Callable[..., Any], tmp_path: Path
) -> None:
    running = dev("--debug", "times", "--debug-port", "0", "--wait")
    url = json.loads(running.line("ready"))["url"]
    config = json.loads(running.line('{"debug": '))["debug"]["launch"]
    assert (config["type"], config["request"]) == ("debugpy", "attach")
    address = "{host}:{port}".format(**config["connect"])
    paths = [(each["localRoot"], each["remoteRoot"]) for each in config["pathMappings"]]
    file = str(tmp_path / "factors.py")

    def stop_once() -> tuple[str, DapClient]:
        client = DapClient(address, paths)
        client.breaks(file, LAST)
        client.run()
        thread, frame = client.stopped()
        assert (frame["source"]["path"], frame["line"]) == (file, LAST)
        value = client.value(frame["id"], "found")
        client.go_on(thread)
        return value, client

    with ThreadPoolExecutor(1) as calls:
        waiting = calls.submit(invoke, url, 21)
        value, client = stop_once()
        assert (value, waiting.result(60)) == ("2", 42)
        (tmp_path / "factors.py").write_text(FACTORS.format(3))
        assert client.event("terminated") == {"restart": True}
        client.close()
        waiting = calls.submit(invoke, url, 21)
        value, client = stop_once()
        assert (value, waiting.result(60)) == ("3", 63)
        client.close()


def invoke(url: str, n: int) -> int:
    address = f"{url}/2015-03-31/functions/times/invocations"
    with urllib.request.urlopen(address, data=str(n).encode(), timeout=60) as answer:
        return int(json.load(answer))
