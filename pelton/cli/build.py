"""`pelton build`: an app's artifacts, what is in them, and a manifest of what was written."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..handlers.errors import PeltonError
from .again import Asked, Git, cache_folder, to_come
from .looking import Looking
from .requirements import make_resolver, requirement_options
from .say import json_option, json_text
from .where import chosen_functions, env_option, file_argument, only_option, package_option

if TYPE_CHECKING:
    from ..builders import Artifact

LOCK = "pelton.lock"


@click.command()
@file_argument
@click.option("--out", default="build", type=click.Path(path_type=Path), show_default=True)
@only_option
@click.option(
    "--to",
    multiple=True,
    type=click.Choice(["local", "aws", "nuclio"]),
    help="For whom; may be repeated.  [default: aws; of a notebook nuclio]",
)
@click.option("--endpoint", default="", help="The emulator's address, for --to local.")
@package_option
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
@click.option("--anew", is_flag=True, help="Import the app and look at its files in any case.")
@requirement_options
@env_option
@json_option
def command(anew: bool, **words: Any) -> None:
    """Build every function of FILE into --out; print packages, files, sizes, largest first.

    FILE is FILE.py, FILE.py:app, module:app or NOTEBOOK.ipynb; without it the app of this folder:
    the one that pelton.toml or pyproject.toml names, else the one module that makes one.
    """
    asked = Asked.now(cache_folder(), words)
    if not anew and (said := asked.answer()) is not None:
        click.echo(said, nl=False)
        return
    mine, loaded = to_come(words["out"]), set(sys.modules)
    work = Work(words, Looking([str(cache_folder())]))
    with work.seen():
        work.prepare()
    git = Git(work.root).said()
    work.build()
    if work.is_told_by_files(loaded):
        mine.append(work.root / LOCK)
        asked.keep("".join(work.said), work.seen, work.root, git, mine)


@dataclass
class Work:
    """One run of the command: the words it is given, what it looks at, what it says."""

    words: Mapping[str, Any]
    seen: Looking
    said: list[str] = field(default_factory=list)

    def say(self, text: str) -> None:
        click.echo(text)
        self.said.append(f"{text}\n")

    def prepare(self) -> None:
        """Find and import the app, and refuse what cannot be."""
        from ..builders import load_app
        from ..builders.engines import find_engine
        from ..builders.kept import own_files
        from ..deploy.environments import environment_of

        for each in own_files():
            self.seen.opened(str(each))
            self.seen.listed(str(each.parent))
        app, self.root = load_app(self.words["file"])
        self.app = environment_of(app, self.root, self.words["env"]).app
        if not self.app.functions:
            raise click.ClickException(
                f"app {self.app.name} has no functions: put @app.function above one, or give "
                "app.serve a graph"
            )
        self.chosen = chosen_functions(self.app, self.words["only"])
        _check(self.words)
        self.engine = find_engine() if self.words["image"] else None

    def build(self) -> None:
        """Make all artifacts, and say what is in them."""
        from ..builders.manifest import NAME, write_manifest
        from ..builders.whole import said

        out, as_json = self.words["out"], self.words["as_json"]
        with said("the manifest", out):
            (out / NAME).unlink(missing_ok=True)  # what it tells of is about to be written over
        artifacts: list[Artifact] = []
        makers = self._makers()
        for make in makers:
            with _counted(out, len(artifacts), len(makers)):
                artifact = self._with_image(self._looking_on(make))
            artifacts.append(artifact)
            if not as_json:
                self.say("\n".join(_lines(artifact, self.words["why"])))
        manifest = write_manifest(self.app.name, artifacts, out)
        self.seen.asked(str(manifest))
        if as_json:
            told = [_document(each, out) for each in artifacts]
            self.say(
                json_text({"app": self.app.name, "manifest": str(manifest), "artifacts": told})
            )
        else:
            many = "artifact" if len(artifacts) == 1 else "artifacts"
            self.say(f"{manifest}  {len(artifacts)} {many}")

    def _makers(self) -> list[Callable[[], Artifact]]:
        """A build of each function for each target, with what all of them require at hand: the lock
        is whole before the first is built, so that the provenance of each names the same one."""
        from ..builders import build
        from ..builders.provenance import WorkingCopy

        words, self.seen.known = self.words, frozenset({"git"})
        resolver = make_resolver(dict(words), "write")
        copy = WorkingCopy(self.root.resolve())
        asked = [
            (function, _target(to, function, words["endpoint"]))
            for to in words["to"] or (("nuclio",) if words["file"].endswith(".ipynb") else ("aws",))
            for function in self.chosen
        ]
        for function, target in asked if len(asked) > 1 else ():
            resolver.install(function, target, self.root)
        return [
            partial(
                build,
                function,
                target,
                root=self.root,
                out=words["out"],
                resolver=resolver,
                trim=words["trim"],
                package=words["package"] or ("image" if self._of_images else ""),
                import_budget=words["import_budget"],
                measure_imports=words["imports"],
                copy=copy,
            )
            for function, target in asked
        ]

    def _looking_on(self, make: Callable[[], Artifact]) -> Artifact:
        """A build's artifact.  Of one that had to be made, a second build tells what the answer
        hangs on: it looks, and makes nothing."""
        with self.seen():
            artifact, seen = self.seen.tried(make)
            if not seen and self._is_lasting:
                make()
        return artifact

    @property
    def _is_lasting(self) -> bool:
        from ..builders.make import is_lasting

        return not self._of_images and all(map(is_lasting, self.chosen))

    @property
    def _of_images(self) -> bool:
        return self.words["image"] or bool(self.words["base"])

    def is_told_by_files(self, loaded: Collection[str]) -> bool:
        """Whether what was looked at is all that the answer hangs on.

        loaded: the modules of before, whose reading was not seen
        """
        fresh = all(each.module not in loaded for each in self.chosen)
        return self._is_lasting and fresh and not self.seen.unsure

    def _with_image(self, artifact: Artifact) -> Artifact:
        """The artifact after its image was made, by an engine or onto a base."""
        from ..builders.oci import write_image

        base = self.words["base"]
        if artifact.image is None:
            return artifact
        if self.engine is not None:
            self.engine.build(artifact.path, artifact.image, "" if Path(base).exists() else base)
        if not base or not Path(base).exists():
            return artifact
        layout = artifact.path.with_name(f"{artifact.path.name}.oci")
        write_image(artifact.path, artifact.image, Path(base), layout)
        return replace(artifact, beside=(*artifact.beside, layout))


@contextmanager
def _counted(out: Path, made: int, asked: int) -> Iterator[None]:
    """A failure says how far the build came, where it left something."""
    try:
        yield
    except PeltonError as error:
        if made:
            error.add_note(
                f"{out} has {made} of {asked} artifacts and no manifest.json: mend that, and build "
                "again"
            )
        raise


def _check(words: Mapping[str, Any]) -> None:
    """Refuse options that do not go together."""
    base, package = words["base"], words["package"]
    if base and not words["image"] and not Path(base).exists():
        raise click.UsageError(
            f"--base: there is no folder or file {base}; the name of an image needs --image, too"
        )
    if (words["image"] or base) and package not in (None, "image"):
        raise click.UsageError(f"--package {package} makes no image; leave out --image and --base")


def _target(to: str, function: Any, endpoint: str) -> Any:
    from ..builders import Target

    if to == "local":
        from ..deploy.health import read_health
        from ..deploy.where import LOCAL

        health = read_health(endpoint or LOCAL, [function.settings.aws.runtime])
        return Target.local("lambda", health, function)
    return Target.nuclio(function) if to == "nuclio" else Target.aws(function)


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
