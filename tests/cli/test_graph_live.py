"""`pelton graph --live`, `--out` and `--diff`, as a user calls them."""

from __future__ import annotations

import asyncio
import json
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner, Result

from pelton.builders import load_app
from pelton.cli import command
from pelton.runner.relay import Relay
from pelton.runner.routes import make_routes
from pelton.runner.server import Server

APP = """
import pelton

app = pelton.App("shop")


def clean(amount: float) -> float:
    return abs(amount)


def fee(amount: float) -> float:
    if amount > 100:
        raise LookupError(amount)
    return amount / 10


graph = pelton.Graph("fee", float) >> clean >> fee
app.serve(graph, triggers=[pelton.http("POST", "/fee")])
"""


def pelton(*words: str) -> Result:
    return CliRunner().invoke(command, ["graph", *words])


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "shop_of_live.py"
    path.write_text(APP)
    yield path
    sys.modules.pop("shop_of_live", None)
    sys.path[:] = [each for each in sys.path if each != str(tmp_path)]


@pytest.fixture
def server(shop: Path) -> Iterator[str]:
    app, _ = load_app(str(shop))
    served = Server(make_routes(app))
    port, over = served.bind("127.0.0.1", 0), asyncio.Event()

    async def serve() -> None:
        await served.begin(relay)
        await over.wait()
        await served.end(10)

    with asyncio.Runner() as runner:
        loop = runner.get_loop()
        relay = Relay(loop)
        thread = threading.Thread(target=relay.run, args=[serve()])
        thread.start()
        yield f"127.0.0.1:{port}"
        loop.call_soon_threadsafe(over.set)
        thread.join()


def test_the_picture_shows_what_a_running_server_counted(
    shop: Path, server: str, tmp_path: Path
) -> None:

    from .. import plain

    empty = pelton(str(shop), "--live", server)
    assert "knows no step of this graph yet" in empty.output
    for amount in ("50", "500", "20"):
        plain.post(f"http://{server}/fee", content=amount)
    drawn = pelton(str(shop), "--live", server)
    assert drawn.exit_code == 0 and "3 · " in drawn.output and "1 error" in drawn.output
    svg, html = tmp_path / "fee.svg", tmp_path / "fee.html"
    files = ("--svg", str(svg), "--html", str(html), "--frames", "2", "--every", "0.01")
    assert "0/s" in pelton(str(shop), "--live", server, *files).output
    assert ElementTree.fromstring(svg.read_text()).tag.endswith("svg")
    assert "1 error" in svg.read_text() and 'http-equiv="refresh"' in html.read_text()
    told = json.loads(pelton(str(shop), "--live", server, "--json").stdout)
    assert told["steps"]["fee/fee"]["bad"] and not told["steps"]["fee/clean"]["bad"]


def test_who_tells_no_metrics_is_named(shop: Path, server: str) -> None:
    nobody = pelton(str(shop), "--live", f"http://{server}/elsewhere")
    assert nobody.exit_code == 1 and "does not tell metrics" in nobody.output
    never = pelton(str(shop), "--live", server, "--every", "0")
    assert never.exit_code == 1 and "is no time" in never.output


class Odd(BaseHTTPRequestHandler):
    """Answers like something that is no Prometheus page at all."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'<html>\npelton_step_seconds_count{step="fee/fee"} many\n{}{}{}\n')

    def log_message(self, *_: Any) -> None: ...


def test_a_page_of_something_else_breaks_nothing(shop: Path) -> None:
    server = HTTPServer(("127.0.0.1", 0), Odd)
    thread = threading.Thread(target=server.handle_request)
    thread.start()
    drawn = pelton(str(shop), "--live", f"127.0.0.1:{server.server_address[1]}")
    thread.join()
    server.server_close()
    assert drawn.exit_code == 0 and "knows no step" in drawn.output


def test_a_server_that_goes_away_leaves_the_last_picture(shop: Path) -> None:
    server = HTTPServer(("127.0.0.1", 0), Odd)

    def answer_once() -> None:
        server.handle_request()
        server.server_close()

    thread = threading.Thread(target=answer_once)
    thread.start()
    address = f"127.0.0.1:{server.server_address[1]}"
    drawn = pelton(str(shop), "--live", address, "--frames", "2", "--every", "0.2")
    thread.join()
    assert drawn.exit_code == 0 and "the numbers are the last known" in drawn.output


@pytest.mark.parametrize("suffix", [".json", ".yaml"])
def test_a_graph_is_written_compared_and_drawn_from_its_text(shop: Path, suffix: str) -> None:
    text = shop.parent / f"fee{suffix}"
    assert pelton(str(shop), "--out", str(text)).exit_code == 0
    same = pelton(str(shop), "--diff", str(text))
    assert (same.exit_code, same.output) == (0, "")
    text.write_text(text.read_text().replace(":clean", ":fee"))
    other = pelton("shop_of_live:graph", "--diff", str(text))
    assert other.exit_code == 1
    assert other.output == "~ clean: reference: shop_of_live:clean -> shop_of_live:fee\n"
    listed = json.loads(pelton(str(text), "--diff", str(shop), "--json").output)
    assert listed["changes"][0]["path"] == "clean"
    assert "│ clean │" in pelton(str(text)).output


def test_a_module_without_an_app_has_graphs_too(shop: Path) -> None:
    (shop.parent / "bare_of_live.py").write_text(
        "import pelton\n\ngraph = pelton.Graph('bare', str) >> len\n"
    )
    assert "│ len │" in pelton(str(shop.parent / "bare_of_live.py")).output
    sys.modules.pop("bare_of_live", None)


def test_a_text_that_is_wrong_is_said(shop: Path) -> None:
    text = shop.parent / "fee.json"
    assert "cannot read" in pelton(str(text)).output
    text.write_text("{")
    assert "does not parse" in pelton(str(text)).output
    assert "written as .json" in pelton(str(shop), "--out", "fee.txt").output
