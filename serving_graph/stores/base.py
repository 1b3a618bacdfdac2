"""What every store does: let one worker claim a piece of work, and keep what it came to."""

from __future__ import annotations

from ...handlers.errors import Retry


class Busy(Retry):
    """Another worker is at this very piece of work, or was when it ended: again later."""
