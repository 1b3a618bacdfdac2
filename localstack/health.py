"""What the emulator says of itself: version, interpreter, platform, what is ready."""

from __future__ import annotations

import os
import platform
import sys
import sysconfig
from collections.abc import Mapping
from functools import cache
from typing import Any


@cache
def machine() -> dict[str, str]:
    """The emulator's own interpreter and the platform that functions run on.

    >>> sorted(machine())
    ['architecture', 'glibc', 'platform', 'python']
    """
    return {
        "python": f"{sys.version_info.major}.{sys.version_info.minor}",
        "platform": sysconfig.get_platform().replace("-", "_").replace(".", "_"),
        "architecture": platform.machine(),
        "glibc": _glibc(),
    }


@cache
def versions() -> dict[str, str]:
    """The versions of what answers."""
    return {name: _version(name) for name in ("pelton", "awslambdaric", "ministack", "botocore")}


def report(
    region: str,
    account: str,
    services_ready: bool,
    nuclio_url: str,
    interpreters: Mapping[str, Any],
) -> dict[str, Any]:
    """The body of GET /_pelton/health.

    interpreters: the Pythons that functions can have, by version; "state" is "found" (not asked
    for yet), "ready", or "unavailable" with a "reason"
    """
    return {
        "status": "ready",
        "version": versions()["pelton"],
        **machine(),
        "interpreters": dict(interpreters),
        "region": region,
        "account": account,
        "lambda": {"runtime_client": versions()["awslambdaric"]},
        "services": "ready" if services_ready else "loading",
        "nuclio_url": nuclio_url,
    }


def _glibc() -> str:
    """The C library's version, "" where it is another one."""
    names = getattr(os, "confstr_names", {})
    if "CS_GNU_LIBC_VERSION" not in names:
        return ""
    return (os.confstr("CS_GNU_LIBC_VERSION") or "").rpartition(" ")[2]


def _version(name: str) -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(name)
    except PackageNotFoundError:
        return ""
