"""The limit of real jobs in a fork each: a process that does the work some dozen times, then only forks, has it done and waits."""

from __future__ import annotations

import gc
import os
import sys
import time

from benchmarks import real

#: How often the work is done before the first fork.
BEFORE = 64


def main(kind: str, many: int) -> None:
    """Print the seconds that so many forks take."""
    work, work_and_close = real.work(kind)
    for _ in range(BEFORE):
        work_and_close()
    gc.collect()
    start = time.perf_counter()
    for _ in range(many):
        child = os.fork()
        if child == 0:
            work()
            os._exit(0)
        os.waitpid(child, 0)
    print(time.perf_counter() - start)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
