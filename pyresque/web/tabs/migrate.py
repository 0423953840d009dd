"""The tab of a move from Ruby to Python: rules and brakes, the log of their changes, what lies aside; the ledger; coverage."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from pyresque.errors import RedisCommandError, RoutingError
from pyresque.migrate.coverage import cover
from pyresque.migrate.inventory import Inventory
from pyresque.migrate.ledger import Ledger
from pyresque.migrate.notes import notes_of
from pyresque.routing.rules import LEAST
from pyresque.store.moved import MovedTable
from pyresque.web.shown import count
from pyresque.web.view import NotThere, View

if TYPE_CHECKING:
    from pyresque.migrate.found import Found
    from pyresque.migrate.ledger import Line
    from pyresque.routing.brake import Verdict
    from pyresque.routing.rules import Routes, Rule
    from pyresque.web.dashboard import Dashboard
    from pyresque.web.shapes.migrate import (
        BrakeShown,
        CoveragePage,
        LedgerClassPage,
        LedgerLine,
        LedgerPage,
        MigratePage,
        RouteShown,
    )
    from pyresque.web.view import Ask

#: Seconds for which one page reads jobs, and for which one that is asked for the whole does; jobs of each list that the former reads.
BUDGET = 0.12
WHOLE_BUDGET = 20.0
SAMPLE = 200

#: Changes, classes with a brake and classes of the ledger that a page shows.
CHANGES = 20
BRAKES = 100
PER_PAGE = 50

#: Days of the ledger.
DAYS = 7


async def show(dash: Dashboard, ask: Ask) -> View[MigratePage]:
    """Show the rules in order, how their brakes stand, the latest changes, and what lies aside for Python."""
    board, faults = dash.core.routes, []
    routes: Routes | None = None
    verdicts: list[Verdict] = []
    try:
        routes = await dash.run(board.show())
        verdicts = await dash.run(dash.core.brakes.verdicts(routes))
    except (RoutingError, RedisCommandError) as error:
        faults.append(str(error))
    changes, aside = [], {}
    try:
        changes = await dash.run(board.changes(CHANGES))
        aside = await dash.run(MovedTable(dash.core.keys).lying_aside())
    except RedisCommandError as error:
        faults.append(str(error))
    rules = [] if routes is None else [_rule(one, routes) for one in routes.rules]
    return View(
        "migrate.html",
        f"{count(len(rules), 'rule')}{_tripped(rules)}",
        {
            "rules": rules,
            "table_version": None if routes is None else routes.version,
            "brakes": [_verdict(one) for one in verdicts[:BRAKES]],
            "more_brakes": max(0, len(verdicts) - BRAKES),
            "changes": [
                {"version": one.routes.version, "at": one.at, "by": one.by, "what": one.what}
                for one in changes
            ],
            "aside": aside,
            "faults": faults,
            "least": LEAST,
            "match": ask.get("match"),
        },
        tab="/migrate",
    )


def _rule(rule: Rule, routes: Routes) -> RouteShown:
    """Return a rule for a page. ``overruled``: a later one decides for all that it matches, as far as that is told."""
    if rule.is_pattern:
        later = routes.rules[routes.rules.index(rule) + 1 :]
        overruled = any(one.match == "*" for one in later)
    else:
        overruled = routes.rule_of(rule.match) is not rule
    return {
        "match": rule.match,
        "target": rule.target,
        "python_percent": rule.python_percent,
        "brake": rule.brake,
        "least": rule.least,
        "tripped": rule.tripped or None,
        "overruled": overruled,
    }


def _tripped(rules: list[RouteShown]) -> str:
    number = sum(1 for one in rules if one["tripped"])
    return f", {count(number, 'brake')} tripped" if number else ""


def _verdict(one: Verdict) -> BrakeShown:
    python, ruby = one.performed.python, one.performed.ruby
    return {
        "class": one.class_name,
        "target": one.rule.target,
        "trips": one.trips,
        "ruby_exact": one.exact,
        "why": one.why,
        "python": {"done": python.done, "failed": python.failed},
        "ruby": {"done": ruby.done, "failed": ruby.failed},
    }


# -- what is known of the jobs


async def _look(dash: Dashboard, ask: Ask) -> tuple[Found, bool]:
    """Read jobs of all lists for a short time, or for a long one if the reader asks; return what was found, and whether it is all."""
    whole = ask.get("whole") == "yes"
    inventory = Inventory(dash.core, sample=None if whole else SAMPLE, keys=0)
    deadline = time.monotonic() + (WHOLE_BUDGET if whole else BUDGET)
    while await dash.run(inventory.more()):
        if time.monotonic() > deadline:
            return inventory.found, False
    found = inventory.found
    return found, not found.sampled and not found.classes.gave_way


async def ledger(dash: Dashboard, ask: Ask) -> View[LedgerPage]:
    """Show of each class which side performs it, its share over time, and whether its code in Ruby can be deleted."""
    found, complete = await _look(dash, ask)
    book = Ledger(dash.core, found)
    names = await dash.run(book.begin())
    text, start = ask.get("q"), ask.number("start", 0)
    wanted = [name for name in names if text is None or text.casefold() in name.casefold()]
    lines = [
        _known(await dash.run(book.line(name, DAYS)), complete=complete)
        for name in wanted[start : start + PER_PAGE]
    ]
    return View(
        "migrate_ledger.html",
        f"Ledger of {count(len(names), 'class', 'classes')}",
        {
            "classes": [line_data(one) for one in lines],
            "total": len(wanted),
            "start": start,
            "per": PER_PAGE,
            "q": text,
            "complete": complete,
            "guarded": None if book.guarded is None else book.guarded.isoformat(),
            "read": found.read,
            "notes": book.notes,
        },
        tab="/migrate",
    )


def _known(line: Line, *, complete: bool) -> Line:
    """Return a line that does not call a class's code in Ruby safe to delete where not every job was read."""
    if line.safe and not complete:
        return replace(line, safe=None, since=None, why="not every job was read")
    return line


