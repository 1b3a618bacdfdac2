"""Why an artifact is as big as it is, and the cheapest ways to a smaller one: data, then lines.

Everything is read from a report and from the metadata of what is installed; nothing is built.
Sources of the limits: Lambda's quotas (50 MB in the request, 250 MB unpacked with layers, 10 GB an
image).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .errors import TooLarge
from .report import DIRECT_LIMIT, UNZIPPED_LIMIT, Report, human
from .requirers import Requirers
from .trim import normal
from .trim_rules import RULES

IMAGE_LIMIT = 10 * 1024**3
_SAYS = {each.name: each.says for each in RULES}


@dataclass(frozen=True, slots=True)
class Part:
    """One distribution, or "pelton", or "your code": bytes in the artifact, bytes trimmed, and the
    chain from the requirement that brought it (empty for what none did)."""

    name: str
    size: int
    trimmed: int = 0
    chain: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Way:
    """One way to less: what to do, how many bytes unpacked it saves (0: it saves none, and lifts
    the limit)."""

    do: str
    saves: int = 0


@dataclass(frozen=True, slots=True)
class Why:
    """limits: sentences about those that are passed or near; ways: the cheapest first."""

    function: str
    zipped: int
    unzipped: int
    parts: tuple[Part, ...]
    limits: tuple[str, ...]
    ways: tuple[Way, ...]


def explain(function: str, report: Report, image: bool = False) -> Why:
    """Why a function's artifact is as big as it is.  image: whether it is one, with its limit."""
    requirers = report.requirers
    names = {f"{each.name} {each.version}": key for key, each in requirers.installed.items()}
    keys = {normal(label): key for label, key in names.items()}
    sizes: dict[str, int] = {}
    parts = []
    cut = dict(report.cut)
    for each in report.packages:
        key = keys.get(normal(each.name), "")
        sizes[key] = sizes.get(key, 0) + each.size
        parts.append(
            Part(each.name, each.size, cut.pop(each.name, 0), requirers.chains.get(key, ()))
        )
    parts += [Part(name, 0, size) for name, size in cut.items()]
    return Why(
        function,
        report.zipped,
        report.unzipped,
        tuple(parts),
        tuple(_limits(report.zipped, report.unzipped, image)),
        tuple(_ways(report, requirers, sizes, image)),
    )


def _limits(zipped: int, unzipped: int, image: bool) -> list[str]:
    said = []
    if unzipped > IMAGE_LIMIT:
        said.append(f"{human(unzipped)} is over the {human(IMAGE_LIMIT)} of an image")
    if image:
        return said
    if zipped > DIRECT_LIMIT:
        said.append(
            f"{human(zipped)} zipped is over the {human(DIRECT_LIMIT)} of a direct upload: it "
            "goes through S3"
        )
    if unzipped > UNZIPPED_LIMIT:
        said.append(
            f"{human(unzipped)} unzipped is over Lambda's {human(UNZIPPED_LIMIT)}, with or "
            "without layers"
        )
    elif unzipped > 0.8 * UNZIPPED_LIMIT:
        left = UNZIPPED_LIMIT - unzipped
        said.append(f"{human(left)} are left of Lambda's {human(UNZIPPED_LIMIT)} unzipped")
    return said


def _ways(report: Report, requirers: Requirers, sizes: Mapping[str, int], image: bool) -> list[Way]:
    """What costs nothing first, then requirements by what they alone bring, then other forms."""
    ways = [
        Way(f'trim=["{each.rule}"] leaves out {_SAYS[each.rule]}', each.size)
        for each in sorted(report.possible, key=lambda each: -each.size)
    ]
    brought = [
        (sum(sizes.get(key, 0) for key in alone), requirement, alone)
        for requirement, alone in requirers.alone.items()
    ]
    for size, requirement, alone in sorted(brought, key=lambda each: -each[0]):
        if size:
            more = f", with {len(alone) - 1} that nothing else needs" if len(alone) > 1 else ""
            ways.append(Way(f"do without {requirement}{more}", size))
    if image:
        return ways
    if report.zipped > DIRECT_LIMIT:
        ways.append(Way("upload through S3, as a deploy does by itself: up to 250 MB unzipped"))
        ways.append(Way("requirements as a layer: each layer has 50 MB of its own, 250 MB in all"))
    if report.unzipped > 0.8 * UNZIPPED_LIMIT:
        ways.append(Way("a container image: up to 10 GB"))
    return ways


def refuse_too_large(function: str, report: Report) -> None:
    """Raise `TooLarge` with the packages to blame, and what to do, when Lambda would refuse it
    unpacked."""
    if report.unzipped <= UNZIPPED_LIMIT:
        return
    blame = "\n".join(f"  {human(each.size):>9}  {each.name}" for each in report.packages[:8])
    over = report.unzipped - UNZIPPED_LIMIT
    ways = "\n".join(_way(each, over) for each in explain(function, report).ways)
    raise TooLarge(
        f"function {function} is {human(report.unzipped)} unzipped, over Lambda's limit of "
        f"{human(UNZIPPED_LIMIT)}; the largest packages:\n{blame}\n"
        f"{human(over)} must go; the cheapest ways first:\n{ways}"
    )


def _way(way: Way, over: int) -> str:
    enough = " (enough by itself)" if way.saves >= over else ""
    return f"  {human(way.saves) if way.saves else '':>9}  {way.do}{enough}"


def lines(why: Why, report: Report) -> list[str]:
    """For people: a table, the tree of requirements, what was trimmed, limits and ways."""
    out = [f"{why.function}: {human(why.zipped)} zipped, {human(why.unzipped)} unzipped", ""]
    out.append(f"{'unzipped':>9}  {'left out':>9}  what, and which requirement brought it")
    for part in why.parts:
        through = f"  ({' > '.join(part.chain)})" if len(part.chain) > 1 else ""
        cut = human(part.trimmed) if part.trimmed else ""
        out.append(f"{human(part.size):>9}  {cut:>9}  {part.name}{through}")
    if report.requirers.chains:
        out += ["", "what each requirement brings, once and where it is met first:"]
        out += _tree(why, report.requirers)
    if report.trimmed:
        out += ["", "left out:"]
        out += [
            f"{human(each.size):>9}  {each.rule}: {_SAYS[each.rule]}, {each.files} files"
            for each in report.trimmed
        ]
    out += [f"           left alone: {each}" for each in report.spared]
    if why.limits:
        out += ["", *why.limits]
    if why.ways:
        out += ["", "to make it smaller, the cheapest first:" if why.limits else "could be less:"]
        out += [f"{human(way.saves) if way.saves else '':>9}  {way.do}" for way in why.ways]
    return [*out, "", *filter(None, [report.note]), *report.notes]


def _tree(why: Why, requirers: Requirers) -> list[str]:
    """Every distribution under the one that brought it, with what it and those below weigh."""
    own = {part.chain[-1]: part.size for part in why.parts if part.chain}
    total = {
        key: sum(own.get(end, 0) for end, chain in requirers.chains.items() if key in chain)
        for key in requirers.chains
    }
    order = sorted(requirers.chains.values(), key=lambda chain: _rank(chain, total))
    return [f"{human(total[chain[-1]]):>9}  {'  ' * (len(chain) - 1)}{chain[-1]}"
            for chain in order]  # fmt: skip


def _rank(chain: tuple[str, ...], total: Mapping[str, int]) -> list[tuple[int, str]]:
    return [(-total[key], key) for key in chain]
