"""Whoever may run may run, and nobody else: reserved, provisioned and shared concurrency."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pelton.localstack.lambda_.admission import Admission
from pelton.localstack.lambda_.records import Revision, Throttled

LEFT = 4
RESERVED = {"none": None, "other": None, "zero": 0, "two": 2}


def revision(name: str) -> Revision:
    return Revision(
        "key", name, "arn", "1", "us-east-1", "0" * 12, "python3.12", "m.h", 128, 3, {}, Path(),
        "group", reserved_concurrency=RESERVED[name],
    )  # fmt: skip


CALLS = st.lists(
    st.tuples(
        st.sampled_from(["enter", "leave"]), st.sampled_from(sorted(RESERVED)), st.booleans()
    ),
    max_size=60,
)


@pytest.mark.fidelity(
    "Concurrency", "functions that reserve nothing share what the account has left"
)
@given(CALLS)
def test_no_call_runs_beyond_its_limit_and_none_waits_below_it(
    calls: list[tuple[str, str, bool]],
) -> None:
    admission = Admission(lambda: LEFT)
    running: list[tuple[str, bool, AbstractContextManager[None]]] = []
    for act, name, place in calls:
        if act == "leave":
            mine = [each for each in running if each[0] == name]
            if mine:
                running.remove(mine[0])
                mine[0][2].__exit__(None, None, None)
            continue
        reserved = RESERVED[name]
        of_name = sum(each[0] == name for each in running)
        sharing = sum(RESERVED[each[0]] is None and not each[1] for each in running)
        call: AbstractContextManager[None] = admission.of(revision(name), place)
        if reserved is not None and of_name >= reserved:
            with pytest.raises(Throttled, match="ReservedFunctionConcurrentInvocationLimit"):
                call.__enter__()
        elif reserved is None and not place and sharing >= LEFT:
            with pytest.raises(Throttled, match=r"^ConcurrentInvocationLimitExceeded"):
                call.__enter__()
        else:
            call.__enter__()
            running.append((name, place, call))
    for _, _, each_call in running:
        each_call.__exit__(None, None, None)
    for name in ("none", "other"):  # nothing stays behind
        with admission.of(revision(name)):
            pass


def test_a_call_that_fails_leaves_its_place() -> None:
    admission = Admission(lambda: 1)
    for _ in range(3):
        with pytest.raises(ValueError, match="boom"), admission.of(revision("none")):
            raise ValueError("boom")
