"""`pelton canary`: give a new version a share of the requests, and watch it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click

from .releases import Now, open_platform, who
from .say import json_option, say_json
from .where import there_options

if TYPE_CHECKING:
    from ..deploy.versions.canary import Canary
    from ..deploy.versions.release import Platform
    from ..deploy.versions.verbs import Turn


@click.command()
@click.argument("function")
@click.argument("share", nargs=-1)
@click.option("--for", "lasts", default="", metavar="TIME", help="90s, 15m, 2h: a step's time.")
@click.option(
    "--gate", "gates", multiple=True, metavar="EXPR", help='"errors<1%"; may be repeated.'
)
@click.option("--requests", "least", type=click.IntRange(1), default=20, show_default=True,
              help="Requests of the new version, below which no gate decides.")  # fmt: skip
@click.option("--give-up", default="", metavar="TIME", help="Take it back if undecided so late.")
@click.option("--version", default="", help="The new version [the newest].")
@click.option("--sticky", default="", metavar="KIND:NAME",
              help="What decides who answers: header:NAME, cookie:NAME, query:NAME.")  # fmt: skip
@click.option("--status", is_flag=True, help="Look at the canary under way; decides nothing.")
@click.option("--resume", is_flag=True, help="Go on with the canary under way.")
@there_options
@json_option
def command(
    function: str, share: tuple[str, ...], status: bool, resume: bool, as_json: bool, **options: Any
) -> None:
    """Send SHARE of the requests of the deployed FUNCTION to its newest version.

    With --for the canary is watched: a gate that does not hold takes it back at once and says why;
    when the time is up and every gate holds, the next SHARE is sent, after the last everything.
    Without --for it stands until `pelton promote` or `pelton rollback`.  Ctrl-C leaves it as it is.

    Exit code 1: it was taken back.
    """
    if sum((bool(share), status, resume)) != 1:
        raise click.UsageError("give a share (10%), or --status, or --resume")
    with open_platform(options) as platform:
        if share:
            _start(platform, function, share, options)
        if status:
            _status(platform, function, as_json)
        else:
            _watch(platform, function, as_json)


def _start(
    platform: Platform, function: str, share: tuple[str, ...], options: dict[str, Any]
) -> None:
    from ..deploy.versions import judges, verbs
    from ..deploy.versions.gates import parse
    from ..deploy.versions.release import seconds_of, steps_of

    gates = [parse(each) for each in options["gates"]]
    judges.load(gates, os.getcwd())  # one that is not there is told before anything is changed
    verbs.start(
        platform,
        function,
        steps_of(share, options["lasts"]),
        gates,
        now=Now().time(),
        by=who(),
        version=options["version"],
        least=options["least"],
        patience=seconds_of(options["give_up"]) if options["give_up"] else None,
        sticky=options["sticky"],
    )


def _status(platform: Platform, function: str, as_json: bool) -> None:
    from ..deploy.errors import CannotRelease
    from ..deploy.versions import judges, verbs
    from ..deploy.versions.gates import parse
    from ..deploy.versions.verbs import Turn, no_canary

    released = platform.read(function)
    canary = released.canary
    if canary is None:
        raise CannotRelease(no_canary(released))
    found = judges.load([parse(each) for each in canary.gates], os.getcwd())
    facts = platform.facts(canary, Now().time()) if canary.phase == "watching" else None
    answers = verbs.judged(canary, facts, found) if facts else ()
    _say(Turn(canary, facts, answers), as_json)


def _watch(platform: Platform, function: str, as_json: bool) -> None:
    from ..deploy.versions import judges, verbs
    from ..deploy.versions.gates import parse

    canary = platform.read(function).canary
    found = judges.load([parse(each) for each in canary.gates], os.getcwd()) if canary else {}
    turns: list[Turn] = []

    def on_turn(turn: Turn) -> None:
        if not as_json and (not turns or _words(turns[-1]) != _words(turn)):
            _say(turn, False)
        turns.append(turn)

    try:
        ended = verbs.watch(platform, function, found, Now(), by=who(), on_turn=on_turn)
    except KeyboardInterrupt:
        click.echo(f"\n{_stands(function)}", err=True)
        raise click.exceptions.Exit(130) from None
    if as_json:
        _say(turns[-1], True)
    if ended.phase == "rolled-back":
        raise click.exceptions.Exit(1)


def _say(turn: Turn, as_json: bool) -> None:
    if as_json:
        say_json(_document(turn))
    else:
        click.echo("\n".join(_words(turn)))


def _document(turn: Turn) -> dict[str, Any]:
    from dataclasses import asdict

    return {
        **turn.canary.document(),
        "facts": [each.document() for each in turn.facts or ()],
        "answers": [asdict(each) for each in turn.answers],
    }


def _words(turn: Turn) -> list[str]:
    """A turn for people: what the canary is, and what each gate says."""
    return [_said(turn.canary), *(f"    {each.why}" for each in turn.answers)]


def _said(canary: Canary) -> str:
    """
    >>> from pelton.deploy.versions.canary import Step, begin, shifted
    >>> _said(shifted(begin("hello", "3", "4", [Step(0.1, 60)], [], now=0.0), now=0.0))
    'hello: version 4 has 10% of the requests of version 3, until 1970-01-01 00:01:00 UTC'
    """
    from ..deploy.versions.release import moment, percent

    why = f": {canary.reason}" if canary.reason else ""
    if canary.phase in ("promoting", "promoted"):
        return f"{canary.function}: {canary.phase} version {canary.new}{why}"
    if canary.phase in ("rolling-back", "rolled-back"):
        said = canary.phase.replace("-", " ")
        return f"{canary.function}: {said} to version {canary.baseline}{why}"
    until = f", until {moment(canary.ends)}" if canary.ends is not None else ""
    share = f"{percent(canary.share)} of the requests of version {canary.baseline}"
    verb = "is to have" if canary.phase == "shifting" else "has"
    return f"{canary.function}: version {canary.new} {verb} {share}{until}"


def _stands(function: str) -> str:
    return (
        f"the canary of {function} stands as it is: `pelton canary {function} --resume` goes on "
        f"with it, `pelton promote {function}` and `pelton rollback {function}` end it"
    )
