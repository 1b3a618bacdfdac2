"""The main job, end to end: train, build, start the emulator, deploy twice, send real flights.

`make demo` runs it.  It ends with exit code 0 when 1,000 September flights got the same answers
by boto3 invoke, function URL, SQS and Nuclio's HTTP trigger, else with one sentence and a 1.
"""

from __future__ import annotations

import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import httpx
import ways
from data import departures, flights
from features import Flight
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from sklearn.metrics import roc_auc_score
from train import train
from ways import Answers, DemoFailed

HERE = Path(__file__).parent
APP = str(HERE / "app.py")
FLIGHTS = 1000
DECISIONS = 100
COLD_STARTS = 5
TOLERANCE = 1e-6
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "us-east-1",
    # Everything is on this machine: no proxy leads there.
    "NO_PROXY": "127.0.0.1,localhost",
    "no_proxy": "127.0.0.1,localhost",
}

console = Console(width=110)


@contextlib.contextmanager
def step(title: str) -> Iterator[None]:
    """Say what is being done and how long it took."""
    started = time.monotonic()
    console.print(f"[bold]>[/bold] {title}")
    yield
    console.print(f"  done in {time.monotonic() - started:.1f} s", style="dim")


@contextlib.contextmanager
def emulator(data: Path) -> Iterator[dict[str, Any]]:
    """`pelton emulator` on free ports; its ready line; stopped (and seen to stop) at the end."""
    command = [
        sys.executable,
        "-m",
        "pelton",
        "emulator",
        "--port",
        "0",
        "--nuclio-port",
        "0",
        "--data-dir",
        str(data),
        "--json",
    ]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise DemoFailed(f"the emulator did not start: exit code {process.wait(10)}")
        ready = json.loads(line)
        if ready.get("status") != "ready":
            raise DemoFailed(f"the emulator did not start: {ready['error']['message']}")
        yield ready
    finally:
        process.terminate()
        code = process.wait(30)
    if code:
        raise DemoFailed(f"the emulator ended with exit code {code}")


def pelton(*words: str, **environment: str) -> str:
    """Run a `pelton` command as a person would; its output, or the demo ends with it."""
    done = subprocess.run(
        [sys.executable, "-m", "pelton", *words],
        cwd=HERE,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
    )
    if done.returncode:
        raise DemoFailed(f"`pelton {' '.join(words)}` failed:\n{done.stdout}{done.stderr}")
    return done.stdout


def clients(url: str) -> Callable[[str], Any]:
    session = boto3.session.Session(
        aws_access_key_id="test", aws_secret_access_key="test", region_name="us-east-1"
    )
    return lambda service: session.client(service, endpoint_url=url)


def make_resources(client: Callable[[str], Any]) -> str:
    """The queue and the tables the app uses; the queue's URL."""
    url: str = client("sqs").create_queue(
        QueueName="departures", Attributes={"VisibilityTimeout": "60"}
    )["QueueUrl"]
    for table in ("scores", "decisions"):
        client("dynamodb").create_table(
            TableName=table,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        )
    return url


def deploy(ready: dict[str, Any], *words: str) -> str:
    """`pelton deploy`, then again, which must find nothing to do; the first run's words."""
    where = ["--to", "local", "--endpoint", ready["url"], "--nuclio-endpoint", ready["nuclio_url"]]
    first = pelton("deploy", APP, *where, *words)
    again = pelton("deploy", APP, *where, *words)
    if "nothing to do" not in again.lower():
        raise DemoFailed(f"a second deploy without a change was not idle:\n{again}")
    return first


