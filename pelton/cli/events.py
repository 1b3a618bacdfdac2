"""`pelton events`: make events, send them to real sources, record a function's, replay them.

What plays dead letters again stands beside this (`redrive.py`).
"""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from . import redrive
from .say import json_option, say_json
from .where import make_where, there_options

if TYPE_CHECKING:
    from ..events.kinds.base import Asked, Kind
    from ..events.replay import Replayed
    from ..handlers.function import Function

Decorated = TypeVar("Decorated", bound=Callable[..., Any])
PAUSE = 0.2  # seconds between two looks at a recording
_FILE = click.Path(dir_okay=False, path_type=Path)


@click.group()
def command() -> None:
    """Make events as their sources deliver them, send, record and replay them; redrive dead
    letters."""


command.add_command(redrive.command, "redrive")


def _asking(function: Decorated) -> Decorated:
    """The options that say what is in events."""
    for option in (
        click.option(
            "--body", "bodies", multiple=True, help="A message's, JSON or text [repeatable]."
        ),
        click.option(
            "--count", type=click.IntRange(1), default=1, show_default=True, help="So many of each."
        ),
        click.option("--key", default="", help="An object's key, a record's partition key."),
        click.option("--method", default="POST", show_default=True),
        click.option("--path", default="/", show_default=True),
        click.option("--header", "headers", multiple=True, metavar="NAME=VALUE"),
        click.option("--query", multiple=True, metavar="NAME=VALUE"),
        click.option(
            "--set", "members", multiple=True, metavar="NAME=VALUE", help="A further member."
        ),
    ):
        function = option(function)
    return function


@command.command()
@click.argument("kind")
@click.option("--source", default="", help="The queue, topic, bucket, stream or bus.")
@click.option(
    "--for", "function", default="", metavar="FILE.py:FUNCTION", help="A body of its type."
)
@_asking
@json_option
def generate(kind: str, source: str, function: str, as_json: bool, **words: Any) -> None:
    """Print events of KIND (http, sqs, s3 …) as Lambda or Nuclio hands them to a function.

    One JSON document a line; `pelton invoke --data -` takes one.
    """
    found = _kind(kind)
    if function:
        from ..events.sample import sample_body

        wanted = _function(function)
        if "source" in found.takes:
            source = source or _source(wanted, kind)
        if "path" in found.takes and words["path"] == "/":
            words["method"], words["path"] = _route(wanted, kind, words["method"])
        words["bodies"] = words["bodies"] or (json.dumps(sample_body(wanted)),)
    events = found.events(_asked(found, source, words, found.example))
    if as_json:
        say_json(events)
    else:
        for each in events:
            click.echo(json.dumps(each))


@command.command()
@click.argument("kind")
@click.argument("source")
@click.option("--url", default="", help="Of the broker that SOURCE is at, as nats://HOST:PORT.")
@_asking
@there_options
@json_option
def send(kind: str, source: str, url: str, as_json: bool, **options: Any) -> None:
    """Put messages into SOURCE, a real one of KIND: a queue, topic, bucket, stream, bus, subject,
    channel or folder.
    """
    found = _kind(kind)
    asked = _asked(found, source, options, {})
    found.check(asked)
    said = _publish(found, url, asked) if found.publish else _send(found, asked, options)
    if as_json:
        say_json({"kind": kind, "source": source, "sent": len(asked.bodies)})
    else:
        click.echo(said)


def _publish(kind: Kind, url: str, asked: Asked) -> str:
    from ..events.kinds.broker import check_address

    assert kind.publish is not None
    if kind.url and not url:
        raise click.UsageError(f"say where the broker is: --url {kind.url}")
    check_address(kind, url)
    return kind.publish(url, asked)


def _send(kind: Kind, asked: Asked, options: dict[str, Any]) -> str:
    from ..deploy.where import connect
    from ..events.kinds import KINDS
    from ..events.kinds.base import CannotMake

    if kind.send is None:
        able = ", ".join(name for name, each in KINDS.items() if each.send or each.publish)
        raise CannotMake(
            f"nothing but a call brings {kind.name} events: use `pelton invoke`; {able} can be sent"
        )
    aws, _ = connect(make_where(options))
    with aws.named(f"{kind.name} {asked.source!r}"):
        return kind.send(aws.client, asked)


@command.command()
@click.argument("name")
@click.option("--out", type=_FILE, default=Path("events.jsonl"), show_default=True)
@click.option("--count", type=click.IntRange(1), help="End after so many.")
@click.option(
    "--seconds", type=click.FloatRange(0, min_open=True), help="End after so long  [until ctrl-C]."
)
@click.option(
    "--redact", multiple=True, metavar="NAME", help="Replace these members, too; may have *."
)
@there_options
@json_option
def record(
    name: str,
    out: Path,
    count: int | None,
    seconds: float | None,
    redact: tuple[str, ...],
    as_json: bool,
    **options: Any,
) -> None:
    """Write the calls of the function NAME on the emulator, and their answers, to --out.

    Names of members that carry credentials (Authorization, cookies) are always redacted.
    """
    from ..events.callers import emulator_calls
    from ..events.kinds.base import many
    from ..events.redaction import Redaction

    where = make_where(options)
    redaction, found = Redaction(redact), 0
    begun = out.exists()  # or else of one that is not begun no file is left
    try:
        out.open("a", encoding="utf-8").close()
    except OSError as error:
        raise click.UsageError(f"--out {out}: {error.strerror}") from None
    calls = emulator_calls(where, name)
    late = None if seconds is None else time.monotonic() + seconds
    try:
        with out.open("a", encoding="utf-8") as file:
            if not as_json:
                click.echo(f"recording {name} into {out}; ctrl-C ends it", err=True)
            while (count is None or found < count) and (late is None or time.monotonic() < late):
                some, begun = next(calls), True
                for each in some:
                    if count is None or found < count:
                        file.write(redaction.recorded(each).line())
                        found += 1
                file.flush()
                time.sleep(PAUSE)
    except KeyboardInterrupt:
        pass
    finally:
        calls.close()
        if not begun:
            out.unlink(missing_ok=True)
    if as_json:
        say_json({"function": name, "file": str(out), "recorded": found})
    else:
        click.echo(f"{out}: {many(found, 'call')} of {name}")


