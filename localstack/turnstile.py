"""Lets signed calls pass, where signatures are checked at all (`--verify-signatures`).

It knows which requests need no signature (AWS's own exceptions, and what authorises by itself),
and learns the credentials that IAM and STS hand out from their answers as they pass.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime

from .messages import Handler, Request, Response
from .signatures.check import Credential, Signatures
from .signatures.read import Unsigned
from .signatures.words import refusal

# Operations that AWS takes unsigned (authtype "none" in botocore's models).
_COGNITO = "AWSCognitoIdentityProviderService."
_SIGNED_COGNITO = re.compile(
    r"Admin|Create|List(?!Devices|WebAuthn)|Describe|GetUserPool|GetGroup|GetCSV|GetIdentity|"
    r"GetSigning|GetUI|GetLog|Set(?!UserM|UserS)|StartUser|StopUser|Tag|Untag|AddCustom|"
    r"Delete(?!User$|UserAttributes|WebAuthn)|Update(?!AuthEvent|DeviceS|UserAttributes)"
)
_UNSIGNED_IDENTITY = frozenset(
    f"AWSCognitoIdentityService.{name}"
    for name in ("GetCredentialsForIdentity", "GetId", "GetOpenIdToken", "UnlinkIdentity")
)
_UNSIGNED_STS = re.compile(rb"(?:^|&)Action=AssumeRoleWith(?:SAML|WebIdentity)(?:&|$)")
_OPEN_PATHS = re.compile(
    r"/_pelton/.*|/oauth2/(token|authorize|userInfo|revoke)|/login|/logout|"
    r"(/[a-z0-9-]+_[A-Za-z0-9]+)?/\.well-known/[a-z-]+(\.json)?"
)
_TAGS = re.compile(rb"<(AccessKeyId|SecretAccessKey|SessionToken|Expiration)>([^<]*)</")
_REMOVED = re.compile(rb"(?:^|&)Action=DeleteAccessKey(?:&|$)")
_REMOVED_KEY = re.compile(rb"(?:^|&)AccessKeyId=([^&]*)")


class Turnstile:
    """A handler before another.

    free: whether a request is for something that authorises by itself
    """

    def __init__(
        self, signatures: Signatures, handler: Handler, free: Callable[[Request], bool]
    ) -> None:
        self._signatures, self._handler, self._free = signatures, handler, free

    async def __call__(self, request: Request) -> Response:
        if request.cut or self._free(request) or needs_none(request):
            return await self._handler(request)
        try:
            self._signatures.caller(request)
        except Unsigned as error:
            return refusal(request, error)
        response = await self._handler(request)
        self._learn(request, response)
        return response

    def _learn(self, request: Request, response: Response) -> None:
        """Credentials that were just handed out are known, those taken back are not."""
        if response.status != 200:
            return
        if b"<SecretAccessKey>" in response.body:
            found = {name.decode(): text.decode() for name, text in _TAGS.findall(response.body)}
            self._signatures.add(_credential(found))
        elif _REMOVED.search(request.body) and (key := _REMOVED_KEY.search(request.body)):
            self._signatures.forget(key[1].decode("latin-1"))


def needs_none(request: Request) -> bool:
    """Whether AWS itself takes this request without a signature.

    >>> form = {"content-type": "application/x-www-form-urlencoded"}
    >>> needs_none(Request("POST", "/", form, b"Action=AssumeRoleWithWebIdentity&RoleArn=x"))
    True
    >>> needs_none(Request("POST", "/", {"x-amz-target": f"{_COGNITO}InitiateAuth"}))
    True
    >>> needs_none(Request("POST", "/", {"x-amz-target": f"{_COGNITO}AdminCreateUser"}))
    False
    """
    if request.method == "OPTIONS" and "access-control-request-method" in request.headers:
        return True  # a browser asks, and cannot sign that
    target, path = request.headers.get("x-amz-target", ""), request.path
    if path != "/":
        return not target and _OPEN_PATHS.fullmatch(path) is not None
    if target.startswith(_COGNITO):
        return _SIGNED_COGNITO.match(target.removeprefix(_COGNITO)) is None
    if target:
        return target in _UNSIGNED_IDENTITY
    form = request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
    return form and _UNSIGNED_STS.search(request.body) is not None


def _credential(found: dict[str, str]) -> Credential:
    expires = float("inf")
    if found.get("Expiration"):
        expires = datetime.fromisoformat(found["Expiration"]).timestamp()
    token = found.get("SessionToken", "").replace("&#x2B;", "+")
    return Credential(found["AccessKeyId"], found["SecretAccessKey"], token, expires)
