"""The jobs that the Python sides perform: nothing, a little work, a rest, and those that write down when they ran."""

from __future__ import annotations

import os
import time


def noop(*args: object) -> None:
    """Do nothing."""


def spin(milliseconds: float) -> None:
    """Use the processor for so long."""
    until = time.thread_time() + milliseconds / 1000
    while time.thread_time() < until:
        pass


def nap(seconds: float, path: str) -> None:
    """Hold a slot, then say whose it was."""
    time.sleep(seconds)
    stamp(path)


def stamp(path: str) -> None:
    """Write down the time, this process and its parent: one line, whole even where several write."""
    line = f"{time.time()} {os.getpid()} {os.getppid()}\n".encode()
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(file, line)
    os.close(file)


async def noop_awaited(*args: object) -> None:
    """Do nothing, as a coroutine."""


async def rest(seconds: float) -> None:
    """Wait, as a job does that waits for somebody else's answer."""
    import asyncio  # an application without such jobs has none of it

    await asyncio.sleep(seconds)


def heap() -> list[bytes]:
    """What an application has loaded before its workers fork: BENCH_HEAP_MB of strings of 1,000 bytes."""
    return [os.urandom(1000) for _ in range(1000 * int(os.environ.get("BENCH_HEAP_MB", "0")))]
