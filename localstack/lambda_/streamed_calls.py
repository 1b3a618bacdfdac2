"""InvokeWithResponseStream: a call whose response is passed on while the function writes it.

The Python runtime client answers in one piece; a runtime that streams is heard piece by piece.
Either way the events are those of the model.  The calls of function URLs in RESPONSE_STREAM mode
begin here too.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

from .account import Account, Act, Answer, Values
from .calls import LOG_TAIL, Calls, not_run
from .event_stream import CONTENT_TYPE, invoke_complete, payload_chunk
from .records import Call, Execution, Outcome, RestoreFailed, Throttled
from .streams import ResponseStream


class StreamedCalls:
    """The operation InvokeWithResponseStream."""

    def __init__(self, account: Account) -> None:
        self._account, self._calls = account, Calls(account)

    def operations(self) -> dict[str, Act]:
        return {"InvokeWithResponseStream": self.invoke}

    async def invoke(self, values: Values) -> Answer:
        kind = values.get("InvocationType", "RequestResponse")
        call = await self._calls.call(values, kind)
        if kind == "DryRun":
            return {"StatusCode": 204}
        try:
            started = await start(self._account.execution, call)
        except (RestoreFailed, Throttled) as error:
            raise not_run(error) from None
        return {
            "StatusCode": 200,
            "ExecutedVersion": call.revision.version,
            "ResponseStreamContentType": CONTENT_TYPE,
            "EventStream": _events(started, values.get("LogType") == "Tail"),
            "RequestId": call.request_id,
        }


@dataclass(frozen=True, slots=True)
class Started:
    """A call that is under way: its response streams, or has come whole."""

    stream: ResponseStream
    task: asyncio.Task[Outcome]

    @property
    def streams(self) -> bool:
        return self.stream.begun.is_set()


async def start(execution: Execution, call: Call) -> Started:
    """Come back when the response begins, or the call is over.  Raises Throttled, and
    RestoreFailed.

    The function goes on when its caller leaves, as on AWS.
    """
    stream = ResponseStream()
    task = asyncio.get_running_loop().create_task(execution.invoke(replace(call, stream=stream)))
    task.add_done_callback(lambda _: stream.end())
    begun = asyncio.ensure_future(stream.begun.wait())
    await asyncio.wait({task, begun}, return_when=asyncio.FIRST_COMPLETED)
    begun.cancel()
    if task.done() and not stream.begun.is_set():
        task.result()
    return Started(stream, task)


async def _events(started: Started, with_log: bool) -> AsyncIterator[bytes]:
    async for piece in started.stream:
        yield payload_chunk(piece)
    outcome = await started.task
    log = base64.b64encode(outcome.log()[-LOG_TAIL:]).decode() if with_log else ""
    if outcome.error:
        details = outcome.payload.decode("utf-8", "replace")
        yield invoke_complete(outcome.error, details, log)
        return
    if outcome.payload and not started.streams:
        yield payload_chunk(outcome.payload)
    yield invoke_complete(log_result=log)
