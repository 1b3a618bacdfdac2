"""scikit-learn models by skops and by pinned pickles: what is trusted, what is refused unread.

Both libraries take seconds to be imported: who runs these tests does it, not who collects them.
"""

from __future__ import annotations

import hashlib
import json
import pickle
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy
import pandas
import pytest

from pelton import Graph, InvalidInput
from pelton.handlers.errors import GraphError
from pelton.serving_graph.models.file import ModelFile
from pelton.serving_graph.models.pickled import PickledModel, pin
from pelton.serving_graph.models.skops import SkopsModel
from pelton.steps import pickled, skops

ROWS = numpy.array([[0.0, 0.0], [1.0, 1.0], [2.0, 0.0], [3.0, 1.0]])
LABELS = ["early", "early", "late", "late"]
TREE = "sklearn.tree._tree.Tree"


def scaled(model: Any) -> Any:
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), model)


def line() -> Any:
    from sklearn.linear_model import LinearRegression

    return LinearRegression()


def classifier() -> Any:
    from sklearn.linear_model import LogisticRegression

    return scaled(LogisticRegression()).fit(ROWS, LABELS)


def on_a_frame() -> Any:
    from sklearn.compose import ColumnTransformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    frame = pandas.DataFrame({"distance": [1.0, 2.0, 3.0, 4.0], "carrier": ["a", "b", "a", "b"]})
    columns = ColumnTransformer([("one", OneHotEncoder(), ["carrier"])], remainder="passthrough")
    return make_pipeline(columns, LogisticRegression()).fit(frame, LABELS)


def loaded(folder: Path, model: Any, **settings: Any) -> SkopsModel:
    import skops.io as skops_io

    skops_io.dump(model, folder / "m.skops")
    made = SkopsModel(ModelFile("m.skops", str(folder), "app"), **settings)
    made.load()
    return made


def test_a_row_rows_dicts_and_arrays_say_the_same(tmp_path: Path) -> None:
    run = loaded(tmp_path, classifier(), features=["a", "b"])
    assert run([0.0, 0.0]) == "early" and run([[0, 0], [3, 1]]) == ["early", "late"]
    assert run({"b": 1, "a": 3}) == "late"
    assert run(ROWS).tolist() == LABELS
    assert run.metadata.inputs == (("X", "FP64", (-1, 2)),)
    assert run.metadata.outputs == (("predict", "BYTES", (-1,)),)
    digest = hashlib.sha256((tmp_path / "m.skops").read_bytes()).hexdigest()
    assert run.metadata.sha256 == digest
    assert run.infer({"X": ROWS})["predict"].tolist() == LABELS


def test_probabilities_are_lists_or_by_label_as_told(tmp_path: Path) -> None:
    plain = loaded(tmp_path, classifier(), outputs=["predict_proba"])
    named = loaded(tmp_path, classifier(), outputs=["predict_proba"], by_label=True)
    row = plain([3.0, 1.0])
    assert len(row) == 2 and named([3.0, 1.0]) == {"early": row[0], "late": row[1]}
    assert [*named(ROWS)] == [{"early": low, "late": high} for low, high in plain(ROWS)]
    both = loaded(tmp_path, classifier(), outputs=["predict", "predict_proba"], by_label=True)
    answer = both([3.0, 1.0])
    assert answer["predict"] == "late" and answer["predict_proba"]["late"] == row[1]
    assert both.metadata.outputs[1] == ("predict_proba", "FP64", (-1, 2))


def test_a_model_of_a_data_frame_takes_names(tmp_path: Path) -> None:
    run = loaded(tmp_path, on_a_frame(), features={"carrier": "BYTES"})
    assert run({"carrier": "a", "distance": 1}) == "early"
    assert run([{"carrier": "b", "distance": 4.0}] * 2) == ["late", "late"]
    assert [each.datatype for each in run.metadata.inputs] == ["FP64", "BYTES"]
    arrays = {"distance": numpy.array([[1.0], [4.0]]), "carrier": numpy.array([["a"], [b"b"]])}
    arrays["carrier"] = numpy.array([["a"], [b"b"]], dtype=object)
    assert run.infer(arrays)["predict"].tolist() == ["early", "late"]
    for wrong, path in [
        ({"carrier": "a"}, ["distance"]),
        ({"carrier": 3, "distance": 1}, ["carrier"]),
        ([{"carrier": "a", "distance": 1}, {"carrier": "a", "distance": "far"}], [1, "distance"]),
        ([1.0, 2.0], []),
    ]:
        with pytest.raises(InvalidInput) as caught:
            run(wrong)
        assert caught.value.details[0]["path"] == path


def test_types_that_nobody_trusts_are_named_and_not_made(tmp_path: Path) -> None:
    from sklearn.tree import DecisionTreeClassifier

    tree = DecisionTreeClassifier().fit(ROWS, LABELS)
    with pytest.raises(ValueError, match=r"nobody said to trust: sklearn\.tree\._tree\.Tree"):
        loaded(tmp_path, tree)
    assert loaded(tmp_path, tree, trusted=[TREE])([3.0, 1.0]) == "late"


def test_files_and_settings_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "junk.skops").write_bytes(b"junk")
    with pytest.raises(ValueError, match=r"junk\.skops is no skops file"):
        SkopsModel(ModelFile("junk.skops", str(tmp_path), "app")).load()
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"outputs": ["predict_all"]}, "a Pipeline, which has no method 'predict_all'"),
        ({"outputs": ["_check"]}, "has no method '_check'"),
        ({"features": ["a"]}, "takes 2 features, inputs= names 1"),
        ({"by_label": True}, "by_label= is for probabilities"),
    ]
    for settings, says in wrong:
        with pytest.raises(ValueError, match=says):
            loaded(tmp_path, classifier(), **settings)
    with pytest.raises(ValueError, match="fitted without a feature 'speed'"):
        loaded(tmp_path, on_a_frame(), features=["speed"])
    with pytest.raises(InvalidInput, match="takes n x 2, got 1 x 3"):
        loaded(tmp_path, line().fit(ROWS, [0, 1, 2, 3]))([1, 2, 3])


