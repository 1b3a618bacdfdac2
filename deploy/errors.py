"""What can stop a deploy, as sentences a newcomer can act on.

DeployError
├── Unreachable     nothing answers at an endpoint
├── CannotPlan      what is asked for cannot be had there (a trigger, a queue, a role, a name)
├── CannotRelease   a version cannot take over, or be gone back to, as asked
├── CallFailed      a platform refused or failed one call
└── Interrupted     ctrl-C came while a plan was applied
"""

from __future__ import annotations

from ..handlers.errors import PeltonError


class DeployError(PeltonError):
    """The root of the tree above."""


class Unreachable(DeployError):
    """Nothing answers at an endpoint; the message says what to start."""


class CannotPlan(DeployError):
    """The target cannot give what the app asks for; the message names function and thing."""


class CannotRelease(DeployError):
    """A version cannot take over or be gone back to; the message names function and version."""


class CallFailed(DeployError):
    """A platform refused or failed; the message is the platform's own, with the function's name."""


class Interrupted(DeployError):
    """What ran was waited for; the notes say what was done and what was not."""
