"""Random calls, made from botocore's own model, over plain HTTP: whatever is asked, the emulator
answers at once, never with a 500, and the answer is one that botocore's model allows.

Members are right, nearly right (beyond a bound, of another case, of nobody's ARN) or of a wrong
type altogether; bodies may be no JSON at all.  The short run is the same every time; the long one
(`-m slow`) looks further.
"""

from __future__ import annotations

import base64
import http.client
import json
import re
from typing import Any, cast
from urllib.parse import quote, urlencode, urlsplit

import pytest
from botocore.model import OperationModel, Shape
from botocore.parsers import create_parser
from botocore.validate import ParamValidator
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pelton.localstack.lambda_.account import Account
from pelton.localstack.lambda_.api import operations

FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function"
QUEUE = "arn:aws:sqs:us-east-1:000000000000:q"
LAYER = "arn:aws:lambda:us-east-1:000000000000:layer:l"
UUID = "4487fb6d-3b4c-4b8e-9d0c-6a6a1e1d3d55"
MAPPING = "@mapping"  # stands for the UUID of the mapping that is there

# What is there, and what is not or could not be: by the shape's name, or member's.
POOLS = [
    (re.compile("FunctionName|FunctionArn"), ["f", f"{FUNCTION}:f", "function:f", "g"],
     ["f:live", "f:1", f"{FUNCTION}:f:live", "none", "f:none", "?", "f" * 70, "a.b", "f:",
      "arn:aws:lambda:eu-west-1:000000000000:function:f",
      "arn:aws:lambda:us-east-1:111122223333:function:f"]),
    (re.compile("Qualifier|^Alias$"), ["live", "1", "second"],
     ["$LATEST", "none", "9", "a$b", "$LATEST.PUBLISHED", "01"]),
    (re.compile("FunctionVersion|^Version"), ["1", "$LATEST"], ["9", "-1", "ALL", "01"]),
    (re.compile("^UUID$"), [MAPPING], [UUID, "no"]),
    (re.compile("^RevisionId$"), [UUID], ["no", ""]),
    (re.compile("^RoleArn$"), ["arn:aws:iam::000000000000:role/r"], ["r1"]),
    (re.compile("^Handler$"), ["main.handler"], ["../x.y", ".", "a/b.c", "é.ü", "x"]),
    (re.compile("^Runtime$"), ["python3.12"], ["python3.7", "nodejs20.x", "cobol"]),
    (re.compile("^S3(Bucket|Key)$"), ["bucket"], ["b.", "k\ud800", "\0"]),
    (re.compile("StatementId"), ["s"], ["t", "a.b"]),
    (re.compile("^Principal$"), ["*", "s3.amazonaws.com", "111122223333"], ["nobody"]),
    (re.compile("LayerName"), ["l", LAYER], ["m", f"{LAYER}:1"]),
    (re.compile("LayerVersionArn"), [f"{LAYER}:1"], [LAYER, f"{LAYER}:9"]),
    (re.compile("Resource"), [f"{FUNCTION}:f"], [f"{FUNCTION}:f:1", "arn:aws:x", QUEUE]),
    (re.compile("Arn$|Destination"), [QUEUE],
     [f"{FUNCTION}:f", "arn:aws:sns:us-east-1:000000000000:t", "arn:aws:s3:::b", "arn:aws", "",
      "arn:::::", "arn:aws:kinesis:us-east-1:000000000000:stream/s",
      "arn:aws:dynamodb:us-east-1:000000000000:table/t/stream/2026-01-01T00:00:00.000",
      "arn:aws:lambda:us-east-1:000000000000:code-signing-config:csc-0123456789abcdefg",
      "arn:aws:elasticfilesystem:us-east-1:000000000000:access-point/fsap-0123456789abcdef0"]),
]  # fmt: skip
_SOUND: dict[tuple[str, str, bool, int], st.SearchStrategy[Any]] = {}
# Clients take it for a missing function when this is a 404: recorded without its required member.
WITHOUT_REQUIRED = ("GetFunctionCodeSigningConfig",)

ARCHIVE = bytes.fromhex(  # one empty file
    f"504b0304{'00' * 22}0100000061504b0102{'00' * 24}0100{'00' * 16}61"
    f"504b0506{'00' * 4}010001002f0000001f0000000000"
)

# Not required by the model, but without them nothing is made.
WANTED = {
    "CreateFunctionRequest": ("Runtime", "Handler"),
    "FunctionCode": ("ZipFile",),
    "UpdateFunctionCodeRequest": ("ZipFile",),
    "LayerVersionContentInput": ("ZipFile",),
    "CreateEventSourceMappingRequest": ("EventSourceArn",),
}

# Anything that JSON can hold, and then some.
TEXT = st.one_of(
    st.text(max_size=20),
    st.sampled_from(["", "\0", "\ud800", "%", "a/b", "../..", "x" * 5000, "\u202e", "null", "*"]),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)
