"""The state of the last deploy, in a file: whole or not at all, versioned, locked."""

import json
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from pelton.deploy.errors import Locked, PlanMoved, StateError
from pelton.deploy.kinds.base import digest
from pelton.deploy.kinds.function import LambdaFunction
from pelton.deploy.kinds.queue import Queue
from pelton.deploy.planning import make_plan
from pelton.deploy.record import Record
from pelton.deploy.saved import SavedPlan, as_saved
from pelton.deploy.state import VERSION, FileStore, State

ORDERS = Queue(name="orders", function="take", visibility=30)


@pytest.fixture
def store(tmp_path: Path) -> FileStore:
    return FileStore(tmp_path / ".pelton" / "state" / "local" / "shop.json")


def test_what_is_written_is_read_with_the_next_serial(store: FileStore) -> None:
    assert store.read() is None
    state = State("shop").with_(ORDERS.key, ORDERS.remembered())
    written = store.write(state)
    assert (written.serial, store.read()) == (1, written)
    assert store.write(written.without(ORDERS.key)).resources == {}
    ignored = store.path.parent.parent.parent / ".gitignore"
    assert ignored.read_text() == "*\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "cannot be read"),
        ("[1]", "cannot be read"),
        ('{"pelton_state": 1}', "cannot be read"),
        ('{"pelton_state": 1, "app": "a", "serial": 1, "resources": []}', "cannot be read"),
        (
            '{"pelton_state": 2, "app": "a", "serial": 1, "salt": "x", "resources": {}}',
            "cannot be read",
        ),
        (
            '{"pelton_state": 2, "app": "a", "serial": 1, "salt": 7, "resources": {}}',
            "cannot be read",
        ),
        (json.dumps({"pelton_state": VERSION + 1}), "a newer pelton wrote it"),
    ],
)
def test_what_is_no_state_is_refused_with_what_to_do(
    store: FileStore, text: str, said: str
) -> None:
    store.write(State("shop"))
    store.path.write_text(text)
    with pytest.raises(StateError, match=said) as raised:
        store.read()
    assert "pelton state rebuild" in str(raised.value)


