"""Registered ActiveJobs by Ruby class name, locators and serializers; which payloads hold an ActiveJob.

Light: the fork server loads this module.
"""

from __future__ import annotations

from pyresque.errors import DuplicateJobError, EnvelopeError, NoClassError
from pyresque.job.job_class import JobClass
from pyresque.job.targets import attach, check

TYPE_CHECKING = False
if TYPE_CHECKING:
    import inspect
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from typing import Any, Protocol, TypeVar

    from pyresque.activejob.continuation import Continuable, Resume
    from pyresque.activejob.envelope import Envelope
    from pyresque.activejob.globalid import GlobalID
    from pyresque.activejob.retries import DiscardOn, RetryOn, Rules
    from pyresque.activejob.serializers import Serializer
    from pyresque.activejob.wrapper import JobWrapper
    from pyresque.job.job import Job, Payload
    from pyresque.job.limits import TimeLimit
    from pyresque.ops import Op

    T = TypeVar("T")

    class Attempt(Protocol):
        """One attempt at a unique job."""

        def around(self, work: Callable[[], Op[bool]], /) -> Op[bool]:
            """Do the work, with its locks."""

        def end(self) -> Op[None]:
            """The job has ended, and is not enqueued again."""

    class Unique(Protocol):
        """Keeps equal jobs out: ``plugins/uniqueness.py``."""

        def lock(self, wrapper: JobWrapper, envelope: Envelope, /) -> Op[bool]:
            """Take the lock of a job that is being enqueued."""

        def lock_again(self, wrapper: JobWrapper, envelope: Envelope, /) -> Op[bool]:
            """Take the lock of a job that is retried."""

        def unlock(self, envelope: Envelope, /) -> Op[None]:
            """Delete the lock of a job that is not enqueued after all."""

        def around_enqueue(
            self, wrapper: JobWrapper, envelope: Envelope, push: Callable[[], Op[T | None]], /
        ) -> Op[T | None]:
            """Take the lock, then push the job."""

        def attempt(self, wrapper: JobWrapper, envelope: Envelope, /) -> Attempt:
            """Return what deletes the locks of a job that is being performed."""


#: The Resque class of every ActiveJob's payload; its only argument is the job hash.
WRAPPER = "ActiveJob::QueueAdapters::ResqueAdapter::JobWrapper"


#: In the state of a PluginJob: the job failed, and is enqueued again.
AGAIN = object()


def is_wrapper(class_name: object) -> bool:
    """Whether a payload's class is the ActiveJob wrapper; as in Ruby it may have colons around it."""
    return isinstance(class_name, str) and class_name.strip(":") == WRAPPER


def job_hash(payload: Payload) -> Mapping[str, object] | None:
    """Return the job hash in a wrapper's payload; None for any other payload."""
    args = payload.args
    if not is_wrapper(payload.class_name) or not isinstance(args, list) or len(args) != 1:
        return None
    found = args[0]
    if isinstance(found, dict) and isinstance(found.get("job_class"), str):
        return found
    return None


