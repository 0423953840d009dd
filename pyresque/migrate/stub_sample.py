"""What the jobs of one class looked like: the types of its arguments, its queues, a few redacted payloads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pyresque.activejob import deserialize
from pyresque.activejob.arguments import SERIALIZED
from pyresque.activejob.registry import WRAPPER, job_hash
from pyresque.activejob.serializers import builtin_named
from pyresque.activejob.versions import LATEST
from pyresque.errors import DeserializationError
from pyresque.migrate.redact import redacted
from pyresque.migrate.seen import NO_CLASS
from pyresque.migrate.stub_types import Place
from pyresque.user_errors import text_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pyresque.activejob.serializers import Serializer
    from pyresque.job.job import Job

#: Classes, characters of a class's name, payloads of a class that are kept, and positions of arguments that are told apart.
MOST_CLASSES: Final = 1000
LONGEST_NAME: Final = 200
MOST_PAYLOADS: Final = 5
MOST_POSITIONS: Final = 20

#: Queues of one class, and bytes of a redacted payload.
MOST_QUEUES: Final = 20
LARGEST: Final = 20_000


class Opaque:
    """A value of a serializer that only Ruby has; reads its hash as it is."""

    def __init__(self, ruby_name: str) -> None:
        self.ruby_name = ruby_name

    def accepts(self, value: object) -> bool:  # noqa: ARG002 - a serializer's signature
        """Return that it writes nothing."""
        return False

    def serialize(self, value: object) -> dict[str, object]:  # noqa: ARG002 - as above
        """Return nothing: it writes none."""
        return {}

    def deserialize(self, payload: Mapping[str, object]) -> object:
        """Return a value of no known type."""
        return Unknown(payload)


class Unknown:
    """A value whose type only Ruby knows."""

    def __init__(self, payload: Mapping[str, object]) -> None:
        self.payload = payload


class ClassSample:
    """The jobs seen of one class."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.seen = 0
        self.active_job = False
        self.queues: dict[str, int] = {}
        self.least = self.most = 0
        self.positions: list[Place] = []
        self.keywords = Place()
        self.serializers: set[str] = set()
        #: Why arguments could not be read, where that was so.
        self.unreadable: str | None = None
        #: Redacted payloads by their types, each the least of its kind, so that the order of jobs does not matter.
        self.payloads: dict[str, dict[str, Any]] = {}
        #: Lines that register the plugins which the class seems to have in Ruby, by gem.
        self.plugins: dict[str, str] = {}

    def add(self, job: Job) -> None:
        """Add one more job."""
        payload, found = job.payload, job_hash(job.payload)
        if found is None:
            args: list[Any] = list(job.args)
            kwargs: dict[str, Any] = {}
            whole: dict[str, Any] = {"class": self.name, "args": args}
        else:
            self.active_job = True
            whole = {"class": WRAPPER, "args": [dict(found)]}
            serializers = [Opaque(name) for name in _serializers(found.get("arguments"))]
            self.serializers.update(one.ruby_name for one in serializers)
            read = self._read(found, serializers)
            if read is None:
                return
            args, kwargs = read
        queue = (
            job.queue or _text(payload.extra.get("queue")) or _text((found or {}).get("queue_name"))
        )
        if queue and (queue in self.queues or len(self.queues) < MOST_QUEUES):
            self.queues[queue] = self.queues.get(queue, 0) + 1
        self._count(args, kwargs)
        self._keep(whole)

    def _read(
        self, found: Mapping[str, Any], serializers: Sequence[Serializer]
    ) -> tuple[list[Any], dict[str, Any]] | None:
        try:
            return deserialize(found.get("arguments"), {}, serializers)
        except (DeserializationError, RecursionError, ValueError, OverflowError) as error:
            self.unreadable = text_of(error)[:LONGEST_NAME]
            return None

    def _count(self, args: list[Any], kwargs: Mapping[str, Any]) -> None:
        size = len(args)
        self.least = size if not self.seen else min(self.least, size)
        self.most = max(self.most, size)
        self.seen += 1
        for at, value in enumerate(args[:MOST_POSITIONS]):
            if at == len(self.positions):
                self.positions.append(Place())
            self.positions[at].add(value)
        if kwargs:
            self.keywords.add_keys(kwargs)

    def _keep(self, whole: dict[str, Any]) -> None:
        """Keep a payload, redacted, if it is the least of its shape."""
        found = redacted_payload(whole)
        key = shape_of(found)
        text = ascii(found)
        if len(text) > LARGEST:
            return
        known = self.payloads.get(key)
        if known is None or text < ascii(known):
            self.payloads[key] = found
            if len(self.payloads) > MOST_PAYLOADS:
                del self.payloads[max(self.payloads)]

    def recorded(self) -> list[dict[str, Any]]:
        """Return the payloads that are kept, in an order that does not depend on that of the jobs."""
        return [self.payloads[key] for key in sorted(self.payloads)]


def redacted_payload(whole: Mapping[str, Any]) -> dict[str, Any]:
    """Return a payload with its arguments redacted; the class's name stays, and of a job hash what Rails itself reads."""
    found = job_hash_of(whole)
    if found is None:
        return {"class": whole["class"], "args": redacted(whole["args"])}
    kept = {"job_class": found["job_class"], "arguments": redacted(found.get("arguments"))}
    return {"class": whole["class"], "args": [kept]}


def job_hash_of(whole: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the job hash inside a wrapper's payload, which is known to be one."""
    return whole["args"][0] if whole["class"] == WRAPPER else None


def shape_of(value: Any) -> str:
    """Return a text that is the same for values of the same types and keys."""
    if isinstance(value, dict):
        return (
            f"{{{','.join(f'{key!a}:{shape_of(value[key])}' for key in sorted(value, key=ascii))}}}"
        )
    if isinstance(value, list):
        return f"[{','.join(shape_of(item) for item in value)}]"
    return type(value).__name__


class Samples:
    """The classes seen; a bounded number. ``wanted``: whether a class is to be looked at."""

    def __init__(self) -> None:
        self.classes: dict[str, ClassSample] = {}
        #: Jobs without a class, or of one whose name is too long, or one too many.
        self.left_out = 0

    def add(self, job: Job, name: str) -> None:
        """Add a job of the class of that name."""
        sample = self.classes.get(name)
        if sample is None:
            if (
                name in {"", NO_CLASS}
                or len(name) > LONGEST_NAME
                or len(self.classes) >= MOST_CLASSES
            ):
                self.left_out += 1
                return
            sample = self.classes[name] = ClassSample(name)
        sample.add(job)

    def __iter__(self) -> Iterator[ClassSample]:
        """Iterate over the classes that can be written, by name."""
        return iter([self.classes[name] for name in sorted(self.classes)])


def _serializers(value: Any, depth: int = 0) -> set[str]:
    """Return the names of serializers in serialized arguments that Rails does not have itself."""
    found: set[str] = set()
    if depth > 100:  # noqa: PLR2004 - Ruby's JSON reads no deeper nesting
        return found
    if isinstance(value, dict):
        name = value.get(SERIALIZED)
        if isinstance(name, str) and builtin_named(name.removeprefix("::"), LATEST) is None:
            found.add(name.removeprefix("::"))
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for each in inner:
        found |= _serializers(each, depth + 1)
    return found


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
