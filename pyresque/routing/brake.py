"""The brake of a canary: where Python fails more often than Ruby, the class goes back to Ruby by itself.

Theory of operation. A rule with a brake says how many percent points more of Python's jobs may fail than of Ruby's. What is compared
are the jobs of the last WINDOW minutes, from the moment on at which the rule was set. Counts are those of whole minutes; the rule holds what
its first minute had counted by then. A rule for a pattern does not, nor one that a rollback brought back: it counts from the next minute on. Ruby's own figures count if Ruby's workers run the guard
(``pyresque migrate ruby-guard``) and performed enough jobs; else they are taken as no failures at all, so that the points are the
bound. A brake that trips leads the class to Ruby by a rule of its own, which stands in the log of changes as any other, and tells why.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final, NamedTuple

from pyresque.errors import RedisCommandError, RedisUnavailable, RoutingError
from pyresque.printable import printable
from pyresque.routing.rules import RUBY, WILDCARDS, Rule

if TYPE_CHECKING:
    from pyresque.clock import Clock
    from pyresque.routing.board import RoutesBoard
    from pyresque.routing.performed import Performed, PerformedBoard
    from pyresque.routing.rules import Routes

log = logging.getLogger("pyresque")

#: Minutes whose jobs are compared.
WINDOW: Final = 30

#: Seconds between two looks of a worker at the brake of one class.
RARELY: Final = 1.0

#: Classes whose brakes one look judges, at most.
MOST: Final = 1000

BY: Final = "brake"


class Verdict(NamedTuple):
    """What a brake says of a class: the figures, whether it trips, why or why not, and whether Ruby's own figures are known."""

    class_name: str
    rule: Rule
    performed: Performed
    trips: bool
    why: str
    exact: bool


class Brakes:
    """The brakes of one routing table."""

    def __init__(self, board: RoutesBoard, performed: PerformedBoard, clock: Clock) -> None:
        self.board = board
        self.performed = performed
        self.clock = clock
        self._looked: dict[str, float] = {}

    async def judge(self, class_name: str, routes: Routes) -> Verdict | None:
        """Return what the brake says of a class; None if its rule has none."""
        rule = routes.rule_of(class_name)
        if rule is None or rule.brake is None or not rule.python_percent:
            return None
        found = await self.performed.lately(class_name, rule.since, WINDOW, rule.before)
        trips, why = verdict(rule, found)
        return Verdict(class_name, rule, found, trips, why, is_exact(rule, found))

    async def verdicts(self, routes: Routes) -> list[Verdict]:
        """Judge each class that has a brake and was performed."""
        if not any(rule.brake is not None for rule in routes.rules):
            return []
        names = sorted(await self.performed.last())
        braked = [
            name for name in names if (rule := routes.rule_of(name)) and rule.brake is not None
        ]
        found = [await self.judge(name, routes) for name in braked[:MOST]]
        return [one for one in found if one is not None]

    async def look(self, routes: Routes) -> list[Verdict]:
        """Judge each class that has a brake; lead those to Ruby whose brakes trip, and return them."""
        return [one for one in await self.verdicts(routes) if one.trips and await self._trip(one)]

    async def after_failure(self, class_name: str) -> bool:
        """Judge a class of which a job has failed, unless that was done just now; return whether it was done.

        What goes wrong with that is logged: the worker goes on.
        """
        now = self.clock.monotonic()
        if now < self._looked.get(class_name, 0.0):
            return False
        if len(self._looked) > MOST:
            self._looked.clear()
        self._looked[class_name] = now + RARELY
        try:
            found = await self.judge(class_name, await self.board.show())
            if found is not None and found.trips:
                await self._trip(found)
        except (RedisUnavailable, RedisCommandError, RoutingError) as error:
            log.warning("the brake of %s was not looked at: %s", printable(class_name), error)
        return True

    async def _trip(self, found: Verdict) -> bool:
        """Lead the class to Ruby, unless its rule is another one by now; return whether that was done."""
        name = found.class_name
        match = found.rule.match if any(char in WILDCARDS for char in name) else name
        back = Rule(match, RUBY, tripped=found.why)
        done = False

        def change(routes: Routes) -> Routes:
            nonlocal done
            done = routes.rule_of(name) == found.rule
            return routes.with_rule(back) if done else routes

        await self.board.change(change, f"set {match} ruby: {found.why}", BY)
        return done


def is_exact(rule: Rule, found: Performed) -> bool:
    """Whether Ruby's own figures are known: its workers count, and have performed enough jobs."""
    return found.ruby.performed >= rule.least


def verdict(rule: Rule, found: Performed) -> tuple[bool, str]:
    """Return whether a brake trips by these figures, and why or why not."""
    python, ruby, points = found.python, found.ruby, rule.brake or 0.0
    if python.performed < rule.least:
        return (
            False,
            f"Python performed {python.performed} of {rule.least} jobs that the brake wants",
        )
    exact = is_exact(rule, found)
    bound = points + (ruby.failure_percent if exact else 0.0)
    against = (
        f"Ruby {ruby.failed} of {ruby.performed} ({ruby.failure_percent:.1f} %)"
        if exact
        else "Ruby's are not known"
    )
    trips = python.failure_percent > bound
    told = (
        f"Python failed {python.failed} of {python.performed} ({python.failure_percent:.1f} %), "
        f"{against}; the bound is {bound:.1f} %"
    )
    return trips, told
