"""What the last deploy left: a small file, beside the app or in S3 for teams.

It tells what somebody else has changed since, what the app names no more, and which file or
requirement other code comes from.  It is never the only source of truth: without it, the tags of
the resources say what is ours (`pelton state rebuild`).
"""

from __future__ import annotations

from .document import VERSION, State
from .file import FileStore
from .s3 import S3Store
from .store import Store

__all__ = ["VERSION", "FileStore", "S3Store", "State", "Store"]
