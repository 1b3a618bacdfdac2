"""Archives that mean no good, or are merely broken: refused in the recorded sentence, or unpacked
within bounds; nothing is ever written outside, and the next caller is served."""

from __future__ import annotations

import io
import os
import stat
import struct
import warnings
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ...tries import tries

CANNOT = (
    400,
    "InvalidParameterValueException",
    "Could not unzip uploaded file. Please check your file, then try to upload again.",
)
TOO_LARGE = (400, CANNOT[1], "Unzipped size must be smaller than 262144000 bytes")
ABSOLUTE = Path("/tmp/written-by-an-archive.py")
Entry = tuple[str | zipfile.ZipInfo, str | bytes]


def made(*entries: Entry | str, method: int = zipfile.ZIP_STORED) -> bytes:
    """An archive of these; a name alone is a file of one line."""
    memory = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of names that are there twice
        with zipfile.ZipFile(memory, "w") as out:
            for each in entries:
                name, content = (each, "x = 1") if isinstance(each, str) else each
                out.writestr(name, content, method)
    return memory.getvalue()


def link(name: str, target: str) -> Entry:
    info = zipfile.ZipInfo(name)
    info.create_system = 3
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return info, target


def lying(size: int, claimed: int) -> bytes:
    """An archive whose one file is `size` zeros and claims to be `claimed`."""
    content = bytearray(made(("z", bytes(size)), method=zipfile.ZIP_DEFLATED))
    for signature, offset in ((b"PK\3\4", 22), (b"PK\1\2", 24)):
        struct.pack_into("<I", content, content.index(signature) + offset, claimed)
    return bytes(content)


def encrypted() -> bytes:
    content = bytearray(made("main.py"))
    for signature, offset in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        struct.pack_into("<H", content, content.index(signature) + offset, 1)
    return bytes(content)


def compressed(method: int) -> bytes:
    return made(("z", bytes(1000)), method=method)


def overlapping(times: int) -> bytes:
    """Many names for the same compressed bytes: small on the wire, huge on a disk."""
    one = made(("z", bytes(10_000_000)), method=zipfile.ZIP_DEFLATED)
    start = one.index(b"PK\1\2")
    end = one.index(b"PK\5\6")
    tail = bytearray(one[end:])
    struct.pack_into("<HHI", tail, 8, times, times, (end - start) * times)
    return one[:start] + one[start:end] * times + bytes(tail)


@pytest.mark.fidelity("Errors", "an archive that cannot be unpacked, in the recorded sentence")
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no archive",
        made("main.py")[:-4],
        made(("main.py", b"x = 1" * 100))[:60],
        made("main.py").replace(b"x = 1", b"y = 2"),
        lying(5_000_000, 10),
        lying(10, 5_000_000),
        encrypted(),
        compressed(zipfile.ZIP_BZIP2),
        compressed(zipfile.ZIP_LZMA),
        made("../main.py"),
        made("a/../../main.py"),
        made(str(ABSOLUTE)),
        made("main.py").replace(b"main.py", b"\0ain.py"),
        made("x" * 300),
        made("a", "a/b"),
        made("a/b", "a"),
        made(link("l", "../beside"), "main.py"),
        made(link("l", "/etc/passwd"), "main.py"),
        made("d/x", link("l", "d"), "l/main.py"),
        made("p/q/x", link("p/q/up", "../.."), link("m", "p/q/up/.."), "y"),
        made("p/q/x", link("p/q/up", "../.."), link("m", "p/q/up/.."), "m/beside"),
        made(link("l", "x" * 5000)),
        made(link("l", "")),
    ],
    ids=[
        "empty", "text", "truncated", "half", "wrong sum", "says too little", "says too much",
        "encrypted", "bzip2", "lzma", "above", "above from below", "absolute", "no name",
        "long name", "file and folder", "folder and file", "link above", "link to the root",
        "through a link", "link through a link", "through two links", "long target", "no target",
    ],
)  # fmt: skip
def test_it_is_refused_and_nothing_is_left(shared_door: Any, content: bytes) -> None:
    kept = shared_door.emulator.registry.archives.directory
    before = sorted(kept.parent.rglob("*"))
    with pytest.raises(Exception, match="Could not unzip uploaded file"):
        shared_door.create("bad", Code={"ZipFile": content})
    assert shared_door.refusal("GetFunction", FunctionName="bad")[0] == 404
    assert sorted(kept.parent.rglob("*")) == before  # where "../" would have led, too
    assert not ABSOLUTE.exists()


