"""What only one platform understands, as one object per platform instead of forty arguments."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from .checks import caller, in_range, said_at, text, texts
from .errors import WrongUse
from .frozen import Frozen

if TYPE_CHECKING:
    from .vpc import Vpc

NOTHING: Mapping[str, str] = MappingProxyType({})
ARCHITECTURES = ("x86_64", "arm64")
# The kinds of artifact that builders/artifacts/ makes, by platform.
LAMBDA_PACKAGES = ("zip", "layers", "image")
NUCLIO_PACKAGES = ("archive", "sourceCode", "image")
# Source: CloudWatch Logs' API reference, PutRetentionPolicy (up to ten years).
LOG_DAYS = (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557,
            2922, 3288, 3653)  # fmt: skip
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
    http:         "url", a URL of its own; "api", the app's HTTP API of API Gateway, with one
                  address for all functions
    log_days:     how long its log is kept (one of `LOG_DAYS`); 0 leaves its log group alone
    on_failure, on_success: where an asynchronous event's end is told: a queue by its name, or the
                  ARN of a queue, topic, bus, function or bucket
    dead_letter:  a queue, by name, that gets the events that it failed for good, as they were
    retries:      how often an asynchronous event is tried again, 0 to 2; None: Lambda's own 2
    event_seconds: how long one is tried for, 60 to 21600; 0: Lambda's own six hours
    provisioned:  sandboxes of the live version that wait for calls, of a function that keeps
                  versions
    vpc:          `pelton.Vpc(...)`, the network that it is in; None: in none of yours

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
    http: str = "url"
    log_days: int = 0
    on_failure: str = ""
    on_success: str = ""
    dead_letter: str = ""
    retries: int | None = None
    event_seconds: int = 0
    provisioned: int = 0
    vpc: Vpc | None = None

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
        self._check_events()
        if self.vpc is not None:
            self._check_vpc()

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

    def _check_vpc(self) -> None:
        from .vpc import Vpc

        if not isinstance(self.vpc, Vpc):
            raise WrongUse(
                f"Aws(vpc={self.vpc!r}) is no Vpc",
                advice="write vpc=pelton.Vpc(subnets=[...], security_groups=[...])",
            )

    def _check_events(self) -> None:
        _one_of("Aws http", self.http, ("url", "api"))
        if self.log_days not in (0, *LOG_DAYS):
            raise WrongUse(
                f"Aws(log_days={self.log_days!r}) is no time that CloudWatch keeps logs for",
                advice=f"use one of {', '.join(map(str, LOG_DAYS))}",
            )
        for name in ("on_failure", "on_success", "dead_letter"):
            target = getattr(self, name)
            text(f"Aws {name}", target)
            if target.endswith(".fifo"):
                raise WrongUse(
                    f"Aws {name}={target!r} is a FIFO queue or topic",
                    advice="Lambda sends failed events to standard ones alone",
                )
        if self.retries is not None:
            in_range("Aws retries", self.retries, 0, 2)
        in_range("Aws provisioned", self.provisioned, 0, 100_000)
        if self.event_seconds != 0:
            in_range("Aws event_seconds", self.event_seconds, 60, 21_600, " seconds")


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
