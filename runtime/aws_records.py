"""The records of a queue: each answered for itself, in the platform's partial batch form.
(Those of a stream are `aws_shards`.)

A record that fails is reported and comes back; the others are done.  A FIFO queue stops at its
first failure and gives the rest back untouched, so that no message overtakes another.  Near the
deadline what was not begun is reported as failed rather than cut off.
"""

from __future__ import annotations

from typing import Any

from ..handlers.context import Context
from ..handlers.errors import InvalidInput, MalformedBody
from ..handlers.event import Event
from ..handlers.function import Function
from ..handlers.triggers.sqs import Handoff, Sqs
from . import aws_events
from .call import Call, compile_call, many_of, maybe_await
from .refusals import after_of, verdict, where
from .traces import shown

# Seconds of the function's time kept for giving back what was not begun.
SPARE = 0.5


class Batch(list[Event]):
    """The events of a batch, and the value of each."""

    def __init__(self) -> None:
        super().__init__()
        self.values: list[Any] = []


class Records:
    """Answers batches of one function.

    LETTER:  the name that an id has as an attribute of a dead letter
    WITHOUT: what takes a rejected record where the trigger names no queue for it
    """

    LETTER = "MessageId"
    WITHOUT = "the queue's own redrive policy"

    def __init__(self, function: Function[..., Any], call: Call) -> None:
        self._call, self._function = call, function
        codec = function.codec
        self._item: Any = codec.item if codec else None
        arrange = codec.arrange if codec else None
        self._whole: Any = (
            compile_call(function, lambda batch, context: arrange(batch.values, context))
            if arrange
            else None
        )
        # A part of a graph answers a batch itself: it sends on what came of all of it together.
        self._batch: Any = getattr(function.user_function, "answer_batch", None)
        # A graph with batched steps takes many values at once, each answered for itself.
        self._many: Any = many_of(function)
        self._triggers = self._sources(function)

    def _sources(self, function: Function[..., Any]) -> dict[str, Any]:
        """The triggers of this kind, by the name of their source."""
        triggers = [each for each in function.triggers if isinstance(each, Sqs)]
        return {each.queue.rpartition(":")[2]: each for each in triggers}

    def _id(self, record: dict[str, Any]) -> str:
        """What the platform calls the record by."""
        return str(record["messageId"])

    def _named(self, record: dict[str, Any]) -> dict[str, str]:
        """The record, for a line of the log."""
        return {"messageId": record["messageId"]}

    def _event(self, record: dict[str, Any]) -> Event:
        return aws_events.sqs_event(record)

    def _ordered(self, record: dict[str, Any]) -> bool:
        """Whether a failure holds up what is behind it."""
        return bool(record.get("eventSourceARN", "").endswith(".fifo"))

    def answer(self, records: list[dict[str, Any]], context: Context) -> dict[str, Any]:
        """`{"batchItemFailures": [{"itemIdentifier": messageId}, …]}`, empty when all is done."""
        if self._item:
            return self._as_one(records, context)
        if self._batch and isinstance(self._trigger(records[0]), Handoff):
            return self._by_itself(records, context)
        failed: list[str] = []
        ordered = self._ordered(records[0])
        if self._many and not ordered:
            return self._together(records, context)
        for record in records:
            late = (context.remaining_time() or SPARE * 2) < SPARE
            if late or (ordered and failed) or not self._one(record, context):
                failed.append(self._id(record))
        return _failures(failed)

    def _by_itself(self, records: list[dict[str, Any]], context: Context) -> dict[str, Any]:
        told = [(each["body"], each["messageId"], _receives(each), each) for each in records]
        failed = self._batch(told, context)
        for record, seconds in failed:
            self._hidden_for(seconds, record, context)
        return _failures([record["messageId"] for record, _ in failed])

    def _together(self, records: list[dict[str, Any]], context: Context) -> dict[str, Any]:
        """All records at once through a graph with batched steps.  (Not of a FIFO queue, which has
        to stop at its first failure.)  Near the deadline what was not begun fails."""
        ends = context.remaining_time()
        within = context if ends is None else context.within(max(0.0, ends - SPARE))
        codec: Any = self._function.codec
        failed, values, behind = list[str](), list[Any](), list[dict[str, Any]]()
        for record in records:
            try:
                values.append(codec.decode(self._event(record), within)[0])
                behind.append(record)
            except (InvalidInput, MalformedBody) as error:
                if not self._answered(record, error, context):
                    failed.append(self._id(record))
        answers = maybe_await(self._many(values, within)) if values else []
        for record, answer in zip(behind, answers, strict=True):
            if not self._encoded(record, answer, context):
                failed.append(self._id(record))
        return _failures(failed)

    def _encoded(self, record: dict[str, Any], answer: Any, context: Context) -> bool:
        """True when the record is done with: its answer can be encoded, or its error says so."""
        from ..handlers.failed import Failed  # only what is batched waits for it

        try:
            if isinstance(answer, Failed):
                raise answer.error
            codec: Any = self._function.codec
            codec.encode(answer)
        except Exception as error:
            return self._answered(record, error, context)
        return True

    def _one(self, record: dict[str, Any], context: Context) -> bool:
        try:
            self._call(self._event(record), context)
        except Exception as error:
            # One record's failure must not fail the others: whatever it is, it is answered for.
            return self._answered(record, error, context)
        return True

    def _answered(self, record: dict[str, Any], error: Exception, context: Context) -> bool:
        """True when the record is done with; else the platform gives it again."""
        match verdict(error):
            case "invalid":
                return self._invalid(record, str(error), context)
            case "reject":
                return self._dead_letter(record, str(error), context)
            case "later":
                self._later(record, error, context)
            case "failed":
                self._failed(record, error, context)
        return False

    def _as_one(self, records: list[dict[str, Any]], context: Context) -> dict[str, Any]:
        """A `list[T]` function: bad records are sorted out, the rest is one call.

        What becomes of the bad is done last: when the call raises, every record comes back.
        """
        batch, bad, behind = self._sorted_out(records)
        if batch:
            self._whole(batch, context)
        back = [record for record, why in bad if not self._invalid(record, why, context)]
        return _failures([self._id(each) for each in (*back, *behind)])

    def _failed(self, record: dict[str, Any], error: Exception, context: Context) -> None:
        error.with_traceback(shown(error, self._function))
        context.logger.exception("record failed", **self._named(record), **where(error))

    def _sorted_out(
        self, records: list[dict[str, Any]]
    ) -> tuple[Batch, list[tuple[dict[str, Any], str]], list[dict[str, Any]]]:
        """(good ones, bad records and why, records behind one that a FIFO queue gets back)."""
        good, bad = Batch(), []
        for place, record in enumerate(records):
            try:
                event = self._event(record)
                good.values.append(self._item(event))
                good.append(event)
            except (InvalidInput, MalformedBody) as error:
                bad.append((record, str(error)))
                if self._ordered(record) and not self._disposable(record):
                    return good, bad, records[place + 1 :]
        return good, bad, []

    def _disposable(self, record: dict[str, Any]) -> bool:
        """Whether the record's trigger takes a bad one off the queue."""
        trigger = self._trigger(record)
        action = trigger.on_invalid if trigger else "retry"
        return action == "drop" or bool(action == "dead_letter" and trigger and trigger.dead_letter)

    def _invalid(self, record: dict[str, Any], why: str, context: Context) -> bool:
        """True when the record is done with."""
        trigger = self._trigger(record)
        action = trigger.on_invalid if trigger else "retry"
        if action == "dead_letter":
            return self._dead_letter(record, why, context)
        context.logger.warning(f"invalid record: {action}", **self._named(record), reason=why)
        return action == "drop"

    def _dead_letter(self, record: dict[str, Any], why: str, context: Context) -> bool:
        """Send the record to the trigger's dead-letter queue; without one it goes back, and the
        queue's own redrive policy takes it in the end."""
        trigger = self._trigger(record)
        target = trigger.dead_letter if trigger else ""
        context.logger.warning(
            "record rejected",
            **self._named(record),
            reason=why,
            deadLetter=target or self.WITHOUT,
        )
        if not target:
            return False
        said = {"Reason": why[:1024] or "rejected", self.LETTER: self._id(record)}
        return self._send_letter(target, record, said, context)

    def _send_letter(
        self, target: str, record: dict[str, Any], said: dict[str, str], context: Context
    ) -> bool:
        send_letter(target, record["body"], said)
        return True

    def _later(self, record: dict[str, Any], error: Exception, context: Context) -> None:
        context.logger.info(
            "record comes again",
            **self._named(record),
            reason=getattr(error, "reason", str(error)),
            **where(error),
        )
        after = after_of(error)
        if after is not None:
            self._hidden_for(after, record, context)

    def _hidden_for(self, after: float, record: dict[str, Any], context: Context) -> None:
        """Keep a record from coming sooner; it comes in any case, when its queue gives it again."""
        import boto3
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            self._hide(boto3, after, record)
        except (BotoCoreError, ClientError):
            # A role may lack this one permission: no reason to fail the batch's other records.
            context.logger.exception("record comes when its queue says", id=record["messageId"])

    def _hide(self, boto3: Any, after: float, record: dict[str, Any]) -> None:
        client = boto3.client("sqs")
        queue = record["eventSourceARN"].rpartition(":")[2]
        client.change_message_visibility(
            QueueUrl=client.get_queue_url(QueueName=queue)["QueueUrl"],
            ReceiptHandle=record["receiptHandle"],
            VisibilityTimeout=round(after),
        )

    def _trigger(self, record: dict[str, Any]) -> Any:
        return self._triggers.get(record.get("eventSourceARN", "").rpartition(":")[2])


