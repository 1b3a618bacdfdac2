"""What Lambda's API asks of other services, and how their refusals read in Lambda's words."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..services import ServiceRefused, Services
from .errors import AwsError, invalid


class Outside:
    """S3 for archives, SQS for queues, EC2 for the VPC of subnets."""

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

    async def queue_exists(self, arn: str) -> bool:
        """Whether the queue of this ARN is there; raises what is no such answer."""
        name = arn.rpartition(":")[2]
        try:
            await self._services.call("sqs", "AmazonSQS.GetQueueUrl", {"QueueName": name})
        except ServiceRefused as error:
            if "NonExistentQueue" in error.code or "QueueDoesNotExist" in error.code:
                return False
            raise AwsError("ServiceException", str(error), 500) from None
        return True

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
