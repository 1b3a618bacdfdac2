"""The command line against a real emulator: plan, deploy, invoke, logs, in that order."""

import io
import json
import zipfile
from pathlib import Path

import pytest

from pelton.pytest_plugin import RunningEmulator

from .. import plain
from .commands import Run, commands_at, run_command

APP = """
import pelton

app = pelton.App("shop")

@app.function(memory=MEMORY, timeout=5, triggers=[pelton.http("POST", "/double")])
def double(n: int, context: pelton.Context) -> int:
    context.logger.info("doubling", n=n)
    if n < 0:
        raise ValueError("no negative numbers")
    return 2 * n

@app.function(timeout=5, triggers=[pelton.sqs("orders")])
def take(order: dict[str, int]) -> None:
    print(order)
"""


@pytest.fixture
def pelton(pelton_emulator: RunningEmulator, tmp_path: Path) -> Run:
    pelton_emulator.client("sqs").create_queue(QueueName="orders")
    (tmp_path / "shop_app.py").write_text(APP.replace("MEMORY", "256"))
    return commands_at(pelton_emulator, tmp_path)


def test_plan_deploy_change_deploy(pelton: Run, tmp_path: Path) -> None:
    assert pelton("plan", "shop_app.py", "--out", "plan.json").returncode == 2
    assert pelton("deploy", "plan.json").returncode == 0
    moved = pelton("deploy", "--plan", "plan.json")
    assert moved.returncode == 1
    assert "the world has moved: somebody has deployed since (state 0, now " in moved.stderr
    again = pelton("deploy", "shop_app.py")
    assert again.stdout == "shop: nothing to do (double, take)\n"
    assert pelton("plan", "shop_app.py").returncode == 0
    (tmp_path / "shop_app.py").write_text(APP.replace("MEMORY", "512"))
    document = json.loads(pelton("plan", "shop_app.py", "--json").stdout)
    changed = {each["function"]: each for each in document["steps"]}
    assert set(changed) == {"double", "take"}, "one file, so both functions' code changes"
    told = {each["what"]: each for each in changed["double"]["changes"]}
    assert {"code.shop_app.py", "memory"} <= set(told)
    assert (told["memory"]["old"], told["memory"]["new"]) == (256, 512)
    assert told["memory"]["cause"].startswith("shop_app.py:")
    assert pelton("deploy", "shop_app.py").returncode == 0
    assert pelton("plan", "shop_app.py").returncode == 0
    refused = pelton("destroy", "shop_app.py")
    assert refused.returncode == 2 and "give --yes" in refused.stderr
    assert "shop: 6 deleted" in pelton("destroy", "shop_app.py", "--yes").stdout
    shown = json.loads(pelton("state", "show", "shop_app.py", "--json").stdout)
    assert shown["resources"] == []


def test_invoke_and_logs(pelton: Run) -> None:
    assert pelton("deploy", "shop_app.py").returncode == 0
    assert pelton("invoke", "double", "--data", "21").stdout == "42\n"
    failed = pelton("invoke", "double", "--data", "-1")
    assert failed.returncode == 1
    lines = failed.stderr.splitlines()
    assert lines[-1] == "ValueError: no negative numbers"
    assert "shop_app.py" in lines[1], "the trace starts in the user's own code"


STEPS = """
import os
import pelton

app = pelton.App("steps")

if os.environ.get("AWS_LAMBDA_FUNCTION_NAME") == "broken":
    raise ValueError("no ledger")

def clean(n: int) -> int:
    return n

def score(n: int) -> int:
    return 1 // n

app.serve(pelton.Graph("delay", int) >> clean >> score, timeout=10,
          triggers=[pelton.http("POST", "/delay")])

@app.function(timeout=10)
def broken(n: int) -> int:
    return n
"""


def frames(told: str) -> list[str]:
    return [each.partition("File ")[2] for each in told.splitlines() if "File " in each]


def test_errors_begin_in_the_users_code_on_both(
    pelton: Run, pelton_emulator: RunningEmulator, tmp_path: Path
) -> None:
    (tmp_path / "steps_app.py").write_text(STEPS)
    deployed = pelton("deploy", "steps_app.py", "--on", "both")
    assert deployed.returncode == 0, deployed.stderr
    failed = pelton("invoke", "delay", "--data", "0").stderr
    step, users = frames(failed)
    assert step == '"<graph delay>", line 1, in delay/score'
    assert users.endswith('steps_app.py", line 14, in score')
    assert '"step": "delay/score"' in pelton("logs", "delay").stdout
    refused = pelton("invoke", "delay", "--data", '"x"').stderr
    assert "steps_app.py" in "".join(frames(refused))
    assert len(frames(refused)) == 1
    assert refused.splitlines()[-1].startswith("InvalidInput: expected an integer")
    begun = pelton("invoke", "broken", "--data", "1").stderr
    assert begun.splitlines()[-1] == "ValueError: no ledger"
    assert [each.partition("steps_app.py")[1] for each in frames(begun)] == ["steps_app.py"]
    on_nuclio = pelton("invoke", "delay", "--on", "nuclio", "--data", "0").stderr
    assert frames(on_nuclio)[0] == step
    assert frames(on_nuclio)[1].endswith('steps_app.py", line 14, in score')


