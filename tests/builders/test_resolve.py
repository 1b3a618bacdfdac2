"""Requirements become exact files: what is chosen, what is locked, what is refused and how."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from pelton.builders import Target
from pelton.builders.errors import CannotResolve, NotLocked, Tampered
from pelton.builders.lockfile import Lock, write_lock

from .conftest import Desk, Shelf

OLD = Target("lambda", "3.11", glibc=(2, 26))
NEW = Target("lambda", "3.12")
ARM = Target("lambda", "3.12", "arm64")


def elf(machine: int, *needs: str) -> bytes:
    """The beginning of a 64-bit library, and the names that it needs."""
    names = b"\0" + b"".join(each.encode() + b"\0" for each in needs)
    return b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack("<HH", 3, machine) + bytes(40) + names


def native(machine: int = 62, *needs: str) -> dict[str, bytes]:
    return {"fast.so": elf(machine, *needs)}


def test_what_is_installed_is_said_by_file_module_and_owner(desk: Desk, shelf: Shelf) -> None:
    shelf.wheel("tiny", needs=["other>=1"])
    shelf.wheel("other", "1.5")
    made = desk.install("tiny")
    assert made.pins == ("other==1.5", "tiny==1.0")
    assert made.modules == {"tiny", "other"}
    assert made.files["other.py"].distribution == "other 1.5"
    assert made.read("tiny.py") == b"v = '1.0'\n"
    assert made.files["tiny.py"].size == 10


def test_a_second_install_starts_nothing(desk: Desk, shelf: Shelf) -> None:
    shelf.wheel("tiny")
    first = desk.install("tiny")
    shelf.folder.rename(shelf.folder.with_name("gone"))  # uv would find nothing
    assert desk.install("tiny").home == first.home


@pytest.mark.parametrize(
    ("target", "tag"),
    [
        (NEW, "cp312-cp312-manylinux_2_34_x86_64"),
        (OLD, "cp311-cp311-manylinux_2_24_x86_64"),
        (OLD, "cp311-cp311-manylinux1_x86_64"),
        (ARM, "cp312-abi3-manylinux2014_aarch64"),
    ],
)
def test_the_newest_wheel_that_the_target_s_c_library_runs(
    target: Target, tag: str, desk: Desk, shelf: Shelf
) -> None:
    """2.24 is between two platforms that uv knows."""
    machine = 183 if target is ARM else 62
    shelf.wheel("fast", "1.0", tag=tag, files=native(machine))
    too_new = tag.rpartition("-")[0] + f"-manylinux_2_39_{target.machine}"
    shelf.wheel("fast", "2.0", tag=too_new, files=native(machine))
    assert desk.install("fast", target=target).pins == ("fast==1.0",)


def test_tags_in_the_short_form_of_a_wheel_s_name_are_understood(desk: Desk, shelf: Shelf) -> None:
    """As maturin writes them inside: one line for several platforms."""
    tag = "cp312-cp312-manylinux_2_17_x86_64.manylinux2014_x86_64"
    about = f"Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: {tag}\n".encode()
    files = {**native(), "fast-1.0.dist-info/WHEEL": about}
    shelf.wheel("fast", tag=tag, files=files)
    assert desk.install("fast", target=NEW).pins == ("fast==1.0",)


def test_musl_and_another_machine_are_no_wheels_for_it(desk: Desk, shelf: Shelf) -> None:
    for tag in ("musllinux_1_2_x86_64", "manylinux_2_28_aarch64", "win_amd64"):
        shelf.wheel("fast", tag=f"cp312-cp312-{tag}", files=native())
    with pytest.raises(CannotResolve, match=r"fast.*has no wheel for Python 3\.12, x86_64, glibc"):
        desk.install("fast")


def test_a_version_without_a_wheel_names_one_that_has_one(desk: Desk, shelf: Shelf) -> None:
    shelf.wheel("fast", "1.0", tag="cp312-cp312-manylinux_2_17_x86_64", files=native())
    shelf.wheel("fast", "2.0", tag="cp312-cp312-manylinux_2_39_x86_64", files=native())
    with pytest.raises(
        CannotResolve, match=r"test_resolve|conftest.*fast.*1\.0 is the newest that"
    ):
        desk.install("fast==2.0")


def test_a_library_for_another_machine_inside_is_refused(desk: Desk, shelf: Shelf) -> None:
    shelf.wheel("fast", tag="cp312-cp312-manylinux_2_28_x86_64", files=native(183))
    with pytest.raises(
        CannotResolve, match=r"fast 1\.0 says.*x86_64, and its fast\.so is for aarch64"
    ):
        desk.install("fast")


def test_one_for_several_machines_is_not(desk: Desk, shelf: Shelf) -> None:
    files = {"a.so": elf(62), "b.so": elf(3)}
    shelf.wheel("fast", tag="cp312-cp312-manylinux_2_28_x86_64", files=files)
    assert set(desk.install("fast").files) >= {"a.so", "b.so"}


def test_a_wheel_that_promises_no_c_library_is_looked_into(desk: Desk, shelf: Shelf) -> None:
    files = native(62, "GLIBC_2.2.5", "GLIBC_2.38")
    shelf.wheel("fast", tag="cp312-cp312-linux_x86_64", files=files)
    with pytest.raises(CannotResolve, match=r"fast\.so of fast 1\.0 needs glibc 2\.38"):
        desk.install("fast")


def test_pure_sources_are_built(desk: Desk, shelf: Shelf) -> None:
    shelf.sdist("plain")
    assert desk.install("plain").read("plain.py") == b"v = '1.0'\n"


def test_sources_that_compile_are_refused(desk: Desk, shelf: Shelf) -> None:
    shelf.sdist("hard", tag="cp311-cp311-linux_x86_64")
    with pytest.raises(CannotResolve, match=r"hard"):
        desk.install("hard", target=Target("lambda", "3.11", glibc=(2, 26)))


def test_a_wheel_wins_over_newer_sources(desk: Desk, shelf: Shelf) -> None:
    shelf.sdist("plain", "2.0")
    shelf.wheel("plain", "1.0")
    assert desk.install("plain").pins == ("plain==1.0",)


def test_a_project_beside_the_app_is_built_and_built_again_when_it_changes(
    desk: Desk, shelf: Shelf
) -> None:
    folder = shelf.project(desk.root / "libs" / "ours", "ours")
    assert desk.install("./libs/ours", lock="write").read("ours.py") == b"v = '1.0'\n"
    assert 'name = "ours", version = "1.0", path = "./libs/ours"' in desk.lock
    backend = folder / "backend.py"
    backend.write_text(backend.read_text().replace("v = '1.0'", "v = 'newer'"))
    assert desk.install("./libs/ours", lock="locked").read("ours.py") == b"v = 'newer'\n"


def test_what_a_project_beside_the_app_comes_to_require_is_seen(desk: Desk, shelf: Shelf) -> None:
    shelf.wheel("tiny")
    folder = shelf.project(desk.root / "ours", "ours")
    desk.install("./ours", lock="write")
    backend = folder / "backend.py"
    metadata = "Name: ours\\nVersion: 1.0\\n"
    assert metadata in backend.read_text()
    text = backend.read_text().replace(metadata, f"{metadata}Requires-Dist: tiny\\n")
    backend.write_text(text)
    with pytest.raises(NotLocked, match="what a project beside the app requires"):
        desk.install("./ours", lock="locked")
    assert desk.install("./ours").pins == ("tiny==1.0",)


def test_a_project_that_compiles_is_refused(desk: Desk, shelf: Shelf) -> None:
    shelf.project(desk.root / "hard", "hard", tag="cp311-cp311-linux_x86_64")
    with pytest.raises(CannotResolve, match=r"\./hard is compiled for one machine.*cibuildwheel"):
        desk.install("./hard", target=Target("lambda", "3.11"))


def test_a_wheel_beside_the_app_is_the_one_that_was_locked(desk: Desk, shelf: Shelf) -> None:
    path = shelf.wheel("ours")
    path.rename(desk.root / path.name)
    word = f"./{path.name}"
    assert [each.name for each in desk.install(word, lock="write").packages] == ["ours"]
    shelf.wheel("ours", files={"ours.py": b"other = 1\n"}).replace(desk.root / path.name)
    with pytest.raises(Tampered, match=r"if you changed it, run `pelton lock --upgrade ours`"):
        desk.install(word)
    changed = desk.install(word, upgrade=frozenset({"ours"}))
    assert changed.read("ours.py") == b"other = 1\n"


def test_a_wheel_for_another_target_is_refused_by_its_path(desk: Desk, shelf: Shelf) -> None:
    path = shelf.wheel("ours", tag="cp312-cp312-manylinux_2_28_x86_64", files=native())
    path.rename(desk.root / path.name)
    with pytest.raises(CannotResolve, match=r"ours-1\.0.* does not run on Python 3\.12, arm64"):
        desk.install(f"./{path.name}", target=ARM)


def test_two_with_the_same_file_are_settled_by_name(desk: Desk, shelf: Shelf) -> None:
    shelf.wheel("bbb", files={"tests/__init__.py": b"b = 1\n", "bbb.py": b""})
    shelf.wheel("aaa", files={"tests/__init__.py": b"a = 1\n", "aaa.py": b""})
    made = desk.install("bbb", "aaa")
    assert made.read("tests/__init__.py") == b"a = 1\n"
    assert made.files["tests/__init__.py"].distribution == "aaa 1.0"
    assert made.notes == ("tests/__init__.py is in aaa 1.0 and in bbb 1.0; that of aaa 1.0 counts",)


def test_a_platform_that_installs_itself_gets_the_pins_and_what_no_index_has(
    desk: Desk, shelf: Shelf
) -> None:
    shelf.wheel("tiny")
    shelf.project(desk.root / "ours", "ours")
    made = desk.install("tiny", "./ours")
    assert made.pins == ("tiny==1.0",)
    assert made.asked == ("tiny", "ours")
    beside = made.beside_the_app()
    assert beside is not None
    assert "ours.py" in beside.files
    assert "tiny.py" not in beside.files
    assert desk.install("tiny").beside_the_app() is None


# The lock.


def test_the_lock_is_made_when_it_is_asked_for(desk: Desk, shelf: Shelf) -> None:
    shelf.wheel("tiny")
    desk.install("tiny")
    assert not (desk.root / "pelton.lock").exists()
    desk.install("tiny", lock="write")
    assert 'name = "tiny", version = "1.0", file = "tiny-1.0-py3-none-any.whl"' in desk.lock


def test_what_is_locked_stays_until_it_is_upgraded(
    desk: Desk, shelf: Shelf, tmp_path: Path
) -> None:
    shelf.wheel("tiny", "1.0")
    shelf.wheel("other", "1.0")
    desk.install("tiny", "other", lock="write")
    shelf.wheel("tiny", "2.0")
    shelf.wheel("other", "2.0")
    shelf.wheel("third", "2.0")
    desk.cache = tmp_path / "another machine"
    assert desk.install("tiny", "other").pins == ("other==1.0", "tiny==1.0")
    assert desk.install("tiny", "other", "third").pins == ("other==1.0", "third==2.0", "tiny==1.0")
    assert desk.lock.count("[[resolution]]") == 1  # the old question is asked no more
    upgraded = desk.install("tiny", "other", "third", upgrade=frozenset({"tiny"}))
    assert upgraded.pins == ("other==1.0", "third==2.0", "tiny==2.0")
    assert desk.install("tiny", "other", "third", upgrade=None).pins[0] == "other==2.0"


def test_a_lock_that_would_change_is_refused_when_that_is_asked(desk: Desk, shelf: Shelf) -> None:
    shelf.wheel("tiny")
    shelf.wheel("other")
    with pytest.raises(NotLocked, match=r"there is no .*pelton\.lock; run `pelton lock`"):
        desk.install("tiny", lock="locked")
    desk.install("tiny", lock="write")
    desk.install("tiny", lock="locked")
    with pytest.raises(NotLocked, match=r"would have to change.*\(\+other\)"):
        desk.install("tiny", "other", lock="locked")
    with pytest.raises(NotLocked, match=r"says nothing of Python 3\.13"):
        desk.install("tiny", lock="locked", target=Target("lambda", "3.13"))


def test_another_target_gets_the_same_versions(desk: Desk, shelf: Shelf) -> None:
    shelf.wheel("tiny", "1.0")
    desk.install("tiny", lock="write")
    shelf.wheel("tiny", "2.0")
    assert desk.install("tiny", target=ARM).pins == ("tiny==1.0",)
    assert desk.lock.count("[[resolution]]") == 2


def test_a_wheel_that_was_exchanged_is_refused(
    desk: Desk, shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf.wheel("tiny")
    desk.install("tiny", lock="write")
    shelf.wheel("tiny", files={"tiny.py": b"evil = 1\n"})
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv"))  # which has the right one still
    desk.cache = tmp_path / "another machine"
    with pytest.raises(
        Tampered, match=r"tiny==1\.0 is not the one that was locked.*--upgrade tiny"
    ):
        desk.install("tiny")


def test_a_lock_of_the_user_s_own_decides_and_is_held_to(desk: Desk, shelf: Shelf) -> None:
    import hashlib

    digest = hashlib.sha256(shelf.wheel("tiny").read_bytes()).hexdigest()
    shelf.wheel("tiny", "2.0")
    desk.write("requirements.txt", f"tiny==1.0 --hash=sha256:{digest}\n")
    assert desk.install("-r requirements.txt", lock="locked").pins == ("tiny==1.0",)
    assert not (desk.root / "pelton.lock").exists()
    desk.write("requirements.txt", f"tiny==1.0 --hash=sha256:{'0' * 64}\n")
    with pytest.raises(Tampered, match=r"none of the hashes that are pinned for tiny 1\.0"):
        desk.install("-r requirements.txt")


@pytest.mark.parametrize(
    "text", ["<<<<<<< HEAD\n", "version = 2\n", "version = 1\n[[resolution]]\n"]
)
def test_a_lock_that_cannot_be_read_says_what_to_do(text: str, desk: Desk, shelf: Shelf) -> None:
    shelf.wheel("tiny")
    desk.write("pelton.lock", text)
    with pytest.raises(CannotResolve, match=r"pelton\.lock .*(version control|pelton lock)"):
        desk.install("tiny")


# The cache.


def test_a_damaged_cache_is_said_and_made_anew(desk: Desk, shelf: Shelf) -> None:
    shelf.wheel("tiny")
    desk.install("tiny")
    made = desk.install("tiny")  # as the cache has it
    (kept,) = (desk.cache / "wheels").glob("*.whl")
    kept.write_bytes(kept.read_bytes().replace(b"v = '1.0'", b"v = '6.6'"))
    with pytest.raises(CannotResolve, match=r"the wheel of tiny 1\.0 is not as it was fetched"):
        made.read("tiny.py")
    assert desk.install("tiny").read("tiny.py") == b"v = '1.0'\n"


def test_a_manifest_cut_short_is_made_anew(desk: Desk, shelf: Shelf) -> None:
    shelf.wheel("tiny")
    made = desk.install("tiny")
    (made.home / "manifest.json").write_text('{"files": ')
    assert desk.install("tiny").read("tiny.py") == b"v = '1.0'\n"


def test_a_folder_of_the_cache_that_lost_a_file_is_made_anew(desk: Desk, shelf: Shelf) -> None:
    shelf.wheel("tiny")
    made = desk.install("tiny")
    (made.home / "members.json").unlink()
    assert desk.install("tiny").read("tiny.py") == b"v = '1.0'\n"


def test_a_cache_that_cannot_be_written_is_said(desk: Desk, shelf: Shelf) -> None:
    shelf.wheel("tiny")
    desk.cache.write_text("a file where a folder should be")
    with pytest.raises(CannotResolve, match=r"cannot be kept in .*make room or give another cache"):
        desk.install("tiny")


def test_a_lock_that_cannot_be_written_is_said_by_its_name(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(CannotResolve, match=r"file/pelton\.lock cannot be written: .*make room"):
        write_lock(tmp_path / "file" / "pelton.lock", Lock())


# What cannot be had.


def test_a_conflict_names_both_sides(desk: Desk, shelf: Shelf) -> None:
    shelf.wheel("tiny", "1.0")
    shelf.wheel("tiny", "2.0")
    shelf.wheel("other", needs=["tiny<2"])
    with pytest.raises(CannotResolve, match=r"contradict each other.*other.*tiny<2.*tiny>=2"):
        desk.install("other", "tiny>=2")


def test_a_name_that_does_not_exist_is_said_with_its_line(desk: Desk) -> None:
    with pytest.raises(
        CannotResolve, match=r"conftest\.py:\d+: no-such-thing-at-all is not in the"
    ):
        desk.install("no-such-thing-at-all")


def test_a_version_that_does_not_exist(desk: Desk, shelf: Shelf) -> None:
    shelf.wheel("tiny")
    with pytest.raises(CannotResolve, match=r"there is no tiny==9 for Python 3\.12"):
        desk.install("tiny==9")
    with pytest.raises(CannotResolve, match=r"there is no tiny>=9 for .*; 1\.0 is the newest"):
        desk.install("tiny>=9")
