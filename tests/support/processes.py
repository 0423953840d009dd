"""Look at other processes."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest


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


def command_line(pid: int) -> str:
    """A process's title, or its words separated by spaces; nothing once it has ended."""
    try:
        line = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return ""
    return line.replace(b"\0", b" ").decode("utf-8", "replace").strip()


def in_group(leader: int) -> bool:
    """Whether a process of this group runs."""
    listed = subprocess.run(
        ["ps", "-eo", "pgid=,stat="], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    return any(group == str(leader) and "Z" not in state for group, state in map(str.split, listed))


def processes_that_name(folder: Path) -> list[str]:
    """Command lines of processes that mention a folder (its Redis, its workers)."""
    if not Path("/proc/self/environ").exists():
        pytest.skip("processes are looked up in /proc")
    lines = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                environment, line = (
                    (entry / "environ").read_bytes(),
                    (entry / "cmdline").read_bytes(),
                )
            except OSError:
                continue  # it has ended, or it is somebody else's
            if str(folder).encode() in environment + line and int(entry.name) != os.getpid():
                lines.append(line.decode(errors="replace"))
    return lines
