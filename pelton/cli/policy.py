"""`pelton policy`: what each function may do in an AWS account, and the line that needs it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from .say import json_option, say_json
from .where import chosen_functions, file_argument, only_option, some_region

if TYPE_CHECKING:
    from ..deploy.policy.least import Least


@click.command()
@file_argument
@only_option
@click.option(
    "--seen",
    default="",
    help="Calls seen while tests ran: an emulator's address, or a file [pelton.calls.json].",
)
@click.option("--region", default="*", help="Region of the resources.")
@click.option("--account", default="*", help="Account of the resources.")
@click.option("--document", "plain", is_flag=True, help="Print one function's policy alone.")
@json_option
def command(
    file: str,
    only: tuple[str, ...],
    seen: str,
    region: str,
    account: str,
    plain: bool,
    as_json: bool,
) -> None:
    """Print the least policy of FILE's functions: from the calls of boto3 in their code, from those
    that an emulator saw, and from their triggers.  Nothing is asked of an account."""
    from ..builders import load_app
    from ..deploy.policy.arns import Account
    from ..deploy.policy.least import least_policy, records_of

    with some_region():
        app, root = load_app(file)
    chosen = chosen_functions(app, only)
    if plain and len(chosen) != 1:
        raise click.UsageError("--document prints one policy: choose its function with --only")
    records = records_of(root, seen)
    where = Account("aws", region, account)
    found = [least_policy(each, root, where, records) for each in chosen]
    if plain:
        say_json(found[0].document)
    elif as_json:
        say_json({"app": app.name, "functions": {e.function: _document(e) for e in found}})
    else:
        click.echo("\n".join(line for each in found for line in policy_lines(each)))


def _document(least: Least) -> dict[str, Any]:
    return {
        "policy": least.document,
        "needs": [
            {"action": each.action, "resource": each.resource, "why": each.why}
            for each in least.needs
        ],
        "warnings": list(least.warnings),
    }


def policy_lines(least: Least) -> list[str]:
    """A line an action and resource, and below it every line of code that needs it."""
    whys: dict[tuple[str, str], list[str]] = {}
    for each in least.needs:
        whys.setdefault((each.action, each.resource), []).append(each.why)
    lines = [f"{least.function}:"]
    width = max((len(action) for action, _ in whys), default=0)
    for (action, resource), why in sorted(whys.items()):
        lines.append(f"  {action:{width}}  {resource}  ({', '.join(dict.fromkeys(why))})")
    return lines + [f"  warning: {each}" for each in least.warnings]