DEEP = st.tuples(
    st.sampled_from([(b"[", b"]"), (b'{"a":', b"}")]),
    st.sampled_from([b"Description", b"Environment", b"Code", b"Tags", b"Layers", b"Nothing"]),
    st.integers(1, 20_000),
).map(lambda t: b'{"%b":%b1%b}' % (t[1], t[0][0] * t[2], t[0][1] * t[2]))
BODIES = st.binary(max_size=40) | DEEP | st.sampled_from(
    [b"", b"{", b"[]", b"null", b"0", b'"x"', b'{"a": NaN}', b"\xff\xfe{}", b"\xef\xbb\xbf{}",
     b'{"Runtime": ' + b"9" * 5000 + b"}", b"[" * 100_000 + b"]" * 100_000]
)  # fmt: skip


def sound(shape: Shape, name: str, careful: bool, depth: int) -> st.SearchStrategy[Any]:
    """Values that the model allows; or nearly, when not `careful`."""
    key = (shape.name, name, careful, depth)
    if key not in _SOUND:
        _SOUND[key] = _sound(shape, name, careful, depth)
    return _SOUND[key]


def _sound(shape: Shape, name: str, careful: bool, depth: int) -> st.SearchStrategy[Any]:
    kind = shape.type_name
    if kind == "structure":
        return structure(shape, careful, depth)
    if kind == "list":
        return st.lists(member(shape.member, name, careful, depth + 1), max_size=3)
    if kind == "map":
        keys = sound(shape.key, name, careful, depth + 1)
        return st.dictionaries(keys, member(shape.value, name, careful, depth + 1), max_size=3)
    if kind == "blob":
        some = st.just(ARCHIVE) if careful else st.binary(max_size=30)
        return some.map(lambda data: base64.b64encode(data).decode())
    if kind == "boolean":
        return st.booleans()
    if kind in ("integer", "long"):
        low, high = shape.metadata.get("min", -2), shape.metadata.get("max", 10_000)
        inside = st.integers(low, max(low, high))
        return inside if careful else inside | st.sampled_from([low - 1, low, high, high + 1])
    if kind in ("double", "float"):
        return st.floats(0, 1) if careful else st.floats(-0.5, 1.5)
    if kind == "timestamp":
        return st.floats(0, 4e9) if careful else st.sampled_from(["now", 1e300, -1])
    return text(shape, name, careful)


def text(shape: Shape, name: str, careful: bool) -> st.SearchStrategy[str]:
    if shape.enum and shape.name not in ("Runtime",):
        right: list[str] = list(shape.enum)
        return st.sampled_from(right if careful else [*right, right[0].swapcase()])
    for names, good, bad in POOLS:
        if names.search(shape.name) or names.search(name):
            return st.sampled_from(good if careful else good + bad)
    pattern = shape.metadata.get("pattern")
    if pattern and r"\p{" not in pattern:
        most = shape.metadata.get("max", 100)
        return st.from_regex(pattern, fullmatch=True).filter(lambda found: len(found) <= most)
    return st.text("abc/é ", min_size=1, max_size=9) if careful else TEXT


@st.composite
def structure(draw: Any, shape: Shape, careful: bool, depth: int) -> dict[str, Any]:
    if depth > 4:
        return {}
    wanted = {*shape.required_members, *WANTED.get(shape.name, ())}
    needed = [name for name in shape.members if name in wanted]
    free = [name for name in shape.members if name not in needed]
    # Few of the many optional members: with all of them at once, the first refusal hides the rest.
    few = draw(st.lists(st.sampled_from(free), max_size=3, unique=True)) if free else []
    return {
        name: draw(member(shape.members[name], name, careful, depth + 1))
        for name in (*needed, *few)
    }


@st.composite
def member(draw: Any, shape: Shape, name: str, careful: bool, depth: int) -> Any:
    """As the model has it; sometimes anything, when not `careful`."""
    anything = not careful and draw(st.integers(0, 7)) == 0
    return draw(JSON if anything else sound(shape, name, careful, depth))


class _Nobody:
    """Stands where an account would, for the names of the operations that are served."""

    def __getattr__(self, name: str) -> Any:
        return None


