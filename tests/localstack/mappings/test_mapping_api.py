"""The operations on event source mappings: members, states, what is refused and in which words."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from botocore.exceptions import ClientError

PLACE = "us-east-1:000000000000"
QUEUE, FIFO = f"arn:aws:sqs:{PLACE}:q", f"arn:aws:sqs:{PLACE}:q.fifo"
STREAM = f"arn:aws:kinesis:{PLACE}:stream/s"
ARN = f"arn:aws:lambda:{PLACE}"
INVALID = "InvalidParameterValueException"


def refusal(act: Any, /, **members: Any) -> tuple[int, str, str]:
    with pytest.raises(ClientError) as raised:
        act(**members)
    told = raised.value.response
    return (
        told["ResponseMetadata"]["HTTPStatusCode"],
        told["Error"]["Code"],
        told["Error"]["Message"],
    )


def members(answer: Any) -> dict[str, Any]:
    return {name: each for name, each in answer.items() if name != "ResponseMetadata"}


def kinesis(world: Any) -> None:
    world.client("kinesis").create_stream(StreamName="s", ShardCount=1)


@pytest.mark.fidelity("Event source mappings", "a new mapping of a queue: its members as told")
def test_what_is_told_of_a_new_mapping_of_a_queue(world: Any) -> None:
    world.queue()
    function = world.function()
    answer = world.api.create_event_source_mapping(EventSourceArn=QUEUE, FunctionName="f")
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 202
    told = members(answer)
    uuid, modified = told.pop("UUID"), told.pop("LastModified")
    assert isinstance(modified, dt.datetime)
    assert told == {
        "BatchSize": 10,
        "MaximumBatchingWindowInSeconds": 0,
        "EventSourceArn": QUEUE,
        "FunctionArn": function,
        "State": "Creating",
        "StateTransitionReason": "USER_INITIATED",
        "FunctionResponseTypes": [],
        "EventSourceMappingArn": f"{ARN}:event-source-mapping:{uuid}",
    }
    world.advance()
    assert members(world.api.get_event_source_mapping(UUID=uuid)) == {
        **told, "UUID": uuid, "LastModified": modified, "State": "Enabled",
    }  # fmt: skip


@pytest.mark.fidelity("Event source mappings", "a new mapping of a stream: its members as told")
def test_what_is_told_of_a_new_mapping_of_a_stream(world: Any) -> None:
    kinesis(world)
    function = world.function()
    told = members(
        world.api.create_event_source_mapping(
            EventSourceArn=STREAM, FunctionName="f", StartingPosition="LATEST"
        )
    )
    uuid = told.pop("UUID")
    assert told.pop("LastModified") and told == {
        "StartingPosition": "LATEST",
        "BatchSize": 100,
        "MaximumBatchingWindowInSeconds": 0,
        "ParallelizationFactor": 1,
        "EventSourceArn": STREAM,
        "FunctionArn": function,
        "LastProcessingResult": "No records processed",
        "State": "Creating",
        "StateTransitionReason": "User action",
        "DestinationConfig": {"OnFailure": {}},
        "MaximumRecordAgeInSeconds": -1,
        "BisectBatchOnFunctionError": False,
        "MaximumRetryAttempts": -1,
        "TumblingWindowInSeconds": 0,
        "FunctionResponseTypes": [],
        "EventSourceMappingArn": f"{ARN}:event-source-mapping:{uuid}",
    }


@pytest.mark.fidelity("Event source mappings", "a mapping that is disabled waits for what it runs")
def test_disabling_waits_for_the_batch_in_hand(world: Any) -> None:
    import asyncio

    gate = asyncio.Event()

    async def act(event: Any) -> None:
        await gate.wait()

    url = world.queue()
    world.function(act)
    uuid = world.map(QUEUE)
    world.send(url, 1)
    world.wait_until(lambda: world.players.running == 1)
    world.api.update_event_source_mapping(UUID=uuid, Enabled=False)
    assert world.api.get_event_source_mapping(UUID=uuid)["State"] == "Disabling"
    world.loop.call_soon_threadsafe(gate.set)
    world.advance()
    assert world.api.get_event_source_mapping(UUID=uuid)["State"] == "Disabled"
    assert world.left(url) == (0, 0)


@pytest.mark.fidelity("Event source mappings", "listed by function and by source, in pages")
def test_mappings_are_listed(world: Any) -> None:
    for name in ("f", "g"):
        world.function(name=name)
    version = world.api.publish_version(FunctionName="f")["Version"]
    made = {}
    for number in range(3):
        world.queue(f"q{number}")
        for function in ("f", "g", f"f:{version}"):
            arn = f"arn:aws:sqs:{PLACE}:q{number}"
            made[number, function] = world.map(arn, function=function, Enabled=False)

    def found(**asked: Any) -> set[str]:
        pages = world.api.get_paginator("list_event_source_mappings").paginate(
            **asked, PaginationConfig={"PageSize": 2}
        )
        return {each["UUID"] for page in pages for each in page["EventSourceMappings"]}

    assert found() == set(made.values())
    assert found(FunctionName="f") == {made[n, "f"] for n in range(3)}
    assert found(FunctionName=f"f:{version}") == {made[n, f"f:{version}"] for n in range(3)}
    one = f"arn:aws:sqs:{PLACE}:q1"
    assert found(EventSourceArn=one) == {made[1, name] for name in ("f", "g", f"f:{version}")}
    assert found(EventSourceArn=one, FunctionName=f"{ARN}:function:g") == {made[1, "g"]}
    assert found(FunctionName="nobody") == set()


@pytest.mark.fidelity("Event source mappings", "tags are kept with a mapping")
def test_a_mapping_has_tags(world: Any) -> None:
    world.queue()
    world.function()
    answer = world.api.create_event_source_mapping(
        EventSourceArn=QUEUE, FunctionName="f", Tags={"a": "b"}
    )
    arn = answer["EventSourceMappingArn"]
    assert "Tags" not in answer
    world.advance()
    world.api.tag_resource(Resource=arn, Tags={"c": "d"})
    assert world.api.list_tags(Resource=arn)["Tags"] == {"a": "b", "c": "d"}
    world.api.update_event_source_mapping(UUID=answer["UUID"], BatchSize=3)
    world.advance()
    assert world.api.list_tags(Resource=arn)["Tags"] == {"a": "b", "c": "d"}


@pytest.mark.fidelity("Event source mappings", "settings may be changed, and filters taken away")
def test_settings_are_changed(world: Any) -> None:
    kinesis(world)
    world.function()
    other = world.function(name="g")
    uuid = world.map(
        STREAM,
        StartingPosition="LATEST",
        FilterCriteria={"Filters": [{"Pattern": '{"partitionKey": ["a"]}'}]},
        DestinationConfig={"OnFailure": {"Destination": QUEUE}},
    )
    changes = {
        "BatchSize": 7,
        "MaximumBatchingWindowInSeconds": 2,
        "ParallelizationFactor": 3,
        "MaximumRecordAgeInSeconds": 120,
        "BisectBatchOnFunctionError": True,
        "MaximumRetryAttempts": 9,
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
        "DestinationConfig": {"OnFailure": {}},
    }
    answer = world.api.update_event_source_mapping(
        UUID=uuid, FunctionName="g", FilterCriteria={}, **changes
    )
    assert {name: answer[name] for name in changes} == changes
    assert answer["FunctionArn"] == other and not answer.get("FilterCriteria", {}).get("Filters")
    world.advance()
    world.client("kinesis").put_record(StreamName="s", Data=b"x", PartitionKey="b")
    world.advance(3)
    assert len(world.events("g")) == 1 and world.events("f") == []


@pytest.mark.fidelity(
    "Event source mappings",
    "SQS: provisioned pollers are kept and told",
    different="they bound the batches in flight, ten a poller; none runs ahead of time",
)
def test_provisioned_pollers(world: Any) -> None:
    world.queue()
    world.function()
    pollers = {"MinimumPollers": 2, "MaximumPollers": 20}
    uuid = world.map(QUEUE, ProvisionedPollerConfig=pollers)
    get = world.api.get_event_source_mapping
    assert get(UUID=uuid)["ProvisionedPollerConfig"] == pollers
    world.api.update_event_source_mapping(UUID=uuid, ProvisionedPollerConfig={})
    world.advance()
    assert "ProvisionedPollerConfig" not in get(UUID=uuid)


@pytest.mark.fidelity("Event source mappings", "one mapping of a source and a function, a 409 else")
def test_one_mapping_of_a_stream_and_a_function(world: Any) -> None:
    made = world.client("dynamodb").create_table(
        TableName="things",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"},
    )
    arn = made["TableDescription"]["LatestStreamArn"]
    world.function()
    uuid = world.map(arn, StartingPosition="LATEST", Enabled=False)
    given = {"EventSourceArn": arn, "FunctionName": "f", "StartingPosition": "LATEST"}
    assert refusal(world.api.create_event_source_mapping, **given) == (
        409,
        "ResourceConflictException",
        f'The event source arn (" {arn} ") and function (" f ") provided mapping already exists. '
        f"Please update or delete the existing mapping with UUID {uuid}",
    )


LAMBDA = f"{ARN}:function:f"
BOTH = {
    "ProvisionedPollerConfig": {"MinimumPollers": 2},
    "ScalingConfig": {"MaximumConcurrency": 2},
}
ON_LAMBDA = {"OnFailure": {"Destination": LAMBDA}}
ON_SUCCESS = {"OnSuccess": {"Destination": QUEUE}}


@pytest.mark.fidelity(
    "Event source mappings", "a member that a source does not have, or out of its range: a 400"
)
@pytest.mark.parametrize(
    ("source", "settings", "sentence"),
    [
        (QUEUE, {"StartingPosition": "LATEST"}, "Unsupported StartingPosition parameter"),
        (QUEUE, {"ParallelizationFactor": 2}, "Unsupported ParallelizationFactor parameter"),
        (QUEUE, {"TumblingWindowInSeconds": 2}, "Unsupported TumblingWindowInSeconds parameter"),
        (QUEUE, {"Topics": ["topic"]}, "Unsupported Topics parameter"),
        (QUEUE, {"BatchSize": 0}, "greater than or equal to 1"),
        (QUEUE, {"BatchSize": 10_001}, "less than or equal to 10000"),
        (QUEUE, {"BatchSize": 11}, "Maximum batch window in seconds must be greater than 0"),
        (QUEUE, {"MaximumBatchingWindowInSeconds": 301}, "less than or equal to 300"),
        (QUEUE, {"ScalingConfig": {"MaximumConcurrency": 1}}, "greater than or equal to 2"),
        (QUEUE, {"ScalingConfig": {"MaximumConcurrency": 1001}}, "less than or equal to 1000"),
        (QUEUE, {"ProvisionedPollerConfig": {"MinimumPollers": 9, "MaximumPollers": 8}}, "Minimum"),
        (QUEUE, {"ProvisionedPollerConfig": {"PollerGroupName": "g"}}, "Unsupported PollerGroup"),
        (
            QUEUE,
            BOTH,
            "cannot be used together",
        ),
        (FIFO, {"BatchSize": 11}, "at most 10"),
        (FIFO, {"MaximumBatchingWindowInSeconds": 1}, "not supported for FIFO"),
        (STREAM, {}, "Value null at 'startingPosition'"),
        (STREAM, {"StartingPosition": "AT_TIMESTAMP"}, "StartingPositionTimestamp is required"),
        (STREAM, {"StartingPosition": "LATEST", "StartingPositionTimestamp": 1}, "only for the"),
        (STREAM, {"ScalingConfig": {"MaximumConcurrency": 2}}, "Unsupported ScalingConfig"),
        (STREAM, {"StartingPosition": "LATEST", "MaximumRecordAgeInSeconds": 59}, "at least 60"),
        (STREAM, {"ParallelizationFactor": 11}, "less than or equal to 10"),
        (STREAM, {"MaximumRetryAttempts": 10_001}, "less than or equal to 10000"),
        (STREAM, {"MaximumRetryAttempts": -2}, "greater than or equal to -1"),
        (STREAM, {"TumblingWindowInSeconds": 901}, "less than or equal to 900"),
        (
            STREAM,
            {"StartingPosition": "LATEST", "DestinationConfig": ON_LAMBDA},
            "The provided destination config DestinationConfig(onSuccess=null, onFailure=",
        ),
        (
            STREAM,
            {"StartingPosition": "LATEST", "DestinationConfig": ON_SUCCESS},
            "Unsupported DestinationConfig parameter",
        ),
        (QUEUE, {"FilterCriteria": {"Filters": [{"Pattern": '{"a": 1}'}]}}, "Invalid filter"),
        (QUEUE, {"FilterCriteria": {"Filters": [{"Pattern": '{"a": [1]}'}] * 11}}, "at most 10"),
        ("arn:aws:sns:us-east-1:000000000000:t", {}, "Unrecognized event source."),
        (f"arn:aws:dynamodb:{PLACE}:table/things", {}, "Unrecognized event source."),
        ("", {}, "Unrecognized event source."),
    ],
)  # fmt: skip
def test_a_setting_that_is_refused(
    world: Any, source: str, settings: dict[str, Any], sentence: str
) -> None:
    world.function()
    world.queue()
    world.queue("q.fifo", FifoQueue="true")
    kinesis(world)
    given = {"FunctionName": "f", "EventSourceArn": source, **settings}
    if not source:
        del given["EventSourceArn"]
    status, code, message = refusal(world.api.create_event_source_mapping, **given)
    assert status == 400 and code in (INVALID, "ValidationException")
    assert sentence in message
    assert world.api.list_event_source_mappings()["EventSourceMappings"] == []


MSK = f"arn:aws:kafka:{PLACE}:cluster/c/4c9bd6e2-0c3e-4bd6-8a1c-1e7a6a6f1d5e-1"
BROKER = f"arn:aws:mq:{PLACE}:broker:b:b-4c9bd6e2"
DOCUMENTS = f"arn:aws:rds:{PLACE}:cluster:c"
ACCESS = [{"Type": "BASIC_AUTH", "URI": f"arn:aws:secretsmanager:{PLACE}:secret:s"}]
BOOTSTRAP = {"Endpoints": {"KAFKA_BOOTSTRAP_SERVERS": ["localhost:9092"]}}


@pytest.mark.fidelity(
    "Event source mappings",
    "Kafka (MSK and self-managed) and DocumentDB as sources; KMS keys, metrics and log levels",
    refused=True,
)
@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"EventSourceArn": MSK}, "Topics must be specified"),
        ({"EventSourceArn": MSK, "Topics": ["topic"]}, "Value null at 'startingPosition'"),
        (
            {"EventSourceArn": MSK, "Topics": ["topic"], "StartingPosition": "LATEST"},
            "The pelton emulator has no Amazon MSK clusters",
        ),
        ({"SelfManagedEventSource": {"Endpoints": {}}}, "KAFKA_BOOTSTRAP_SERVERS"),
        (
            {
                "SelfManagedEventSource": BOOTSTRAP, "SourceAccessConfigurations": ACCESS,
                "Topics": ["topic"], "StartingPosition": "LATEST",
            },
            "The pelton emulator does not speak to Kafka brokers",
        ),
        ({"EventSourceArn": BROKER}, "Queues must be specified"),
        (
            {"EventSourceArn": BROKER, "Queues": ["q"]},
            "Required 'sourceAccessConfigurations' parameter is missing.",
        ),
        (
            {"EventSourceArn": BROKER, "Queues": ["q"], "SourceAccessConfigurations": ACCESS},
            "does not know where the broker",
        ),
        (
            {
                "EventSourceArn": BROKER, "Queues": ["q"],
                "SourceAccessConfigurations": [*ACCESS, {**ACCESS[0], "Type": "VPC_SUBNET"}],
            },
            "take no VPC_SUBNET",
        ),
        (
            {
                "EventSourceArn": BROKER, "Queues": ["q"], "SourceAccessConfigurations": ACCESS,
                "FilterCriteria": {"Filters": [{"Pattern": '{"redelivered": [true]}'}]},
            },
            "may have the key data only",
        ),
        (
            {
                "EventSourceArn": BROKER, "Queues": ["q"], "SourceAccessConfigurations": ACCESS,
                "FunctionResponseTypes": ["ReportBatchItemFailures"],
            },
            "Unsupported FunctionResponseTypes",
        ),
        ({"EventSourceArn": DOCUMENTS}, "DatabaseName"),
        (
            {
                "EventSourceArn": DOCUMENTS, "StartingPosition": "LATEST",
                "DocumentDBEventSourceConfig": {"DatabaseName": "d"},
            },
            "The pelton emulator has no DocumentDB clusters",
        ),
        ({"EventSourceArn": QUEUE, "KMSKeyArn": f"arn:aws:kms:{PLACE}:key/k"}, "KMSKeyArn"),
        ({"EventSourceArn": QUEUE, "MetricsConfig": {"Metrics": ["EventCount"]}}, "MetricsConfig"),
        ({"EventSourceArn": QUEUE, "LoggingConfig": {"SystemLogLevel": "INFO"}}, "LoggingConfig"),
    ],
)  # fmt: skip
def test_a_source_that_is_refused_by_name(
    world: Any, settings: dict[str, Any], sentence: str
) -> None:
    world.function()
    world.queue()
    act = world.api.create_event_source_mapping
    status, code, message = refusal(act, FunctionName="f", **settings)
    assert (status, code) == (400, INVALID) and sentence in message, message


@pytest.mark.fidelity(
    "Event source mappings", "a queue hides its messages at least as long as the function may run"
)
def test_a_queue_that_hides_too_short(world: Any) -> None:
    world.queue(VisibilityTimeout="5")
    world.function(Timeout=6)
    given = {"EventSourceArn": QUEUE, "FunctionName": "f"}
    assert refusal(world.api.create_event_source_mapping, **given) == (
        400,
        INVALID,
        "Queue visibility timeout: 5 seconds is less than Function timeout: 6 seconds",
    )


def test_a_function_that_is_not_there(world: Any) -> None:
    world.queue()
    world.function()
    create = world.api.create_event_source_mapping
    for name in ("absent", "f:9", "f:nobody"):
        answer = refusal(create, EventSourceArn=QUEUE, FunctionName=name)
        assert answer == (400, INVALID, "Function does not exist")
    uuid = world.map(QUEUE)
    update = world.api.update_event_source_mapping
    answer = refusal(update, UUID=uuid, FunctionName="absent")
    assert answer == (400, INVALID, "Function does not exist")


def test_no_empty_setting_is_refused(world: Any) -> None:
    """What tools send although nothing was asked for."""
    world.queue()
    world.function()
    uuid = world.map(
        QUEUE, KMSKeyArn="", MetricsConfig={"Metrics": []}, FilterCriteria={"Filters": []},
        DestinationConfig={}, SourceAccessConfigurations=[],
    )  # fmt: skip
    assert world.api.get_event_source_mapping(UUID=uuid)["State"] == "Enabled"


def test_a_mapping_whose_queue_and_function_are_gone_can_be_disabled(world: Any) -> None:
    url = world.queue()
    world.function()
    uuid = world.map(QUEUE)
    world.client("sqs").delete_queue(QueueUrl=url)
    update = world.api.update_event_source_mapping
    assert update(UUID=uuid, Enabled=False)["State"] == "Disabling"
    world.advance()
    status, code, sentence = refusal(update, UUID=uuid, Enabled=True)
    assert (status, code) == (400, INVALID) and "does not exist" in sentence
    world.api.delete_function(FunctionName="f")
    assert refusal(update, UUID=uuid, Enabled=True) == (400, INVALID, "Function does not exist")
    assert world.api.delete_event_source_mapping(UUID=uuid)["State"] == "Deleting"


def test_a_queue_that_goes_is_said_with_its_name_and_the_functions(
    world: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    url = world.queue()
    world.function()
    uuid = world.map(QUEUE)
    world.client("sqs").delete_queue(QueueUrl=url)
    world.advance()
    lines = capfd.readouterr().err.splitlines()
    said = next(line for line in lines if line.startswith(f"event source mapping {uuid}"))
    assert f" of {QUEUE} to arn:aws:lambda:" in said
    assert ":function:f: QueueDoesNotExist: " in said
    assert said.endswith(" (tried again until that is over)")


def test_a_reset_ends_what_a_disabled_mapping_waits_for(world: Any) -> None:
    """Nothing of it is left to poll, or to be found as under way."""
    import asyncio

    async def act(event: Any) -> None:
        await asyncio.sleep(3600)

    url = world.queue()
    world.function(act)
    uuid = world.map_only(QUEUE)
    world.send(url, 1)
    world.wait_until(lambda: world.players.running == 1)
    world.api.update_event_source_mapping(UUID=uuid, Enabled=False)
    world.reset()
    world.wait_until(lambda: world.players.running == 0)
    assert world.clock.under_way() == []


@pytest.mark.fidelity("Event source mappings", "ActiveMQ brokers of Amazon MQ", refused=True)
def test_a_broker_of_activemq_is_refused(world: Any) -> None:
    world.function()
    made = world.client("mq").create_broker(
        AutoMinorVersionUpgrade=True,
        BrokerName="old",
        DeploymentMode="SINGLE_INSTANCE",
        EngineType="ACTIVEMQ",
        EngineVersion="5.18",
        HostInstanceType="mq.t3.micro",
        PubliclyAccessible=False,
        Users=[{"Username": "ann", "Password": "something-long"}],
    )
    status, code, message = refusal(
        world.api.create_event_source_mapping,
        FunctionName="f",
        EventSourceArn=made["BrokerArn"],
        Queues=["q"],
        SourceAccessConfigurations=ACCESS,
    )
    assert (status, code) == (400, INVALID)
    assert "does not support event source mappings for ACTIVEMQ" in message
