"""States, revisions, versions: how a function gets from one to the next, and who may change it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from pelton.localstack.manual_clock import ManualClock

ROLE = "arn:aws:iam::000000000000:role/lambda"
UNDER_WAY = (
    409,
    "ResourceConflictException",
    "The operation cannot be performed at this time. An update is in progress for resource: "
    "arn:aws:lambda:us-east-1:000000000000:function:f",
)


def revision(door: Any, qualifier: str = "$LATEST") -> str:
    found: str = door.api.get_function_configuration(FunctionName="f", Qualifier=qualifier)[
        "RevisionId"
    ]
    return found


@pytest.mark.fidelity("Functions", "Pending to Active, InProgress to Successful, 409 in between")
def test_states_follow_one_another(make_door: Any) -> None:
    clock = ManualClock()
    door = make_door(clock=clock, settle_delay=5.0)
    read, seen = door.api.get_function_configuration, []

    def states() -> tuple[str, str | None]:
        found = read(FunctionName="f")
        seen.append(found["RevisionId"])
        return found["State"], found.get("LastUpdateStatus")

    door.create()
    assert states() == ("Pending", None)
    for operation in ("UpdateFunctionCode", "UpdateFunctionConfiguration", "PublishVersion"):
        given = {"ZipFile": door.archive("a.py")} if operation == "UpdateFunctionCode" else {}
        assert door.refusal(operation, FunctionName="f", **given) == UNDER_WAY
    door.run(clock.advance(6))
    assert states() == ("Active", "Successful")
    door.api.update_function_configuration(FunctionName="f", Timeout=9)
    assert states() == ("Active", "InProgress")
    assert door.refusal("UpdateFunctionConfiguration", FunctionName="f") == UNDER_WAY
    door.run(clock.advance(6))
    assert states() == ("Active", "Successful")
    assert len(set(seen)) == 4  # every state has a RevisionId of its own


@pytest.mark.fidelity(
    "Versions and aliases", "a version published with its code is Pending until that is settled"
)
def test_publishing_with_the_code(make_door: Any) -> None:
    clock = ManualClock()
    door = make_door(clock=clock, settle_delay=5.0)
    made = door.create(Publish=True)
    assert (made["Version"], made["State"]) == ("1", "Pending")
    assert made["FunctionArn"] == f"{door.ARN}:f"
    assert "LastUpdateStatus" not in made
    assert door.api.get_function_configuration(FunctionName="f:1")["State"] == "Pending"
    door.run(clock.advance(6))
    first = door.api.get_function_configuration(FunctionName="f:1")
    assert (first["State"], first["LastUpdateStatus"]) == ("Active", "Successful")
    second = door.api.update_function_code(
        FunctionName="f", ZipFile=door.archive("other.py"), Publish=True
    )
    assert (second["Version"], second["State"]) == ("2", "Pending")
    assert second["FunctionArn"] == f"{door.ARN}:f:2"
    assert "LastUpdateStatus" not in second
    latest = door.api.get_function_configuration(FunctionName="f")
    assert (latest["State"], latest["LastUpdateStatus"]) == ("Active", "InProgress")
    assert latest["RevisionId"] != second["RevisionId"]


@pytest.mark.fidelity("Functions", "all six waiters of boto3 come to their end")
@pytest.mark.parametrize(
    "name",
    [
        "function_active",
        "function_active_v2",
        "function_exists",
        "function_updated",
        "function_updated_v2",
        "published_version_active",
    ],
)
def test_waiters_end(door: Any, name: str) -> None:
    assert name in door.api.waiter_names
    door.create(Publish=True)
    waiter = door.api.get_waiter(name)
    waiter.config.delay = 0.01
    qualifier = {"Qualifier": "1"} if name == "published_version_active" else {}
    waiter.wait(FunctionName="f", **qualifier)
    door.api.update_function_configuration(FunctionName="f", Timeout=5)
    waiter.wait(FunctionName="f", **qualifier)


@pytest.mark.fidelity("Functions", "what changes a RevisionId and what does not, as recorded")
def test_revisions(door: Any) -> None:
    door.create()
    first = revision(door)
    version = door.api.publish_version(FunctionName="f", RevisionId=first)
    second = revision(door)
    assert len({first, second, version["RevisionId"]}) == 3
    alias = door.api.create_alias(FunctionName="f", Name="live", FunctionVersion="1")
    assert (revision(door), revision(door, "1")) == (second, version["RevisionId"])
    changed = door.api.update_alias(FunctionName="f", Name="live", RevisionId=alias["RevisionId"])
    assert changed["RevisionId"] != alias["RevisionId"]
    door.api.tag_resource(Resource=f"{door.ARN}:f", Tags={"a": "b"})
    third = revision(door)
    assert third != second
    assert (revision(door, "1"), revision(door, "live")) == (version["RevisionId"],) * 2


@pytest.mark.fidelity("Functions", "a policy's RevisionId is that of what the policy is of")
@pytest.mark.parametrize("qualifier", ["", "1", "live"])
def test_a_policy_moves_the_revision(door: Any, qualifier: str) -> None:
    door.create()
    door.api.publish_version(FunctionName="f")
    alias = door.api.create_alias(FunctionName="f", Name="live", FunctionVersion="1")
    where = {"FunctionName": "f", **({"Qualifier": qualifier} if qualifier else {})}

    def of_place() -> str:
        if qualifier == "live":
            found: str = door.api.get_alias(FunctionName="f", Name="live")["RevisionId"]
            return found
        return revision(door, qualifier or "$LATEST")

    before = of_place()
    given = {"Action": "lambda:InvokeFunction", "Principal": "s3.amazonaws.com"}
    door.api.add_permission(**where, StatementId="s", RevisionId=before, **given)
    added = door.api.get_policy(**where)["RevisionId"]
    assert added == of_place() != before
    stale = door.refusal("RemovePermission", **where, StatementId="s", RevisionId=before)
    assert stale[:2] == (412, "PreconditionFailedException")
    door.api.remove_permission(**where, StatementId="s", RevisionId=added)
    assert of_place() != added
    assert alias["AliasArn"].endswith(":live")


@pytest.mark.fidelity("Versions and aliases", "unchanged code and settings publish nothing new")
def test_publishing_what_has_not_changed(door: Any) -> None:
    door.create(Description="d")
    publish, update = door.api.publish_version, door.api.update_function_configuration
    first = publish(FunctionName="f", Description="the version's own")
    assert (first["Version"], first["Description"]) == ("1", "the version's own")
    assert publish(FunctionName="f")["RevisionId"] == first["RevisionId"]
    update(FunctionName="f", Timeout=3)  # as it is
    door.api.update_function_code(FunctionName="f", ZipFile=door.archive("main.py"))
    assert publish(FunctionName="f", Description="other")["Description"] == "the version's own"
    update(FunctionName="f", Description="e")
    assert publish(FunctionName="f")["Version"] == "2"
    assert door.api.get_function_configuration(FunctionName="f:1")["Timeout"] == 3


@pytest.mark.fidelity("Functions", "DryRun of UpdateFunctionCode changes nothing")
def test_a_dry_run(door: Any) -> None:
    before = door.create()
    door.api.get_waiter("function_active_v2").wait(FunctionName="f")
    then = revision(door)
    code = door.archive("other.py")
    dry = door.api.update_function_code(FunctionName="f", ZipFile=code, DryRun=True)
    assert dry["CodeSha256"] != before["CodeSha256"]
    after = door.api.get_function_configuration(FunctionName="f")
    assert (after["CodeSha256"], after["RevisionId"]) == (before["CodeSha256"], then)
    with pytest.raises(Exception, match="Could not unzip"):
        door.api.update_function_code(FunctionName="f", ZipFile=b"?", DryRun=True)


@pytest.mark.fidelity(
    "Functions",
    "what is checked first: the model's constraints, existence, revision, then values",
    different="which of revision and values comes first was not recorded",
)
def test_the_order_of_checks(door: Any) -> None:
    update = "UpdateFunctionConfiguration"
    wrong = {"Runtime": "python3.7", "RevisionId": "wrong"}
    # The model's constraints before all, each told; then the function; its revision; its values.
    status, code, sentence = door.refusal(update, FunctionName="?", Role="r1", **wrong)
    assert (status, code) == (400, "ValidationException")
    assert sentence.startswith("2 validation errors detected: ")
    assert door.refusal(update, FunctionName="f", **wrong)[0] == 404
    door.create()
    assert door.refusal(update, FunctionName="f", **wrong)[0] == 412
    status, code, sentence = door.refusal(update, FunctionName="f", Runtime="python3.7")
    assert (status, code) == (400, "InvalidParameterValueException")
    assert "no longer supported" in sentence


@pytest.mark.fidelity("Functions", "what was acknowledged is there after a restart, settled")
def test_states_survive_a_restart(make_door: Any, tmp_path: Path) -> None:
    door = make_door(clock=ManualClock(), settle_delay=1000.0, data_dir=tmp_path)
    made = door.create(Publish=True, SnapStart={"ApplyOn": "PublishedVersions"})
    door.run(door.emulator.stop())
    again = make_door(data_dir=tmp_path)
    for qualifier in ("$LATEST", "1"):
        found = again.api.get_function_configuration(FunctionName="f", Qualifier=qualifier)
        assert (found["State"], found["LastUpdateStatus"]) == ("Active", "Successful")
        assert found["CodeSha256"] == made["CodeSha256"]


@pytest.mark.fidelity("Functions", "of requests at the same time one wins, the others are told so")
def test_races_have_one_winner(door: Any) -> None:
    def many(act: Any) -> list[int]:
        def one(number: int) -> int:
            client = door.client("lambda")
            try:
                answer = act(client, number)
            except client.exceptions.ClientError as error:
                answer = error.response
            client.close()
            status: int = answer["ResponseMetadata"]["HTTPStatusCode"]
            return status

        with ThreadPoolExecutor(8) as pool:
            return sorted(pool.map(one, range(8)))

    code = {"ZipFile": door.archive(*(f"m{number}.py" for number in range(50)))}
    given = {"Runtime": "python3.12", "Role": ROLE, "Handler": "m.h", "Code": code}
    made = many(lambda client, _: client.create_function(FunctionName="f", **given))
    assert made == [201] + [409] * 7
    then = revision(door)

    def change(client: Any, number: int) -> Any:
        return client.update_function_configuration(
            FunctionName="f", Description=str(number), RevisionId=then
        )

    changed = many(change)
    assert changed.count(200) == 1
    assert set(changed) <= {200, 409, 412}
    deleted = many(lambda client, _: client.delete_function(FunctionName="f"))
    assert deleted == [204] + [404] * 7
