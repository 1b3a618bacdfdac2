"""The `pelton` command: one command a file, flags only; the work is done by the parts it calls.

This module must stay light: it knows every command's name and one line about it, and imports
a command's file only when that command is run, so that `pelton --help` answers at once.

>>> from click.testing import CliRunner
>>> CliRunner().invoke(command, ["deplyo"]).exit_code
2
"""

from __future__ import annotations

import gc
import sys
from importlib import import_module
from typing import NoReturn

import click

from ..handlers.errors import PeltonError
from .say import is_asked_for_json, report_failure

# name: one line about it; the command is the `command` of the module with its name.
COMMANDS = {
    "init": "Write a first app into a directory.",
    "run": "Serve an app's functions over HTTP in this process.",
    "serve": "Serve a graph or an app on an event loop: routes, streams, the inference protocol.",
    "spread": "Run a graph with queues over processes of this machine and a broker.",
    "openapi": "Print the OpenAPI document of what `serve` would serve.",
    "dev": "Run the emulator, deploy an app, and deploy again on every save.",
    "build": "Make an app's artifacts and print what is in them.",
    "lock": "Write what requirements are resolved to into pelton.lock.",
    "plan": "Show what a deploy would change, and why.",
    "deploy": "Plan, then apply.",
    "destroy": "Delete everything that a deploy has made.",
    "state": "What the last deploy left: look, rebuild, unlock.",
    "env": "Print an app's settings in an environment, and where each comes from.",
    "policy": "Print what each function may do on AWS, and the line that needs it.",
    "export": "Write an app as a template of SAM, CloudFormation, Terraform or nuctl.",
    "invoke": "Send one event to a deployed function and print its answer.",
    "bridge": "Read brokers that a platform does not, and call the deployed functions.",
    "logs": "Print a deployed function's logs.",
    "events": "Make events, send them to their sources, record and replay a function's.",
    "versions": "List a function's versions, who answers, and the releases until now.",
    "alias": "Let a name mean a version.",
    "canary": "Give a new version a share of the requests, watch it, promote it or take it back.",
    "promote": "Let a new version answer everything.",
    "rollback": "Let the version before answer again.",
    "graph": "Draw an app's serving graphs, watch one run, compare two.",
    "job": "Run a graph over a dataset.",
    "doctor": "Look at what this machine has of what pelton needs.",
    "cache": "Show what builds have cached, or remove it.",
    "emulator": "Run AWS and Nuclio on this machine, in the foreground.",
}
_BY_SIGINT = 130  # as shells say it
# Objects made between two looks for garbage.  What commands import stays: to look through that
# again and again, as Python does by itself, was a seventh of a plan's time.
_GARBAGE = 50_000


class Interrupted(Exception):
    """By ctrl-C, where the command has nothing of its own to say to that."""

    def __str__(self) -> str:
        return "interrupted"


class Commands(click.Group):
    """The commands above, each imported when it is first asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        found = import_module(f".{cmd_name}", __name__).command
        assert isinstance(found, click.Command)
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            ctx.fail(_unknown(args[0]))
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except (PeltonError, click.ClickException) as error:
            if isinstance(error, click.UsageError) and not is_asked_for_json(ctx):
                raise  # click shows how the command is used as well
            report_failure(error, ctx)
            ctx.exit(getattr(error, "exit_code", 1))
        except KeyboardInterrupt:
            report_failure(Interrupted(), ctx)
            ctx.exit(_BY_SIGINT)


def _unknown(name: str) -> str:
    from difflib import get_close_matches

    close = get_close_matches(name, COMMANDS, n=1)
    advice = f"did you mean {close[0]!r}?" if close else f"there are: {', '.join(COMMANDS)}"
    return f"no command {name!r}; {advice}"


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="pelton", message="pelton %(version)s")
def command() -> None:
    """Typed Python functions and serving graphs on AWS Lambda, on Nuclio, and on a local
    emulator of both.

    Exit codes: 0 done; 1 failed; 2 wrong usage (of `plan`: there are changes); 130 ctrl-C.
    """


def main() -> NoReturn:
    """Run the command line given to this process."""
    gc.set_threshold(_GARBAGE)
    sys.exit(command.main(prog_name="pelton"))
