from __future__ import annotations

import subprocess
import sys

SHOW = """
import gc
from pyresque.executor.fork.cheap_fork import freeze_memory

def huge():
    with open("/proc/self/smaps_rollup") as rollup:
        return sum(int(line.split()[1]) for line in rollup if line.startswith("AnonHugePages"))

heap = [[str(n)] for n in range({many})]
freeze_memory()
print(gc.get_freeze_count() > {many}, huge() > 0, len(heap), heap[-1][0])
"""


def shown(many: int) -> list[str]:
    code = SHOW.format(many=many)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_what_is_loaded_is_frozen_and_unharmed_however_large():
    frozen, _, size, last = shown(700_000)
    assert (frozen, size, last) == ("True", "700000", "699999")


def test_a_small_heap_is_left_as_it_is():
    frozen, huge, *_ = shown(10)
    assert (frozen, huge) == ("True", "False")
