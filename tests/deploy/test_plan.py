"""A plan is data: what is wanted and what is live go in, instructions come out."""

from dataclasses import replace
from pathlib import Path

import pytest

from pelton.deploy import instructions as step
from pelton.deploy.apply import apply
from pelton.deploy.instructions import Change, Instruction
from pelton.deploy.plan import code_sha256, describe, make_plan
from pelton.deploy.states import (
    CODE_TAG,
    DIGEST_TAG,
    Code,
    LambdaFunction,
    Live,
    NuclioFunction,
    QueueMapping,
    Schedule,
    Statement,
    StreamMapping,
    StreamState,
    Wanted,
)

CODE = Code(Path("score.zip"), sha256="00ff", digest="d1")
TAGS = {DIGEST_TAG: "d1", CODE_TAG: code_sha256(CODE)}
URL = Statement("pelton-url", action="lambda:InvokeFunctionUrl", url=True)
CRON = Statement("pelton-cron-0", principal="events.amazonaws.com")
QUEUE = QueueMapping("departures", "arn:aws:sqs:us-east-1:000000000000:departures")
HOURLY = Schedule("score.cron0", "rate(1 hour)")
SCORE = LambdaFunction(
    "score",
    runtime="python3.12",
    handler="pelton_entry_score.handler",
    role="arn:role",
    tags=TAGS,
    concurrency=5,
    url=True,
    mappings=(QUEUE,),
    schedules=(HOURLY,),
    permissions=(URL, CRON),
)
NUCLIO = NuclioFunction("score", "flights", {"runtime": "python:3.11", "minReplicas": 1}, "d1")
NUCLIO_CODE = Code(Path("score.zip"), "00ff", "d1", bucket="archives", key="score/00ff.zip")


def wanted(*, function: LambdaFunction = SCORE, code: Code = CODE) -> Wanted:
    return Wanted("flights", lambdas=(function,), lambda_code={function.name: code})


def live(function: LambdaFunction = SCORE) -> Live:
    return Live(lambdas={function.name: replace(function, code_sha256=code_sha256(CODE))})


def names(instructions: tuple[Instruction, ...]) -> list[str]:
    return [type(each).__name__ for each in instructions]


def test_a_new_function_is_made_with_all_that_hangs_on_it() -> None:
    assert names(make_plan(wanted(), Live()).instructions) == [
        "CreateFunction",
        "SetConcurrency",
        "CreateUrl",
        "CreateQueueMapping",
        "PutSchedule",
        "AddPermission",
        "AddPermission",
    ]


def test_the_plan_shows_method_and_path() -> None:
    routes = ("POST /score", "GET /health")
    plan = make_plan(wanted(function=replace(SCORE, routes=routes)), Live())
    (url,) = [each for each in plan.instructions if isinstance(each, step.CreateUrl)]
    assert url.changes == (Change("url", None, "public, POST /score, GET /health"),)
    nuclio = replace(NUCLIO, routes=routes)
    app = Wanted("flights", nuclios=(nuclio,), nuclio_code={"score": NUCLIO_CODE})
    (made,) = [
        each
        for each in make_plan(app, Live()).instructions
        if isinstance(each, step.CreateNuclioFunction)
    ]
    assert Change("http", None, "POST /score, GET /health") in made.changes
    assert not make_plan(wanted(function=replace(SCORE, routes=routes)), live())


def test_what_is_as_wanted_needs_nothing() -> None:
    plan = make_plan(wanted(), live())
    assert not plan
    assert plan.functions == ("score",)


def test_other_code_is_uploaded_and_then_tagged() -> None:
    code = Code(Path("new.zip"), sha256="0100", digest="d2")
    tags = {DIGEST_TAG: "d2", CODE_TAG: code_sha256(code)}
    plan = make_plan(wanted(function=replace(SCORE, tags=tags), code=code), live())
    update, tagging = plan.instructions
    assert isinstance(update, step.UpdateCode)
    assert update.changes == (Change("digest", "d1", "d2"),)
    assert isinstance(tagging, step.SetTags)
    assert dict(tagging.tags) == tags


def test_code_changed_by_others_is_put_right() -> None:
    drifted = Live(lambdas={"score": replace(SCORE, code_sha256="someone else's")})
    assert names(make_plan(wanted(), drifted).instructions) == ["UpdateCode"]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"memory": 512}, [Change("memory", 128, 512)]),
        ({"timeout": 9}, [Change("timeout", 3, 9)]),
        ({"environment": {"A": "1"}}, [Change("environment.A", None, "1")]),
        ({"ephemeral_mb": 1024}, [Change("ephemeral_mb", 512, 1024)]),
    ],
)
def test_a_setting_changes_the_configuration_alone(
    change: dict[str, object], expected: list[Change]
) -> None:
    new = LambdaFunction(**{each: getattr(SCORE, each) for each in SCORE.__slots__} | change)
    (update,) = make_plan(wanted(function=new), live()).instructions
    assert isinstance(update, step.UpdateConfiguration)
    assert list(update.changes) == expected


def test_triggers_that_are_gone_are_taken_away() -> None:
    bare = replace(SCORE, concurrency=None, url=False, mappings=(), schedules=(), permissions=())
    plan = make_plan(wanted(function=bare), live())
    assert names(plan.instructions) == [
        "SetConcurrency",
        "DeleteUrl",
        "DeleteMapping",
        "DeleteSchedule",
        "RemovePermission",
        "RemovePermission",
    ]


