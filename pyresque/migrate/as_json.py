"""An inventory as JSON: what ``--json`` prints, and what other tools read."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from pyresque.migrate.marks import registration

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyresque.migrate.found import Found
    from pyresque.migrate.seen import ClassSeen


def iso(seconds: float | None) -> str | None:
    """Return seconds since 1970 as ISO 8601 in UTC; None for what is no date."""
    if seconds is None:
        return None
    try:
        return datetime.fromtimestamp(int(seconds), timezone.utc).isoformat()
    except (ValueError, OverflowError, OSError):
        return None


def head(found: Found) -> dict[str, Any]:
    """Return what belongs to no class."""
    marks, classes = found.marks, found.classes
    return {
        "at": iso(found.at),
        "sampled": found.sampled,
        "lists": [one.to_dict() for one in found.lists],
        "others": {"jobs": classes.others.to_dict(), "gave_way": classes.gave_way},
        "unreadable": dict(classes.unreadable),
        "shapes_cut": classes.budget.cut,
        "keys_for_marks": {
            "looked_at": marks.looked_at,
            "complete": marks.complete,
            "refused": marks.refused or None,
        },
        "watched": found.watched,
        "notes": list(found.notes),
    }


def class_json(one: ClassSeen) -> dict[str, Any]:
    """Return one class."""
    return {
        "class": one.name,
        "active_job": one.active_job,
        "written_by": dict(one.writers),
        "jobs": one.jobs.to_dict(),
        "places": {place: figure.to_dict() for place, figure in one.places.items()},
        "queues": {queue: figure.to_dict() for queue, figure in one.queues.items()},
        "arguments": one.arguments.to_dict(),
        "signature": str(one.arguments),
        "plugins": [mark.to_dict() for mark in one.marks.values()],
        "register": registration(one),
        "trace_keys": dict(one.trace),
        "extra_keys": dict(one.extra),
        "rate": None if one.rate is None else one.rate.to_dict(),
        "last_seen": iso(one.last_seen),
        "last_due": iso(one.last_due),
    }


def classes_json(found: Found) -> Iterator[dict[str, Any]]:
    """Yield each class, those with most jobs first."""
    return map(class_json, found.classes)
