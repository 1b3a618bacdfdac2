"""`pelton build`: an app's artifacts, what is in them, and a manifest of what was written."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .requirements import make_resolver, requirement_options
from .say import json_option, say_json
from .where import chosen_functions, env_option, file_argument

if TYPE_CHECKING:
    from ..builders import Artifact

PACKAGES = ("zip", "layers", "image", "archive", "sourceCode")


@click.command()
@file_argument
@click.option("--out", default="build", type=click.Path(path_type=Path), show_default=True)
@click.option("--only", multiple=True, help="Only this function (may be repeated).")
@click.option(
    "--to",
    multiple=True,
    type=click.Choice(["local", "aws", "nuclio"]),
    help="For whom; may be repeated.  [default: aws; of a notebook nuclio]",
)
@click.option("--endpoint", default="", help="The emulator's address, for --to local.")
@click.option(
    "--package",
    type=click.Choice(PACKAGES),
    help="The kind of artifact, instead of what the functions' settings say.",
)
@click.option("--image", is_flag=True, help="Build images, too: by docker, podman or buildah.")
@click.option(
    "--base",
    default="",
    metavar="LAYOUT",
    help="Write images onto this base, an OCI layout (folder or tar), without any engine; with "
    "--image it may be a name, instead of the platform's own base image.",
)
@click.option(
    "--trim",
    multiple=True,
    metavar="RULE",
    help="Leave out more of requirements, or (no-RULE) less.",
)
@click.option(
    "--import-budget", type=click.IntRange(1), metavar="MS", help="Fail over so long an import."
)
@click.option("--imports", is_flag=True, help="Measure how long each artifact takes to import.")
@click.option("--why", is_flag=True, help="What is big, and which requirement brought it in.")
@requirement_options
@env_option
@json_option
def command(
    file: str,
    out: Path,
    only: tuple[str, ...],
    to: tuple[str, ...],
    endpoint: str,
    package: str | None,
    image: bool,
    base: str,
    env: str,
    trim: tuple[str, ...],
    import_budget: int | None,
    imports: bool,
    why: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Build every function of FILE into --out; print packages, files, sizes, largest first.

    FILE is FILE.py, FILE.py:app, module:app or NOTEBOOK.ipynb; without it the app of this folder:
    the one that pelton.toml or pyproject.toml names, else the one module that makes one.
    """
    from ..builders import build, load_app
    from ..builders.engines import find_engine
    from ..builders.manifest import NAME, write_manifest
    from ..builders.whole import said
    from ..deploy.environments import environment_of

    app, root = load_app(file)
    app = environment_of(app, root, env).app
    if not app.functions:
        raise click.ClickException(
            f"app {app.name} has no functions: put @app.function above one, or give app.serve a "
            "graph"
        )
    chosen = chosen_functions(app, only)
    if base and not image and not Path(base).exists():
        raise click.UsageError(
            f"--base: there is no folder or file {base}; the name of an image needs --image, too"
        )
    if (image or base) and package not in (None, "image"):
        raise click.UsageError(f"--package {package} makes no image; leave out --image and --base")
    engine = find_engine() if image else None
    package = package or ("image" if image or base else "")
    with said("the manifest", out):
        (out / NAME).unlink(missing_ok=True)  # what it tells of is about to be written over
    artifacts = []
    resolver = make_resolver(options, "write")
    for target in to or (("nuclio",) if file.endswith(".ipynb") else ("aws",)):
        for function in chosen:
            artifact = build(
                function,
                _target(target, function, endpoint),
                root=root,
                out=out,
                resolver=resolver,
                trim=trim,
                package=package,
                import_budget=import_budget,
                measure_imports=imports,
            )
            artifact = _with_image(artifact, engine, base)
            artifacts.append(artifact)
            if not as_json:
                click.echo("\n".join(_lines(artifact, why)))
    manifest = write_manifest(app.name, artifacts, out)
    if as_json:
        told = [_document(each, out) for each in artifacts]
        say_json({"app": app.name, "manifest": str(manifest), "artifacts": told})
    else:
        click.echo(f"{manifest}  {len(artifacts)} artifacts")


def _target(to: str, function: Any, endpoint: str) -> Any:
    from ..builders import Target

    if to == "local":
        from ..deploy.session import LOCAL, read_health

        health = read_health(endpoint or LOCAL, [function.settings.aws.runtime])
        return Target.local("lambda", health, function)
    return Target.nuclio(function) if to == "nuclio" else Target.aws(function)


def _with_image(artifact: Artifact, engine: Any, base: str) -> Artifact:
    """The artifact after its image was made, by an engine or onto a base."""
    from ..builders.oci import write_image

    if artifact.image is None:
        return artifact
    if engine is not None:
        engine.build(artifact.path, artifact.image, "" if Path(base).exists() else base)
    if not base or not Path(base).exists():
        return artifact
    layout = artifact.path.with_name(f"{artifact.path.name}.oci")
    write_image(artifact.path, artifact.image, Path(base), layout)
    return replace(artifact, beside=(*artifact.beside, layout))


def _lines(artifact: Artifact, why: bool) -> list[str]:
    from ..builders import import_time
    from ..builders.report import human
    from ..builders.why import explain, lines

    said = [f"{artifact.path}  sha256 {artifact.sha256[:12]}  {artifact.handler}"]
    for layer in artifact.layers:
        size = human(layer.report.zipped)
        said.append(f"{layer.path}  sha256 {layer.sha256[:12]}  layer, {size} zipped")
    if artifact.image is not None:
        said.append(f"{artifact.image.reference}  on {artifact.image.base}")
    said += [str(each) for each in artifact.beside]
    report = artifact.report
    if why:
        told = lines(explain(artifact.function, report, artifact.image is not None), report)
    elif artifact.image is not None:
        told = [f"{human(report.unzipped)} beside its base image", *report.lines(20)[1:]]
    else:
        told = report.lines(20)
    return said + told + (import_time.lines(artifact.imports) if artifact.imports else [])


def _document(artifact: Artifact, out: Path) -> dict[str, Any]:
    from dataclasses import asdict

    from ..builders.manifest import told
    from ..builders.why import explain

    report = artifact.report
    return {
        **told(artifact, out),
        "path": str(artifact.path),
        "packages": {each.name: each.size for each in report.packages},
        "files": {each.name: each.size for each in report.files},
        "trimmed": [asdict(each) for each in report.trimmed],
        "spared": list(report.spared),
        "notes": list(report.notes),
        "beside": [str(each) for each in artifact.beside],
        "imports": asdict(artifact.imports) if artifact.imports else None,
        "why": asdict(explain(artifact.function, report, artifact.image is not None)),
    }
