"""`pelton invoke`: send one event to a deployed function and print its answer."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import click

from .say import json_option, say_json
from .where import make_where, there_options


@click.command()
@click.argument("name")
@click.option("--data", help="The event, as JSON text (- reads standard input).")
@click.option("--data-file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--path", help="Request path, on nuclio; without it the function itself is called.")
@there_options
@json_option
def command(
    name: str,
    data: str | None,
    data_file: Path | None,
    path: str | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Send one event to the deployed function NAME and print its answer.

    Exit code 1 when the function failed; its trace goes to standard error.
    """
    where, body = make_where(options), _body(data, data_file)
    if where.platforms == ("nuclio",):
        answer, failed = _nuclio(where.nuclio_address, name, body, path)
    else:
        answer, failed = _lambda(where, name, body)
    if as_json:
        say_json({"function": name, "failed": failed, "answer": _parsed(answer)})
    elif failed:
        click.echo(_trace(answer), err=True)
    else:
        click.echo(answer)
    click.get_current_context().exit(1 if failed else 0)


def _body(data: str | None, data_file: Path | None) -> bytes:
    if data is not None and data_file is not None:
        raise click.UsageError("give --data or --data-file, not both")
    if data_file is not None:
        return data_file.read_bytes()
    if data == "-":
        return sys.stdin.buffer.read()
    return (data if data is not None else "{}").encode()


def _lambda(where: Any, name: str, body: bytes) -> tuple[str, bool]:
    from ..deploy.asking import invoke_live
    from ..deploy.where import connect

    aws, _ = connect(where)
    with aws.named(f"function {name!r}"):
        answer = invoke_live(aws.client("lambda"), name, body)
    return answer["Payload"].read().decode(), "FunctionError" in answer


def _nuclio(address: str, name: str, body: bytes, path: str | None) -> tuple[str, bool]:
    import httpx

    from ..deploy.errors import CallFailed
    from ..deploy.targets.aws import unreachable
    from ..deploy.tls import speaks_tls
    from ..runtime.routes import BY_NAME

    headers = {
        "x-nuclio-function-name": name,
        "x-nuclio-function-namespace": "nuclio",
        **({"x-nuclio-path": path} if path else {BY_NAME: "1"}),
        "content-type": "application/json",
    }
    try:
        answer = httpx.post(
            f"{address.rstrip('/')}/api/function_invocations",
            content=body,
            headers=headers,
            timeout=900,
            trust_env=False,
            verify=speaks_tls(address),
        )
    except httpx.HTTPError as error:
        raise unreachable(address, str(error)) from None
    if answer.status_code == 404 and not _is_there(address, name):  # a function may say 404, too
        raise CallFailed(f"there is no function {name!r} on nuclio at {address}")
    return answer.text, answer.status_code >= 400


def _is_there(address: str, name: str) -> bool:
    from ..deploy.asking import nuclio_function
    from ..deploy.errors import Unreachable

    try:
        return nuclio_function(address, name).status_code == 200
    except Unreachable:
        return False


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


# Frames between the platform's call and the function: the runtime client, imports, pelton's own.
OURS = re.compile(
    r'File "(<frozen importlib|[^"]*/(awslambdaric|importlib|asyncio)/'
    r'|[^"]*/pelton/(runtime|handlers|serving_graph)/|[^"]*/pelton_entry_\w+\.py")'
)


def _theirs(frames: list[str]) -> list[str]:
    """The frames of a stack trace that are not ours; all of them where nothing else is left."""
    return [each for each in frames if not OURS.search(each)] or frames


def _trace(answer: str) -> str:
    """A Lambda error as Python would print it."""
    said = _parsed(answer)
    if not isinstance(said, dict) or "errorMessage" not in said:
        return answer
    lines = _theirs([str(each).rstrip("\n") for each in said.get("stackTrace") or []])
    head = ["Traceback (most recent call last):", *lines] if lines else []
    return "\n".join([*head, f"{said.get('errorType', 'Error')}: {said['errorMessage']}"])
