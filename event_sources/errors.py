"""What goes wrong with a source.

SourceError
├── Away          the broker cannot be reached, or refuses: opened again after a pause
│   └── Standby   another worker reads the source; ours waits for its place
└── WrongSource   a source was declared wrongly: no pause will mend it
"""

from __future__ import annotations


class SourceError(Exception):
    """The base of all; its text is one sentence."""


class Away(SourceError):
    """The broker cannot be reached now, or does not let us in; the sentence says which and why.

    Nothing is lost by it: what was taken and not acknowledged comes again, where the broker keeps
    what it has sent.
    """


class Standby(Away):
    """Another worker reads the source now.

    after: seconds after which to ask again
    """

    def __init__(self, said: str, after: float) -> None:
        self.after = after
        super().__init__(said)


class WrongSource(SourceError, ValueError):
    """A source that is unknown, or that was given what it does not take."""
