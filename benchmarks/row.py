"""One line of the table: a pair timed in one run, and the bound that it must keep."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """`floor` and `ours` in `unit`; `value` (a ratio or an excess) must be at most `bound`.

    With `at_least`, `value` must be at least `bound`.

    >>> Row("warm invoke, p50", 0.25, 0.5, "ms", value=2.0, bound=2.5, says="times").holds
    True
    """

    what: str
    floor: float
    ours: float
    unit: str
    value: float
    bound: float
    says: str = "times"
    at_least: bool = False

    @property
    def holds(self) -> bool:
        return self.value >= self.bound if self.at_least else self.value <= self.bound

    def line(self) -> str:
        relation = "≥" if self.at_least else "≤"
        return (
            f"| {self.what} | {_text(self.floor)} {self.unit} | {_text(self.ours)} {self.unit} "
            f"| {self.value:.2f} {self.says} | {relation} {self.bound:g} "
            f"| {'holds' if self.holds else 'MISSED'} |"
        )


def _text(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"
