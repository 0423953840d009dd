"""The options of commands: those that are settings, made from their table, and those that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from pyresque import setting_readers
from pyresque.cli.errors import Option, report_all_faults
from pyresque.settings import Settings

if TYPE_CHECKING:
    from pyresque.settings_table import Row

F = TypeVar("F", bound=Callable[..., Any])

SHORT = {
    "url": "-u",
    "namespace": "-n",
    "app": "-A",
    "queues": "-q",
    "count": "-c",
    "verbose": "-v",
    "background": "-B",
    "dynamic_schedule": "-D",
    "rails_env": "-E",
    "scheduler_interval": "-i",
    "logfile": "-l",
    "log_format": "-F",
    "pidfile": "-P",
    "quiet": "-q",
}

#: Further names of flags, by which resque-scheduler knows them.
ALIASES = {
    "dynamic_schedule": "--dynamic",
    "rails_env": "--environment",
    "scheduler_interval": "--interval",
    "log_format": "--logformat",
    "web_bind": "--bind",
    "web_prefix": "--prefix",
    "web_user_header": "--user-header",
    "web_admins": "--admins",
    "web_read_only": "--read-only",
    "web_hide_args": "--hide-args",
    "web_targets": "--targets",
    "web_redact": "--redact",
    "web_redact_pattern": "--redact-pattern",
}
METAVARS = {
    "url": "URL",
    "sentinels": "HOST:PORT,...",
    "app": "MODULE:ATTRIBUTE",
    "queues": "QUEUE,...",
    "routes": "CLASS=SIDE,...",
    "catch_up": "none|one|NUMBER",
    "schedule_section": "NAME",
    "lock_timeout": "SECONDS",
    "max_child_memory": "MIB",
    "time_zone": "ZONE",
    "health_port": "PORT",
    "health_address": "ADDRESS",
    "web_bind": "HOST:PORT",
    "web_prefix": "PATH",
    "web_user_header": "NAME",
    "web_admins": "USER,...",
    "web_hide_args": "nobody|readers|everybody",
    "web_targets": "NAME=URL[#NAMESPACE],...",
    "web_redact": "KEY,...",
    "web_redact_pattern": "REGEX",
}

#: The placeholder of an option's value, by the function that reads the value.
UNITS: dict[Callable[[str], Any], str] = {
    setting_readers.seconds: "SECONDS",
    setting_readers.minutes: "MINUTES",
    setting_readers.count: "N",
    setting_readers.stretch: "SECONDS|30d",
    setting_readers.path: "FILE",
}

#: Settings by which every command finds its Redis.
CONNECTION = ("app", "url", "sentinels", "sentinel_master", "namespace")

ENQUEUEING = ("codec", "dialect", "enqueued_at")

#: Settings that say how failed records are read and written.
RECORDS = ("codec", "failure_backend")

#: What is kept of failed records.
RETENTION = ("failed_max_count", "failed_max_age")

#: Settings of a process that keeps running: whether it is a daemon, its pid file, what its title starts with.
DAEMON = ("background", "pidfile", "procline_prefix")

#: Settings of that process's log.
LOGGING = ("verbose", "very_verbose", "logfile", "log_format")

WORKING = (
    "queues",
    "executor",
    "count",
    "fork_ahead",
    "jobs_per_child",
    "minutes_per_child",
    "max_child_memory",
    "interval",
    "only_registered",
    "routes",
    "window",
    "min_interval",
    "max_interval",
    "backoff_interval",
    "wait",
    "wait_connections",
    "heartbeat_interval",
    "prune_interval",
    "term_child",
    "graceful_term",
    "term_timeout",
    "pre_shutdown_timeout",
    "run_at_exit_hooks",
    "process_group",
    "health_port",
    "health_address",
    "failure_backend",
    "failure_ids",
    *RETENTION,
    "enqueued_at",
    "codec",
    "dialect",
    *DAEMON,
    *LOGGING,
)

SCHEDULING = (
    "schedule",
    "schedule_section",
    "dynamic_schedule",
    "scheduler_interval",
    "rails_env",
    "app_name",
    "lock_timeout",
    "master_lock_prefix",
    "time_zone",
    "catch_up",
    "remember_every",
    "delayed_requeue_batch_size",
    "failure_backend",
    "failure_ids",
    "enqueued_at",
    "codec",
    "dialect",
    *DAEMON,
    "quiet",
    *LOGGING,
)

#: What the dashboard asks; secrets stand in the environment alone, since others see a process's command line.
SERVING = (
    "web_bind",
    "web_prefix",
    "web_user_header",
    "web_admins",
    "web_read_only",
    "web_targets",
    "web_hide_args",
    "web_redact",
    "web_redact_pattern",
)

#: The largest number of an option: Redis and Python take it as an index.
MOST = 1_000_000_000


def number_from(least: int) -> click.IntRange:
    """Return the type of an option that is a number of things."""
    return click.IntRange(least, MOST)


def count_option(default: int, explained: str) -> Callable[[F], F]:
    """Add ``--count``: how many things to show, from 1 on."""
    return click.option(
        "--count",
        default=default,
        show_default=True,
        cls=Option,
        type=number_from(1),
        help=explained,
    )


def start_option(explained: str) -> Callable[[F], F]:
    """Add ``--start``: how many things to pass over."""
    return click.option(
        "--start", default=0, show_default=True, cls=Option, type=number_from(0), help=explained
    )


#: Adds ``--class``, by which a command takes jobs of one class.
class_option = click.option("--class", "class_name", metavar="CLASS", help="Those of a job class.")

#: Adds ``--search``, by which a command takes jobs with a text.
search_option = click.option(
    "--search", "text", metavar="TEXT", help="Those that have a text, in any case."
)

#: Adds ``--full``.
full_option = click.option("--full", is_flag=True, help="Do not cut long arguments.")


def settings_options(*names: str) -> Callable[[F], F]:
    """Add options for these settings to a command. An option that is not given is None: the environment decides."""

    def add(command: F) -> F:
        if isinstance(command, click.Command):
            command.callback = report_all_faults(command.callback) if command.callback else None
        else:
            command = report_all_faults(command)
        for name in reversed(names):
            command = _option(Settings.ROWS[name])(command)
        return command

    return add


def json_option(command: F) -> F:
    """Add ``--json`` to a command."""
    return click.option("as_json", "--json", is_flag=True, help="Print JSON, for programs.")(
        command
    )


def dry_run_option(command: F) -> F:
    """Add ``--dry-run`` to a command."""
    return click.option("--dry-run", is_flag=True, help="Only print what would be done.")(command)


def destroying(command: F) -> F:
    """Add ``--dry-run`` and ``--yes`` to a command."""
    command = dry_run_option(command)
    return click.option("--yes", is_flag=True, help="Do not ask.")(command)


def _option(row: Row) -> Callable[[F], F]:
    flag = "--" + row.name.replace("_", "-")
    help_text = _help(row)
    if row.type == "bool":
        switches = [f"{name}/--no-{name[2:]}" for name in (*_alias(row), flag)]
        return click.option(row.name, *_short(row), *switches, default=None, help=help_text)
    if row.name == "queues":
        return click.option(
            row.name,
            *_short(row),
            flag,
            cls=Option,
            multiple=True,
            callback=_joined,
            metavar=METAVARS["queues"],
            help=help_text,
        )
    if isinstance(row.read, setting_readers.OneOf):
        return click.option(
            row.name,
            *_short(row),
            *_alias(row),
            flag,
            cls=Option,
            type=click.Choice(row.read.choices),
            default=None,
            help=help_text,
        )
    metavar = METAVARS.get(row.name) or UNITS.get(row.read, "TEXT")
    return click.option(
        row.name,
        *_short(row),
        *_alias(row),
        flag,
        cls=Option,
        callback=reading(row.read),
        metavar=metavar,
        default=None,
        help=help_text,
    )


def reading(
    read: Callable[[str], Any],
) -> Callable[[click.Context, click.Parameter, str | None], Any]:
    """Return click's callback that reads a value by ``read``. The callback raises click.BadParameter."""

    def callback(ctx: click.Context, param: click.Parameter, value: str | None) -> Any:
        if value is None:
            return None
        try:
            return read(value)
        except ValueError as fault:
            raise click.BadParameter(str(fault), ctx, param) from fault

    return callback


def _short(row: Row) -> list[str]:
    return [SHORT[row.name]] if row.name in SHORT else []


def _alias(row: Row) -> list[str]:
    return [ALIASES[row.name]] if row.name in ALIASES else []


def _joined(
    _ctx: click.Context, _param: click.Parameter, value: tuple[str, ...]
) -> tuple[str, ...] | None:
    """Join ``-q a,b -q c`` into one list. ``-q ''`` is an empty list; None means that the option was not given."""
    return setting_readers.names(",".join(value)) if value else None


def _help(row: Row) -> str:
    parts = [row.help.rstrip(".") + "."]
    variables = [entry[0] if isinstance(entry, tuple) else entry for entry in row.env]
    if variables:
        parts.append(f"[env: {', '.join(variables)}]")
    if row.default not in (None, "", (), False):
        parts.append(
            f"[default: {row.default:g}]"
            if isinstance(row.default, float)
            else f"[default: {row.default}]"
        )
    text = " ".join(parts)
    return text[0].upper() + text[1:]
