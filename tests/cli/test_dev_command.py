"""`pelton dev`: save and see; nothing is left when it ends."""

import json
import signal
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .conftest import alive

APP = """
import pelton
{imports}
app = pelton.App("dev")

@app.function(timeout=5, triggers=[pelton.http()])
def times(n: int, context: pelton.Context) -> int:
    print("multiplying", n)
    return {factor} * n
"""


@pytest.fixture
def dev(start: Callable[..., Any], tmp_path: Path) -> Callable[..., Any]:
    def dev(*words: str) -> Any:
        write(tmp_path, 2)
        return start("dev", "dev_app.py", "--port", "0", "--nuclio-port", "0", *words)

    return dev


def write(folder: Path, factor: int, imports: str = "") -> None:
    (folder / "dev_app.py").write_text(APP.format(factor=factor, imports=imports))


def invoke(url: str, n: int) -> int:
    address = f"{url}/2015-03-31/functions/times/invocations"
    with urllib.request.urlopen(address, data=str(n).encode(), timeout=30) as answer:
        return int(json.load(answer))


def test_a_save_is_deployed_and_logs_are_shown(dev: Callable[..., Any], tmp_path: Path) -> None:
    running = dev()
    url = running.line("emulator: AWS at ").partition("AWS at ")[2].partition(",")[0]
    running.line("deployed: times")
    assert invoke(url, 21) == 42
    running.line("multiplying 21")
    write(tmp_path, 3)
    running.line("deployed: times")
    assert invoke(url, 21) == 63
    write(tmp_path, 4, "def broken(:")
    running.line("not deployed: ")
    assert "dev_app.py:3" in running.said[-1]
    assert invoke(url, 21) == 63
    write(tmp_path, 4)
    running.line("deployed: times")
    assert invoke(url, 21) == 84


def test_a_port_in_use_is_said(start: Callable[..., Any], tmp_path: Path) -> None:
    first = start("emulator", "--port", "0", "--nuclio-port", "0", "--json")
    port = json.loads(first.line("ready"))["url"].rpartition(":")[2]
    write(tmp_path, 2)
    second = start("dev", "dev_app.py", "--port", port, "--nuclio-port", "0")
    second.line(f"the emulator did not start: port {port} of 127.0.0.1 is in use")
    assert second.process.wait(30) == 1


@pytest.mark.parametrize(
    "number",
    [
        signal.SIGINT,  # the others are taken in the same place
        pytest.param(signal.SIGTERM, marks=pytest.mark.slow),
        pytest.param(signal.SIGHUP, marks=pytest.mark.slow),
    ],
)
def test_it_ends_with_all_it_started(dev: Callable[..., Any], number: int) -> None:
    running = dev("--on", "both")
    running.line("deployed: times")
    assert len(running.tree()) > 3
    assert running.end(number) == (0, [])


def test_nothing_is_left_when_it_is_killed(dev: Callable[..., Any]) -> None:
    running = dev()
    running.line("deployed: times")
    tree = running.tree()
    assert len(tree) > 2
    running.process.kill()
    assert alive(tree, 60) == []


def test_what_a_program_writes_beside_the_app_is_no_save(
    dev: Callable[..., Any], tmp_path: Path
) -> None:
    running = dev()
    url = running.line("emulator: AWS at ").partition("AWS at ")[2].partition(",")[0]
    running.line("deployed: times")
    (tmp_path / "output.log").write_text("a line")
    assert invoke(url, 1) == 2
    running.line("multiplying 1")
    write(tmp_path, 3)
    running.line("deployed: times")
    assert sum("deployed: times" in line for line in running.said) == 2
