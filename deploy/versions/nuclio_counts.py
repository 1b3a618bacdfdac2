"""What Nuclio's processors count of two versions behind an API gateway.

Source: Nuclio's public metric sinks.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from ..targets.nuclio import Nuclio
from .facts import Facts

_COUNTED = re.compile(r"^(nuclio_processor_handled_events\w+)\{([^}]*)\} (\S+)$", re.M)
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


def processors(nuclio: Nuclio, names: tuple[str, ...], page: str) -> dict[str, dict[str, float]]:
    """Successes, failures and the sum of times (ms) of requests, by function."""
    text = nuclio.call("GET", page, "the processors' counts").text
    found: dict[str, dict[str, float]] = {name: {} for name in names}
    for metric, inside, value in _COUNTED.findall(text):
        labels = dict(_LABEL.findall(inside))
        name = labels.get("function", "")
        if name in found and labels.get("trigger_kind") == "http":
            key = labels.get("result") or metric.rpartition("_")[2]
            found[name][key] = found[name].get(key, 0.0) + float(value)
    return found


def since(counted: Mapping[str, float], before: Mapping[str, float]) -> Mapping[str, float]:
    """What is to be taken off: nothing where counting began anew.

    >>> since({"success": 9}, {"success": 4}), since({"success": 2}, {"success": 4})
    ({'success': 4}, {})
    """
    anew = any(counted.get(key, 0.0) < value for key, value in before.items())
    return {} if anew else before


def facts_of(version: str, counted: Mapping[str, float], before: Mapping[str, float]) -> Facts:
    """
    >>> facts_of("4", {"success": 9, "failure": 3, "sum": 60}, {"success": 2}).document()
    {'version': '4', 'requests': 10.0, 'errors': 0.3, 'mean': 6.0}
    """
    more = {key: value - before.get(key, 0.0) for key, value in counted.items()}
    failed = more.get("failure", 0.0)
    requests = more.get("success", 0.0) + failed
    if not requests:
        return Facts(version)
    return Facts(version, requests, failed / requests, mean=more.get("sum", 0.0) / requests)