def test_a_route_is_held_to_on_both(
    pelton: Run, pelton_emulator: RunningEmulator, tmp_path: Path
) -> None:
    (tmp_path / "steps_app.py").write_text(STEPS)
    assert "POST /delay" in pelton("plan", "steps_app.py", "--on", "both").stdout
    deployed = pelton("deploy", "steps_app.py", "--on", "both", "--only", "delay")
    urls = pelton_emulator.client("lambda")
    lambda_url = urls.get_function_url_config(FunctionName="delay")["FunctionUrl"].rstrip("/")
    assert f"delay: POST {lambda_url}/delay" in deployed.stdout
    status = plain.get(f"{pelton_emulator.nuclio_url}/api/functions/delay").json()["status"]
    for url in (lambda_url, f"http://{status['externalInvocationUrls'][0]}"):
        assert plain.post(f"{url}/delay", json=1, timeout=30).text == "1"
        assert plain.delete(f"{url}/nowhere", timeout=30).status_code == 404
        wrong = plain.put(f"{url}/delay", json=1, timeout=30)
        assert (wrong.status_code, wrong.headers["allow"]) == (405, "POST")
    assert pelton("invoke", "delay", "--data", "1").stdout == "1\n"
    assert pelton("invoke", "delay", "--on", "nuclio", "--data", "1").stdout == "1\n"
    elsewhere = pelton("invoke", "delay", "--on", "nuclio", "--path", "/nowhere")
    assert elsewhere.returncode == 1 and "there is no function" not in elsewhere.stderr
    absent = pelton("invoke", "nobody", "--on", "nuclio")
    assert "there is no function 'nobody' on nuclio" in absent.stderr


def test_nuclio_too(pelton: Run) -> None:
    planned = pelton("plan", "shop_app.py", "--on", "nuclio")
    assert planned.returncode == 2, planned.stderr
    assert "nuclio does not read sqs" in planned.stdout + planned.stderr
    only = ("--on", "nuclio", "--only", "double")
    assert pelton("deploy", "shop_app.py", *only).returncode == 0
    assert pelton("deploy", "shop_app.py", *only).stdout == "shop: nothing to do (double)\n"
    assert pelton("invoke", "double", "--on", "nuclio", "--data", "21").stdout == "42\n"


def test_a_queue_that_is_not_there_is_named(pelton: Run, pelton_emulator: RunningEmulator) -> None:
    pelton_emulator.reset()
    refused = pelton("plan", "shop_app.py")
    assert refused.returncode == 1
    assert "'orders' (function 'take')" in refused.stderr


def test_nothing_answers() -> None:
    done = run_command(["invoke", "f", "--endpoint", "http://127.0.0.1:9"], Path.cwd())
    assert done.returncode == 1
    assert "nothing answers at http://127.0.0.1:9: start it with `pelton emulator`" in done.stderr


OTHER = """
import sys
import zipfile
import pelton

app = pelton.App("other")

@app.function(aws=pelton.Aws(runtime="pythonVERSION"), timeout=10)
def tell(n: int) -> str:
    return "%d.%d" % sys.version_info[:2]
"""


def test_what_is_deployed_is_built_for_the_functions_own_python(
    pelton: Run, pelton_emulator: RunningEmulator, tmp_path: Path
) -> None:
    health = plain.get(f"{pelton_emulator.url}/_pelton/health", trust_env=False).json()
    # What ships needs 3.11.
    others = [each for each in health["interpreters"] if each not in (health["python"], "3.10")]
    if not others:
        pytest.skip("this machine has one Python only")
    (tmp_path / "other_app.py").write_text(OTHER.replace("VERSION", others[-1]))
    deployed = pelton("deploy", "other_app.py")
    assert deployed.returncode == 0, deployed.stderr
    assert pelton("invoke", "tell", "--data", "1").stdout == f'"{others[-1]}"\n'
    code = pelton_emulator.client("lambda").get_function(FunctionName="tell")["Code"]["Location"]
    with zipfile.ZipFile(io.BytesIO(plain.get(code, trust_env=False).content)) as archive:
        tag = f".cpython-{others[-1].replace('.', '')}.pyc"
        assert any(name.endswith(tag) for name in archive.namelist())
