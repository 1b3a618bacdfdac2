"""`package="image"` on Lambda: a build context for AWS's base image of the function's Python.

Source: AWS's page on Python functions as container images (the base image's entry point is its
runtime client, its command the handler, its code in /var/task).
"""

from __future__ import annotations

import json
from pathlib import Path

from ..archive import digest_of
from ..content import held
from .base import Artifact, Content, Kind
from .image_context import (
    CODE,
    REQUIREMENTS,
    Image,
    laid_out,
    platform_of,
    reference,
    refuse_large_image,
    write_context,
)

BASE = "public.ecr.aws/lambda/python:{python}"
TASK = "/var/task/"
DOCKERFILE = """\
# Lambda's image of {app}.{function}; written by pelton's builder.
ARG BASE={base}
FROM --platform={platform} ${{BASE}}
{copies}
CMD {command}
"""


def _check(content: Content) -> None:
    refuse_large_image(content.function.name, content.report())


def _write(content: Content, out: Path, cache: Path) -> Artifact:
    digest = digest_of(content.files)
    image = _image(content, digest)
    path = content.path(out, "-image")
    files = laid_out(content.own(content.whole), content.brought(content.whole))
    write_context(files | held({"Dockerfile": _dockerfile(content, image).encode()}), path)
    return Artifact(
        function=content.function.name,
        target=content.target,
        path=path,
        sha256=digest,
        digest=digest,
        handler=f"{content.entry}.handler",
        runtime=f"python{content.target.python}",
        report=content.report(),
        package="image",
        image=image,
    )


def _image(content: Content, digest: str) -> Image:
    function, target = content.function, content.target
    parts = [(CODE, TASK)]
    if content.brought(content.files):
        parts.insert(0, (REQUIREMENTS, TASK))
    return Image(
        reference(function.settings.aws.repository, function.app.name, function.name, digest),
        tuple(parts),
        (f"{content.entry}.handler",),
        BASE.format(python=target.python),
        platform_of(target.architecture),
    )


def _dockerfile(content: Content, image: Image) -> str:
    return DOCKERFILE.format(
        app=content.function.app.name,
        function=content.function.name,
        base=image.base,
        platform=image.platform,
        copies="\n".join(f"COPY {part}/ {place}" for part, place in image.parts),
        command=json.dumps(list(image.command)),
    )


KIND = Kind("lambda", "image", True, _check, _write, shared=True)
