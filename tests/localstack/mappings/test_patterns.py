"""The pattern language of filters, rule by rule."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pelton.localstack.lambda_.mappings.filters import wanted
from pelton.localstack.lambda_.mappings.patterns import BadPattern, compiled

EVENT = {
    "source": "orders",
    "none": None,
    "empty": "",
    "yes": True,
    "count": 3,
    "price": -1.5,
    "tags": ["red", "green"],
    "nothing": [],
    "customer": {"name": "Ada Lovelace", "ip": "10.0.0.7", "address": {"city": "Łódź"}},
    "lines": [{"sku": "a", "count": 1}, {"sku": "b", "count": 2}],
}


@pytest.mark.fidelity(
    "Event source mappings",
    "filters: prefix, suffix, anything-but, numeric, exists, wildcard, case, $or, nested",
)
@pytest.mark.parametrize(
    ("pattern", "fits"),
    [
        ({"source": ["orders"]}, True),
        ({"source": ["x", "orders"]}, True),
        ({"source": ["Orders"]}, False),
        ({"absent": ["orders"]}, False),
        ({"source": ["orders"], "count": [4]}, False),
        ({"none": [None]}, True),
        ({"empty": [None]}, False),
        ({"empty": [""]}, True),
        ({"yes": [True]}, True),
        ({"count": [3.0]}, True),
        ({"count": ["3"]}, False),
        ({"yes": [1]}, False),
        ({"count": [True]}, False),
        ({"tags": ["green"]}, True),
        ({"tags": ["blue"]}, False),
        ({"nothing": [{"exists": True}]}, False),
        ({"customer": {"address": {"city": ["Łódź"]}}}, True),
        ({"customer": {"address": {"street": ["x"]}}}, False),
        ({"lines": {"sku": ["b"], "count": [2]}}, True),
        ({"lines": {"sku": ["a"], "count": [2]}}, False),
        ({"source": [{"prefix": "or"}]}, True),
        ({"source": [{"prefix": "OR"}]}, False),
        ({"source": [{"prefix": {"equals-ignore-case": "OR"}}]}, True),
        ({"source": [{"suffix": "ers"}]}, True),
        ({"source": [{"suffix": {"equals-ignore-case": "ERS"}}]}, True),
        ({"count": [{"prefix": "3"}]}, False),
        ({"source": [{"equals-ignore-case": "ORDERS"}]}, True),
        ({"source": [{"anything-but": "orders"}]}, False),
        ({"source": [{"anything-but": ["a", "b"]}]}, True),
        ({"count": [{"anything-but": [3, 4]}]}, False),
        ({"absent": [{"anything-but": ["a"]}]}, False),
        ({"source": [{"anything-but": {"prefix": "or"}}]}, False),
        ({"source": [{"anything-but": {"suffix": ["x", "y"]}}]}, True),
        ({"source": [{"anything-but": {"equals-ignore-case": ["ORDERS"]}}]}, False),
        ({"source": [{"anything-but": {"wildcard": "o*s"}}]}, False),
        ({"tags": [{"anything-but": ["red"]}]}, True),
        ({"count": [{"numeric": ["=", 3]}]}, True),
        ({"count": [{"numeric": [">", 0, "<=", 3]}]}, True),
        ({"count": [{"numeric": [">", 3]}]}, False),
        ({"price": [{"numeric": ["<", 0]}]}, True),
        ({"price": [{"numeric": [">=", -1.5]}]}, True),
        ({"source": [{"numeric": [">", 0]}]}, False),
        ({"yes": [{"numeric": [">", 0]}]}, False),
        ({"source": [{"exists": True}]}, True),
        ({"source": [{"exists": False}]}, False),
        ({"absent": [{"exists": False}]}, True),
        ({"absent": {"deeper": [{"exists": False}]}}, True),
        ({"none": [{"exists": True}]}, True),
        ({"customer": [{"exists": True}]}, False),
        ({"customer": {"name": [{"wildcard": "A*Love*"}]}}, True),
        ({"customer": {"name": [{"wildcard": "A*love*"}]}}, False),
        ({"customer": {"name": [{"wildcard": "Ada\\*"}]}}, False),
        ({"customer": {"ip": [{"cidr": "10.0.0.0/24"}]}}, True),
        ({"customer": {"ip": [{"cidr": "10.0.1.0/24"}]}}, False),
        ({"source": [{"cidr": "10.0.1.0/24"}]}, False),
        ({"$or": [{"source": ["x"]}, {"count": [3]}]}, True),
        ({"$or": [{"source": ["x"]}, {"count": [4]}]}, False),
        ({"$or": [{"source": ["orders"]}, {"count": [4]}], "yes": [False]}, False),
        ({"customer": {"$or": [{"name": ["x"]}, {"ip": [{"prefix": "10."}]}]}}, True),
        ({"source": ["x", {"prefix": "o"}, {"exists": False}]}, True),
    ],
)
def test_a_pattern(pattern: Any, fits: bool) -> None:
    assert compiled(json.dumps(pattern))(EVENT) is fits


@pytest.mark.parametrize(
    "pattern",
    [
        "", "{", "[]", "{}", "1", '"a"', '{"a": "b"}', '{"a": 1}', '{"a": []}', '{"a": {}}',
        '{"a": [{}]}', '{"a": [{"prefix": 1}]}', '{"a": [{"nonsense": "x"}]}', '{"a": [["b"]]}',
        '{"a": [{"prefix": "a", "suffix": "b"}]}', '{"a": [{"exists": "yes"}]}',
        '{"a": [{"numeric": []}]}', '{"a": [{"numeric": [">"]}]}', '{"a": [{"numeric": ["!", 1]}]}',
        '{"a": [{"numeric": [">", "1"]}]}', '{"a": [{"numeric": [">", 1e10]}]}',
        '{"a": [{"anything-but": []}]}', '{"a": [{"anything-but": {"numeric": [">", 1]}}]}',
        '{"a": [{"anything-but": {}}]}', '{"a": [{"wildcard": "a**b"}]}',
        '{"a": [{"cidr": "nowhere"}]}', '{"$or": []}', '{"$or": [{"a": ["b"]}]}',
        '{"$or": {"a": ["b"]}}', '{"a": ' * 2000 + "1" + "}" * 2000,
    ],
)  # fmt: skip
def test_a_pattern_that_is_refused(pattern: str) -> None:
    with pytest.raises(BadPattern):
        compiled(pattern)


@pytest.mark.fidelity(
    "Event source mappings", "filters: content as JSON or as plain text, never one for the other"
)
@pytest.mark.parametrize(
    ("pattern", "body", "fits"),
    [
        ({"body": {"a": [1]}}, '{"a": 1}', True),
        ({"body": {"a": [1]}}, "plain", False),
        ({"body": {"a": [1]}}, "[1]", False),
        ({"body": ["plain"]}, "plain", True),
        ({"body": ["1"]}, "1", True),
        ({"body": [{"prefix": "{"}]}, '{"a": 1}', False),
        ({"id": ["x"]}, "plain", True),
        ({"id": ["x"], "body": ["other"]}, "plain", False),
        ({"id": ["y"], "body": ["plain"]}, "plain", False),
    ],
)
def test_a_pattern_on_content(pattern: Any, body: str, fits: bool) -> None:
    assert wanted([json.dumps(pattern)], "body")({"id": "x", "body": body}) is fits


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from("abc"), VALUES), VALUES)
def test_no_event_and_no_pattern_breaks_it(event: Any, pattern: Any) -> None:
    try:
        matches = compiled(json.dumps(pattern))
    except BadPattern:
        return
    assert matches(event) in (True, False)


@given(st.dictionaries(st.sampled_from("abc"), st.text(max_size=3) | st.integers(), min_size=1))
def test_an_event_fits_the_pattern_of_its_own_values(event: Any) -> None:
    assert compiled(json.dumps({name: [each] for name, each in event.items()}))(event)
    opposite = {name: [{"anything-but": [each]}] for name, each in event.items()}
    assert not compiled(json.dumps(opposite))(event)
