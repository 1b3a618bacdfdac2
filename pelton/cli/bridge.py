"""`pelton bridge`: read brokers that a platform does not, and call the deployed functions."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from .say import json_option
from .where import (
    chosen_functions,
    env_option,
    file_argument,
    load_there,
    only_option,
    there_options,
)

if TYPE_CHECKING:
    from ..bridge.bridge import Shared, Way
    from ..deploy.where import Where
    from ..event_sources.delivery.status import Status


@click.command()
@file_argument
@only_option
@click.option("--secrets", default="", help="Folder of the secrets that triggers name: NAME/KEY.")
@click.option(
    "--store",
    metavar="ADDRESS",
    default="",
    help="Where bridges keep what they share: sqlite:///bridge.db, redis://HOST:6379/0, "
    "dynamodb://TABLE.",
)
@click.option(
    "--once", is_flag=True, help="Hand no message out twice that one of them has handled."
)
@click.option(
    "--once-by",
    metavar="HEADER",
    default="",
    help="A header that copies of one message have in common, for --once; else the broker's id.",
)
@click.option(
    "--alone",
    is_flag=True,
    help="Read a source with one of several bridges at a time; another goes on when that one ends.",
)
@click.option(
    "--lease",
    type=click.FloatRange(min=1),
    default=30.0,
    show_default=True,
    help="Seconds after which another takes the place of one that gives no sign of life.",
)
@env_option
@there_options
@json_option
def command(
    file: str,
    only: tuple[str, ...],
    secrets: str,
    store: str,
    once: bool,
    once_by: str,
    alone: bool,
    lease: float,
    as_json: bool,
    **options: Any,
) -> None:
    """Read the brokers of an app's triggers that its platform does not read, until ctrl-C.

    A message is acknowledged when the function has handled it, or when it is safe among the dead
    letters.  `pelton plan` says which triggers need a bridge.  Exit code 1 when there are none.

    A password that is a secret is looked up before anything is read: in the account, or in the
    folder --secrets, where each is a file as Kubernetes mounts it.
    """
    from ..bridge.bridge import secrets_of, ways
    from ..event_sources.errors import WrongSource

    if (once or once_by or alone) and not store:
        flag = "--once" if once or once_by else "--alone"
        raise click.UsageError(f"{flag} needs --store: where bridges keep what they share")
    app, _, where, chosen = load_there(file, options, only)
    (platform,) = where.platforms
    found = ways(chosen_functions(app, chosen), platform)
    if not found:
        raise click.ClickException(
            f"no function of app {app.name} has a trigger that {platform} does not read itself"
        )
    if not store:
        _refuse_what_is_kept(found)
    values = secrets_of(found, where, secrets)
    shared = _shared(store, once or bool(once_by), once_by, alone, lease)
    try:
        asyncio.run(_bridge(found, where, values, shared, partial(_say, as_json)))
    except WrongSource as error:
        raise click.ClickException(str(error)) from error


def _refuse_what_is_kept(found: Sequence[Way]) -> None:
    """Without a store: of some triggers, how far they were read is kept in one."""
    kept = [str(each) for each in found if each.trigger.alone]
    if kept:
        raise click.UsageError(
            f"{kept[0]} needs --store, which keeps how far it was read: for one machine "
            "--store sqlite:///bridge.db"
        )


def _shared(store: str, once: bool, once_by: str, alone: bool, lease: float) -> Shared:
    from ..bridge.bridge import Shared
    from ..event_sources.errors import WrongSource
    from ..event_sources.stores import store_of

    try:
        return Shared(store_of(store) if store else None, once, once_by, alone, lease)
    except WrongSource as error:
        raise click.UsageError(str(error)) from None


async def _bridge(
    found: Sequence[Way],
    where: Where,
    secrets: Mapping[str, str],
    shared: Shared,
    told: Callable[[Way, Status], None],
) -> None:
    """Until a signal ends it; what each way has done is then said."""
    from ..bridge.bridge import run

    end, loop = asyncio.Event(), asyncio.get_running_loop()
    for each in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(each, end.set)
    done = await run(found, where, end, told, secrets, shared)
    for way, ended in zip(found, done, strict=True):
        counted = ended.tally
        said = f"{counted.done} done, {counted.failed} failed, {counted.buried} dead"
        click.echo(f"{way}: {said}", err=True)
    stopped = [str(way) for way, ended in zip(found, done, strict=True) if ended.fault]
    if stopped:
        raise click.ClickException(f"{', '.join(stopped)} stopped by a fault, which is told above")


def _say(as_json: bool, way: Way, status: Status) -> None:
    if as_json:
        said = {
            "function": way.function,
            "trigger": way.trigger.kind,
            "source": way.trigger.name,
            "state": status.state,
            "reason": status.reason,
        }
        click.echo(json.dumps(said))
    else:
        click.echo(f"{way}: {status}")
