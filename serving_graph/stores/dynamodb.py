"""A store in a DynamoDB table, for functions: one item a key, by conditional writes.

The table has the partition key `id` (a string); switch its time to live on for `ends`.  boto3 is
imported when the store first speaks.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from ...handlers.errors import NotReady
from .base import Claim, Store, new_token


class DynamoStore:
    """See `base.Store`.  client: a boto3 client; by default that of the environment."""

    def __init__(self, url: str, client: Any = None, now: Callable[[], float] = time.time) -> None:
        self.url, self.now, self._client = url, now, client
        self._table = url.partition(":")[2]

    @property
    def client(self) -> Any:
        if self._client is None:
            import boto3

            self._client = boto3.client("dynamodb")
        return self._client

    def claim(self, key: str, seconds: float) -> Claim:
        now, token = self.now(), new_token()
        # `ends` is in whole seconds, rounded up, as a time to live must be.
        item = {"id": _text(key), "token": _text(token), "ends": _number(now + seconds)}
        there = self._put(item, "attribute_not_exists(id) OR ends <= :now", {":now": _number(now)})
        if there is None:
            return Claim(token)
        if "answer" in there:
            return Claim(answer=there["answer"]["S"])
        return Claim(after=max(0.0, float(there["ends"]["N"]) - now) if "ends" in there else 1.0)

    def keep(self, key: str, token: str, answer: str, seconds: float) -> bool:
        item = {"id": _text(key), "token": _text(token), "answer": _text(answer)}
        item["ends"] = _number(self.now() + seconds)
        ours = {":token": _text(token)}
        return self._put(item, "#token = :token", ours, {"#token": "token"}) is None

    def release(self, key: str, token: str) -> None:
        from botocore.exceptions import ClientError

        try:
            self.client.delete_item(
                TableName=self._table,
                Key={"id": _text(key)},
                ConditionExpression="#token = :token AND attribute_not_exists(answer)",
                ExpressionAttributeNames={"#token": "token"},
                ExpressionAttributeValues={":token": _text(token)},
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise

    def _put(
        self,
        item: dict[str, Any],
        condition: str,
        values: dict[str, Any],
        names: dict[str, str] | None = None,
    ) -> dict[str, Any] | None:
        """None when it was written; else the item that is there."""
        from botocore.exceptions import ClientError

        more = {"ExpressionAttributeNames": names} if names else {}
        try:
            self.client.put_item(
                TableName=self._table,
                Item=item,
                ConditionExpression=condition,
                ExpressionAttributeValues=values,
                **more,
            )
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code == "ResourceNotFoundException":
                raise NotReady(
                    f"there is no DynamoDB table {self._table!r}: create it with the partition key "
                    "'id', a string"
                ) from error
            if code != "ConditionalCheckFailedException":
                raise
            return self._read(item["id"])
        return None

    def _read(self, key: dict[str, str]) -> dict[str, Any]:
        """The item as it is now; empty when it has just gone."""
        told = self.client.get_item(TableName=self._table, Key={"id": key}, ConsistentRead=True)
        found: dict[str, Any] = told.get("Item", {})
        return found

    def close(self) -> None:
        if self._client is not None:
            self._client.close()


def _text(value: str) -> dict[str, str]:
    return {"S": value}


def _number(value: float) -> dict[str, str]:
    return {"N": str(-int(-value // 1))}


def at(url: str) -> Store:
    return DynamoStore(url)
