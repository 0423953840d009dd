"""The application of the chaos tests: jobs that write down, in a file that nothing takes away, that they began and ended."""

from __future__ import annotations

import os
import sys
import time

from pyresque import Resque
from pyresque.process.run.pool import run_pool
from pyresque.process.run.worker import run_worker
from pyresque.process.start.log_format import set_up

LEDGER = os.open(os.environ["LEDGER"], os.O_APPEND | os.O_CREAT | os.O_WRONLY)


class Skewed:
    """The clock of a host that is wrong by so many seconds."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def time(self) -> float:
        return time.time() + self.seconds

    def monotonic(self) -> float:
        return time.monotonic()


SKEW = float(os.environ.get("SKEW", "0"))
resque = Resque(clock=Skewed(SKEW)) if SKEW else Resque()


@resque.job("Chaos", queue="chaos")
def chaos(number: int, milliseconds: float, fails: bool) -> None:
    os.write(LEDGER, b"began %d\n" % number)
    time.sleep(milliseconds / 1000)
    if fails:
        raise RuntimeError(f"job {number} was to fail")
    os.write(LEDGER, b"done %d\n" % number)


def several(workers: int) -> None:
    """So many worker processes at once; ends when all have."""
    for _ in range(workers):
        if os.fork() == 0:
            try:
                run_worker(resque)
            finally:
                os._exit(0)
    for _ in range(workers):
        os.wait()


if __name__ == "__main__":
    set_up(resque.settings)
    if len(sys.argv) > 1:
        several(int(sys.argv[1]))
    elif resque.settings.count > 1:
        run_pool(resque, lambda: {"chaos": resque.settings.count})
    else:
        run_worker(resque)
