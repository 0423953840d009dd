"""Jobs and hooks at a child's end; for ``pyresque worker -A tests.live.exit_app``."""

from __future__ import annotations

import os
import signal
import time

from pyresque import Resque, is_retried
from pyresque.executor.fork import (
    child_end,
    child_handle,
    child_pool,
    fast_path_process,
    server_process,
)
from pyresque.plugins import Retry

if "PATIENT" in os.environ:  # a busy machine may take longer for hooks that do not hang
    child_end.LIMIT = 60.0
    for module in (child_handle, child_pool, server_process, fast_path_process):
        module.LINGER = 90.0

resque = Resque()
if "WITH_HOOK" in os.environ:  # then the worker forks by itself
    resque.before_fork(lambda _job: None)


def note(*words):
    resque.redis.rpush("notes", " ".join(map(str, words)))


@resque.job("Note", queue="low")
def note_job(text):
    note("job", text)


@resque.job("Fail", queue="low")
def fail():
    raise ValueError("of the job")


@resque.job("Die", queue="low")
def die(how=None):
    os.kill(os.getpid(), signal.SIGKILL)


@resque.job("DieAndRetry", queue="low", plugins=[Retry(limit=1)])
def die_and_retry():
    os.kill(os.getpid(), signal.SIGKILL)


@resque.job("DieAndGoBack", queue="low", on_dirty_exit="requeue", max_redeliveries=1)
def die_and_go_back():
    os.kill(os.getpid(), signal.SIGKILL)


@resque.child_exit
async def first():
    note("exit", os.environ.get("END", ""))
    if os.environ.get("END") == "raises":
        raise KeyError("of the hook")
    if os.environ.get("END") == "stops":
        resque.redis.sadd("stopped", os.getpid())
        os.kill(os.getpid(), signal.SIGSTOP)
    if os.environ.get("END") == "hangs":
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        how = os.environ.get("ALARM")
        if how == "blocked":
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM})
        elif how == "ignored":
            signal.signal(signal.SIGALRM, signal.SIG_IGN)
        elif how == "called off":  # as whatever bounds its own time by it does
            signal.alarm(0)
        resque.redis.set("hung_in", os.getpid())
        wait = time.sleep
        wait(600)


@resque.child_exit
def second():
    note("second")


@resque.job_lost
def lost(job, error):
    note("lost", job.class_name, type(error).__name__, is_retried(error))
    raise KeyError("of the hook")
