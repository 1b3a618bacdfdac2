"""Gates: what must hold of a new version, said as `errors<1%`, `p99<1.2*baseline.p99` or
`metrics:accuracy > 0.9`, parsed once and asked as often as there are new numbers.

A gate is an expression of comparisons over the new version's metrics, `baseline.METRIC` for those
of the version that it is to replace, numbers (`1%`, `200ms`, `2s`), `+ - * /`, `and`, `or`, and
`module:function` for a function of the user's, which is given both versions' facts.  Nothing else
is evaluated: no call, no name, no attribute beyond these.

>>> from .facts import Facts
>>> gate = parse("errors<1%")
>>> ask(gate, Facts("4", 200, 0.04), Facts("3", 900, 0.001)).why
'errors<1% does not hold of version 4: errors is 4% of 200 requests (version 3: 0.1% of 900)'
"""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, Literal

from ..errors import CannotRelease
from .facts import METRICS, Facts

Verdict = Literal["passes", "fails", "waits"]
Judge = Callable[[Facts, Facts], Any]

_FUNCTION = re.compile(r"\b([A-Za-z_][\w.]*):([A-Za-z_]\w*)")
_UNIT = re.compile(r"(?<![\w.])(\d+(?:\.\d+)?|\.\d+)\s*(%|ms\b|s\b)")
_SCALE = {"%": 0.01, "ms": 1.0, "s": 1000.0}
_OPERATORS: Mapping[type, Callable[[Any, Any], Any]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
_SHOWN = 'for example "errors<1%", "p99<200ms", "mean<1.2*baseline.mean", "module:function>0.9"'


@dataclass(frozen=True, slots=True)
class Gate:
    """One gate.  `functions`: the user's, by the name that stands for each in the expression."""

    text: str
    tree: ast.expr = field(compare=False, repr=False)
    functions: tuple[tuple[str, str], ...] = field(default=(), compare=False)

    @property
    def metrics(self) -> tuple[str, ...]:
        """The metrics it looks at, of either version."""
        found = [each.id for each in ast.walk(self.tree) if isinstance(each, ast.Name)]
        found += [each.attr for each in ast.walk(self.tree) if isinstance(each, ast.Attribute)]
        return tuple(dict.fromkeys(each for each in found if each in METRICS))


@dataclass(frozen=True, slots=True)
class Answer:
    """What a gate says now, and why, as a sentence."""

    gate: str
    verdict: Verdict
    why: str


class _NotKnown(Exception):
    """A number that the expression needs is not told (yet)."""


def parse(text: str) -> Gate:
    """The gate that `text` says; raises `CannotRelease` that names the near miss.

    >>> parse("erors<1%")
    Traceback (most recent call last):
    pelton.deploy.errors.CannotRelease: gate 'erors<1%': there is no metric 'erors'; did you mean \
'errors'?
    """
    functions: list[tuple[str, str]] = []

    def stand_in(found: re.Match[str]) -> str:
        functions.append((f"ask_{len(functions)}", found[0]))
        return functions[-1][0]

    plain = _FUNCTION.sub(stand_in, text.strip())
    plain = _UNIT.sub(lambda found: repr(float(found[1]) * _SCALE[found[2]]), plain)
    try:
        tree = ast.parse(plain, mode="eval").body
    except SyntaxError:
        raise CannotRelease(f"gate {text!r} is not understood; {_hint(text)}") from None
    gate = Gate(text.strip(), tree, tuple(functions))
    _check(gate, tree, {name for name, _ in functions}, top=True)
    return gate


def _hint(text: str) -> str:
    """What may have been meant."""
    if "=<" in text or "=>" in text:
        right = text.replace("=<", "<=").replace("=>", ">=")
        return f"did you mean {right!r}?"
    if re.search(r"(?<![<>=!])=(?!=)", text):
        return "one '=' compares nothing: write <, <=, >, >= or =="
    return f"write {_SHOWN}"


def _check(gate: Gate, node: ast.expr, functions: set[str], *, top: bool = False) -> None:
    """Raise for anything that a gate may not say."""
    inner: list[ast.expr] = []
    match node:
        case ast.BoolOp(values=values):
            for each in values:
                _check(gate, each, functions, top=True)
            return
        case ast.Compare(left=left, ops=ops, comparators=others) if _known(*ops):
            inner = [left, *others]
        case ast.Name(id=name) if name in functions:
            return
        case _ if top:
            raise CannotRelease(f"gate {gate.text!r} compares nothing; {_hint(gate.text)}")
        case ast.BinOp(left=left, op=op, right=right) if _known(op):
            inner = [left, right]
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            inner = [operand]
        case ast.Constant(value=int() | float()):
            return
        case ast.Attribute(value=ast.Name(id=owner), attr=metric):
            _named(gate, owner, ("baseline",))
            _named(gate, metric, METRICS)
        case ast.Name(id=name):
            _named(gate, name, METRICS)
        case _:
            raise CannotRelease(f"gate {gate.text!r} is not understood; {_hint(gate.text)}")
    for each in inner:
        _check(gate, each, functions)


def _known(*operators: object) -> bool:
    return all(type(each) in _OPERATORS for each in operators)


def _named(gate: Gate, name: str, known: tuple[str, ...]) -> None:
    if name in known:
        return
    close = get_close_matches(name.lower(), known, n=1, cutoff=0.5)
    advice = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(known)}"
    raise CannotRelease(f"gate {gate.text!r}: there is no metric {name!r}; {advice}")


