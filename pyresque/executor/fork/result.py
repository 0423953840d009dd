"""How a child's job ended: by its result frame, or by its exit status."""

from __future__ import annotations

import json
import marshal
import os
import signal

from pyresque.executor.base import DONE, UNDONE, Outcome
from pyresque.executor.fork.child_process import HAS_END
from pyresque.failure.report import ErrorReport
from pyresque.job.job_end import JobEnd


def outcome_of(told: bytes) -> Outcome:
    """Return what a child told in the error's place of its result frame."""
    if told.startswith(HAS_END):
        error, end = marshal.loads(told[len(HAS_END) :])  # noqa: S302 - the child's frame
        return (outcome_of(error) if error else DONE).with_end(JobEnd.unpacked(end))
    result = json.loads(told)
    if not result:
        return UNDONE
    exception, error, backtrace = result
    lines = backtrace if isinstance(backtrace, list) else []
    return Outcome(
        report=ErrorReport(str(exception), str(error), tuple(str(line) for line in lines))
    )


def death_of(pid: int, status: int) -> str:
    """Return how a process died that wrote no result; a signal in the words of Ruby's ``Process::Status#to_s``."""
    if not os.WIFSIGNALED(status):
        code = os.waitstatus_to_exitcode(status)
        return f"Child process exited with status {code} before it told how the job went: pid {pid}"
    number = os.WTERMSIG(status)
    try:
        name = signal.Signals(number).name
    except ValueError:
        name = f"SIG{number}"
    core = " (core dumped)" if os.WCOREDUMP(status) else ""
    return f"Child process received unhandled signal pid {pid} {name} (signal {number}){core}"
