"""What can stop a build, as sentences that name the culprit.

BuildError
├── CannotLoad       the app's file or name cannot be imported
├── MissingModule    an import finds nothing in the artifact or in the platform's runtime
├── CannotResolve    a requirement cannot be had for the target
│   ├── NotLocked    the lock does not say what is asked for, and may not be changed
│   └── Tampered     a file is not the one that was locked
├── TooLarge         the artifact is over the platform's limit
├── CannotImport     the artifact, as it was built, cannot be imported
├── TooSlow          importing the artifact takes longer than its budget
└── CannotPickle     a function that is sent as a pickle cannot be, or not to that target
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
    """A requirement cannot be had for the target; the message says why and what to do."""


class NotLocked(CannotResolve):
    """The lock does not say what is asked for, and may not be changed."""


class Tampered(CannotResolve):
    """A file is not the one that was locked: its hash is another."""


class TooLarge(BuildError):
    """The artifact is over the platform's limit; the message names the packages to blame."""


class CannotImport(BuildError):
    """The artifact, as it was built, cannot be imported; the message has the trace."""


class TooSlow(BuildError):
    """Importing the artifact takes longer than its budget; the message says what costs most."""


class CannotPickle(BuildError):
    """A function sent as a pickle cannot be: the message names the culprit."""
