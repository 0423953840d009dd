"""The settings as keyword arguments, for type checkers and completion alone; a test holds them equal to the table."""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - the test that compares asks for the types
from os import PathLike  # noqa: TC003 - as above
from typing import Literal, TypedDict


class Options(TypedDict, total=False):
    """Every setting but the URL, which ``Resque`` takes first; None: not given."""

    sentinels: tuple[str, ...] | list[str] | None
    sentinel_master: str | None
    sentinel_username: str | None
    sentinel_password: str | None
    namespace: str | None
    app: str | None
    environment: str | None
    pool_environment: str | None
    codec: Literal["json", "msgpack"] | None
    dialect: Literal["json_gem", "oj", "json_gem_activesupport", "oj_activesupport"] | None
    enqueue_replicas: int | None
    enqueue_replica_timeout: float | None
    failure_backend: Literal["redis", "redis_multi_queue"] | None
    failure_ids: bool | None
    failed_max_count: int | None
    failed_max_age: float | str | None
    enqueued_at: bool | None
    inline: bool | None
    queues: tuple[str, ...] | list[str] | None
    executor: Literal["fork", "thread", "async", "inline"] | None
    count: int | None
    fork_ahead: Literal["auto", "always", "never"] | None
    jobs_per_child: int | None
    minutes_per_child: float | None
    max_child_memory: int | None
    interval: float | None
    wait: Literal["block", "poll"] | None
    wait_connections: int | None
    only_registered: bool | None
    routes: Mapping[str, str] | tuple[str, ...] | list[str] | str | None
    window: int | None
    min_interval: float | None
    max_interval: float | None
    backoff_interval: float | None
    heartbeat_interval: float | None
    prune_interval: float | None
    term_child: bool | None
    graceful_term: bool | None
    term_timeout: float | None
    pre_shutdown_timeout: float | None
    run_at_exit_hooks: bool | None
    process_group: bool | None
    health_port: int | None
    health_address: str | None
    background: bool | None
    pidfile: str | PathLike[str] | None
    procline_prefix: str | None
    verbose: bool | None
    very_verbose: bool | None
    logfile: str | PathLike[str] | None
    log_format: Literal["text", "json", "logfmt", "app"] | None
    delayed_requeue_batch_size: int | None
    delayed_search: Literal["meaning", "bytes", "always"] | None
    schedule: str | PathLike[str] | None
    schedule_section: str | None
    dynamic_schedule: bool | None
    scheduler_interval: float | None
    lock_timeout: int | None
    master_lock_prefix: str | None
    rails_env: str | None
    app_name: str | None
    quiet: bool | None
    time_zone: str | None
    catch_up: int | None
    remember_every: bool | None
    web_bind: str | None
    web_prefix: str | None
    web_auth: str | None
    web_read_auth: str | None
    web_token: str | None
    web_read_token: str | None
    web_user_header: str | None
    web_admins: tuple[str, ...] | list[str] | None
    web_read_only: bool | None
    web_targets: tuple[str, ...] | list[str] | None
    web_hide_args: Literal["nobody", "readers", "everybody"] | None
    web_redact: tuple[str, ...] | list[str] | None
    web_redact_pattern: str | None
    rails_version: str | None
    rails_locale: str | None
    rails_timezone: str | None


class Keywords(Options, total=False):
    """Every setting as a keyword, the URL included."""

    url: str | None