@pytest.mark.fidelity("Errors", "archives beyond 250 MB, whatever they say of themselves")
def test_bombs_do_not_go_off(door: Any) -> None:
    # One that is as large as it says is row 60 of the recorded errors.
    for content in (overlapping(30), lying(10, 262_144_000)):
        assert len(content) < 500_000
        assert (
            door.refusal(
                "CreateFunction",
                FunctionName="bomb",
                Runtime="python3.12",
                Role="arn:aws:iam::000000000000:role/r",
                Handler="main.handler",
                Code={"ZipFile": content},
            )
            == TOO_LARGE
        )


@pytest.mark.fidelity(
    "Functions",
    "links in archives are kept",
    different="one that points outside of the archive is refused",
)
def test_what_is_odd_and_sound_is_unpacked(door: Any) -> None:
    content = made(
        link("main.py", "second.py"),
        "second.py",
        link("lib", "real"),
        "real/x.py",
        "./here.py",
        "a//b.py",
        "back\\slash.py",
        "ünï.py",
        link("nowhere", "not/there"),
    )
    door.create(Code={"ZipFile": content})
    sha = door.emulator.registry.functions["f"].latest.code.sha256
    tree = door.emulator.registry.archives.tree(sha)
    found = sorted(os.path.relpath(each, tree) for each in tree.rglob("*"))
    assert found == sorted(
        ["main.py", "second.py", "lib", "real", "real/x.py", "here.py", "a", "a/b.py",
         "back\\slash.py", "ünï.py", "nowhere"]
    )  # fmt: skip
    assert (tree / "main.py").read_text() == (tree / "lib/x.py").read_text() == "x = 1"


def test_the_last_of_two_files_of_one_name_is_taken(door: Any) -> None:
    content = made("main.py", link("main.py", "other.py"), ("other.py", "kept"), ("main.py", "new"))
    door.create(Code={"ZipFile": content})
    sha = door.emulator.registry.functions["f"].latest.code.sha256
    tree = door.emulator.registry.archives.tree(sha)
    assert [(tree / name).read_text() for name in ("main.py", "other.py")] == ["new", "kept"]


SOUND = made(
    ("main.py", b"x = 1" * 50),
    ("lib/data.bin", bytes(range(256))),
    link("l", "main.py"),
    method=zipfile.ZIP_DEFLATED,
)


@pytest.mark.fidelity("Safety", "a damaged archive is refused or unpacked: it never breaks a thing")
@settings(
    max_examples=tries(60),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.lists(st.tuples(st.integers(0, len(SOUND) - 1), st.integers(0, 255)), max_size=6))
def test_damage_is_survived(shared_door: Any, damage: list[tuple[int, int]]) -> None:
    content = bytearray(SOUND)
    for place, value in damage:
        content[place] = value
    try:
        shared_door.create("damaged", Code={"ZipFile": bytes(content)})
    except shared_door.api.exceptions.InvalidParameterValueException:
        assert shared_door.refusal("GetFunction", FunctionName="damaged")[0] == 404
    else:
        shared_door.api.delete_function(FunctionName="damaged")


@pytest.mark.parametrize("count", [2_000, pytest.param(100_000, marks=pytest.mark.slow)])
@pytest.mark.timeout(600)
def test_a_crowded_archive_is_taken(door: Any, count: int) -> None:
    client = door.client(read_timeout=600)
    client.create_function(
        FunctionName="crowd",
        Runtime="python3.12",
        Role="arn:aws:iam::000000000000:role/r",
        Handler="main.handler",
        Code={"ZipFile": made(*(f"d{number % 100}/f{number}.py" for number in range(count)))},
    )
    client.close()
    sha = door.emulator.registry.functions["crowd"].latest.code.sha256
    assert sum(1 for each in door.emulator.registry.archives.tree(sha).rglob("*.py")) == count
    door.run(door.emulator.reset(), within=500)  # a busy disk takes minutes to remove them
