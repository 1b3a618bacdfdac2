"""What Lambda's API asks of other services, and how their refusals read in Lambda's words."""

from __future__ import annotations

from ..services import ServiceRefused, Services
from .errors import AwsError, invalid


class Outside:
    """S3 for archives, SQS for queues."""

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
