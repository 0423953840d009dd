"""Jobs that fork and otherwise deal with their process; for ``pyresque worker -A tests.live.forking_app``."""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
import multiprocessing
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyresque import Resque
from tests.support.one_command import ask

if TYPE_CHECKING:
    from collections.abc import Callable

resque = Resque()
if "WITH_HOOK" in os.environ:  # then the worker forks by itself
    resque.before_fork(lambda _job: None)


def note(*words: Any) -> None:
    ask(os.environ["REDIS_URL"], "RPUSH", "notes", " ".join(map(str, words)))


def awaited(key: str) -> None:
    ask(os.environ["REDIS_URL"], "BLPOP", key, 60)


def leave(how: str) -> Any:
    """What a helper process does in the place of going on with the job."""
    if how == "raises":
        raise ValueError("the helper failed")
    if how == "exits":
        sys.exit(3)
    if how == "is killed":
        os.kill(os.getpid(), signal.SIGTERM)
    if how == "execs":
        os.execv(sys.executable, [sys.executable, "-c", ""])
    return how


def end(how: str) -> None:
    """How the job itself ends."""
    note("the job", how)
    if how == "raises":
        raise KeyError("the job failed")
    if how == "is killed":
        os.kill(os.getpid(), signal.SIGKILL)


@resque.job("Note", queue="low")
def noting(*words: Any) -> None:
    note(*words)


@resque.job("Fork", queue="low")
def fork(helper: str, job: str) -> Any:
    pid = os.fork()
    if pid == 0:
        return leave(helper)
    status = os.waitpid(pid, 0)[1]
    note("the helper", os.waitstatus_to_exitcode(status))
    return end(job)


class Hooked:
    """A job that forks and has hooks; only the job itself runs them."""

    @staticmethod
    def before_perform_fork(helper: str, job: str, where: str) -> None:
        if where == "before":
            fork(helper, "goes on")

    @staticmethod
    def around_perform_fork(helper: str, job: str, where: str) -> Any:
        if where == "around":
            fork(helper, "goes on")
        yield
        if where == "after its yield":
            fork(helper, "goes on")

    @staticmethod
    def perform(helper: str, job: str, where: str) -> None:
        fork(helper, job)

    @staticmethod
    def after_perform_note(*args: Any) -> None:
        note("after")

    @staticmethod
    def on_failure_note(error: BaseException, *args: Any) -> None:
        note("on failure", type(error).__name__)


resque.job("Hooked", queue="low")(Hooked)


@resque.job("AsyncFork", queue="low")
async def async_fork(helper: str, job: str) -> Any:
    return fork(helper, job)


@resque.job("Limited", queue="low", timeout=60)
def limited(helper: str, job: str) -> Any:
    return fork(helper, job)


@resque.job("Threaded", queue="low")
def threaded(helper: str, job: str) -> Any:
    """A thread of the job forks."""
    thread = threading.Thread(target=fork, args=(helper, "goes on"))
    thread.start()
    thread.join()
    return end(job)


def nap(_seconds: float = 0) -> None:
    time.sleep(60)


def started(kind: str) -> tuple[int, Callable[[], Any]]:
    """Start a process that sleeps: its pid, and what waits for it."""
    if kind == "os.fork":
        pid = os.fork()
        if pid == 0:
            nap()
        return pid, lambda: os.waitpid(pid, 0)
    if kind == "subprocess":
        process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
        return process.pid, process.wait
    made = multiprocessing.get_context(kind).Process(target=nap, daemon=True)
    made.start()
    assert made.pid is not None
    return made.pid, made.join


@resque.job("Signal", queue="low")
def signalled(kind: str, name: str) -> None:
    """Start a process, send it a signal, and tell how long it took to end."""
    pid, wait = started(kind)
    time.sleep(0.1)
    os.kill(pid, signal.Signals[name])
    watch = threading.Timer(20, os.kill, (pid, signal.SIGKILL))
    watch.start()
    start = time.monotonic()
    wait()
    watch.cancel()
    note(kind, name, "in time" if time.monotonic() - start < 10 else "never")


@resque.job("Pool", queue="low")
def pool(_number: int, begun: bool = False) -> None:
    context = multiprocessing.get_context("fork")
    barrier = context.Barrier(3)
    start = (barrier.wait,) if begun else ()
    with context.Pool(2, *start) as made:
        if begun:
            barrier.wait()
        assert made.map(abs, [-1, 2]) == [1, 2]
        made.apply_async(nap)
    note("left the pool")


@resque.job("Futures", queue="low")
def futures() -> None:
    context = multiprocessing.get_context("fork")
    with concurrent.futures.ProcessPoolExecutor(2, mp_context=context) as made:
        note("futures", *made.map(abs, [-1, 2]))


