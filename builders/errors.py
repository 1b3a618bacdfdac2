"""What can stop a build, as sentences that name the culprit.

BuildError
├── CannotLoad       the app's file or name cannot be imported
├── MissingModule    an import finds nothing in the artifact or in the platform's runtime
├── CannotResolve    a requirement has no wheel for the target
└── TooLarge         the artifact is over the platform's limit
"""

from __future__ import annotations

from ..handlers.errors import PeltonError


class BuildError(PeltonError):
    """The root of the tree above."""


class CannotLoad(BuildError):
    """The app's file or name cannot be imported."""


class MissingModule(BuildError):
    """An import finds nothing in the artifact or in the platform's runtime."""


class CannotResolve(BuildError):
    """A requirement has no wheel for the target."""


class TooLarge(BuildError):
    """The artifact is over the platform's limit; the message names the packages to blame."""
