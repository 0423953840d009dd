"""One worker's turns: each finishes the job it has and takes the next, in one script (``lua/turn.lua``)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from pyresque.errors import ScriptMissing
from pyresque.lightweight import sha1_hex
from pyresque.ops import Command
from pyresque.store.queues import names, text, to_bytes
from pyresque.store.scripts import script

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from pyresque.ops import Arg
    from pyresque.store.keys import Keys


#: What the script says in place of a queue's place.
NONE, OTHERS_KNOWN, PAUSED = 0, -1, -2


@dataclass(frozen=True, slots=True)
class RecordTemplate:
    """How worker records are written, for the script that writes them around a payload as it is.

    ``heads`` begins a record, one for each queue; ``foot`` ends it. ``odd_head``, for MessagePack alone, goes before the text
    of a payload that is no map, so that what stands in ``worker:<id>`` can always be read.
    """

    heads: tuple[bytes, ...]
    foot: bytes = b"}"
    odd_head: bytes = b""


@dataclass(frozen=True, slots=True)
class FailureEntry:
    """A failed record and where it goes; ``name`` is remembered in ``failed_queues`` unless it is empty."""

    record: bytes
    failure_queue: str = "failed"
    name: str = ""
    counted: bool = True


class Reservation(NamedTuple):
    """What one turn of a worker gave: whether the old job was still ours, and the next one, if any.

    ``known``, the queues there are now, in place of a job where the queues were chosen from others. ``wrong_type`` are queues, and
    ``wrong_keys`` other keys, that hold what they should not and were done without. ``paused_queues`` are listed where no queue gave
    a job; with ``all_queues_paused``, by ``pause:all``, they are all of them.
    """

    finished: bool
    paused: bool = False
    queue: str | None = None
    raw: bytes = b""
    record: bytes = b""
    wrong_type: tuple[str, ...] = ()
    known: tuple[str, ...] | None = None
    wrong_keys: tuple[str, ...] = ()
    paused_queues: tuple[str, ...] = ()
    all_queues_paused: bool = False


class Pieces(NamedTuple):
    """The usual turn for one who writes it himself.

    ``opening`` is its wire up to the heads, which the finished record follows; ``heads`` begin the records of the queues, ``foot``
    ends them.
    """

    opening: bytes
    heads: tuple[bytes, ...]
    foot: bytes
    queues: tuple[str, ...]


NO_FAILURE = FailureEntry(b"", counted=False)


NO_TEMPLATE = RecordTemplate(())


class Reserver:
    """One worker's. ``write`` says from which queues jobs are taken, and how their records begin and end just now."""

    def __init__(self, keys: Keys, worker_id: str) -> None:
        self._keys = keys
        self._worker_id = worker_id
        self._script = script("turn")
        self.queues: tuple[str, ...] = ()
        self.forms = NO_TEMPLATE
        self.chosen_from: tuple[str, ...] | None = None
        self._usual: PreparedCommand | None = None

    def write(
        self,
        queues: tuple[str, ...],
        forms: RecordTemplate,
        chosen_from: tuple[str, ...] | None = None,
    ) -> None:
        """From now on turns are taken with these; a worker has new ones each second.

        ``chosen_from`` are the known queues that these were chosen from; where others are known now, nothing is taken.
        """
        self.queues, self.forms, self.chosen_from = queues, forms, chosen_from
        self._usual = None

    def usual(self, finished: bytes) -> Command[Any]:
        """Finish a record that did not fail and reserve: the command that is repeated. Its reply is for ``read``.

        Raises ScriptMissing, which ``take`` and ``finish`` do not.
        """
        if self._usual is None:
            keys, args = self._parts(self.queues, self.forms, NO_FAILURE, self.chosen_from)
            self._usual = PreparedCommand("EVALSHA", self._script.sha, len(keys), *keys, *args)
        return RepeatedCommand(self._usual, finished)

    def pieces(self) -> Pieces:
        """What ``usual`` sends, in pieces."""
        keys, forms = _keys(self._keys, self._worker_id, self.queues), self.forms
        start = ("EVALSHA", self._script.sha, len(keys))
        opening = PreparedCommand(*start, *keys, forms.odd_head, missing=len(forms.heads) + 1).wire
        return Pieces(opening, forms.heads, forms.foot, self.queues)

    def read(self, reply: bytes | list[Any]) -> Reservation:
        """What that reply says."""
        return self._read(reply, self.queues, self.forms)

    async def take(self, finished: bytes, failure: FailureEntry = NO_FAILURE) -> Reservation:
        """Finish the record, append the failure and reserve from the first queue that has a job, all in one script."""
        queues, forms = self.queues, self.forms
        call = self._script.call
        if failure is NO_FAILURE:
            try:
                return self._read(await self.usual(finished), queues, forms)
            except ScriptMissing:
                call = self._script.call_by_text
        keys, args = self._parts(queues, forms, failure, self.chosen_from)
        return self._read(await call(keys, (*args, finished)), queues, forms)

    async def finish(self, finished: bytes, failure: FailureEntry = NO_FAILURE) -> Reservation:
        """Finish the record and append the failure; nothing is reserved."""
        keys, args = self._parts((), NO_TEMPLATE, failure, None)
        return self._read(await self._script.call(keys, (*args, finished)), (), NO_TEMPLATE)

    def _read(
        self, reply: bytes | list[Any], queues: tuple[str, ...], forms: RecordTemplate
    ) -> Reservation:
        """What the script replied to a turn with these queues and forms."""
        if isinstance(reply, bytes):
            return Reservation(True, False, queues[0], reply, forms.heads[0] + reply + forms.foot)
        held, place = reply[0] == 1, reply[1]
        if place == PAUSED:
            return Reservation(held, paused=True, wrong_keys=self._wrong_keys(queues, reply[2:]))
        if place == OTHERS_KNOWN:
            wrong = self._wrong_keys(queues, reply[3:])
            return Reservation(held, known=tuple(names(reply[2])), wrong_keys=wrong)
        _, _, raw, record, wrong, *more = reply
        keys = self._wrong_keys(queues, (wrong,)) if wrong else ()
        wrong_type = tuple(queues[at - 1] for at in wrong if at > 0)
        if place == NONE:
            places = more[0] if more else ()
            paused = queues if 0 in places else tuple(queues[at - 1] for at in places)
            return Reservation(
                *(held, False, None, b"", b"", wrong_type, None),
                *(keys, paused, 0 in places),
            )
        record = record or forms.heads[place - 1] + raw + forms.foot
        return Reservation(held, False, queues[place - 1], raw, record, wrong_type, wrong_keys=keys)

    def _wrong_keys(self, queues: tuple[str, ...], places: Sequence[list[int]]) -> tuple[str, ...]:
        """The keys that the script says hold what they should not."""
        if not places:
            return ()
        keys = _keys(self._keys, self._worker_id, queues)
        keys += _more_keys(self._keys, self._worker_id, "failed")
        return tuple(text(keys[-at - 1]) for at in places[0] if at < 0)

    def _parts(
        self,
        queues: tuple[str, ...],
        forms: RecordTemplate,
        failure: FailureEntry,
        chosen_from: tuple[str, ...] | None,
    ) -> tuple[tuple[bytes, ...], tuple[Arg, ...]]:
        """The keys of a turn, and its arguments but the last."""
        keys = _keys(self._keys, self._worker_id, queues)
        args: tuple[Arg, ...] = (forms.odd_head, *forms.heads)
        if failure is NO_FAILURE and chosen_from is None:
            return keys, args
        more = _more_keys(self._keys, self._worker_id, failure.failure_queue)
        chosen = "" if chosen_from is None else _fingerprint(chosen_from)
        counted = "1" if failure.counted else "0"
        return keys + more, (*args, chosen, failure.record, to_bytes(failure.name), counted)


