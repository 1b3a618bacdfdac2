"""What only one platform understands, as one object per platform instead of forty arguments."""

from __future__ import annotations

from .errors import WrongUse
from .frozen import Frozen

ARCHITECTURES = ("x86_64", "arm64")
LAMBDA_PYTHONS = ("python3.10", "python3.11", "python3.12", "python3.13", "python3.14")


class Aws(Frozen):
    """How a function is to be on AWS Lambda.

    runtime:      "python3.10" … "python3.14"
    architecture: "x86_64" or "arm64"
    role:         ARN of the execution role; "" leaves it to the deployer's option
    ephemeral_mb: size of /tmp, 512 to 10240

    >>> Aws(architecture="arm64").runtime
    'python3.12'
    """

    runtime: str = "python3.12"
    architecture: str = "x86_64"
    role: str = ""
    ephemeral_mb: int = 512

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
        if not 512 <= self.ephemeral_mb <= 10240:
            raise WrongUse(f"Aws(ephemeral_mb={self.ephemeral_mb}) is outside 512 to 10240")


class Nuclio(Frozen):
    """How a function is to be on Nuclio.

    runtime:   "python:3.9", "python:3.10", "python:3.11" …
    replicas:  (least, most)
    workers:   worker processes per replica of each HTTP trigger
    namespace: Kubernetes namespace

    >>> Nuclio(replicas=(0, 4)).workers
    1
    """

    runtime: str = "python:3.11"
    replicas: tuple[int, int] = (1, 1)
    workers: int = 1
    namespace: str = "nuclio"

    def __post_init__(self) -> None:
        least, most = self.replicas
        if not 0 <= least <= most or most < 1:
            raise WrongUse(
                f"Nuclio(replicas={self.replicas}) is no range",
                advice="give (least, most) with 0 <= least <= most and most >= 1",
            )
        if self.workers < 1:
            raise WrongUse(f"Nuclio(workers={self.workers}) runs nothing", advice="use 1 or more")
