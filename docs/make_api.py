# ruff: noqa: INP001 - a script beside the pages, no package
"""Write docs/api.md from the docstrings of the verbs: ``python docs/make_api.py``. A verb that no group names is an error."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import pyresque
from pyresque import Resque
from pyresque.failures import Failures
from pyresque.handles import Handle, OwnStatus
from pyresque.job.job_status import JobStatus
from pyresque.retries import Retries
from pyresque.statuses import Statuses

HEAD = """# What is public, and every verb

Public and stable are the names below, those of `pyresque.errors`, `pyresque.activejob` and `pyresque.plugins`, the keys and bytes in Redis, and the
commands of `pyresque` ([cli](cli.md)). Every other module is private: it may change with any version.

{names}

## `Resque` and `AsyncResque`

All public attributes of `Resque`; `AsyncResque` has the same, and its verbs are awaited. [Getting started](guide.md) shows how they
are used. Ruby's own verbs bear Ruby's names, those of resque-scheduler too. A *job* is a class, a function or a name; a *time* is a
datetime with a zone or seconds since 1970; a *span* is a timedelta or seconds.

This page is written by `python docs/make_api.py`.
"""

#: The public names of the package, with what each is.
NAMES = {
    "Resque": "Connects, enqueues, looks and registers jobs; its verbs block.",
    "AsyncResque": "The same verbs, awaited.",
    "Settings": "Every setting; see [settings](settings.md).",
    "Job": "A payload with the queue that it came from: what `peek` and `reserve` give, and what middleware gets.",
    "Payload": "The class name and the arguments of a job, as they were read.",
    "TimeLimit": "The soft and the hard limit of a job; see [limits](limits.md).",
    "FailureBackend": "Base of a failure backend of your own.",
    "Multiple": "Several failure backends as one.",
    "Failure": "What a failure backend is given to record: the job, the error's report, the worker, the time.",
    "FailedRecord": "One failed job as it was read: what `resque.failures.each` gives.",
    "WorkerInfo": "A registered worker: what `workers` gives.",
    "Info": "The overview: what `info` gives.",
    "Handle": "A tracked job that was enqueued; see [results](results.md).",
    "AsyncHandle": "The same of an AsyncResque: its methods are awaited.",
    "JobStatus": "The status of a tracked job as it was read.",
    "OwnStatus": "The status of the tracked job that runs: what `status` gives.",
    "AsyncOwnStatus": "The same of an AsyncResque: its methods are awaited.",
    "PyresqueError": "Root of all exceptions of pyresque (`pyresque.errors`).",
    "DontPerform": "Raise it in a `before_perform` hook to leave the job unperformed.",
    "JobTimeout": "Raised inside a job whose soft limit has passed.",
    "JobKilled": "Raised inside a tracked job that was cancelled.",
    "TermException": "Raised inside a job whose worker is asked to stop.",
}

GROUPS = {
    "Registering": (
        *(
            "job",
            "active_job",
            "declare",
            "registered",
            "middleware",
            "enqueue_middleware",
            "locator",
            "serializer",
        ),
        *("warm_up", "before_first_fork", "before_fork", "after_fork"),
        *("before_pause", "after_pause"),
        *("queue_empty", "worker_exit", "on_shutdown"),
    ),
    "Enqueueing": (
        *(
            "enqueue",
            "enqueue_to",
            "enqueue_many",
            "perform_all_later",
            "unlock_active_jobs",
            "create",
            "push",
        ),
        *("validate", "dequeue", "destroy"),
    ),
    "Queues": (
        *(
            "queues",
            "size",
            "queue_sizes",
            "queue_lengths",
            "queue_latency",
            "peek",
            "sample_queues",
            "list_range",
        ),
        *("pop", "reserve", "watch_queue", "remove_queue"),
    ),
    "Delayed jobs": (
        *("enqueue_at", "enqueue_in", "enqueue_at_with_queue", "enqueue_in_with_queue"),
        *("enqueue_many_at", "delay_or_enqueue_at", "delay_or_enqueue_in", "delayed_push"),
        *("scheduled_at", "is_delayed", "find_delayed_selection", "count_all_scheduled_jobs"),
        *("remove_delayed", "remove_delayed_in_queue", "remove_delayed_selection"),
        *("remove_delayed_job_from_timestamp", "reset_delayed_queue"),
        *("enqueue_delayed", "enqueue_delayed_with_queue", "enqueue_delayed_selection"),
        *("delayed_queue_peek", "delayed_queue_schedule_size", "delayed_timestamp_peek"),
        *("delayed_timestamp_size", "next_delayed_timestamp", "next_item_for_timestamp"),
        *("enqueue_next_item", "move_due", "clean_up_timestamp"),
    ),
    "Recurring jobs": (
        *("set_schedule", "remove_schedule", "schedule", "fetch_schedule", "assign_schedule"),
        *("next_runs", "enqueue_from_config", "get_last_enqueued_at", "last_enqueued_at"),
        *("master_lock", "release_master_lock"),
    ),
    "Paused queues": (
        *("pause_queue", "resume_queue", "queue_paused", "paused_queues"),
        *("pause_all_queues", "resume_all_queues", "all_queues_paused"),
    ),
    "Workers and the whole": (
        *("workers", "working", "find_worker", "remove_worker", "pause_all", "unpause_all"),
        *("all_paused", "info", "stat", "all_keys"),
    ),
    "Tracked jobs": ("handle", "status", "statuses"),
    "The object itself": ("failures", "retries", "redis", "configure", "settings", "close"),
    "Inner parts, for tools; they may change between versions": (
        *("core", "run", "driver", "registry", "hooks", "active_job_classes", "stop_flag"),
        *("access", "connect_by_url"),
    ),
}

#: What tracked jobs give.
TRACKED = {
    "Statuses of tracked jobs: `resque.statuses`": Statuses,
    "A handle: what `enqueue` gives for a tracked job": Handle,
    "A job's own status: what `resque.status()` gives": OwnStatus,
    "A status as it was read": JobStatus,
}

#: What is set when the object is made, and so has no docstring.
SET = {
    "id": "The job's id.",
    "fields": "The whole object.",
    "fault": "Why the status cannot be read; None if it can.",
    "raw": "The bytes.",
    "settings": "The settings in force; change them by `configure`.",
    "registry": "The registered jobs, by their Ruby names.",
    "hooks": "The functions that the decorators for workers have added.",
    "stop_flag": "Whether this process is stopping; a worker sets it, a job in steps asks it.",
    "active_job_classes": "The registered active jobs, locators and serializers.",
}


def attributes(owner: Any) -> set[str]:
    """What is public of it."""
    return {name for name in dir(owner) if not name.startswith("_")}


def parameters_of(verb: Any) -> str:
    """A verb's parameters, as a call writes them."""
    parameters = list(inspect.signature(verb).parameters.values())[1:]
    words, keyword = [], False
    for each in parameters:
        if each.kind is each.VAR_POSITIONAL or each.kind is each.VAR_KEYWORD:
            words.append(str(each).partition(":")[0])
            keyword = True
            continue
        if each.kind is each.KEYWORD_ONLY and not keyword:
            words.append("*")
            keyword = True
        default = "" if each.default is each.empty else f"={each.default!r}"
        words.append(each.name + default)
    return f"({', '.join(words)})"


