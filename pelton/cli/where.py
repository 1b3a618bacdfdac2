"""The options that say where a deploy goes, the same for every command that takes them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from ..deploy.session import Where

Decorated = TypeVar("Decorated", bound=Callable[..., Any])
PLATFORMS = {"lambda": ("lambda",), "nuclio": ("nuclio",), "both": ("lambda", "nuclio")}


def where_options(function: Decorated) -> Decorated:
    """--to, --on, --endpoint, --nuclio-endpoint, --region, --role."""
    for option in (
        click.option("--role", default="", help="Execution role for functions that name none."),
        click.option("--region", default="", help="AWS region."),
        click.option("--nuclio-endpoint", default="", help="Address of a Nuclio dashboard."),
        click.option("--endpoint", default="", help="Address of an AWS API."),
        click.option("--on", type=click.Choice(list(PLATFORMS)), help="Platform [lambda]."),
        click.option(
            "--to",
            type=click.Choice(["local", "aws", "nuclio"]),
            default="local",
            show_default=True,
            help="local is the emulator.",
        ),
    ):
        function = option(function)
    return function


def make_where(options: dict[str, Any]) -> Where:
    """The place that the options name."""
    from ..deploy.session import Where

    on = options["on"] or ("nuclio" if options["to"] == "nuclio" else "lambda")
    return Where(
        options["to"],
        PLATFORMS[on],
        options["endpoint"],
        options["nuclio_endpoint"],
        options["region"],
        options["role"],
    )
