"""What a registered job has beside its own: ``enqueue`` and the like, and decorators of hooks. Light: the fork server loads this module.

They are attributes of the function or class that was registered, which stays what it is. The types are in ``job_types.py``.
"""

from __future__ import annotations

from pyresque.errors import JobOptionError
from pyresque.job.hooks import PREFIXES, HookDecorator, attributes_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from pyresque.job.hooks import Attributes

#: The attributes that are no hooks.
CALLS = ("enqueue", "enqueue_in", "enqueue_at", "options", "via")

MISSING = object()


class JobCalls:
    """The ways to enqueue one job by one face: the verbs of that face, with the job as their first argument.

    ``queue``: the queue that ``options`` named; None: the job's own.
    """

    __slots__ = ("face", "queue", "target")

    def __init__(self, face: Any, target: Any, queue: str | None = None) -> None:
        self.face = face
        self.target = target
        self.queue = queue

    def enqueue(self, /, *args: Any, **kwargs: Any) -> Any:
        """Enqueue the job with these arguments: ``resque.enqueue(job, ...)``."""
        if self.queue is None:
            return self.face.enqueue(self.target, *args, **kwargs)
        return self.face.enqueue_to(self.queue, self.target, *args, **kwargs)

    def enqueue_in(self, wait: Any, /, *args: Any, **kwargs: Any) -> Any:
        """Enqueue the job after a timedelta or seconds: ``resque.enqueue_in(wait, job, ...)``; ``queue=`` is the job's own argument."""
        if self.queue is None and "queue" not in kwargs:
            return self.face.enqueue_in(wait, self.target, *args, **kwargs)
        return self.face.enqueue_in_with_queue(self._queue(), wait, self.target, *args, **kwargs)

    def enqueue_at(self, when: Any, /, *args: Any, **kwargs: Any) -> Any:
        """Enqueue the job at a time: ``resque.enqueue_at(when, job, ...)``; ``queue=`` is the job's own argument."""
        if self.queue is None and "queue" not in kwargs:
            return self.face.enqueue_at(when, self.target, *args, **kwargs)
        return self.face.enqueue_at_with_queue(self._queue(), when, self.target, *args, **kwargs)

    def options(self, *, queue: str | None = None) -> JobCalls:
        """Return the same calls with another queue; None: the job's own. Raises JobOptionError for what is no text."""
        from pyresque.job.targets import check_options  # noqa: PLC0415 - for those who have options

        check_options(queue)
        return JobCalls(self.face, self.target, queue)

    def via(self, face: Any, /) -> JobCalls:
        """Return the same calls by another Resque or AsyncResque. Raises JobOptionError for one that does not have this job."""
        registry = getattr(face, "registry", None)
        if registry is None:
            raise JobOptionError(f"via({face!r}): give a Resque or an AsyncResque")
        if (
            self.face is not NO_FACE
            and _has(self.face, self.target)
            and not _has(face, self.target)
        ):
            kind, own = type(face).__name__, type(self.face).__name__
            raise JobOptionError(
                f"this {kind} does not have the job {self.face.core.registry.describe(self.target).name}: "
                f"make it by {kind}(jobs=...) of the {own} that the job is registered with"
            )
        return JobCalls(face, self.target, self.queue)

    def _queue(self) -> str:
        """Return the queue that is named, or the job's own. Raises NoQueueError."""
        from pyresque.job.registry import validate  # noqa: PLC0415 - it stands above this module

        return validate(self.face.core.jobs.registry.describe(self.target), self.queue)

    def __reduce__(self) -> Any:
        own = self.face is _own_face(self.target)
        return _calls_of, (self.target, self.queue, None if own else _kept(self.face))

    def __repr__(self) -> str:
        shown = getattr(self.target, "__qualname__", self.target)
        return f"<calls of {shown}{f' to {self.queue}' if self.queue else ''}>"


def _has(face: Any, target: Any) -> bool:
    """Whether a job is registered or declared with a face."""
    return bool(face.registry.has(target) or face.active_job_classes.has(target))


class _NoFace:
    """In place of a face, of calls that came by pickle from another process."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise JobOptionError(
            "these calls of a job came by pickle, and no Resque has the job here: register it here, or call via(resque)"
        )


NO_FACE = _NoFace()

#: The faces of calls that this process has pickled, by the names that stand for them.
KEPT: dict[str, Any] = {}


def _kept(face: Any) -> str:
    """Return the name that stands for a face in a pickle: this process finds it again, another one does not."""
    from uuid import uuid4  # noqa: PLC0415 - for those who pickle

    name = next((name for name, known in KEPT.items() if known is face), uuid4().hex)
    KEPT[name] = face
    return name


def _own_face(target: Any) -> Any:
    """Return the face of a job's own calls; NO_FACE if it has none."""
    for name in CALLS:
        known = getattr(getattr(target, name, None), "__self__", None)
        if type(known) is JobCalls:
            return known.face
    return NO_FACE


def _calls_of(target: Any, queue: str | None, kept: str | None) -> JobCalls:
    """Return the calls of a job in the process that unpickles them."""
    face = _own_face(target) if kept is None else KEPT.get(kept, NO_FACE)
    return JobCalls(face, target, queue)


def _call_of_class(kept: str, name: str) -> _CallOfClass:
    """Return an attribute of a class that was pickled with its code (cloudpickle)."""
    return _CallOfClass(KEPT.get(kept, NO_FACE), name)


class _CallOfClass:
    """One of these attributes of a class: that of the class, or of the subclass, that is asked for it."""

    __slots__ = ("face", "name")

    def __init__(self, face: Any, name: str) -> None:
        self.face = face
        self.name = name

    def __get__(self, _: object, owner: type) -> Any:
        return getattr(JobCalls(self.face, owner), self.name)

    def __reduce__(self) -> Any:
        return _call_of_class, (_kept(self.face), self.name)


def equip(target: Any, face: Any, *, performs: bool = True) -> None:
    """Give a registered function or class these attributes, but for those that it has itself. Registered again, it gets those of ``face``.

    One that only declares what Ruby ``performs`` gets no decorators of hooks: none would run.
    """
    own, of_class = attributes_of(target), isinstance(target, type)
    calls = JobCalls(face, target)
    try:
        for name in CALLS:
            if _is_ours(_found(own, name)):
                setattr(
                    target, name, _CallOfClass(face, name) if of_class else getattr(calls, name)
                )
        for kind in PREFIXES if performs else ():
            before = _found(own, kind)
            if before is MISSING or type(before) is HookDecorator:
                setattr(target, kind, HookDecorator(kind, None if of_class else target))
    except Exception:  # noqa: BLE001, S110 - it takes no attributes: a method, an object with slots, one whose __setattr__ refuses
        pass


def _found(own: list[Attributes], name: str) -> Any:
    """Return the attribute of that name as it stands; MISSING if there is none."""
    return next((attributes[name] for attributes in own if name in attributes), MISSING)


def _is_ours(found: Any) -> bool:
    """Whether an attribute is missing, or one that a registration gave."""
    return (
        found is MISSING
        or type(found) is _CallOfClass
        or type(getattr(found, "__self__", None)) is JobCalls
    )
