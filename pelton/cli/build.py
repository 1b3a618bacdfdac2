"""`pelton build`: an app's artifacts, and what is in them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from .say import json_option, say_json


@click.command()
@click.argument("file")
@click.option("--out", default="build", type=click.Path(path_type=Path), show_default=True)
@click.option(
    "--to", type=click.Choice(["local", "aws", "nuclio"]), default="aws", show_default=True
)
@click.option("--endpoint", default="", help="The emulator's address, for --to local.")
@click.option(
    "--trim",
    multiple=True,
    metavar="RULE",
    help="Leave out more of requirements, or (no-RULE) less.",
)
@click.option("--why", is_flag=True, help="What is big, and which requirement brought it in.")
@json_option
def command(
    file: str,
    out: Path,
    to: str,
    endpoint: str,
    trim: tuple[str, ...],
    why: bool,
    as_json: bool,
) -> None:
    """Build every function of FILE into --out; print packages, files, sizes, largest first."""
    from ..builders import build, load_app
    from ..builders.why import explain, lines

    app, root = load_app(file)
    if not app.functions:
        raise click.ClickException(
            f"app {app.name} has no functions: put @app.function above one, or give app.serve a "
            "graph"
        )
    documents = []
    for function in app.functions.values():
        artifact = build(function, _target(to, function, endpoint), root=root, out=out, trim=trim)
        documents.append(_document(artifact))
        if not as_json:
            click.echo(f"{artifact.path}  sha256 {artifact.sha256[:12]}  {artifact.handler}")
            told = artifact.report.lines(20)
            if why:
                told = lines(explain(artifact.function, artifact.report), artifact.report)
            click.echo("\n".join(told))
    if as_json:
        say_json({"app": app.name, "artifacts": documents})


def _target(to: str, function: Any, endpoint: str) -> Any:
    from ..builders import Target

    if to == "local":
        from ..deploy.session import LOCAL, read_health

        health = read_health(endpoint or LOCAL, [function.settings.aws.runtime])
        return Target.local("lambda", health, function)
    return Target.nuclio(function) if to == "nuclio" else Target.aws(function)


def _document(artifact: Any) -> dict[str, Any]:
    from dataclasses import asdict

    from ..builders.why import explain

    report = artifact.report
    return {
        "function": artifact.function,
        "path": str(artifact.path),
        "sha256": artifact.sha256,
        "digest": artifact.digest,
        "handler": artifact.handler,
        "runtime": artifact.runtime,
        "zipped": report.zipped,
        "unzipped": report.unzipped,
        "packages": {each.name: each.size for each in report.packages},
        "files": {each.name: each.size for each in report.files},
        "trimmed": [asdict(each) for each in report.trimmed],
        "spared": list(report.spared),
        "why": asdict(explain(artifact.function, report)),
    }
