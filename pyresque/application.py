"""An application: its settings, its registered jobs, its hooks; what both faces share. Connects to nothing."""

from __future__ import annotations

from pyresque.activejob.registry import ActiveJobs
from pyresque.errors import JobOptionError, SettingsError
from pyresque.job.calls import equip
from pyresque.job.hooks import StopFlag, WorkerHooks, check_callable
from pyresque.job.middleware import add as add_layer
from pyresque.job.registry import Registry
from pyresque.job.targets import (
    check_options,
    check_part,
    hooks_of_kinds,
    limit_of,
    most_redeliveries,
)
from pyresque.lightweight import cached_property
from pyresque.settings import Settings

NoneType = type(None)

TYPE_CHECKING = False
if TYPE_CHECKING:
    import inspect
    from collections.abc import Callable, Iterable
    from datetime import timedelta
    from typing import Any, Literal, TypeVar

    from typing_extensions import Unpack

    from pyresque.activejob.serializers import Serializer
    from pyresque.clock import Clock
    from pyresque.core import Core
    from pyresque.driver.choose import Access
    from pyresque.failure.base import FailureBackend, Saves
    from pyresque.job.enqueue_middleware import EnqueueMiddleware
    from pyresque.job.job_class import JobClass
    from pyresque.job.limits import TimeLimit
    from pyresque.job.middleware import Middleware
    from pyresque.job.plugin import Plugin
    from pyresque.lent_client import Lendable
    from pyresque.plugins.retry import Backoff
    from pyresque.settings_keywords import Keywords, Options

    C = TypeVar("C", bound=Lendable)
    F = TypeVar("F", bound=Callable[..., Any])
    M = TypeVar("M", bound=Middleware)
    E = TypeVar("E", bound=EnqueueMiddleware)
    Z = TypeVar("Z", bound=Serializer | type[Serializer])


class _Signature:
    """The constructor's parameters, the settings among them, for ``inspect.signature`` and shells that complete."""

    def __get__(self, made: object, owner: type[Application]) -> inspect.Signature:
        """The signature of a class that has the constructor from here."""
        if owner.__init__ is not Application.__init__:
            raise AttributeError("__signature__")
        import inspect  # noqa: PLC0415 - for those who ask

        named = list(inspect.signature(Application.__init__).parameters.values())[1:-1]
        option = inspect.Parameter.KEYWORD_ONLY
        rows = [
            inspect.Parameter(row.name, option, default=None, annotation=row.type)
            for row in Settings.ROWS.values()
            if row.name != "url"
        ]
        return inspect.Signature([*named, *rows])


