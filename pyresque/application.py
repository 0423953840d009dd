"""An application: its settings, its registered jobs, its hooks; what both faces share. Connects to nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Literal, TypeVar, overload

from pyresque.activejob.registered import ActiveJobs
from pyresque.core import Core
from pyresque.errors import SettingsError
from pyresque.job.limits import TimeLimit, time_limit
from pyresque.job.middleware import add as add_layer
from pyresque.job.redelivery import most_redeliveries
from pyresque.job.registry import JobClass, Registry
from pyresque.job.worker_hooks import WorkerHooks
from pyresque.settings import Settings

if TYPE_CHECKING:
    from datetime import timedelta

    from pyresque.activejob.serializers import Serializer
    from pyresque.failure.base import FailureBackend
    from pyresque.job.middleware import Middleware
    from pyresque.ops import Clock

F = TypeVar("F", bound=Callable[..., Any])
J = TypeVar("J")
M = TypeVar("M", bound="Middleware")
Z = TypeVar("Z", bound="Serializer | type[Serializer]")


class Application:
    """What both faces share: the settings, the registered jobs and the worker hooks; connects to nothing."""

    core: Core

    def __init__(
        self,
        url: str | None = None,
        *,
        jobs: Application | None = None,
        settings: Settings | None = None,
        failures: FailureBackend | None = None,
        clock: Clock | None = None,
        **options: Any,
    ) -> None:
        """A Redis URL, or none for REDIS_URL; ``options`` are any of Settings' names.

        ``jobs`` takes over the jobs, hooks and recurring jobs of another face. Raises SettingsError.
        """
        if settings is not None and (url is not None or options):
            msg = "give either settings or single options, not both"
            raise SettingsError(msg)
        self.settings = settings or Settings.load(url=url, **options)
        registry = jobs.core.registry if jobs is not None else Registry()
        hooks = jobs.core.hooks if jobs is not None else WorkerHooks()
        active = jobs.core.active_job_classes if jobs is not None else ActiveJobs()
        self.core = Core(self.settings, registry, hooks, clock, failures, active)
        if jobs is not None:
            self.core.recurring.memory = jobs.core.recurring.memory

    def configure(self, **changes: Any) -> None:
        """Change settings (None: leave as it is) before the first verb, keeping what is registered.

        This is how the command line's flags reach an application: its jobs that enqueue follow them, too.
        """
        known = {name: value for name, value in changes.items() if value is not None}
        former = self.core
        self.settings = self.settings.but(**known)
        failures = None if former.failures is former.default_failures else former.failures
        self.core = Core(
            self.settings,
            former.registry,
            former.hooks,
            former.clock,
            failures,
            former.active_job_classes,
        )
        self.core.recurring.memory = former.recurring.memory

    # -- registering

    @overload
    def job(self, target: type[J], /) -> type[J]: ...

    @overload
    def job(self, target: F, /) -> F: ...

    @overload
    def job(
        self,
        name: str | None = None,
        /,
        *,
        queue: str | None = None,
        kwargs: bool = False,
        aliases: Iterable[str] = (),
        timeout: TimeLimit | timedelta | float | None = None,
        on_dirty_exit: Literal["fail", "requeue"] = "fail",
        max_redeliveries: int | None = None,
    ) -> Callable[[F], F]: ...

    def job(
        self,
        name: Any = None,
        /,
        *,
        queue: str | None = None,
        kwargs: bool = False,
        aliases: Iterable[str] = (),
        timeout: TimeLimit | timedelta | float | None = None,
        on_dirty_exit: Literal["fail", "requeue"] = "fail",
        max_redeliveries: int | None = None,
    ) -> Any:
        """Register a class with a static method ``perform``, or a function, as a job.

        ``name`` is the Ruby class name; without it a class gives its own, a function the CamelCase of its own.
        ``kwargs=True`` gives a trailing hash back as keyword arguments. ``aliases`` are older names that still arrive.
        ``timeout``: seconds, a timedelta or a TimeLimit; the job gets JobTimeout. ``on_dirty_exit="requeue"`` puts the
        job back where its process died, at most ``max_redeliveries`` (3) times. Raises DuplicateJobError, JobOptionError.
        """
        if name is not None and not isinstance(name, str):
            self.core.registry.add(name)
            return name

        limit = time_limit(timeout)
        most = most_redeliveries(on_dirty_exit, max_redeliveries)

        def register(target: F) -> F:
            self.core.registry.add(
                target,
                name=name,
                queue=queue,
                kwargs=kwargs,
                aliases=aliases,
                timeout=limit,
                redeliveries=most,
            )
            return target

        return register

    @property
    def registered(self) -> list[JobClass]:
        """Every registered job, by name."""
        return list(self.core.registry)

    def locator(self, model: str) -> Callable[[F], F]:
        """Register a function that finds a Rails model's records: it gets a GlobalID, None from it means the record is gone.

        Without one for its model an active job gets the GlobalID itself.
        """

        def register(locate: F) -> F:
            self.core.active_job_classes.locators[model] = locate
            return locate

        return register

    def serializer(self, serializer: Z) -> Z:
        """Register the other half of a Ruby ObjectSerializer: an object, or a class that is made without arguments."""
        made: Serializer = serializer() if isinstance(serializer, type) else serializer
        self.core.active_job_classes.serializers.append(made)
        return serializer

    def middleware(self, middleware: M) -> M:
        """Add a function ``(call_next, job)``, plain or ``async def``, around every job that is performed here.

        It calls (or awaits) ``call_next(job)``, which tells whether the job's work was done, or raises its error. The
        first one added is the outermost; an async one is always inside the plain ones.
        """
        add_layer(self.core.registry.middleware, middleware)
        return middleware

    def _hook(self, name: str, hook: F) -> F:
        self.core.hooks.add(name, hook)
        return hook

    def before_first_fork(self, hook: F) -> F:
        """Add a function that a worker calls once, before it registers."""
        return self._hook("before_first_fork", hook)

    def before_fork(self, hook: F) -> F:
        """Add a function of the job that a worker calls before it forks."""
        return self._hook("before_fork", hook)

    def after_fork(self, hook: F) -> F:
        """Add a function of the job that is called in the child, before the job."""
        return self._hook("after_fork", hook)

    def before_pause(self, hook: F) -> F:
        """Add a function of the worker that is called when USR2 pauses it."""
        return self._hook("before_pause", hook)

    def after_pause(self, hook: F) -> F:
        """Add a function of the worker that is called when CONT lets it go on."""
        return self._hook("after_pause", hook)

    def queue_empty(self, hook: F) -> F:
        """Add a function that is called when a worker that had work finds none."""
        return self._hook("queue_empty", hook)

    def worker_exit(self, hook: F) -> F:
        """Add a function that is called when a worker has left."""
        return self._hook("worker_exit", hook)

    def on_shutdown(self, hook: F) -> F:
        """Add a function that is called when a worker is told to stop (Ruby: ``Resque.shutdown``)."""
        return self._hook("shutdown", hook)
