"""JSON from callers, and what is wrong with it in the words of Lambda's own parser (Jackson).

Python finds the fault, this says it as AWS does.  The sentences for a wrong first byte and for
broken UTF-8 were recorded; the others are those of Jackson's documented parser for the same fault
(https://github.com/FasterXML/jackson-core).  It knows nothing of what the JSON is for.
"""

from __future__ import annotations

import json
import re
from typing import Any, NoReturn

from .errors import AwsError

_VALUES = "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')"
_DEEPEST = 1000  # Jackson's own limit of arrays and objects in one another
# What opens and closes them; a string, also one without an end, is one match.
_BRACKETS = re.compile(rb'[][{}]|"(?:[^"\\]|\\.)*(?:"|\Z)', re.DOTALL)
_WORD = re.compile(r"[A-Za-z_$][\w$]*")
_WANTED = {
    "Expecting property name enclosed in double quotes": (
        "was expecting double-quote to start field name"
    ),
    "Expecting ':' delimiter": "was expecting a colon to separate field name and value",
    "Expecting ',' delimiter": "was expecting comma to separate entries",
    "Illegal trailing comma before end of object": "was expecting double-quote to start field name",
    "Illegal trailing comma before end of array": f"expected a valid value {_VALUES}",
}


def parsed(body: bytes, prefix: str = "Could not parse request body into json: ") -> Any:
    """The value that `body` is the JSON of.

    Raises InvalidRequestContentException (400), its sentence after `prefix`.

    >>> parsed(b'[1, 2]')
    [1, 2]
    >>> try:
    ...     parsed(b'{"a": nothing}', "")
    ... except AwsError as error:
    ...     print(error.message.partition(":")[0])
    Unrecognized token 'nothing'
    """
    try:
        if _is_deep(body):
            raise RecursionError
        return json.loads(body, parse_constant=_no_number)
    except UnicodeDecodeError as error:
        said = _undecodable(body, error)
    except json.JSONDecodeError as error:
        said = _misplaced(error)
    except RecursionError:
        said = (
            f"Document nesting depth ({_DEEPEST + 1}) exceeds the maximum allowed ({_DEEPEST}, "
            "from `StreamReadConstraints.getMaxNestingDepth()`)"
        )
    except ValueError as error:  # a number of more digits than anyone reads
        said = f"Number value length exceeds the maximum allowed: {error}"
    raise AwsError("InvalidRequestContentException", f"{prefix}{said}", 400)


def _no_number(name: str) -> NoReturn:
    raise json.JSONDecodeError(f"Non-standard token '{name}'", name, 0)


def _undecodable(body: bytes, error: UnicodeDecodeError) -> str:
    byte = body[error.start]
    before = body[: error.start].decode(error.encoding, "replace")
    where = _source(before + "?", len(before) + 1)
    if _in_string(before):
        if error.reason == "invalid start byte":
            return f"Invalid UTF-8 start byte 0x{byte:x}{where}"
        broken = body[min(error.start + 1, len(body) - 1)]
        return f"Invalid UTF-8 middle byte 0x{broken:x}{where}"
    return f"Unexpected character ({_named(chr(byte))}): expected a valid value {_VALUES}{where}"


def _in_string(text: str) -> bool:
    """Whether what comes after `text` is inside of a string."""
    return len(re.findall(r'"', re.sub(r"\\.", "", text, flags=re.DOTALL))) % 2 == 1


def _misplaced(error: json.JSONDecodeError) -> str:
    text, at = error.doc, error.pos
    where = _source(text, at + 1)
    if error.msg.startswith("Non-standard token"):
        return f"{error.msg}: enable `JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS` to allow"
    if error.msg.startswith("Unterminated string"):
        return f"Unexpected end-of-input: was expecting closing quote for a string value{where}"
    if at >= len(text):
        return f"Unexpected end-of-input{where}"
    if error.msg.startswith("Invalid control character"):
        return (
            f"Illegal unquoted character ({_named(text[at])}): has to be escaped using backslash "
            f"to be included in string value{where}"
        )
    if error.msg.startswith("Invalid \\"):
        escaped = text[at + 1 : at + 2] or "\\"
        return f"Unrecognized character escape {_named(escaped)}{where}"
    word = _WORD.match(text, at)
    if error.msg == "Expecting value" and word:
        found = word[0][:256]
        return (
            f"Unrecognized token '{found}': was expecting {_VALUES}{_source(text, at + len(found))}"
        )
    wanted = _WANTED.get(error.msg, f"expected a valid value {_VALUES}")
    return f"Unexpected character ({_named(text[at])}): {wanted}{where}"


def _named(character: str) -> str:
    """A character as Jackson names it.

    >>> _named("x"), _named(chr(153))
    ("'x' (code 120)", '(CTRL-CHAR, code 153)')
    """
    code = ord(character)
    if code < 32 or 127 <= code < 160:
        return f"(CTRL-CHAR, code {code})"
    return f"'{character}' (code {code})"


def _source(text: str, read: int) -> str:
    """Where the parser stands after `read` characters of `text`."""
    before = text[:read]
    line = before.count("\n") + 1
    column = read - (before.rfind("\n") + 1) + 1
    return (
        "\n at [Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); "
        f"line: {line}, column: {column}]"
    )


def _is_deep(body: bytes | str) -> bool:
    """Whether more than `_DEEPEST` arrays and objects stand in one another; most bodies have not
    as many in all, and are not looked at further.

    >>> _is_deep(b"[" * 1001 + b"]" * 1001), _is_deep(b"[]," * 1001), _is_deep(b'"' + b"[" * 1001)
    (True, False, False)
    """
    text = body.encode("utf-8", "replace") if isinstance(body, str) else body
    if text.count(b"{") + text.count(b"[") <= _DEEPEST:
        return False
    depth = 0
    for bracket in _BRACKETS.findall(text):
        if bracket in (b"{", b"["):
            depth += 1
            if depth > _DEEPEST:
                return True
        elif bracket in (b"}", b"]"):
            depth -= 1
    return False
