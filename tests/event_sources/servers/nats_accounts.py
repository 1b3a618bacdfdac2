"""A NATS server whose users are of an account, and the account of an operator, as `nsc` makes them:
each a token (JWT) that the one above has signed, and a key of its own."""

from __future__ import annotations

import base64
import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from .guards import NatsWith

_NO_LIMITS = {"subs": -1, "data": -1, "payload": -1}
_ACCOUNT = {**_NO_LIMITS, "imports": -1, "exports": -1, "wildcards": True, "conn": -1, "leaf": -1}
_CREDS = """\
-----BEGIN NATS USER JWT-----
{token}
------END NATS USER JWT------

************************* IMPORTANT *************************
NKEY Seed printed below can be used to sign and prove identity.

-----BEGIN USER NKEY SEED-----
{seed}
------END USER NKEY SEED------
"""


class Key:
    """Of an operator ("O"), an account ("A") or a user ("U")."""

    def __init__(self, kind: str) -> None:
        nkeys = pytest.importorskip("nkeys")
        prefixes = {
            "O": nkeys.PREFIX_BYTE_OPERATOR,
            "A": nkeys.PREFIX_BYTE_ACCOUNT,
            "U": nkeys.PREFIX_BYTE_USER,
        }
        self.seed: str = nkeys.encode_seed(os.urandom(32), prefixes[kind]).decode()
        self._pair = nkeys.from_seed(bytearray(self.seed.encode()))
        self.name: str = self._pair.public_key.decode()

    def token(self, of: Key, kind: str, ends: float = 0, **more: object) -> str:
        """What it says of another, or of itself, and signs."""
        claims: dict[str, Any] = {"jti": os.urandom(8).hex(), "iat": int(time.time())}
        claims |= {"iss": self.name, "sub": of.name, "name": kind}
        claims |= {"nats": {**more, "type": kind, "version": 2}}
        if ends:
            claims["exp"] = int(ends)
        said = f"{_part({'typ': 'JWT', 'alg': 'ed25519-nkey'})}.{_part(claims)}"
        return f"{said}.{_text(self._pair.sign(said.encode()))}"


class AccountsNats:
    """The server, and who may come to it.

    creds: the path of a user's credentials;  revoke: let nobody in by these any more
    """

    def __init__(self, folder: Path) -> None:
        self._folder, self._users = folder, dict[Path, Key]()
        self._operator, self._account, self._system = Key("O"), Key("A"), Key("A")
        self._signed = self._operator.token(self._operator, "operator")
        self._system_signed = self._by_operator(self._system)
        self._settings = folder / "settings"
        self._write({})
        self.server = NatsWith(folder, "-c", str(self._settings))

    def _by_operator(self, account: Key, **more: object) -> str:
        return self._operator.token(account, "account", 0, limits=_ACCOUNT, **more)

    def _write(self, revoked: Mapping[str, int]) -> None:
        said = [
            f"operator: {self._signed}",
            f"system_account: {self._system.name}",
            "resolver: MEMORY",
            "resolver_preload: {",
            f"{self._account.name}: {self._by_operator(self._account, revocations=revoked)}",
            f"{self._system.name}: {self._system_signed}",
            "}",
        ]
        self._settings.write_text("\n".join(said))

    def creds(self, name: str, ends: float = 0, *, by: Key | None = None) -> str:
        """by: the account that signs it; by default the server's own"""
        path, user = self._folder / f"{name}.creds", Key("U")
        token = (by or self._account).token(user, "user", ends, **_NO_LIMITS, pub={}, sub={})
        path.write_text(_CREDS.format(token=token, seed=user.seed))
        self._users[path] = user
        return str(path)

    def revoke(self, path: str) -> None:
        """Also for who is in: the server reads its settings anew."""
        # What was signed before is no good; it counts in seconds.
        self._write({self._users[Path(path)].name: int(time.time()) + 5})
        self.server.read_anew()


def _part(told: object) -> str:
    return _text(json.dumps(told).encode())


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
