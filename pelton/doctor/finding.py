"""A finding: what was looked at, how it is, what to do about it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

OK, WARNING, PROBLEM = "ok", "warning", "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found.

    state: "ok"; "warning", which something works without, in the way that `what` says; "problem",
           without which a command of pelton fails
    do:    what helps; "" for what is well
    """

    check: str
    state: str
    what: str
    do: str = ""


@dataclass(frozen=True, slots=True)
class Ask:
    """What is asked about: the emulator's ports (0: none), and the environment of commands."""

    port: int = 4566
    nuclio_port: int = 8070
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
