"""The health port: a small process that answers probes from the page that a worker writes to (``state.py``).

It is a process because a thread could hold a lock while the worker forks, and because a worker inside a hook or an inline job
could not answer. The process shares one page of memory with the worker: no client, however slow, can hold up the worker, and the
port answers for a worker that hangs. The process ends with the worker.
"""

from __future__ import annotations

import contextlib
import errno
import gc
import json
import mmap
import os
import selectors
import signal
import socket
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

from setproctitle import setproctitle

from pyresque.errors import HealthPortError
from pyresque.job_copies import fork, leave
from pyresque.process.health.state import SIZE, Health, HealthState

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyresque.clock import Clock

#: Connections served at once; one more closes the oldest.
MOST = 100

#: Bytes that a request may have, and seconds that a client may take.
LONGEST, CLIENT_TIMEOUT = 8192, 5.0

#: Seconds for which a port in use is tried again: the health process of a killed worker may need a moment to end.
RETRY_PORT = 3.0

#: Seconds between two checks whether the worker lives, if the system has no pidfd.
LOOK = 1.0

OK, BAD, NOT_FOUND, NOT_ALLOWED, UNWELL = 200, 400, 404, 405, 503
REASONS = {
    OK: "OK",
    BAD: "Bad Request",
    NOT_FOUND: "Not Found",
    NOT_ALLOWED: "Method Not Allowed",
    UNWELL: "Service Unavailable",
}


@contextmanager
def serving(
    clock: Clock, address: str, port: int, heartbeat_interval: float
) -> Iterator[HealthState]:
    """Fork the process that serves a health state at ``address:port``, until the block ends.

    Call this before threads start. Raises HealthPortError.
    """
    listener = _listening(address, port)
    state = HealthState(clock, mmap.mmap(-1, SIZE))
    worker = os.getpid()
    pid = fork()
    if pid == 0:
        _serve_until_worker_ends(listener, state, heartbeat_interval, worker)
    listener.close()
    try:
        yield state
    finally:
        with contextlib.suppress(ProcessLookupError, ChildProcessError):
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def answer(request: bytes, health: Health, pid: int) -> bytes:
    """Return the HTTP response to a request."""
    method, _, rest = request.partition(b"\r\n")[0].partition(b" ")
    target, _, version = rest.partition(b" ")
    path = target.partition(b"?")[0]
    if not version.startswith(b"HTTP/1."):
        return _response(BAD, {"error": "this is no HTTP request"})
    if method not in {b"GET", b"HEAD"}:
        return _response(NOT_ALLOWED, {"error": "ask by GET"})
    if path not in {b"/live", b"/ready"}:
        return _response(NOT_FOUND, {"error": "ask for /live or /ready"})
    well = health.live if path == b"/live" else health.ready
    faults = health.faults if path == b"/live" else health.faults + health.reasons
    answer_fields: dict[str, object] = {
        "status": "ok" if well else "failing",
        "reasons": list(faults),
        "pid": pid,
        "working": health.working,
        "seconds_since_heartbeat": round(health.since_upkeep, 1),
        "seconds_since_turn": round(health.turned, 1),
    }
    return _response(OK if well else UNWELL, answer_fields, body=method == b"GET")


def _response(status: int, answer_fields: dict[str, object], *, body: bool = True) -> bytes:
    text = json.dumps(answer_fields).encode() + b"\n"
    head = (
        f"HTTP/1.1 {status} {REASONS[status]}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(text)}\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + (text if body else b"")


def _listening(address: str, port: int) -> socket.socket:
    until = time.monotonic() + RETRY_PORT
    while True:
        try:
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            return socket.create_server((address, port), family=family, backlog=MOST)
        except (OSError, OverflowError) as error:
            in_use = isinstance(error, OSError) and error.errno == errno.EADDRINUSE
            if not in_use or time.monotonic() > until:
                raise HealthPortError(
                    f"the health port {address}:{port} cannot be opened: {error}"
                ) from error
            time.sleep(0.1)


def _serve_until_worker_ends(
    listener: socket.socket, state: HealthState, heartbeat_interval: float, worker: int
) -> NoReturn:
    """The main function of the health process. It ignores signals, which may be sent to the worker's whole process group."""
    # The garbage collector would write to every page that is shared with the worker.
    gc.disable()
    try:
        for name in ("SIGTERM", "SIGINT", "SIGQUIT", "SIGHUP", "SIGUSR1", "SIGUSR2"):
            signal.signal(signal.Signals[name], signal.SIG_IGN)
        setproctitle(f"pyresque: health of {worker}")
        _Server(listener, state, heartbeat_interval, worker).serve()
    finally:
        leave(0)


class _Client:
    """One connection: the bytes received, the bytes still to send, and its deadline."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.until = time.monotonic() + CLIENT_TIMEOUT
        self.received = b""
        self.to_send = b""


class _Server:
    """One loop over the listening socket and its short connections. Nothing in it waits for a client."""

    def __init__(
        self, listener: socket.socket, state: HealthState, heartbeat_interval: float, worker: int
    ) -> None:
        self.listener = listener
        self.state = state
        self.heartbeat_interval = heartbeat_interval
        self.worker = worker
        self.clients: dict[int, _Client] = {}
        self.selector = selectors.DefaultSelector()
        listener.setblocking(False)
        self.selector.register(listener, selectors.EVENT_READ)

    def serve(self) -> None:
        """Serve until the worker has ended."""
        timeout = LOOK
        if hasattr(os, "pidfd_open"):
            with contextlib.suppress(OSError):
                self.selector.register(os.pidfd_open(self.worker), selectors.EVENT_READ)
                timeout = CLIENT_TIMEOUT
        while os.getppid() == self.worker:
            for key, _ in self.selector.select(timeout):
                if key.fileobj is self.listener:
                    self._accept()
                elif key.fd in self.clients:
                    self._answer(self.clients[key.fd])
            now = time.monotonic()
            for client in [each for each in self.clients.values() if each.until < now]:
                self._close(client)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            connection, _ = self.listener.accept()
            connection.setblocking(False)
            if len(self.clients) >= MOST:
                self._close(next(iter(self.clients.values())))
            self.clients[connection.fileno()] = _Client(connection)
            self.selector.register(connection, selectors.EVENT_READ)

    def _answer(self, client: _Client) -> None:
        try:
            if not client.to_send:
                piece = client.connection.recv(LONGEST)
                client.received += piece
                whole = b"\r\n\r\n" in client.received or len(client.received) >= LONGEST
                if not whole and piece:
                    return
                health = self.state.health(self.heartbeat_interval)
                client.to_send = answer(client.received, health, self.worker)
                self.selector.modify(client.connection, selectors.EVENT_WRITE)
            sent = client.connection.send(client.to_send)
            client.to_send = client.to_send[sent:]
            if not client.to_send:
                self._close(client)
        except BlockingIOError:
            return
        except OSError:
            self._close(client)

    def _close(self, client: _Client) -> None:
        del self.clients[client.connection.fileno()]
        self.selector.unregister(client.connection)
        client.connection.close()
