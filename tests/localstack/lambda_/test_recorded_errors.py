"""Every error answer that was recorded on AWS: provoked here, or named with why it is not.

`recorded/rows.tsv` holds the answers (status, code, message; messages are cut at 230 characters).
`recorded/*.json` holds the calls that provoke them, one file a part of the API:

    {"row": 26, "given": [["PublishVersion", {...}]], "call": ["CreateAlias", {...}]}

`{f}` in a member is the case's own function, which is made first unless `"function": false`;
`{ARN}` is what function ARNs begin with.  A member of bytes is written "@zip:main.py" (an archive
of that file), "@zeros:N" (an archive of N zero bytes), "@bytes:HEX" or "@size:N" (N bytes); text of
N letters is "@text:N".  A service other than Lambda is put before the operation: "sqs:CreateQueue".
What an answer says can be kept for later: `["dynamodb:CreateTable", {...}, {"stream":
"TableDescription.LatestStreamArn"}]` makes it `{stream}`.
`recorded/unprovoked.tsv` names the rows without a call.  Adding an operation means moving its rows
from there into a file here.
"""

from __future__ import annotations

import ast
import csv
import json
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parent / "recorded"
CUT = 225  # a message at least so long may have been cut when it was recorded


@dataclass(frozen=True)
class Row:
    """One recorded answer; `pattern` matches what the emulator may say for it."""

    status: int
    code: str
    message: str | None

    @property
    def pattern(self) -> re.Pattern[str]:
        assert self.message is not None
        text = self.message.replace("<partition>", "aws").replace("<region>", "us-east-1")
        text = text.replace("111111111111", "000000000000")
        parts = re.split(r"<[a-z_A-Z0-9:-]+>", text)
        pattern = r"[^\s\]]+?".join(map(re.escape, parts))
        return re.compile(pattern + (".*" if len(self.message) >= CUT else ""), re.DOTALL)


@cache
def rows() -> dict[int, Row]:
    with (FOLDER / "rows.tsv").open(newline="") as file:
        table = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        return {
            int(each["row"]): Row(
                int(each["status"]), each["code"], _none(ast.literal_eval(each["message"]))
            )
            for each in table
        }


def _none(message: str) -> str | None:
    return None if message == "None" else message


def cases() -> list[Any]:
    return [
        pytest.param(case, id=f"{path.stem}-{case['row']}")
        for path in sorted(FOLDER.glob("*.json"))
        for case in json.loads(path.read_text())
    ]


def unprovoked() -> dict[int, str]:
    with (FOLDER / "unprovoked.tsv").open(newline="") as file:
        table = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        return {int(each["row"]): each["why"] for each in table}


def filled(door: Any, value: Any, known: dict[str, str]) -> Any:
    """A case's member as boto3 takes it."""
    if isinstance(value, dict):
        return {filled(door, key, known): filled(door, each, known) for key, each in value.items()}
    if isinstance(value, list):
        return [filled(door, each, known) for each in value]
    if not isinstance(value, str):
        return value
    kind, _, rest = value.partition(":")
    if kind == "@zip":
        return door.archive(rest)
    if kind == "@zeros":
        return door.archive("zeros", content=bytes(int(rest)))
    if kind == "@bytes":
        return bytes.fromhex(rest)
    if kind == "@size":
        return bytes(int(rest))
    if kind == "@text":
        return "x" * int(rest)
    for name, text in known.items():
        value = value.replace(f"{{{name}}}", text)
    return value


def found(answer: Any, path: str) -> str:
    """What is at a path of names: "TableDescription.LatestStreamArn"."""
    for name in path.split("."):
        answer = answer[name]
    return str(answer)


@pytest.mark.fidelity("Errors", "status, code and text as recorded on AWS, row by row")
@pytest.mark.parametrize("case", cases())
def test_an_error_is_as_it_was_recorded(shared_door: Any, case: Any, request: Any) -> None:
    row = rows()[case["row"]]
    name = re.sub(r"[^a-z0-9]", "-", f"fn-{request.node.callspec.id}")
    known = {"f": name, "ARN": shared_door.ARN}
    if case.get("function", True):
        shared_door.create(name)
    for operation, members, *kept in case.get("given", ()):
        answer = shared_door.call(operation, **filled(shared_door, members, known))
        for each in kept:
            known |= {as_name: found(answer, path) for as_name, path in each.items()}
    operation, members = case["call"]
    status, code, sentence = shared_door.refusal(operation, **filled(shared_door, members, known))
    assert (status, code) == (row.status, row.code)
    if row.message is None:
        assert sentence is None
    else:
        assert sentence is not None
        assert row.pattern.fullmatch(sentence), sentence


def test_every_row_is_provoked_or_its_absence_explained() -> None:
    provoked = {each.values[0]["row"] for each in cases()}
    explained = unprovoked()
    assert all(explained.values())
    assert sorted(provoked & explained.keys()) == []
    assert sorted({*provoked, *explained}) == sorted(rows())
