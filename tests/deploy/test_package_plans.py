"""What a plan says of layers and images, as data."""

from dataclasses import replace

import pytest

from pelton.deploy.kinds import Change, dump, load
from pelton.deploy.kinds.function import LambdaFunction
from pelton.deploy.kinds.image import image_of
from pelton.deploy.kinds.layer import Layer
from pelton.deploy.planning import make_plan

NAME = "pelton-0123456789abcdef0123"
OTHER = "pelton-ffffffffffffffffffff"
TRACING = "arn:aws:lambda:eu-west-1:123456789012:layer:tracing:7"
SCORE = LambdaFunction(
    name="score",
    function="score",
    app="flights",
    runtime="python3.12",
    handler="e.handler",
    role="arn:role",
    digest="d1",
    sha256="00ff",
    layers=(TRACING, NAME),
)
LAYER = Layer(name=NAME, sha256="11ff", runtimes=("python3.12",))


def test_a_layer_goes_before_the_functions_that_take_it() -> None:
    plan = make_plan("flights", [LAYER, SCORE, replace(SCORE, name="other")], {})
    assert next(each.key for each in plan.steps) == f"layer:{NAME}"
    assert all(f"layer:{NAME}" in each.needs for each in plan.steps[1:])


def test_another_layer_is_a_change_of_dependencies_alone() -> None:
    live = replace(SCORE, layers=(TRACING, OTHER), code_sha256="AP8=", code_tag="AP8=")
    plan = make_plan("flights", [LAYER, SCORE], {SCORE.key: live})
    layer, function = plan.steps
    assert (layer.action, function.action) == ("create", "update")
    assert function.changes == (
        Change("dependencies", "layers", (TRACING, OTHER), (TRACING, NAME)),
    )


def test_what_is_there_is_not_published_again() -> None:
    live = replace(SCORE, code_sha256="AP8=", code_tag="AP8=")
    assert make_plan("flights", [LAYER, SCORE], {SCORE.key: live}).steps == ()
    moved = replace(SCORE, digest="d2")
    plan = make_plan("flights", [LAYER, moved], {SCORE.key: live, LAYER.key: LAYER})
    assert [each.key for each in plan.steps] == ["function:score"]


def test_an_image_goes_before_its_function_and_a_zip_is_no_image() -> None:
    image = image_of("pelton/flights:score-1", "d2", "score", {})
    wanted = replace(SCORE, image=image.name, layers=(), runtime="", handler="", digest="d2")
    plan = make_plan("flights", [image, wanted], {})
    assert [each.key for each in plan.steps] == [f"image:{image.name}", "function:score"]
    live = replace(SCORE, code_sha256="AP8=", code_tag="AP8=")
    again = make_plan("flights", [image, wanted], {SCORE.key: live})
    assert again.steps[-1].action == "replace"


@pytest.mark.parametrize("resource", [LAYER, image_of("1.dkr.ecr.x.com/a:b", "d", "f", {})])
def test_a_plan_that_is_saved_has_them_as_they_were(resource: Layer) -> None:
    assert load(dump(resource)) == resource
    assert dump(load(dump(resource))) == dump(resource)