class Caller:
    """Sends operations as HTTP requests that no client library would make, and reads answers as
    botocore does."""

    def __init__(self, door: Any) -> None:
        self.model = door.api.meta.service_model
        self._parser = create_parser("rest-json")
        self._host = urlsplit(door.url).netloc
        self._connection = http.client.HTTPConnection(self._host, timeout=30)
        # Those that are refused as a whole are asked less often.
        served = operations(cast(Account, _Nobody()))
        self.names = [*sorted(served)] * 4 + self.model.operation_names
        self.mapping = ""

    def call(self, name: str, members: Any, body: bytes | None) -> None:
        operation = self.model.operation_model(name)
        method, target, headers, content = self._request(operation, members)
        self._connection.request(method, target, content if body is None else body, headers)
        response = self._connection.getresponse()
        data = response.read()
        told = f"{method} {target} {headers} {content[:500] if body is None else body[:100]!r}"
        assert response.status < 500 or response.status == 501, (told, response.status, data)
        self._check(operation, response, data, told)

    def _request(
        self, operation: OperationModel, members: Any
    ) -> tuple[str, str, dict[str, str], bytes]:
        uri, headers, query = operation.http["requestUri"], {"Content-Type": "application/json"}, []
        content: Any = {}
        shape = operation.input_shape
        for name, value in members.items():
            how = shape.members[name].serialization
            wire, where = how.get("name", name), how.get("location")
            value = self.mapping if value == MAPPING else value
            if where == "uri":
                for mark in (f"{{{wire}}}", f"{{{wire}+}}"):
                    uri = uri.replace(mark, written(value, quoted=True))
            elif where == "querystring":
                values = value if isinstance(value, list) else [value]
                query += [(wire, written(each)) for each in values]
            elif where == "header":
                headers[wire] = re.sub(r"[^\x21-\x7e]", "_", written(value))
            elif name == shape.serialization.get("payload"):
                content = written(value).encode("utf-8", "surrogatepass")
            else:
                content[wire] = value
        if query:
            uri += ("&" if "?" in uri else "?") + urlencode(query, errors="surrogatepass")
        uri = re.sub(r"\{\w+\+?\}", "absent", uri)
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        return operation.http["method"], uri, headers, data

    def _check(self, operation: OperationModel, response: Any, data: bytes, told: str) -> None:
        answer = {
            "headers": {name.lower(): value for name, value in response.getheaders()},
            "body": data,
            "status_code": response.status,
        }
        if response.status >= 300:
            error = self._parser.parse(answer, operation.output_shape)["Error"]
            assert error["Code"] == answer["headers"]["x-amzn-errortype"], (told, data)
            assert error["Code"] not in ("500", "Unknown"), (told, data)
        elif operation.output_shape is not None and not operation.has_event_stream_output:
            found = self._parser.parse(answer, operation.output_shape)
            del found["ResponseMetadata"]
            payload = operation.output_shape.serialization.get("payload")
            if payload in found and operation.output_shape.members[payload].type_name == "blob":
                found.pop(payload)
            if operation.name in WITHOUT_REQUIRED:
                return
            problems = ParamValidator().validate(found, operation.output_shape)
            assert not problems.has_errors(), (told, problems.generate_report(), data)


def written(value: Any, quoted: bool = False) -> str:
    shown = value if isinstance(value, str) else json.dumps(value)
    if not quoted:
        return shown
    return quote(shown.encode("utf-8", "surrogatepass"), safe="") or "%20"


@st.composite
def calls(draw: Any, caller: Caller) -> Any:
    name = draw(st.sampled_from(caller.names))
    shape = caller.model.operation_model(name).input_shape
    careful = draw(st.booleans())
    members = draw(structure(shape, careful, 0)) if shape is not None else {}
    no_document = not careful and draw(st.integers(0, 9)) == 0
    return name, members, draw(BODIES) if no_document else None


def prepare(door: Any) -> str:
    """A function with a version, an alias, a statement, a URL, a mapping (its UUID), a layer."""
    door.run(door.emulator.reset())
    door.create("f", Publish=True)
    api, of_f = door.api, {"FunctionName": "f"}
    api.create_alias(**of_f, Name="live", FunctionVersion="1")
    api.add_permission(**of_f, StatementId="s", Action="lambda:*", Principal="*")
    api.create_function_url_config(**of_f, AuthType="NONE")
    api.put_function_event_invoke_config(**of_f, MaximumRetryAttempts=0)
    api.publish_layer_version(LayerName="l", Content={"ZipFile": ARCHIVE})
    door.call("sqs:CreateQueue", QueueName="q")
    mapping: str = api.create_event_source_mapping(**of_f, EventSourceArn=QUEUE, Enabled=False)[
        "UUID"
    ]
    return mapping


def run(door: Any, examples: int, length: int, **how: Any) -> None:
    caller = Caller(door)

    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        **how,
    )
    @given(st.lists(calls(caller), min_size=length, max_size=length))
    def hold(made: list[Any]) -> None:
        caller.mapping = prepare(door)
        for each in made:
            caller.call(*each)
        door.api.get_account_settings()

    hold()


@pytest.mark.fidelity("Errors", "no call of the model, right or wrong, is answered with a 500")
def test_random_calls_are_answered(shared_door: Any) -> None:
    run(shared_door, examples=6, length=25, derandomize=True)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_many_random_calls_are_answered(shared_door: Any) -> None:
    run(shared_door, examples=1500, length=40)
