"""Wheels as they are read: what goes on as it lies there, and what is refused by name."""

from __future__ import annotations

import hashlib
import io
import struct
import sys
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from pelton.builders.archive import zip_bytes
from pelton.builders.content import Held, held, pack, unpack
from pelton.builders.errors import CannotResolve
from pelton.builders.fetch import installed
from pelton.builders.gathered import Found
from pelton.builders.lockfile import Package
from pelton.builders.uv_calls import run_uv
from pelton.builders.wheels import Changed, Member, check, contents, keep, open_wheel

from .conftest import Desk, Shelf, wheel_files

CODE = b"".join(b"def f%d(x):\n    return x + %d\n" % (n, n) for n in range(400))


def write(
    path: Path, files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED, level: int = 9
) -> Path:
    with zipfile.ZipFile(path, "w", method, compresslevel=level) as out:
        for place, content in files.items():
            out.writestr(zipfile.ZipInfo(place), content, method, level)
    return path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "tiny-1.0-py3-none-any.whl"


def files(**more: bytes) -> dict[str, bytes]:
    return wheel_files("tiny", "1.0", files={"tiny.py": CODE, **more})


def test_a_member_goes_into_an_archive_as_its_publisher_compressed_it(path: Path) -> None:
    wheel = open_wheel(write(path, files(), level=1))
    member = Member(wheel.bytes_of, wheel.rows["tiny.py"])
    form = member.packed()
    with zipfile.ZipFile(path) as archive:
        info = archive.getinfo("tiny.py")
    assert (form.method, form.crc, len(form.data)) == (8, info.CRC, info.compress_size)
    assert form.data != pack(CODE).data
    assert unpack(form.method, form.data) == member.read() == CODE
    assert member.head(4) == CODE[:4]
    assert form.data in zip_bytes({"tiny.py": member})


def test_wherever_it_was_compressed_its_identity_is_the_same(path: Path) -> None:
    wheel = open_wheel(write(path, files()))
    member = Member(wheel.bytes_of, wheel.rows["tiny.py"])
    assert (member.sha256, member.size) == (Held(CODE).sha256, Held(CODE).size)


def test_a_member_with_a_data_descriptor_is_read(path: Path) -> None:
    """Written as a stream, its own header does not know its sizes."""

    class Stream(io.BytesIO):
        def tell(self) -> int:
            raise io.UnsupportedOperation

    stream = Stream()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as out:
        for place, content in files().items():
            out.writestr(place, content)
    path.write_bytes(stream.getvalue())
    assert stream.getvalue()[6] & 0x08
    wheel = open_wheel(path)
    check(wheel)
    assert Member(wheel.bytes_of, wheel.rows["tiny.py"]).read() == CODE


def test_zip64_headers_are_read(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        for place, content in files().items():
            with out.open(place, "w", force_zip64=True) as file:
                file.write(content)
    wheel = open_wheel(path)
    check(wheel)
    assert wheel.rows["tiny.py"].size == len(CODE)


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_what_is_not_deflated_is_packed_again(method: int, path: Path) -> None:
    wheel = open_wheel(write(path, files(), method))
    assert wheel.is_loose
    assert contents(wheel)["tiny.py"] == CODE
    assert not open_wheel(write(path, files())).is_loose


def test_data_folders_are_laid_out_and_scripts_are_left_out(path: Path) -> None:
    data = "tiny-1.0.data"
    more = {f"{data}/purelib/pure.py": b"1", f"{data}/platlib/plat.py": b"2",
            f"{data}/data/share/x.txt": b"3", f"{data}/scripts/run": b"4",
            f"{data}/headers/t.h": b"5"}  # fmt: skip
    rows = open_wheel(write(path, files(**more))).rows
    found = {place for place in rows if ".dist-info" not in place}
    assert found == {"tiny.py", "pure.py", "plat.py", "share/x.txt", "include/tiny/t.h"}


def break_crc(path: Path) -> None:
    """In the directory and in the member's own header."""
    crc = struct.pack("<I", zlib.crc32(CODE))
    data = path.read_bytes()
    assert data.count(crc) == 2
    path.write_bytes(data.replace(crc, b"\0\1\2\3"))


def break_record(path: Path) -> None:
    write(path, files() | {"tiny.py": CODE + b"# more\n"})


def encrypt(path: Path) -> None:
    data = bytearray(path.read_bytes())
    for mark, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(mark) + at] |= 1
    path.write_bytes(bytes(data))