def readers(function: Function[..., Any], call: Call) -> dict[str, Any]:
    """What answers records, by source; but for queues only where a trigger wants it."""
    found: dict[str, Any] = {"sqs": Records(function, call)}
    if any(each.bridged for each in function.triggers):
        from .bridged import BridgedRecords

        found["bridge"] = BridgedRecords(function, call)
    for kind in {each.kind for each in function.triggers}:
        if kind == "kinesis":
            from .aws_shards import ShardRecords

            found[kind] = ShardRecords(function, call)
        elif kind == "dynamodb":
            from .aws_changes import ChangeRecords

            found[kind] = ChangeRecords(function, call)
        elif kind == "websocket_api":
            from .aws_websocket import Sockets

            found[kind] = Sockets(function, call)
        elif kind == "rabbitmq":
            from .aws_mq import MqRecords

            found[kind] = MqRecords(function, call)
        elif kind in aws_events.ASKED:
            from .aws_pushed import Pushed

            found[kind] = Pushed(function, call, kind)
    return found


def _receives(record: dict[str, Any]) -> int:
    """How often a record has been handed out, this time included."""
    return int((record.get("attributes") or {}).get("ApproximateReceiveCount", 1))


def send_letter(target: str, body: str, said: dict[str, str]) -> None:
    """Put a record into a queue of dead letters, by name or URL; `said` become its attributes."""
    import boto3

    client = boto3.client("sqs")
    url = target if "://" in target else client.get_queue_url(QueueName=target)["QueueUrl"]
    attributes = {
        name: {"DataType": "String", "StringValue": value} for name, value in said.items()
    }
    client.send_message(QueueUrl=url, MessageBody=body, MessageAttributes=attributes)


def _failures(ids: list[str]) -> dict[str, Any]:
    return {"batchItemFailures": [{"itemIdentifier": each} for each in ids]}
