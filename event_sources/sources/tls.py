"""TLS as every source has it: what is asked of a server's certificate, and what is shown of ours.

A server's certificate is looked at unless somebody says otherwise: by an authority that is trusted,
and for the name that was asked for.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path

from ..errors import Away, WrongSource


@dataclass(frozen=True)
class Tls:
    """
    ca:             a file of authorities; "" for those that this machine trusts
    cert, cert_key: files of our own certificate and its key, where the server asks for one
    verify:         whether the server's certificate must be by one of `ca`, and for its name
    """

    ca: str = ""
    cert: str = ""
    cert_key: str = ""
    verify: bool = True

    def __bool__(self) -> bool:
        """Whether it names a file: nobody does who does not want TLS."""
        return bool(self.ca or self.cert)

    def context(self) -> ssl.SSLContext:
        """Raises `Away` for files that are not there yet, or are no certificates."""
        self.look()
        made = ssl.create_default_context(cafile=self.ca or None)
        if not self.verify:
            made.check_hostname, made.verify_mode = False, ssl.CERT_NONE
        if self.cert:
            made.load_cert_chain(self.cert, self.cert_key or None)
        return made

    def look(self) -> None:
        """Raises `Away` for a file that cannot be read or is no certificate, by its name."""
        for word in ("ca", "cert", "cert_key"):
            if path := getattr(self, word):
                _look(word, path)
        if self.cert:
            _look_at_own(self.cert, self.cert_key)

    @property
    def key(self) -> str:
        """The file with the key of our own certificate: that one's, where it has both."""
        return self.cert_key or self.cert

    def not_with(self, kind: str, address: str) -> None:
        """Raise `WrongSource` where files are named and the address says that there is no TLS: a
        password would go there in plain, and who named them would not know."""
        if self:
            word = "ca" if self.ca else "cert"
            raise WrongSource(
                f"{kind} has {word}= and an address without TLS, {address!r}: "
                f"write its scheme for TLS, or leave {word}= away"
            )


def _look(word: str, path: str) -> None:
    text = read(word, path)
    if word == "ca":
        try:
            ssl.create_default_context(cadata=text.decode("ascii"))
        except (ssl.SSLError, ValueError):
            raise Away(f"{word}={path!r} is no file of certificates in PEM") from None


def _look_at_own(cert: str, key: str) -> None:
    """Our own certificate, and its key: which is not asked for at a terminal that nobody sees."""
    asked = False

    def password() -> str:
        nonlocal asked
        asked = True
        return ""

    where = f"cert_key={key!r}" if key else f"cert={cert!r}"
    try:
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        made.load_cert_chain(cert, key or None, password)
    except ssl.SSLError as error:
        if asked:
            said = f"{where} has a key that is locked by a password: give it unlocked"
        elif error.reason == "KEY_VALUES_MISMATCH":
            said = f"{where} holds another key than that of cert={cert!r}"
        else:
            both = f"cert={cert!r} with cert_key={key!r}" if key else f"{where} without cert_key="
            said = f"{both} holds no certificate with its key in PEM"
        raise Away(said) from None


def read(word: str, path: str) -> bytes:
    """A file that a setting names; raises `Away` with both where it is not there yet."""
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise Away(f"{word}={path!r} cannot be read: {error.strerror}") from None
