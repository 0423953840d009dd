"""The routing table of a move off Ruby: a brake that was pulled, a class that leads nowhere, a table that cannot be read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyresque.doctor.finding import MOST, Finding, Kind, listed
from pyresque.errors import RoutingError, WrongKey
from pyresque.routing.ownership import is_registered
from pyresque.routing.rules import Routes, Rule

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pyresque.doctor.look import Look

BRAKED: Final = Kind(
    "brake-pulled",
    "warning",
    "More of the class's jobs failed in Python than in Ruby, so Ruby performs all of them until somebody leads it back.",
)
NOWHERE: Final = Kind(
    "route-to-nobody",
    "error",
    "Jobs that the table gives to Python fail there if no code is registered for their class.",
)
BROKEN: Final = Kind(
    "routes-unreadable",
    "error",
    "Selective workers take no job by a table that they cannot read, and go on by the one that they read last.",
)
KINDS: Final = (BRAKED, NOWHERE, BROKEN)


async def check(look: Look) -> Iterable[Finding]:
    """Look at the rules in Redis."""
    core, commands = look.core, look.commands
    try:
        routes = await core.routes.show()
    except RoutingError as error:
        mend = commands.aside(core.keys.routes, core.keys.bare(core.keys.routes))
        if await core.routes.changes(1):
            mend = commands.pyresque("migrate", "route", "rollback")
        return [BROKEN.found(f"The routing table: {error}.", mend, key=core.keys.routes)]
    found = [_braked(look, rule) for rule in routes.rules if rule.tripped]
    lost = [rule for rule in routes.rules if rule.python_percent and not rule.is_pattern]
    lost = [
        rule
        for rule in lost
        if not is_registered(core.registry, core.active_job_classes, rule.match)
    ]
    if look.has_app and lost:
        names = [rule.match for rule in lost]
        found.append(
            NOWHERE.found(
                f"Routed to Python, but not registered here: {listed(names)}.",
                *(
                    commands.pyresque("migrate", "route", "set", one, "ruby")
                    for one in names[:MOST]
                ),
                classes={rule.match: rule.target for rule in lost[:MOST]},
                count=len(lost),
                key=core.keys.routes,
            )
        )
    return found


def _braked(look: Look, rule: Rule) -> Finding:
    return BRAKED.found(
        f"The brake of {rule.match} was pulled: {rule.tripped}.",
        look.commands.pyresque(
            "migrate", "route", "set", rule.match, "python=10%", "--brake", "5%"
        ),
        classes=[rule.match],
        tripped=rule.tripped,
        key=look.core.keys.routes,
    )


async def effective_routes(look: Look) -> Routes:
    """Return the rules in Redis above those of the setting; without those of a table that cannot be read, which is a finding."""
    pairs = (one.partition("=") for one in look.core.settings.routes)
    own = Routes.from_settings({match: target for match, _, target in pairs})
    try:
        return (await look.core.routes.show()).above(own)
    except (RoutingError, WrongKey):
        return own
