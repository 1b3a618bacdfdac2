"""`pelton logs`: a deployed function's logs, once or as they come."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from typing import Any

import click

from .say import json_option, say_json
from .where import make_where, there_options

PAUSE = 0.5
# Milliseconds that an event may come later than one with a later time.
LATE = 60_000


@click.command()
@click.argument("name")
@click.option("-f", "--follow", is_flag=True, help="Go on printing what comes; ctrl-C ends it.")
@there_options
@json_option
def command(name: str, follow: bool, as_json: bool, **options: Any) -> None:
    """Print the logs of the deployed function NAME."""
    where = make_where(options)
    lines = (
        _nuclio(where.nuclio_address, name)
        if where.platforms == ("nuclio",)
        else _lambda(where, name)
    )
    for line in lines:
        if line is None:
            if not follow:
                return
            time.sleep(PAUSE)
        elif as_json:
            say_json(line)
        else:
            click.echo(line["message"].replace("\r", "\n"))  # the runtime client's own newlines


def _lambda(where: Any, name: str) -> Iterator[dict[str, Any] | None]:
    """Log events in order; None whenever there are no more for now."""
    from ..deploy.where import connect

    aws, _ = connect(where)
    client, seen, latest = aws.client("logs"), set(), LATE
    with aws.named(f"function {name!r}"):
        aws.client("lambda").get_function_configuration(FunctionName=name)
        while True:
            pages = client.get_paginator("filter_log_events")
            try:
                for page in pages.paginate(
                    logGroupName=f"/aws/lambda/{name}", startTime=latest - LATE
                ):
                    for event in page["events"]:
                        if event["eventId"] not in seen:
                            seen.add(event["eventId"])
                            latest = max(latest, event["timestamp"])
                            message = event["message"].rstrip("\n")
                            yield {"time": event["timestamp"], "message": message}
            except client.exceptions.ResourceNotFoundException:
                pass  # it has not run yet
            yield None


def _nuclio(address: str, name: str) -> Iterator[dict[str, Any] | None]:
    from ..deploy.asking import nuclio_function
    from ..deploy.errors import CallFailed

    seen = 0
    while True:
        answer = nuclio_function(address, name)
        if answer.status_code != 200:
            raise CallFailed(f"there is no function {name!r} on nuclio at {address}")
        lines = answer.json()["status"].get("logs") or []
        for each in lines[seen:]:
            yield {"time": each["time"], "message": _line(each)}
        seen = len(lines)
        yield None


def _line(entry: Mapping[str, Any]) -> str:
    """One entry of a Nuclio log: as it was printed, or, with fields, as JSON like Lambda's.

    >>> _line({"level": "info", "message": "pinged", "more": '{"flight": "UA1545"}'})
    '{"level": "info", "message": "pinged", "flight": "UA1545"}'
    >>> _line({"level": "info", "message": "as it came"})
    'info: as it came'
    """
    more = entry.get("more")
    if isinstance(more, str):
        try:
            more = json.loads(more)
        except ValueError:
            more = {"more": more}
    if not isinstance(more, Mapping) or not more:
        return f"{entry['level']}: {entry['message']}"
    return json.dumps({"level": entry["level"], "message": entry["message"], **more}, default=str)
