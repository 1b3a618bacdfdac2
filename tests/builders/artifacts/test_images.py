"""Images: the context, what an engine is asked, and images that no engine makes."""

import json
import os
import shutil
import stat
import tarfile
from pathlib import Path

import pytest

from pelton.builders import Artifact, BuildError, Target, function_yaml
from pelton.builders.artifacts.image_context import LIMIT, refuse_large_image
from pelton.builders.engines import find_engine
from pelton.builders.oci import write_image
from pelton.builders.report import Entry, Report

from ..base_image import base_image, read_image
from ..support import APP, Maker

IMAGE = 'aws=pelton.Aws(package="image")'
NUCLIO = Target("nuclio", "3.11")
FASTER = """#!/bin/sh
case "$1" in
info) echo 24.0;;
*) echo "$@" >> ENGINE_LOG; [ "$1" != push ] || { echo "denied: no such repository" >&2; exit 1; };;
esac
"""


def tree(folder: Path) -> dict[str, tuple[bytes, int, float]]:
    """Every file of a folder: what is in it, its mode, its time."""
    return {
        path.relative_to(folder).as_posix(): (
            path.read_bytes() if path.is_file() else b"",
            stat.S_IMODE(path.stat().st_mode),
            path.stat().st_mtime,
        )
        for path in sorted(folder.rglob("*"))
    }


def built(maker: Maker, **more: str) -> Artifact:
    maker.wheel("tiny")
    return maker.build(requirements=("tiny",), more=IMAGE)


def test_a_context_has_code_and_requirements_apart(maker: Maker) -> None:
    made = built(maker)
    held = tree(made.path)
    assert {"Dockerfile", "requirements/tiny.py", "code/pelton_entry_double.py"} <= set(held)
    assert not any("tiny" in name for name in held if name.startswith("code/"))
    lines = (made.path / "Dockerfile").read_text().splitlines()[1:]
    assert lines == [
        "ARG BASE=public.ecr.aws/lambda/python:3.12",
        "FROM --platform=linux/amd64 ${BASE}",
        "COPY requirements/ /var/task/",
        "COPY code/ /var/task/",
        'CMD ["pelton_entry_double.handler"]',
    ]
    assert made.image is not None
    assert made.image.reference == f"pelton/demo:double-{made.digest[:20]}"
    assert (made.package, made.needs_s3) == ("image", False)


def test_a_context_is_the_same_whatever_the_umask_and_whatever_was_there(maker: Maker) -> None:
    file = maker.app(APP.format(imports="", requirements=(), more=IMAGE))
    first = maker.build(file=file)
    held = tree(first.path)
    (first.path / "left.txt").write_text("of before")
    before = os.umask(0o077)
    try:
        again = maker.build(file=file)
    finally:
        os.umask(before)
    assert (again, tree(again.path)) == (first, held)


def test_for_another_architecture_and_repository(maker: Maker) -> None:
    more = 'aws=pelton.Aws(package="image", repository="1.dkr.ecr.eu-west-1.amazonaws.com/x")'
    made = maker.build(more=more, target=Target("lambda", "3.13", "arm64"))
    text = (made.path / "Dockerfile").read_text()
    assert "lambda/python:3.13" in text and "--platform=linux/arm64" in text
    assert made.image is not None
    assert made.image.reference.startswith("1.dkr.ecr.eu-west-1.amazonaws.com/x:double-")


def test_nuclio_s_context_has_its_processor_and_configuration(maker: Maker) -> None:
    maker.wheel("tiny")
    made = maker.build(requirements=("tiny",), target=NUCLIO, package="image")
    assert made.spec is not None and made.image is not None
    assert made.spec["spec"]["image"] == made.image.reference
    assert made.spec["spec"]["build"] == {"codeEntryType": "image"}
    assert function_yaml.read(made.path / "function.yaml") == made.spec
    write_image(made.path, made.image, base_image(maker.folder / "base"), maker.folder / "image")
    *_, last = read_image(maker.folder / "image")[2]
    assert list(last) == ["etc/nuclio/config/processor/processor.yaml"]
    text = (made.path / "Dockerfile").read_text()
    for line in (
        "COPY --from=nuclio /home/nuclio/bin/processor /usr/local/bin/processor",
        "COPY requirements/ /opt/nuclio/",
        "COPY function.yaml /etc/nuclio/config/processor/processor.yaml",
        'CMD ["processor"]',
    ):
        assert line in text
    assert (made.path / "requirements" / "tiny.py").is_file()


def test_ten_gigabytes_are_the_limit_and_say_who_is_to_blame() -> None:
    report = Report((), (Entry("torch 2.9", LIMIT - 5), Entry("your code", 5)), 0, LIMIT)
    refuse_large_image("score", report)
    with pytest.raises(BuildError, match=r"(?s)score is an image of 10240.0 MB and .*torch 2\.9"):
        refuse_large_image("score", report, base=1)


