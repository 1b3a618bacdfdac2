"""`pelton doctor`: what this machine has of what pelton needs, and what to do about the rest."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from .say import json_option, say_json

if TYPE_CHECKING:
    from ..doctor import Finding

_PORT = click.IntRange(0, 65535)
_SIGN = {"ok": "ok      ", "warning": "warning ", "problem": "PROBLEM "}


@click.command()
@click.option("--port", type=_PORT, default=4566, show_default=True, help="The emulator's.")
@click.option("--nuclio-port", type=_PORT, default=8070, show_default=True, help="Of Nuclio's.")
@json_option
def command(port: int, nuclio_port: int, as_json: bool) -> None:
    """Look at this machine: Pythons, packages and their versions, uv, namespaces, container
    engines, ports, proxies, disks.

    Exit code 0: everything works, perhaps with warnings; 1: something needed is missing.
    """
    from ..doctor import Ask, examine

    found = []
    for finding in examine(Ask(port, nuclio_port)):
        found.append(finding)
        if not as_json:
            click.echo("\n".join(_lines(finding)))
    problems = sum(each.state == "problem" for each in found)
    warnings = sum(each.state == "warning" for each in found)
    if as_json:
        say_json({"findings": [asdict(each) for each in found], "problems": problems})
    else:
        click.echo(f"problems: {problems}, warnings: {warnings}")
    click.get_current_context().exit(1 if problems else 0)


def _lines(finding: Finding) -> list[str]:
    line = f"{_SIGN[finding.state]}{finding.what}"
    return [line, f"        -> {finding.do}"] if finding.do else [line]
