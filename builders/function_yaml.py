"""function.yaml: Nuclio's function configuration as a file, read and written with nothing lost.

What a function's configuration may hold is Nuclio's to say, so nothing is taken out and nothing
unknown is refused.  Texts are always written in quotes: `on`, `3.10` and `1e3` are then the same
for every reader, whichever YAML it knows.  Needs pyyaml to read, nothing to write.
"""

from __future__ import annotations

import base64
import json
import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from .errors import BuildError
from .whole import write_whole

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]*")
# Words that a reader may take for something else than a text.
_SPECIAL = frozenset("y n yes no on off true false null none".split())
# What YAML takes for the end of a line, or not at all, where JSON leaves it as it is.
_ESCAPED = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")


def read(path: Path) -> dict[str, Any]:
    """The configuration in a file.  Raises `BuildError` with file and line."""
    try:
        text = path.read_text()
    except OSError as error:
        raise BuildError(f"{path} cannot be read: {error.strerror}") from None
    return parse(text, str(path))


def parse(text: str, where: str = "function.yaml") -> dict[str, Any]:
    """The same from text.  Raises `BuildError`.

    >>> parse("spec: {handler: 'main:handler', runtime: 'python:3.11'}")["spec"]["handler"]
    'main:handler'
    """
    try:
        import yaml
    except ImportError:
        raise BuildError(
            f"{where}: reading YAML needs pyyaml: pip install 'pelton[yaml]'"
        ) from None
    try:
        found = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise BuildError(f"{where}:{line}: {error.problem}") from None
    except yaml.YAMLError as error:
        raise BuildError(f"{where}: {error}") from None
    return _checked(found, where)


def _checked(found: Any, where: str) -> dict[str, Any]:
    if not isinstance(found, dict):
        raise BuildError(f"{where}: a function's configuration is a mapping, not {found!r:.40}")
    if found.get("kind", "Function") not in ("Function", "NuclioFunction"):
        raise BuildError(f"{where}: kind: {found['kind']!r} is no function of Nuclio")
    for name in ("metadata", "spec"):
        if not isinstance(found.get(name) or {}, dict):
            raise BuildError(f"{where}: {name} must be a mapping, not {found[name]!r:.40}")
    return found


def write(config: Mapping[str, Any], path: Path) -> None:
    """Write a configuration; the same one always gives the same bytes."""
    write_whole(path, text_of(config).encode())


def text_of(config: Mapping[str, Any]) -> str:
    """A configuration as YAML, in the order that it has.

    >>> print(text_of({"spec": {"runtime": "python:3.11", "env": [{"name": "A", "value": "1"}]}}))
    spec:
      runtime: "python:3.11"
      env:
      - name: "A"
        value: "1"
    <BLANKLINE>
    """
    return "".join(f"{line}\n" for line in _lines(config))


def _lines(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping) and value:
        for key, inner in value.items():
            yield from _member(f"{_key(key)}:", inner)
    elif isinstance(value, list | tuple) and value:
        for each in value:
            first, *rest = _lines(each)
            yield f"- {first}"
            yield from (f"  {line}" for line in rest)
    else:
        yield _scalar(value)


def _member(head: str, value: Any) -> Iterator[str]:
    if isinstance(value, Mapping | list | tuple) and value:
        yield head
        space = "" if isinstance(value, list | tuple) else "  "
        yield from (f"{space}{line}" for line in _lines(value))
    else:
        yield f"{head} {_scalar(value)}"


def _key(key: Any) -> str:
    text = str(key)
    if isinstance(key, str) and _PLAIN.fullmatch(text) and text.lower() not in _SPECIAL:
        return text
    return _scalar(key)


def _scalar(value: Any) -> str:
    """JSON's form, but for what only YAML has and what YAML would read otherwise."""
    if hasattr(value, "isoformat"):
        return str(value.isoformat())
    if isinstance(value, bytes):
        return f'!!binary "{base64.b64encode(value).decode()}"'
    if isinstance(value, float):
        return _number(value)
    text = json.dumps(value, ensure_ascii=False)
    return _ESCAPED.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _number(value: float) -> str:
    """A number with a point: without one, 1e16 is a text to most readers.

    >>> _number(1e16), _number(0.5), _number(float("inf"))
    ('1.0e+16', '0.5', '.inf')
    """
    if not math.isfinite(value):
        return {"inf": ".inf", "-inf": "-.inf"}.get(str(value), ".nan")
    whole, e, power = repr(value).partition("e")
    return f"{whole}{'' if '.' in whole else '.0'}{e}{power}"