def test_regressors_of_one_number_and_of_several(tmp_path: Path) -> None:
    one = loaded(tmp_path, line().fit(ROWS, [0, 1, 2, 3]))
    assert one.metadata.outputs == (("predict", "FP64", (-1,)),)
    assert one([3, 1]) == pytest.approx(3.0)
    two = loaded(tmp_path, scaled(line()).fit(ROWS, ROWS))
    assert two.metadata.outputs == (("predict", "FP64", (-1, 2)),)
    assert two([3, 1]) == pytest.approx([3.0, 1.0])


def dumped(folder: Path, thing: Any) -> ModelFile:
    content = pickle.dumps(thing)
    (folder / "m.pkl").write_bytes(content)
    return ModelFile("m.pkl", str(folder), "app", hashlib.sha256(content).hexdigest())


HERE = f"{sys.version_info.major}.{sys.version_info.minor}"


def test_a_pinned_pickle_runs(tmp_path: Path) -> None:
    file = dumped(tmp_path, classifier())
    pinned = pin(str(tmp_path / "m.pkl"), "scikit-learn")
    assert pinned["sha256"] == file.sha256 and pinned["versions"]["python"] == HERE
    run = PickledModel(file, versions=pinned["versions"])
    run.load()
    assert run([3.0, 1.0]) == "late"
    with pytest.raises(ValueError, match="'no-such' is not installed here"):
        pin(str(tmp_path / "m.pkl"), "no-such")


class Ran:
    """Whoever unpickles it runs its code."""

    seen: ClassVar[list[str]] = []

    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        return (Ran.seen.append, ("ran",))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"sha256": ""}, "without a pinned sha256"),
        ({"sha256": "0" * 64}, "pinned is 0000"),
        ({"python": "3.2"}, f"pickled with python 3.2, here is {HERE}"),
        ({"numpy": "0.1"}, "pickled with numpy 0.1, here is"),
        ({"no-such": "1"}, "pickled with no-such 1, it is not here"),
    ],
)
def test_what_is_refused_is_never_unpickled(
    tmp_path: Path, change: dict[str, str], says: str
) -> None:
    file = dumped(tmp_path, Ran())
    if "sha256" in change:
        file = file._replace(sha256=change.pop("sha256"))
    with pytest.raises(ValueError, match=says):
        PickledModel(file, versions={"python": HERE, **change}).load()
    assert Ran.seen == []


def test_a_pickle_of_what_is_not_here_is_said(tmp_path: Path) -> None:
    module = types.ModuleType("gone_module")
    exec("class Gone:\n    pass", module.__dict__)
    sys.modules["gone_module"] = module
    try:
        file = dumped(tmp_path, module.Gone())
    finally:
        del sys.modules["gone_module"]
    with pytest.raises(ValueError, match="cannot be unpickled: ModuleNotFoundError"):
        PickledModel(file, versions={"python": HERE}).load()


def test_a_pickle_needs_its_pin_at_build() -> None:
    ask: Any = pickled
    with pytest.raises(TypeError, match="sha256"):
        ask("m.pkl")
    with pytest.raises(GraphError, match="no whole sha256 pinned, but 'abc'"):
        pickled("m.pkl", sha256="abc", versions={"python": HERE})
    with pytest.raises(GraphError, match="does not say which Python"):
        pickled("m.pkl", sha256="0" * 64, versions={"numpy": "1"})


def test_the_steps_are_made_again_from_their_specs() -> None:
    first = skops("m.skops", trusted=[TREE], inputs={"a": "BYTES"}, by_label=True, nan="allow")
    second = pickled("m.pkl", sha256="0" * 64, versions={"python": HERE}, warm_up=[1.0], name="n")
    graph = Graph("g") >> first >> second
    again = Graph.from_spec(json.loads(json.dumps(graph.spec.to_dict())))
    assert again.spec == graph.spec and again.files() == graph.files()
    wrong = json.loads(json.dumps(graph.spec.to_dict()).replace("0" * 64, ""))
    with pytest.raises(GraphError, match="no whole sha256"):
        Graph.from_spec(wrong)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"path": "/etc/passwd"}, "the path '/etc/passwd' is not inside the app"),
        ({"path": "../m.skops"}, "is not inside the app"),
        ({"path": None}, "is not inside the app"),
        ({"nan": "drop"}, "use 'refuse' or 'allow'"),
        ({"versions": {}}, "skops has no setting 'versions'"),
    ],
)
def test_a_spec_is_checked_as_a_call_is(changes: dict[str, Any], says: str) -> None:
    spec = json.loads(json.dumps((Graph("g") >> skops("m.skops")).spec.to_dict()))
    spec["steps"][0]["options"] |= changes
    with pytest.raises(GraphError, match=says):
        Graph.from_spec(spec)


def test_settings_are_checked_at_build() -> None:
    ask: Any = skops
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"trusted": TREE}, r"write trusted=\["),
        ({"inputs": "a"}, r"write inputs=\['a'\]"),
        ({"nan": "drop"}, "use 'refuse' or 'allow'"),
        ({"warm_up": {1}}, r"warm_up=\{1\} is not JSON-ready"),
    ]
    for settings, says in wrong:
        with pytest.raises(GraphError, match=says):
            ask("m.skops", **settings)
    with pytest.raises(GraphError, match="skops: the path '/m' is not inside the app"):
        skops("/m")
