"""The options that say where a deploy goes, the same for every command that takes them."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
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


def state_option(function: Decorated) -> Decorated:
    """--state: where the states of deploys are kept."""
    return click.option(
        "--state",
        default="",
        help="Folder or s3://BUCKET/PREFIX of states [.pelton/state beside the app].",
    )(function)


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
        options.get("state", ""),
    )


@contextmanager
def build_folder(root: Path, to: str) -> Iterator[Path]:
    """Where a deploy's artifacts are built: beside the app, where the next one finds them again,
    or, where nothing can be written there, in a folder that goes."""
    kept = root / ".pelton" / "build" / to
    try:
        kept.mkdir(parents=True, exist_ok=True)
        ignore = root / ".pelton" / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n")
    except OSError:
        with tempfile.TemporaryDirectory(prefix="pelton-build-") as folder:
            yield Path(folder)
        return
    yield kept


def _address(text: str) -> str:
    """
    >>> _address("127.0.0.1:4566"), _address("https://lambda.example.com"), _address("")
    ('http://127.0.0.1:4566', 'https://lambda.example.com', '')
    """
    return f"http://{text}" if text and "://" not in text else text
