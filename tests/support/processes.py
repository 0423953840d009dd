"""Look at other processes."""

from __future__ import annotations

import subprocess
from pathlib import Path


def children_of(*parents: int) -> list[int]:
    """The pids of these processes' children."""
    listed = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", ",".join(map(str, parents))],
        capture_output=True,
        text=True,
        check=False,
    )
    return [int(pid) for pid in listed.stdout.split()]


def is_alive(pid: int) -> bool:
    """Whether the process runs; one that has ended and is not reaped does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
