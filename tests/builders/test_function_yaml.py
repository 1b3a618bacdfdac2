"""function.yaml: read, written, read again, with nothing lost."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pelton.builders import BuildError, function_yaml

TEXT = """
apiVersion: "nuclio.io/v1"
kind: NuclioFunction
metadata:
  name: face
  namespace: nuclio
  labels: {nuclio.io/project-name: vision}
spec:
  runtime: python:3.11
  handler: face:handler
  env:
  - {name: DEBUG, value: "on"}
  - name: TOKEN
    valueFrom: {secretKeyRef: {name: s, key: k}}
  build:
    commands:
    - apt-get update && apt-get install -y wget
    - |-
      pip install \\
        tensorflow
  triggers:
    web: {kind: http, maxWorkers: 4, attributes: {port: 0, ingresses: {}}}
  resources: {limits: {nvidia.com/gpu: 1}}
  somethingNew: [1, 2.5, null, true, [], {}]
"""
plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=12,
)


def test_what_was_read_is_written_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "function.yaml").write_text(TEXT)
    found = function_yaml.read(tmp_path / "function.yaml")
    assert found["spec"]["somethingNew"] == [1, 2.5, None, True, [], {}]
    function_yaml.write(found, tmp_path / "again.yaml")
    again = function_yaml.read(tmp_path / "again.yaml")
    assert again == found
    assert list(again["spec"]) == list(found["spec"]), "in the order that it had"
    assert function_yaml.text_of(again) == (tmp_path / "again.yaml").read_text()


@given(st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=8), plain))
def test_everything_comes_back(spec: dict[str, Any]) -> None:
    assert function_yaml.parse(function_yaml.text_of({"spec": spec})) == {"spec": spec}


def test_words_that_yaml_versions_read_differently_stay_texts() -> None:
    env = [
        {"name": "n", "value": each} for each in ("on", "no", "3.10", "1e3", "0o7", "2024-01-01")
    ]
    assert function_yaml.parse(function_yaml.text_of({"spec": {"env": env}}))["spec"]["env"] == env


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("spec: [", r"function\.yaml:1: "),
        ("- a", "a function's configuration is a mapping"),
        ("kind: Pod", "kind: 'Pod' is no function of Nuclio"),
        ("spec: text", "spec must be a mapping"),
    ],
)
def test_what_is_no_configuration_is_refused(text: str, said: str) -> None:
    with pytest.raises(BuildError, match=said):
        function_yaml.parse(text)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match=r"nothing\.yaml cannot be read"):
        function_yaml.read(tmp_path / "nothing.yaml")