class Application:
    """What both faces share: the settings, the registered jobs and the worker hooks; connects to nothing."""

    __signature__ = _Signature()

    def __init__(
        self,
        url: str | None = None,
        *,
        redis: object | None = None,
        credentials: object | None = None,
        jobs: Application | None = None,
        settings: Settings | None = None,
        failures: FailureBackend | Saves | None = None,
        clock: Clock | None = None,
        **options: Unpack[Options],
    ) -> None:
        """A Redis URL, or none for REDIS_URL; ``options`` are the settings by their names (docs/settings.md).

        ``redis`` is a client of redis-py or valkey-py in place of a URL: verbs go through it. ``credentials`` is a function
        that gives the password, or user and password, or redis-py's CredentialProvider: it is asked at each connect.
        ``jobs`` takes over the jobs, hooks and recurring jobs of another face. Raises SettingsError with every fault.
        """
        if not isinstance(settings, (Settings, NoneType)):
            raise SettingsError(
                f"settings: an object of type {type(settings).__qualname__} is no Settings"
            )
        if not isinstance(jobs, (Application, NoneType)):
            raise SettingsError(
                f"jobs: an object of type {type(jobs).__qualname__} is no Resque or AsyncResque to take the jobs of"
            )
        if settings is not None and (url is not None or options):
            raise SettingsError("give either settings or single options, not both")
        for name, part, verb in (("failures", failures, "save"), ("clock", clock, "monotonic")):
            if part is not None:
                check_part(name, part, verb)
        self._given_client = redis
        self._credentials = credentials
        if redis is not None:
            if settings is not None or url is not None:
                raise SettingsError("give either a client or a URL, not both")
            if options.get("sentinels") is not None:
                raise SettingsError("give either a client or sentinels, not both")
            from pyresque.driver import client_url  # noqa: PLC0415 - for those who give a client

            url, self._credentials = client_url.taken(redis, credentials, awaits=self._awaits)
        elif credentials is not None:
            from pyresque.driver.credentials import check_provider  # noqa: PLC0415 - for those who give a provider

            check_provider(credentials)
        self.settings = settings or Settings.load(url=url, **options)
        self.registry: Registry = Registry() if jobs is None else jobs.registry
        self.hooks: WorkerHooks = WorkerHooks() if jobs is None else jobs.hooks
        classes = ActiveJobs() if jobs is None else jobs.active_job_classes
        self.active_job_classes: ActiveJobs = classes
        self._failures, self._clock = failures, clock
        #: The recurring jobs that live in this process alone.
        self._schedule_memory: dict[str, Any] = {} if jobs is None else jobs._schedule_memory  # noqa: SLF001 - our own class
        self.stop_flag = StopFlag()

    #: Whether the client that is given must be one of asyncio.
    _awaits = False

    def access(self) -> Access:
        """The way to Redis that the settings and arguments give."""
        from pyresque.driver.choose import Access  # noqa: PLC0415 - a fork server has no use for it

        url, namespace = self.settings.server_url, self.settings.namespace
        return Access(url, namespace, self._given_client, self._credentials)

    def connect_by_url(self) -> None:
        """Leave the client that was given: a worker connects by itself, with the client's settings. Raises SettingsError."""
        if self._given_client is None:
            return
        from pyresque.driver import client_url  # noqa: PLC0415 - as above

        client_url.check_server(self._given_client)
        self._given_client = None
        vars(self).pop("driver", None)

    @cached_property
    def core(self) -> Core:
        """The parts joined; made when the first of them is asked for. Raises SettingsError."""
        from pyresque.core import Core  # noqa: PLC0415 - a fork server has no use for it

        return Core(
            self.settings,
            self.registry,
            self.hooks,
            self._clock,
            self._failures,
            self.active_job_classes,
            self._schedule_memory,
            self.stop_flag,
        )

    def configure(self, **changes: Unpack[Keywords]) -> None:
        """Change settings (None: leave as it is) before the first verb, keeping what is registered. A URL that changes later counts from then on.

        This is how the command line's flags reach an application: its jobs that enqueue follow them, too. Raises SettingsError.
        """
        before, self.settings = self.settings, self.settings.replace(**changes)
        if (before.server_url, before.namespace) != (
            self.settings.server_url,
            self.settings.namespace,
        ):
            vars(self).pop("driver", None)  # that of a verb that has run
        if "core" in vars(self):  # the next use makes another one
            self._failures = self.core.given_failures
            del self.core

    # -- registering

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
        hooks: Iterable[Callable[..., Any]] = (),
        plugins: Iterable[Plugin] = (),
        retries: int | None = None,
        backoff: Backoff | None = None,
        tracked: bool = False,
        **hooks_by_kind: Any,
    ) -> Any:
        """Register a class with a static method ``perform``, or a function, as a job.

        ``name`` is the Ruby class name; without it a class gives its own, a function the CamelCase of its own.
        ``kwargs=True`` passes a trailing hash as keyword arguments. ``aliases`` are older names that payloads may still have.
        ``timeout``: seconds, a timedelta or a TimeLimit; the job gets JobTimeout. ``on_dirty_exit="requeue"`` puts the
        job back into its queue when its process dies, at most ``max_redeliveries`` (3) times. ``hooks`` are functions with the names
        of hooks, such as ``before_enqueue_check``; by a keyword such as ``on_failure=tell`` a function, or a list, becomes a hook of that kind.
        ``plugins`` are objects of ``pyresque.plugins``.
        ``retries`` and ``backoff`` are short for the plugin Retry: how often a failed job is retried, and after how many seconds (a number, a
        list, or "exponential"). ``tracked=True`` is short for the plugin Status: ``enqueue`` gives a handle of the job, its status lives
        for a day after each step, and its arguments travel by name.
        The job can be called as before, and has ``enqueue(...)``, ``enqueue_in(wait, ...)``, ``enqueue_at(when, ...)``, ``options(queue=...)`` and
        ``via(client)``, and a decorator for each kind of hook, such as ``@job.on_failure``. Raises DuplicateJobError, JobOptionError, NoClassError for what cannot perform.
        """
        if name is not None and not isinstance(name, str):
            self.registry.add(name)
            equip(name, self)
            return name

        check_options(queue, aliases=aliases, hooks=hooks)
        by_kind = hooks_of_kinds(hooks_by_kind)
        limit = limit_of(timeout)
        most = most_redeliveries(on_dirty_exit, max_redeliveries)
        attached = tuple(hooks)
        checked = self._plugins(plugins, name or "this job", retries, backoff, tracked=tracked)

        def register(target: F) -> F:
            self.registry.add(
                target,
                name=name,
                queue=queue,
                kwargs=kwargs,
                aliases=aliases,
                timeout=limit,
                redeliveries=most,
                hooks=attached,
                hooks_by_kind=by_kind,
                plugins=checked,
            )
            equip(target, self)
            return target

        return register

    def declare(
        self, name: str, /, *, queue: str | None = None, plugins: Iterable[Plugin] = ()
    ) -> Any:
        """Declare the queue and the plugins of a class that only Ruby performs. The verbs and the scheduler here use them.

        What it returns decorates a function that says which arguments the class takes: that has the calls that ``job`` gives. Raises JobOptionError, and DuplicateJobError if code is registered for that name.
        """
        if not name or not hasattr(name, "encode"):
            raise JobOptionError(f"declare({name!r}): give the class's Ruby name, such as 'Mail'")
        check_options(queue)
        self.registry.declare(name, queue, self._plugins(plugins, name))

        def declared(function: F) -> F:
            self.registry.declare_by(function, name)
            equip(function, self, performs=False)
            return function

        return declared

    @staticmethod
    def _plugins(
        plugins: Iterable[Plugin],
        shown: str,
        retries: int | None = None,
        backoff: Backoff | None = None,
        *,
        tracked: bool = False,
    ) -> tuple[Plugin, ...]:
        """Return a job's plugins, checked. Raises JobOptionError."""
        if plugins == () and retries is backoff is None and not tracked:
            return ()
        from pyresque.plugins.checked import checked_plugins  # noqa: PLC0415 - for those who have plugins

        return checked_plugins(plugins, shown, retries, backoff, tracked=tracked)

    @property
    def registered(self) -> list[JobClass]:
        """Every registered job, by name."""
        return list(self.registry)

    def locator(self, model: str) -> Callable[[F], F]:
        """Register a function that finds a Rails model's records. It gets a GlobalID and returns the record, or None if that is gone.

        For a model without a locator an active job gets the GlobalID itself.
        """

        def register(locate: F) -> F:
            check_callable("locator", locate)
            self.active_job_classes.locators[model] = locate
            return locate

        return register

    def serializer(self, serializer: Z) -> Z:
        """Register the other half of a Ruby ObjectSerializer: an object, or a class that is made without arguments."""
        made: Serializer = serializer() if isinstance(serializer, type) else serializer
        self.active_job_classes.serializers.append(made)
        return serializer

    def middleware(self, middleware: M) -> M:
        """Add a function ``(call_next, job)``, plain or ``async def``, around every job that is performed here.

        It calls (or awaits) ``call_next(job)``, which returns whether the job's work was done, or raises its error. The
        first one added is the outermost; an async one is always inside the plain ones. An object that may be called so may have a
        method ``async def awaited(call_next, job)``, too, which takes its place in event loops.
        """
        add_layer(self.registry.middleware, middleware)
        return middleware

    def enqueue_middleware(self, middleware: E) -> E:
        """Add a function ``(call_next, job)``, plain or ``async def``, around every job that is enqueued here, now or for later.

        ``call_next(job)`` has it enqueued; without that call it is refused, and the verb returns what it returns when a
        before_enqueue hook vetoes. What the function puts into ``job.extra``, a dict, becomes members of the payload. The first one added
        is the outermost; an async one is always inside the plain ones. Class hooks run outside all middleware.
        """
        add_layer(self.registry.enqueue_middleware, middleware)
        return middleware

    def dry_run(self, fixture: F) -> F:
        """Add what keeps side effects away in shadow runs: a generator function ``(job)`` that yields once, around the job.

        A function that returns a context manager will do, too. The last one counts. See docs/migrate.md.
        """
        check_callable("dry_run", fixture)
        self.registry.dry_run = fixture
        return fixture

    def _hook(self, name: str, hook: F) -> F:
        self.hooks.add(name, hook)
        return hook

    def warm_up(self, function: Any = None, /, *, in_child: bool = False) -> Any:
        """Add a function that is called 48 times in the process that children are copied from, before the first fork.

        What a job would be the first to do in its child, such as to open a connection, use it and close it, costs children less
        then. ``in_child=True``: each child calls it once, before it is given its first job, and may keep open what it opens.
        With other executors than ``fork`` neither is called.
        """
        name = "warm_up_in_child" if in_child else "warm_up"
        return (
            self._hook(name, function)
            if function is not None
            else lambda function: self._hook(name, function)
        )

    def lend(self, client: C) -> C:
        """Lend one connection of a redis-py or valkey-py client, or of a pool, to each forked child; returns what it was given.

        Call it where the application is imported or made. The process that children are copied from opens the connection; while short jobs
        follow one another, each child uses it in place of one of its own, which saves redis-py's 3 to 4 ms, and returns it. What a job
        leaves in the connection (another database, a transaction, an unread reply) no other job sees: such a connection is replaced.
        Elsewhere the client connects as it does without this; docs/executors.md says where. Raises TypeError for a client of asyncio
        or of a cluster.

            cache = resque.lend(redis.Redis.from_url("redis://cache.internal"))
        """
        from pyresque.lent_client import lent_pool  # noqa: PLC0415 - for those who lend

        pool = lent_pool(client)
        if pool not in self.hooks.lent_pools:
            self.hooks.lent_pools.append(pool)
            if self.hooks.lending:
                import logging  # noqa: PLC0415 - hardly ever

                logging.getLogger("pyresque").warning(
                    "resque.lend is called in a forked child, which is too late: call it where the application is imported or made"
                )
        return client

    def before_first_fork(self, hook: F) -> F:
        """Add a function that a worker calls once, before it registers."""
        return self._hook("before_first_fork", hook)

    def before_fork(self, hook: F) -> F:
        """Add a function ``(job)`` that a worker calls before it forks a child for the job."""
        return self._hook("before_fork", hook)

    def after_fork(self, hook: F) -> F:
        """Add a function ``(job)`` that the child calls before it performs the job."""
        return self._hook("after_fork", hook)

    def child_exit(self, hook: F) -> F:
        """Add a function that each forked child calls before it ends, when its last job's outcome is told.

        All functions together have two seconds; then the child is killed, which changes no outcome. A child
        that is killed before calls none. With other executors than ``fork`` none is called.
        """
        return self._hook("child_exit", hook)

    def job_lost(self, hook: F) -> F:
        """Add a function ``(job, error)`` that is called when a job failed because its process died; ``error`` is a DirtyExit.

        The worker calls it, or the process that prunes the worker, after the job's failure hooks. A job that goes back into its queue
        (``on_dirty_exit="requeue"``) has not failed. What the function raises is logged.
        """
        return self._hook("job_lost", hook)

    def before_pause(self, hook: F) -> F:
        """Add a function ``(worker)`` that a worker calls when USR2 pauses it."""
        return self._hook("before_pause", hook)

    def after_pause(self, hook: F) -> F:
        """Add a function ``(worker)`` that a worker calls when CONT ends its pause."""
        return self._hook("after_pause", hook)

    def queue_empty(self, hook: F) -> F:
        """Add a function that a worker calls when it has performed jobs and finds no more."""
        return self._hook("queue_empty", hook)

    def worker_exit(self, hook: F) -> F:
        """Add a function that a worker calls after it has unregistered."""
        return self._hook("worker_exit", hook)

    def on_shutdown(self, hook: F) -> F:
        """Add a function that a worker calls when it begins to stop (Ruby: ``Resque.shutdown``)."""
        return self._hook("shutdown", hook)
