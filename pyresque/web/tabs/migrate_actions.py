"""What can be done to routes: set a rule, with a brake; take one out; lead a class back to Ruby; take the latest change back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyresque.errors import RoutingError
from pyresque.routing.rules import LEAST, RUBY, Rule
from pyresque.web.dashboard import link
from pyresque.web.view import Done, NotThere, Question, Refused

if TYPE_CHECKING:
    from pyresque.routing.rules import Routes
    from pyresque.web.dashboard import Dashboard
    from pyresque.web.view import Ask


def _wish(ask: Ask) -> tuple[Rule, str | None, int]:
    """Return the rule that a form names, its brake and the brake's least number of jobs. Raises Refused."""
    match, side = _match(ask), ask.get("side") or ""
    percent = ask.get("percent")
    target = f"{side}={percent}" if percent is not None and side != RUBY else side
    brake, least = ask.get("brake"), ask.number("least", LEAST)
    try:
        rule = Rule.parse(match, target)
        if brake is not None:
            rule.with_brake(brake, least, 0)
    except RoutingError as error:
        raise Refused(str(error)) from error
    return rule, brake, least


def _match(ask: Ask) -> str:
    match = ask.get("match")
    if match is None:
        raise Refused("Name the class, or a pattern such as Reports::*: match.")
    return match


async def asks_set(dash: Dashboard, ask: Ask) -> Question:
    """Ask before a rule is set."""
    rule, brake, least = _wish(ask)
    routes = await _routes(dash)
    before = next((one for one in routes.rules if one.match == rule.match), None)
    was = "" if before is None else f" It was {before.target}."
    stop = "" if brake is None else f" with a brake at {brake} points from {least} jobs on"
    text = f"Lead 1 class or pattern, {rule.match}, to {rule.target}{stop}? Its rule stands last, and so decides before the others.{was}"
    return Question(text, f"Lead it to {rule.target}", "/migrate", 1)


async def set_rule(dash: Dashboard, ask: Ask) -> Done:
    """Set a rule; an earlier one of the same class or pattern goes."""
    rule, brake, least = _wish(ask)
    try:
        await dash.run(dash.core.routes.set(rule.match, rule.target, ask.user, brake, least))
    except RoutingError as error:
        raise Refused(str(error)) from error
    return Done(f"{rule.match} is led to {rule.target}", "/migrate", 1)


async def asks_unset(dash: Dashboard, ask: Ask) -> Question:
    """Ask before a rule is taken out."""
    rule = _found(await _routes(dash), _match(ask))
    text = f"Remove 1 rule, {rule.match} to {rule.target}? An earlier rule that matches decides then; without any, each worker performs what it was started for."
    return Question(text, "Remove 1 rule", "/migrate", 1)


async def unset(dash: Dashboard, ask: Ask) -> Done:
    """Take a rule out; the change is in the log, and a rollback puts the rule back."""
    match = _match(ask)
    _found(await _routes(dash), match)
    try:
        await dash.run(dash.core.routes.unset(match, ask.user))
    except RoutingError as error:
        raise Refused(str(error)) from error
    return Done(f"The rule of {match} is gone", "/migrate", 1)


async def asks_rollback(dash: Dashboard, _ask: Ask) -> Question:
    """Ask before the latest change is taken back."""
    found = await dash.run(dash.core.routes.changes(1))
    if not found:
        raise NotThere("No rule was changed yet.")
    text = "Take back the latest change that was not taken back yet? The log of changes tells which that is."
    return Question(text, "Take back 1 change", "/migrate", 1)


async def rollback(dash: Dashboard, ask: Ask) -> Done:
    """Take back the latest change that was not taken back yet."""
    try:
        await dash.run(dash.core.routes.rollback(ask.user))
    except RoutingError as error:
        raise Refused(str(error)) from error
    return Done("Took back the latest change", link("migrate"), 1)


async def _routes(dash: Dashboard) -> Routes:
    try:
        return await dash.run(dash.core.routes.show())
    except RoutingError as error:
        raise Refused(f"{error}. A rollback puts the table of the log back.") from error


def _found(routes: Routes, match: str) -> Rule:
    rule = next((one for one in routes.rules if one.match == match), None)
    if rule is None:
        raise NotThere(f"There is no rule of {match!r}.")
    return rule
