"""Payloads to put into queues, and whole inventories of what is there."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pyresque.client import Resque
from pyresque.migrate.inventory import Inventory

if TYPE_CHECKING:
    from pyresque.migrate.found import Found

WRAPPER = "ActiveJob::QueueAdapters::ResqueAdapter::JobWrapper"


def payload(name: object, *args: object, **extra: object) -> bytes:
    """A payload as Resque writes it, with further keys."""
    return json.dumps({"class": name, "args": list(args), **extra}).encode()


def rails(name: str, *args: object, **extra: object) -> bytes:
    """A payload as Rails writes it, with further keys in the job hash."""
    job = {"job_class": name, "job_id": "1", "queue_name": "q", "arguments": list(args), **extra}
    return payload(WRAPPER, job)


def taken(client: Resque, **options: Any) -> Found:
    """Make an inventory, whole unless options say otherwise."""
    made = Inventory(client.core, **{"sample": None, "keys": None, **options})
    while client.run(made.marks_more()):
        pass
    while client.run(made.more()):
        pass
    return made.found


def inventory(url: str) -> Found:
    """Make a whole inventory of a Redis."""
    with Resque(url) as client:
        return taken(client)
