"""Another function: invoked asynchronously with the record, under a request id of its own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from uuid import uuid4

from ..calls import make_call
from ..errors import AwsError
from ..names import refer
from ..records import Call
from ..registry import Registry
from .base import Letter, Undelivered


class AnotherFunction:
    """Functions of the same account; `accept` keeps an event until it is done."""

    def __init__(self, registry: Registry, accept: Callable[[Call], Awaitable[None]]) -> None:
        self._registry, self._accept = registry, accept

    async def exists(self, arn: str) -> bool:
        try:
            self._registry.version(refer(self._registry.place, arn))
        except AwsError:
            return False
        return True

    async def send(self, arn: str, letter: Letter) -> None:
        try:
            reference = refer(self._registry.place, arn)
            call = make_call(self._registry, reference, letter.body.encode(), str(uuid4()))
        except AwsError as error:
            raise Undelivered(str(error.message)) from None
        await self._accept(call)
