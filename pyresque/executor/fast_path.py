"""What the worker and an executor's fast path hand each other. A fast path performs plain jobs (``job/plain.py``) in a row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyresque.executor.base import Outcome
    from pyresque.job.job import Job
    from pyresque.ops import Op


class FastPath(Protocol):
    """A loop for plain jobs that follow one another, given to a worker (``process/worker/fast_path.py``)."""

    async def run(self, job: Job) -> tuple[Job | None, Outcome | None]:
        """Perform the reserved job and those that follow it, as far as they are plain.

        Returns the job that is in ``worker:<id>`` now and its outcome (None: it has not begun); (None, None): no job is left.
        """


class FastPathSetup(NamedTuple):
    """What the fork server must know to run ``turn.lua`` as the worker does.

    command_head: the bytes of the EVALSHA command up to the first record head.
    record_heads: for each queue the beginning of a worker record, cut in two where its ``run_at`` belongs.
    record_tail: the end of a worker record.
    written: of a turn with what a job's plugins write (``RawReserver``).
    queues: the names, in the order of the record heads.
    title: the beginning of a child's process title.
    """

    command_head: bytes
    record_heads: tuple[tuple[bytes, bytes], ...]
    record_tail: bytes
    written: tuple[bytes, int, bytes, bytes]
    queues: tuple[str, ...]
    title: str


class CurrentRecord(NamedTuple):
    """The job that stands in ``worker:<id>``: the index of its queue, its payload, the whole record."""

    queue_index: int
    raw: bytes
    record: bytes


class FastPathEnd(NamedTuple):
    """How a run of the fast path ended.

    kind: one of the ways that ``fork/fast_path_process.py`` lists, or ``fork/fast_path_handle.LOST``; detail belongs to it.
    turns: how often ``turn.lua`` was run; second: when it last was, in seconds since 1970 (0: never).
    error_pipe: the descriptor from which the last child's error is read.
    error: an error of the worker's own. in_turn: the fork server died while it waited for a reply.
    unwritten: what the plugins of the current job write at its end, packed, if no turn is known to have written it.
    """

    kind: str
    detail: Any
    current: CurrentRecord
    turns: int
    second: int
    error_pipe: int
    error: BaseException | None = None
    in_turn: bool = False
    unwritten: bytes = b""


class FastPathResult(NamedTuple):
    """What a run of the fast path leaves to the worker.

    current: the job that stands in ``worker:<id>``. turns, second, in_turn, error, unwritten: as in FastPathEnd.
    outcome: how that job ended; None if it has not begun.
    reply: the reply to the turn after it, if one was run: bytes, a list, or an error.
    lost: the fork server died, so that only Redis knows which job is current.
    """

    current: CurrentRecord
    turns: int
    second: int
    outcome: Outcome | None = None
    reply: Any = None
    lost: bool = False
    in_turn: bool = False
    error: BaseException | None = None
    unwritten: bytes = b""


class FastPathExecutor(Protocol):
    """An executor whose own process reserves and performs plain jobs."""

    def fast_path_barred(self) -> str:
        """What keeps every job from the fast path, in words; empty if nothing does."""

    def fast_path_due(self) -> bool:
        """Whether the jobs before this one were short, and nothing has to be done in the worker for each job."""

    async def run_fast_path(
        self,
        setup: FastPathSetup,
        current: CurrentRecord,
        upkeep: Callable[[], Op[float]],
        set_title: Callable[[str], None],
    ) -> FastPathResult | None:
        """Perform the current job and those that follow it. None if that is not possible; then nothing has happened."""
