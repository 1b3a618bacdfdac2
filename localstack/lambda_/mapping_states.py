"""The states of an event source mapping, as a table.

What a user asks for brings a mapping into a passing state; it settles by itself when its poller
has begun or ended.  Only a settled mapping takes another request.  Source: AWS's API reference.
"""

from __future__ import annotations

from collections.abc import Mapping

SETTLED = ("Enabled", "Disabled")
# (settled state, what is wanted) -> the passing state; a change that keeps it is an update.
_PASSING: Mapping[tuple[str, str], str] = {
    ("", "Enabled"): "Creating",
    ("", "Disabled"): "Creating",
    ("Enabled", "Enabled"): "Updating",
    ("Disabled", "Disabled"): "Updating",
    ("Enabled", "Disabled"): "Disabling",
    ("Disabled", "Enabled"): "Enabling",
    ("Enabled", ""): "Deleting",
    ("Disabled", ""): "Deleting",
}


def passing(state: str, wanted: str) -> str:
    """The state on the way from a settled one ("" for none) to `wanted` ("" for none).

    Raises KeyError when `state` is passing itself.

    >>> passing("", "Enabled"), passing("Enabled", "Disabled"), passing("Disabled", "")
    ('Creating', 'Disabling', 'Deleting')
    """
    return _PASSING[state, wanted]


def is_settled(state: str) -> bool:
    """
    >>> is_settled("Enabled"), is_settled("Creating")
    (True, False)
    """
    return state in SETTLED
