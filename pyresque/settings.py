"""Every setting: its default, Resque's environment name for it, and its flag; the only reader of the environment.

Default < environment < flag < keyword. All faults are reported together, each with the place it came from.
"""

from __future__ import annotations

import os

from pyresque import setting_readers as read
from pyresque.printable import without_password
from pyresque.sentinel_url import own_sentinels, sentinel_url
from pyresque.settings_table import Row, Table, setting

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from typing_extensions import Self, Unpack

    from pyresque.settings_keywords import Keywords


#: Executors whose workers share a process.
TOGETHER = ("thread", "async")


#: Settings whose values are never shown.
SECRETS = (
    "sentinel_password",
    "web_auth",
    "web_read_auth",
    "web_token",
    "web_read_token",
    "web_targets",
)


class Settings(Table):
    """How this process talks to Redis and how its workers behave; frozen, made once, handed down."""

    @property
    def fails_over(self) -> bool:
        """Whether there are Sentinels or a cluster: another server takes the place of one that is lost."""
        return "+" in self.server_url.partition("://")[0]

    @property
    def server_url(self) -> str:
        """The URL, with the Sentinels that other settings name. Raises SettingsError if these do not go together."""
        if not (self.sentinels or self.sentinel_username or self.sentinel_password):
            return self.url
        return sentinel_url(self)

    ROWS: dict[str, Row] = {}  # noqa: RUF012 - every row by its name; filled by the rows themselves

    url: str = setting(
        "redis://localhost:6379/0",
        read.text,
        "Redis server: redis://, rediss://, unix://, redis+sentinel:// or redis+cluster://",
        env=("REDIS_URL",),
    )
    sentinels: tuple[str, ...] = setting(
        (),
        read.addresses,
        "Sentinels to ask for the server, as host:port; the URL's host is not used then",
        env=("REDIS_SENTINELS",),
    )
    sentinel_master: str = setting(
        "mymaster",
        read.text,
        "name by which these Sentinels know the server",
        env=("REDIS_SENTINEL_MASTER",),
    )
    sentinel_username: str = setting(
        "", read.text, "user at the Sentinels", env=("REDIS_SENTINEL_USERNAME",)
    )
    sentinel_password: str = setting(
        "", read.text, "password at the Sentinels", env=("REDIS_SENTINEL_PASSWORD",)
    )
    namespace: str = setting(
        "resque", read.text, "what every key starts with", env=("RESQUE_NAMESPACE",)
    )
    app: str = setting("", read.text, "the application, as module:attribute", env=("PYRESQUE_APP",))
    environment: str = setting(
        "development", read.text, "the application's environment", env=("RAILS_ENV", "RACK_ENV")
    )
    pool_environment: str = setting(
        "",
        read.text,
        "section of the pool's file, in resque-pool's order; default: the environment",
        env=("RACK_ENV", "RAILS_ENV", "RESQUE_ENV"),
    )
    codec: str = setting(
        "json", read.OneOf("json", "msgpack"), "how payloads are written", env=("RESQUE_CODEC",)
    )
    dialect: str = setting(
        "json_gem",
        read.OneOf("json_gem", "oj", "json_gem_activesupport", "oj_activesupport"),
        "which of Ruby's JSON encoders to write like",
        env=("RESQUE_JSON",),
    )
    enqueue_replicas: int = setting(
        0,
        read.whole,
        "replicas that must have an enqueued job before the verb returns, else NotReplicated; 0 waits for none",
        env=("RESQUE_ENQUEUE_REPLICAS",),
    )
    enqueue_replica_timeout: float = setting(
        1.0, read.seconds, "seconds that these may take", env=("RESQUE_ENQUEUE_REPLICA_TIMEOUT",)
    )
    failure_backend: str = setting(
        "redis",
        read.OneOf("redis", "redis_multi_queue"),
        "where failed jobs are recorded",
        env=("FAILURE_BACKEND",),
    )
    failure_ids: bool = setting(
        False,
        read.scheduler_yes,
        "failed records bear a UUID, failure_id, as Resque 3.1 writes it",
        env=("RESQUE_FAILURE_IDS",),
    )
    failed_max_count: int | None = setting(
        None,
        read.count,
        "failed records to keep in each failed list, the newest; default: all",
        env=("RESQUE_FAILED_MAX_COUNT",),
    )
    failed_max_age: float | None = setting(
        None,
        read.stretch,
        "age at which failed records are removed: seconds, or a text such as 30d; default: never",
        env=("RESQUE_FAILED_MAX_AGE",),
    )
    enqueued_at: bool = setting(
        False,
        read.scheduler_yes,
        "payloads bear the time at which they were put into their queue; Ruby ignores it",
        env=("RESQUE_ENQUEUED_AT",),
    )
    inline: bool = setting(False, read.given, "perform at enqueue, without Redis")

    queues: tuple[str, ...] = setting(
        (), read.names, "queues in order, globs, !skip", env=("QUEUES", "QUEUE")
    )
    executor: str = setting(
        "fork" if hasattr(os, "fork") else "inline",
        read.OneOf("fork", "thread", "async", "inline"),
        "where a job runs",
        env=("RESQUE_EXECUTOR", ("FORK_PER_JOB", read.fork_per_job)),
    )
    count: int = setting(1, read.count, "workers: processes, or slots of one", env=("COUNT",))
    fork_ahead: str = setting(
        "auto",
        read.OneOf("auto", "always", "never"),
        "fork the next job's child while the present one works",
        env=("RESQUE_FORK_AHEAD",),
    )
    jobs_per_child: int | None = setting(
        None, read.count, "jobs a child performs before it ends; default 1", env=("JOBS_PER_FORK",)
    )
    minutes_per_child: float | None = setting(
        None, read.minutes, "minutes a child serves before it ends", env=("MINUTES_PER_FORK",)
    )
    max_child_memory: int | None = setting(
        None, read.count, "MiB from which a child takes no further job", env=("MAX_CHILD_MEMORY",)
    )
    interval: float = setting(
        5.0,
        read.seconds,
        "seconds between polls; 0: stop when every queue is empty",
        env=("INTERVAL",),
    )
    wait: str = setting(
        "block",
        read.OneOf("block", "poll"),
        "how an idle worker learns of a job: block (Redis tells it), poll (it asks at intervals)",
        env=("RESQUE_WAIT",),
    )
    wait_connections: int = setting(
        8,
        read.whole,
        "most connections on which a process waits for jobs, one for each queue; a worker of more queues polls",
        env=("RESQUE_WAIT_CONNECTIONS",),
    )
    only_registered: bool = setting(
        False,
        read.given,
        "take only jobs of registered classes that are not routed to Ruby, and leave the rest where it is",
        env=("RESQUE_ONLY_REGISTERED",),
    )
    routes: tuple[str, ...] = setting(
        (),
        read.routes,
        "which classes Ruby performs and which Python, such as Report=python,Tax::*=ruby,Big=python=25%; implies only_registered",
        env=("RESQUE_ROUTES",),
    )
    window: int = setting(
        100,
        read.count,
        "jobs of a queue that a worker with only_registered looks at in one step",
        env=("RESQUE_WINDOW",),
    )
    min_interval: float | None = setting(
        None,
        read.seconds,
        "seconds to wait after a job; default: the interval",
        env=("MIN_INTERVAL",),
    )
    max_interval: float | None = setting(
        None,
        read.seconds,
        "longest wait that back-off reaches; default: the interval",
        env=("MAX_INTERVAL",),
    )
    backoff_interval: float | None = setting(
        None,
        read.seconds,
        "seconds added to the wait at each empty poll; default 0.1",
        env=("BACKOFF_INTERVAL",),
    )
    heartbeat_interval: float = setting(
        60.0, read.seconds, "seconds between heartbeats", env=("RESQUE_HEARTBEAT_INTERVAL",)
    )
    prune_interval: float = setting(
        300.0,
        read.seconds,
        "age in seconds from which a heartbeat counts as dead",
        env=("RESQUE_PRUNE_INTERVAL",),
    )
    term_child: bool = setting(
        False, read.given, "TERM lets the running job clean up (TermException)", env=("TERM_CHILD",)
    )
    graceful_term: bool = setting(
        False, read.given, "TERM waits for the running job", env=("GRACEFUL_TERM",)
    )
    term_timeout: float = setting(
        4.0, read.seconds, "seconds from TERM to KILL of a child", env=("RESQUE_TERM_TIMEOUT",)
    )
    pre_shutdown_timeout: float = setting(
        0.0,
        read.seconds,
        "seconds a child is left alone before its TERM",
        env=("RESQUE_PRE_SHUTDOWN_TIMEOUT",),
    )
    run_at_exit_hooks: bool = setting(
        False,
        read.given,
        "children run atexit functions at their end, in 30 seconds",
        env=("RUN_AT_EXIT_HOOKS",),
    )
    process_group: bool = setting(
        False,
        read.given,
        "each child leads a process group, which is killed whole where the child is",
        env=("RESQUE_PROCESS_GROUP",),
    )
    health_port: int | None = setting(
        None, read.port, "port that answers GET /live and GET /ready", env=("HEALTH_PORT",)
    )
    health_address: str = setting(
        "0.0.0.0",  # noqa: S104 - probes come from outside the container
        read.text,
        "address of the health port",
        env=("HEALTH_ADDRESS",),
    )
    background: bool = setting(False, read.given, "become a daemon", env=("BACKGROUND",))
    pidfile: str = setting("", read.path, "file to write the process id to", env=("PIDFILE",))
    procline_prefix: str = setting(
        "", str, "what process titles start with", env=("RESQUE_PROCLINE_PREFIX",)
    )
    verbose: bool = setting(False, read.given, "log what is done", env=("LOGGING", "VERBOSE"))
    very_verbose: bool = setting(False, read.given, "log every step", env=("VVERBOSE",))
    logfile: str = setting(
        "", read.path, "file to log to, in place of standard output", env=("LOGFILE",)
    )
    log_format: str = setting(
        "text",
        read.OneOf("text", "json", "logfmt", "app"),
        "how a log line is written; app: logging is the application's, and is left as it is",
        env=("LOGFORMAT",),
    )
    delayed_requeue_batch_size: int = setting(
        100,
        read.count,
        "delayed jobs moved to their queues at a time",
        env=("DELAYED_REQUEUE_BATCH_SIZE",),
    )
    delayed_search: str = setting(
        "meaning",
        read.OneOf("meaning", "bytes", "always"),
        "how a delayed job is found: bytes, in every spelling; meaning: to remove or enqueue it, where that finds none, by a pass over all; always: to move or look it up, too",
        env=("RESQUE_DELAYED_SEARCH",),
    )
    schedule: str = setting(
        "", read.path, "YAML file with the recurring jobs", env=("RESQUE_SCHEDULE",)
    )
    schedule_section: str = setting(
        "",
        read.text,
        "section of that file whose entries are the schedule, where it is sectioned by environment",
        env=("RESQUE_SCHEDULE_SECTION",),
    )
    dynamic_schedule: bool = setting(
        False,
        read.scheduler_yes,
        "follow changes of the schedule in Redis",
        env=("DYNAMIC_SCHEDULE",),
    )
    scheduler_interval: float = setting(
        5.0,
        read.seconds,
        "seconds between two looks for delayed jobs",
        env=("RESQUE_SCHEDULER_INTERVAL",),
    )
    lock_timeout: int = setting(
        180, read.count, "seconds that the master lock outlives its holder", env=("LOCK_TIMEOUT",)
    )
    master_lock_prefix: str = setting(
        "",
        str,
        "what the master lock's name begins with",
        env=("RESQUE_SCHEDULER_MASTER_LOCK_PREFIX",),
    )
    rails_env: str = setting(
        "", read.text, "environment whose entries of the schedule run here", env=("RAILS_ENV",)
    )
    app_name: str = setting(
        "", read.text, "the application's name in the scheduler's title", env=("APP_NAME",)
    )
    quiet: bool = setting(False, read.scheduler_yes, "the scheduler logs nothing", env=("QUIET",))
    time_zone: str = setting(
        "",
        read.time_zone,
        "zone of cron lines that name none; default: that of the process",
        env=("RESQUE_SCHEDULE_TIME_ZONE",),
    )
    catch_up: int = setting(
        0,
        read.catch_up,
        "missed runs of a recurring job made up for: none (as Ruby), one, or at most so many",
        env=("RESQUE_SCHEDULE_CATCH_UP",),
    )
    remember_every: bool = setting(
        False,
        read.scheduler_yes,
        "go on with 'every' from the last run, not from the start of the scheduler",
        env=("RESQUE_SCHEDULE_REMEMBER_EVERY",),
    )

    web_bind: str = setting(
        "127.0.0.1:5678",
        read.bind,
        "address and port of the dashboard",
        env=("PYRESQUE_WEB_BIND",),
    )
    web_prefix: str = setting(
        "",
        read.prefix,
        "path below which the dashboard stands behind a proxy, such as /resque",
        env=("PYRESQUE_WEB_PREFIX",),
    )
    web_auth: str = setting(
        "", read.log_in, "USER:PASSWORD who may change things", env=("PYRESQUE_WEB_AUTH",)
    )
    web_read_auth: str = setting(
        "", read.log_in, "USER:PASSWORD who may only look", env=("PYRESQUE_WEB_READ_AUTH",)
    )
    web_token: str = setting(
        "", read.text, "bearer token that may change things", env=("PYRESQUE_WEB_TOKEN",)
    )
    web_read_token: str = setting(
        "", read.text, "bearer token that may only look", env=("PYRESQUE_WEB_READ_TOKEN",)
    )
    web_user_header: str = setting(
        "",
        read.text,
        "header in which a proxy names the user who has logged in, such as X-Forwarded-User",
        env=("PYRESQUE_WEB_USER_HEADER",),
    )
    web_admins: tuple[str, ...] = setting(
        (),
        read.users,
        "users of that header who may change things; without any, all may",
        env=("PYRESQUE_WEB_ADMINS",),
    )
    web_read_only: bool = setting(
        False, read.scheduler_yes, "nobody may change anything", env=("PYRESQUE_WEB_READ_ONLY",)
    )

    web_targets: tuple[str, ...] = setting(
        (),
        read.targets,
        "servers or namespaces that the dashboard shows, as NAME=URL or NAME=URL#NAMESPACE; without any, the one of the URL",
        env=("PYRESQUE_WEB_TARGETS",),
    )
    web_hide_args: str = setting(
        "nobody",
        read.OneOf("nobody", "readers", "everybody"),
        "from whom the dashboard hides the arguments of jobs: nobody, readers (who may only look) or everybody",
        env=("PYRESQUE_WEB_HIDE_ARGS",),
    )
    web_redact: tuple[str, ...] = setting(
        (),
        read.key_names,
        "keys whose values the dashboard blots out, such as password,token: each key that has one of these in its name",
        env=("PYRESQUE_WEB_REDACT",),
    )
    web_redact_pattern: str = setting(
        "",
        read.pattern,
        "regular expression of what the dashboard blots out in arguments, messages and backtraces",
        env=("PYRESQUE_WEB_REDACT_PATTERN",),
    )

    rails_version: str = setting(
        "8.1",
        read.rails_version,
        "Rails version whose ActiveJob payloads are read and written, from 6.0 on",
        env=("RESQUE_RAILS_VERSION",),
    )
    rails_locale: str = setting(
        "en", read.text, "locale that new active jobs bear", env=("RESQUE_RAILS_LOCALE",)
    )
    rails_timezone: str = setting(
        "UTC", read.text, "zone that new active jobs bear", env=("RESQUE_RAILS_TIMEZONE",)
    )

    if TYPE_CHECKING:

        def __init__(self, **values: Unpack[Keywords]) -> None: ...

        def replace(self, **changes: Unpack[Keywords]) -> Self: ...  # type: ignore[override]  # noqa: D102 - as above

    @classmethod
    def load(  # type: ignore[override]  # the table's own names
        cls, environ: Mapping[str, str] | None = None, **given: Unpack[Keywords]
    ) -> Self:
        """As ``Table.load``. A URL that is given names the server: the environment's Sentinels belong to the environment's URL."""
        return super().load(environ, **{**given, **own_sentinels(given)})

    @property
    def selective(self) -> bool:
        """Whether a worker takes from its queues only the jobs that are its own."""
        return self.only_registered or bool(self.routes)

    @property
    def log_level(self) -> str:
        """``warning``, ``info`` or ``debug``: what (V)VERBOSE asks for."""
        if self.very_verbose:
            return "debug"
        return "info" if self.verbose else "warning"

    def _display(self, name: str) -> object:
        """The URL without its password."""
        if name in SECRETS:
            return "***"
        return without_password(self.url) if name == "url" else getattr(self, name)
