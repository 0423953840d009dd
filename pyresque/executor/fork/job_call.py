"""Performs the jobs of a child. Light.

What only some jobs need is imported in functions: each forked child pays for what is loaded.
"""

from __future__ import annotations

import marshal

from pyresque import lent_connection
from pyresque.errors import DontPerform, RedisUnavailable
from pyresque.job_copies import own
from pyresque.lightweight import is_awaitable
from pyresque.store.reserve_raw import on_the_wire

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeAlias

    from pyresque.activejob.registry import ActiveJobs
    from pyresque.job.direct import DirectJob
    from pyresque.job.hooks import WorkerHooks
    from pyresque.job.job import Codec, Job
    from pyresque.job.job_class import JobClass
    from pyresque.job.job_end import JobEnd
    from pyresque.job.registry import Registry
    from pyresque.ops import Driver, Op

    #: The registry and the codec for jobs that are not plain.
    JobNeeds: TypeAlias = tuple[Registry, Codec]
    #: ``perform.perform``.
    PerformOp: TypeAlias = Callable[[Registry, Job, JobEnd | None], Op[bool]]
    Tools: TypeAlias = tuple[
        Registry, Codec, Callable[[Op[bool]], bool], PerformOp, Callable[[], JobEnd]
    ]


class JobCall:
    """Performs one job: called with a queue and a payload, or with None and a call as marshal writes it.

    ``needs`` returns what a job needs that is not plain. ``driver`` returns the application's. ``active_jobs``: the application's.
    """

    def __init__(
        self,
        registry: Registry,
        hooks: WorkerHooks,
        needs: Callable[[], JobNeeds],
        driver: Callable[[], Driver],
        active_jobs: ActiveJobs | None = None,
    ) -> None:
        self.registry = registry
        self.hooks = hooks
        self.needs = needs
        self.driver = driver
        self.active_jobs = active_jobs
        self.end: JobEnd | None = None
        self._tools: Tools | None = None
        self._ran_after_fork = False

    def __call__(self, queue: str | None, raw: bytes) -> bool:
        """Perform the job; whether its work was done. Raises whatever the job raises."""
        if queue is not None:
            return self._perform(queue, raw)
        name, args = marshal.loads(raw)  # noqa: S302 - the worker wrote it
        self.call(self.registry.find(name), args)
        return True

    def call(self, entry: JobClass, args: list[Any]) -> None:
        """Perform a plain job."""
        result = entry.perform(*args)
        if result is not None and is_awaitable(result):
            self._await(result)

    def _await(self, result: Any) -> None:
        from pyresque.job.perform import called  # noqa: PLC0415 - each forked child pays for what is loaded

        self.driver().run(called(lambda: result, ()))

    def _perform(self, queue: str, raw: bytes) -> bool:
        from pyresque.job.job import read_job  # noqa: PLC0415 - as above

        _, codec, *_ = self.tools()
        return self.perform(read_job(codec, queue, raw))

    def perform(self, job: Job) -> bool:
        """Perform a job that is not plain; whether its work was done."""
        registry, _, run, perform, new_end = self._tools or self.tools()
        end = new_end()
        try:
            if self._ran_after_fork or not self.hooks.any("after_fork"):
                return run(perform(registry, job, end))
            self._ran_after_fork = True

            async def performed() -> bool:
                await self.hooks.run("after_fork", job)
                return await perform(registry, job, end)

            return run(performed())
        finally:
            self.end = end or None

    def perform_directly(self, direct: DirectJob) -> bool:
        """Perform a job by calls alone; whether its work was done. Raises whatever the job raises, after its failure hooks."""
        entry, args, number = direct.entry, direct.args, None
        try:
            if direct.first:
                number = self._count(direct.wire or on_the_wire(direct.first))
            counted = number is not None or not direct.first
            if counted:
                try:
                    for name in direct.before:
                        self._settle(own(getattr(entry.target, name), *args))
                except DontPerform:
                    return False
                self._settle(own(entry.perform, *args))
                same = direct.same_hooks()
                if same:
                    for name in direct.after:
                        self._settle(own(getattr(entry.target, name), *args))
        except BaseException as error:  # noqa: BLE001 - a job may raise anything
            return self._go_on(direct, number, error)
        if not counted:
            return self.perform(direct.job)
        return True if same else self._go_on(direct, number, None)

    def _count(self, command: bytes) -> int | None:
        loan = lent_connection.offered
        try:
            return None if loan is None else loan.ask_number(command)
        except OSError as error:
            raise RedisUnavailable(f"Redis: {error}") from None

    def _settle(self, result: Any) -> None:
        if result is not None and is_awaitable(result):
            self._await(result)

    def _go_on(self, direct: DirectJob, number: int | None, error: BaseException | None) -> bool:
        """Go on in the usual way: after an error, which is raised, or with other hooks than the class had."""
        from pyresque.job.perform_directly import what_follows  # noqa: PLC0415 - for such jobs

        registry, _, run, _, new_end = self.tools()
        end = new_end()
        entry = direct.bound(registry, number, end)
        try:
            return run(end.collect(what_follows(entry, direct, error)))
        finally:
            self.end = end or None

    def tools(self) -> Tools:
        """What jobs need that are not plain: registry, codec, what runs an operation, the one that performs a job, JobEnd. Found once."""
        if self._tools is None:
            from pyresque.job.job_end import JobEnd  # noqa: PLC0415 - as above
            from pyresque.job.perform import perform  # noqa: PLC0415 - as above

            self._tools = (*self.needs(), self.driver().run, perform, JobEnd)
        return self._tools

    def taken_end(self) -> JobEnd | None:
        """Return what the plugins of the last job write at its end; None if they write nothing."""
        end = self.end
        if end is not None:
            self.end = None
        return end

    def carry_out(self, end: JobEnd) -> None:
        """Write here what waits for the job's end: the worker cannot be told of it."""
        from pyresque.store.settle import carry_out  # noqa: PLC0415 - hardly ever

        driver = self.driver()
        driver.close()  # the job may have closed that connection, too
        driver.run(carry_out(end.commands))
