"""What a run found, as a Markdown table and as lines of JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from benchmarks.contenders import OURS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from benchmarks.measure import Bound, Result

HEAD = (
    "| measure | pyresque | beside | reaches | our ratio | must be | is it |\n" + 7 * "|---" + "|"
)


def rows(result: Result) -> Iterator[str]:
    """A line for each side that ours stands beside, and one for each bound on several of them."""
    ours = shown(result.median(OURS), result.measure.unit)
    title = result.measure.title
    single = {bound.peers[0]: bound for bound in result.measure.bounds if len(bound.peers) == 1}
    for name in result.names():
        if name != OURS:
            theirs = shown(result.median(name), result.measure.unit)
            yield _row(title, ours, name, theirs, result.ratio([name]), single.get(name))
            title = ours = ""
    for bound in result.measure.bounds:
        if len(bound.peers) > 1:
            yield _row(title, ours, "the best of these", "", result.ratio(bound.peers), bound)
    if title and result.rounds:
        yield _row(title, ours, "", "", None, None)


def _row(
    title: str, ours: str, name: str, theirs: str, ratio: float | None, bound: Bound | None
) -> str:
    asked = "" if bound is None else f"{bound.at_least:g}x"
    times = "" if ratio is None else f"{ratio:.2f}x"
    met = "" if bound is None or ratio is None else "yes" if ratio >= bound.at_least else "**no**"
    return f"| {title} | {ours} | {name} | {theirs} | {times} | {asked} | {met} |"


def shown(value: float | None, unit: str) -> str:
    """With three digits that mean something, and its unit."""
    if value is None:
        return "-"
    digits = 0 if value >= 100 else 1 if value >= 10 else 2
    return f"{value:,.{digits}f} {unit}".rstrip()


def lines(result: Result) -> Iterator[str]:
    """Each round as a line of JSON."""
    for number, figures in enumerate(result.rounds):
        row = {"measure": result.measure.key, "unit": result.measure.unit, "round": number}
        yield json.dumps({**row, "figures": dict(figures)})


def unmet(results: Sequence[Result]) -> list[str]:
    """The keys of the measures that do not reach what they must."""
    return [
        result.measure.key
        for result in results
        if any(
            (ratio := result.ratio(bound.peers)) is not None and ratio < bound.at_least
            for bound in result.measure.bounds
        )
    ]
