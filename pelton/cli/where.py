"""The options that say where a deploy goes, the same for every command that takes them."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from ..deploy.where import Where
    from ..handlers.app import App
    from ..handlers.function import Function

Decorated = TypeVar("Decorated", bound=Callable[..., Any])
_ROLE = "Execution role of functions that name none: an ARN, or `least` to make one for each."
PACKAGES = ("zip", "layers", "image", "archive", "sourceCode")
PLATFORMS = {"lambda": ("lambda",), "nuclio": ("nuclio",), "both": ("lambda", "nuclio")}


def where_options(function: Decorated) -> Decorated:
    """--to, --on, --endpoint, --nuclio-endpoint, --region, --role, --env: where a deploy goes."""
    role = click.option("--role", default="", help=_ROLE)
    return env_option(_options(role(function), list(PLATFORMS)))


def file_argument(function: Decorated) -> Decorated:
    """FILE, the app's: FILE.py, FILE.py:app or module:app; without it the app of this folder."""
    return click.argument("file", required=False, callback=_given_or_found)(function)


def _given_or_found(_context: click.Context, _argument: click.Parameter, file: str | None) -> str:
    return file or find_file()


def find_file() -> str:
    """The app of this folder, and a line on standard error that says which it is, and why."""
    from ..builders.find_app import find_app

    found = find_app(Path.cwd())
    click.echo(f"app: {found.why}", err=True)
    # Without this folder's own place, which a saved plan would take to another machine.
    return found.where.removeprefix(f"{Path.cwd()}{os.sep}")


def only_option(function: Decorated) -> Decorated:
    """--only: which of the app's functions."""
    option = click.option("--only", multiple=True, help="Only this function (may be repeated).")
    return option(function)


def adopt_option(function: Decorated) -> Decorated:
    """--adopt: what was made by others and is now the app's."""
    option = click.option(
        "--adopt", multiple=True, help="Take this over, which others made (repeatable)."
    )
    return option(function)


def env_option(function: Decorated) -> Decorated:
    """--env: which environment of the settings file."""
    option = click.option(
        "--env", default="", help="Environment of pelton.toml, or of [tool.pelton]."
    )
    return option(function)


def state_option(function: Decorated) -> Decorated:
    """--state: where the states of deploys are kept."""
    return click.option(
        "--state",
        default="",
        help="Folder or s3://BUCKET/PREFIX of states [.pelton/state beside the app].",
    )(function)


def package_option(function: Decorated) -> Decorated:
    """--package: the form of the artifacts."""
    return click.option(
        "--package",
        type=click.Choice(PACKAGES),
        help="The kind of artifact, instead of what the functions' settings say.",
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


def load_there(
    file: str, options: dict[str, Any], only: tuple[str, ...] = ()
) -> tuple[App, Path, Where, tuple[str, ...]]:
    """(the app as its environment has it, its folder, where it goes, the chosen functions by their
    names there)."""
    from dataclasses import replace

    from ..builders import load_app
    from ..deploy.environments import environment_of

    with some_region():
        app, root = load_app(file)
    name = str(options.get("env", ""))
    found = environment_of(app, root, name, {"region": options["region"]})
    where = replace(
        make_where(options),
        region=found.value("region"),
        environment=name,
        origins=found.origins,
    )
    names = {each.entry: name for name, each in found.app.functions.items()}
    return found.app, root, where, tuple(names.get(each, each) for each in only)


def chosen_functions(app: App, only: tuple[str, ...]) -> list[Function[..., Any]]:
    """The functions that --only names, by their names in the code or in the environment; all of
    them without one."""
    known = {name: each for each in app.functions.values() for name in (each.entry, each.name)}
    for name in only:
        if name not in known:
            there = ", ".join(app.functions) or "none"
            raise click.ClickException(f"app {app.name} has no function {name!r}; it has {there}")
    wanted = {known[name].name for name in only}
    return [each for name, each in app.functions.items() if not only or name in wanted]


@contextmanager
def some_region() -> Iterator[None]:
    """A client of boto3 that the user's module makes at import wants a region, though nothing is
    asked of it here; where the deploy goes is not changed by it."""
    if any(os.environ.get(name) for name in ("AWS_REGION", "AWS_DEFAULT_REGION")):
        yield
        return
    os.environ["AWS_DEFAULT_REGION"] = "us-east-1"
    try:
        yield
    finally:
        del os.environ["AWS_DEFAULT_REGION"]


def make_where(options: dict[str, Any]) -> Where:
    """The place that the options name."""
    from ..deploy.where import Where

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
