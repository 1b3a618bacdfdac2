"""What an artifact is built for: platform, Python, architecture, C library."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..handlers.function import Function

# Which modules each platform's runtime brings along, beside the standard library.
RUNTIME_MODULES = {
    "lambda": frozenset(
        "awslambdaric boto3 botocore dateutil jmespath runtime_client s3transfer simplejson six "
        "snapshot_restore_py urllib3".split()
    ),
    "nuclio": frozenset({"nuclio_sdk", "msgpack"}),
}
# The manylinux platforms that uv knows, as (major, minor) of the C library.
KNOWN_GLIBC = ((2, 17), (2, 28), *((2, minor) for minor in range(31, 41)))


# Nuclio builds a function on the image `python:<version>` unless it is told another: Debian 12, or
# later.  Source: nuclio, pkg/processor/build/runtime/python/runtime.go; Docker's official images.
NUCLIO_GLIBC = (2, 36)


@dataclass(frozen=True, slots=True)
class Target:
    """platform "lambda" or "nuclio"; python "3.12"; architecture "x86_64" or "arm64"; glibc the
    newest C library the target has; variant says who it is for ("aws", "local", "nuclio").

    >>> Target("lambda", "3.11", glibc=(2, 26)).uv_platform
    'x86_64-manylinux_2_17'
    """

    platform: str
    python: str
    architecture: str = "x86_64"
    glibc: tuple[int, int] = (2, 34)
    variant: str = "aws"

    @property
    def machine(self) -> str:
        """The architecture in the words of wheels: "x86_64", "aarch64"."""
        return {"arm64": "aarch64"}.get(self.architecture, self.architecture)

    @property
    def uv_platform(self) -> str:
        """The platform in uv's words: the newest one it knows that the target can run."""
        major, minor = max(each for each in KNOWN_GLIBC if each <= max(self.glibc, (2, 17)))
        return f"{self.machine}-manylinux_{major}_{minor}"

    @property
    def next_uv_platform(self) -> str:
        """The oldest one it knows whose wheels are all that the target can run, and maybe more."""
        major, minor = min(each for each in KNOWN_GLIBC if each >= min(self.glibc, (2, 40)))
        return f"{self.machine}-manylinux_{major}_{minor}"

    @property
    def says(self) -> str:
        """For people: Python, machine, C library."""
        major, minor = self.glibc
        return f"Python {self.python}, {self.architecture}, glibc {major}.{minor}"

    @property
    def runtime_modules(self) -> frozenset[str]:
        return RUNTIME_MODULES[self.platform]

    @classmethod
    def aws(cls, function: Function[..., Any]) -> Target:
        """AWS Lambda, as the function's own settings say."""
        python = function.settings.aws.runtime.removeprefix("python")
        glibc = lambda_glibc(python)
        return cls("lambda", python, function.settings.aws.architecture, glibc, "aws")

    @classmethod
    def nuclio(cls, function: Function[..., Any]) -> Target:
        """Nuclio, as the function's own settings say."""
        python = function.settings.nuclio.runtime.partition(":")[2] or "3.11"
        return cls("nuclio", python, "x86_64", NUCLIO_GLIBC, "nuclio")

    @classmethod
    def local(
        cls, platform: str, health: Mapping[str, Any], function: Function[..., Any] | None = None
    ) -> Target:
        """This machine's platform and the Python that the emulator runs the function on, from its
        health answer: that of its Lambda runtime where the emulator has it, else the emulator's
        own.  Of wheels it takes those that the platform itself could run, so that what passes
        here is what is deployed there."""
        python = str(health["python"])
        there = NUCLIO_GLIBC
        if platform == "lambda" and function is not None:
            wanted = function.settings.aws.runtime.removeprefix("python")
            known = health.get("interpreters", {}).get(wanted, {})
            python = wanted if known.get("state") == "ready" else python
            there = lambda_glibc(wanted)
        machine = str(health["architecture"])
        return cls(
            platform,
            python,
            {"aarch64": "arm64"}.get(machine, machine),
            min(_pair(str(health.get("glibc") or "2.17")), there),
            "local",
        )


def lambda_glibc(python: str) -> tuple[int, int]:
    """The C library of a Lambda runtime: python3.10 and python3.11 run on Amazon Linux 2, later
    ones on Amazon Linux 2023.  Source: https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html
    """
    return (2, 26) if python in ("3.10", "3.11") else (2, 34)


def _pair(text: str) -> tuple[int, int]:
    major, _, minor = text.partition(".")
    return int(major), int(minor or 0)
