"""A plan is data: what is wanted, what is live and what a state remembers go in, steps come out."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pelton.builders import Artifact, Report, Target
from pelton.builders.requirers import Distribution, find_requirers
from pelton.cli.plan import plan_lines
from pelton.deploy.errors import CannotPlan
from pelton.deploy.kinds import KINDS, Change, Resource, dump, load
from pelton.deploy.kinds.archive import Archive
from pelton.deploy.kinds.base import OURS
from pelton.deploy.kinds.bucket import Bucket
from pelton.deploy.kinds.code_changes import code_sha256
from pelton.deploy.kinds.function import LambdaFunction
from pelton.deploy.kinds.http_api import HttpApi
from pelton.deploy.kinds.layer import Layer
from pelton.deploy.kinds.log_group import LogGroup
from pelton.deploy.kinds.nuclio_function import NuclioFunction
from pelton.deploy.kinds.nuclio_project import NuclioProject
from pelton.deploy.kinds.nuclio_release import NuclioRelease
from pelton.deploy.kinds.permission import Permission
from pelton.deploy.kinds.queue import Queue
from pelton.deploy.kinds.queue_mapping import QueueMapping
from pelton.deploy.kinds.release import Release
from pelton.deploy.kinds.rule import Rule
from pelton.deploy.kinds.schedule import Schedule
from pelton.deploy.kinds.stream import Stream
from pelton.deploy.kinds.stream_mapping import StreamMapping
from pelton.deploy.kinds.url import Url
from pelton.deploy.plan import Plan
from pelton.deploy.planning import make_plan
from pelton.deploy.wants.common import Built

ARN = "arn:aws:sqs:us-east-1:000000000000:departures"
SCORE = LambdaFunction(
    name="score",
    function="score",
    app="flights",
    runtime="python3.12",
    handler="pelton_entry_score.handler",
    role="arn:role",
    digest="d1",
    sha256="00ff",
    concurrency=5,
)
URL = Url(name="score", function="score", routes=("POST /score", "GET /health"))
PUBLIC = Permission(name="score/pelton-url", function="score", app=OURS)
QUEUE = QueueMapping(name=f"score/{ARN}", function="score")
HOURLY = Rule(name="score.cron0", function="score", app=OURS, expression="rate(1 hour)")
ALL: tuple[Resource, ...] = (SCORE, URL, PUBLIC, QUEUE, HOURLY)
CLICKS = StreamMapping(
    name="score/arn:aws:kinesis:us-east-1:0:stream/clicks", function="score", batch=100
)
NUCLIO = NuclioFunction(
    name="score",
    function="score",
    app="flights",
    project="flights",
    spec={"runtime": "python:3.11", "minReplicas": 1},
    digest="d1",
    bucket="archives",
    path="score/00ff.zip",
)
BUCKET = Bucket(name="archives", function="score")
ZIP = Archive(name="archives/score/00ff.zip", function="score", sha256="00ff", app=OURS)
PROJECT = NuclioProject(name="flights", function="score", app=OURS)
ON_NUCLIO = (BUCKET, ZIP, PROJECT, NUCLIO)


def there(*resources: Resource) -> dict[str, Resource]:
    """These, as they are when they are live."""
    code = code_sha256(SCORE.sha256)
    return {
        each.key: replace(each, code_sha256=code, code_tag=code)
        if isinstance(each, LambdaFunction)
        else each
        for each in resources
    }


def left(*resources: Resource) -> dict[str, Mapping[str, Any]]:
    """What a state remembers of these."""
    return {each.key: each.remembered() for each in resources}


def plan(
    wanted: Iterable[Resource],
    live: Mapping[str, Resource] | None = None,
    last: Mapping[str, Mapping[str, Any]] | None = None,
    **more: Any,
) -> Plan:
    return make_plan("flights", list(wanted), live or {}, last, **more)


def steps(made: Plan) -> list[tuple[str, str]]:
    return [(each.action, each.key.partition("/")[0]) for each in made.steps]


def test_a_new_function_is_made_before_all_that_hangs_on_it() -> None:
    made = plan(reversed(ALL))
    assert steps(made)[0] == ("create", "function:score")
    assert {each.key for each in made.steps} == {each.key for each in ALL}
    assert all(each.needs == ("function:score",) for each in made.steps[1:])


def test_the_plan_shows_method_and_path() -> None:
    (url,) = [each for each in plan(ALL).steps if each.key == "url:score"]
    assert url.changes == (Change("triggers", "url", None, "public, POST /score, GET /health"),)
    nuclio = replace(NUCLIO, routes=URL.routes)
    (made,) = [each for each in plan([nuclio]).steps if each.key == "nuclio_function:score"]
    assert Change("triggers", "http", None, "POST /score, GET /health") in made.changes


def test_what_is_as_wanted_needs_nothing() -> None:
    made = plan(ALL, there(*ALL), left(*ALL), functions=["score"])
    assert not made
    assert made.functions == ("score",)


def test_other_code_is_told_by_file_and_requirement() -> None:
    old = replace(SCORE, sources={"a.py": "1"}, packages={"numpy 1.26": 9}, zipped=10)
    new = replace(
        SCORE,
        digest="d2",
        sources={"a.py": "2", "b.py": "1"},
        packages={"numpy 2.0": 9},
        zipped=12,
    )
    unknown = Change("code", "digest", "d1", "d2")
    assert plan([new], there(SCORE)).steps[0].changes == (unknown,)
    told = plan([new], there(SCORE), left(old)).steps[0].changes
    assert [(each.part, each.what, each.old, each.new, each.cause) for each in told] == [
        ("dependencies", "dependencies.numpy", "1.26", "2.0", ""),
        ("code", "code.a.py", "1", "2", "a.py"),
        ("code", "code.b.py", None, "1", "b.py"),
        ("code", "size", 10, 12, ""),
    ]


def test_what_a_requirement_brings_says_which() -> None:
    read = {"rich": _needing("rich", "mdurl-x"), "mdurl-x": _needing("mdurl-x")}
    report = Report((), (), 1, 1, requirers=find_requirers(["rich"], read))
    artifact = Artifact(
        "score", Target("lambda", "3.12"), Path("x"), "00", "d", "h", "python3.12", report
    )
    origins = {"memory": "pelton.toml: memory", "vpc": "pelton.toml: vpc"}
    causes = Built(artifact, "x86_64", where="app.py:5", origins=origins).causes
    old = replace(SCORE, packages={"six 1": 9}, sources={"a.py": "1"})
    new = replace(SCORE, digest="d2", packages={"mdurl_X 1": 2, "rich 15": 3}, causes=causes)
    made = plan([replace(new, memory=1024, environment={"A": "1"})], there(SCORE), left(old))
    told = {each.what: each.cause for each in made.steps[0].changes}
    assert told == {
        "dependencies.mdurl_X": "app.py:5: rich > mdurl-x",
        "dependencies.rich": "app.py:5",
        "dependencies.six": "app.py:5",
        "code.a.py": "a.py",
        "memory": "pelton.toml: memory",
        "environment.A": "app.py:5",
    }
    said = "\n".join(plan_lines(made))
    assert "dependencies.mdurl_X: 1  [app.py:5: rich > mdurl-x]" in said
    assert "environment.A: 1  [app.py:5]" in said
    assert causes["subnets"] == "pelton.toml: vpc"


def _needing(name: str, *needs: str) -> Distribution:
    return Distribution(name, name, "1", tuple((each, frozenset(), "") for each in needs))


def test_other_code_on_nuclio_is_told_by_file_and_requirement() -> None:
    def asked(*commands: str) -> dict[str, Any]:
        return {"build": {"commands": list(commands)}, "resources": {"limits": {"memory": "1Mi"}}}

    before = asked("pip install six==1 idna==2")
    old = replace(NUCLIO, sources={"a.py": "1"}, zipped=10, spec=before)
    new = replace(
        old, digest="d2", sources={"a.py": "2"}, zipped=12, causes={"": "app.py:5"},
        spec=asked("pip install six==2 rich==1", "apt-get update"),
    )  # fmt: skip
    (update,) = [e for e in plan([new], there(old), left(old)).steps if e.action == "update"]
    assert [(each.what, each.old, each.new, each.cause) for each in update.changes] == [
        ("code.a.py", "1", "2", "a.py"),
        ("size", 10, 12, ""),
        ("dependencies.idna", "2", None, "app.py:5"),
        ("dependencies.rich", None, "1", "app.py:5"),
        ("dependencies.six", "1", "2", "app.py:5"),
        ("spec.build.commands", None, ["apt-get update"], "app.py:5"),
    ]


def test_a_new_version_on_nuclio_says_what_is_new_in_it() -> None:
    spec = {"minReplicas": 1, "env": [{"name": "A", "value": "1"}]}
    more = {"project": "flights", "app": "flights", "live": "3", "digest": "d1"}
    old = NuclioRelease(name="score", published="p1", spec=spec, sources={"a.py": "1"}, **more)  # type: ignore[arg-type]
    new = replace(
        old, published="p2", digest="d2", sources={"a.py": "2"}, causes={"": "app.py:5"},
        spec={"minReplicas": 2, "env": [{"name": "A", "value": "2"}]},
    )  # fmt: skip
    (step,) = plan([new], {old.key: old}, left(old)).steps
    assert [(each.what, each.old, each.new) for each in step.changes] == [
        ("code.a.py", "1", "2"),
        ("spec.env.A", "1", "2"),
        ("spec.minReplicas", 1, 2),
        ("live", "version 3", "a new version"),
    ]
    unknown = replace(old, digest="", spec={})  # of a version that is kept no more
    (step,) = plan([new], {old.key: unknown}).steps
    assert [each.what for each in step.changes] == ["live"]


def test_code_changed_by_others_is_put_right() -> None:
    live = {SCORE.key: replace(SCORE, code_sha256="theirs", code_tag="ours")}
    (step,) = plan([SCORE], live).steps
    assert step.action == "update"
    assert [(each.what, each.drift) for each in step.changes] == [("code changed by others", True)]
    assert step.drift == "somebody else changed it"


@pytest.mark.parametrize(
    ("change", "what", "old", "new"),
    [
        ({"memory": 512}, "memory", 128, 512),
        ({"timeout": 9}, "timeout", 3, 9),
        ({"environment": {"A": "1"}}, "environment.A", None, "1"),
        ({"ephemeral_mb": 1024}, "ephemeral_mb", 512, 1024),
        ({"concurrency": None}, "concurrency", 5, None),
        ({"tags": {"team": "x"}}, "tags.team", None, "x"),
    ],
)
def test_a_setting_is_changed_alone(
    change: dict[str, Any], what: str, old: object, new: object
) -> None:
    want = replace(SCORE, causes={"": "app.py:7"}, **change)
    (step,) = plan([want], there(SCORE)).steps
    assert step.changes == (Change("configuration", what, old, new, "app.py:7"),)


def test_a_secrets_value_is_neither_shown_nor_remembered() -> None:
    want = replace(SCORE, environment={"API_TOKEN": "abc", "LEVEL": "INFO"})
    (step,) = plan([want], there(SCORE)).steps
    assert "abc" not in str(step.document())
    assert "'INFO'" in str(step.document())
    assert not {"abc", "INFO"} & set(str(want.remembered()).replace("'", " ").split())
    spec = {"env": [{"name": "PASSWORD", "value": "abc"}]}
    nuclio = replace(NUCLIO, spec=spec)
    assert "abc" not in str([plan([nuclio], there(NUCLIO)).document(), nuclio.remembered()])


def test_what_others_changed_is_said_to_be_theirs() -> None:
    live = there(replace(SCORE, memory=1024, environment={"B": "2"}))
    (step,) = plan([replace(SCORE, timeout=9)], live, left(SCORE)).steps
    assert {each.what: each.drift for each in step.changes} == {
        "memory": True,
        "environment.B": True,
        "timeout": False,
    }
    mapping = there(SCORE, replace(QUEUE, batch=1))
    (step,) = plan([SCORE, QUEUE], mapping, left(SCORE, QUEUE)).steps
    assert [each.drift for each in step.changes] == [True]


def test_what_others_deleted_is_made_again_and_said() -> None:
    (step,) = plan([SCORE, URL], there(SCORE), left(SCORE, URL)).steps
    assert (step.action, step.key, step.drift) == (
        "create",
        "url:score",
        "somebody else deleted it",
    )


def test_what_the_app_names_no_more_is_deleted_from_the_leaves() -> None:
    made = plan([], there(*ALL), left(*ALL))
    assert steps(made)[-1] == ("delete", "function:score")
    assert {each.key for each in made.steps} == {each.key for each in ALL}
    only = plan([SCORE], there(*ALL), left(*ALL), only=["score"])
    assert {each.key for each in only.steps} == {each.key for each in ALL[1:]}


def test_with_only_nothing_else_is_deleted() -> None:
    other = replace(SCORE, name="other", function="other")
    queue = Queue(name="orders", app="flights", function="score")
    live = there(SCORE, other, queue)
    assert not plan([SCORE], live, left(SCORE, other, queue), only=["score"])


def test_others_are_never_deleted() -> None:
    theirs = there(
        replace(SCORE, app="another"),
        replace(SCORE, name="hand-made", app=""),
        Queue(name="theirs"),
        Queue(name="adopted"),
    )
    assert not plan([], theirs, left(Queue(name="adopted")))
    made = plan([SCORE], there(SCORE, QUEUE))
    assert not made
    assert made.notes == (f"score has a queue mapping 'score/{ARN}' that others made: left",)


@pytest.mark.parametrize("app", ["", "another"])
def test_a_name_that_is_taken_is_refused(app: str) -> None:
    taken = there(replace(SCORE, app=app))
    with pytest.raises(CannotPlan, match=r"function 'score' is there already .* --adopt score"):
        plan([SCORE], taken)
    (step,) = plan([SCORE], taken, adopt=["score"]).steps
    assert step.changes == (Change("configuration", "app", app or None, "flights"),)


def test_messages_and_records_are_kept_but_for_destroy() -> None:
    full = Queue(name="orders", app="flights", messages=3)
    empty, stream = Queue(name="empty", app="flights"), Stream(name="clicks", app="flights")
    live = there(full, empty, stream)
    made = plan([], live, left(full, empty, stream))
    assert steps(made) == [("delete", "queue:empty")]
    assert [each.partition(":")[0] for each in made.notes] == [
        "the app names queue 'orders' no more, and it is kept",
        "the app names stream 'clicks' no more, and it is kept",
    ]
    gone = plan([], live, left(full, empty, stream), destroy=True)
    assert {each.key: each.follows for each in gone.steps}["queue:orders"] == (
        "about 3 messages in it are lost"
    )


def test_a_stream_that_is_not_there_is_made_before_its_reader() -> None:
    letters = Queue(name="dead", function="score")
    reader = replace(
        CLICKS, after=("stream:clicks", "queue:dead"), failures="arn:aws:sqs:us-east-1:0:dead"
    )
    made = plan([reader, SCORE, Stream(name="clicks", function="score"), letters])
    assert steps(made)[-1] == ("create", "stream_mapping:score")
    (change,) = made.steps[-1].changes
    assert (change.what, change.new) == (
        "stream clicks",
        "batch 100, window 0 s, retries while the stream keeps a record, failures to dead, "
        "from LATEST",
    )


def test_another_start_moves_no_reader_that_is_there() -> None:
    live = there(SCORE, replace(CLICKS, uuid="u-1"))
    assert not plan([SCORE, replace(CLICKS, start="TRIM_HORIZON")], live)
    (step,) = plan([SCORE, replace(CLICKS, retries=3)], live).steps
    assert step.action == "update"
    assert isinstance(step.have, StreamMapping)
    assert step.have.uuid == "u-1"


def test_a_big_archive_goes_through_a_bucket() -> None:
    big = replace(SCORE, bucket="archives", path="score/00ff.zip")
    wanted = (BUCKET, ZIP, big)
    assert steps(plan(wanted)) == [
        ("create", "bucket:archives"),
        ("create", "archive:archives"),
        ("create", "function:score"),
    ]
    assert steps(plan(wanted, there(BUCKET))) == steps(plan(wanted))[1:]
    other = replace(big, digest="d2")
    assert steps(plan([BUCKET, ZIP, other], there(big, BUCKET)))[0] == (
        "create",
        "archive:archives",
    )
    assert steps(plan([BUCKET, ZIP, replace(big, memory=512)], there(big))) == [
        ("update", "function:score")
    ]


def test_nuclio_is_deployed_from_an_uploaded_archive() -> None:
    made = plan(ON_NUCLIO)
    assert steps(made)[-1] == ("create", "nuclio_function:score")
    assert {each.key for each in made.steps} == {each.key for each in ON_NUCLIO}
    assert not plan(ON_NUCLIO, there(replace(NUCLIO, state="ready")))


def test_nuclio_is_deployed_again_for_another_spec_and_after_an_error() -> None:
    old = replace(NUCLIO, spec={"runtime": "python:3.11", "minReplicas": 2})
    for have, what in ((old, "spec.minReplicas"), (replace(NUCLIO, state="error"), "state")):
        upload, update = plan(ON_NUCLIO, there(have, BUCKET, PROJECT)).steps
        assert upload.key == ZIP.key
        assert [each.what for each in update.changes] == [what]


def test_what_cannot_be_changed_is_said_to_be_replaced_and_why() -> None:
    """A queue's order, a mapping's source, an API's protocol, a zip that becomes an image."""
    other = "arn:aws:sqs:us-east-1:000000000000:arrivals"
    work = Queue(name="work", function="score", app="flights", visibility=30)
    fifo = replace(work, name="work.fifo", ordered=True)
    mine = replace(QUEUE, app="flights", uuid="u-1")
    want = [replace(SCORE, image="shop:a"), URL, replace(QUEUE, name=f"score/{other}"), fifo]
    live = there(SCORE, replace(URL, app=OURS), mine, work)
    said = {each.key: (each.action, each.follows) for each in plan(want, live).steps}
    action, follows = said["function:score"]
    assert action == "replace" and follows.startswith(
        "replaced, for Lambda makes no image of a zip"
    )
    assert said["url:score"][0] == "replace" and "another address" in said["url:score"][1]
    why = "whether a queue keeps an order belongs to it and to its name, and cannot be changed"
    assert said["queue:work.fifo"][1].startswith(f"it replaces queue 'work': {why}")
    assert said["queue:work"][1].startswith(f"replaced by queue 'work.fifo': {why}")
    why = "a mapping's source cannot be changed; what is left in queue departures is not read"
    assert said[f"queue_mapping:score/{other}"][1] == f"it replaces {mine.words}: {why}"
    assert said[mine.key][1].startswith("replaced by queue mapping")
    api = HttpApi(name="flights", app="flights", protocol="WEBSOCKET")
    (step,) = plan([HttpApi(name="flights")], {api.key: api}).steps
    assert step.action == "replace"
    assert step.follows.startswith("replaced, for an API's protocol cannot be changed: callers")
    assert [(e.old, e.new, e.replaces) for e in step.changes] == [("WEBSOCKET", "HTTP", True)]


