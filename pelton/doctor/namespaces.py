"""Mount namespaces: whether a sandbox sees /var/task, /opt and a /tmp of its own."""

from __future__ import annotations

from collections.abc import Iterator

from ..localstack.lambda_.environment import can_mount
from ..localstack.lambda_.interpreters import own
from .finding import OK, WARNING, Ask, Finding

NAME = "namespaces"


def look(ask: Ask) -> Iterator[Finding]:
    """Tried as the emulator does it."""
    if can_mount(own()):
        yield Finding(NAME, OK, "sandboxes have /var/task, /opt and /tmp of their own")
        return
    yield Finding(
        NAME,
        WARNING,
        "no mount namespaces: functions run from plain folders, so paths like /var/task/data are "
        "not there and /tmp is shared",
        "run the emulator as root, in a container with --privileged or --cap-add SYS_ADMIN; "
        "`unshare -m true` says whether it may",
    )
