"""The fork server: a small process that forks children for one worker. Runs in the fork server. Light.

Theory of operation. fork() costs in proportion to the parent's memory, and afterwards parent and child copy every page that either
of them writes to. A worker is large and writes all the time. So it has a small process fork for it, which has loaded the
application and little else, and which writes to almost nothing between two forks. (890 page faults a job become 230.)

Start. Best is ``start_early``: right after the application is imported, and before the worker's own modules are. If that is not
possible the worker calls ``start`` at its first job. A server that died is replaced in the same way.

Preparation, once: skip the after-fork hooks of threading and logging, perform a job that does nothing REHEARSALS times, and touch the
allocator's free lists. Whatever is done here, no child has to do.

Messages. Worker and server talk over a Unix socket; a message is a kind and two numbers. The worker sends:

    FORK slot               + two descriptors: fork a child that serves these pipes    -> FORKED pid, or -1 and an error number
    STATUS pid                                                                         -> EXITED pid status, or ALIVE pid
    RELEASE pid             reap that child when it exits; kill it after LINGER seconds
    PREPARE size            + that many bytes: names of modules to import, and more (``cheap_fork.prepare``)
    FAST_PATH size          + two descriptors and that many bytes: run the fast path     -> FAST_PATH_ENDED size, bytes
    END                     wait for all children, then exit

Children are children of the server, so only the server can wait for them: hence STATUS and RELEASE. It reaps released children
after each fork and, while there are any, every IDLE seconds.

End. When the worker is gone, the socket is closed and the server exits; a child that performs a job goes on, as in Ruby. The worker's
signals do nothing here: the handlers are those of its children (``child_signals.py``), which inherit them.
"""

from __future__ import annotations

import marshal
import os
import struct
import time

from pyresque.executor.fork import cheap_fork, rehearsal
from pyresque.executor.fork.cheap_fork import set_title, skip_stdlib_fork_hooks
from pyresque.executor.fork.child_process import (
    JOB,
    LINGER,
    PIECE,
    REHEARSALS,
    run_child,
    serve_jobs,
)
from pyresque.executor.fork.child_signals import WORKER_SIGNALS, ChildSignals
from pyresque.executor.fork.fast_path_process import WORKING, FastPathRun
from pyresque.executor.fork.job_call import JobCall
from pyresque.executor.fork.shared_page import SLOTS
from pyresque.executor.fork.warm_up import CONNECTS, expect_connection
from pyresque.job_copies import fork, leave
from pyresque.standard_streams import flush

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
    import socket
    from collections.abc import Callable
    from typing import NoReturn

    from pyresque.executor.fork.child_process import ChildOptions, PerformJob
    from pyresque.executor.fork.lent_clients import LentClients
    from pyresque.executor.fork.shared_page import SharedPage
    from pyresque.executor.fork.warm_up import WarmUps

else:
    import _signal as signal
    import _socket as socket

#: A message: its kind, a number and another one.
MESSAGE = struct.Struct("=cii")

#: From the worker; see above.
FORK, STATUS, RELEASE, PREPARE, END, FAST_PATH = b"f", b"s", b"r", b"p", b"e", b"w"

#: From the server.
FORKED, EXITED, ALIVE, FAST_PATH_ENDED, WARMED = b"F", b"S", b"A", b"W", b"N"

#: Seconds until the server looks for released children when nothing is asked.
IDLE = 0.2

#: Released children that may be left when another one is forked, as in ``child_pool.py``.
MOST_RELEASED = 32

#: Two descriptors beside a message, and the bytes that recvmsg() needs for them.
DESCRIPTORS, LENT = struct.Struct("@ii"), struct.Struct("@iii")
ANCILLARY = (
    socket.CMSG_SPACE(LENT.size) if hasattr(socket, "CMSG_SPACE") else 0
)  # else nothing forks

#: The process title; the number is the worker's pid.
TITLE = "pyresque: forks for %d"


def start(
    job_call: PerformJob,
    options: ChildOptions,
    page: SharedPage,
    close_inherited: Callable[[], None],
    warm_ups: WarmUps | None = None,
) -> tuple[socket.socket, int]:
    """Fork a server; returns the socket to talk to it, and its pid.

    ``close_inherited`` closes, in the server, what this process holds open. Raises OSError.
    """
    here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    flush()
    # Before the server has its own handlers a signal would run the worker's in it.
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, WORKER_SIGNALS)
    try:
        pid = fork()
        if pid == 0:
            try:
                here.close()
                close_inherited()
                _Server(there, job_call, options, page, warm_ups).serve()
            finally:
                leave(0)
    except OSError:
        here.close()
        raise
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        there.close()
    return here, pid


