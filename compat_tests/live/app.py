"""The application of the Python workers in live tests: the same job classes as the Ruby and Node peers, reporting to the same lists."""

from __future__ import annotations

import json
import os
import signal
import threading
from functools import partial

import redis

from pyresque.client import Resque
from pyresque.errors import DontPerform

ECHO, STARTED, RELEASE, HOOKS = "live:echo", "live:started", "live:release", "live:hooks"
SHARED = "live:shared"

resque = Resque()


def reports() -> redis.Redis:
    # Not the settings' URL: hooks of an enqueue run in the test's own process, where only the environment knows the server.
    return redis.Redis.from_url(os.environ["REDIS_URL"], socket_timeout=None)


def note(name: str, value: object) -> None:
    with reports() as db:
        db.rpush(name, json.dumps(value))


@resque.job(queue="echo")
class EchoJob:
    """Writes its arguments down as it got them."""

    @staticmethod
    def perform(*args):
        note(ECHO, args)


def _note_shared(name, *args):
    note(SHARED, ["python", name, *args])


@resque.job("Deep::NestedJob", queue="nested")
def nested_job(*args):
    note(ECHO, args)


for _letter in (
    "ABCDEFGHIJ"
):  # ten classes that both sides know: each notes its side, its class and its arguments
    _name = f"Shared::Job{_letter}"
    resque.job(_name, queue="shared")(partial(_note_shared, _name))


@resque.job(queue="boom")
class BoomJob:
    """Fails with its arguments in the message."""

    @staticmethod
    def perform(*args):
        raise ValueError(f"boom {json.dumps(args, ensure_ascii=False)}")


class Silent(Exception):
    """An error without a text."""


@resque.job(queue="boom")
class OddlyBoomJob:
    """Fails in the way that its argument names."""

    @staticmethod
    def perform(way):
        if way == "silent":
            raise Silent
        if way == "cause":
            try:
                {}["missing"]
            except KeyError as error:
                raise RuntimeError("with a cause") from error
        if way == "exit":
            raise SystemExit(3)
        raise ValueError(f"{way}: <b>&</b> caf\u00e9 \U0001f600 \ud800 \x00\x1b[31m\n'\"\\")


@resque.job(queue="hold")
class HoldJob:
    """Says that it has begun and stays until it is let go or killed."""

    @staticmethod
    def perform(*args):
        note(STARTED, {"pid": os.getpid(), "args": args})
        with reports() as db:
            db.blpop([RELEASE], timeout=60)
        note(ECHO, args)


@resque.job(queue="kill")
class KillJob:
    """Ends its own process by the signal named."""

    @staticmethod
    def perform(name="KILL"):
        os.kill(os.getpid(), signal.Signals[f"SIG{name}"])
        threading.Event().wait(5)


@resque.job(queue="hooked")
class HookedJob:
    """Writes down each hook that ran, and refuses where its first argument says so."""

    @staticmethod
    def before_enqueue_note(*args):
        note(HOOKS, ["before_enqueue", args])
        return args[:1] != ("veto_before_enqueue",)

    @staticmethod
    def after_enqueue_note(*args):
        note(HOOKS, ["after_enqueue", args])

    @staticmethod
    def before_perform_note(*args):
        note(HOOKS, ["before_perform", args])
        if args[:1] == ("dont_perform",):
            raise DontPerform

    @staticmethod
    def around_perform_note(*args):
        note(HOOKS, ["around_perform", args])
        yield
        note(HOOKS, ["around_perform_end", args])

    @staticmethod
    def after_perform_note(*args):
        note(HOOKS, ["after_perform", args])

    @staticmethod
    def on_failure_note(error, *args):
        note(HOOKS, ["on_failure", [type(error).__name__, str(error)], args])

    @staticmethod
    def perform(*args):
        note(HOOKS, ["perform", args])
        if args[:1] == ("boom",):
            raise ValueError("hooked boom")