@lru_cache(maxsize=64)
def _keys(keys: Keys, worker_id: str, queues: tuple[str, ...]) -> tuple[bytes, ...]:
    """The keys of a turn; they are the same for one job after another."""
    named = (
        keys.worker(worker_id),
        keys.stat("processed"),
        keys.stat(f"processed:{worker_id}"),
        keys.pause,
        keys.pause_all_queues,
        *(keys.queue(queue) for queue in queues),
        *(keys.pause_queue(queue) for queue in queues),
    )
    return tuple(to_bytes(key) for key in named)


@lru_cache(maxsize=64)
def _more_keys(keys: Keys, worker_id: str, failure_queue: str) -> tuple[bytes, ...]:
    """Those behind them."""
    named = (
        keys.stat("failed"),
        keys.stat(f"failed:{worker_id}"),
        keys.failed(failure_queue),
        keys.failed_queues,
        keys.queues,
    )
    return tuple(to_bytes(key) for key in named)


@lru_cache(maxsize=64)
def _fingerprint(queues: tuple[str, ...]) -> str:
    """What the script compares: the SHA1 of the names, sorted as Redis sorts bytes."""
    listed = b"\n".join(sorted(to_bytes(queue) for queue in queues))
    return sha1_hex(listed)


class RepeatedCommand(Command[Any]):
    """A command that was written ahead, all but its last argument; its arguments are put together for those who want to see them."""

    __slots__ = ("_last", "_prepared")

    def __init__(self, prepared: PreparedCommand, last: bytes) -> None:
        self._prepared = prepared
        self._last = last
        self.wire = b"%b$%d\r\n%b\r\n" % (prepared.wire, len(last), last)

    @property
    def args(self) -> tuple[Arg, ...]:  # type: ignore[override] # read, and never written
        """As they would be given to a client."""
        return (*self._prepared.args, self._last)

    def __await__(self) -> Generator[Command[Any], Any, Any]:
        """Ask the driver; its answer as it is."""
        return (yield self)


class PreparedCommand:
    """All of a command but its last argument, or its last ``missing`` ones."""

    def __init__(self, *args: Arg, missing: int = 1) -> None:
        self.args = args
        parts = [arg if isinstance(arg, bytes) else str(arg).encode() for arg in args]
        bulks = b"".join(b"$%d\r\n%b\r\n" % (len(part), part) for part in parts)
        self.wire = b"*%d\r\n%b" % (len(parts) + missing, bulks)
