"""A function's dead-letter queue, when it is configured: that it can be one, and is there.

AWS sends a test message with the function's role, so a queue that is not there is told in the
words of a role without permissions.  The sentences are those that public reports quote.
"""

from __future__ import annotations

from .account import Account, Values
from .destinations import service_of
from .errors import invalid

_NOT_ALLOWED = {"sqs": "SendMessage on SQS", "sns": "Publish on SNS"}
_INVALID = "Invalid dead letter queue ARN: "


async def check_dead_letter(account: Account, values: Values) -> None:
    """Raises InvalidParameterValueException for a DeadLetterConfig that names nothing fit."""
    arn = values.get("DeadLetterConfig", {}).get("TargetArn")
    if not arn:
        return
    service = service_of(arn)
    if service not in _NOT_ALLOWED:
        raise invalid(f"{_INVALID}Only Amazon SQS queues and Amazon SNS topics are supported.")
    if arn.split(":")[3] != account.place.region:
        raise invalid(
            f"{_INVALID}The resource specified by the TargetArn must be in the same region as the "
            "Lambda function it's associated with."
        )
    if not await account.around.target_exists(arn):
        raise invalid(
            f"The provided execution role does not have permissions to call {_NOT_ALLOWED[service]}"
        )
