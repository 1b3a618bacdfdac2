"""`pelton lock`: write what an app's requirements are resolved to, for people to commit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from .requirements import make_resolver, source_options
from .say import json_option, say_json
from .where import file_argument

if TYPE_CHECKING:
    from ..builders import Target
    from ..handlers.function import Function


@click.command()
@file_argument
@click.option(
    "--to",
    multiple=True,
    type=click.Choice(["aws", "nuclio"]),
    help="Only for this platform (may be repeated)  [default: aws].",
)
@click.option("--upgrade", multiple=True, metavar="NAME", help="Take a newer version of this.")
@click.option("--upgrade-all", is_flag=True, help="Take the newest version of everything.")
@click.option("--check", is_flag=True, help="Change nothing; fail when the lock would change.")
@source_options
@json_option
def command(
    file: str,
    to: tuple[str, ...],
    upgrade: tuple[str, ...],
    upgrade_all: bool,
    check: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Resolve the requirements of FILE's functions and write them to pelton.lock beside it.

    What is locked already keeps its version, unless it is to be upgraded or no longer fits.
    """
    from ..builders import load_app
    from ..builders.lockfile import NAME, read_lock
    from ..builders.requirements.base import canonical

    if check and (upgrade or upgrade_all):
        raise click.UsageError("--check changes nothing, so there is nothing to upgrade")
    app, root = load_app(file)
    before = read_lock(root / NAME)
    names = None if upgrade_all else frozenset(map(canonical, upgrade))
    resolver = make_resolver(options, "locked" if check else "write", names)
    asking = [each for each in app.functions.values() if each.settings.requirements]
    done: set[object] = set()
    for function in asking:
        for target in _targets(function, to or ("aws",)):
            question = (function.settings.requirements, target)
            if question not in done:
                resolver.install(function, target, root)
            done.add(question)
    after = read_lock(root / NAME)
    changes = sorted(_versions(before) ^ _versions(after))
    if as_json:
        say_json(_document(str(root / NAME), before, after))
    elif not asking:
        click.echo(f"{app.name}: no function requires anything, so there is nothing to lock")
    elif before == after:
        click.echo(f"{NAME} is as it should be ({len(_versions(after))} distributions)")
    else:
        old = _versions(before)
        click.echo("\n".join(f"{'-' if each in old else '+'} {' '.join(each)}" for each in changes))
        click.echo(f"{NAME} is written ({len(_versions(after))} distributions); commit it")
    brought = {canonical(each) for each, _ in _versions(after)}
    if absent := [each for each in upgrade if canonical(each) not in brought]:
        raise click.ClickException(
            f"--upgrade {', '.join(absent)}: nothing that the functions of {app.name} require "
            "brings it; look at its name"
        )


def _targets(function: Function[..., Any], platforms: tuple[str, ...]) -> list[Target]:
    from ..builders import Target

    makers = {"aws": Target.aws, "nuclio": Target.nuclio}
    return [makers[each](function) for each in dict.fromkeys(platforms)]


def _versions(lock: Any) -> set[tuple[str, str]]:
    return {(e.name, e.version) for each in lock.resolutions for e in each.packages}


def _document(path: str, before: Any, after: Any) -> dict[str, Any]:
    old, new = _versions(before), _versions(after)
    return {
        "lock": path,
        "changed": before != after,
        "added": [list(each) for each in sorted(new - old)],
        "removed": [list(each) for each in sorted(old - new)],
        "resolutions": [
            {
                "python": each.question.python,
                "architecture": each.question.architecture,
                "glibc": each.question.glibc,
                "requirements": list(each.question.requirements),
                "packages": {e.name: e.version for e in each.packages},
            }
            for each in after.resolutions
        ],
    }
