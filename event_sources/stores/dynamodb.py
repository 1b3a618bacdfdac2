"""A store in a DynamoDB table: one item a message, by conditional writes.

The table has the partition key `id` (a string); switch its time to live on for `ends`.  Marks and
notes are items of it that have no `ends`.  Times are by DynamoDB's own clock, as its answers say
it; of a server whose answers do not, a claim is over when it was seen to stand for its length.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..errors import Away
from .base import Claim, new_token
from .clocks import ServerTime, Watched

_GRAIN = 1.0  # seconds by which two claims may differ, and their `ends` not
_FREE = "attribute_not_exists(id) OR ends <= :now"
_FREE_UNTOLD = "attribute_not_exists(id) OR (attribute_exists(done) AND ends <= :now)"


class DynamoStore:
    """
    table:  its name;  client: of boto3; by default that of the environment
    now:    seconds since the epoch, where the server does not say them
    steady: seconds that are never set
    """

    def __init__(
        self,
        table: str,
        client: Any = None,
        now: Callable[[], float] = time.time,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self.table, self._client, self._now, self._steady = table, client, now, steady
        self._watched, self._server = Watched(steady), ServerTime(steady)

    async def claim(self, keys: Sequence[str], seconds: float) -> list[Claim]:
        if keys and not self._server.known:
            await self._get(keys[0])  # for the time that comes with it
        return list(await asyncio.gather(*(self._claim(each, seconds) for each in keys)))

    async def keep(self, tokens: Mapping[str, str], seconds: float) -> None:
        ends = self._ends(seconds)
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
        told = await self._get(f"mark:{key}")
        return float(told["at"]["N"]) if told else None

    async def set_mark(self, key: str, value: float) -> None:
        item = {"id": {"S": f"mark:{key}"}, "at": {"N": repr(value)}}
        await self._call("put_item", Item=item)

    async def note(self, key: str) -> str:
        told = await self._get(f"note:{key}")
        return str(told["text"]["S"]) if told else ""

    async def set_note(self, key: str, text: str) -> None:
        await self._call("put_item", Item={"id": {"S": f"note:{key}"}, "text": {"S": text}})

    async def close(self) -> None:
        if self._client is not None:
            self._client.close()

    async def _claim(self, key: str, seconds: float) -> Claim:
        token, told = new_token(), self._server.known
        item, now = self._item(key, token, seconds), {"N": str(math.floor(self._earliest()))}
        if await self._put(item, _FREE if told else _FREE_UNTOLD, {":now": now}):
            await self._lengthen(item, seconds)
            return Claim(token)
        there = await self._get(key)
        if not there:
            return Claim(after=0.0)
        if "done" in there:
            return Claim(done=True)
        if left := self._left(key, there):
            return Claim(after=left)
        return Claim(token) if await self._succeed(key, token, seconds, there) else Claim()

    def _left(self, key: str, there: Mapping[str, Any]) -> float:
        """Seconds until another's claim is over, as far as can be told; 0 when it is."""
        ends, length = (float(there.get(name, {}).get("N", 0)) for name in ("ends", "length"))
        left = max(0.0, ends - self._earliest())
        if not length:  # of an earlier version, which did not say it
            return left
        stood = self._watched.left(key, f"{there['token']['S']} {ends}", length + _GRAIN)
        return min(left, stood) if self._server.known else stood

    async def _lengthen(self, item: dict[str, Any], seconds: float) -> None:
        """Where we stood still between an answer that told the time and our claim, it is to last
        from now on, by the answer to it."""
        if self._earliest() + seconds > float(item["ends"]["N"]):
            await self.renew({item["id"]["S"]: item["token"]["S"]}, seconds)

    async def _succeed(
        self, key: str, token: str, seconds: float, there: Mapping[str, Any]
    ) -> bool:
        """Claim what another has claimed, unless it has moved meanwhile."""
        return await self._put(
            self._item(key, token, seconds),
            "#t = :t AND ends = :ends AND attribute_not_exists(done)",
            {":t": there["token"], ":ends": there["ends"]},
            {"#t": "token"},
        )

    def _item(self, key: str, token: str, seconds: float) -> dict[str, Any]:
        """A claim; `ends` a little later than it says, in whole seconds."""
        length = {"N": repr(float(seconds))}
        ends = self._ends(seconds)
        return {"id": {"S": key}, "token": {"S": token}, "ends": ends, "length": length}

    def _ends(self, seconds: float) -> dict[str, str]:
        """In whole seconds, rounded up, as a time to live must be."""
        now = self._server.latest() if self._server.known else self._now()
        return {"N": str(math.ceil(now + seconds))}

    def _earliest(self) -> float:
        return self._server.earliest() if self._server.known else self._now()

    async def _get(self, id: str) -> dict[str, Any]:
        told = await self._call("get_item", Key={"id": {"S": id}}, ConsistentRead=True)
        return dict((told or {}).get("Item", {}))

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

        asked = self._steady()
        try:
            if self._client is None:
                import boto3

                self._client = boto3.client("dynamodb")  # without a region there is none
            found: dict[str, Any] = getattr(self._client, operation)(
                TableName=self.table, **members
            )
        except ClientError as error:
            self._heard(error.response, asked)
            if error.response["Error"]["Code"] == "ConditionalCheckFailedException":
                return None
            raise Away(f"DynamoDB table {self.table}: {error}") from error
        except BotoCoreError as error:
            raise Away(f"DynamoDB table {self.table}: {error}") from error
        self._heard(found, asked)
        return found

    def _heard(self, answer: Mapping[str, Any], asked: float) -> None:
        said = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {})
        self._server.heard(said.get("date"), asked)
