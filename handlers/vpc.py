"""In which network of one's own a Lambda function is.  Loaded only where a function is in one."""

from __future__ import annotations

from collections.abc import Sequence

from .errors import WrongUse
from .platforms import Platform

# Source: Lambda's API reference, VpcConfig.
MOST = {"subnets": 16, "security_groups": 5}
_BEGIN = {"subnets": "subnet-", "security_groups": "sg-"}


class Vpc(Platform):
    """The subnets and security groups that a function's calls go out from, by their ids.

    A function in a VPC reaches the internet, AWS's services among it, only through a NAT gateway or
    endpoints of that VPC.  What it is called by does not change.

    >>> Vpc(subnets=["subnet-0a1b2c3d"], security_groups=["sg-0a1b2c3d"]).subnets
    ('subnet-0a1b2c3d',)
    >>> Vpc(subnets=["subnet-0a1b2c3d"], security_groups=[])  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    pelton.handlers.errors.WrongUse: ...:1: Vpc(security_groups=[]) names none; AWS wants ...
    """

    subnets: Sequence[str]
    security_groups: Sequence[str]

    def __post_init__(self) -> None:
        for name in MOST:
            self.__dict__[name] = _ids(name, getattr(self, name))


def _ids(name: str, given: object) -> tuple[str, ...]:
    """The ids in one order: which comes first says nothing."""
    if not isinstance(given, list | tuple):
        raise WrongUse(f"Vpc({name}={given!r}) is no list", advice="give a list of ids")
    if not given:
        raise WrongUse(
            f"Vpc({name}={given!r}) names none",
            advice="AWS wants at least one subnet and one security group, by their ids",
        )
    for each in given:
        if not (isinstance(each, str) and _is_id(each, _BEGIN[name])):
            raise WrongUse(
                f"Vpc({name}=...): {each!r} is no id",
                advice=f"one begins with {_BEGIN[name]!r}, as EC2 lists it",
            )
    found = tuple(sorted(set(given)))
    if len(found) > MOST[name]:
        raise WrongUse(f"Vpc({name}=...) has {len(found)}, and Lambda takes {MOST[name]}")
    return found


def _is_id(text: str, begin: str) -> bool:
    rest = text.removeprefix(begin)
    return text.startswith(begin) and rest.isalnum() and rest.isascii() and rest == rest.lower()
