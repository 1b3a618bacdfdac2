"""`pelton events redrive`: dead letters back to where they came from."""

from __future__ import annotations

import asyncio
import os
import re
import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from .say import json_option, say_json
from .where import make_where, there_options

if TYPE_CHECKING:
    from ..bridge.redrive import Letters
    from ..event_sources.redrive import Kept, Redriven
    from ..event_sources.redrive.run import Looked

SHOWN = 20  # letters that are listed for people
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


class Age(click.ParamType[float]):
    """Seconds, or a number with s, m, h or d."""

    name = "age"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        if isinstance(value, float):
            return value
        found = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd]?)", value)
        if not found:
            self.fail(f"{value!r} is no age: write it as 90, 30m, 12h or 2d", param, ctx)
        return float(found[1]) * _UNITS[found[2] or "s"]


@click.command()
@click.argument("kind", required=False, default="")
@click.argument("place", required=False, default="")
@click.option("--url", default="", help="Of the broker that PLACE is at.")
@click.option(
    "--for",
    "function",
    default="",
    metavar="FILE.py:FUNCTION",
    help="Of its trigger's dead_letter.",
)
@click.option("--into", default="", help="Another place of the same broker  [where it came from].")
@click.option("--function", "call", default="", help="Call this deployed one with each instead.")
@click.option("--reason", default="", metavar="TEXT", help="Whose reason has this; * for anything.")
@click.option("--key", default="", help="Of this key; * for anything.")
@click.option(
    "--older", type=Age(), default=0.0, help="Given up so long ago at least: 90, 30m, 2d."
)
@click.option("--younger", type=Age(), default=0.0, help="Or at the most.")
@click.option("--most", type=click.IntRange(1), help="So many, the oldest.")
@click.option("--dry-run", is_flag=True, help="Show which, and send nothing.")
@click.option(
    "--set", "members", multiple=True, metavar="NAME=VALUE", help="As user=, ca=, stream=."
)
@click.option("--secrets", default="", help="Folder of the secrets that the trigger names.")
@there_options
@json_option
def command(kind: str, place: str, as_json: bool, dry_run: bool, **options: Any) -> None:
    """Send the dead letters in PLACE again, oldest first: each to where it came from.

    KIND is the broker (redis, nats, kafka, rabbitmq, mqtt, postgres, sqs) and PLACE the stream,
    subject, topic, queue or table; or directory and a folder; or file and a file of JSON lines.  A
    letter leaves PLACE when it was safely sent; behind one that was not, those of its key wait.

    Exit code 0: all that were meant are sent, or there were none; 2: some were not; 1: it failed.
    """
    from ..bridge.redrive import Back, NoLetters, looked, redriven
    from ..event_sources.errors import SourceError
    from ..event_sources.redrive import Wanted

    if options["into"] and options["call"]:
        raise click.UsageError("--into and --function are two ways: say one")
    where = make_where(options)
    wanted = Wanted(
        options["reason"],
        options["key"],
        options["older"],
        options["younger"],
        options["most"] or 0,
    )
    if ":" in kind and os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())  # a place of one's own stands where the command is run
    try:
        letters = _letters(kind, place, options, where)
        if dry_run:
            found, notes = asyncio.run(looked(letters, wanted, where))
            _say_looked(letters, found, notes, as_json)
            return
        back = Back(options["into"], options["call"])
        done, notes = asyncio.run(redriven(letters, wanted, back, where))
    except SourceError as error:
        raise NoLetters(str(error)) from error
    _say_done(letters, done, notes, as_json)
    click.get_current_context().exit(2 if done.not_sent else 0)


def _letters(kind: str, place: str, options: dict[str, Any], where: Any) -> Letters:
    from ..bridge.redrive import of_function, of_words
    from .events import pairs

    said = of_words(kind, place, options["url"], pairs(options["members"]))
    if options["function"]:
        return of_function(options["function"], kind, said, options["secrets"], where)
    if not (kind and place):
        raise click.UsageError("say which letters: KIND and PLACE, or --for FILE.py:FUNCTION")
    return said


# -- what is said
def _say_looked(letters: Letters, found: Looked, notes: list[str], as_json: bool) -> None:
    now = time.time()
    if as_json:
        say_json(
            {
                **_place(letters),
                "letters": [_document(each, now) for each in found.letters],
                "reasons": [{"reason": why, "count": count} for why, count in found.reasons],
                "not_meant": found.left,
                "notes": notes,
            }
        )
        return
    for line in _listed(found, now):
        click.echo(line)
    beside = f", {found.left} that are not meant" if found.left else ""
    click.echo(f"{letters.kind} {letters.place}: {_many(len(found.letters))} would be sent{beside}")
    _say_notes(notes)


def _listed(found: Looked, now: float) -> Iterator[str]:
    for why, count in found.reasons:
        yield f"{count:6}  {why or 'no reason is said'}"
    for each in found.letters[:SHOWN]:
        again = f", redriven {each.redriven}x" if each.redriven else ""
        key = f" {each.key}" if each.key else ""
        who = f"{each.id}  {age(each.at, now)}  {each.topic or '?'}{key}"
        yield f"  {who}  {each.attempts} tries{again}: {each.reason}"
    if len(found.letters) > SHOWN:
        yield f"  and {len(found.letters) - SHOWN} more"


def _say_done(letters: Letters, done: Redriven, notes: list[str], as_json: bool) -> None:
    if as_json:
        now = time.time()
        stay = [{**_document(each, now), "not_sent": why} for each, why in done.not_sent]
        counts = {"sent": done.sent, "not_meant": done.left}
        say_json({**_place(letters), **counts, "not_sent": stay, "notes": notes})
        return
    for each, why in done.not_sent[:SHOWN]:
        click.echo(f"  {each.id} {each.key}".rstrip() + f": {why}")
    if len(done.not_sent) > SHOWN:
        click.echo(f"  and {len(done.not_sent) - SHOWN} more")
    staying = len(done.not_sent) + done.left
    beside = f", {len(done.not_sent)} not" if done.not_sent else ""
    left = f"; {staying} stay" if staying else ""
    click.echo(f"{letters.kind} {letters.place}: {_many(done.sent)} redriven{beside}{left}")
    _say_notes(notes)


def _say_notes(notes: list[str]) -> None:
    for each in notes:
        click.echo(each, err=True)


def _place(letters: Letters) -> dict[str, Any]:
    return {"kind": letters.kind, "place": letters.place}


def _document(letter: Kept, now: float) -> dict[str, Any]:
    return {
        "id": letter.id,
        "reason": letter.reason,
        "source": letter.source,
        "topic": letter.topic,
        "key": letter.key,
        "attempts": letter.attempts,
        "age": None if letter.at is None else round(now - letter.at, 3),
        "redriven": letter.redriven,
        "headers": dict(letter.headers),
        "bytes": len(letter.body),
    }


def _many(count: int) -> str:
    return f"{count} dead letter{'' if count == 1 else 's'}"


def age(at: float | None, now: float) -> str:
    """For people.

    >>> age(0.0, 7300.0), age(0.0, 59.0), age(None, 0.0)
    ('2h', '59s', '?')
    """
    if at is None:
        return "?"
    seconds = max(0.0, now - at)
    unit, size = next((each for each in reversed(_UNITS.items()) if seconds >= each[1]), ("s", 1))
    return f"{int(seconds // size)}{unit}"