class _Server:
    def __init__(
        self,
        control: socket.socket,
        job_call: PerformJob,
        options: ChildOptions,
        page: SharedPage,
        warm_ups: WarmUps | None,
    ) -> None:
        self._control = control
        self._warm_ups = warm_ups
        self._job_call = job_call
        self._options = options
        self._page = page
        # A child has these handlers from its first moment on.
        self._signals = ChildSignals(
            page,
            term_child=options.term_child,
            trusted_only=options.trusted_only,
            server_pid=os.getpid(),
        )
        self._signals.take()
        self._worker = os.getppid()
        self._lent: LentClients | None = None
        self._rehearsed_fast_path = False
        self._living: set[int] = set()
        self._released: dict[int, float] = {}

    def serve(self) -> NoReturn:
        """The server's main loop."""
        if isinstance(self._job_call, JobCall):
            self._rehearse_general(self._job_call)
        self._prepare()
        control, released, limited = self._control, self._released, False
        while True:
            if limited != bool(released):
                limited = bool(released)
                limit_reads(control, IDLE if limited else 0.0)
            try:
                message, extra, _, _ = control.recvmsg(MESSAGE.size, ANCILLARY)
            except BlockingIOError:
                self._reap_released()
                continue
            if len(message) < MESSAGE.size:
                leave(0)  # the worker is gone; a child that performs a job goes on, as in Ruby
            kind, number, _ = MESSAGE.unpack(message)
            if kind == FORK:
                self._await_room()
                self._fork(number, DESCRIPTORS.unpack(extra[0][2]))
                if released:
                    self._reap_released()
            elif kind == RELEASE:
                released[number] = time.monotonic() + LINGER
            elif kind == FAST_PATH:
                self._run_fast_path(number, LENT.unpack(extra[0][2]))
            else:
                self._answer_rare(kind, number)

    def _answer_rare(self, kind: bytes, number: int) -> None:
        if kind == STATUS:
            self._send_status(number)
        elif kind == PREPARE:
            self._prepare_for(number)
        elif kind == END:
            self._end()

    def _prepare(self) -> None:
        """Do once, and touch, whatever each child would otherwise do or touch itself."""
        skip_stdlib_fork_hooks()
        expect_connection()
        job_end, job_pipe = os.pipe()
        result_pipe, result_end = os.pipe()
        call = marshal.dumps((rehearsal.NAME, (1, "x")))
        title = (TITLE % self._worker).encode()
        job = JOB.pack(4, len(title), len(call), True, True) + b"none" + title + call
        self._signals.slot = SLOTS - 1  # which no child will have for a long time
        job_call = rehearsal.plain_job_call()
        for _ in range(REHEARSALS):
            os.write(job_pipe, job)
            serve_jobs(job_call, self._options, (job_end, result_end), self._page, self._signals)
            os.read(result_pipe, PIECE)
            self._signals.take()
            flush()
        for end in (job_end, job_pipe, result_pipe, result_end):
            os.close(end)
        if isinstance(self._job_call, JobCall):
            self._options.end_with(self._job_call.hooks)
        if self._warm_ups is not None:
            self._options.begin = self._warm_ups.in_child
            if self._warm_ups.any:
                self._warm_up(self._warm_ups)
            self._warm_ups.end()
        cheap_fork.sort_free_memory()

    def _warm_up(self, warm_ups: WarmUps) -> None:
        lines, pools = [], warm_ups.lent_pools
        if pools:
            from pyresque.executor.fork.lent_clients import LentClients  # noqa: PLC0415 - for those who lend

            self._lent = LentClients(pools)
            lines = self._lent.open()
            self._lent.offer()  # to the functions, too
            self._lent.rehearse()
        lines += warm_ups.run()
        if self._lent is not None:
            self._lent.give_back()
        notes = "\n".join(lines).encode("utf-8", "replace")
        self._signals.take()
        cheap_fork.freeze_again()
        self._control.sendall(MESSAGE.pack(WARMED, len(notes), 0) + notes)

    def _rehearse_general(self, job_call: JobCall) -> None:
        """Do it for jobs that are not plain, too. What fails here fails in the children, where it is a job's error."""
        try:
            rehearsal.rehearse_general(job_call)
        except Exception:  # noqa: BLE001 - as it says
            return
        cheap_fork.freeze_again()

    def _prepare_for(self, size: int) -> None:
        lines = self._control.recv(size, socket.MSG_WAITALL).decode("utf-8", "replace")
        cheap_fork.prepare(lines)
        if self._warm_ups is not None and CONNECTS in lines.split("\n"):
            self._warm_ups.connect()
        cheap_fork.freeze_again()

    def _send(self, kind: bytes, number: int, other: int) -> None:
        self._control.sendall(MESSAGE.pack(kind, number, other))

    def _fork(self, slot: int, pipes: tuple[int, int]) -> None:
        self._signals.slot = slot
        try:
            pid = fork()
        except OSError as error:
            self._send(FORKED, -1, error.errno or 0)
        else:
            if pid == 0:
                os.close(self._control.fileno())
                job_call, options, page = self._job_call, self._options, self._page
                run_child(
                    lambda: serve_jobs(job_call, options, pipes, page, self._signals), options
                )
            self._living.add(pid)
            self._send(FORKED, pid, 0)
        os.close(pipes[0])
        os.close(pipes[1])

    def _run_fast_path(self, size: int, descriptors: tuple[int, int, int]) -> None:
        connection, *_ = descriptors
        body = self._control.recv(size, socket.MSG_WAITALL)
        setup, current = marshal.loads(body)  # noqa: S302 - the worker wrote it
        control, begin = self._control.fileno(), self._options.begin

        def close_inherited() -> None:
            os.close(control)
            if self._options.group:
                os.setpgid(0, 0)
            if begin is not None:
                begin()

        run = FastPathRun(
            self._job_call,  # type: ignore[arg-type] # workers that use the fast path give a JobCall
            *(self._page, self._signals, connection, descriptors[1:], setup, self._worker),
            *(close_inherited, self._reap_released, self._options.end, self._lent),
        )
        if not self._rehearsed_fast_path:
            self._rehearsed_fast_path = True
            run.child.rehearse(rehearsal.registry().find(rehearsal.NAME), run.prefix)
            set_title(TITLE % self._worker)
            self._signals.take()
        end, queue_index, raw, record = run.run(*current)
        if end[0] == WORKING:
            self._living.add(end[1][0])
        for descriptor in descriptors:
            os.close(descriptor)
        left = (queue_index, raw, record, run.turns, run.reserver.second, run.writes.packed)
        result = marshal.dumps((*end, *left))
        self._control.sendall(MESSAGE.pack(FAST_PATH_ENDED, len(result), 0) + result)

    def _send_status(self, pid: int) -> None:
        status = self._exit_status(pid)
        if status is None:
            self._send(ALIVE, pid, 0)
        else:
            self._send(EXITED, pid, status)

    def _exit_status(self, pid: int) -> int | None:
        """The exit status of a child, which is reaped by that; None while it lives, 0 if it was reaped before."""
        if pid not in self._living:
            return 0
        exited, status = os.waitpid(pid, os.WNOHANG)
        if not exited:
            return None
        self._living.discard(pid)
        self._released.pop(pid, None)
        return status

    def _reap_released(self) -> None:
        """Reap released children that have exited; kill those that still live after LINGER seconds."""
        now = time.monotonic()
        for pid, until in list(self._released.items()):
            if self._exit_status(pid) is not None:
                self._released.pop(pid, None)
            elif until < now:
                os.kill(pid, signal.SIGKILL)

    def _await_room(self) -> None:
        """Wait until few enough released children are left: they end slowly if their hooks do."""
        while len(self._released) >= MOST_RELEASED:
            self._reap_released()
            time.sleep(0.001)

    def _end(self) -> NoReturn:
        """Release every child, wait for all of them, and exit."""
        until = time.monotonic() + LINGER
        self._released = dict.fromkeys(self._living, until)
        while self._living:
            self._reap_released()
            time.sleep(0.001)
        leave(0)


def limit_reads(control: socket.socket, seconds: float) -> None:
    """Make the system end a read after ``seconds``; 0: never. Sets SO_RCVTIMEO, because settimeout() would add a poll() to each read."""
    whole = int(seconds)
    limit = struct.pack("@ll", whole, int((seconds - whole) * 1e6))
    control.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)
