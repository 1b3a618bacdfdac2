"""The options about requirements, the same for every command that builds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from ..builders.resolve import Locking, Resolver

Decorated = TypeVar("Decorated", bound=Callable[..., Any])


def source_options(function: Decorated) -> Decorated:
    """--offline, --find-links: where requirements may be fetched from."""
    links = click.option(
        "--find-links",
        multiple=True,
        type=click.Path(exists=True, file_okay=False, path_type=Path),
        help="A folder with wheels to look in first (may be repeated).",
    )
    offline = click.option(
        "--offline", is_flag=True, help="Fetch nothing: use what is cached or in --find-links."
    )
    return offline(links(function))


def requirement_options(function: Decorated) -> Decorated:
    """The same, and --locked: whether pelton.lock may change."""
    locked = click.option(
        "--locked", is_flag=True, help="Fail when pelton.lock is missing or would change."
    )
    return source_options(locked(function))


def make_resolver(
    options: dict[str, Any], lock: Locking, upgrade: frozenset[str] | None = frozenset()
) -> Resolver:
    """The resolver that the options ask for; they are taken out of `options`.

    lock: what may become of pelton.lock without --locked
    """
    from ..builders import Resolver, default_cache

    links = tuple(each.resolve() for each in options.pop("find_links"))
    allowed: Locking = "locked" if options.pop("locked", False) else lock
    return Resolver(default_cache(), links, options.pop("offline"), allowed, upgrade)
