"""Classes of jobs that the application does not perform, and plugins that they have in Ruby alone. Only with an application."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyresque.doctor.finding import MOST, Finding, Kind, listed
from pyresque.doctor.routes import effective_routes
from pyresque.migrate.coverage import MISFIT, MISSING, cover
from pyresque.printable import many
from pyresque.routing.rules import RUBY

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pyresque.doctor.look import Look
    from pyresque.migrate.coverage import Covered
    from pyresque.routing.rules import Routes

UNKNOWN: Final = Kind(
    "class-not-registered",
    "error",
    "A Python worker that takes such a job records it as failed (NameError).",
)
REFUSED: Final = Kind(
    "arguments-do-not-fit",
    "warning",
    "The handler refuses these arguments, so that the job fails.",
    quotes=True,
)
UNDECLARED: Final = Kind(
    "plugin-not-declared",
    "warning",
    "Without the plugin Python neither takes nor releases the locks, marks and counters that Ruby keeps for the class.",
)
KINDS: Final = (UNKNOWN, REFUSED, UNDECLARED)

#: Where a job waits to be performed.
_WAITING: Final = frozenset({"queued", "moved", "delayed", "scheduled"})


async def check(look: Look) -> Iterable[Finding]:
    """Compare the jobs that were read with what is registered."""
    if not look.has_app:
        return []
    core, commands = look.core, look.commands
    routes = await effective_routes(look)
    made = cover(look.found, core.registry, core.active_job_classes)
    here = [one for one in made.classes if _waits(look, one) and not _is_rubys(routes, one.name)]
    found: list[Finding] = []
    missing = [one for one in here if one.state == MISSING]
    if missing:
        names = [one.name for one in missing]
        options = [word for one in names[:MOST] for word in ("--class", one)]
        found.append(
            UNKNOWN.found(
                f"{many(len(names), 'class')} with jobs and no handler here: {listed(names)}.",
                commands.pyresque("migrate", "stubs", "--out", "jobs", *options),
                page=("queues",),
                classes=_evidence(missing),
                count=len(missing),
            )
        )
    misfits = [one for one in here if one.state == MISFIT]
    if misfits:
        found.append(
            REFUSED.found(
                f"Handlers that refuse arguments that were seen: {listed([one.name for one in misfits])}.",
                commands.pyresque("migrate", "coverage"),
                page=("queues",),
                classes=_evidence(misfits),
                count=len(misfits),
            )
        )
    undeclared = [one for one in made.classes if one.undeclared and not _is_rubys(routes, one.name)]
    if undeclared:
        shown = [f"{one.name} ({', '.join(one.undeclared)})" for one in undeclared]
        found.append(
            UNDECLARED.found(
                f"Plugins that classes have in Ruby and not here: {listed(shown)}.",
                *(one.advice for one in undeclared[:MOST] if one.advice),
                page=("stats", "keys"),
                classes={one.name: list(one.undeclared) for one in undeclared[:MOST]},
                count=len(undeclared),
            )
        )
    return found


def _is_rubys(routes: Routes, name: str) -> bool:
    rule = routes.rule_of(name)
    return rule is not None and rule.to == RUBY


def _waits(look: Look, one: Covered) -> bool:
    """Whether jobs of the class wait to be performed: one that has only failed is none of ours, perhaps."""
    seen = look.found.classes.classes.get(one.name)
    return seen is not None and any(seen.places.get(place) for place in _WAITING)


def _evidence(classes: Iterable[Covered]) -> dict[str, object]:
    return {
        one.name: {"jobs": one.jobs, "write": one.advice, "misfits": one.misfits[:3]}
        for one in list(classes)[:MOST]
    }
