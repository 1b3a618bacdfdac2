"""Function names as callers write them, and the ARNs that answer them.

A name, name:qualifier, a partial ARN or a full one all mean one function of one account in
one region; anything of another region is refused as AWS refuses it.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import lru_cache

from .errors import AwsError, denied, invalid, not_found
from .validation import failed

LATEST = "$LATEST"

_PARTS = re.compile(
    r"(?:arn:aws[a-zA-Z-]*:lambda:)?(?:(?P<region>[a-z]{2}(?:-[a-z]+)+-\d):)?"
    r"(?:(?P<account>\d{12}):)?(?:function:)?(?P<name>[a-zA-Z0-9_.-]+)(?::(?P<qualifier>[^:]+))?"
)
_LONGEST = 64


@dataclass(frozen=True, slots=True)
class Place:
    """Where the emulator stands: the account and region of everything in it."""

    region: str = "us-east-1"
    account: str = "000000000000"

    def function_arn(self, name: str, qualifier: str = "") -> str:
        """
        >>> Place().function_arn("f", "live")
        'arn:aws:lambda:us-east-1:000000000000:function:f:live'
        """
        arn = f"arn:aws:lambda:{self.region}:{self.account}:function:{name}"
        return f"{arn}:{qualifier}" if qualifier else arn

    def layer_arn(self, name: str, version: int | None = None) -> str:
        arn = f"arn:aws:lambda:{self.region}:{self.account}:layer:{name}"
        return arn if version is None else f"{arn}:{version}"

    def mapping_arn(self, uuid: str) -> str:
        return f"arn:aws:lambda:{self.region}:{self.account}:event-source-mapping:{uuid}"


def runtime_arn(region: str, runtime: str) -> str:
    """The ARN of a runtime's version; there is one version of each here."""
    digest = hashlib.sha256(runtime.encode()).hexdigest()
    return f"arn:aws:lambda:{region}::runtime:{digest}"


@dataclass(frozen=True, slots=True)
class Reference:
    """A function as a request names it; `qualifier` is "" when none was given."""

    name: str
    qualifier: str = ""


@lru_cache(4096)
def refer(place: Place, text: str, qualifier: str | None = None) -> Reference:
    """What `text` and a separate `qualifier` name together.

    Raises ResourceNotFoundException for another region, AccessDeniedException for another account,
    and InvalidParameterValueException when the two disagree or the name is too long.

    >>> refer(Place(), "arn:aws:lambda:us-east-1:000000000000:function:f:live")
    Reference(name='f', qualifier='live')
    >>> refer(Place(), "f", "3")
    Reference(name='f', qualifier='3')
    """
    found = _PARTS.fullmatch(text)
    if found is None:
        raise not_found(f"Function not found: {text}")
    _same_place(place, found["region"], found["account"])
    if len(found["name"]) > _LONGEST:
        raise _too_long(found["name"])
    if qualifier and found["qualifier"] and qualifier != found["qualifier"]:
        raise invalid(
            "The derived qualifier from the function name does not match the specified qualifier."
        )
    return Reference(found["name"], qualifier or found["qualifier"] or "")


def unqualified(place: Place, text: str) -> str:
    """The function's name; raises InvalidParameterValueException when a qualifier came with it."""
    found = refer(place, text)
    if found.qualifier:
        raise invalid(
            "This operation is permitted on Lambda functions only. Aliases and versions do not "
            "support this operation. Please specify either a function name or an unqualified "
            "function ARN."
        )
    return found.name


def _same_place(place: Place, region: str | None, account: str | None) -> None:
    if region and region != place.region:
        raise not_found(
            f"Functions from '{region}' are not reachable in this region ('{place.region}')"
        )
    if account and account != place.account:
        raise denied()


def _too_long(name: str) -> AwsError:
    told = failed(
        [(f"'{name}'", "functionName", "Member must have length less than or equal to 64")]
    )
    return invalid(told.message or "")
