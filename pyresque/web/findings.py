"""What the overview warns of: those findings of the doctor that need no further look at Redis."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyresque.doctor.commands import Commands
from pyresque.doctor.key_types import no_lists
from pyresque.doctor.queues import of_overview
from pyresque.doctor.scheduler import of_lock
from pyresque.doctor.workers import silent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyresque.job.overview import Overview
    from pyresque.settings import Settings
    from pyresque.store.schedules import LockInfo
    from pyresque.web.shapes.overview import Finding


def findings(
    found: Overview,
    heartbeats: Sequence[str | None],
    lock: LockInfo | None,
    now: float,
    settings: Settings,
    *,
    waiting: bool,
) -> list[Finding]:
    """Return what needs attention: each a text, and the parts of the path that shows more.

    ``waiting``: whether there are delayed or recurring jobs, which need a scheduler.
    """
    commands = Commands(settings)
    beats = dict(zip(found.workers, heartbeats, strict=True))
    said = [
        *of_overview(found, commands),
        *no_lists(found, commands),
        *silent(beats, found.busy, now, settings.prune_interval, commands),
        *of_lock(lock, commands, waiting=waiting),
    ]
    return [{"text": one.text, "page": list(one.page)} for one in said]
