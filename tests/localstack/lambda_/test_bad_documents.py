"""Bodies and queries that are no documents, or of other types, over plain HTTP: each is refused
with the exception and in the words of the service, and the next caller is served."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ... import plain

FUNCTIONS = "/2015-03-31/functions"
SERIALIZATION, CONTENT = "SerializationException", "InvalidRequestContentException"
PARSE = "Could not parse request body into json: "
SOURCE = "\n at [Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); line: "


def ask(door: Any, method: str, target: str, body: bytes = b"") -> tuple[int, str, str]:
    with plain.Client(base_url=door.url, trust_env=False, timeout=30) as client:
        answer = client.request(method, target, content=body)
    told = answer.json()
    return (
        answer.status_code,
        answer.headers["x-amzn-errortype"],
        told.get("message") or told["Message"],
    )


@pytest.mark.fidelity(
    "Errors",
    "members of other types are a SerializationException",
    different="the member's name is put before a sentence that is known from public reports",
)
@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"Timeout": "9"}, "Timeout: STRING_VALUE can not be converted to an Integer"),
        ({"Timeout": 1.5}, "Timeout: DECIMAL_VALUE can not be converted to an Integer"),
        ({"Timeout": True}, "Timeout: TRUE_VALUE can not be converted to an Integer"),
        ({"Description": 5}, "Description: NUMBER_VALUE can not be converted to a String"),
        ({"Description": {}}, "Description: Start of structure or map found where not expected."),
        ({"Description": [[[]]]}, "Description: Start of list found where not expected."),
        ({"Environment": {"Variables": {"AA": 1}}},
         "Environment.Variables.AA: NUMBER_VALUE can not be converted to a String"),
        ({"Publish": "yes"}, "Publish: STRING_VALUE can not be converted to a Boolean"),
        ({"Code": "zip"}, "Code: Unexpected field type"),
        ({"Architectures": "x86_64"}, "Architectures: Unexpected field type"),
    ],
)  # fmt: skip
def test_wrong_types(shared_door: Any, document: Any, words: str) -> None:
    answer = ask(shared_door, "POST", FUNCTIONS, json.dumps(document).encode())
    assert answer == (400, SERIALIZATION, words)


@pytest.mark.fidelity(
    "Errors",
    "bodies that are no JSON, in the words of Lambda's own parser",
    different="two of the sentences were recorded; the others are Jackson's for the same fault",
)
@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"[]", "it is not an object"),
        (b"null", "it is not an object"),
        (b"{", f"Unexpected end-of-input{SOURCE}1, column: 3]"),
        (b'{"a": no}', "Unrecognized token 'no': was expecting (JSON String, Number, Array, Object "
         f"or token 'null', 'true' or 'false'){SOURCE}1, column: 9]"),
        (b'{"a":\n ;}', "Unexpected character (';' (code 59)): expected a valid value "
         "(JSON String, "
         f"Number, Array, Object or token 'null', 'true' or 'false'){SOURCE}2, column: 3]"),
        (b"{a: 1}", "Unexpected character ('a' (code 97)): was expecting double-quote to start "
         f"field name{SOURCE}1, column: 3]"),
        (b'{"a" 1}', "Unexpected character ('1' (code 49)): was expecting a colon to separate "
         f"field name and value{SOURCE}1, column: 7]"),
        (b'{"a": "b', "Unexpected end-of-input: was expecting closing quote for a string value"),
        (b'{"a": "\x01"}', "Illegal unquoted character ((CTRL-CHAR, code 1)): has to be escaped"),
        (b'{"a": "\\q"}', "Unrecognized character escape 'q' (code 113)"),
        (b'{"a": NaN}', "Non-standard token 'NaN': enable"),
        (b'{"a": "\xff"}', f"Invalid UTF-8 start byte 0xff{SOURCE}1, column: 9]"),
        (b'{"a": "\xc3("}', "Invalid UTF-8 middle byte 0x28"),
        (b"\x99", "Unexpected character ((CTRL-CHAR, code 153)): expected a valid value"),
        (b'{"a":' * 5000 + b"1" + b"}" * 5000, "Document nesting depth (1001) exceeds the maximum"),
        (b'{"a":' + b"9" * 5000 + b"}", "Number value length exceeds the maximum allowed"),
        (b'{"Description": "\\ud800"}', "half of a surrogate pair in a string"),
        (b'{"Code": {"ZipFile": "?"}}', ""),
    ],
)  # fmt: skip
def test_no_documents(shared_door: Any, body: bytes, words: str) -> None:
    status, code, sentence = ask(shared_door, "POST", FUNCTIONS, body)
    assert (status, code) == (400, CONTENT)
    assert sentence.startswith(PARSE + words if words else "Code.ZipFile is not base64")


@pytest.mark.fidelity("Errors", "nulls among others, and queries that are no numbers")
def test_nulls_and_queries(shared_door: Any) -> None:
    shared_door.create("documents")
    update = f"{FUNCTIONS}/documents/configuration"
    null_variable = json.dumps({"Environment": {"Variables": {"AA": None}}}).encode()
    status, code, sentence = ask(shared_door, "PUT", update, null_variable)
    assert (status, code) == (400, "ValidationException")
    assert sentence.endswith("Map value must satisfy constraint: [Member must not be null]")
    null_layer = json.dumps({"Layers": [None]}).encode()
    status, code, sentence = ask(shared_door, "PUT", update, null_layer)
    assert (status, code) == (400, "ValidationException")
    assert "Value '[null]' at 'layers' failed to satisfy constraint" in sentence
    for query, kind in [
        ("MaxItems=many", SERIALIZATION),
        ("MaxItems=0", "ValidationException"),
        ("MaxItems=10001", "ValidationException"),
        ("Marker=%FF", "InvalidParameterValueException"),
    ]:
        assert ask(shared_door, "GET", f"{FUNCTIONS}?{query}")[:2] == (400, kind)
    assert ask(shared_door, "GET", f"{FUNCTIONS}/documents/nothing")[:2] == (
        404,
        "UnknownOperationException",
    )
    absent = json.dumps({"Description": None}).encode()
    with plain.Client(base_url=shared_door.url, trust_env=False) as client:
        assert client.put(update, content=absent).status_code == 200  # a null member is none
