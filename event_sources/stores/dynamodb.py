"""A store in a DynamoDB table: one item a message, by conditional writes.

The table has the partition key `id` (a string); switch its time to live on for `ends`.  Marks and
notes are items of it that have no `ends`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..errors import Away
from .base import Claim, Watched, new_token


class DynamoStore:
    """
    table:  its name;  client: of boto3; by default that of the environment
    now:    seconds since the epoch;  steady: seconds that are never set
    """

    def __init__(
        self,
        table: str,
        client: Any = None,
        now: Callable[[], float] = time.time,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self.table, self._client, self._now = table, client, now
        self._watched = Watched(steady)

    async def claim(self, keys: Sequence[str], seconds: float) -> list[Claim]:
        return list(await asyncio.gather(*(self._claim(each, seconds) for each in keys)))

    async def keep(self, tokens: Mapping[str, str], seconds: float) -> None:
        ends = self._number(self._now() + seconds)
        await asyncio.gather(
            *(
                self._put(
                    {"id": {"S": key}, "token": {"S": token}, "done": {"BOOL": True}, "ends": ends},
                    "#t = :t",
                    {":t": {"S": token}},
                    {"#t": "token"},
                )
                for key, token in tokens.items()
            )
        )

    async def release(self, tokens: Mapping[str, str]) -> None:
        await asyncio.gather(*(self._release(*each) for each in tokens.items()))

    async def renew(self, tokens: Mapping[str, str], seconds: float) -> None:
        await asyncio.gather(
            *(
                self._put(
                    self._item(key, token, seconds),
                    "#t = :t AND attribute_not_exists(done)",
                    {":t": {"S": token}},
                    {"#t": "token"},
                )
                for key, token in tokens.items()
            )
        )

    async def mark(self, key: str) -> float | None:
        item = {"id": {"S": f"mark:{key}"}}
        told = (await self._call("get_item", Key=item, ConsistentRead=True) or {}).get("Item")
        return float(told["at"]["N"]) if told else None

    async def set_mark(self, key: str, value: float) -> None:
        item = {"id": {"S": f"mark:{key}"}, "at": {"N": repr(value)}}
        await self._call("put_item", Item=item)

    async def note(self, key: str) -> str:
        item = {"id": {"S": f"note:{key}"}}
        told = (await self._call("get_item", Key=item, ConsistentRead=True) or {}).get("Item")
        return str(told["text"]["S"]) if told else ""

    async def set_note(self, key: str, text: str) -> None:
        await self._call("put_item", Item={"id": {"S": f"note:{key}"}, "text": {"S": text}})

    async def close(self) -> None:
        if self._client is not None:
            self._client.close()

    async def _claim(self, key: str, seconds: float) -> Claim:
        now, token = self._now(), new_token()
        item = self._item(key, token, seconds)
        condition = "attribute_not_exists(id) OR ends <= :now"
        if await self._put(item, condition, {":now": self._number(now)}):
            return Claim(token)
        told = await self._call("get_item", Key={"id": {"S": key}}, ConsistentRead=True)
        there = (told or {}).get("Item", {})
        if "done" in there:
            return Claim(done=True)
        if not there:
            return Claim(after=0.0)
        ends, length = (float(there.get(name, {}).get("N", 0)) for name in ("ends", "length"))
        theirs = there["token"]["S"]
        left = self._watched.left(key, theirs, ends=ends, length=length, now=now)
        if left or ends <= now:
            return Claim(after=left)
        return Claim(token) if await self._succeed(item, there) else Claim(after=0.0)

    async def _succeed(self, item: dict[str, Any], there: dict[str, Any]) -> bool:
        """Claim what another has claimed, unless it has moved meanwhile."""
        return await self._put(
            item,
            "#t = :t AND ends = :ends AND attribute_not_exists(done)",
            {":t": there["token"], ":ends": there["ends"]},
            {"#t": "token"},
        )

    def _item(self, key: str, token: str, seconds: float) -> dict[str, Any]:
        """A claim; `ends` a little later than it says, in whole seconds."""
        ends = self._number(self._now() + seconds)
        length = {"N": repr(float(seconds))}
        return {"id": {"S": key}, "token": {"S": token}, "ends": ends, "length": length}

    async def _put(
        self,
        item: dict[str, Any],
        condition: str,
        values: dict[str, Any],
        names: dict[str, str] | None = None,
    ) -> bool:
        more = {"ExpressionAttributeNames": names} if names else {}
        told = await self._call(
            "put_item",
            Item=item,
            ConditionExpression=condition,
            ExpressionAttributeValues=values,
            **more,
        )
        return told is not None

    async def _release(self, key: str, token: str) -> None:
        await self._call(
            "delete_item",
            Key={"id": {"S": key}},
            ConditionExpression="#t = :t AND attribute_not_exists(done)",
            ExpressionAttributeNames={"#t": "token"},
            ExpressionAttributeValues={":t": {"S": token}},
        )

    async def _call(self, operation: str, **members: Any) -> dict[str, Any] | None:
        """The answer; None where a condition did not hold."""
        return await asyncio.to_thread(self._call_now, operation, members)

    def _call_now(self, operation: str, members: dict[str, Any]) -> dict[str, Any] | None:
        from botocore.exceptions import BotoCoreError, ClientError

        if self._client is None:
            import boto3

            self._client = boto3.client("dynamodb")
        try:
            found: dict[str, Any] = getattr(self._client, operation)(
                TableName=self.table, **members
            )
        except ClientError as error:
            if error.response["Error"]["Code"] == "ConditionalCheckFailedException":
                return None
            raise Away(f"DynamoDB table {self.table}: {error}") from error
        except BotoCoreError as error:
            raise Away(f"DynamoDB table {self.table}: {error}") from error
        return found

    def _number(self, value: float) -> dict[str, str]:
        """In whole seconds, rounded up, as a time to live must be."""
        return {"N": str(-int(-value // 1))}
