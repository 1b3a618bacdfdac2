"""Ports for servers that tests start, and that must come back on the same one."""

from __future__ import annotations

import random
import socket
from contextlib import ExitStack

# Below those that the system gives to clients and to whoever asks for any: nobody takes one
# between the asking and the server's start.
FIRST, LAST = 20_000, 32_000


def free_port(many: int = 1) -> int:
    """The first of so many ports in a row that nobody listens at."""
    for _ in range(1000):
        # Not the seeded generator, from which every worker of a run would have the same.
        first = random.SystemRandom().randrange(FIRST, LAST - many)
        with ExitStack() as stack:
            try:
                for port in range(first, first + many):
                    stack.enter_context(socket.socket()).bind(("127.0.0.1", port))
            except OSError:
                continue
            return first
    raise OSError("no port is free")
