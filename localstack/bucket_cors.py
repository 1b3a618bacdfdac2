"""Web pages and S3: a bucket's own CORS configuration says which may reach its objects.

On AWS a bucket answers every page and the browser keeps the answer from it; here a page that no
rule of the bucket lets in is refused before anything is done, as everywhere on this port.  Sources:
S3's pages on CORS (how rules are matched) and on its error answers.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING
from urllib.parse import unquote

from .messages import Handler, Request, Response

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_DATED = re.compile(r"/20\d\d-\d\d-\d\d/")
_VIRTUAL = re.compile(r"(.+)\.s3(?:[.-][a-z0-9-]+)?\.(?:localhost|amazonaws\.com)(?::\d+)?")
_PLAIN = frozenset({"GET", "HEAD", "PUT", "DELETE", "OPTIONS"})
_REFUSED = (
    "CORSResponse: This CORS request is not allowed. This is usually because the evalution of "
    "Origin, request method / Access-Control-Request-Method or Access-Control-Request-Headers are "
    "not whitelisted by the resource's CORS spec."
)

Document = Callable[[str], Awaitable[bytes]]


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of a bucket's CORS configuration."""

    origins: tuple[str, ...]
    methods: tuple[str, ...]
    headers: tuple[str, ...]
    exposed: tuple[str, ...]
    seconds: str


def bucket_of(request: Request, service: str) -> str:
    """The bucket of a request that S3 alone will answer; "" for any other.

    service: the one that the request is signed for, "" for none

    >>> bucket_of(Request("PUT", "/photos/a.png?X-Amz-Signature=0"), "s3")
    'photos'
    >>> bucket_of(Request("POST", "/photos", {}), ""), bucket_of(Request("GET", "/"), "s3")
    ('', '')
    """
    path, headers = request.path, request.headers
    if service not in ("", "s3") or "x-amz-target" in headers:
        return ""
    if not service and not _is_plain(request):
        return ""
    if path.startswith("/_") or _DATED.match(path):  # the emulator's own pages, or Lambda's
        return ""
    host = headers.get("host", "")
    virtual = _VIRTUAL.fullmatch(host)
    if virtual:
        return virtual[1]
    return unquote(path.lstrip("/").partition("/")[0])


def _is_plain(request: Request) -> bool:
    """Whether an unsigned request cannot be a call of a query service: by its method, or as the
    form that browsers upload objects with."""
    if request.method == "POST":
        return request.headers.get("content-type", "").startswith("multipart/form-data")
    return request.method in _PLAIN and "Action=" not in request.query


class BucketCors:
    """Answers pages in place of `services`, by the rules of the bucket.

    document: the CORS configuration of a bucket as S3 tells it, b"" for none
    """

    def __init__(self, services: Handler, document: Document) -> None:
        self._services, self._document = services, document

    async def answer(self, request: Request, bucket: str) -> Response:
        """The answer to a page of another origin."""
        headers = request.headers
        rules = rules_of(await self._document(bucket))
        if request.method == "OPTIONS" and "access-control-request-method" in headers:
            wanted = headers.get("access-control-request-headers", "")
            names = [each.strip() for each in wanted.split(",") if each.strip()]
            method = headers["access-control-request-method"]
            rule = matching(rules, headers["origin"], method, names)
            if rule is None:
                return _forbidden()
            return Response(200, [*_told(rule, headers["origin"]), *_allowed(rule, wanted)])
        rule = matching(rules, headers["origin"], request.method, [])
        if rule is None:
            return _forbidden()
        response = await self._services(request)
        kept = [each for each in response.headers if not each[0].lower().startswith("access-c")]
        response.headers = [*kept, *_told(rule, headers["origin"])]
        return response


def rules_of(document: bytes) -> list[Rule]:
    """The rules of a CORS configuration.

    >>> rule = b"<CORSRule><AllowedOrigin>*</AllowedOrigin><AllowedMethod>GET</AllowedMethod>"
    >>> rules_of(b"<CORSConfiguration>" + rule + b"</CORSRule></CORSConfiguration>")[0].methods
    ('GET',)
    """
    from xml.etree import ElementTree

    try:
        root = ElementTree.fromstring(document)
    except ElementTree.ParseError:
        return []
    return [_rule(each) for each in root if each.tag.rpartition("}")[2] == "CORSRule"]


def _rule(element: Element) -> Rule:
    def texts(name: str) -> tuple[str, ...]:
        return tuple(each.text or "" for each in element if each.tag.rpartition("}")[2] == name)

    return Rule(
        texts("AllowedOrigin"),
        texts("AllowedMethod"),
        texts("AllowedHeader"),
        texts("ExposeHeader"),
        "".join(texts("MaxAgeSeconds")),
    )


def matching(rules: list[Rule], origin: str, method: str, names: list[str]) -> Rule | None:
    """The first rule that lets the request in; an asterisk stands for any text."""
    for rule in rules:
        if method in rule.methods and _fits(rule.origins, origin):
            lower = tuple(each.lower() for each in rule.headers)
            if all(_fits(lower, name.lower()) for name in names):
                return rule
    return None


def _fits(patterns: tuple[str, ...], value: str) -> bool:
    escaped = (each.replace("[", "[[]").replace("?", "[?]") for each in patterns)
    return any(fnmatchcase(value, each) for each in escaped)


def _told(rule: Rule, origin: str) -> list[tuple[str, str]]:
    told = [("Access-Control-Allow-Origin", "*" if "*" in rule.origins else origin)]
    if "*" not in rule.origins:
        told.append(("Access-Control-Allow-Credentials", "true"))
    told.append(("Access-Control-Allow-Methods", ", ".join(rule.methods)))
    if rule.exposed:
        told.append(("Access-Control-Expose-Headers", ", ".join(rule.exposed)))
    vary = "Origin, Access-Control-Request-Headers, Access-Control-Request-Method"
    return [*told, ("Vary", vary)]


def _allowed(rule: Rule, wanted: str) -> list[tuple[str, str]]:
    told = [("Access-Control-Allow-Headers", wanted.lower())] if wanted else []
    return [*told, ("Access-Control-Max-Age", rule.seconds)] if rule.seconds else told


def _forbidden() -> Response:
    body = f"<Error><Code>AccessForbidden</Code><Message>{_REFUSED}</Message></Error>"
    return Response(403, [("Content-Type", "application/xml")], body.encode())
