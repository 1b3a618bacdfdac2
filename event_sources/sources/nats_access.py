"""Who we are to a NATS server, and the files that say it: data, and no socket."""

from __future__ import annotations

import base64
import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from typing import Any

from ..errors import Away, WrongSource
from .access import LooseAccess
from .tls import read

_PARTS = re.compile(rb"-+BEGIN [A-Z ]+-+\s+(\S+)\s+-+END [A-Z ]+-+")


@dataclass(frozen=True)
class Credentials:
    """What a .creds file holds, as NATS's own tools write it: a user's token (JWT), and the seed of
    its key.

    ends: when the token is over, in seconds since the epoch; 0 for never
    """

    ends: float
    seed: bytes = field(repr=False)

    @staticmethod
    def of(text: bytes) -> Credentials | None:
        """None for what is no such file."""
        parts = _PARTS.findall(text)
        if len(parts) != 2 or b"BEGIN NATS USER JWT" not in text:
            return None
        try:
            claims = parts[0].split(b".")[1]
            told = json.loads(base64.urlsafe_b64decode(claims + b"=" * (-len(claims) % 4)))
            return Credentials(float(told.get("exp", 0)), parts[1])
        except (IndexError, ValueError, AttributeError, TypeError):
            return None


@dataclass(frozen=True)
class NatsOptions(LooseAccess):
    """Who we are to the server; empty for what it does not ask.

    credentials: path of a .creds file;  nkey: path of a file with a seed
    tls: an `ssl.SSLContext` in place of files for TLS

    The others as of `LooseAccess`; a file asks for TLS, as an address "tls://HOST" does.
    """

    token: str = field(default="", repr=False)
    credentials: str = ""
    nkey: str = ""
    tls: Any = None

    @property
    def secure(self) -> bool:
        """Whether TLS is asked for, whatever the address says."""
        return bool(self.tls or self.files)

    def context(self) -> Any:
        """What TLS looks at; raises `Away` for a file that is not there."""
        return self.tls or self.files.context()

    def _look_at_keys(self) -> None:
        """Raises `Away` for files that are not there yet, or hold no key."""
        if self.credentials:
            word = f"credentials={self.credentials!r}"
            found = Credentials.of(read("credentials", self.credentials))
            if found is None:
                raise Away(f"{word} is no file of credentials (.creds)")
            _look_at_seed(f"the second part of {word}", found.seed)
        if self.nkey:
            _look_at_seed(f"nkey={self.nkey!r}", read("nkey", self.nkey))

    def why_not(self) -> str:
        """What can be said here of a server that does not let our credentials in: it says no more;
        "" without any."""
        if not self.credentials:
            return ""
        word = f"credentials={self.credentials!r}"
        found = Credentials.of(read("credentials", self.credentials))
        if found is not None and 0 < found.ends <= time.time():
            ended = datetime.fromtimestamp(found.ends, UTC).isoformat(" ")
            return f"{word} ended at {ended}: get new ones"
        return (
            f"it does not take {word}: they were revoked, are over by its clock, or are of an "
            "account that it does not know; get new ones"
        )

    def given(self, *, secure: bool) -> dict[str, Any]:
        """As nats-py names them.

        secure: some address asks for TLS
        """
        self._look_at_keys()
        named = {
            "user": self.user,
            "password": self.password,
            "token": self.token,
            "user_credentials": self.credentials,
            "nkeys_seed": self.nkey,
            "tls": self.context() if secure or self.secure else None,
        }
        return {name: value for name, value in named.items() if value}


def options_of(given: NatsOptions | Mapping[str, Any] | None) -> NatsOptions:
    """As a trigger says them, too.  Raises `WrongSource` for a word that there is not."""
    if given is None or isinstance(given, NatsOptions):
        return given or NatsOptions()
    known = [each.name for each in fields(NatsOptions)]
    if wrong := sorted(set(given) - set(known)):
        raise WrongSource(f"nats has no option {wrong[0]!r}; there are {', '.join(known)}")
    return NatsOptions(**given)


def _look_at_seed(word: str, text: bytes) -> None:
    """Raises `Away` for what is no seed of a key."""
    import nkeys

    try:
        nkeys.from_seed(bytearray(text.strip())).wipe()
    except nkeys.NkeysError:
        raise Away(f"{word} is no seed of a key") from None
