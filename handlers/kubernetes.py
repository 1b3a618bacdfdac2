"""What a pod of Kubernetes may be given: quantities, limits and tolerations, checked.

Imported by a declaration only when it says one of them, so that others do not pay for it.
Source: Kubernetes' resource model (quantities) and the Toleration type of its core API.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from .checks import texts
from .errors import WrongUse

_QUANTITY = re.compile(r"(\d+(?:\.\d+)?|\.\d+)(m|k|[KMGTPE]i?|)")
_UNITS = {"": 1.0, "m": 1e-3, "k": 1e3} | {
    letter + suffix: float(base ** (power + 1))
    for power, letter in enumerate("KMGTPE")
    for suffix, base in (("", 1000), ("i", 1024))
    if letter + suffix != "K"
}
_TOLERATION = ("key", "operator", "value", "effect", "tolerationSeconds")
_WORDS = {
    "operator": ("Exists", "Equal"),
    "effect": ("NoSchedule", "PreferNoSchedule", "NoExecute"),
}


def quantity(name: str, value: object) -> float:
    """A quantity in its base unit.

    >>> quantity("cpu", "250m"), quantity("memory", "1Ki"), quantity("cpu", 2)
    (0.25, 1024.0, 2.0)
    >>> quantity("memory", "1 GB")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    pelton.handlers.errors.WrongUse: memory='1 GB' is no quantity; write one as Kubernetes does: ...
    """
    matched = _QUANTITY.fullmatch(str(value)) if isinstance(value, str | int | float) else None
    if matched is None or isinstance(value, bool) or matched[2] not in _UNITS:
        raise WrongUse(
            f"{name}={value!r} is no quantity",
            advice='write one as Kubernetes does: "500m", "2", "512Mi", "1.5Gi"',
        )
    return float(matched[1]) * _UNITS[matched[2]]


def check_resources(requests: object, limits: object) -> None:
    """Each is a quantity, and no request is over its limit."""
    for name, given in (("requests", requests), ("limits", limits)):
        texts(f"Nuclio {name}", given)
    assert isinstance(requests, Mapping)
    assert isinstance(limits, Mapping)
    most = {name: quantity(f"Nuclio limits[{name!r}]", each) for name, each in limits.items()}
    for name, each in requests.items():
        if quantity(f"Nuclio requests[{name!r}]", each) > most.get(name, float("inf")):
            raise WrongUse(
                f"Nuclio(requests={{{name!r}: {each!r}}}) asks for more than its limit "
                f"{limits[name]!r}",
                advice="raise the limit, or ask for less",
            )


def check_tolerations(given: object) -> None:
    """Mappings with a toleration's own members.

    >>> check_tolerations([{"key": "gpu", "operator": "Exists", "effect": "NoSchedule"}])
    """
    if not isinstance(given, list | tuple):
        raise WrongUse(
            f"Nuclio tolerations={given!r} is no list",
            advice='write [{"key": "gpu", "operator": "Exists", "effect": "NoSchedule"}]',
        )
    for each in given:
        _check_toleration(each)


def _check_toleration(each: object) -> None:
    if not isinstance(each, Mapping):
        raise WrongUse(f"Nuclio toleration {each!r} is no mapping")
    for name, value in each.items():
        if name not in _TOLERATION:
            raise WrongUse(
                f"Nuclio toleration {each!r} has {name!r}",
                advice=f"its members are {', '.join(_TOLERATION)}",
            )
        if value not in _WORDS.get(name, (value,)):
            raise WrongUse(
                f"Nuclio toleration {name}={value!r} is unknown",
                advice=f"use one of {', '.join(_WORDS[name])}",
            )
    if each.get("operator") == "Exists" and each.get("value"):
        raise WrongUse(f"Nuclio toleration {each!r} exists and has a value", advice="leave it out")