def ask(
    gate: Gate, new: Facts, baseline: Facts, judges: Mapping[str, Judge] | None = None
) -> Answer:
    """What the gate says of these facts.

    judges: the user's functions by their `module:function`.  One that raises, or answers a number
    that nothing compares, fails the gate: a release is not promoted on an unknown.
    """
    told: dict[str, Any] = {}
    try:
        for name, function in gate.functions:
            told[name] = _judged(gate, function, (judges or {})[function], new, baseline)
        holds = _value(gate.tree, new, baseline, told)
    except _NotKnown as missing:
        return Answer(gate.text, "waits", f"{gate.text} is not decided: {missing}")
    except CannotRelease as error:
        return Answer(gate.text, "fails", str(error))
    if not isinstance(holds, bool):
        return Answer(gate.text, "fails", _neither(gate, holds))
    words = "holds" if holds else "does not hold"
    why = f"{gate.text} {words} of version {new.version}{_numbers(gate, new, baseline, told)}"
    return Answer(gate.text, "passes" if holds else "fails", why)


def _neither(gate: Gate, answer: Any) -> str:
    """A number alone would be true whatever it is, but for 0."""
    name = gate.functions[0][1]
    return (
        f"{gate.text} answered {answer!r}, which is neither true nor false: compare it, as in "
        f'"{name} > 0.9"'
    )


def _judged(gate: Gate, name: str, judge: Judge, new: Facts, baseline: Facts) -> Any:
    try:
        answer = judge(new, baseline)
    except Exception as error:  # the user's code: whatever it raises is its answer
        raise CannotRelease(
            f"{gate.text} cannot be told: {name} raised {type(error).__name__}: {error}"
        ) from error
    if answer is None:
        raise _NotKnown(f"{name} cannot say yet")
    if isinstance(answer, bool | int | float):
        return answer
    if hasattr(answer, "item"):  # a number of numpy's
        return answer.item()
    raise CannotRelease(f"{gate.text} cannot be told: {name} answered {answer!r}, not a number")


def _value(node: ast.expr, new: Facts, baseline: Facts, told: Mapping[str, Any]) -> Any:
    match node:
        case ast.Constant(value=value):
            return value
        case ast.Name(id=name):
            return told[name] if name in told else _metric(new, name)
        case ast.Attribute(attr=metric):
            return _metric(baseline, metric)
        case ast.UnaryOp(operand=operand):
            return -_value(operand, new, baseline, told)
        case ast.BinOp(left=left, op=op, right=right):
            sides = (_value(left, new, baseline, told), _value(right, new, baseline, told))
            return _divided(op, *sides)
        case ast.BoolOp(op=op, values=values):
            parts = [_value(each, new, baseline, told) for each in values]
            for each in parts:
                if not isinstance(each, bool):
                    return each
            return all(parts) if isinstance(op, ast.And) else any(parts)
        case ast.Compare(left=left, ops=ops, comparators=others):
            values_ = [_value(each, new, baseline, told) for each in (left, *others)]
            pairs = zip(ops, values_, values_[1:], strict=False)
            return all(bool(_OPERATORS[type(op)](a, b)) for op, a, b in pairs)
    raise AssertionError(ast.dump(node))  # `_check` lets nothing else pass


def _divided(op: ast.operator, left: Any, right: Any) -> Any:
    if isinstance(op, ast.Div) and right == 0:
        raise _NotKnown("it divides by a number that is 0")
    return _OPERATORS[type(op)](left, right)


def _metric(facts: Facts, name: str) -> float:
    found = facts.value(name)
    if found is None:
        raise _NotKnown(f"{name} of version {facts.version} is not known")
    return found


def _numbers(gate: Gate, new: Facts, baseline: Facts, told: Mapping[str, Any]) -> str:
    """The numbers that decided, of both versions."""
    parts = [f"{function} answered {told[name]!r}" for name, function in gate.functions]
    for metric in gate.metrics:
        of, was = _of(metric, new, " requests"), _of(metric, baseline)
        parts.append(f"{metric} is {of} (version {baseline.version}: {was})")
    return ": " + ", ".join(parts) if parts else ""


def _of(metric: str, facts: Facts, requests: str = "") -> str:
    told = facts.told(metric)
    known = metric != "requests" and facts.value(metric) is not None
    return f"{told} of {facts.requests:.0f}{requests}" if known else told
