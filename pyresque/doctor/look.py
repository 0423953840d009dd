"""What the checks look at: facts of one Redis, each read once, however many checks ask for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from pyresque.errors import RedisCommandError
from pyresque.ops import Command
from pyresque.store.queues import text
from pyresque.store.worker_rows import pages

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from pyresque.core import Core
    from pyresque.doctor.commands import Commands
    from pyresque.doctor.finding import Unseen
    from pyresque.doctor.held import HeldKeys
    from pyresque.doctor.key_watch import KeyWatch
    from pyresque.doctor.payload_watch import PayloadWatch
    from pyresque.job.overview import Overview
    from pyresque.job.worker_registry import WorkerInfo
    from pyresque.migrate.found import Found
    from pyresque.ops import Op
    from pyresque.store.schedules import LockInfo

T = TypeVar("T")

#: Workers at work whose records are read.
MOST_BUSY = 1000


class Host(Protocol):
    """The host on which the doctor runs."""

    name: str

    def command_lines(self) -> Mapping[int, str] | None:
        """Return the command line of each process by its pid; None if they cannot be listed."""


class Look:
    """The facts of one Redis. ``found``, ``keys``, ``held`` and ``payloads`` are filled before the first check runs."""

    def __init__(
        self,
        core: Core,
        commands: Commands,
        host: Host | None,
        found: Found,
        keys: KeyWatch,
        held: HeldKeys,
        payloads: PayloadWatch,
    ) -> None:
        self.core = core
        self.commands = commands
        self.host = host
        self.found = found
        self.keys = keys
        self.held = held
        self.payloads = payloads
        #: What checks could look at only in part.
        self.unseen: list[Unseen] = []
        self._known: dict[str, Any] = {}

    @property
    def has_app(self) -> bool:
        """Whether jobs are registered here, so that it makes sense to ask for classes without a job."""
        core = self.core
        return any(one.performs for one in core.registry) or any(
            True for _ in core.active_job_classes
        )

    def overview(self) -> Op[Overview]:
        """Return the queues with their sizes, the workers, and pauses."""
        return self._once("overview", lambda: self.core.overview(pauses=True))

    def now(self) -> Op[datetime]:
        """Return the server's time."""
        return self._once("now", self.core.worker_registry.table.server_time)

    def info(self) -> Op[dict[str, str]]:
        """Return what Redis tells of itself."""
        return self._once("info", _info)

    def lock(self) -> Op[LockInfo | None]:
        """Return who holds the scheduler's master lock."""
        return self._once("lock", self.core.lock.info)

    def lines(self) -> Mapping[int, str] | None:
        """Return the command lines of this host's processes; None if they cannot be listed."""
        if "lines" not in self._known:
            self._known["lines"] = None if self.host is None else self.host.command_lines()
        found: Mapping[int, str] | None = self._known["lines"]
        return found

    def heartbeats(self) -> Op[dict[str, str | None]]:
        """Return the text of each registered worker's last heartbeat."""
        return self._once("heartbeats", self._heartbeats)

    async def _heartbeats(self) -> dict[str, str | None]:
        ids = (await self.overview()).workers
        table = self.core.worker_registry.table
        found: dict[str, str | None] = {}
        for page in pages(ids):
            found.update(zip(page, await table.heartbeats_of(page), strict=True))
        return found

    def working(self) -> Op[list[WorkerInfo]]:
        """Return the workers that perform a job, of very many the first."""
        return self._once("working", self._working)

    async def _working(self) -> list[WorkerInfo]:
        busy = (await self.overview()).busy[:MOST_BUSY]
        found: list[WorkerInfo] = []
        for page in pages(busy):
            found += await self.core.worker_registry.of(page)
        return [one for one in found if one.working_on is not None]

    async def _once(self, name: str, read: Callable[[], Op[T]]) -> T:
        """Return a fact. Raises the error of its first reading again."""
        if name not in self._known:
            try:
                self._known[name] = await read()
            except RedisCommandError as error:
                self._known[name] = error
        found: Any = self._known[name]
        if isinstance(found, RedisCommandError):
            raise found
        known: T = found
        return known


async def _info() -> dict[str, str]:
    reply: bytes = await Command[bytes](("INFO",), bytes)
    lines = (line.partition(":") for line in text(reply).splitlines())
    return {name: value for name, colon, value in lines if colon}