def line_data(line: Line) -> LedgerLine:
    """Return a line of the ledger for a page."""
    whole = line.all_days
    performed = 0 if whole is None else whole.python.performed + whole.ruby.performed
    known = line.to_dict()
    known["target"] = None if line.rule is None else line.rule.target
    known["performed"] = performed
    share = None if whole is None or not performed else round(whole.python_percent, 1)
    known["python_percent"] = share
    return cast("LedgerLine", known)


async def one_class(dash: Dashboard, ask: Ask) -> View[LedgerClassPage]:
    """Show the ledger of one class, day by day."""
    found, complete = await _look(dash, ask)
    book, name = Ledger(dash.core, found), ask.names["class"]
    if name not in await dash.run(book.begin()):
        raise NotThere(f"Nothing is known of a class {name!r}.")
    line = _known(await dash.run(book.line(name, 30)), complete=complete)
    data: LedgerClassPage = {
        "line": line_data(line),
        "complete": complete,
        "read": found.read,
    }
    return View("migrate_class.html", f"Ledger of {name}", data, tab="/migrate")


def _of_reader(ask: Ask, one: dict[str, Any]) -> dict[str, Any]:
    """Return a class as the reader may see it: forms of calls have the keys of hashes among the arguments."""
    told = {name: [ask.screen.fault(text) for text in one[name]] for name in ("misfits", "doubts")}
    advice = one["advice"]
    return {**one, **told, "advice": None if advice is None else ask.screen.fault(advice)}


async def coverage(dash: Dashboard, ask: Ask) -> View[CoveragePage]:
    """Show which of the classes that there are the application performs."""
    found, complete = await _look(dash, ask)
    registry, active = dash.core.registry, dash.core.active_job_classes
    made = cover(found, registry, active)
    start = ask.number("start", 0)
    known = made.to_dict()
    classes = [_of_reader(ask, one) for one in known["classes"]]
    data: Any = {
        **known,
        "classes": classes[start : start + PER_PAGE],
        "total": len(classes),
        "registered": sum(1 for _ in registry) + sum(1 for _ in active),
        "start": start,
        "per": PER_PAGE,
        "complete": complete,
        "read": found.read,
        "notes": list(notes_of(found)) if complete else [],
    }
    title = f"{made.percent:.0f} % of jobs covered"
    return View("migrate_coverage.html", title, cast("CoveragePage", data), tab="/migrate")