def test_a_disk_that_is_full_leaves_the_state_as_it_was(store: FileStore) -> None:
    store.write(State("shop"))
    program = """
import resource, signal, sys
from pathlib import Path
from pelton.deploy.errors import StateError
from pelton.deploy.state import FileStore, State
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
try:
    FileStore(Path(sys.argv[1])).write(State("shop", 1).with_("queue:q", {"name": "q" * 9000}))
except StateError as error:
    print(error)
"""
    command = [sys.executable, "-c", program, str(store.path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "cannot be written (File too large); what was deployed is deployed" in done.stdout
    assert store.read() == State("shop", 1)


def test_a_folder_that_is_no_folder_is_said(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("")
    store = FileStore(tmp_path / "state" / "shop.json")
    with pytest.raises(StateError, match="cannot be written"):
        store.write(State("shop"))
    with pytest.raises(StateError, match=r"the lock .* cannot be made"), store.lock("deploy"):
        pass


def test_a_second_deploy_is_told_who_deploys(store: FileStore) -> None:
    with store.lock("pelton deploy"):
        with pytest.raises(Locked) as raised, FileStore(store.path).lock("pelton deploy"):
            pass
        said = str(raised.value)
        assert "pelton deploy), since 20" in said
        assert "pelton state unlock" in said
        assert "pelton deploy" in store.unlock()
        with FileStore(store.path).lock("pelton deploy"):
            pass
    with store.lock("pelton deploy"):
        pass
    assert store.unlock() == "", "a lock that was given back is nobody's"


def test_who_has_the_lock_is_told_without_taking_it(store: FileStore) -> None:
    assert store.held() == ""
    with store.lock("pelton deploy"):
        assert ", pelton deploy), since 20" in FileStore(store.path).held()
    assert store.held() == ""


def test_a_killed_deploy_holds_no_lock(store: FileStore) -> None:
    program = """
import os, signal, sys
from pathlib import Path
from pelton.deploy.state import FileStore
with FileStore(Path(sys.argv[1])).lock("pelton deploy"):
    os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run([sys.executable, "-c", program, str(store.path)], check=False)
    assert done.returncode == -9
    assert store.held() == ""
    with store.lock("pelton deploy"):
        assert stat.S_ISREG(store.path.with_suffix(".lock").stat().st_mode)


def test_a_record_knows_what_is_about_to_be_made(store: FileStore) -> None:
    other = Queue(name="there", visibility=30, app="shop")
    plan = make_plan("shop", [ORDERS, other], {other.key: other})
    record = Record(store, State("shop"))
    record.begin(plan, [ORDERS, other])
    known = store.read()
    assert known is not None
    assert known.resources[ORDERS.key]["pending"]
    assert known.resources[other.key]["visibility"] == 30
    again = make_plan("shop", [ORDERS, other], {other.key: other}, known.resources)
    assert [each.drift for each in again.steps] == [""], "nobody else has deleted it"
    gone = make_plan("shop", [], {ORDERS.key: ORDERS}, known.resources)
    assert not gone.steps, "it is not tagged as ours"
    record.done(plan.steps[0])
    record.keep()
    known = store.read()
    assert known is not None and "pending" not in known.resources[ORDERS.key]


def test_nothing_is_written_where_nothing_changed(store: FileStore) -> None:
    record = Record(store, State("shop"))
    record.begin(make_plan("shop", [], {}), [])
    assert store.read() is None


TAKE = LambdaFunction(
    name="take", function="take", app="shop", runtime="python3.12", handler="h.h", role="r",
    environment={"PIN": "1234"},
)  # fmt: skip


def test_a_variable_s_digest_is_the_state_s_own(store: FileStore, tmp_path: Path) -> None:
    """Whole, and salted: a value with few letters cannot be tried out, nor two states compared."""
    other = FileStore(tmp_path / "other" / "shop.json")
    for each in (store, other):
        Record(each, State("shop")).begin(make_plan("shop", [TAKE], {TAKE.key: TAKE}), [TAKE])
    one, two = store.read(), other.read()
    assert one is not None and two is not None
    digests = [each.resources[TAKE.key]["environment"]["PIN"] for each in (one, two)]
    assert digests[0] != digests[1] and {len(each) for each in digests} == {64}
    assert digest("1234") not in store.path.read_text()
    live = {TAKE.key: replace(TAKE, environment={"PIN": "9"})}
    for salt, drifted in ((one.salt, True), (one.salt, False)):
        have = live if drifted else {TAKE.key: TAKE}
        want = replace(TAKE, environment={"PIN": "7"})
        (step,) = make_plan("shop", [want], have, one.resources, salt=salt).steps
        assert [each.drift for each in step.changes] == [drifted]


def test_a_state_without_salt_is_read_and_gets_one(store: FileStore) -> None:
    store.write(State("shop"))
    resources = {TAKE.key: json.loads(json.dumps(TAKE.remembered()))}
    assert resources[TAKE.key]["environment"] == {"PIN": digest("1234")}
    old = {"pelton_state": 1, "app": "shop", "serial": 3, "resources": resources}
    store.path.write_text(json.dumps(old))
    state = store.read()
    assert state is not None and state.salt == ""
    want = replace(TAKE, environment={"PIN": "7"})
    plan = make_plan("shop", [want], {TAKE.key: TAKE}, state.resources, salt=state.salt)
    assert [each.drift for each in plan.steps[0].changes] == [False]
    Record(store, state).begin(make_plan("shop", [TAKE], {TAKE.key: TAKE}), [TAKE])
    text = store.path.read_text()
    assert digest("1234") not in text and json.loads(text)["pelton_state"] == VERSION
    now = store.read()
    assert now is not None and len(now.salt) == 32
    assert not make_plan("shop", [TAKE], {TAKE.key: TAKE}, now.resources, salt=now.salt)


def saved(live: dict[str, Queue], **more: object) -> SavedPlan:
    given: dict[str, object] = {
        "file": "app.py",
        "place": "account 1, eu-west-1",
        "serial": 3,
        "artifacts": {"take on lambda": "d1"},
        "only": (),
        "options": {},
    }
    plan = make_plan("shop", [ORDERS], dict(live))
    return as_saved(plan, **(given | more))  # type: ignore[arg-type]


def test_a_saved_plan_s_digests_are_its_own() -> None:
    then, other = saved({ORDERS.key: ORDERS}), saved({ORDERS.key: ORDERS})
    assert then.live != other.live
    then.refuse_moved(saved({ORDERS.key: ORDERS}, salt=then.salt))
    moved = {ORDERS.key: replace(ORDERS, visibility=31)}
    with pytest.raises(PlanMoved, match="queue:orders was changed"):
        then.refuse_moved(saved(moved, salt=then.salt))


def test_a_saved_plan_is_read_as_it_was_written(tmp_path: Path) -> None:
    then = saved({})
    then.write(tmp_path / "plan.json")
    SavedPlan.read(tmp_path / "plan.json").refuse_moved(saved({}))


@pytest.mark.parametrize(
    ("now", "said"),
    [
        (saved({}, serial=4), r"somebody has deployed since \(state 3, now 4\)"),
        (saved({}, place="account 2, eu-west-1"), "made for account 1.*are for account 2"),
        (saved({}, artifacts={"take on lambda": "d2"}), "the code of take on lambda is not what"),
        (saved({ORDERS.key: ORDERS}), "queue:orders is new"),
    ],
)
def test_a_saved_plan_is_refused_with_what_moved(now: SavedPlan, said: str) -> None:
    with pytest.raises(PlanMoved, match=said):
        saved({}).refuse_moved(now)


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"pelton_plan": 99}', '{"pelton_plan": 1}'])
def test_what_is_no_plan_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "plan.json").write_text(text)
    with pytest.raises(PlanMoved, match=r"is no saved plan|of a newer pelton"):
        SavedPlan.read(tmp_path / "plan.json")


def test_a_plan_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(PlanMoved, match=r"plan.json cannot be read \(No such file"):
        SavedPlan.read(tmp_path / "plan.json")
