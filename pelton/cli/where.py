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
    """--to, --on, --endpoint, --nuclio-endpoint, --region, --role: where a deploy goes."""
    role = click.option("--role", default="", help="Execution role for functions that name none.")
    return _options(role(function), list(PLATFORMS))


def there_options(function: Decorated) -> Decorated:
    """The same for commands that ask one platform about what is deployed: no role, not both."""
    return _options(function, [name for name, each in PLATFORMS.items() if len(each) == 1])


def _options(function: Decorated, platforms: list[str]) -> Decorated:
    for option in (
        click.option("--region", default="", help="AWS region."),
        click.option("--nuclio-endpoint", default="", help="Address of a Nuclio dashboard."),
        click.option("--endpoint", default="", help="Address of an AWS API."),
        click.option("--on", type=click.Choice(platforms), help="Platform [lambda]."),
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
        _address(options["endpoint"]),
        _address(options["nuclio_endpoint"]),
        options["region"],
        options.get("role", ""),
    )


def _address(text: str) -> str:
    """
    >>> _address("127.0.0.1:4566"), _address("https://lambda.example.com"), _address("")
    ('http://127.0.0.1:4566', 'https://lambda.example.com', '')
    """
    return f"http://{text}" if text and "://" not in text else text