@resque.job("Handlers", queue="low")
def handlers() -> None:
    """What a forked process finds where it looks for its signals."""
    numbers = [signal.Signals[f"SIG{name}"] for name in ORDERS]
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        found = [
            name
            for name, number in zip(ORDERS, numbers, strict=True)
            if signal.getsignal(number) not in {signal.SIG_DFL, signal.default_int_handler}
        ]
        blocked = signal.pthread_sigmask(signal.SIG_BLOCK, [])
        found += [f"{len(blocked)} blocked"] * bool(blocked)
        found += ["a wakeup descriptor"] * (signal.set_wakeup_fd(-1) != -1)
        os.write(writing, (" ".join(found) or "nothing").encode())
        os._exit(0)
    os.waitpid(pid, 0)
    note("handlers", os.read(reading, 1000).decode())


ORDERS = ("TERM", "INT", "QUIT", "HUP", "USR1", "USR2", "CONT", "CHLD", "URG", "IO", "ALRM")


@resque.job("OwnHandler", queue="low")
def own_handler() -> None:
    """A handler that the job sets is its processes', too."""
    signal.signal(signal.SIGUSR1, lambda *_: os._exit(7))
    pid = os.fork()
    if pid == 0:
        os.kill(os.getpid(), signal.SIGUSR1)
    note("own handler", os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))


async def later(how: str) -> None:
    """What a job leaves behind in the loop."""
    await asyncio.sleep(0.05)
    note("left behind", how)
    if how == "raises SystemExit":
        raise SystemExit(1)
    if how == "raises KeyboardInterrupt":
        raise KeyboardInterrupt
    if how == "forks":
        pid = os.fork()
        if pid:
            os.waitpid(pid, 0)  # noqa: ASYNC222 - it ends at once
    loop = asyncio.get_running_loop()
    if how == "closes the loop":  # as soon as it does not run
        handler = logging.Handler()
        handler.handle = lambda _record: loop.close()  # type: ignore[assignment, misc]
        logging.getLogger("pyresque").addHandler(handler)
    if how in {"stops the loop", "closes the loop"}:
        loop.stop()
    if how == "cancels all tasks":
        for task in asyncio.all_tasks():
            task.cancel()


@resque.job("Leave", queue="low")
async def leave_behind(how: str) -> None:
    global left  # noqa: PLW0603 - a task that nobody holds may be collected
    left = asyncio.create_task(later(how))


left: asyncio.Task[None]


@resque.job("Slow", queue="low")
async def slow(number: int) -> None:
    await asyncio.sleep(0.5)
    note("slow", number)


@resque.job("Family", queue="low")
def family() -> None:
    """Start processes, one of which is a grandchild, and never end."""
    code = "import os, time; os.fork(); os.write(1, b'%d\\n' % os.getpid()); time.sleep(60)"
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    note("family", process.stdout.readline().strip(), process.stdout.readline().strip())
    nap()


@resque.job("Print", queue="low")
def printing(number: int) -> None:
    print("a line", number)
    subprocess.run([sys.executable, "-c", "print('a line of another program')"], check=False)
    note(number)


@resque.job("Held", queue="low")
def held(mark: int) -> None:
    note("holding", mark)
    awaited("release")
    note("held", mark)


KEPT: list[bytearray] = []


@resque.job("Hungry", queue="low")
def hungry(where: str) -> None:
    """Use up all memory there is, held by the job's frame or for good."""
    pages = int(Path("/proc/self/statm").read_text().split()[0]) + 2000
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize(),) * 2)
    held = KEPT if where == "for good" else []
    for size in (1 << 20, 1 << 12, 600, 200, 64, 1):
        with suppress(MemoryError):
            while True:
                held.append(bytearray(size))
    raise MemoryError


@resque.job("CloseOutput", queue="low")
def close_output(failing: bool = False) -> None:
    """Close what is printed to, as a library does that takes the streams for its own."""
    sys.stdout.close()
    sys.stderr.close()
    if failing:
        raise ValueError("it was to fail")


@resque.job("StayAlive", queue="low")
def stay_alive(how: str, failing: bool = False) -> None:
    """Put another function in the place of the one that ends a process at once."""

    def no_exit(_status: int) -> None:
        if how == "raises":
            raise RuntimeError("this process is not to end")

    os._exit = no_exit  # type: ignore[assignment]
    if failing:
        raise ValueError("it was to fail")


@resque.job("CloseAll", queue="low")
def close_all(failing: bool = False) -> None:
    os.closerange(3, 1000)
    if failing:
        raise ValueError("it was to fail")


@resque.job("TermAtOnce", queue="low")
def term_at_once(times: int) -> None:
    statuses = set()
    for _ in range(times):
        pid = os.fork()
        if pid == 0:
            time.sleep(1)
            os._exit(7)
        os.kill(pid, signal.SIGTERM)
        statuses.add(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    note("at once", *statuses)
