"""An authority of our own, and a server's certificate by it, for 127.0.0.1."""

from __future__ import annotations

import datetime
import ipaddress
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass(frozen=True)
class Own:
    """Paths of a certificate, and of its key, which only we may read (libpq looks)."""

    certificate: Path
    key: Path


@dataclass(frozen=True)
class Certificates:
    """Paths of PEM files."""

    authority: Path
    certificate: Path
    key: Path

    def client(self, name: str, days: float = 1) -> Own:
        """One by the authority, for who comes to the server.  days: until it ends, or has ended"""
        folder = self.authority.parent
        found = Own(folder / f"{name}.pem", folder / f"{name}.key")
        by = serialization.load_pem_private_key((folder / "ca.key").read_bytes(), None)
        assert isinstance(by, ec.EllipticCurvePrivateKey)
        _make(name, found, by, days)
        return found


def certificates(folder: Path) -> Certificates:
    """Made anew, for a day."""
    folder.mkdir(exist_ok=True)
    authority = _make("authority", Own(folder / "ca.pem", folder / "ca.key"))
    own = Own(folder / "server.pem", folder / "server.key")
    _make("server", own, authority)
    return Certificates(folder / "ca.pem", own.certificate, own.key)


def _make(
    name: str, to: Own, by: ec.EllipticCurvePrivateKey | None = None, days: float = 1
) -> ec.EllipticCurvePrivateKey:
    """by: whose key signs it; None for its own"""
    key = ec.generate_private_key(ec.SECP256R1())
    to.certificate.write_bytes(_signed(name, key, by or key, days))
    to.key.touch(0o600)
    to.key.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return key


def _signed(
    name: str, key: ec.EllipticCurvePrivateKey, by: ec.EllipticCurvePrivateKey, days: float
) -> bytes:
    now = datetime.datetime.now(datetime.UTC)
    host = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder()
        .subject_name(_named(name))
        .issuer_name(_named("authority"))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=10))
        .not_valid_after(now + datetime.timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=key is by, path_length=None), critical=True)
        .add_extension(host, critical=False)
        .sign(by, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM)


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
