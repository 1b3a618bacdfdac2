"""What Lambda's API asks of other services, and how their refusals read in Lambda's words."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..services import ServiceRefused, Services
from .errors import AwsError, invalid

_SQS, _KINESIS, _DYNAMODB = "AmazonSQS", "Kinesis_20131202", "DynamoDBStreams_20120810"


class Outside:
    """S3 for archives, event sources for mappings, EC2 for the VPC of subnets."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def fetch_object(self, bucket: str, key: str, version: str | None) -> bytes:
        """An archive from S3; raises InvalidParameterValueException in the recorded words."""
        try:
            return await self._services.fetch_object(bucket, key, version)
        except ServiceRefused as error:
            raise invalid(
                f"Error occurred while GetObject. S3 Error Code: {error.code}. "
                f"S3 Error Message: {error.message}"
            ) from None

    async def check_source(self, arn: str, timeout: int) -> None:
        """That an event source is there, and a queue hides its messages for `timeout` at least.

        Raises InvalidParameterValueException in the recorded words.
        """
        service = arn.split(":")[2]
        if service == "sqs":
            await self._check_queue(arn, timeout)
        elif service == "kinesis":
            await self._check_stream(arn)
        elif service == "dynamodb":
            await self._ask_stream(arn, "dynamodb", f"{_DYNAMODB}.DescribeStream", StreamArn=arn)
        elif service == "mq":
            await self._check_broker(arn)

    async def _check_queue(self, arn: str, timeout: int) -> None:
        name = arn.rpartition(":")[2]
        try:
            found = await self._services.call("sqs", f"{_SQS}.GetQueueUrl", {"QueueName": name})
            asked = {"QueueUrl": found["QueueUrl"], "AttributeNames": ["VisibilityTimeout"]}
            told = await self._services.call("sqs", f"{_SQS}.GetQueueAttributes", asked)
        except ServiceRefused as error:
            if "NonExistentQueue" in error.code or "QueueDoesNotExist" in error.code:
                raise invalid(
                    "Error occurred while ReceiveMessage. SQS Error Code: "
                    "AWS.SimpleQueueService.NonExistentQueue. SQS Error Message: The specified "
                    "queue does not exist."
                ) from None
            raise AwsError("ServiceException", str(error), 500) from None
        hidden = int(told["Attributes"]["VisibilityTimeout"])
        if hidden < timeout:
            raise invalid(
                f"Queue visibility timeout: {hidden} seconds is less than Function timeout: "
                f"{timeout} seconds"
            )

    async def _check_stream(self, arn: str) -> None:
        stream, _, consumer = arn.partition("/consumer/")
        await self._ask_stream(arn, "kinesis", f"{_KINESIS}.ListShards", StreamARN=stream)
        if consumer:
            asked = f"{_KINESIS}.DescribeStreamConsumer"
            await self._ask_stream(arn, "kinesis", asked, ConsumerARN=arn)

    async def _check_broker(self, arn: str) -> None:
        """A broker that was made here is of RabbitMQ; of others nothing is known."""
        try:
            told = await self._services.send(
                "mq", "GET", f"/v1/brokers/{arn.rpartition(':')[2]}", {}
            )
        except ServiceRefused:
            return
        if (engine := str(told.get("engineType", "RABBITMQ"))) != "RABBITMQ":
            raise invalid(
                "The pelton emulator reads the RabbitMQ brokers of Amazon MQ: it does not support "
                f"event source mappings for {engine}."
            )

    async def _ask_stream(self, arn: str, service: str, target: str, **members: str) -> None:
        try:
            await self._services.call(service, target, members)
        except ServiceRefused as error:
            if error.code == "ResourceNotFoundException":
                raise invalid(f"Stream not found: {arn}") from None
            raise AwsError("ServiceException", str(error), 500) from None

    async def find_vpc(self, subnets: Sequence[str], groups: Sequence[str]) -> str:
        """The VPC that all of these are in; raises InvalidParameterValueException in the recorded
        words when one is not there."""
        vpcs = await self._vpcs_of("DescribeSubnets", "SubnetId", subnets)
        vpcs |= await self._vpcs_of("DescribeSecurityGroups", "GroupId", groups)
        if len(vpcs) > 1:
            told = ", ".join(sorted(vpcs))
            raise invalid(f"The subnets and security groups are of several VPCs: {told}.")
        return vpcs.pop() if vpcs else ""

    async def _vpcs_of(self, action: str, member: str, ids: Sequence[str]) -> set[str]:
        if not ids:
            return set()
        members = {f"{member}.{number}": each for number, each in enumerate(ids, start=1)}
        try:
            answer = await self._services.query("ec2", action, "2016-11-15", members)
        except ServiceRefused as error:
            # This service tells the form of a security group's id; AWS only that it is not there.
            if error.code == "InvalidGroupId.Malformed":
                error = ServiceRefused(
                    "InvalidGroup.NotFound",
                    f"The security group '{ids[0]}' does not exist",
                    error.status,
                )
            raise invalid(
                f"Error occurred while {action}. EC2 Error Code: {error.code}. "
                f"EC2 Error Message: {error.message}"
            ) from None
        return set(re.findall(r"<vpcId>([^<]+)</vpcId>", answer.decode()))
