"""The processes of this host, as Ruby's worker sees them by ``ps`` when it prunes."""

from __future__ import annotations

import os
import re

#: Command lines that Ruby's worker takes for workers, and the one that it excludes.
WORKER_TITLE = re.compile(r"resque:work|resque:\sStarting|resque-[0-9]")
NO_WORKER = "resque-web"


def is_worker(line: str) -> bool:
    """Whether Ruby's worker takes a process of this command line for a worker."""
    return WORKER_TITLE.search(line) is not None and NO_WORKER not in line


def worker_pids() -> frozenset[int] | None:
    """Return the pids of the processes that Ruby's worker takes for workers; None if they cannot be listed."""
    lines = command_lines()
    if lines is None:
        return None
    return frozenset(pid for pid, line in lines.items() if is_worker(line))


def command_lines() -> dict[int, str] | None:
    """Return the command line of every process of this host by pid, its words separated by spaces; None if they cannot be listed."""
    if os.access("/proc/self/cmdline", os.R_OK):
        found = {}
        for name in os.listdir("/proc"):  # noqa: PTH208 - pathlib would stay in every worker's memory
            if name.isdecimal():
                try:
                    with open(f"/proc/{name}/cmdline", "rb") as file:  # noqa: PTH123 - as above
                        line = file.read()
                except OSError:
                    continue  # it ended meanwhile
                found[int(name)] = line.replace(b"\0", b" ").decode("utf-8", "replace")
        return found
    import subprocess  # noqa: PLC0415 - only if there is no /proc; every child would pay for it

    try:
        listed = subprocess.run(
            ["ps", "-A", "-o", "pid=,command="],  # noqa: S607 - ps stands in different places
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    rows = (line.strip().partition(" ") for line in listed.stdout.splitlines() if line.strip())
    return {int(pid): line for pid, _, line in rows}
