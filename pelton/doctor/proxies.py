"""Proxies of the environment: one that also takes calls to this machine hides the emulator."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from .finding import OK, WARNING, Ask, Finding

NAME = "proxies"
HERE = ("127.0.0.1", "localhost")


def look(ask: Ask) -> Iterator[Finding]:
    """Whether calls to the emulator go past the proxies."""
    proxies = {
        name: value
        for name, value in ask.environment.items()
        if name.lower() in ("http_proxy", "all_proxy") and value
    }
    hidden = [host for host in HERE if not _passed(host, ask.environment)]
    if not proxies or not hidden:
        yield Finding(NAME, OK, "no proxy stands before this machine's own addresses")
        return
    yield Finding(
        NAME,
        WARNING,
        f"{', '.join(sorted(proxies))} also takes calls to {' and '.join(hidden)}: boto3, curl and "
        "others do not reach the emulator (pelton's own commands do)",
        f"export NO_PROXY={','.join(HERE)} and no_proxy={','.join(HERE)}",
    )


def _passed(host: str, environment: Mapping[str, str]) -> bool:
    """Whether NO_PROXY names the host.

    >>> _passed("localhost", {"no_proxy": ".corp, localhost"}), _passed("localhost", {})
    (True, False)
    """
    listed = environment.get("no_proxy") or environment.get("NO_PROXY") or ""
    names = [each.strip().lstrip(".") for each in listed.split(",")]
    return "*" in names or host in names
