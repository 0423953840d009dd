"""Jobs that harm the process they run in; for ``pyresque worker -A tests.live.misbehaving_app``."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from setproctitle import setproctitle

from pyresque import Resque
from tests.support.one_command import ask

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

resque = Resque()
ORDERS = ("TERM", "QUIT", "INT", "USR1", "USR2", "CONT", "CHLD", "HUP")
FOREVER = threading.Event()


def note(*words: object) -> None:
    ask(os.environ["REDIS_URL"], "RPUSH", "notes", " ".join(map(str, words)))


def handle_all(handler: signal.Handlers | Callable[..., object]) -> None:
    for name in ORDERS:
        signal.signal(signal.Signals[f"SIG{name}"], handler)


def leave_the_directory() -> None:
    path = Path(tempfile.mkdtemp())
    os.chdir(path)
    path.rmdir()


def reap_all_children() -> None:
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def wake_nobody() -> None:
    """In the main thread alone can it be changed."""
    signal.set_wakeup_fd(-1)


def never_end() -> None:
    threading.Thread(target=FOREVER.wait, name="of a job").start()


def exit_in_a_thread() -> None:
    thread = threading.Thread(target=sys.exit, args=(3,))
    thread.start()
    thread.join()


def begin_a_session() -> None:
    with contextlib.suppress(PermissionError):  # where it leads a group
        os.setsid()


def leave_a_daemon() -> None:
    pid = os.fork()
    if pid == 0:
        os.setsid()
        if os.fork() == 0:
            os.execv(sys.executable, [sys.executable, "-c", "import time; time.sleep(2)"])
        os._exit(0)
    os.waitpid(pid, 0)
    code = "import time; time.sleep(2)"
    subprocess.Popen([sys.executable, "-c", code], start_new_session=True)


#: What a job may do, after which it returns.
KINDS: dict[str, Callable[[], object]] = {
    "closes its descriptors": lambda: os.closerange(3, 1024),
    "closes all descriptors": lambda: os.closerange(0, 1024),
    "blocks all signals": lambda: signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals()),
    "ignores signals": lambda: handle_all(signal.SIG_IGN),
    "handles signals": lambda: handle_all(lambda *_: None),
    "handles signals as usual": lambda: handle_all(signal.SIG_DFL),
    "leaves its directory": leave_the_directory,
    "buries all children": reap_all_children,
    "changes the wake-up": wake_nobody,
    "starts an endless thread": never_end,
    "exits in a thread": exit_in_a_thread,
    "begins a session": begin_a_session,
    "changes the title": lambda: setproctitle("something else"),
    "leaves daemons": leave_a_daemon,
}


@resque.job("Harm", queue="low")
def harm(kind: str) -> None:
    note(kind)
    KINDS[kind]()


@resque.job("HarmAwaiting", queue="low")
async def harm_awaiting(kind: str) -> None:
    harm(kind)


@resque.job("Fatal", queue="low")
def fatal(kind: str) -> None:
    note(kind)
    if kind == "exits":
        os._exit(3)
    if kind == "is killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if kind == "becomes another program":
        os.execv(sys.executable, [sys.executable, "-c", "import sys; sys.exit(3)"])


async def shut_the_executor_down() -> None:
    await asyncio.get_running_loop().shutdown_default_executor()


async def close_the_executor() -> None:
    loop = asyncio.get_running_loop()
    await loop.run_in_executor(None, reap_all_children)
    executor = getattr(loop, "_default_executor", None)
    if executor is not None:  # uvloop's cannot be reached
        executor.shutdown(wait=False)


async def leave_an_endless_call() -> None:
    asyncio.get_running_loop().run_in_executor(None, FOREVER.wait)


async def leave_a_task_that_goes_on() -> None:
    async def go_on() -> None:
        for _ in range(3):
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(3)

    TASKS.append(asyncio.create_task(go_on()))


async def stop_the_loop() -> None:
    asyncio.get_running_loop().stop()
    await asyncio.sleep(0)


async def close_the_loop() -> None:
    asyncio.get_running_loop().close()


TASKS: list[asyncio.Task[None]] = []

#: What an ``async def`` job may do to the event loop it runs in.
OF_THE_LOOP: dict[str, Callable[[], Coroutine[Any, Any, None]]] = {
    "closes the executor": close_the_executor,
    "shuts the executor down": shut_the_executor_down,
    "stops the loop": stop_the_loop,
    "closes the loop": close_the_loop,
}

#: The same, of what is left in it when the worker leaves.
LEFT_IN_THE_LOOP: dict[str, Callable[[], Coroutine[Any, Any, None]]] = {
    "leaves an endless call": leave_an_endless_call,
    "leaves a task that goes on": leave_a_task_that_goes_on,
}


@resque.job("HarmLoop", queue="low")
async def harm_loop(kind: str) -> None:
    note(kind)
    await (OF_THE_LOOP | LEFT_IN_THE_LOOP)[kind]()


@resque.job("Nap", queue="low")
def nap(number: int) -> None:
    note("nap", number)
    time.sleep(0.1)


@resque.job("Next", queue="low")
def following(number: int) -> None:
    note("next", number)
