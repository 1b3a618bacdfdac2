"""The table of what each source promises, from what the sources say of themselves."""

from __future__ import annotations

BEGIN, END = "<!-- promises: begin -->\n", "<!-- promises: end -->"
HEAD = (
    "source",
    "comes again",
    "counted",
    "in order",
    "over workers",
    "extended",
    "back at once",
    "dead letters to",
    "",
)


def table() -> str:
    """One row a source."""
    from pelton.event_sources.sources import KINDS, class_of

    rows = [HEAD, ("---",) * len(HEAD)]
    for kind in sorted(KINDS):
        said = class_of(kind).promises
        rows.append(
            (
                f"`{kind}`",
                _yes(said.redelivers),
                _yes(said.counts),
                said.ordered_by or "no",
                _yes(said.across_workers),
                _yes(said.extends),
                _yes(said.requeues),
                said.dead_letters or "-",
                said.note,
            )
        )
    return "\n".join(f"| {' | '.join(row)} |" for row in rows) + "\n"


def page(text: str) -> str:
    """The page with its table made anew."""
    before, rest = text.split(BEGIN)
    return before + BEGIN + "\n" + table() + "\n" + END + rest.split(END)[1]


def _yes(true: bool) -> str:
    return "yes" if true else "no"
