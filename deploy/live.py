"""Reads what is live: what an app wants, what a state remembers, and what hangs on functions.

Many calls, so several at a time.  It changes nothing and knows no kind by name.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from .kinds import KINDS, Resource
from .targets.target import Target
from .versions.release import LIVE

T = TypeVar("T")


def read_live(
    target: Target,
    wanted: Sequence[Resource],
    known: Mapping[str, str],
    platforms: Collection[str],
    only: Collection[str] = (),
    *,
    thorough: bool = False,
) -> dict[str, Resource]:
    """What is there of what is wanted and of what is known to be ours, by key; on what is made on
    demand see `read_keys`.

    known:    whose each is, by key
    thorough: `known` may lack some, for there is no state: look at every function for everything
    """
    keys = {each.key for each in wanted}
    chosen = [key for key, owner in known.items() if not only or owner in only]
    functions = {each.name for each in wanted if each.kind == "function"}
    functions |= {_name(key) for key in chosen if key.startswith("function:")}
    functions |= {each.function for each in wanted if each.hangs}  # aliases, too
    released = (*chosen, *(each.key for each in wanted))
    functions |= {f"{_name(key)}:{LIVE}" for key in released if key.startswith("release:")}
    asked = [key for key in (*keys, *chosen) if _is_read(key, platforms)]
    named = {(each.kind, each.function) for each in wanted}
    named |= {(key.partition(":")[0], owner) for key, owner in known.items()}
    hanging = [
        partial(_hanging, kind, target, function)
        for kind in KINDS.values()
        if kind.hangs and is_on(kind, platforms)
        for function in sorted(functions)
        if thorough or kind.sought or (kind.kind, function) in named
    ]
    calls = [partial(_read, target, key) for key in dict.fromkeys(asked)] + hanging
    found = {each.key: each for group in together(calls, target.aws.width) for each in group}
    # Whose these are is told by their tags, which are read where it matters.
    unsure = [key for key, each in found.items() if each.hangs and not each.app]
    again = [key for key in unsure if key not in keys and key not in known]
    return found | read_keys(target, again)


def without_old_doors(live: Mapping[str, Resource], function: str) -> dict[str, Resource]:
    """Without what a function had before it had versions, and what no deploy takes away: its URL,
    whose callers know the address, and on Nuclio the function, which its versions run as."""
    had, statements = (f"url:{function}", f"nuclio_function:{function}"), f"permission:{function}/"
    return {
        key: each
        for key, each in live.items()
        if key not in had and not key.startswith(f"{statements}pelton-url")
    }


def read_keys(target: Target, keys: Iterable[str]) -> dict[str, Resource]:
    """What is there under these keys."""
    calls = [partial(_read, target, key) for key in keys]
    return {each.key: each for group in together(calls, target.aws.width) for each in group}


def find_tagged(target: Target, app: str, platforms: Collection[str]) -> list[str]:
    """The keys of everything whose tags name the app."""
    calls = [
        partial(_tagged, kind, target, app)
        for kind in KINDS.values()
        if kind.tagged and is_on(kind, platforms)
    ]
    return [key for keys in together(calls, target.aws.width) for key in keys]


def find_pointing(
    target: Target, functions: Iterable[str], platforms: Collection[str]
) -> dict[str, str]:
    """The keys of what calls these functions, or is published of them, and carries no tags; and of
    each whose it is."""
    calls = [
        partial(_pointing, kind, target, function)
        for kind in KINDS.values()
        if is_on(kind, platforms)
        for function in functions
    ]
    return {key: function for found in together(calls, target.aws.width) for key, function in found}


def is_on(kind: type[Resource], platforms: Collection[str]) -> bool:
    """Whether a kind is one of these platforms'; buckets and images are all platforms'."""
    return (kind.on_demand and kind.platform in ("s3", "images")) or (
        ("nuclio" if kind.platform in ("nuclio", "nats", "kafka") else "lambda") in platforms
    )


def together(calls: Sequence[Callable[[], T]], width: int) -> list[T]:
    """The answers of all calls, `width` at a time, in their order; raises the first error."""
    if not calls:
        return []
    with ThreadPoolExecutor(min(width, len(calls))) as pool:
        running = [pool.submit(call) for call in calls]
        try:
            return [each.result() for each in running]
        finally:
            for each in running:
                each.cancel()


def _is_read(key: str, platforms: Collection[str]) -> bool:
    kind = KINDS.get(key.partition(":")[0])
    return kind is not None and not kind.hangs and not kind.on_demand and is_on(kind, platforms)


def _read(target: Target, key: str) -> Sequence[Resource]:
    kind, name = KINDS[key.partition(":")[0]], _name(key)
    with target.aws.named(f"{kind.kind.replace('_', ' ')} {name!r}"):
        found = kind.read(target, name)
    return () if found is None else (found,)


def _hanging(kind: type[Resource], target: Target, function: str) -> Sequence[Resource]:
    with target.aws.named(f"function {function!r}"):
        return tuple(kind.hanging(target, function))


def _tagged(kind: type[Resource], target: Target, app: str) -> list[str]:
    with target.aws.named(f"{kind.kind}s of the app {app!r}"):
        return [f"{kind.kind}:{name}" for name in kind.tagged_with(target, app)]


def _pointing(kind: type[Resource], target: Target, function: str) -> list[tuple[str, str]]:
    with target.aws.named(f"function {function!r}"):
        return [(f"{kind.kind}:{name}", function) for name in kind.pointing(target, function)]


def _name(key: str) -> str:
    return key.partition(":")[2]
