"""A job as it was found in its queue, and the codec that reads and writes it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from pyresque.errors import DecodeError, NotAJob, NotEncodable, PyresqueError
from pyresque.ruby.json import Dialect, decode, decode_at_once, encode

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Payload:
    """What a queue holds: a class name, its arguments, and whatever else the writer put there.

    ``class_name`` and ``args`` are as decoded, of any type: ``positional`` says what a job is performed with.
    """

    class_name: object
    args: object = None
    extra: Mapping[str, object] = field(default_factory=dict)

    @classmethod
    def of(cls, decoded: Mapping[str, Any]) -> Payload:
        """From a decoded object."""
        if len(decoded) == 2 and "class" in decoded and "args" in decoded:  # noqa: PLR2004 - those two
            return cls(decoded["class"], decoded["args"])
        return cls(
            decoded.get("class"),
            decoded.get("args"),
            {key: value for key, value in decoded.items() if key not in {"class", "args"}},
        )

    @property
    def name(self) -> str:
        """The class name as text, empty where there is none."""
        return self.class_name if isinstance(self.class_name, str) else ""

    def positional(self) -> tuple[Any, ...]:
        """The arguments as Ruby's ``*args`` passes them: null, false and missing as none, a hash as pairs, anything else as one."""
        args = self.args
        if args is None or args is False:
            return ()
        if isinstance(args, (list, tuple)):
            return tuple(args)
        if isinstance(args, dict):
            return tuple([key, value] for key, value in args.items())
        return (args,)


#: The payload of a job whose bytes make none.
NO_PAYLOAD = Payload(None)


@dataclass(frozen=True, slots=True)
class Job:
    """A payload with the queue it came from and the very bytes it was; ``fault`` says why it cannot be performed.

    ``sound`` bytes may, beyond doubt, stand in a worker's record as they are.
    """

    queue: str
    payload: Payload
    raw: bytes
    fault: PyresqueError | None = None
    sound: bool = field(default=False, compare=False, repr=False)

    @property
    def class_name(self) -> str:
        """The payload's class name, empty where there is none."""
        return self.payload.name

    @property
    def args(self) -> tuple[Any, ...]:
        """What ``perform`` is called with."""
        return self.payload.positional()

    def __str__(self) -> str:
        """As Ruby's ``Job#inspect`` writes it, in Python's spelling."""
        return f"(Job{{{self.queue}}} | {self.class_name or '?'} | {list(self.args)!r})"


class Codec(Protocol):
    """How payloads and records are written, and read back."""

    name: str

    def encode(self, value: object, *, path: str = "args") -> bytes:
        """Write a value; raises NotEncodable naming the place below ``path``."""

    def decode(self, raw: bytes) -> Any:
        """Read a value; raises DecodeError."""

    def decode_at_once(self, raw: bytes) -> Any:
        """The same where that is quickly done, and the bytes may stand in a record as they are; None leaves it to ``decode``."""

    def embed(
        self, head: Mapping[str, object], key: str, raw: bytes, tail: Mapping[str, object]
    ) -> bytes:
        """An object of ``head``, then ``key`` with the encoded bytes as they are, then ``tail``."""


class JsonCodec:
    """Ruby's JSON, in one of its dialects (``Resque.encode`` and ``decode``)."""

    name = "json"
    decode_at_once = staticmethod(decode_at_once)

    def __init__(self, dialect: Dialect = Dialect.JSON_GEM) -> None:
        self.dialect = dialect

    def encode(self, value: object, *, path: str = "args") -> bytes:
        """As Ruby's encoder writes it."""
        return encode(value, dialect=self.dialect, path=path)

    def decode(self, raw: bytes) -> Any:
        """As Ruby's decoder reads it."""
        return decode(raw)

    def embed(
        self, head: Mapping[str, object], key: str, raw: bytes, tail: Mapping[str, object]
    ) -> bytes:
        """The raw JSON between the pairs around it."""
        before = self.encode(head, path=key)[1:-1]
        after = self.encode(tail, path=key)[1:-1] if tail else b""
        parts = [part for part in (before, encode(key) + b":" + raw, after) if part]
        return b"{" + b",".join(parts) + b"}"


def codec_named(name: str, dialect: str) -> Codec:
    """The codec that Settings name."""
    if name != "msgpack":
        return JsonCodec(Dialect(dialect))
    from pyresque.job.msgpack_codec import MsgpackCodec  # noqa: PLC0415 - few need it, and every forked child would pay for it

    return MsgpackCodec()


def read_job(codec: Codec, queue: str, raw: bytes) -> Job:
    """A job from bytes, whatever they are; what is wrong with them stands in ``fault``."""
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
    """The bytes of a new job: class, args, then anything else. Raises NotEncodable."""
    try:
        return codec.encode({"class": class_name, "args": args, **(extra or {})}, path="")
    except NotEncodable as error:
        raise NotEncodable(_without_payload(error.path), error.reason) from None


def _without_payload(path: str) -> str:
    """``["args"][1]`` in a payload is ``args[1]`` to the caller."""
    return (
        path.replace('["args"]', "args", 1).replace('["class"]', "class", 1)
        if path.startswith("[")
        else path
    )
