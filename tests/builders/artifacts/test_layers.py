"""`package="layers"`: what is in the layer, who shares it, what is refused."""

import subprocess
import sys

import pytest

from pelton.builders import BuildError, Target, load_app
from pelton.builders.artifacts import KINDS, kind
from pelton.builders.artifacts.base import Content
from pelton.builders.content import held
from pelton.builders.installed import Installed

from ..support import APP, Maker, names

# The head of a native library: 64 bits, little-endian, for aarch64.
AARCH64 = b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x03\x00\xb7\x00" + bytes(44)
LAYERS = 'aws=pelton.Aws(package="layers")'


def test_requirements_go_into_a_layer_and_nothing_else_does(maker: Maker) -> None:
    maker.wheel("tiny")
    built = maker.build(requirements=("tiny",), more=LAYERS)
    (layer,) = built.layers
    assert {"python/tiny.py", "python/tiny-1.0.dist-info/METADATA"} <= names(layer.path)
    assert all(name.startswith("python/") for name in names(layer.path))
    code = names(built.path)
    assert "pelton_entry_double.py" in code
    assert not any("tiny" in name for name in code)
    assert layer.name == f"pelton-{layer.digest[:20]}"
    assert layer.path.name == f"{layer.name}.zip"
    assert (built.package, layer.runtimes) == ("layers", ("python3.12",))


def test_the_same_requirements_are_one_layer_whatever_the_code(maker: Maker) -> None:
    maker.wheel("tiny")
    maker.wheel("other")
    first = maker.build(requirements=("tiny",), more=LAYERS)
    second = maker.build("import os", ("tiny",), more=LAYERS)
    third = maker.build(requirements=("tiny", "other"), more=LAYERS)
    assert first.layers == second.layers
    assert first.digest != second.digest
    assert third.layers[0].name != first.layers[0].name


def test_without_requirements_there_is_no_layer(maker: Maker) -> None:
    built = maker.build(more=LAYERS)
    assert (built.layers, built.package) == ((), "layers")


def test_code_and_layer_together_are_what_one_zip_would_be(maker: Maker) -> None:
    maker.wheel("tiny")
    all_compiled = 'trim=["no-unreached"]'
    split = maker.build("", ("tiny",), all_compiled, package="layers")
    whole = maker.build("", ("tiny",), all_compiled, package="zip")
    held = {name.removeprefix("python/") for name in names(split.layers[0].path)}
    both = held | names(split.path)
    assert {n for n in both if "artifact_app" not in n} == {
        n for n in names(whole.path) if "artifact_app" not in n
    }


def test_it_runs_as_lambda_lays_it(maker: Maker) -> None:
    maker.wheel("tiny")
    late = "def later():\n    import tiny\n    return tiny.x\n"
    built = maker.build(late, ("tiny",), package="layers")
    module = next(n for n in names(built.path) if n.startswith("artifact_app"))
    code = (
        f"import sys; sys.path[:0] = [{str(built.path)!r}, {str(built.layers[0].path)!r} + "
        "'/python']; import pelton_entry_double as e; print(e.handler(21, None));"
        f"import {module[:-3]} as app; print(app.later())"
    )
    command = [sys.executable, "-S", "-I", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.stdout.split(), done.stderr) == (["42", "tiny"], "")


def test_a_pure_layer_is_for_both_architectures_a_native_one_for_its_own(maker: Maker) -> None:
    maker.wheel("tiny")
    native = {"fast.cpython-312-aarch64-linux-gnu.so": AARCH64}
    maker.wheel("fast", native, "cp312-cp312-manylinux_2_28_aarch64")
    arm = Target("lambda", "3.12", "arm64")
    pure = maker.build(requirements=("tiny",), more=LAYERS, target=arm)
    assert pure.layers[0].architectures == ("x86_64", "arm64")
    assert maker.build(requirements=("fast",), more=LAYERS, target=arm).layers[0].architectures == (
        "arm64",
    )


def test_code_and_layer_count_together_against_the_limit(maker: Maker) -> None:
    app, _ = load_app(str(maker.app(APP.format(imports="", requirements=(), more=""))))
    halves = {"code.bin": bytes(130 << 20), "huge/huge.bin": bytes(130 << 20)}
    brought = Installed(owner={"huge/huge.bin": "huge 1.0"})
    content = Content(app.functions["double"], Target("lambda", "3.12"), "e", held(halves), brought)
    with pytest.raises(BuildError, match=r"(?s)260\.0 MB.*over Lambda's limit.*huge 1\.0"):
        kind(KINDS["lambda", "layers"]).check(content)


def test_six_layers_are_refused(maker: Maker) -> None:
    maker.wheel("tiny")
    arns = tuple(f"arn:aws:lambda:eu-west-1:123456789012:layer:l{n}:1" for n in range(5))
    more = f'aws=pelton.Aws(package="layers", layers={arns})'
    with pytest.raises(BuildError, match="5 layers of its own and one for its requirements"):
        maker.build(requirements=("tiny",), more=more)
    assert maker.build(more=more).layers == ()


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ('aws=pelton.Aws(package="tar")', "package='tar' is unknown; use one of zip"),
        ('aws=pelton.Aws(layers=("x",))', "'x' is no ARN"),
        ('aws=pelton.Aws(layers="x")', "no list of at most 5"),
        ('nuclio=pelton.Nuclio(package="zip")', "use one of archive"),
    ],
)
def test_a_wrong_word_is_said_with_its_line(maker: Maker, more: str, said: str) -> None:
    with pytest.raises(Exception, match=rf"artifact_app_\d+\.py:6: .*{said}"):
        maker.build(more=more)


def test_a_package_of_another_platform_is_refused_by_name(maker: Maker) -> None:
    with pytest.raises(BuildError, match="nuclio has no package 'layers'; it has archive"):
        maker.build(target=Target("nuclio", "3.11"), package="layers")
