"""The Python twins of the jobs in ruby_fixtures/live/activejob.rb: they note what they saw in the same list, in the same form."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from zoneinfo import ZoneInfo

from compat_tests.live.app import note, resque
from pyresque.activejob import (
    DateTime,
    DiscardOn,
    Duration,
    GlobalID,
    Indifferent,
    Instant,
    Module,
    Range,
    RetryOn,
    Symbol,
    serialize,
)

SEEN = "live:activejob"


@dataclass(frozen=True)
class Account:
    """A record: the ids below 100 exist."""

    id: int

    def to_global_id(self):
        return GlobalID("live", "Account", self.id)


@resque.locator("Account")
def account(gid):
    return Account(int(gid.id)) if int(gid.id) < 100 else None


def sym(**pairs):
    return {Symbol(name): value for name, value in pairs.items()}


#: What Rails enqueues under the same names, as Python says it; keywords last.
ARGUMENTS = {
    "none": ((), {}),
    "scalars": ((None, True, False, 0, -1, 2**62, 1.5, "text"), {}),
    "text": (('caf\u00e9 \U0001f600 <b>a & b</b> \u2028 "q" \\ \t',), {}),
    "symbol": ((Symbol("paid"), Symbol("with space")), {}),
    "array": (([1, "two", [None, [Symbol("three")]]],), {}),
    "string_keys": (({"a": 1, "b": {"c": 2}}, 0), {}),
    "symbol_keys": ((sym(a=1, b=sym(c=2)), 0), {}),
    "mixed_keys": (({Symbol("a"): 1, "b": 2}, 0), {}),
    "indifferent": ((Indifferent({"a": 1, "b": [{"c": 2}]}), 0), {}),
    "model": ((Account(7),), {}),
    "models_nested": (([Account(7), sym(owner=Account(42))],), {}),
    "big_decimal": ((Decimal("123.4500"),), {}),
    "date": ((date(2026, 2, 28),), {}),
    "time": ((Instant.of(datetime(2026, 3, 1, 12, 0, 0, 123456, timezone.utc), 789),), {}),
    "time_with_offset": (
        (datetime(2026, 3, 1, 6, 7, 8, tzinfo=timezone(timedelta(hours=5, minutes=30))),),
        {},
    ),
    "date_time": (
        (DateTime.of(datetime(2026, 3, 1, 6, 7, 8, 500000, timezone(timedelta(hours=-3)))),),
        {},
    ),
    "time_with_zone": ((datetime(2026, 7, 1, 8, tzinfo=ZoneInfo("America/New_York")),), {}),
    "duration": (
        (Duration.of(2813346, [(Symbol("months"), 1), (Symbol("days"), 2), (Symbol("hours"), 3)]),),
        {},
    ),
    "module": ((Module("Account"), Module("Comparable")), {}),
    "range": ((Range(1, 10), Range(1, 10, exclude_end=True)), {}),
    "keywords": ((5,), {"force": True, "note": Symbol("later")}),
}


def seen(job, args, kwargs, value=None):
    version = job.version
    note(
        SEEN,
        {
            "job": job.job_class,
            "job_id": job.job_id,
            "queue": job.queue_name,
            "executions": job.executions,
            "exception_executions": dict(job.exception_executions or {}),
            "locale": job.locale,
            "timezone": job.timezone,
            "arguments": serialize(args, kwargs, version=version),
            "value": value,
        },
    )


@resque.active_job("AjEchoJob", bind=True)
def echo(job, *args, **kwargs):
    seen(job, args, kwargs)


@resque.active_job("AjKeywordJob", bind=True)
def keyword(job, number, *, force=False, note=None):
    seen(job, [number], {"force": force, "note": note}, repr([number, force, note]))


@resque.active_job(
    "AjRetryJob",
    bind=True,
    retry_on=[RetryOn((ValueError,), wait=0, attempts=5, names=("ArgumentError",), queue="ruby")],
)
def retry(job, *args):
    seen(job, args, {})
    if job.executions < 3:
        raise ValueError("not yet")


@resque.active_job(
    "AjGiveUpJob",
    bind=True,
    retry_on=[RetryOn((ValueError,), wait=1, attempts=2, names=("ArgumentError",))],
)
def give_up(job, *args):
    seen(job, args, {})
    raise ValueError("never")


@resque.active_job("AjDiscardJob", bind=True, discard_on=[DiscardOn((ValueError,))])
def discard(job, *args):
    seen(job, args, {})
    raise ValueError("dropped")
