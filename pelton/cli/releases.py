"""What the commands about versions share: the platform, who asks, the clock, and how a release is
told.  Knows nothing of the rules."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from .where import make_where

if TYPE_CHECKING:
    from ..deploy.versions.ledger import Entry
    from ..deploy.versions.release import Platform


class Now:
    """The machine's clock."""

    def time(self) -> float:
        return time.time()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


@contextmanager
def open_platform(options: dict[str, Any]) -> Iterator[Platform]:
    """The platform that the options name, with what it can do about versions."""
    from ..deploy.targets.nuclio import Nuclio
    from ..deploy.targets.target import Target
    from ..deploy.versions.aws import LambdaVersions
    from ..deploy.versions.nuclio import NuclioVersions
    from ..deploy.where import connect

    where = make_where(options)
    aws, _ = connect(where)
    if where.platforms != ("nuclio",):
        yield LambdaVersions(aws)
        return
    nuclio = Nuclio(where.nuclio_address)
    try:
        yield NuclioVersions(Target(aws, nuclio))
    finally:
        nuclio.close()


def who() -> str:
    """Who gives the command, as the machine knows them.

    >>> "@" in who()
    True
    """
    import getpass
    import socket

    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a user without a name, as in a container
        user = "somebody"
    return f"{user}@{socket.gethostname().partition('.')[0]}"


def entry_document(function: str, entry: Entry) -> dict[str, Any]:
    """An entry of the record, for --json."""
    from dataclasses import asdict

    return {"function": function, **asdict(entry)}


def entry_line(function: str, entry: Entry) -> str:
    """An entry of the record in one line.

    >>> from pelton.deploy.versions.ledger import Entry
    >>> entry_line("hello", Entry(0.0, "ana", "rollback", "3", "4", reason="errors<1% fails"))
    'hello: version 3 answers, instead of 4 (rollback by ana): errors<1% fails'
    """
    was = f", instead of {entry.was}" if entry.was else ""
    why = f": {entry.reason}" if entry.reason else ""
    return f"{function}: version {entry.version} answers{was} ({entry.kind} by {entry.by}){why}"