class ActiveJobClass:
    """One registered ActiveJob: its entry, and the rules for its errors. With ``bind`` its first argument is the Envelope.

    With ``resume`` it is a job in steps, and its first argument is a Continuable.
    """

    def __init__(
        self,
        entry: JobClass,
        rules: Rules = (),
        bind: bool = False,
        signature: inspect.Signature | None = None,
        resume: Resume | None = None,
    ) -> None:
        self.entry = entry
        self.rules = rules
        self.bind = bind
        self.signature = signature
        self.resume = resume
        self._least, self._most = _positional_range(signature)

    def bound_to(self, entry: JobClass) -> ActiveJobClass:
        """Return this job with an entry that is bound to one payload."""
        return ActiveJobClass(entry, self.rules, self.bind, self.signature, self.resume)

    def call(
        self, job: Envelope | Continuable | None, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Return the arguments for the function; ``job`` is for one that is bound. Raises EnvelopeError (Ruby's ArgumentError) if it does not take them."""
        bound = (job,) if self.bind else ()
        if not kwargs and self._least <= len(args) <= self._most:
            return (*bound, *args), {}
        from pyresque.activejob.signature import complaint, fitted  # noqa: PLC0415 - heavy, and needed for ActiveJobs alone

        if self.signature is None:
            return (*bound, *args), dict(kwargs)
        args, kwargs = fitted(self.signature, args, kwargs)
        wrong = complaint(self.signature, args, kwargs)
        if wrong is not None:
            raise EnvelopeError(wrong)
        return (*bound, *args), dict(kwargs)


class ActiveJobs:
    """The ActiveJobs, locators and serializers of one application."""

    def __init__(self) -> None:
        self.locators: dict[str, Callable[[GlobalID], object]] = {}
        self.serializers: list[Serializer] = []
        #: The jobs that are unique, by Ruby class name, also those that Rails alone performs.
        self.unique: dict[str, Unique] = {}
        #: The ActiveStatus (``plugins/active_status.py``) of each job that is tracked, by Ruby class name.
        self.tracked: dict[str, Any] = {}
        self._by_name: dict[str, ActiveJobClass] = {}
        self._by_target: dict[int, ActiveJobClass] = {}
        #: What priority their jobs have, by name.
        self._priorities: dict[str, int | None] = {}
        #: The classes that only Ruby performs, by name and by the function that says what they take: the entries have no target.
        self._declared: dict[str, JobClass] = {}
        self._declared_by: dict[int, tuple[Any, JobClass]] = {}

    @property
    def reads_arguments(self) -> bool:
        """Whether the application has locators or serializers."""
        return bool(self.locators or self.serializers)

    def add(
        self,
        name: str,
        target: Any,
        *,
        queue: str | None = None,
        priority: int | None = None,
        retry_on: Sequence[RetryOn] = (),
        discard_on: Sequence[DiscardOn] = (),
        bind: bool = False,
        timeout: TimeLimit | None = None,
        redeliveries: int = 0,
        resume: Resume | None = None,
        hooks: Iterable[Callable[..., Any]] = (),
    ) -> ActiveJobClass:
        """Register a class with ``perform``, or a function, under a Ruby class name; ``resume`` implies ``bind``.

        Raises DuplicateJobError when another target has the name already, NoClassError when the target can perform
        nothing.
        """
        bind = bind or resume is not None
        check(target, bound=bind)
        known = self._by_name.get(_plain(name))
        if known is not None and known.entry.target is not target:
            raise DuplicateJobError(
                f"active job {name!r} is registered twice; give one another name"
            )
        entry = JobClass(
            _plain(name),
            queue,
            target,
            timeout=timeout,
            redeliveries=redeliveries,
            plugins=(self.tracked[_plain(name)],) if _plain(name) in self.tracked else (),
        )
        own = _own(entry.perform, bind)
        attach(target, hooks)
        made = ActiveJobClass(entry, (*retry_on, *discard_on), bind, own, resume)
        self._declared.pop(entry.name, None)
        self._by_name[entry.name] = self._by_target[id(target)] = made
        self._priorities[entry.name] = priority
        return made

    def declare(
        self, name: str, function: Any, queue: str | None, priority: int | None = None
    ) -> None:
        """Enter a class that only Ruby performs, and the function that says what it takes.

        Raises DuplicateJobError if code is registered for that name, NoClassError for what cannot be called.
        """
        if not callable(function):
            raise NoClassError(
                f"declare({function!r}): give a function that says what the job takes"
            )
        if self.find(name) is not None:
            raise DuplicateJobError(
                f"active job {name!r} is registered here, so it is not Ruby's alone: give no declaration"
            )
        entry = JobClass(_plain(name), queue, None)
        self._declared[entry.name] = entry
        self._declared_by[id(function)] = function, entry
        self._priorities[entry.name] = priority

    def declared(self, target: object) -> JobClass | None:
        """Return the entry of a declared class by its name, or by the function that declares it; None for any other."""
        if isinstance(target, str):
            return self._declared.get(_plain(target))
        _, entry = self._declared_by.get(id(target), (None, None))
        return entry

    def has(self, target: object) -> bool:
        """Whether this very function or class is registered or declared here."""
        return id(target) in self._by_target or id(target) in self._declared_by

    def queue_of(self, name: str) -> str | None:
        """Return the queue that was given for a job, or that its class names."""
        known = self.find(name)
        entry = self.declared(name) if known is None else known.entry
        return None if entry is None else entry.queue

    def priority_of(self, name: str) -> int | None:
        """Return the priority that was given for a job (Rails: ``queue_with_priority``)."""
        return self._priorities.get(_plain(name))

    def remove(self, name: str) -> None:
        """Forget the job of a Ruby class name."""
        removed = self._by_name.pop(_plain(name))
        self._by_target.pop(id(removed.entry.target), None)
        del self._priorities[removed.entry.name]

    def find(self, name: str) -> ActiveJobClass | None:
        """Return the job of a Ruby class name, or None."""
        return self._by_name.get(_plain(name))

    def of(self, target: object) -> ActiveJobClass | None:
        """Return the job of a Ruby class name, or of the function or class that performs it; None for any other."""
        return self.find(target) if isinstance(target, str) else self._by_target.get(id(target))

    def inside(self, job: Job) -> JobClass | None:
        """Return the entry of the ActiveJob in a wrapper's payload; None if it is not registered here."""
        found = job_hash(job.payload)
        active = None if found is None else self.find(str(found["job_class"]))
        return None if active is None else active.entry

    def entries(self) -> list[JobClass]:
        """Return the entries of all registered jobs, sorted by name."""
        return [self._by_name[name].entry for name in self]

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names, sorted."""
        return iter(sorted(self._by_name))


def _plain(name: str) -> str:
    return name.removeprefix("::")


def _positional_range(signature: inspect.Signature | None) -> tuple[int, float]:
    from pyresque.activejob.signature import positional_range  # noqa: PLC0415 - heavy, and needed for ActiveJobs alone

    return positional_range(signature)


def _own(perform: Callable[..., Any], bind: bool) -> inspect.Signature | None:
    """Return the signature of a job's function without the bound first argument. Raises NoClassError."""
    from pyresque.activejob.signature import signature_of  # noqa: PLC0415 - heavy, and needed for ActiveJobs alone

    signature = signature_of(perform)
    if signature is None or not bind:
        return signature
    parameters = list(signature.parameters.values())
    first = parameters[0] if parameters else None
    if first is None or first.kind is first.KEYWORD_ONLY or first.kind is first.VAR_KEYWORD:
        raise NoClassError(f"{perform!r} has no first argument to bind its Envelope to")
    kept = parameters if first.kind is first.VAR_POSITIONAL else parameters[1:]
    return signature.replace(parameters=kept)
