"""What can stop a deploy, as sentences a newcomer can act on.

DeployError
├── Unreachable     nothing answers at an endpoint
├── CannotPlan      what is asked for cannot be had there (a trigger, a queue, a role, a name)
├── WrongSettings   a settings file says what cannot be
├── CannotRelease   a version cannot take over, or be gone back to, as asked
├── CallFailed      a platform refused or failed one call
├── Interrupted     ctrl-C came while a plan was applied
├── StateError      the state of the last deploy cannot be read or written
├── Locked          somebody else is deploying
└── PlanMoved       a saved plan is not to be applied: the world is not what it was
"""

from __future__ import annotations

from ..handlers.errors import PeltonError


class DeployError(PeltonError):
    """The root of the tree above."""


class Unreachable(DeployError):
    """Nothing answers at an endpoint; the message says what to start."""


class CannotPlan(DeployError):
    """The target cannot give what the app asks for; the message names function and thing."""


class WrongSettings(DeployError):
    """A settings file says what cannot be; the message names file and key."""


class CannotRelease(DeployError):
    """A version cannot take over or be gone back to; the message names function and version."""


class CallFailed(DeployError):
    """A platform refused or failed; the message is the platform's own, with the function's name."""


class Interrupted(DeployError):
    """What ran was waited for; the notes say what was done and what was not."""

    exit_code = 130  # of a command that ends with it, as shells say it of ctrl-C


class StateError(DeployError):
    """The state cannot be read or written; the message says where it is and how to make it anew."""


class Locked(DeployError):
    """Somebody else is deploying; the message says who, since when, and how to break the lock."""


class PlanMoved(DeployError):
    """A saved plan does not fit what is there any more; the message names what moved."""
