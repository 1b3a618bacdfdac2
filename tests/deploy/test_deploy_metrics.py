"""What a deployed graph counts, read from outside: by its route, and in Lambda's log."""

from __future__ import annotations

import json
from pathlib import Path

from pelton.pytest_plugin import RunningEmulator

from .. import plain
from .commands import run_command

APP = """
import pelton

app = pelton.App("watched")


def clean(n: int) -> int:
    return abs(n)


def fee(n: int, context: pelton.Context) -> int:
    context.metrics.counter("fees").add()
    return 2 * n


graph = pelton.Graph("watched-fee", int) >> clean >> fee
app.serve(
    graph,
    triggers=[pelton.http("POST", "/fee")],
    telemetry=pelton.Telemetry(route="/metrics", emf=True),
)
"""


def test_a_deployed_graph_tells_what_it_counted(
    pelton_emulator: RunningEmulator, tmp_path: Path
) -> None:
    (tmp_path / "watched_app.py").write_text(APP)
    where = ["--endpoint", pelton_emulator.url, "--nuclio-endpoint", pelton_emulator.nuclio_url]

    def pelton(*words: str) -> str:
        done = run_command([*words], tmp_path)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    pelton("deploy", "watched_app.py", "--on", "both", *where)
    lambda_ = pelton_emulator.client("lambda")
    url = lambda_.get_function_url_config(FunctionName="watched-fee")["FunctionUrl"].rstrip("/")
    told = plain.get(f"{pelton_emulator.nuclio_url}/api/functions/watched-fee").json()
    port = told["status"]["httpPort"]
    for address in (url, f"http://127.0.0.1:{port}"):
        assert plain.post(f"{address}/fee", content=b"-4").text == "8"
        assert plain.post(f"{address}/fee", content=b"5").text == "10"
        page = plain.get(f"{address}/metrics")
        assert page.headers["content-type"].startswith("text/plain")
        assert "fees_total 2\n" in page.text
        assert 'step_seconds_count{graph="watched-fee",step="watched-fee/clean"} 2\n' in page.text
    picture = pelton("graph", "watched_app.py", "--live", f"{url}/metrics")
    assert "│   clean" in picture and " 2 · " in picture
    lines = pelton("logs", "watched-fee", *where[:2]).splitlines()
    documents = [json.loads(line[line.index("{") :]) for line in lines if '"_aws"' in line]
    steps = [each["step"] for each in documents if "pelton_step_seconds" in each]
    assert sorted(steps) == ["watched-fee/clean"] * 2 + ["watched-fee/fee"] * 2
