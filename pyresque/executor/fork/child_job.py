"""Performing a job in a child: a plain one is a call; for any other what performs jobs is loaded."""

from __future__ import annotations

import marshal

from pyresque.lightweight import is_awaitable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from pyresque.job.hooks import WorkerHooks
    from pyresque.job.job import Codec, Job
    from pyresque.job.registry import JobClass, Registry
    from pyresque.ops import Driver

    #: The registry with its wrappers, the codec, and what carries a job in the child.
    JobNeeds = tuple[Registry, Codec, Driver]
    from pyresque.settings import Settings


class JobCall:
    """Called with a queue and the bytes of a payload; without a queue they are a call ready to be made.

    ``means`` gives what is needed for a job that is not plain.
    """

    def __init__(
        self, registry: Registry, hooks: WorkerHooks, means: Callable[[], JobNeeds]
    ) -> None:
        self.registry = registry
        self.hooks = hooks
        self.means = means
        self._served = False

    def __call__(self, queue: str | None, raw: bytes) -> bool:
        """Perform it; whether its work was done. Raises whatever it raises."""
        if queue is not None:
            return self._perform(queue, raw)
        name, args = marshal.loads(raw)  # noqa: S302 - it comes from our parent
        self.call(self.registry.find(name), args)
        return True

    def call(self, entry: JobClass, args: list[Any]) -> None:
        """Do the work of a plain job."""
        result = entry.perform(*args)
        if result is not None and is_awaitable(result):
            self._await(result)

    def _await(self, result: Any) -> None:
        from pyresque.job.perform import called  # noqa: PLC0415 - each forked child pays for what is loaded

        _, _, driver = self.means()
        driver.run(called(lambda: result, ()))

    def _perform(self, queue: str, raw: bytes) -> bool:
        from pyresque.job.job import read_job  # noqa: PLC0415 - as above

        registry, codec, driver = self.means()
        return driver.run(self._performed(registry, read_job(codec, queue, raw)))

    async def _performed(self, registry: Registry, job: Job) -> bool:
        from pyresque.job.perform import perform  # noqa: PLC0415 - as above

        if not self._served:
            self._served = True
            await self.hooks.run("after_fork", job)
        return await perform(registry, job)


class ChildOptions:
    """Their signals, whether atexit functions run, the memory (bytes) from which one gives up, whether each leads a process group."""

    __slots__ = ("group", "most_memory", "patient", "run_at_exit", "term_child")

    def __init__(
        self,
        *,
        term_child: bool = False,
        patient: bool = False,
        run_at_exit: bool = False,
        most_memory: int | None = None,
        group: bool = False,
    ) -> None:
        self.term_child = term_child
        self.patient = patient
        self.run_at_exit = run_at_exit
        self.most_memory = most_memory
        self.group = group

    @classmethod
    def of(cls, settings: Settings) -> ChildOptions:
        """Those of a worker with these settings."""
        memory = settings.max_child_memory
        return cls(
            term_child=settings.term_child,
            patient=settings.graceful_term or settings.pre_shutdown_timeout > 0,
            run_at_exit=settings.run_at_exit_hooks,
            most_memory=None if memory is None else memory * 2**20,
            group=settings.process_group,
        )
