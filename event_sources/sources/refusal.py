"""Why a server refuses us, in words that say what to do, for every source: a table of what client
libraries say, each in its own way.  It knows texts, and no library.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Reason:
    """
    theirs: how client libraries say it
    ours:   what is the case, and what to do
    tls:    only where TLS is asked for, or where it is not; None for both
    early:  only before it has let us in: later it is a server that goes away
    """

    theirs: str
    ours: str
    tls: bool | None = None
    early: bool = False


_MOST = 300  # characters of a library's words: some quote all that they were sent
# What differs from time to time, though nothing has changed.
_CHANGES = re.compile(r" at 0x[0-9a-f]+| \(after \d+ms in state \w+\)")

# The first one that fits is said.
REASONS = (
    Reason(
        r"ostname mismatch|IP address mismatch|does not match host name",
        "its certificate is for another name: connect by a name that it has",
    ),
    Reason(
        r"certificate has expired|certificate is not yet valid",
        "its certificate is not valid now: it is to be renewed, or a clock is wrong",
    ),
    # librdkafka does not say which of the two it is.
    Reason(
        r"broker certificate could not be verified",
        "its certificate is by nobody who is trusted here, or for another name: give the file of "
        "its authority as ca=, and connect by a name that it has",
    ),
    Reason(
        r"(?i)certificate.verify.failed|root certificate file",
        "its certificate is by nobody who is trusted here: give the file of its authority as ca=",
    ),
    Reason(
        r"AuthenticationError|WRONGPASS|NOAUTH|uthorization Violation|AuthorizationError"
        r"|[Nn]ot authorized|Bad user ?name or password|ACCESS_REFUSED - Login"
        r"|password authentication failed|no password supplied|Invalid username or password"
        r"|invalid credentials|^refused with 401",
        "it does not take this user and password, or key: look at what is given, and how",
    ),
    Reason(
        r"User Authentication (Expired|Revoked)",
        "it lets us in no longer: what we came with has ended, or was revoked; get new credentials",
    ),
    # What a server says of our certificate comes after its own was found good: an alert of TLS.
    Reason(
        r"(?i)certificate.required|requires a valid client certificate",
        "it wants a certificate of ours: give its file as cert=, and that of its key as cert_key=",
    ),
    Reason(
        r"alert certificate expired",
        "our certificate has ended: give the file of a new one as cert=",
    ),
    Reason(
        r"alert (decrypt error|unknown ca|bad certificate|unsupported certificate|access denied"
        r"|certificate unknown|certificate revoked)",
        "it does not believe our certificate, or we gave none: give one as cert= by an authority "
        "that it trusts, and that has not ended",
    ),
    Reason(
        r"alert handshake failure",
        "it wants a certificate of ours (cert=, cert_key=), or a TLS that is not spoken here",
    ),
    Reason(
        r"WRONG_VERSION_NUMBER|RECORD_LAYER|does not support SSL|speaks no TLS|imeout connecting"
        r"|invalid HTTP",
        "TLS is asked for, and it does not speak it at this port: take its port for TLS, or an "
        "address without TLS",
        tls=True,
        early=True,
    ),
    # Its alert may be lost with the connection.
    Reason(
        r"SSL connection closed by peer|(?i:unexpected.eof|broken pipe)|reset by peer"
        r"|onnection closed by server|connection is gone|ConnectionResetError"
        r"|did not receive a valid HTTP response",
        "TLS is asked for, and it ended the connection at once: it does not speak it at this port, "
        "or wants a certificate of ours, or another one: take its port for TLS, an address without "
        "TLS, or another cert=",
        tls=True,
        early=True,
    ),
    Reason(
        r"no encryption|TLS is required|secure connection.*required",
        "it lets us in by TLS only: ask for TLS",
        tls=False,
    ),
    Reason(
        r"no pg_hba.conf entry",
        "it lets nobody of that name in from here: look at the user, and at its pg_hba.conf",
    ),
    Reason(
        r"mechanism handshake failed|supported mechanisms",
        "it knows no users at this port, or not by this mechanism=: take another port or mechanism",
    ),
    Reason(
        r"brokers are down",
        "it ended the connection at once: if it wants to know who we are, or speaks TLS at this "
        "port, say so",
        early=True,
    ),
    Reason(
        r"reset by peer|connection is gone$|valid HTTP response|invalid HTTP",
        "it ended the connection at once: if it speaks TLS at this port, ask for TLS",
        tls=False,
        early=True,
    ),
    Reason(
        r"got <Connection\.Close",  # aiormq keeps the broker's words to itself
        "it has no such virtual host, or not for this user: look at the address behind its last /",
    ),
    Reason(
        r"NOT_FOUND - no queue",
        'declare it, or have it made by make="quorum" or make="classic"',
    ),
    Reason(
        r"reply_text='NO_ROUTE'",
        "no queue there takes it: declare the queue, or name another",
    ),
    Reason(
        r"InvalidResponse|Protocol Error",
        "it does not speak as such a server does: look at the port, and at what listens there",
    ),
    Reason(
        r"^(TimeoutError|connection timeout expired)$",
        "it does not answer in time: look at host and port, and at what listens there",
        early=True,
    ),
    Reason(
        r"No module named 'nkeys'",
        "credentials= and nkey= need the package nkeys: pip install nkeys",
    ),
    Reason(
        r"NotFoundError: nats: NotFoundError: code=None",
        "no stream takes this subject: make one, or look at the subject",
    ),
)


def why(error: BaseException | str, *, tls: bool, early: bool = False) -> str:
    """The library's words; where we know what they mean, behind ours.

    tls:   whether TLS is asked for
    early: whether the server has not let us in yet

    >>> why("FATAL: password authentication failed", tls=True).partition(" (")[0]
    'it does not take this user and password, or key: look at what is given, and how'
    >>> why(OSError("no route"), tls=False)
    'OSError: no route'
    >>> why("got <Connection.Close object at 0x7f6564370b90>", tls=False).partition(" (")[2]
    'got <Connection.Close object>)'
    """
    theirs = error if isinstance(error, str) else f"{type(error).__name__}: {error}".rstrip(": ")
    said = _CHANGES.sub("", " ".join(theirs.split()))
    if len(said) > _MOST:
        said = f"{said[:_MOST]}…"
    found = next((each for each in REASONS if _fits(each, said, tls, early)), None)
    return f"{found.ours} ({said})" if found else said


def _fits(reason: Reason, said: str, tls: bool, early: bool) -> bool:
    asked = reason.tls in (None, tls) and (early or not reason.early)
    return asked and re.search(reason.theirs, said) is not None
