"""Dead letters sent again: which place they are in, by words or by a function's own trigger, and
where they go to.  What a redrive keeps is `event_sources.redrive`'s.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from ..builders import load_app
from ..deploy.where import Where, connect
from ..event_sources import Away, Failed
from ..event_sources.redrive import Kept, NotSent, Place, Redriven, Wanted, look, place_of, redrive
from ..event_sources.redrive.places import KINDS, class_of, word_of
from ..event_sources.redrive.run import Looked, Send
from ..event_sources.sources.sqs import record
from ..handlers.errors import PeltonError
from ..handlers.function import Function
from .callers import Call, caller
from .payload import outcome, payload
from .secrets import look_up, revealed

# What a trigger calls otherwise than a place does.
_RENAMED = {"brokers": "url"}
_FLAGS, _NUMBERS = {"tls", "verify"}, {"visibility", "wait"}
# The trigger that has the letters of a source, as a function's runtime knows it.
_TRIGGERS = {
    "jetstream": "nats",
    "redis-stream": "redis",
    "redis-pubsub": "redis",
    "dynamodb-streams": "dynamodb",
}
_OF_WEBSOCKET = "a WebSocket server sent it, and would take it for an answer"
_OF_AWS = {"sqs", "kinesis", "dynamodb-streams"}


class NoLetters(PeltonError):
    """Dead letters that cannot be sent again as it was asked for; the sentence says why."""


@dataclass(frozen=True)
class Letters:
    """
    kind:     the word for the place, or a source's;  place: its name
    settings: how to come to it
    """

    kind: str
    place: str
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Back:
    """Where letters go to: to where they came from, if nothing is said.

    to:       another place of the same broker
    function: a deployed one, which is called with each
    """

    to: str = ""
    function: str = ""


def of_words(kind: str, place: str, url: str, members: Mapping[str, str]) -> Letters:
    """Raises `NoLetters` for a truth that is none, or a number."""
    settings: dict[str, Any] = {"url": url} if url else {}
    return Letters(kind, place, settings | {name: _read(name, members[name]) for name in members})


def _read(name: str, value: str) -> Any:
    if name in _FLAGS:
        if value not in ("true", "false"):
            raise NoLetters(f"{name}={value} is none of true, false")
        return value == "true"
    if name in _NUMBERS:
        if not (value.isascii() and value.isdigit()):
            raise NoLetters(f"{name}={value} is no number of seconds")
        return int(value)
    return value


def of_function(where: str, kind: str, more: Letters, secrets: str, target: Where) -> Letters:
    """The letters of a function's trigger, as its app declares it.

    kind: which, where it has several;  more: what was said beside it, which goes before
    """
    file, _, name = where.rpartition(":")
    app, _ = load_app(file or where)
    if name not in app.functions:
        there = ", ".join(app.functions) or "none"
        raise NoLetters(f"app {app.name} has no function {name!r}; it has {there}")
    function = app.functions[name]
    trigger = _trigger(function, kind)
    found = _of_trigger(trigger, name)
    known = class_of(found.kind).words
    settings = {
        _RENAMED.get(word, word): value
        for word, value in {**found.settings, **found.settings.get("options", {})}.items()
        if _RENAMED.get(word, word) in known
    }
    values = look_up([settings], target, secrets)
    return Letters(
        found.kind,
        more.place or found.place,
        {**revealed(settings, values), **more.settings},
    )


def _trigger(function: Function[..., Any], kind: str) -> Any:
    found = [each for each in function.triggers if getattr(each, "dead_letter", "")]
    chosen = [each for each in found if kind in ("", each.kind)]
    if len(chosen) == 1:
        return chosen[0]
    having = ", ".join(each.kind for each in found) or "none"
    raise NoLetters(
        f"function {function.name} has {'no' if not chosen else 'more than one'} trigger "
        f"{kind + ' ' if kind else ''}with a dead_letter=; those with one: {having}"
    )


def _of_trigger(trigger: Any, function: str) -> Letters:
    if not hasattr(trigger, "source_for"):  # a queue or stream of AWS
        return Letters(trigger.kind, trigger.dead_letter)
    kind, settings = trigger.source_for(function)
    place = trigger.dead_letter
    if kind == "directory":
        place = f"{settings['path']}/{place}"
    return Letters(kind, place, settings)


@asynccontextmanager
async def _open(letters: Letters, where: Where) -> AsyncIterator[Place]:
    word = word_of(letters.kind)
    settings = {} if word == "file" else dict(letters.settings)
    if word == "sqs":
        settings["client"] = connect(where)[0].client
    place = place_of(letters.kind, letters.place, **settings)
    try:
        await place.open()
        yield place
    finally:
        await place.close()


async def looked(letters: Letters, wanted: Wanted, where: Where) -> tuple[Looked, list[str]]:
    """What would be sent, and what should be known of that."""
    async with _open(letters, where) as place:
        found = await look(place, wanted)
    return found, place.notes


async def redriven(
    letters: Letters, wanted: Wanted, back: Back, where: Where
) -> tuple[Redriven, list[str]]:
    """Send them; what became of them, and what should be known of that."""
    async with _sending(letters, back, where) as send, _open(letters, where) as place:
        done = await redrive(place, wanted, send or _to(place, back.to))
    return done, place.notes


def _to(place: Place, to: str) -> Send:
    async def send(letter: Kept) -> None:
        await place.send(letter, to)

    return send


@asynccontextmanager
async def _sending(letters: Letters, back: Back, where: Where) -> AsyncIterator[Send | None]:
    """What sends where the place itself does not."""
    if back.function:
        async with caller(where, back.function) as call:
            yield calling(call, where.platforms[0])
    elif word_of(letters.kind) == "file":
        async with _from_file(letters.settings, back.to, where) as send:
            yield send
    else:
        yield None


@asynccontextmanager
async def _from_file(settings: Mapping[str, Any], to: str, where: Where) -> AsyncIterator[Send]:
    """Sends letters of a file to the broker of each one's source, which is connected to when the
    first one comes."""
    places: dict[str, Place] = {}
    async with AsyncExitStack() as opened:

        async def send(letter: Kept) -> None:
            word = word_of(letter.source)
            if word not in KINDS or word == "file":
                what = (
                    f"a source {word!r} takes nothing" if letter.source == word else _OF_WEBSOCKET
                )
                raise NotSent(f"{what}: say which --function shall run")
            if word not in places:
                there = _open(Letters(word, "", settings), where)
                places[word] = await opened.enter_async_context(there)
            await places[word].send(letter, to)

        yield send


def calling(call: Call, platform: str) -> Send:
    """Hands each letter to a function, by `call`, as its own trigger on that platform would."""

    async def send(letter: Kept) -> None:
        try:
            answer = await call(_event(letter, platform))
            why = _refused(letter, answer, platform)
        except Failed as failed:
            if not failed.blame:
                raise Away(failed.reason) from failed
            why = failed.reason
        if why:
            raise NotSent(why)

    return send


def _event(letter: Kept, platform: str) -> Any:
    """What its own trigger would have brought: on Lambda an event of AWS, else of a bridge."""
    if letter.source == "lambda":
        return json.loads(letter.body)
    message = letter.message
    if letter.source == "sqs" and isinstance(letter.raw, Mapping):
        message = replace(message, body=json.dumps(_record(letter)).encode())
    if letter.source in _OF_AWS and platform == "lambda":
        return {"Records": [json.loads(message.body)]}
    kind = _TRIGGERS.get(letter.source, letter.source)
    return payload(kind, letter.topic, [message])


def _record(letter: Kept) -> dict[str, Any]:
    """A message of a queue as Lambda has it."""
    sent = {} if letter.timestamp is None else {"SentTimestamp": str(int(letter.timestamp * 1000))}
    group = {"MessageGroupId": letter.key} if letter.key else {}
    told = {
        "MessageId": letter.message_id or letter.id,
        "ReceiptHandle": "redriven",
        "Body": letter.body.decode(),
        "Attributes": {"ApproximateReceiveCount": "1", **sent, **group},
        "MessageAttributes": letter.raw,
    }
    return record(told, f"arn:aws:sqs:us-east-1:000000000000:{letter.topic}")


def _refused(letter: Kept, answer: Any, platform: str) -> str:
    """Why it was not taken; "" of one that was."""
    if letter.source == "lambda":
        return ""
    if letter.source in _OF_AWS and platform == "lambda":
        failures = answer.get("batchItemFailures") if isinstance(answer, Mapping) else None
        return "the function has reported that it failed: its log says why" if failures else ""
    failed = outcome(answer).failed
    return next((each.reason for each in failed.values()), "")
