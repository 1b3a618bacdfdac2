"""What is written beside an artifact: a CycloneDX document and an in-toto statement."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from pelton.builders import Artifact, Resolver, Target, build, load_app

from .support import Maker

# No machine has it: nothing is compiled, which is not what these tests are about.
PLAIN = Target("lambda", "3.99")
REMOTE = "https://me:secret@example.com/shop.git"


def read(artifact: Artifact, suffix: str) -> Any:
    return json.loads((artifact.path.parent / f"double-lambda-aws{suffix}").read_text())


@pytest.fixture(scope="module")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    maker = Maker(tmp_path_factory.mktemp("papers"))
    about = (
        "Metadata-Version: 2.4\nName: Top_Level\nVersion: 1.0\nSummary: The top\n"
        "License-Expression: MIT OR Apache-2.0\nRequires-Dist: below\n"
        'Requires-Dist: missing; extra == "never"\n'
    )
    maker.wheel("top_level", {"top_level-1.0.dist-info/METADATA": about.encode()})
    old = "Metadata-Version: 2.1\nName: below\nVersion: 1.0\nLicense: BSD\n"
    maker.wheel("below", {"below-1.0.dist-info/METADATA": old.encode()})
    return maker.build(requirements=("top-level",), target=PLAIN)


def test_the_sbom_names_components_with_hashes_licences_and_needs(artifact: Artifact) -> None:
    bom = read(artifact, ".cdx.json")
    parts = {each["bom-ref"]: each for each in bom["components"]}
    top, below = parts["pkg:pypi/top-level@1.0"], parts["pkg:pypi/below@1.0"]
    assert top["licenses"] == [{"expression": "MIT OR Apache-2.0"}]
    assert below["licenses"] == [{"license": {"name": "BSD"}}]
    assert all(re.fullmatch("[0-9a-f]{64}", each["hashes"][0]["content"]) for each in (top, below))
    assert bom["metadata"]["component"]["hashes"][0]["content"] == artifact.digest
    needs = {each["ref"]: each["dependsOn"] for each in bom["dependencies"]}
    pelton = next(each for each in parts if each.startswith("pkg:pypi/pelton@"))
    assert needs["function"] == sorted([pelton, "pkg:pypi/top-level@1.0"])
    assert needs["pkg:pypi/top-level@1.0"] == ["pkg:pypi/below@1.0"]


def test_the_sbom_is_what_the_schema_requires(artifact: Artifact) -> None:
    """Held against the schema itself, as the CycloneDX library carries it."""
    validation = pytest.importorskip("cyclonedx.validation.json")
    schema = pytest.importorskip("cyclonedx.schema")
    text = (artifact.path.parent / "double-lambda-aws.cdx.json").read_text()
    validator = validation.JsonStrictValidator(schema.SchemaVersion.V1_6)
    assert validator.validate_str(text) is None


def test_neither_is_in_the_archive_nor_has_it_a_time_or_a_path(artifact: Artifact) -> None:
    for suffix in (".cdx.json", ".intoto.json"):
        text = json.dumps(read(artifact, suffix))
        assert str(artifact.path.parent) not in text
        assert not re.search(r"20\d\d-\d\d-\d\d", text)


@pytest.fixture
def working_copy(tmp_path: Path) -> Maker:
    maker = Maker(tmp_path)
    for words in (["init", "-q"], ["config", "user.email", "a@example.com"],
                  ["config", "user.name", "A"],
                  ["remote", "add", "origin", REMOTE]):  # fmt: skip
        subprocess.run(["git", "-C", maker.root, *words], check=True)
    return maker


def commit(maker: Maker) -> str:
    for words in (["add", "-A"], ["commit", "-qm", "x"]):
        subprocess.run(["git", "-C", maker.root, *words], check=True)
    said = subprocess.run(
        ["git", "-C", maker.root, "rev-parse", "HEAD"], check=True, capture_output=True, text=True
    )
    return said.stdout.strip()


def test_provenance_follows_the_working_copy_and_the_artifact_does_not(working_copy: Maker) -> None:
    maker = working_copy
    helper = maker.root / "papers_helper.py"
    helper.write_text("x = 1\n")
    file = maker.app(
        "import pelton\nimport papers_helper\napp = pelton.App('demo')\n"
        "@app.function\ndef double(n: int) -> int:\n    return n\n"
    )
    first = commit(maker)
    clean, digest = _sources(maker, file)
    assert clean == [{"uri": "git+https://example.com/shop.git", "digest": {"gitCommit": first}}]
    (maker.root / "README").write_text("another commit")
    second = commit(maker)
    again, same = _sources(maker, file)
    assert again[0]["digest"] == {"gitCommit": second}
    assert same == digest
    helper.write_text("x = 2\n")
    changed, other = _sources(maker, file)
    assert [each.get("name") for each in changed] == [None, "uncommitted changes"]
    assert other != digest
    helper.write_text("x = 3\n")
    assert _sources(maker, file)[0][1] != changed[1]


def _sources(maker: Maker, file: Path) -> tuple[list[Any], str]:
    app, root = load_app(str(file))
    resolver = Resolver(maker.folder / "cache", offline=True)
    made = build(
        app.functions["double"], PLAIN, root=root, out=maker.out,
        resolver=resolver,
    )  # fmt: skip
    said = read(made, ".intoto.json")
    assert said["subject"] == [{"name": made.path.name, "digest": {"sha256": made.sha256}}]
    return said["predicate"]["buildDefinition"]["resolvedDependencies"], made.digest


def test_outside_of_a_working_copy_there_is_no_commit(artifact: Artifact) -> None:
    said = read(artifact, ".intoto.json")["predicate"]["buildDefinition"]["resolvedDependencies"]
    assert [each["uri"] for each in said] == ["pkg:pypi/below@1.0", "pkg:pypi/top-level@1.0"]
