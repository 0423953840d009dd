"""What the plugins of a job write at its end: it waits, and is carried out in the step that finishes the job. Light: children load it.

Theory of operation. A retry is pushed by the job's failure hook, and the job is finished by its worker, later. A worker that is killed
in between would leave a job in ``worker:<id>`` that is retried already; whoever prunes the worker would retry it again. Therefore a
Batch with ``at_end``, which an operation sends while a job is performed, is not sent: ``JobEnd.collect`` keeps its commands. The
executor hands them to the worker in the job's Outcome, from a child in its result frame. The worker gives them to ``turn.lua``, which
carries them out in the step that finishes the job, and only if ``worker:<id>`` still holds it. A job whose worker is killed before that
is undecided: nothing of its end was written, and whoever prunes the worker decides alone (``failure/lost_jobs.py``, ``settle.lua``).
Where a worker was pruned by mistake, the pruner has decided, and the commands are dropped.

Only commands whose replies decide nothing may wait: pushes, counters, deletions, lists of what happened. Locks are released at once,
because the retry of a job takes its lock again.
"""

from __future__ import annotations

import marshal

from pyresque.ops import Answer, Around, Batch, MayWait, rewrite

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeAlias, TypeVar

    from pyresque.ops import Arg, Op

    T = TypeVar("T")

    #: The parts of commands.
    Commands: TypeAlias = "list[tuple[Arg, ...]]"


class JobEnd:
    """What is to be written when a job is finished.

    ``commands``: each has its key in second place. ``instead``: the commands if Redis refuses those. ``keeps_failure``: a plugin keeps
    the failure out of the failed list, because the job is retried; ``kept_under`` is the key that gets the failed record then, with
    the seconds that it lives, or empty.
    """

    __slots__ = ("commands", "instead", "keeps_failure", "kept_under")

    def __init__(self) -> None:
        self.commands: Commands = []
        self.instead: Commands = []
        self.keeps_failure = False
        self.kept_under: tuple[bytes, int] | tuple[()] = ()

    def __bool__(self) -> bool:
        return bool(self.commands) or self.keeps_failure

    def collect(self, operation: Op[T]) -> Op[T]:
        """Run an operation; keep the commands that may wait."""
        return rewrite(operation, self._kept)

    def _kept(self, request: Any) -> Any:
        if type(request) is Batch and request.at_end:
            self.commands += [command.args for command in request.commands]
            return Answer(_answers(request))
        if type(request) is MayWait:
            return Answer(True)
        if type(request) is Around:
            inner = request.inner
            return Around(
                request.function,
                lambda *given: self.collect(inner(*given)),
                request.awaits,
                request.awaited,
            )
        return request

    def keep_failure(self, key: bytes, ttl: int) -> None:
        """Keep the failure out of the failed list; ``key`` gets its record for so many seconds, if there are any."""
        self.keeps_failure = True
        if ttl > 0:
            self.kept_under = (key, ttl)

    def with_record(self, record: bytes) -> Commands:
        """Return the commands, the one that writes the failed record with them."""
        if not self.kept_under:
            return self.commands
        key, ttl = self.kept_under
        return [*self.commands, ("SET", key, record, "EX", ttl)]

    def is_small(self, most: int) -> bool:
        """Whether it takes so many bytes at most, and keeps no failure."""
        return not self.keeps_failure and len(self.packed()) <= most

    def packed(self) -> bytes:
        """Return what ``unpacked`` reads."""
        return marshal.dumps((self.commands, self.instead, self.keeps_failure, self.kept_under))

    @classmethod
    def unpacked(cls, packed: bytes) -> JobEnd:
        """Return what a child has packed."""
        end = cls()
        end.commands, end.instead, end.keeps_failure, end.kept_under = marshal.loads(packed)  # noqa: S302 - a child of ours wrote it
        return end


def _answers(batch: Batch) -> list[int]:
    """Return replies that say that nothing happened yet. Replicas are not waited for: a lost turn leaves the job undecided."""
    last = () if batch.last is None else (int(batch.last.args[1]),)
    return [0] * len(batch.commands) + list(last)
