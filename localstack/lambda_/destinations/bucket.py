"""An S3 bucket, for failures only: the record is an object.

Its key is `aws/lambda/async/<function>/YYYY/MM/DD/YYYY-MM-DDTHH.MM.SS-<UUID>`, as Lambda's page on
retaining records says.  The UUID is made of the request id, so that a record sent again after a
kill is the same object.
"""

from __future__ import annotations

import datetime as dt
from uuid import NAMESPACE_URL, uuid5

from ...services import ServiceRefused, Services
from .base import Letter, Undelivered, last


class Bucket:
    """Buckets of the embedded S3."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def exists(self, arn: str) -> bool:
        return await self._services.bucket_exists(last(arn))

    async def send(self, arn: str, letter: Letter) -> None:
        try:
            await self._services.put_object(last(arn), key_of(letter), letter.body.encode())
        except ServiceRefused as error:
            raise Undelivered(str(error)) from None


def key_of(letter: Letter) -> str:
    """The key of a record's object.

    >>> key_of(Letter("{}", "arn:aws:lambda:us-east-1:000000000000:function:f:live", False, 0, "r"))
    'aws/lambda/async/f/1970/01/01/1970-01-01T00.00.00-f0ebecde-6de6-5612-8b4c-f2af2a8fed2d'
    """
    when = dt.datetime.fromtimestamp(letter.at, dt.UTC)
    function = letter.function.split(":")[6]
    name = uuid5(NAMESPACE_URL, f"{letter.function}/{letter.id}")
    return f"aws/lambda/async/{function}/{when:%Y/%m/%d}/{when:%Y-%m-%dT%H.%M.%S}-{name}"
