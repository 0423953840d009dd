"""The tab of figures: Resque's counters, what Redis tells of itself, and the keys of the namespace."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from pyresque.errors import NotPermitted
from pyresque.store.any_keys import SHOWN, elements, scanned, server_info, sized
from pyresque.web.shown import cut
from pyresque.web.view import NotThere, View

if TYPE_CHECKING:
    from pyresque.store.any_keys import KeySize
    from pyresque.web.dashboard import Dashboard
    from pyresque.web.shapes.answers import KeyPage, KeyRow, KeysPage, StatsPage
    from pyresque.web.view import Ask

#: Letters of an element that the page of a key shows.
LONGEST = 2000


async def show(dash: Dashboard, _ask: Ask) -> View[StatsPage]:
    """Show Resque's counters."""
    info = asdict(await dash.run(dash.core.info()))
    return View("stats.html", "Stats", {"info": info, "page": "resque"}, tab="/stats")


async def redis(dash: Dashboard, _ask: Ask) -> View[StatsPage]:
    """Show what Redis tells of itself."""
    try:
        info = await dash.run(server_info())
    except NotPermitted as error:
        return View(
            "stats.html", "Redis", {"info": {"error": str(error)}, "page": "redis"}, "/stats"
        )
    return View("stats.html", "Redis", {"info": info, "page": "redis"}, tab="/stats")


async def keys(dash: Dashboard, ask: Ask) -> View[KeysPage]:
    """Show some keys of the namespace with types and sizes: SCAN finds them, which holds Redis up for no one."""
    _refuse_hidden(ask)
    cursor = ask.number("cursor", 0, (1 << 64) - 1)
    after, names = await dash.run(scanned(dash.core.keys, cursor, ask.get("q")))
    rows = [_screened(ask, row) for row in await dash.run(sized(dash.core.keys, names))]
    if not ask.screen.open:
        wanted = (ask.get("q") or "").casefold()
        rows = [row for row in rows if wanted in row["name"].casefold()]
    return View(
        "keys.html",
        "Keys",
        {"keys": rows, "next": after or None, "q": ask.get("q"), "page": "keys"},
        tab="/stats",
    )


async def key(dash: Dashboard, ask: Ask) -> View[KeyPage]:
    """Show the beginning of what one key holds."""
    name = ask.names["key"]
    _refuse_hidden(ask)
    if ask.screen.text(name) != name:
        raise NotThere("What this name holds is not shown to you.")
    start = ask.number("start", 0)
    (found,) = await dash.run(sized(dash.core.keys, [name]))
    if found.type == "none":
        raise NotThere(f"There is no key {name!r}.")
    rows = await dash.run(elements(dash.core.keys, name, found.type, start))
    data: KeyPage = {
        "key": {"name": name, "type": found.type, "size": found.size, "whole": True},
        "elements": [[cut(text, LONGEST) for text in row] for row in rows],
        "start": start,
        "per": SHOWN,
        "page": "keys",
    }
    return View("key.html", f"Key {name}", data, tab="/stats")


def _refuse_hidden(ask: Ask) -> None:
    """Names of keys and what they hold have arguments in them. Raises NotThere for those from whom these are hidden."""
    if ask.screen.hidden:
        raise NotThere("Keys hold the arguments of jobs, which are hidden from you.")


def _screened(ask: Ask, found: KeySize) -> KeyRow:
    """Return the row of a key; one whose name is not wholly shown has no page."""
    name = ask.screen.text(found.name)
    return {"name": name, "type": found.type, "size": found.size, "whole": name == found.name}
