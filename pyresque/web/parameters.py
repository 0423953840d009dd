"""What the names in paths, queries and forms mean, for ``/openapi.json``: each name means one thing everywhere."""

from __future__ import annotations

from typing import Any, NamedTuple

from pyresque.web.view import LARGEST, MOST_ROWS

_TEXT: dict[str, Any] = {"type": "string"}
_NUMBER: dict[str, Any] = {"type": "integer", "minimum": 0, "maximum": LARGEST}
_YES: dict[str, Any] = {"type": "string", "enum": ["yes"]}


class Parameter(NamedTuple):
    """What a name means, and the JSON Schema of its values."""

    text: str
    schema: dict[str, Any] = _TEXT


PARAMETERS = {
    "after": Parameter("Where a search goes on: `next` of the answer before."),
    "args": Parameter("Arguments as JSON, in place of the recurring job's own."),
    "asked": Parameter(
        "Seconds since 1970 when the question was asked: ten minutes later it is asked again.",
        _NUMBER,
    ),
    "at": Parameter(
        "A time: 2026-12-01T08:00Z, seconds since 1970, or how long from now, such as 1h30m."
    ),
    "brake": Parameter("Percent points that Python may fail more before the class goes back."),
    "before": Parameter("Show what stands below this index of the failed list.", _NUMBER),
    "class": Parameter("The class of a job; of an ActiveJob its own."),
    "config": Parameter("The configuration of a recurring job as JSON."),
    "confirm": Parameter("Says yes to the action's question.", _YES),
    "cursor": Parameter("Where SCAN goes on.", {**_NUMBER, "maximum": (1 << 64) - 1}),
    "exception": Parameter("The name of an error's class."),
    "holder": Parameter("The scheduler that is meant: the holder of the lock."),
    "id": Parameter("Names one thing: the `id` of a job or record, or a tracked job's id."),
    "index": Parameter(
        "Where the thing stood when it was seen: it is looked for there first.", _NUMBER
    ),
    "job_name": Parameter("The name of a recurring job."),
    "key": Parameter("A key, without the namespace."),
    "least": Parameter("Jobs that the brake wants before it compares.", _NUMBER),
    "list": Parameter("A failed list: `failed`, or one of the multi-queue backend's."),
    "look": Parameter("Carry out the look, at some of each long list.", _YES),
    "looked": Parameter("How many times a search has looked through before.", _NUMBER),
    "match": Parameter("A class of the routing table, or a pattern such as Reports::*."),
    "name": Parameter("The name of a recurring job."),
    "older": Parameter("How long ago a job failed at least, such as 30d or 1h30m."),
    "only": Parameter("A state of tracked jobs."),
    "param:NAME": Parameter("A parameter of a recurring job, by its own name for NAME."),
    "percent": Parameter("The share of a class's jobs that Python performs; without it all."),
    "pattern": Parameter("What messages have in common, as `/failed/groups` has it."),
    "per": Parameter("How many rows to show.", {**_NUMBER, "minimum": 1, "maximum": MOST_ROWS}),
    "q": Parameter("A text to look for."),
    "queue": Parameter("The name of a queue."),
    "retried": Parameter("Whether the job was retried.", {"type": "string", "enum": ["yes", "no"]}),
    "side": Parameter("Who performs a class.", {"type": "string", "enum": ["python", "ruby"]}),
    "start": Parameter("How many rows to leave out.", _NUMBER),
    "to": Parameter("The name of a queue that jobs are moved to."),
    "started": Parameter("When the worker that is meant has started, as its page tells."),
    "timestamp": Parameter("A time in seconds since 1970."),
    "token": Parameter("Names what is to be undone: `undo` of an action's answer."),
    "until": Parameter("Seconds since 1970: what failed later is not meant."),
    "whole": Parameter("Look through the whole list.", _YES),
    "worker": Parameter("The id of a worker, or a host."),
}