@command.command()
@click.argument("file", type=_FILE)
@click.option("--function", "name", default="", help="Call this one  [the recorded one].")
@click.option("--version", "qualifier", default="", help="A version or alias of it.")
@click.option("--app", default="", metavar="FILE.py", help="Call its function in this process.")
@click.option(
    "--ignore", multiple=True, metavar="NAME", help="Members that may differ; may have *."
)
@there_options
@json_option
def replay(
    file: Path,
    name: str,
    qualifier: str,
    app: str,
    ignore: tuple[str, ...],
    as_json: bool,
    **options: Any,
) -> None:
    """Call the events of FILE again and print how the answers differ from the recorded ones.

    Exit code 0: all are as they were; 2: some differ; 1: it failed.
    """
    from ..events import replay as replays
    from ..events.callers import deployed, in_process
    from ..events.kinds.base import CannotMake
    from ..events.recording import read

    events = list(read(file))
    if not events:
        raise CannotMake(f"{file} has no events")
    name = name or events[0].function
    call = in_process(app, name) if app else deployed(make_where(options), name, qualifier)
    differing = 0
    told = []
    for number, each in enumerate(replays.replay(events, call, ignore), 1):
        differing += bool(each.differences)
        told.append(_document(number, each))
        if each.differences and not as_json:
            click.echo("\n".join(_lines(number, each)))
    if as_json:
        say_json({"function": name, "events": len(events), "differing": differing, "calls": told})
    else:
        click.echo(f"{name}: {differing} of {len(events)} answers differ")
    click.get_current_context().exit(2 if differing else 0)


# -- what is asked
def _kind(name: str) -> Kind:
    from difflib import get_close_matches

    from ..events.kinds import KINDS

    if name not in KINDS:
        close = get_close_matches(name, KINDS, n=1)
        near = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(KINDS)}"
        raise click.UsageError(f"there is no kind of event {name!r}; {near}")
    return KINDS[name]


def _asked(kind: Kind, source: str, words: dict[str, Any], example: Any) -> Asked:
    """example: the body where none is said; None: as many as are asked for, and none of one."""
    from ..events.kinds.base import Asked

    given = [_body(each) for each in words["bodies"]]
    for word, default in (
        ("key", ""),
        ("method", "POST"),
        ("path", "/"),
        ("headers", ()),
        ("query", ()),
    ):
        if words[word] != default and word not in kind.takes:
            raise click.UsageError(f"{kind.name} events have no --{word.removesuffix('s')}")
    if not given and (example is not None or words["count"] > 1):
        given = [example]
    return Asked(
        tuple(given * words["count"]),
        source,
        words["key"],
        words["method"],
        words["path"],
        pairs(words["headers"]),
        pairs(words["query"]),
        pairs(words["members"]),
    )


def _body(text: str) -> Any:
    from ..events.recording import parsed

    if text == "-":
        text = sys.stdin.read()
    elif text.startswith("@"):
        try:
            text = Path(text[1:]).read_text()
        except (OSError, UnicodeDecodeError) as error:
            raise click.UsageError(f"--body {text}: {error}") from None
    found = parsed(text)
    # A document that is a text stays one: its quotes are what makes it JSON for who reads it.
    return text if isinstance(found, str) else found


def pairs(given: tuple[str, ...]) -> dict[str, str]:
    """NAME=VALUE, several."""
    for each in given:
        if not re.match(r"[^=]+=", each):
            raise click.UsageError(f"{each!r} is not NAME=VALUE")
    return dict(each.split("=", 1) for each in given)


def _function(where: str) -> Function[..., Any]:
    from ..events.callers import function_of

    file, _, name = where.rpartition(":")
    return function_of(file or where, name)


def _source(function: Function[..., Any], kind: str) -> str:
    """What the function's own trigger of that kind reads; "" where that is not one place."""
    names = (getattr(each, "name", "") for each in function.triggers if each.kind == kind)
    return next((str(name) for name in names if not set(str(name)) & set("*#+>")), "")


def _route(function: Function[..., Any], kind: str, method: str) -> tuple[str, str]:
    """Method and path of the function's first route, its parameters by their names; what is asked
    for and "/" where it has none."""
    from ..handlers.triggers import Http

    wanted = kind if kind == "cloudevents" else "http"
    for each in function.triggers:
        if isinstance(each, Http) and each.kind == wanted:
            path = re.sub(r"{(\w+)\+?}", r"\1", each.path)
            return (method if each.method == "ANY" else each.method), path
    return method, "/"


# -- what is said
def _document(number: int, each: Replayed) -> dict[str, Any]:
    return {
        "number": number,
        "request_id": each.recorded.request_id,
        "answer": each.answer,
        "error": each.error,
        "differences": [str(difference) for difference in each.differences],
    }


def _lines(number: int, each: Replayed) -> Iterator[str]:
    from ..events.replay import MOST

    yield f"#{number} {each.recorded.request_id}".rstrip()
    yield from (f"    {difference}" for difference in each.differences[:MOST])
    if len(each.differences) > MOST:
        yield f"    and {len(each.differences) - MOST} more"