def first_paragraph(owner: Any, name: str) -> str:
    """The first paragraph of a docstring."""
    if name in SET:
        return SET[name]
    text = inspect.getdoc(inspect.getattr_static(owner, name)) or ""
    return " ".join(text.partition("\n\n")[0].split()).replace("``", "`")


def row(owner: Any, name: str) -> str:
    """A line of a table."""
    verb = inspect.getattr_static(owner, name, None)
    call = parameters_of(verb) if inspect.isfunction(verb) else ""
    return f"| `{name}{call}` | {first_paragraph(owner, name)} |".replace("\\", "\\\\")


def page() -> str:
    """The page's text. Raises SystemExit for an attribute without a group, or without a docstring."""
    made = Resque("redis://nowhere:1/0")
    grouped = [name for names in GROUPS.values() for name in names]
    ungrouped = attributes(made) ^ set(grouped)
    if ungrouped or len(grouped) != len(set(grouped)):
        raise SystemExit(f"docs/make_api.py: not in one group: {', '.join(sorted(ungrouped))}")
    tables = {title: [row(Resque, name) for name in names] for title, names in GROUPS.items()}
    tables["Failed jobs: `resque.failures`"] = [
        row(Failures, name) for name in sorted(attributes(Failures) - {"core", "run"})
    ]
    for title, owner in TRACKED.items():
        tables[title] = [row(owner, name) for name in sorted(attributes(owner) - {"core", "run"})]
    tables["Jobs that wait for their next attempt: `resque.retries`"] = [
        row(Retries, name) for name in sorted(attributes(Retries) - {"core", "run"})
    ]
    if set(NAMES) != set(pyresque.__all__) - {"__version__"}:
        raise SystemExit("docs/make_api.py: NAMES are not those of pyresque.__all__")
    public = "\n".join(f"| `{name}` | {what} |" for name, what in NAMES.items())
    lines = [HEAD.format(names=f"| `pyresque.` | what it is |\n|---|---|\n{public}")]
    for title, rows in tables.items():
        empty = [one for one in rows if one.endswith("|  |")]
        if empty:
            raise SystemExit(f"docs/make_api.py: no docstring: {empty}")
        lines += [f"## {title}", "", "| verb | what it does |", "|---|---|", *rows, ""]
    return "\n".join(lines)


if __name__ == "__main__":
    Path(__file__).with_name("api.md").write_text(page(), encoding="utf-8")
