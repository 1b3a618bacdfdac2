"""The tools of this machine that build container images: docker, podman, buildah, nerdctl.

A tool is its command line.  The first that works is taken; with none a build is refused, with what
each said.  Knows contexts and names, and nothing of functions.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from .artifacts.image_context import EPOCH, Image
from .errors import BuildError

# In the order in which they are asked, and what each is asked: docker's client answers without its
# daemon, and builds nothing then.
ENGINES: Mapping[str, tuple[str, ...]] = {
    "docker": ("info", "--format", "{{.ServerVersion}}"),
    "podman": ("info", "--format", "{{.Version.Version}}"),
    "buildah": ("--version",),
    "nerdctl": ("info", "--format", "{{.ServerVersion}}"),
}
PROBE_SECONDS = 20


@dataclass(frozen=True, slots=True)
class Engine:
    """A tool that works: its name and its program."""

    name: str
    program: str

    def build(self, context: Path, image: Image, base: str = "") -> None:
        """Build an image of a context, under its reference.  Raises `BuildError`."""
        self._ask(
            f"cannot build {image.reference} of {context}",
            f"look whether {base or image.base} can be fetched here, or lay the files on a base "
            "that is here as an OCI layout with --base, which needs no engine",
            *("build", *self._words(image), *_base(base), str(context)),
        )

    def has(self, reference: str) -> bool:
        """Whether an image is among this machine's."""
        question = (
            ["inspect", "--type", "image"] if self.name == "buildah" else ["image", "inspect"]
        )
        done = subprocess.run(
            [self.program, *question, reference], capture_output=True, check=False
        )
        return done.returncode == 0

    def push(self, reference: str) -> None:
        """Send an image to the registry that its name says.  Raises `BuildError`."""
        self._ask(
            f"cannot push {reference}",
            f"log in with `{self.name} login`, and look whether the repository is there",
            *("push", reference),
        )

    def _words(self, image: Image) -> list[str]:
        words = ["--tag", image.reference, "--platform", image.platform]
        if self.name in ("podman", "buildah"):  # the same context, the same image
            return [*words, "--timestamp", str(EPOCH)]
        return [*words, "--build-arg", f"SOURCE_DATE_EPOCH={EPOCH}"]

    def _ask(self, failed: str, advice: str, *words: str) -> None:
        done = subprocess.run([self.program, *words], capture_output=True, text=True, check=False)
        if done.returncode:
            said = (done.stderr.strip() or done.stdout.strip())[-2000:].splitlines() or ["nothing"]
            error = BuildError(f"{self.name} {failed}: {said[-1]}; {advice}")
            for each in said[:-1]:
                error.add_note(f"{self.name}: {each}")
            raise error


def _base(base: str) -> list[str]:
    return ["--build-arg", f"BASE={base}"] if base else []


def find_engine() -> Engine:
    """The first tool that works.  Raises `BuildError` with what each said."""
    said = []
    for name, question in ENGINES.items():
        program = shutil.which(name)
        if program is None:
            said.append(f"{name} is not on the search path")
            continue
        answer = _answer([program, *question])
        if not answer:
            return Engine(name, program)
        said.append(f"{name} says: {answer}")
    raise BuildError(
        f"no tool here builds images ({'; '.join(said)}): install docker, podman or buildah, or "
        "give a base image as an OCI layout with --base, which needs none"
    )


def _answer(command: list[str]) -> str:
    """Why a tool does not work; "" when it does."""
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=PROBE_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    if done.returncode == 0 and done.stdout.strip():
        return ""
    return (done.stderr.strip().splitlines() or ["nothing"])[-1]
