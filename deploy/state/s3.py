"""A state in a bucket, for teams: every writing says which one it follows, so none is lost.

Conditional writes are S3's own: `If-None-Match: *` makes an object that is not there, `If-Match`
one that is as it was read.
Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from ..errors import StateError
from ..targets.aws import Aws, code_of
from .document import State, read_state
from .store import holder, locked, told

_MOVED = ("PreconditionFailed", "ConditionalRequestConflict", "412", "409")
_MISSING = ("NoSuchKey", "404")


class S3Store:
    """The state in one object of a bucket that is there; the lock is another beside it."""

    def __init__(self, aws: Aws, bucket: str, key: str) -> None:
        self._aws, self._bucket, self._key = aws, bucket, key
        self._tag = ""  # of the object as it was read or written last
        self.where = f"s3://{bucket}/{key}"

    def read(self) -> State | None:
        found = self._get(self._key)
        if found is None:
            self._tag = ""
            return None
        self._tag, text = found
        return read_state(text, self.where)

    def write(self, state: State) -> State:
        written = replace(state, serial=state.serial + 1)
        which = {"IfMatch": self._tag} if self._tag else {"IfNoneMatch": "*"}
        tag = self._put(self._key, written.text(), which)
        if tag is None:
            raise StateError(
                f"the state {self.where} was written by somebody else meanwhile; what was deployed "
                "is deployed: plan and deploy again, which goes on from there"
            )
        self._tag = tag
        return written

    @contextmanager
    def lock(self, what: str) -> Iterator[None]:
        key, text = f"{self._key}.lock", json.dumps(holder(what))
        if self._put(key, text, {"IfNoneMatch": "*"}) is None:
            raise locked(self.where, (self._get(key) or ("", ""))[1])
        try:
            yield
        finally:
            self._unlock(text)

    def held(self) -> str:
        found = self._get(f"{self._key}.lock")
        return told(found[1]) if found else ""

    def unlock(self) -> str:
        found = self._get(f"{self._key}.lock")
        if found is None:
            return ""
        self._delete()
        return told(found[1])

    def _unlock(self, ours: str) -> None:
        """Ours alone: it may have been broken, and be another's by now."""
        found = self._get(f"{self._key}.lock")
        if found is not None and found[1] == ours:
            self._delete()

    def _delete(self) -> None:
        with self._named():
            self._s3.delete_object(Bucket=self._bucket, Key=f"{self._key}.lock")

    def _get(self, key: str) -> tuple[str, str] | None:
        from botocore.exceptions import ClientError

        with self._named():
            try:
                found = self._s3.get_object(Bucket=self._bucket, Key=key)
            except ClientError as error:
                if code_of(error) in _MISSING:
                    return None
                raise
            with found["Body"] as body:
                return str(found["ETag"]), body.read().decode(errors="replace")

    def _put(self, key: str, text: str, which: dict[str, str]) -> str | None:
        """The new tag; None where the condition does not hold."""
        from botocore.exceptions import ClientError

        with self._named():
            try:
                done = self._s3.put_object(
                    Bucket=self._bucket, Key=key, Body=text.encode(), **which
                )
            except ClientError as error:
                if code_of(error) in _MOVED:
                    return None
                raise
        return str(done["ETag"])

    @property
    def _s3(self) -> Any:
        return self._aws.client("s3")

    def _named(self) -> Any:
        return self._aws.named(f"state {self.where}")
