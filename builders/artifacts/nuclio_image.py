"""`package="image"` on Nuclio: a build context with the processor, and a configuration of an image.

Requirements are in the image, resolved as for Lambda, so what was tried is what runs.  Sources:
Nuclio's pages on functions from a Dockerfile and on pre-built functions, and its own Dockerfiles.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .. import function_yaml, nuclio_spec
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
    write_context,
)

BASE = "python:{python}"
HOME = "/opt/nuclio/"
PROCESSOR = "/etc/nuclio/config/processor/processor.yaml"
# The release whose processor goes into the image; --build-arg NUCLIO_LABEL=… takes another.
LABEL = "1.13.0"
DOCKERFILE = """\
# Nuclio's image of {app}.{function}; written by pelton's builder.
ARG BASE={base}
ARG NUCLIO_LABEL={label}
FROM quay.io/nuclio/handler-builder-python-onbuild:${{NUCLIO_LABEL}}-{architecture} AS nuclio
FROM --platform={platform} ${{BASE}}
COPY --from=nuclio /home/nuclio/bin/processor /usr/local/bin/processor
COPY --from=nuclio /home/nuclio/bin/py {home}
COPY --from=nuclio /home/nuclio/bin/py{python}-whl {home}whl
RUN python -m pip install --no-index --find-links={home}whl nuclio-sdk msgpack
{copies}
CMD ["processor"]
"""


def _check(content: Content) -> None:
    nuclio_spec.function_config(content.function, "", "")


def _write(content: Content, out: Path, cache: Path) -> Artifact:
    digest = digest_of(content.files)
    image = _image(content, digest)
    handler, runtime = f"{content.entry}:handler", f"python:{content.target.python}"
    config = _config(content, image, handler, runtime)
    path, yaml = content.path(out, "-image"), content.path(out, ".yaml")
    files = laid_out(content.own(content.whole), content.brought(content.whole))
    text = function_yaml.text_of(config).encode()
    files |= held({"Dockerfile": _dockerfile(content, image).encode(), "function.yaml": text})
    write_context(files, path)
    function_yaml.write(config, yaml)
    return Artifact(
        function=content.function.name,
        target=content.target,
        path=path,
        sha256=digest,
        digest=digest,
        handler=handler,
        runtime=runtime,
        report=content.report(),
        spec=config,
        package="image",
        image=image,
        beside=(yaml,),
    )


def _config(content: Content, image: Image, handler: str, runtime: str) -> dict[str, Any]:
    config = nuclio_spec.function_config(content.function, handler, runtime)
    config["spec"]["image"] = image.reference
    config["spec"]["build"] = {"codeEntryType": "image"}
    return config


def _image(content: Content, digest: str) -> Image:
    function, target = content.function, content.target
    parts = [(CODE, HOME), ("function.yaml", PROCESSOR)]
    if content.brought(content.files):
        parts.insert(0, (REQUIREMENTS, HOME))
    return Image(
        reference(function.settings.nuclio.repository, function.app.name, function.name, digest),
        tuple(parts),
        ("processor",),
        BASE.format(python=target.python),
        platform_of(target.architecture),
    )


def _dockerfile(content: Content, image: Image) -> str:
    copies = (f"COPY {part}{'/' if place == HOME else ''} {place}" for part, place in image.parts)
    return DOCKERFILE.format(
        app=content.function.app.name,
        function=content.function.name,
        base=image.base,
        label=LABEL,
        architecture=image.platform.partition("/")[2],
        platform=image.platform,
        home=HOME,
        python=content.target.python,
        copies="\n".join(copies),
    )


KIND = Kind("nuclio", "image", True, _check, _write, shared=True)
