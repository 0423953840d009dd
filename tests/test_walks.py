"""How many functions of the package a verb goes through: what a newcomer reads, and what each call costs."""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pyresque
from pyresque import Resque
from pyresque.executor.inline import InlineExecutor
from pyresque.job.worker_registry import WorkerId
from pyresque.process.worker.fast_path import InlineFastPath
from pyresque.process.worker.queue_list import QueueList
from pyresque.process.worker.worker import Worker
from tests.support.scripted_worker import Clock, ScriptedHost

if TYPE_CHECKING:
    from collections.abc import Callable

PACKAGE = str(Path(pyresque.__file__).parent)

#: Comprehensions are functions of their own before Python 3.12.
INLINED = ("<listcomp>", "<dictcomp>", "<setcomp>")


def noting(found: set[str]) -> Callable[..., None]:
    """A profile function that adds the functions of the package that are visited."""

    def note(frame, event, _arg):
        code = frame.f_code
        if event == "call" and code.co_filename.startswith(PACKAGE) and code.co_name not in INLINED:
            found.add(
                f"{code.co_filename[len(PACKAGE) + 1 :]}:{code.co_firstlineno} {code.co_name}"
            )

    return note


def visited(act: Callable[[], object]) -> set[str]:
    """The functions of the package that the second of two runs visits."""
    found: set[str] = set()
    act()
    sys.setprofile(noting(found))
    try:
        act()
    finally:
        sys.setprofile(None)
    return found


class Archive:
    queue = "low"

    @staticmethod
    def perform(repository): ...


def test_an_enqueue_of_a_registered_class_visits_at_most_24_functions(redis_url, db):
    with Resque(redis_url) as resque:
        resque.job(Archive)
        found = visited(lambda: resque.enqueue(Archive, 35))
    assert len(found) <= 24, "\n".join(sorted(found))
    assert db.llen("resque:queue:low") == 2


def test_a_job_that_fails_inline_visits_at_most_60_functions(redis_url, db, caplog):
    """From the reservation to the record in ``resque:failed``; its line of the log is not counted."""
    caplog.set_level(logging.CRITICAL, logger="pyresque")

    def failing(*args):
        raise ValueError("no")

    with Resque(redis_url, executor="inline") as resque:
        resque.job("Failing", queue="low")(failing)
        executor = InlineExecutor(resque.core.registry)
        worker = Worker(
            resque.core,
            WorkerId("host", 42, ("low",)),
            QueueList.parse(["low"]),
            executor,
            ScriptedHost(Clock()),
        )
        worker.fast_path = InlineFastPath(worker, executor)
        worker.current_job._time = lambda: (
            1_772_366_400
        )  # one second: its records are prepared once
        found: set[str] = set()

        async def walk():
            await worker.startup()
            for note in (None, noting(found)):  # the second run is counted
                db.rpush("resque:queue:low", json.dumps({"class": "Failing", "args": []}))
                sys.setprofile(note)
                await worker.perform_jobs()
                sys.setprofile(None)

        resque.run(walk())
    assert len(found) <= 60, "\n".join(sorted(found))
    assert db.llen("resque:failed") == 2
