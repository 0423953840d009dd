"""The table of checks: each a module of this folder, and one line here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pyresque.doctor import (
    classes,
    clocks,
    delayed,
    host_processes,
    key_types,
    locks,
    payloads,
    queues,
    routes,
    scheduler,
    schedules,
    server,
    workers,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pyresque.doctor.finding import Finding, Kind
    from pyresque.doctor.look import Look
    from pyresque.ops import Op


@dataclass(frozen=True, slots=True)
class Check:
    """One check: its name, what it runs, and the kinds of findings that it makes."""

    name: str
    run: Callable[[Look], Op[Iterable[Finding]]]
    kinds: tuple[Kind, ...]


CHECKS: Final = (
    Check("server", server.check, server.KINDS),
    Check("clocks", clocks.check, clocks.KINDS),
    Check("keys", key_types.check, key_types.KINDS),
    Check("queues", queues.check, queues.KINDS),
    Check("payloads", payloads.check, payloads.KINDS),
    Check("classes", classes.check, classes.KINDS),
    Check("routes", routes.check, routes.KINDS),
    Check("workers", workers.check, workers.KINDS),
    Check("processes", host_processes.check, host_processes.KINDS),
    Check("scheduler", scheduler.check, scheduler.KINDS),
    Check("schedules", schedules.check, schedules.KINDS),
    Check("delayed", delayed.check, delayed.KINDS),
    Check("locks", locks.check, locks.KINDS),
)
