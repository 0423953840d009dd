"""Every setting: its default, Resque's environment name for it, and its flag; the only reader of the environment.

Default < environment < flag < keyword. All faults are reported together, each with the place it came from.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

from pyresque.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

EXECUTORS = ("fork", "thread", "async", "inline")
FAILURE_BACKENDS = ("redis", "redis_multi_queue")
CODECS = ("json", "msgpack")
DIALECTS = ("json_gem", "oj", "json_gem_activesupport", "oj_activesupport")
DELAYED_SEARCHES = ("meaning", "bytes")
OLDEST_RAILS = 6
LOG_FORMATS = ("text", "json", "logfmt")
WAITS = ("block", "poll")
FORK_AHEAD = ("auto", "always", "never")
CATCH_UPS = {"none": 0, "one": 1}


def _text(value: str) -> str:
    if not value.strip():
        msg = "is empty"
        raise ValueError(msg)
    return value


def _names(value: str) -> tuple[str, ...]:
    """Split as Ruby splits: nothing comes of an empty text, and empty names at the end go."""
    names = [name.strip() for name in value.rstrip(",").split(",")]
    return tuple(names) if value.strip(",") else ()


def _seconds(value: str) -> float:
    try:
        seconds = float(value)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < float("inf"):
        msg = f"{value!r} is no number of seconds (0 or more)"
        raise ValueError(msg)
    return seconds


def _count(value: str) -> int:
    if not value.strip().isdecimal() or int(value) < 1:
        msg = f"{value!r} is no number from 1 on"
        raise ValueError(msg)
    return int(value)


def _port(value: str) -> int:
    if not value.strip().isdecimal() or not 0 < int(value) < 2**16:
        msg = f"{value!r} is no port (1 to 65535)"
        raise ValueError(msg)
    return int(value)


#: The texts that resque-scheduler takes for yes; any other one, ``yes`` and ``True`` too, is a no.
SCHEDULER_YES = frozenset({"1", "t", "T", "true", "TRUE", "on", "ON"})


def _scheduler_yes(value: str) -> bool:
    return value in SCHEDULER_YES


def _catch_up(value: str) -> int:
    """How many missed runs are made up for: ``none``, ``one``, or a number."""
    if value in CATCH_UPS:
        return CATCH_UPS[value]
    if not value.strip().isdecimal():
        msg = f"{value!r} is none of {', '.join(CATCH_UPS)}, and no number of runs"
        raise ValueError(msg)
    return int(value)


def _rails_version(value: str) -> str:
    numbers = value.strip().split(".")
    known = all(part.isascii() and part.isdecimal() for part in numbers[:2])
    if not known or int(numbers[0]) < OLDEST_RAILS:
        msg = f"{value!r} is no Rails version from {OLDEST_RAILS}.0 on"
        raise ValueError(msg)
    return value.strip()


def _given(value: str) -> bool:
    """Ruby asks only whether such a variable is there, not what it says; an empty one counts as left out here."""
    return value != ""


def _fork_per_job(value: str) -> str:
    """FORK_PER_JOB: exactly ``false`` turns forking off, as in Ruby."""
    return "inline" if value == "false" else "fork"


def _one_of(choices: tuple[str, ...]) -> Callable[[str], str]:
    def read(value: str) -> str:
        if value not in choices:
            msg = f"{value!r} is none of {', '.join(choices)}"
            raise ValueError(msg)
        return value

    return read


def shown(url: str) -> str:
    """The URL without its password, for messages."""
    try:
        parts = urlsplit(url)
        if parts.password is None:
            return url
        return urlunsplit(parts._replace(netloc="***@" + parts.netloc.rpartition("@")[2]))
    except ValueError:
        return "(a URL that cannot be read)"


def setting(
    default: Any,
    read: Callable[[str], Any],
    help_text: str,
    *,
    env: tuple[str | tuple[str, Callable[[str], Any]], ...] = (),
) -> Any:
    """One row of the table: default, how its text is read, what it means, and the variables it is read from.

    The first variable that is set wins, as ``ENV['QUEUES'] || ENV['QUEUE']`` does in Ruby. A variable may bring a
    reader of its own.
    """
    return field(default=default, metadata={"read": read, "help": help_text, "env": env})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How this process talks to Redis and how its workers behave; frozen, made once, handed down."""

    url: str = setting(
        "redis://localhost:6379/0",
        _text,
        "Redis server: redis://, rediss:// or unix://",
        env=("REDIS_URL",),
    )
    namespace: str = setting(
        "resque", _text, "what every key starts with", env=("RESQUE_NAMESPACE",)
    )
    app: str = setting("", _text, "the application, as module:attribute", env=("PYRESQUE_APP",))
    environment: str = setting(
        "development", _text, "the application's environment", env=("RAILS_ENV", "RACK_ENV")
    )
    codec: str = setting("json", _one_of(CODECS), "how payloads are written", env=("RESQUE_CODEC",))
    dialect: str = setting(
        "json_gem",
        _one_of(DIALECTS),
        "which of Ruby's JSON encoders to write like",
        env=("RESQUE_JSON",),
    )
    failure_backend: str = setting(
        "redis",
        _one_of(FAILURE_BACKENDS),
        "where failed jobs are recorded",
        env=("FAILURE_BACKEND",),
    )
    inline: bool = setting(False, _given, "perform at enqueue, without Redis")

    queues: tuple[str, ...] = setting(
        (), _names, "queues in order, globs, !skip", env=("QUEUES", "QUEUE")
    )
    executor: str = setting(
        "fork" if hasattr(os, "fork") else "inline",
        _one_of(EXECUTORS),
        "where a job runs",
        env=("RESQUE_EXECUTOR", ("FORK_PER_JOB", _fork_per_job)),
    )
    count: int = setting(1, _count, "workers: processes, or slots of one", env=("COUNT",))
    fork_ahead: str = setting(
        "auto",
        _one_of(FORK_AHEAD),
        "fork the next job's child while the present one works",
        env=("RESQUE_FORK_AHEAD",),
    )
    jobs_per_child: int | None = setting(
        None, _count, "jobs a child performs before it ends; default 1", env=("JOBS_PER_FORK",)
    )
    minutes_per_child: float | None = setting(
        None, _seconds, "minutes a child serves before it ends", env=("MINUTES_PER_FORK",)
    )
    max_child_memory: int | None = setting(
        None, _count, "MiB from which a child takes no further job", env=("MAX_CHILD_MEMORY",)
    )
    interval: float = setting(
        5.0, _seconds, "seconds between polls; 0: stop when every queue is empty", env=("INTERVAL",)
    )
    wait: str = setting(
        "block",
        _one_of(WAITS),
        "how an idle worker learns of a job: block (Redis tells it), poll (it asks at intervals)",
        env=("RESQUE_WAIT",),
    )
    min_interval: float | None = setting(
        None, _seconds, "seconds to wait after a job; default: the interval", env=("MIN_INTERVAL",)
    )
    max_interval: float | None = setting(
        None,
        _seconds,
        "longest wait that back-off reaches; default: the interval",
        env=("MAX_INTERVAL",),
    )
    backoff_interval: float | None = setting(
        None,
        _seconds,
        "seconds added to the wait at each empty poll; default 0.1",
        env=("BACKOFF_INTERVAL",),
    )
    heartbeat_interval: float = setting(
        60.0, _seconds, "seconds between heartbeats", env=("RESQUE_HEARTBEAT_INTERVAL",)
    )
    prune_interval: float = setting(
        300.0,
        _seconds,
        "age in seconds from which a heartbeat counts as dead",
        env=("RESQUE_PRUNE_INTERVAL",),
    )
    term_child: bool = setting(
        False, _given, "TERM lets the running job clean up (TermException)", env=("TERM_CHILD",)
    )
    graceful_term: bool = setting(
        False, _given, "TERM waits for the running job", env=("GRACEFUL_TERM",)
    )
    term_timeout: float = setting(
        4.0, _seconds, "seconds from TERM to KILL of a child", env=("RESQUE_TERM_TIMEOUT",)
    )
    pre_shutdown_timeout: float = setting(
        0.0,
        _seconds,
        "seconds a child is left alone before its TERM",
        env=("RESQUE_PRE_SHUTDOWN_TIMEOUT",),
    )
    run_at_exit_hooks: bool = setting(
        False, _given, "children run atexit functions before they end", env=("RUN_AT_EXIT_HOOKS",)
    )
    health_port: int | None = setting(
        None, _port, "port that answers GET /live and GET /ready", env=("HEALTH_PORT",)
    )
    health_address: str = setting(
        "0.0.0.0",  # noqa: S104 - probes come from outside the container
        _text,
        "address of the health port",
        env=("HEALTH_ADDRESS",),
    )
    background: bool = setting(False, _given, "become a daemon", env=("BACKGROUND",))
    pidfile: str = setting("", _text, "file to write the process id to", env=("PIDFILE",))
    procline_prefix: str = setting(
        "", str, "what process titles start with", env=("RESQUE_PROCLINE_PREFIX",)
    )
    verbose: bool = setting(False, _given, "log what is done", env=("LOGGING", "VERBOSE"))
    very_verbose: bool = setting(False, _given, "log every step", env=("VVERBOSE",))
    logfile: str = setting(
        "", _text, "file to log to, in place of standard output", env=("LOGFILE",)
    )
    log_format: str = setting(
        "text", _one_of(LOG_FORMATS), "how a log line is written", env=("LOGFORMAT",)
    )
    delayed_requeue_batch_size: int = setting(
        100,
        _count,
        "delayed jobs moved to their queues at a time",
        env=("DELAYED_REQUEUE_BATCH_SIZE",),
    )
    delayed_search: str = setting(
        "meaning",
        _one_of(DELAYED_SEARCHES),
        "how a delayed job is found to be removed: bytes, in every spelling; meaning: where that finds none, by a pass over all",
        env=("RESQUE_DELAYED_SEARCH",),
    )
    schedule: str = setting(
        "", _text, "YAML file with the recurring jobs", env=("RESQUE_SCHEDULE",)
    )
    dynamic_schedule: bool = setting(
        False,
        _scheduler_yes,
        "follow changes of the schedule in Redis",
        env=("DYNAMIC_SCHEDULE",),
    )
    scheduler_interval: float = setting(
        5.0,
        _seconds,
        "seconds between two looks for delayed jobs",
        env=("RESQUE_SCHEDULER_INTERVAL",),
    )
    lock_timeout: int = setting(
        180, _count, "seconds that the master lock outlives its holder", env=("LOCK_TIMEOUT",)
    )
    master_lock_prefix: str = setting(
        "",
        str,
        "what the master lock's name begins with",
        env=("RESQUE_SCHEDULER_MASTER_LOCK_PREFIX",),
    )
    rails_env: str = setting(
        "", _text, "environment whose entries of the schedule run here", env=("RAILS_ENV",)
    )
    app_name: str = setting(
        "", _text, "the application's name in the scheduler's title", env=("APP_NAME",)
    )
    quiet: bool = setting(False, _scheduler_yes, "the scheduler logs nothing", env=("QUIET",))
    time_zone: str = setting(
        "",
        _text,
        "zone of cron lines that name none; default: that of the process",
        env=("RESQUE_SCHEDULE_TIME_ZONE",),
    )
    catch_up: int = setting(
        0,
        _catch_up,
        "missed runs of a recurring job made up for: none (as Ruby), one, or at most so many",
        env=("RESQUE_SCHEDULE_CATCH_UP",),
    )
    remember_every: bool = setting(
        False,
        _scheduler_yes,
        "go on with 'every' from the last run, not from the start of the scheduler",
        env=("RESQUE_SCHEDULE_REMEMBER_EVERY",),
    )

    rails_version: str = setting(
        "8.1",
        _rails_version,
        "Rails version whose ActiveJob payloads are read and written, from 6.0 on",
        env=("RESQUE_RAILS_VERSION",),
    )
    rails_locale: str = setting(
        "en", _text, "locale that new active jobs bear", env=("RESQUE_RAILS_LOCALE",)
    )
    rails_timezone: str = setting(
        "UTC", _text, "zone that new active jobs bear", env=("RESQUE_RAILS_TIMEZONE",)
    )

    @classmethod
    def load(cls, environ: Mapping[str, str] | None = None, **given: Any) -> Settings:
        """Defaults, then the environment, then the keywords given (None: not given).

        Keywords are values, not texts. Raises SettingsError with every fault at once.
        """
        environ = os.environ if environ is None else environ
        faults: list[str] = []
        values: dict[str, Any] = {}
        for row in fields(cls):
            if given.get(row.name) is not None:
                continue
            try:
                values.update(_from_environment(row.name, row.metadata, environ))
            except ValueError as fault:
                faults.append(str(fault))
        unknown = sorted(set(given) - {row.name for row in fields(cls)})
        faults += [f"{name}: there is no such setting" for name in unknown]
        values.update(
            {
                name: value
                for name, value in given.items()
                if value is not None and name not in unknown
            }
        )
        if faults:
            raise SettingsError("; ".join(faults))
        return cls(**values)

    def but(self, **changes: Any) -> Settings:
        """The same settings with these changed."""
        return replace(self, **changes)

    @property
    def log_level(self) -> str:
        """``warning``, ``info`` or ``debug``: what (V)VERBOSE asks for."""
        if self.very_verbose:
            return "debug"
        return "info" if self.verbose else "warning"


def _from_environment(
    name: str, row: Mapping[str, Any], environ: Mapping[str, str]
) -> dict[str, Any]:
    for entry in row["env"]:
        variable, read = entry if isinstance(entry, tuple) else (entry, row["read"])
        text = environ.get(variable)
        if text is None:
            continue
        if text == "" and read is not _names:
            continue  # an empty variable in a Procfile means "left out"; QUEUES is the exception, as in Ruby
        try:
            return {name: read(text)}
        except ValueError as fault:
            msg = f"{variable}: {fault}"
            raise ValueError(msg) from None
    return {}
