"""An application whose hooks are set after its jobs were registered; each of its jobs and hooks notes that it ran."""

from __future__ import annotations

import os
from pathlib import Path

from pyresque import Resque

resque = Resque()


def note(*words: object) -> None:
    with Path(os.environ["NOTES"]).open("a") as file:
        file.write(" ".join(map(str, words)) + "\n")


@resque.job(queue="a")
def veto(x):
    note("performed although its hook vetoes", x)


veto.before_enqueue_no = lambda *_args: False


@resque.job(queue="a")
def fails(x):
    raise ValueError(x)


fails.on_failure_tell = lambda error, x: note("told", error, x)
fails.always_tell = lambda x: note("at last", x)


def always_say(x):
    note("always", x)


@resque.job(queue="a", hooks=[always_say])
async def given(x):
    note("given", x)


@resque.job(queue="a")
class Counted:
    @staticmethod
    async def perform(n):
        note("counted", n)
        if n == 2:
            Counted.before_perform_look = staticmethod(lambda n: note("before", n))
        elif n == 4 and hasattr(Counted, "before_perform_look"):
            del Counted.before_perform_look
        return n * 10


if __name__ == "__main__":
    note(resque.enqueue(veto, 1))
    resque.enqueue(fails, 2)
    resque.enqueue(given, 3)
    resque.enqueue_many([(Counted, n) for n in range(1, 7)])
