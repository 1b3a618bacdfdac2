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
    def uv_platform(self) -> str:
        """The platform in uv's words: the newest one it knows that the target can run."""
        machine = {"arm64": "aarch64"}.get(self.architecture, self.architecture)
        major, minor = max(each for each in KNOWN_GLIBC if each <= max(self.glibc, (2, 17)))
        return f"{machine}-manylinux_{major}_{minor}"

    @property
    def runtime_modules(self) -> frozenset[str]:
        return RUNTIME_MODULES[self.platform]

    @classmethod
    def aws(cls, function: Function[..., Any]) -> Target:
        """AWS Lambda, as the function's own settings say.

        Lambda's python3.10 and python3.11 have glibc 2.26, later ones 2.34.
        """
        python = function.settings.aws.runtime.removeprefix("python")
        glibc = (2, 26) if python in ("3.10", "3.11") else (2, 34)
        return cls("lambda", python, function.settings.aws.architecture, glibc, "aws")

    @classmethod
    def nuclio(cls, function: Function[..., Any]) -> Target:
        """Nuclio, as the function's own settings say."""
        python = function.settings.nuclio.runtime.partition(":")[2] or "3.11"
        return cls("nuclio", python, "x86_64", (2, 28), "nuclio")

    @classmethod
    def local(
        cls, platform: str, health: Mapping[str, Any], function: Function[..., Any] | None = None
    ) -> Target:
        """This machine's platform and the Python that the emulator runs the function on, from its
        health answer: that of its Lambda runtime where the emulator has it, else the emulator's
        own."""
        python = str(health["python"])
        if platform == "lambda" and function is not None:
            wanted = function.settings.aws.runtime.removeprefix("python")
            known = health.get("interpreters", {}).get(wanted, {})
            python = wanted if known.get("state") == "ready" else python
        machine = str(health["architecture"])
        return cls(
            platform,
            python,
            {"aarch64": "arm64"}.get(machine, machine),
            _pair(str(health.get("glibc") or "2.17")),
            "local",
        )


def _pair(text: str) -> tuple[int, int]:
    major, _, minor = text.partition(".")
    return int(major), int(minor or 0)
