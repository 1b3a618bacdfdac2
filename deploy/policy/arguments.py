"""What a call says of its arguments: the strings that are written down, `*` for all else.

Which member of AWS's request an argument is, is said by its name, or by who asks.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping

from .reached import Written
from .reading import Reading
from .values import ANY, Identifiers, Text, Values

_READ_BY_MEMBER = "CopySource"  # the one that is a dictionary and names a resource


class Arguments:
    """Of the calls of one function, in whose environment variables are looked up."""

    def __init__(self, reading: Reading, environment: Mapping[str, str]) -> None:
        self._reading, self._environment = reading, environment

    def given(self, call: Written, places: tuple[str, ...] = ()) -> dict[str, str]:
        """What a call says of its members, by keyword, and by position where `places` has them."""
        found = {
            name: self._text(argument, call)
            for name, argument in zip(places, call.node.args, strict=False)
        }
        for each in call.node.keywords:
            if each.arg is not None:
                found[each.arg] = self._member(each.arg, each.value, call)
        return found

    def first(self, call: Written) -> str:
        """The first that is given, by position or not."""
        given = [*call.node.args, *(each.value for each in call.node.keywords)]
        return self._text(given[0], call) if given else ANY

    def params(self, call: Written) -> dict[str, str]:
        """What it is given as `Params`, or as the second, where that is written as a dictionary."""
        told = next((each.value for each in call.node.keywords if each.arg == "Params"), None)
        told = told or (call.node.args[1] if len(call.node.args) > 1 else None)
        return self._dictionary(told, call) if isinstance(told, ast.Dict) else {}

    def texts(self, node: ast.expr, call: Written) -> list[str]:
        """The strings that an expression may be."""
        values = call.values(node, self._reading)
        return [each.read(self._environment) for each in values if isinstance(each, Text)]

    def read(self, identifiers: Identifiers) -> dict[str, str]:
        """The identifiers of a boto3 resource."""
        return {name: each.read(self._environment) for name, each in identifiers}

    def _member(self, name: str, value: ast.expr, call: Written) -> str:
        if name == _READ_BY_MEMBER and isinstance(value, ast.Dict):
            told = self._dictionary(value, call)
            return f"{told.get('Bucket', ANY)}/{told.get('Key', ANY)}"
        return self._text(value, call)

    def _dictionary(self, node: ast.Dict, call: Written) -> dict[str, str]:
        return {
            key.value: self._text(value, call)
            for key, value in zip(node.keys, node.values, strict=True)
            if isinstance(key, ast.Constant) and isinstance(key.value, str)
        }

    def _text(self, node: ast.expr, call: Written) -> str:
        return self._one(call.values(node, self._reading))

    def _one(self, values: Values) -> str:
        """The one string that it is; `*` where it may be several, or something else."""
        texts = {each.read(self._environment) for each in values if isinstance(each, Text)}
        return texts.pop() if len(texts) == 1 == len(values) else ANY
