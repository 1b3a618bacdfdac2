"""Deploys from beginning to end on a real emulator: state, drift, what is gone, destroy, and every
call after which one can be killed."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from pelton.builders import load_app
from pelton.deploy.errors import CallFailed, CannotPlan, Locked, StateError
from pelton.deploy.plan import Plan
from pelton.deploy.saved import live_digests
from pelton.deploy.session import Session
from pelton.deploy.state import S3Store, State
from pelton.deploy.where import Where
from pelton.pytest_plugin import RunningEmulator

APP = """
import pelton
from pelton import steps

app = pelton.App("shop")

@app.function(memory=256, timeout=5, environment={"API_TOKEN": "tell-nobody"}, concurrency=2,
              tags={"team": "till"},
              triggers=[pelton.http("POST", "/double"), pelton.cron(every="1h")])
def double(n: int) -> int:
    return 2 * n

def read(order: dict[str, int]) -> dict[str, int]:
    return order

def price(order: dict[str, int]) -> int:
    return 10 * order["size"]

app.serve(pelton.Graph("orders") >> read >> steps.queue("priced") >> price, timeout=5)
"""
LESS = """
import pelton

app = pelton.App("shop")

@app.function(memory=512, timeout=5)
def double(n: int) -> int:
    return 2 * n
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("shop")
    (found / "whole_app.py").write_text(APP)
    (found / "whole_less_app.py").write_text(LESS)
    return found


class Deploys:
    """Sessions of the two apps on one emulator, their states in one folder."""

    def __init__(self, emulator: RunningEmulator, folder: Path, state: str, out: Path) -> None:
        self.emulator, self._folder, self._out = emulator, folder, out
        self._where = Where(
            endpoint=emulator.url,
            nuclio_endpoint=emulator.nuclio_url,
            platforms=("lambda",),
            state=state,
        )

    def session(self, name: str = "whole_app", **more: Any) -> Session:
        app, root = load_app(str(self._folder / f"{name}.py"))
        return Session(app, root, self._where, self._out, **more)

    def plan(self, name: str = "whole_app", **more: Any) -> Plan:
        with self.session(name) as session:
            return session.plan(**more)

    def deploy(self, name: str = "whole_app", **more: Any) -> Plan:
        with self.session(name) as session, session.store.lock("test"):
            plan = session.plan(**more)
            session.apply(plan)
            return plan


@pytest.fixture
def deploys(pelton_emulator: RunningEmulator, folder: Path, tmp_path: Path) -> Deploys:
    return Deploys(pelton_emulator, folder, str(tmp_path / "state"), tmp_path / "out")


def test_drift_is_told_and_undone_and_others_are_left_alone(deploys: Deploys) -> None:
    assert deploys.deploy()
    assert not deploys.plan()
    client, queues = deploys.emulator.client("lambda"), deploys.emulator.client("sqs")
    client.update_function_configuration(FunctionName="double", MemorySize=1024)
    client.delete_function_url_config(FunctionName="double")
    url = queues.create_queue(QueueName="theirs")["QueueUrl"]
    arn = "arn:aws:sqs:us-east-1:000000000000:theirs"
    client.create_event_source_mapping(EventSourceArn=arn, FunctionName="double")
    drifted = deploys.deploy()
    told = {each.key: each for each in drifted.steps}
    assert told["function:double"].drift == "somebody else changed it"
    assert [(e.what, e.old, e.new, e.drift) for e in told["function:double"].changes] == [
        ("memory", 1024, 256, True)
    ]
    assert told["url:double"].drift == "somebody else deleted it"
    assert set(told) == {"function:double", "url:double"}
    assert [each for each in drifted.notes if "that others made: left" in each]
    assert not deploys.plan()
    queues.delete_queue(QueueUrl=url)


def test_what_the_app_names_no_more_is_deleted_with_and_without_a_state(
    deploys: Deploys, tmp_path: Path
) -> None:
    deploys.deploy()
    deploys.emulator.client("sqs").send_message(
        QueueUrl=deploys.emulator.client("sqs").get_queue_url(QueueName="priced-dead")["QueueUrl"],
        MessageBody="kept",
    )
    known = deploys.plan("whole_less_app")
    (state,) = (tmp_path / "state").rglob("*.json")
    assert "tell-nobody" not in state.read_text()
    state.unlink()
    unknown = deploys.deploy("whole_less_app")
    assert {each.key for each in known.steps} == {each.key for each in unknown.steps}
    assert {each.key for each in unknown.steps if each.action == "delete"} >= {
        "function:orders",
        "function:orders-priced",
        "queue:priced",
        "url:double",
        "rule:double.cron0",
    }
    assert [each for each in unknown.notes if "queue 'priced-dead' no more, and it is kept" in each]
    left = deploys.emulator.client("lambda").list_functions()["Functions"]
    assert [each["FunctionName"] for each in left] == ["double"]
    assert not deploys.plan("whole_less_app")


def test_destroy_leaves_nothing_of_ours_and_everything_of_others(deploys: Deploys) -> None:
    deploys.deploy()
    queues = deploys.emulator.client("sqs")
    queues.create_queue(QueueName="theirs")
    assert deploys.deploy(destroy=True)
    assert not deploys.plan(destroy=True)
    assert [each.rpartition("/")[2] for each in queues.list_queues()["QueueUrls"]] == ["theirs"]
    assert not deploys.emulator.client("lambda").list_functions()["Functions"]
    assert not deploys.emulator.client("events").list_rules()["Rules"]
    with deploys.session() as session:
        assert session.state is not None and not session.state.resources


