"""The command ``migrate route``: show and change the routing table in Redis."""

from __future__ import annotations

import getpass
import shlex
import sys
from typing import TYPE_CHECKING, Any

import click

from pyresque.cli.errors import Complaint
from pyresque.cli.groups import SuggestingGroup
from pyresque.cli.options import (
    CONNECTION,
    count_option,
    dry_run_option,
    json_option,
    number_from,
    settings_options,
)
from pyresque.cli.output import listed, print_json, print_list, print_table, safe_text
from pyresque.errors import RedisCommandError
from pyresque.printable import many
from pyresque.process.start.load_app import load_application
from pyresque.routing.ownership import is_registered
from pyresque.routing.rules import ALL, LEAST, Rule
from pyresque.routing.samples import failed_lately
from pyresque.store.moved import MovedTable

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyresque.client import Resque
    from pyresque.routing.brake import Verdict
    from pyresque.routing.rules import Routes


@click.group(cls=SuggestingGroup, short_help="Say which side performs a class.")
def route() -> None:
    """Show and change which side performs a class on shared queues."""


def by_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the option that names the author of a change."""
    return click.option(
        "--by", metavar="NAME", help="Who does that, for the log; default: the user's name."
    )(command)


@route.command()
@settings_options(*CONNECTION)
@json_option
def show(as_json: bool, **given: Any) -> None:
    """Show the rules in order; the last one that matches a class decides."""
    _print(load_application(given).routes.show(), as_json=as_json)


@route.command("set")
@click.argument("match", metavar="CLASS-OR-GLOB")
@click.argument("target", metavar="ruby|python|python=25%")
@by_option
@click.option(
    "--brake",
    metavar="POINTS",
    help="Back to Ruby by itself if so many percent points more of Python's jobs fail than of Ruby's, such as 5%.",
)
@click.option(
    "--least",
    type=number_from(1),
    default=LEAST,
    show_default=True,
    help="Jobs that the brake wants before it compares.",
)
@settings_options(*CONNECTION)
@dry_run_option
@json_option
def set_route(
    match: str,
    target: str,
    by: str | None,
    brake: str | None,
    least: int,
    dry_run: bool,
    as_json: bool,
    **given: Any,
) -> None:
    """Have a class, or all that match a pattern such as 'Reports::*', performed by Ruby, by Python, or in part by Python."""
    resque = load_application(given)
    routes = resque.routes.set(
        match, target, by=by or _user(), brake=brake, least=least, dry_run=dry_run
    )
    _print(routes, as_json=as_json, dry_run=dry_run)
    rule = Rule.parse(match, target)
    _tell_of_unregistered(resque, rule)
    if rule.python_percent < ALL:
        _tell_of_what_lies_aside(resque)


@route.command()
@click.argument("match", metavar="CLASS-OR-GLOB")
@by_option
@settings_options(*CONNECTION)
@dry_run_option
@json_option
def unset(match: str, by: str | None, dry_run: bool, as_json: bool, **given: Any) -> None:
    """Take the rule of a class or pattern out: an earlier one that matches decides then."""
    resque = load_application(given)
    if all(rule.match != match for rule in resque.routes.show().rules):
        raise Complaint(f"there is no rule of {match!r}")
    routes = resque.routes.unset(match, by=by or _user(), dry_run=dry_run)
    _print(routes, as_json=as_json, dry_run=dry_run)


@route.command()
@by_option
@settings_options(*CONNECTION)
@dry_run_option
@json_option
def rollback(by: str | None, dry_run: bool, as_json: bool, **given: Any) -> None:
    """Take back the latest change of the rules that was not taken back yet; once more takes back the one before it."""
    resque = load_application(given)
    routes = resque.routes.rollback(by=by or _user(), dry_run=dry_run)
    _print(routes, as_json=as_json, dry_run=dry_run)
    _tell_of_what_lies_aside(resque)


@route.command()
@settings_options(*CONNECTION)
@json_option
def status(as_json: bool, **given: Any) -> None:
    """Show how the classes with a brake fare on both sides. Exit code 1 while a rule stands that a brake has set."""
    resque = load_application(given)
    routes = resque.routes.show()
    verdicts = resque.run(resque.core.brakes.verdicts(routes))
    since = {
        one.class_name: max(one.performed.at.timestamp(), one.rule.since)
        for one in verdicts
        if not one.exact
    }
    if since:
        lately = resque.run(failed_lately(resque.core.failures, since))
        verdicts = [
            one
            if one.exact
            else one._replace(
                why=f"{one.why}; {lately.told(one.class_name, one.performed.python.failed)}"
            )
            for one in verdicts
        ]
    tripped = [rule for rule in routes.rules if rule.tripped]
    if as_json:
        brakes = [_verdict(one) for one in verdicts]
        print_json({"tripped": [rule.to_dict() for rule in tripped], "brakes": brakes})
    else:
        rows = [
            (one.class_name, one.rule.target, "trips" if one.trips else "holds", one.why)
            for one in verdicts
        ]
        rows += [(rule.match, rule.target, "tripped", rule.tripped) for rule in tripped]
        headings = ("class", "performed by", "brake", "why")
        print_table(headings, rows, "no class with a brake was performed")
    if tripped:
        sys.exit(1)


@route.command("log")
@count_option(20, "How many.")
@settings_options(*CONNECTION)
@json_option
def show_log(count: int, as_json: bool, **given: Any) -> None:
    """List the changes of the rules, the latest first."""
    changes = load_application(given).routes.changes(count)
    if as_json:
        print_list(one.to_dict() for one in changes)
        return
    rows = [(one.routes.version, one.at, one.by, one.what) for one in changes]
    print_table(("version", "at", "by", "change"), rows, "no changes")


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a user without a name
        return ""


def _print(routes: Routes, *, as_json: bool, dry_run: bool = False) -> None:
    if as_json:
        rules = [rule.to_dict() for rule in routes.rules]
        told = {"dry_run": True} if dry_run else {}
        print_json({"version": routes.version, "rules": rules, **told})
        return
    if dry_run:
        click.echo("The rules would be:")
    rows = [(rule.match, rule.target, _brake(rule)) for rule in routes.rules]
    print_table(
        ("class", "performed by", "brake"),
        rows,
        "no rules: each worker goes by what it is started with",
    )
    overruled = [one.match for one in routes.rules if _is_overruled(one, routes)]
    if overruled:
        click.echo(
            f"\nA later rule decides for these, so they have no effect now: {listed(overruled)}"
        )


def _is_overruled(rule: Rule, routes: Routes) -> bool:
    """Whether a later rule decides for all that the rule matches; of patterns it is told only where that one is ``*``."""
    if not rule.is_pattern:
        return routes.rule_of(rule.match) is not rule
    return any(one.match == "*" for one in routes.rules[routes.rules.index(rule) + 1 :])


def _tell_of_unregistered(resque: Resque, rule: Rule) -> None:
    """Say on standard error that the application does not register a class that is led to Python."""
    if not resque.settings.app or not rule.python_percent or rule.is_pattern:
        return
    if not is_registered(resque.core.registry, resque.core.active_job_classes, rule.match):
        click.echo(
            f"pyresque: {safe_text(rule.match)} is not registered in {resque.settings.app}: its workers leave such jobs where they are",
            err=True,
        )


def _brake(rule: Rule) -> str:
    if rule.tripped:
        return f"tripped: {rule.tripped}"
    return "-" if rule.brake is None else f"{rule.brake:g} points, from {rule.least} jobs on"


def _verdict(one: Verdict) -> dict[str, Any]:
    """Return what a brake says of a class, for JSON."""
    sides = {
        side: {"done": tally.done, "failed": tally.failed, "milliseconds": tally.milliseconds}
        for side, tally in (("ruby", one.performed.ruby), ("python", one.performed.python))
    }
    known = {"trips": one.trips, "ruby_exact": one.exact, "why": one.why}
    return {"class": one.class_name, **known, **sides}


def _tell_of_what_lies_aside(resque: Resque) -> None:
    """Say on standard error which queues have jobs aside, and how those come back that belong to Ruby now."""
    try:
        aside = resque.run(MovedTable(resque.core.keys).lying_aside())
    except RedisCommandError as error:
        click.echo(f"pyresque: what lies aside for Python is not known: {error}", err=True)
        return
    if aside:
        total, names = sum(aside.values()), ",".join(sorted(aside)[:20])
        click.echo(
            f"{many(total, 'job')} {'lies' if total == 1 else 'lie'} aside for Python. A running mover brings those back that belong to Ruby now; "
            f"without one: pyresque migrate move --back -q {safe_text(shlex.quote(names))}",
            err=True,
        )
