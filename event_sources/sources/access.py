"""How a source comes to its broker: who we are to it, and what TLS is to look at; said beside the
address, by words that sources share.

A constructor takes them as `**access: Unpack[AccessWords]` and makes `Access(**access)` of them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypedDict

from .tls import Tls


class AccessWords(TypedDict, total=False):
    """The words of `Access`."""

    user: str
    password: str
    ca: str
    cert: str
    cert_key: str


class LooseWords(AccessWords, total=False):
    """The words of `LooseAccess`."""

    verify: bool


@dataclass(frozen=True)
class Access:
    """
    user, password: where the address does not say them
    ca:             a file of authorities; "" for those that this machine trusts
    cert, cert_key: files of our own certificate and its key, where the server asks for one

    >>> Access(user="ann", password="hidden", ca="ca.pem")
    Access(user='ann', ca='ca.pem', cert='', cert_key='')
    """

    user: str = ""
    password: str = field(default="", repr=False)
    ca: str = ""
    cert: str = ""
    cert_key: str = ""

    @property
    def files(self) -> Tls:
        """What TLS is to look at."""
        return Tls(self.ca, self.cert, self.cert_key)


@dataclass(frozen=True)
class LooseAccess(Access):
    """
    verify: whether the server's certificate must be by an authority that is believed, and for the
            server's name
    """

    verify: bool = True

    @property
    def files(self) -> Tls:
        return Tls(self.ca, self.cert, self.cert_key, self.verify)
