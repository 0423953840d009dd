"""The verbs of the routing table in Redis, each an operation: show it, set a rule, take the last change back."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from pyresque.clock import utc
from pyresque.errors import RoutingError
from pyresque.printable import printable
from pyresque.routing.changes import Change, last_not_undone
from pyresque.routing.rules import LEAST, Routes, Rule
from pyresque.ruby import time as ruby_time
from pyresque.store.routes import KEPT_CHANGES

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyresque.clock import Clock
    from pyresque.routing.performed import PerformedBoard
    from pyresque.store.routes import RoutesTable

log = logging.getLogger("pyresque")

#: How often a change is tried again if another process changes the table in between.
TRIES: Final = 20


class RoutesBoard:
    """The routing table of one namespace: which classes Ruby performs, and which Python."""

    def __init__(self, table: RoutesTable, performed: PerformedBoard, clock: Clock) -> None:
        self.table = table
        self.performed = performed
        self.clock = clock

    async def show(self) -> Routes:
        """The rules in Redis, in order: the last one that matches a class decides. Raises RoutingError if the table is broken."""
        return Routes.decode(await self.table.read())

    async def set(
        self,
        match: str,
        target: str,
        by: str = "",
        brake: float | str | None = None,
        least: int = LEAST,
        *,
        dry_run: bool = False,
    ) -> Routes:
        """Lead a class, or all that match a pattern, to ``ruby``, ``python`` or ``python=25%``; returns the rules after it.

        ``by`` names who does that, for the log of changes. ``brake``: the class goes back to Ruby by itself if so many percent points
        more of Python's jobs fail than of Ruby's, once ``least`` jobs were performed. ``dry_run``: only tell the rules. Raises RoutingError.
        """
        rule = Rule.parse(match, target)
        what = f"set {rule.match} {rule.target}"
        if brake is not None:
            rule = rule.with_brake(brake, least, self.clock.time())
            if not rule.is_pattern:
                counted = await self.performed.minute(rule.match, rule.since)
                rule = replace(rule, before=counted)
            what = f"{what} with a brake at {rule.brake:g} points"
        return await self.change(lambda routes: routes.with_rule(rule), what, by, dry_run=dry_run)

    async def unset(self, match: str, by: str = "", *, dry_run: bool = False) -> Routes:
        """Take the rule of a class or pattern out; returns the rules after it. Raises RoutingError if there is none.

        ``dry_run``: only tell the rules.
        """

        def without(routes: Routes) -> Routes:
            kept = [one for one in routes.rules if one.match != match]
            if len(kept) == len(routes.rules):
                raise RoutingError(f"there is no rule of {match!r}")
            return routes.with_rules(kept)

        return await self.change(without, f"unset {match}", by, dry_run=dry_run)

    async def rollback(self, by: str = "", *, dry_run: bool = False) -> Routes:
        """Take the latest change back that was not taken back yet; returns the rules after it. Raises RoutingError if there is none.

        ``dry_run``: only tell the rules.
        """
        for _ in range(TRIES):
            raw, entries = await self.table.read_with_log(KEPT_CHANGES)
            found = [change for one in entries if (change := Change.decode(one)) is not None]
            last = last_not_undone(found)
            if last is None:
                raise RoutingError("there is no change of the routing table to take back")
            routes = self._decoded_or_empty(raw)
            now = self.clock.time()
            after = routes.with_rules(_put_back(rule, routes, now) for rule in last.before.rules)
            what = f"rollback of {last.what}"
            if dry_run or await self._changed(raw, routes, after, what, by, last.routes.version):
                return after
        raise self._busy()

    async def changes(self, count: int = 20) -> list[Change]:
        """The latest changes, the latest first; entries that cannot be read are left out."""
        _, entries = await self.table.read_with_log(count)
        return [change for one in entries if (change := Change.decode(one)) is not None]

    async def change(
        self,
        change: Callable[[Routes], Routes],
        what: str,
        by: str = "",
        *,
        dry_run: bool = False,
    ) -> Routes:
        """Change the table by a function of its rules, however often others change it meanwhile; returns the rules after it.

        A function that returns the very table it was given changes nothing.
        """
        for _ in range(TRIES):
            raw = await self.table.read()
            routes = Routes.decode(raw)
            after = change(routes)
            if after is routes or dry_run or await self._changed(raw, routes, after, what, by):
                return after
        raise self._busy()

    async def _changed(
        self,
        raw: bytes | None,
        routes: Routes,
        after: Routes,
        what: str,
        by: str,
        undoes: int | None = None,
    ) -> bool:
        at = ruby_time.iso8601_z(utc(self.clock))
        change = Change(at, by, what, after, routes, undoes)
        done = await self.table.change(raw, after.encode(), change.encode())
        if done:
            log.warning("routes: %s%s", printable(what), f" (by {printable(by)})" if by else "")
        return done

    @staticmethod
    def _decoded_or_empty(raw: bytes | None) -> Routes:
        """A table that is broken by now is replaced by a rollback."""
        try:
            return Routes.decode(raw)
        except RoutingError:
            return Routes()

    @staticmethod
    def _busy() -> RoutingError:
        return RoutingError("the routing table is changed by others all the time: try again")


def _put_back(rule: Rule, routes: Routes, now: float) -> Rule:
    """Return a rule as a rollback puts it back: its brake counts from now on, or goes on if the rule decides for its class already."""
    deciding = None if rule.is_pattern else routes.rule_of(rule.match)
    if deciding is not None and deciding.counted_from(0) == rule.counted_from(0):
        return deciding
    return rule.counted_from(now)
