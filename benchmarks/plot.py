"""What a run found, as a picture: for every measure a bar for each side, the longest as long as the page is wide."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from benchmarks.contenders import OURS
from benchmarks.table import shown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.measure import Result

WIDTH, LEFT, BAR, ROW, GAP = 860, 150, 560, 17, 34
OUR_COLOUR, THEIR_COLOUR, INK = "#b3261e", "#8a93a6", "#333"

STYLE = f"text{{font:12px sans-serif;fill:{INK}}}.t{{font-weight:bold}}"


def svg(results: Sequence[Result]) -> str:
    """The picture."""
    parts: list[str] = []
    top = 0
    for result in results:
        medians = {name: result.median(name) or 0.0 for name in result.names()}
        if not medians:
            continue
        direction = "" if result.measure.more_is_better else " (less is better)"
        top += GAP
        parts.append(_text(10, top - 6, result.measure.title + direction, "t"))
        longest = max(medians.values()) or 1.0
        for name, value in medians.items():
            length = max(1.0, BAR * value / longest)
            colour = OUR_COLOUR if name == OURS else THEIR_COLOUR
            parts.append(_text(LEFT - 8, top + 11, name, anchor="end"))
            parts.append(
                f'<rect x="{LEFT}" y="{top}" width="{length:.1f}" height="{ROW - 4}" fill="{colour}"/>'
            )
            parts.append(_text(LEFT + length + 6, top + 11, shown(value, result.measure.unit)))
            top += ROW
    height = top + GAP
    opening = f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}">'
    ground = f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>'
    return "\n".join([opening, f"<style>{STYLE}</style>", ground, *parts, "</svg>", ""])


def _text(left: float, top: float, words: str, kind: str = "", anchor: str = "start") -> str:
    return f'<text x="{left:.1f}" y="{top}" text-anchor="{anchor}" class="{kind}">{escape(words)}</text>'
