"""What only one platform understands, as one object per platform instead of forty arguments."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from .checks import caller, in_range, said_at, text, texts
from .errors import WrongUse
from .frozen import Frozen

NOTHING: Mapping[str, str] = MappingProxyType({})
ARCHITECTURES = ("x86_64", "arm64")
# The kinds of artifact that builders/artifacts/ makes, by platform.
LAMBDA_PACKAGES = ("zip", "layers", "image")
NUCLIO_PACKAGES = ("archive", "sourceCode", "image")
LAMBDA_PYTHONS = ("python3.10", "python3.11", "python3.12", "python3.13", "python3.14")


class Platform(Frozen):
    """What its subclasses share: a wrong value is said with the line that wrote it."""

    if not TYPE_CHECKING:  # mypy makes the constructor from the fields

        def __init__(self, *args, **named) -> None:
            said_at(caller(2), super().__init__, *args, **named)


class Aws(Platform):
    """How a function is to be on AWS Lambda.

    runtime:      "python3.10" … "python3.14"
    architecture: "x86_64" or "arm64"
    role:         ARN of the execution role; "" leaves it to the deployer's option
    ephemeral_mb: size of /tmp, 512 to 10240
    package:      "zip": one archive; "layers": requirements in a layer, shared by content;
                  "image": a container image
    layers:       ARNs of layers that go with the code, before its own
    repository:   where an image is pushed: "ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME"

    >>> Aws(architecture="arm64").runtime
    'python3.12'
    """

    runtime: str = "python3.12"
    architecture: str = "x86_64"
    role: str = ""
    ephemeral_mb: int = 512
    package: str = "zip"
    layers: tuple[str, ...] = ()
    repository: str = ""

    def __post_init__(self) -> None:
        if self.runtime not in LAMBDA_PYTHONS:
            raise WrongUse(
                f"Aws(runtime={self.runtime!r}) is no Python runtime of Lambda",
                advice=f"use one of {', '.join(LAMBDA_PYTHONS)}",
            )
        if self.architecture not in ARCHITECTURES:
            raise WrongUse(
                f"Aws(architecture={self.architecture!r}) does not exist on Lambda",
                advice=f"use one of {', '.join(ARCHITECTURES)}",
            )
        in_range("Aws ephemeral_mb", self.ephemeral_mb, 512, 10240)
        text("Aws role", self.role)
        _one_of("Aws package", self.package, LAMBDA_PACKAGES)
        text("Aws repository", self.repository)
        self._check_layers()

    def _check_layers(self) -> None:
        if isinstance(self.layers, str) or len(self.layers) > 5:
            raise WrongUse(
                f"Aws(layers={self.layers!r}) is no list of at most 5 layers",
                advice="give a tuple of the ARNs of layers' versions",
            )
        for each in self.layers:
            text("Aws layers", each)
            if not each.startswith("arn:") or each.split(":")[5:6] != ["layer"]:
                raise WrongUse(
                    f"Aws layer {each!r} is no ARN of a layer's version",
                    advice="it ends in :layer:NAME:VERSION",
                )
        if self.layers and self.package == "image":
            raise WrongUse(
                'Aws(package="image") takes no layers: Lambda adds none to an image',
                advice="leave layers out, or put what they hold among requirements and include",
            )


class Nuclio(Platform):
    """How a function is to be on Nuclio.

    runtime:   "python:3.9", "python:3.10", "python:3.11" …
    replicas:  (least, most)
    workers:   worker processes per replica of each HTTP trigger
    host:      of an API gateway in front of the function; "" for none
    namespace: Kubernetes namespace
    package:   "archive": a zip that Nuclio fetches; "sourceCode": inside the configuration, so
               that nothing is fetched; "image": a container image that was built before
    repository: where an image is pushed: "registry.example.com/NAME"
    requests:  what a replica is promised, in Kubernetes' quantities: {"cpu": "250m"}
    limits:    what it may use at the most; "memory" is the function's own `memory`, unless it is
               given here
    gpu:       whole GPUs of a replica, as the limit "nvidia.com/gpu"; another maker's go into
               `limits` under its name
    node_selector, tolerations, image_pull_secret: on which nodes its pods may be, and the name of
               the Secret with which they get their image

    >>> Nuclio(replicas=(0, 4)).workers
    1
    >>> Nuclio(gpu=1, node_selector={"pool": "gpu"}, limits={"cpu": "2"}).gpu
    1
    """

    runtime: str = "python:3.11"
    replicas: tuple[int, int] = (1, 1)
    workers: int = 1
    host: str = ""
    namespace: str = "nuclio"
    package: str = "archive"
    repository: str = ""
    requests: Mapping[str, str] = NOTHING
    limits: Mapping[str, str] = NOTHING
    gpu: int = 0
    node_selector: Mapping[str, str] = NOTHING
    tolerations: tuple[Mapping[str, Any], ...] = ()
    image_pull_secret: str = ""

    def __post_init__(self) -> None:
        if not _is_pair(self.replicas) or not 0 <= self.replicas[0] <= self.replicas[1] >= 1:
            raise WrongUse(
                f"Nuclio(replicas={self.replicas}) is no range",
                advice="give (least, most) with 0 <= least <= most and most >= 1",
            )
        in_range("Nuclio workers", self.workers, 1, 100_000)
        text("Nuclio runtime", self.runtime)
        text("Nuclio namespace", self.namespace)
        _one_of("Nuclio package", self.package, NUCLIO_PACKAGES)
        text("Nuclio repository", self.repository)
        text("Nuclio image_pull_secret", self.image_pull_secret)
        in_range("Nuclio gpu", self.gpu, 0, 64)
        texts("Nuclio node_selector", self.node_selector)
        if self.requests or self.limits or self.tolerations:
            self._check_pod()

    def _check_pod(self) -> None:
        from .kubernetes import check_resources, check_tolerations

        check_resources(self.requests, self.limits)
        check_tolerations(self.tolerations)


def _one_of(name: str, value: object, known: tuple[str, ...]) -> None:
    if value not in known:
        raise WrongUse(f"{name}={value!r} is unknown", advice=f"use one of {', '.join(known)}")


def _is_pair(value: object) -> bool:
    return (
        isinstance(value, tuple | list)
        and len(value) == 2
        and all(isinstance(each, int) and not isinstance(each, bool) for each in value)
    )
