"""What a bridge sends to a function, and what it makes of the answer: data, no connection."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Mapping, Sequence
from typing import Any

from ..event_sources import Failed, Message, Outcome
from ..runtime.bridged import record


def payload(
    kind: str, source: str, messages: Sequence[Message], answers: bool = False
) -> dict[str, Any]:
    """A batch as the function's runtime takes it apart; answers: whether those are to come back.

    >>> made = payload("redis", "orders", [Message("7", b"{}", "orders", key="k", lane="k")])
    >>> made["Records"][0]["messageId"], made["Records"][0]["body"]
    ('7', '{}')
    """
    return {"Records": [_record(kind, source, each, answers) for each in messages]}


def _record(kind: str, source: str, message: Message, answers: bool) -> dict[str, Any]:
    return record(
        kind,
        source,
        message.id,
        message.body,
        topic=message.topic,
        key=message.key,
        lane=message.lane,
        position=message.position,
        timestamp=message.timestamp,
        attempt=message.attempt,
        headers=message.headers,
        answers=answers,
    )


def answers_of(answer: Any) -> dict[str, str | bytes]:
    """What is to be sent back, by the message's id.

    >>> answers_of({"answers": [{"itemIdentifier": "7", "body": "yes"}]})
    {'7': 'yes'}
    """
    given = answer.get("answers") if isinstance(answer, Mapping) else None
    found: dict[str, str | bytes] = {}
    for each in given or ():
        body = each.get("body")
        found[str(each["itemIdentifier"])] = (
            b64decode(each["bodyBase64"]) if body is None else str(body)
        )
    return found


def outcome(answer: Any) -> Outcome:
    """What became of the batch, by the answer of a function: those that it names have failed.

    Raises `Failed` for an answer of another form: who else answers has not handled the batch.

    >>> found = outcome({"batchItemFailures": [{"itemIdentifier": "7", "reason": "full"}]})
    >>> found.failed["7"].reason
    'full'
    """
    failures = answer.get("batchItemFailures") if isinstance(answer, Mapping) else None
    if not isinstance(failures, list):
        raise Failed(
            f"the function answered {str(answer)[:200]!r}, which says of no message what became of "
            "it: is it deployed as it is in this app?",
            blame=False,
        )
    return Outcome(failed={str(each["itemIdentifier"]): _failed(each) for each in failures})


def _failed(said: Mapping[str, Any]) -> Failed:
    if said.get("begun") is False:
        return Failed("not begun", after=0, blame=False)
    after = said.get("after")
    return Failed(
        str(said.get("reason") or "it failed"),
        after=None if after is None else float(after),
        never=bool(said.get("never")),
    )