def test_a_state_is_rebuilt_from_tags(deploys: Deploys, tmp_path: Path) -> None:
    deploys.deploy()
    (path,) = (tmp_path / "state").rglob("*.json")
    before = set(json.loads(path.read_text())["resources"])
    path.write_text("torn")
    with pytest.raises(StateError, match="pelton state rebuild"):
        deploys.plan()
    with deploys.session() as session:
        rebuilt = session.rebuild()
    assert set(rebuilt.resources) == before
    assert "tell-nobody" not in path.read_text()
    assert not deploys.plan()


def test_a_name_that_is_taken_is_refused(deploys: Deploys) -> None:
    deploys.deploy("whole_less_app")
    client = deploys.emulator.client("lambda")
    arn = client.get_function_configuration(FunctionName="double")["FunctionArn"]
    client.tag_resource(Resource=arn, Tags={"pelton:app": "till"})
    with pytest.raises(CannotPlan, match="belongs to the app 'till'"):
        deploys.plan("whole_less_app")
    with deploys.session("whole_less_app", adopt=["double"]) as session:
        session.apply(session.plan())
    assert not deploys.plan("whole_less_app")


def test_a_team_keeps_its_state_in_s3(deploys: Deploys, folder: Path, tmp_path: Path) -> None:
    deploys.emulator.client("s3").create_bucket(Bucket="team")
    team = Deploys(deploys.emulator, folder, "s3://team/states", tmp_path / "out2")
    team.deploy("whole_less_app")
    listed = deploys.emulator.client("s3").list_objects_v2(Bucket="team")["Contents"]
    assert [each["Key"] for each in listed] == ["states/local/shop.json"]
    with team.session() as session, team.session() as other:
        mine, theirs = session.store, other.store
        assert isinstance(mine, S3Store)
        first, second = mine.read(), theirs.read()
        assert first is not None and first == second
        with mine.lock("deploy"):
            with pytest.raises(Locked, match=r"\(process \d+, deploy\), since"), theirs.lock("x"):
                pass
            assert "deploy" in theirs.unlock()
        mine.write(first)
        with pytest.raises(StateError, match="written by somebody else meanwhile"):
            theirs.write(first)
        theirs.read()
        theirs.write(State("shop", 7))
    missing = Deploys(deploys.emulator, folder, "s3://nobodys", tmp_path / "out3")
    with pytest.raises(CallFailed, match=r"state s3://nobodys/local/shop.json: .*NoSuchBucket"):
        missing.deploy("whole_less_app")


# -- killed


KILLED = """
import os, signal, sys
from pathlib import Path
from pelton.builders import load_app
from pelton.deploy.session import Session
from pelton.deploy.where import Where

file, url, state, out, number, moment = sys.argv[1:]
app, root = load_app(file)
count = iter(range(10_000))
with Session(app, root, Where(endpoint=url, state=state), Path(out)) as session:
    armed = []
    def called(**more):
        if armed and next(count) == int(number):
            os.kill(os.getpid(), signal.SIGKILL)
    session.aws.session.register(f"{moment}-call.*.*", called)
    plan = session.plan()
    armed.append(1)
    session.apply(plan)
print("calls", next(count))
"""


def killed(deploys: Deploys, folder: Path, tmp_path: Path, number: int, moment: str) -> bool:
    """Deploy in a process that is killed at one of its calls; whether it came so far."""
    state, out = tmp_path / f"state-{number}-{moment}", tmp_path / "out"
    words = [str(folder / "whole_app.py"), deploys.emulator.url, str(state), str(out)]
    done = subprocess.run(
        [sys.executable, "-c", KILLED, *words, str(number), moment],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    return done.returncode != 0


def end_state(deploys: Deploys, folder: Path, state: Path, out: Path) -> dict[str, str]:
    """Deploy again after a kill; what is there then, of which nothing is left to do."""
    again = Deploys(deploys.emulator, folder, str(state), out)
    again.deploy()
    plan = again.plan()
    assert not plan, [each.document() for each in plan.steps]
    return live_digests(plan.live)


def test_killed_at_a_call_and_run_again(deploys: Deploys, folder: Path, tmp_path: Path) -> None:
    assert _killed_and_again(deploys, folder, tmp_path, [(12, "after")]) == 1


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_killed_at_every_call_and_run_again(deploys: Deploys, folder: Path, tmp_path: Path) -> None:
    every = ((number, moment) for number in range(100) for moment in ("before", "after"))
    assert _killed_and_again(deploys, folder, tmp_path, every) > 30


def _killed_and_again(
    deploys: Deploys, folder: Path, tmp_path: Path, moments: Iterable[tuple[int, str]]
) -> int:
    deploys.deploy()
    expected, count = live_digests(deploys.plan().live), 0
    for number, moment in moments:
        deploys.emulator.reset()
        if not killed(deploys, folder, tmp_path, number, moment):
            break
        state = tmp_path / f"state-{number}-{moment}"
        assert end_state(deploys, folder, state, tmp_path / "out") == expected, (number, moment)
        count += 1
    return count