def test_an_image_without_an_engine(maker: Maker, tmp_path: Path) -> None:
    made = built(maker)
    assert made.image is not None
    base = base_image(tmp_path / "base", "arm64", "amd64")
    digest = write_image(made.path, made.image, base, tmp_path / "image")
    manifest, config, layers = read_image(tmp_path / "image")
    assert config["architecture"] == "amd64"
    assert config["config"] == {
        "Env": ["PATH=/bin", "LAMBDA_TASK_ROOT=/var/task"],
        "Entrypoint": ["/lambda-entrypoint.sh"],
        "Cmd": ["pelton_entry_double.handler"],
        "WorkingDir": "/var/task",
    }
    assert [each.get("empty_layer", False) for each in config["history"]] == [
        False, False, False, True,
    ]  # fmt: skip
    of_base, requirements, code = layers
    assert list(of_base) == ["lambda-entrypoint.sh"]
    assert "var/task/tiny.py" in requirements
    assert (
        code["var/task/pelton_entry_double.py"]
        == (made.path / "code" / "pelton_entry_double.py").read_bytes()
    )
    assert len(manifest["layers"]) == 3
    index = json.loads((tmp_path / "image" / "index.json").read_text())
    assert index["manifests"][0]["digest"] == digest
    assert index["manifests"][0]["annotations"] == {
        "org.opencontainers.image.ref.name": made.image.reference
    }


def test_a_tar_of_the_base_gives_the_same_image(maker: Maker, tmp_path: Path) -> None:
    made = built(maker)
    assert made.image is not None
    base = base_image(tmp_path / "base")
    with tarfile.open(tmp_path / "base.tar", "w") as archive:
        archive.add(base, ".")
    first = write_image(made.path, made.image, base, tmp_path / "one")
    again = write_image(made.path, made.image, tmp_path / "base.tar", tmp_path / "two")
    third = write_image(made.path, made.image, base, tmp_path / "one")
    assert first == again == third
    assert {n: c for n, (c, _, _) in tree(tmp_path / "one").items()} == {
        n: c for n, (c, _, _) in tree(tmp_path / "two").items()
    }


def test_what_is_no_base_is_refused(maker: Maker, tmp_path: Path) -> None:
    made = built(maker)
    assert made.image is not None

    def refused(base: Path, said: str) -> None:
        assert made.image is not None
        with pytest.raises(BuildError, match=said):
            write_image(made.path, made.image, base, tmp_path / "image")
        assert not (tmp_path / "image").exists()
        assert [each.name for each in tmp_path.glob(".image-*")] == []

    refused(tmp_path / "gone.tar", "cannot be read")
    (tmp_path / "empty").mkdir()
    refused(tmp_path / "empty", "is no OCI layout")
    refused(base_image(tmp_path / "arm", "arm64"), "is for linux/arm64, and the function for li")
    damaged = base_image(tmp_path / "damaged")
    layer = read_image(damaged)[0]["layers"][0]["digest"].replace(":", "/")
    (damaged / "blobs" / layer).write_bytes(b"other")
    refused(damaged, "is damaged: its blob sha256")
    (damaged / "blobs" / layer).unlink()
    refused(damaged, "lacks the blob sha256")


def test_an_engine_builds_the_context(
    maker: Maker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = built(maker)
    assert made.image is not None
    (tmp_path / "bin").mkdir()
    for name in ("docker", "podman"):
        program = tmp_path / "bin" / name
        program.write_text(FASTER.replace("ENGINE_LOG", str(tmp_path / "log")))
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/bin:/usr/bin")
    docker = find_engine()
    assert docker.name == "docker"
    docker.build(made.path, made.image, base="my/base:1")
    (tmp_path / "bin" / "docker").write_text(
        "#!/bin/sh\necho 'is the daemon running?' >&2; exit 1\n"
    )
    podman = find_engine()
    podman.build(made.path, made.image)
    first, second = (tmp_path / "log").read_text().splitlines()
    tag = f"build --tag {made.image.reference} --platform linux/amd64"
    assert first == (
        f"{tag} --build-arg SOURCE_DATE_EPOCH=315532800 --build-arg BASE=my/base:1 {made.path}"
    )
    assert second == f"{tag} --timestamp 315532800 {made.path}"
    denied = r"podman cannot push x: denied: no such repository; log in with `podman login`"
    with pytest.raises(BuildError, match=denied):
        podman.push("x")
    (tmp_path / "bin" / "podman").write_text("#!/bin/sh\necho pulling >&2; echo gone >&2; exit 1\n")
    base = rf"cannot build {made.image.reference} of .*: gone; look whether .* fetched.*--base"
    with pytest.raises(BuildError, match=base) as failed:
        podman.build(made.path, made.image)
    assert failed.value.__notes__ == ["podman: pulling"]
    shutil.rmtree(tmp_path / "bin")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(
        BuildError, match=r"docker is not on the search path.*buildah is not.*--base"
    ):
        find_engine()