def deploy_small(nuclio_url: str) -> str:
    """The single-file function, by the real nuclio-jupyter; the address it gave."""
    code = (
        "import nuclio, sys; from nuclio import ConfigSpec;"
        f"print(nuclio.deploy_file({str(HERE / 'nuclio_small.py')!r}, name='haul', project='demo',"
        f" dashboard_url={nuclio_url!r}, spec=ConfigSpec(), verbose=False), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise DemoFailed(f"nuclio-jupyter could not deploy the small function:\n{done.stderr}")
    return done.stderr.strip().splitlines()[-1]


def nuclio_address(nuclio_url: str, name: str) -> str:
    status = httpx.get(f"{nuclio_url}/api/functions/{name}", trust_env=False).json()["status"]
    return f"http://{status['externalInvocationUrls'][0]}"


def send_all(
    client: Callable[[str], Any], nuclio_url: str, queue_url: str, sample: list[Flight]
) -> list[Answers]:
    """The same flights by four ways, one way after another, with a bar for each."""
    function_url = client("lambda").get_function_url_config(FunctionName="delay")["FunctionUrl"]
    nuclio = nuclio_address(nuclio_url, "delay")
    with Progress(console=console) as progress:

        def bar(name: str) -> Callable[[], None]:
            task = progress.add_task(name, total=len(sample))
            return lambda: progress.advance(task)

        url_way, nuclio_way = "Lambda: function URL", "Nuclio: HTTP trigger"
        return [
            ways.by_invoke(client("lambda"), sample, bar("boto3 invoke")),
            ways.by_http(url_way, function_url.rstrip("/") + "/delay", sample, bar(url_way)),
            ways.by_queue(client("sqs"), client("dynamodb"), queue_url, sample, bar("SQS")),
            ways.by_http(nuclio_way, f"{nuclio}/delay", sample, bar(nuclio_way)),
        ]


def compare(answers: list[Answers]) -> None:
    """All ways must know the same flights and give each the same score."""
    first = answers[0]
    for other in answers[1:]:
        if other.scores.keys() != first.scores.keys():
            raise DemoFailed(f"{other.way} answered for other flights than {first.way}")
        for flight, score in first.scores.items():
            if abs(other.scores[flight] - score) > TOLERANCE:
                raise DemoFailed(
                    f"flight {flight}: {first.way} says {score}, {other.way} {other.scores[flight]}"
                )


def _only(answers: Answers, sample: list[Flight]) -> Answers:
    return Answers(answers.way, {each.id: answers.scores[each.id] for each in sample})


def milliseconds(seconds: list[float], share: float) -> str:
    if len(seconds) == 1:
        return f"{seconds[0] * 1000:.2f}" if share == 0.5 else "-"
    cuts = statistics.quantiles(seconds, n=100, method="inclusive")
    return f"{cuts[round(share * 100) - 1] * 1000:.2f}"


def show(answers: list[Answers], cold: list[float], auc: float) -> None:
    table = Table(title=f"{FLIGHTS:,} September flights, the same scores by every way")
    for column in ("way", "flights", "p50 ms", "p99 ms"):
        table.add_column(column, justify="left" if column == "way" else "right")
    for each in answers:
        table.add_row(
            each.way,
            f"{len(each.scores):,}",
            milliseconds(each.seconds, 0.5),
            milliseconds(each.seconds, 0.99),
        )
    table.add_row(
        "Lambda: cold start", str(len(cold)), milliseconds(cold, 0.5), milliseconds(cold, 0.99)
    )
    console.print(table)
    console.print(
        "(SQS: seconds from first send to last row in the table, per flight)", style="dim"
    )
    console.print(f"AUC of the served scores: [bold]{auc:.3f}[/bold]")


def run(folder: Path) -> None:
    with step("train on January to August, export ONNX"):
        for name, area in train().items():
            console.print(f"  {name}.onnx: AUC on September {area:.3f}")
    september = departures().query("month == 9").sample(FLIGHTS, random_state=9)
    sample = flights(september)
    with emulator(folder / "data") as ready:
        console.print(f"  emulator at {ready['url']}, Nuclio at {ready['nuclio_url']}", style="dim")
        client = clients(ready["url"])
        queue_url = make_resources(client)
        with step("build and deploy to Lambda (delay, record, decide and its queue's function)"):
            console.print(deploy(ready).strip(), highlight=False, markup=False)
        with step("deploy to Nuclio: delay as an archive, haul by nuclio-jupyter"):
            console.print(
                deploy(ready, "--on", "nuclio", "--only", "delay").strip(),
                highlight=False,
                markup=False,
            )
            haul = deploy_small(ready["nuclio_url"])
            answer = httpx.post(f"http://{haul}", json={"distance": 2475}, trust_env=False)
            if answer.json() != {"haul": "long"}:
                raise DemoFailed(f"the small Nuclio function answered {answer.text}")
        with step(f"send {FLIGHTS:,} September flights by four ways"):
            cold = ways.cold_starts(client("lambda"), sample[0], COLD_STARTS)
            answers = send_all(client, ready["nuclio_url"], queue_url, sample)
            compare(answers)
        with step(
            f"decide {DECISIONS} of them, each decision logged by the function behind a queue"
        ):
            compare(
                [_only(answers[0], sample[:DECISIONS]), ways.decided(client, sample[:DECISIONS])]
            )
    scores = [answers[0].scores[each.id] for each in sample]
    show(answers, cold, float(roc_auc_score(september["late"], scores)))
    console.print(pelton("graph", APP), highlight=False, markup=False, soft_wrap=True)
    console.print("the emulator has stopped, its data is removed", style="dim")


def say_failed(sentence: str) -> int:
    """The demo's last line, and its exit code."""
    console.print(f"the demo failed: {sentence}", style="red", highlight=False, markup=False)
    return 1


def main() -> int:
    os.environ.update(ENVIRONMENT)
    started = time.monotonic()
    try:
        with tempfile.TemporaryDirectory(prefix="pelton-demo-") as scratch:
            run(Path(scratch))
    except DemoFailed as failure:
        return say_failed(str(failure))
    except Exception as error:  # the last door of a script: what it was, and where
        frame = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{Path(frame.filename).name}:{frame.lineno}"
        return say_failed(f"{type(error).__name__} at {place}: {error}")
    console.print(f"all four ways agree; {time.monotonic() - started:.0f} s in all")
    return 0


if __name__ == "__main__":
    sys.exit(main())