STREAM = StreamMapping("clicks", "arn:aws:kinesis:us-east-1:000000000000:stream/clicks")


def test_a_stream_that_is_not_there_is_made_before_its_reader() -> None:
    reader = replace(SCORE, mappings=(replace(STREAM, failures="arn:aws:sqs:r:0:dead"),))
    app = replace(
        wanted(function=reader),
        streams=(StreamState("clicks", "score"),),
        letters=(StreamState("dead", "score"),),
    )
    plan = make_plan(app, live())
    assert names(plan.instructions) == [
        "CreateStream",
        "CreateLetters",
        "CreateStreamMapping",
        "DeleteMapping",
    ]
    assert plan.instructions[2].changes == (
        Change(
            "stream clicks",
            None,
            "batch 100, window 0 s, retries while the stream keeps a record, failures to dead, "
            "from LATEST",
        ),
    )
    there = Live(
        lambdas={"score": replace(reader, code_sha256=code_sha256(CODE))},
        streams=frozenset(["clicks"]),
        letters=frozenset(["dead"]),
    )
    assert not make_plan(app, there)


def test_another_start_moves_no_reader_that_is_there() -> None:
    reader = replace(SCORE, mappings=(replace(STREAM, uuid="u-1"),))
    moved = replace(SCORE, mappings=(replace(STREAM, start="TRIM_HORIZON"),))
    assert not make_plan(wanted(function=moved), live(reader))
    fewer = replace(SCORE, mappings=(replace(STREAM, retries=3),))
    (update,) = make_plan(wanted(function=fewer), live(reader)).instructions
    assert isinstance(update, step.UpdateMapping)
    assert update.mapping.uuid == "u-1"


def test_a_mapping_is_updated_under_its_own_id() -> None:
    there = replace(SCORE, mappings=(replace(QUEUE, batch=1, uuid="u-1"),))
    (update,) = make_plan(wanted(), live(there)).instructions
    assert isinstance(update, step.UpdateMapping)
    assert (update.mapping.uuid, update.mapping.batch) == ("u-1", 10)


def test_a_function_the_app_does_not_name_is_left_alone() -> None:
    others = Live(lambdas={"score": live().lambdas["score"], "other": replace(SCORE, name="other")})
    assert not make_plan(wanted(), others)


def test_tags_of_the_platform_are_left_alone() -> None:
    tagged = replace(SCORE, tags={**TAGS, "aws:cloudformation:stack": "x", "mine": "y"})
    (tagging,) = make_plan(wanted(), live(tagged)).instructions
    assert isinstance(tagging, step.SetTags)
    assert tagging.removed == ("mine",)


def test_a_big_archive_goes_through_a_bucket() -> None:
    code = replace(CODE, bucket="archives", key="score/00ff.zip")
    assert names(make_plan(wanted(code=code), Live()).instructions)[:3] == [
        "CreateBucket",
        "UploadArchive",
        "CreateFunction",
    ]
    known = Live(buckets=frozenset({"archives"}))
    assert names(make_plan(wanted(code=code), known).instructions)[0] == "UploadArchive"


def test_nuclio_is_deployed_from_an_uploaded_archive() -> None:
    want = Wanted("flights", nuclios=(NUCLIO,), nuclio_code={"score": NUCLIO_CODE})
    assert names(make_plan(want, Live()).instructions) == [
        "CreateBucket",
        "CreateProject",
        "UploadArchive",
        "CreateNuclioFunction",
    ]
    assert not make_plan(want, Live(nuclios={"score": replace(NUCLIO, state="ready")}))


def test_nuclio_is_deployed_again_for_another_spec_and_after_an_error() -> None:
    want = Wanted("flights", nuclios=(NUCLIO,), nuclio_code={"score": NUCLIO_CODE})
    old = replace(NUCLIO, spec={"runtime": "python:3.11", "minReplicas": 2})
    for there, what in ((old, "spec.minReplicas"), (replace(NUCLIO, state="error"), "state")):
        upload, update = (
            make_plan(want, Live(nuclios={"score": there}, buckets=BUCKETS))
        ).instructions
        assert isinstance(upload, step.UploadArchive)
        assert isinstance(update, step.UpdateNuclioFunction)
        assert [each.what for each in update.changes] == [what]


BUCKETS = frozenset({"archives"})


def test_a_plan_is_followed_in_order_by_the_platforms_doers() -> None:
    followed: list[tuple[str, str]] = []

    class Recorder:
        def __init__(self, platform: str) -> None:
            self.platform = platform

        def do(self, instruction: Instruction) -> None:
            followed.append((self.platform, type(instruction).__name__))

    code = replace(CODE, bucket="archives", key="k")
    plain = replace(SCORE, concurrency=None, url=False, mappings=(), schedules=(), permissions=())
    plan = make_plan(wanted(function=plain, code=code), Live())
    apply(plan, {name: Recorder(name) for name in ("s3", "lambda")})
    assert followed == [
        ("s3", "CreateBucket"),
        ("s3", "UploadArchive"),
        ("lambda", "CreateFunction"),
    ]


def test_an_instruction_is_told_as_data() -> None:
    told = describe(make_plan(wanted(), Live()).instructions[1])
    assert told == {
        "do": "SetConcurrency",
        "platform": "lambda",
        "function": "score",
        "part": "configuration",
        "changes": [{"what": "concurrency", "old": None, "new": 5}],
        "concurrency": 5,
    }