def cut_stream(path: Path) -> None:
    """The directory is whole, and the member ends too early."""
    data = path.read_bytes()
    at = data.index(b"tiny.py") + len("tiny.py")
    path.write_bytes(data[:at] + b"\xff" * 20 + data[at + 20 :])


def escape(path: Path) -> None:
    write(path, files() | {"../evil.py": b""})


def no_record(path: Path) -> None:
    write(path, {place: each for place, each in files().items() if not place.endswith("RECORD")})


def no_zip(path: Path) -> None:
    path.write_bytes(b"<html>not found</html>")


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (break_crc, r"tiny\.py has another CRC-32 or size"),
        (break_record, r"tiny\.py has another sha256 than its RECORD says"),
        (encrypt, r"tiny\.py is encrypted"),
        (cut_stream, r"tiny\.py cannot be unpacked"),
        (escape, r"'\.\./evil\.py' would lie outside"),
        (no_record, "it has no RECORD"),
        (no_zip, "not a zip file"),
    ],
)
def test_a_broken_wheel_is_refused_by_name(fault: Any, said: str, path: Path) -> None:
    write(path, files())
    fault(path)
    with pytest.raises(CannotResolve, match=rf"the wheel tiny-1\.0-.* is broken: .*{said}"):
        keep(path, hashlib.sha256(path.read_bytes()).hexdigest(), path.parent / "store")
    assert not list((path.parent / "store").glob("*"))


def test_a_broken_wheel_of_a_requirement_stops_its_install(desk: Desk, shelf: Shelf) -> None:
    break_record(shelf.wheel("tiny"))
    with pytest.raises(CannotResolve, match=r"tiny-1\.0-py3-none-any\.whl is broken: .*RECORD"):
        desk.install("tiny")


def test_another_file_than_the_one_that_was_kept_is_noticed(path: Path, tmp_path: Path) -> None:
    sha256 = hashlib.sha256(write(path, files()).read_bytes()).hexdigest()
    kept = keep(path, sha256, tmp_path / "store")
    assert open_wheel(kept, sha256).rows
    kept.write_bytes(kept.read_bytes() + b"more")
    with pytest.raises(Changed):
        open_wheel(kept, sha256)
    with pytest.raises(Changed):
        keep(path, "0" * 64, tmp_path / "store")


def test_installed_by_uv_or_read_as_it_is_it_is_the_same(desk: Desk, shelf: Shelf) -> None:
    """Where no wheel can be had, its files come from uv's own cache: nothing differs but who
    compressed them."""
    data = "tiny-1.0.data"
    places = {"tiny.py": CODE, f"{data}/purelib/p.py": b"2", f"{data}/headers/h.h": b"4",
              f"{data}/scripts/run": b"#!python\n", f"{data}/data/share/x.txt": b"3"}  # fmt: skip
    wheel = shelf.wheel("tiny", files=places)

    def fill(folder: Path, packages: Sequence[Package]) -> None:
        assert [each.name for each in packages] == ["tiny"]
        words = ["pip", "install", "--no-deps", "--offline", "--python", sys.executable]
        assert not run_uv([*words, "--target", str(folder), str(wheel)], cwd=folder).code

    first, scratch = desk.install("tiny"), desk.root / "scratch"
    scratch.mkdir()
    (made,) = installed(first.packages, scratch, fill).values()
    assert {place: each[:2] for place, each in Found.of([made]).files.items()} == {
        place: each[:2] for place, each in first.files.items()
    }


def test_an_archive_of_held_files_is_the_same_in_any_order() -> None:
    one = {"a.py": CODE, "b.txt": b"", "c.bin": bytes(range(256))}
    assert zip_bytes(held(one)) == zip_bytes(held(dict(reversed(one.items()))))
