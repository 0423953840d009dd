"""An inventory as one self-contained HTML page: no script, nothing loaded from elsewhere, every text escaped."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from pyresque.migrate.as_json import iso
from pyresque.migrate.marks import registration
from pyresque.migrate.notes import notes_of
from pyresque.migrate.seen import PLACES, RATES
from pyresque.printable import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pyresque.migrate.found import Found
    from pyresque.migrate.seen import ClassSeen

STYLE = """
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }
body { margin: 2rem auto; max-width: 72rem; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
th, td { border-bottom: 1px solid #8884; padding: .3rem .6rem; text-align: left; vertical-align: top; }
td.n { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
code { font-size: .9em; overflow-wrap: anywhere; }
"""


def page(found: Found) -> str:
    """Return the page. Its meta tag forbids scripts and whatever is elsewhere."""
    places = [place for place in PLACES if any(place in one.places for one in found.classes)]
    rated = RATES if found.watched is not None else ()
    body = "\n".join(
        (
            "<h1>Resque: classes and their jobs</h1>",
            f"<p>As of {_text(iso(found.at))}. {len(found.classes.classes)} classes.</p>",
            _table(
                ("class", *places, *rated, "queues", "last seen"),
                (_row(one, places, rated=bool(rated)) for one in found.classes),
                numbers=len(places) + len(rated),
            ),
            "<h2>Arguments</h2>",
            _table(
                ("class", "arguments", "written by", "trace keys", "other keys"),
                (_arguments(one) for one in found.classes if one.read),
            ),
            "<h2>Plugins that the classes seem to have in Ruby</h2>",
            _table(
                ("class", "plugins", "known by", "write here"),
                (_plugins(one) for one in found.classes if one.marks),
            ),
            "<h2>How this was counted</h2>",
            _table(
                ("list", "name", "jobs", "read", "may be missed"),
                (
                    tuple(map(_text, (one.place, one.name, one.size, one.read, one.may_be_missed)))
                    for one in found.lists
                ),
            ),
            *(f"<p>{_text(note)}</p>" for note in notes_of(found)),
        )
    )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>Resque inventory</title><style>{STYLE}</style></head>\n<body>\n{body}\n</body></html>\n"
    )


def _text(value: object) -> str:
    """Return a value as escaped text; what is not printable is spelled out."""
    return "-" if value is None else escape(printable(str(value)))


def _code(value: object) -> str:
    return f"<code>{_text(value)}</code>"


def _table(headings: Iterable[str], rows: Iterable[tuple[str, ...]], numbers: int = 0) -> str:
    head = "".join(f"<th>{_text(one)}</th>" for one in headings)
    lines = list(_lines(rows, numbers))
    if not lines:
        return "<p>None.</p>"
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead>\n<tbody>{"".join(lines)}</tbody></table></div>'


def _lines(rows: Iterable[tuple[str, ...]], numbers: int) -> Iterator[str]:
    for row in rows:
        cells = (
            f'<td class="n">{cell}</td>' if 0 < at <= numbers else f"<td>{cell}</td>"
            for at, cell in enumerate(row)
        )
        yield f"<tr>{''.join(cells)}</tr>\n"


def _row(one: ClassSeen, places: Iterable[str], *, rated: bool) -> tuple[str, ...]:
    figures: list[object] = [one.places.get(place) for place in places]
    if rated:
        figures += (None, None) if one.rate is None else one.rate.shown
    return (
        _code(one.name),
        *map(_text, figures),
        _text(", ".join(one.queues)),
        _text(iso(one.last_seen)),
    )


def _arguments(one: ClassSeen) -> tuple[str, ...]:
    return (
        _code(one.name),
        _code(one.arguments),
        _text(", ".join(one.writers)),
        _text(", ".join(one.trace)),
        _text(", ".join(one.extra)),
    )


def _plugins(one: ClassSeen) -> tuple[str, ...]:
    return (
        _code(one.name),
        _text(", ".join(one.marks)),
        _text("; ".join(mark.known_by for mark in one.marks.values())),
        _code(registration(one)),
    )
