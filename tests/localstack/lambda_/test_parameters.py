"""The table of parameters names what there is, and what it calls refused is refused by its name."""

from __future__ import annotations

from typing import Any, cast

import boto3
import pytest

from pelton.localstack.lambda_.account import Account
from pelton.localstack.lambda_.api import operations
from pelton.localstack.lambda_.model import load
from pelton.localstack.parameters import REFUSED, standing, unknown
from pelton.pytest_plugin import RunningEmulator


class Nothing:
    def __getattr__(self, name: str) -> Any:
        return None


SERVED = set(operations(cast(Account, Nothing())))


def test_every_name_is_a_parameter() -> None:
    assert unknown(load(), SERVED) == []


def test_each_parameter_has_one_standing() -> None:
    told = {
        standing(name, member.name) for name in SERVED for member in load().operations[name].input
    }
    assert {"exact", "refused"} < told


@pytest.mark.fidelity("Functions", "a call signed for another region is refused in AWS's words")
def test_another_region_is_refused(pelton_emulator: RunningEmulator) -> None:
    elsewhere = boto3.client(
        "lambda",
        endpoint_url=pelton_emulator.url,
        region_name="eu-west-1",
        aws_access_key_id="a",
        aws_secret_access_key="b",
    )
    with pytest.raises(Exception, match="scoped to a valid region, not 'eu-west-1'") as caught:
        elsewhere.list_functions()
    assert cast(Any, caught.value).response["ResponseMetadata"]["HTTPStatusCode"] == 403


def test_what_is_refused_is_of_operations_that_are_served() -> None:
    assert set(REFUSED) <= SERVED
