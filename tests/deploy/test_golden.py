"""Plans of an app with every trigger are, to the letter, the ones that were read and kept."""

import pytest

from tests.deploy.golden_plans import CASES, GOLDEN, text


@pytest.mark.parametrize("name", CASES)
def test_a_plan_is_the_golden_one(name: str) -> None:
    assert text(CASES[name]()) == (GOLDEN / f"{name}.json").read_text(), (
        "read the difference, then `python tests/deploy/golden_plans.py --write`"
    )


def test_every_golden_plan_has_its_case() -> None:
    assert {each.stem for each in GOLDEN.glob("*.json")} == set(CASES)
