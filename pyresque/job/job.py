"""Job and Payload: a job as it was found in its queue. Codec: how payloads and records are encoded and decoded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from pyresque.errors import DecodeError, JobOptionError, NotAJob, NotEncodable, PyresqueError
from pyresque.lightweight import dataclass, field, replace
from pyresque.ruby.json import Dialect, decode, decode_at_once, encode
from pyresque.user_errors import text_of

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Payload:
    """What a queue holds: a class name, its arguments, and whatever else the writer put there.

    ``class_name`` and ``args`` may be of any type, as they were decoded; ``positional()`` returns what ``perform`` is called with.
    """

    class_name: object
    args: object = None
    extra: Mapping[str, object] = field(default_factory=dict)

    @classmethod
    def of(cls, decoded: Mapping[str, Any]) -> Payload:
        """Make a payload from a decoded JSON object or MessagePack map."""
        if len(decoded) == 2 and "class" in decoded and "args" in decoded:  # noqa: PLR2004 - class and args
            return cls(decoded["class"], decoded["args"])
        return cls(
            decoded.get("class"),
            decoded.get("args"),
            {key: value for key, value in decoded.items() if key not in {"class", "args"}},
        )

    @property
    def name(self) -> str:
        """The class name as text, empty if there is none."""
        return self.class_name if isinstance(self.class_name, str) else ""

    def positional(self) -> tuple[Any, ...]:
        """Return the arguments as Ruby's ``*args`` passes them: null and false as none, a hash as pairs, any other value as one."""
        args = self.args
        if args is None or args is False:
            return ()
        if isinstance(args, (list, tuple)):
            return tuple(args)
        if isinstance(args, dict):
            return tuple([key, value] for key, value in args.items())
        return (args,)


#: The payload of a job whose bytes cannot be decoded to one.
NO_PAYLOAD = Payload(None)


@dataclass(frozen=True, slots=True)
class Job:
    """A payload with the queue it came from and its bytes; ``fault`` is the error that keeps it from being performed.

    ``sound``: the bytes are known to be safe inside a worker record. False says nothing; ``embedding.can_embed`` then looks.
    """

    queue: str
    payload: Payload
    raw: bytes
    fault: PyresqueError | None = None
    sound: bool = field(default=False, compare=False, repr=False)

    @property
    def class_name(self) -> str:
        """The payload's class name, or an empty text."""
        return self.payload.name

    @property
    def args(self) -> tuple[Any, ...]:
        """The arguments that ``perform`` is called with."""
        return self.payload.positional()

    def __str__(self) -> str:
        """As Ruby's ``Job#inspect`` writes it, in Python's spelling."""
        return f"(Job{{{self.queue}}} | {self.class_name or '?'} | {list(self.args)!r})"


def with_plugin_fault(job: Job, error: Exception) -> Job:
    """Return the job with an error of one of its plugins as its fault."""
    if not isinstance(error, PyresqueError):
        error = JobOptionError(f"a plugin raised {type(error).__name__}: {text_of(error)}")
    return replace(job, fault=error)


class Codec(Protocol):
    """Encodes and decodes payloads and records."""

    name: str

    def encode(self, value: object, *, path: str = "args") -> bytes:
        """Encode a value. Raises NotEncodable, whose message names the value's path, beginning with ``path``."""

    def decode(self, raw: bytes) -> Any:
        """Decode a value. Raises DecodeError."""

    def decode_at_once(self, raw: bytes) -> Any:
        """Decode quickly, if the bytes are also safe inside a record. None: ask ``decode``."""

    def embed(
        self, head: Mapping[str, object], key: str, raw: bytes, tail: Mapping[str, object]
    ) -> bytes:
        """Encode an object of the pairs of ``head``, then ``key`` with the already encoded ``raw``, then the pairs of ``tail``."""


class JsonCodec:
    """Ruby's JSON, in one of its dialects (``Resque.encode`` and ``decode``)."""

    name = "json"
    decode_at_once = staticmethod(decode_at_once)

    def __init__(self, dialect: Dialect = Dialect.JSON_GEM) -> None:
        self.dialect = dialect

    def encode(self, value: object, *, path: str = "args") -> bytes:
        """Return the bytes that Ruby's encoder writes."""
        return encode(value, dialect=self.dialect, path=path)

    def decode(self, raw: bytes) -> Any:
        """Return the value that Ruby's decoder reads."""
        return decode(raw)

    def embed(
        self, head: Mapping[str, object], key: str, raw: bytes, tail: Mapping[str, object]
    ) -> bytes:
        """Write the raw JSON between the pairs before and after it."""
        before = encode(head, dialect=self.dialect, path=key)[1:-1]
        after = encode(tail, dialect=self.dialect, path=key)[1:-1] if tail else b""
        parts = [part for part in (before, encode(key) + b":" + raw, after) if part]
        return b"{" + b",".join(parts) + b"}"


def codec_named(name: str, dialect: str) -> Codec:
    """Return the codec for the settings ``codec`` and ``json_dialect``."""
    if name != "msgpack":
        return JsonCodec(Dialect(dialect))
    from pyresque.job.msgpack_codec import MsgpackCodec  # noqa: PLC0415 - loads msgpack, which few need

    return MsgpackCodec()


def read_job(codec: Codec, queue: str, raw: bytes) -> Job:
    """Make a job from any bytes; never raises: ``fault`` holds the error of bytes that are not a job."""
    decoded = codec.decode_at_once(raw)
    if decoded.__class__ is dict:
        return Job(queue, Payload.of(decoded), raw, sound=True)
    try:
        decoded = codec.decode(raw)
    except DecodeError as error:
        return Job(queue, NO_PAYLOAD, raw, error)
    if not isinstance(decoded, dict):
        fault = NotAJob(
            f"a payload must be an object with class and args; queue {queue!r} held {raw[:100]!r}"
        )
        return Job(queue, NO_PAYLOAD, raw, fault)
    return Job(queue, Payload.of(decoded), raw)


def write_payload(
    codec: Codec, class_name: str, args: object, extra: Mapping[str, object] | None = None
) -> bytes:
    """Encode a new job: class, args, then the pairs of ``extra``. Raises NotEncodable."""
    try:
        return codec.encode({"class": class_name, "args": args, **(extra or {})}, path="")
    except NotEncodable as error:
        raise NotEncodable(_without_payload(error.path), error.reason) from None


def _without_payload(path: str) -> str:
    """Turn a payload's path ``["args"][1]`` into the caller's ``args[1]``."""
    return (
        path.replace('["args"]', "args", 1).replace('["class"]', "class", 1)
        if path.startswith("[")
        else path
    )


def same_value(one: object, other: object) -> bool:
    """Whether two values are equal as JSON: 1, 1.0 and true are three values; the order of keys does not matter."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same_value(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same_value, one, other))
    return type(one) is type(other) and one == other