def test_what_has_nothing_to_do_with_it_is_not_replaced_by_it() -> None:
    theirs = Queue(name="work", function="score")
    fifo = Queue(name="work.fifo", function="score", ordered=True)
    assert plan([fifo], there(theirs)).steps[0].follows == ""
    other = Queue(name="other", function="score", app="flights")
    assert {each.follows for each in plan([fifo], there(other)).steps} == {""}


@pytest.mark.parametrize(
    ("was", "will", "said"),
    [
        (14, 7, "older lines are deleted"),
        (0, 7, "older lines are deleted"),
        (7, 14, "lines are kept for longer, which costs by the GB and month"),
        (7, 0, "lines are kept for longer, which costs by the GB and month"),
    ],
)
def test_how_long_lines_are_kept_says_what_follows(was: int, will: int, said: str) -> None:
    old = LogGroup(name="/aws/lambda/f", app="flights", days=was)
    (step,) = plan([replace(old, days=will)], {old.key: old}).steps
    assert step.follows == said


@pytest.mark.parametrize(
    ("new", "said"),
    [
        (
            Layer(name="pelton-x", zipped=2_100_000),
            "its 2.1 MB count towards the account's storage",
        ),
        (Release(name="score", keep=3), "the code of the 3 newest versions is kept"),
        (Schedule(name="score.at0", function="score"), "EventBridge Scheduler costs by the call"),
        (HttpApi(name="flights"), "API Gateway costs by the request"),
        (ZIP, "it stays there, which costs by the GB and month"),
    ],
)
def test_what_is_new_says_what_it_costs(new: Resource, said: str) -> None:
    assert new.follows("create", ()).startswith(said)


def test_a_step_is_told_as_data() -> None:
    told = plan([URL, SCORE]).steps[1].document()
    assert told == {
        "do": "create",
        "kind": "url",
        "name": "score",
        "platform": "lambda",
        "function": "score",
        "changes": [
            {
                "part": "triggers",
                "what": "url",
                "old": None,
                "new": "public, POST /score, GET /health",
                "cause": "",
                "replaces": False,
                "drift": False,
            }
        ],
        "needs": ["function:score"],
        "follows": "",
        "drift": "",
    }


def test_every_kind_has_the_one_shape() -> None:
    for each in (*ALL, CLICKS, *ON_NUCLIO, Queue(name="q"), Stream(name="s")):
        assert load(dump(each)) == each
        assert tuple(each.changes(None)), f"a new {each.kind} says what it is"
        assert not tuple(each.changes(each))
        assert tuple(each.gone())
    assert {name: kind.kind for name, kind in KINDS.items()} == {name: name for name in KINDS}
