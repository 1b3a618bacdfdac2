"""The folder that stands for /var/runtime: the runtime client and boto3, and nothing else."""

from __future__ import annotations

from pathlib import Path

from ..link_farm import link_farm
from ..link_farm import versions as versions_of

DISTRIBUTIONS = (
    "awslambdaric",
    "simplejson",
    "snapshot-restore-py",
    "boto3",
    "botocore",
    "s3transfer",
    "jmespath",
    "python-dateutil",
    "six",
    "urllib3",
)


def versions() -> dict[str, str]:
    """The distributions of the runtime folder with their versions."""
    return versions_of(DISTRIBUTIONS)


def runtime_folder(cache: Path | None = None) -> Path:
    """The folder, made when it is not there yet."""
    return link_farm(DISTRIBUTIONS, "runtime", cache)
