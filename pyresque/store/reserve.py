"""Finish a worker's job and reserve its next one, in one script (``lua/turn.lua``): its commands and its replies.

``reserve_raw.py`` does this for the fork server, with bytes and a socket alone.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from pyresque.errors import ScriptMissing
from pyresque.lightweight import dataclass, field, sha1_hex
from pyresque.ops import Command
from pyresque.reply_kinds import MISREAD, misread
from pyresque.store.queues import names, text, to_bytes
from pyresque.store.scripts import script
from pyresque.store.settle import parts

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pyresque.ops import Arg, Op
    from pyresque.store.keys import Keys


#: Values in a reply of the script that stand for no queue.
NONE, OTHERS_KNOWN, PAUSED, REFUSED = 0, -1, -2, -3


@dataclass(frozen=True, slots=True)
class RecordTemplate:
    """The parts of a worker record before and after the payload. The script joins them and the unchanged payload.

    heads: the part before the payload, one for each queue. tail: the part after it. wrapper_head, for MessagePack alone: the
    script writes it before a payload that is not a map, so that Ruby can always read ``worker:<id>``.
    """

    heads: tuple[bytes, ...]
    tail: bytes = b"}"
    wrapper_head: bytes = b""


@dataclass(frozen=True, slots=True)
class FailureEntry:
    """A failed record and the list that it goes to. The script adds ``name`` to ``failed_queues`` unless it is empty.

    ``writes``: what the job's plugins write in the same step. ``without`` returns the entry for a job whose writes Redis refuses, given
    the error.
    """

    record: bytes
    failure_queue: str = "failed"
    name: str = ""
    counted: bool = True
    writes: tuple[tuple[Arg, ...], ...] = ()
    without: Callable[[str], Op[FailureEntry]] | None = field(default=None, compare=False)


class Reservation(NamedTuple):
    """What one run of the script did.

    finished: the record to finish was still in ``worker:<id>``. paused: the pause key is set. queue, raw, record: the next job.
    known: the queues in ``queues`` now, if they differ from those that the worker chose from; then there is no job. wrong_type:
    queues whose keys are not lists. wrong_keys: other keys of a wrong type. The script skips both. paused_queues: filled only if no
    queue gave a job. all_queues_paused: ``pause:all`` is set, and paused_queues has all queues. refused: the key and the error of what
    Redis refuses of the writes of the job's plugins; then nothing was done.
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
    refused: str = ""


class CommandPrefix(NamedTuple):
    """The worker's usual ``turn.lua`` command in pieces, for the fork server, which completes and sends it itself.

    command_head: the bytes up to the first record head. record_heads: the beginning of a worker record of each queue.
    record_tail: the end of a worker record. After the record heads the command ends with the record that is finished. written: of
    the command with what a job's plugins write (``RawReserver``).
    """

    command_head: bytes
    record_heads: tuple[bytes, ...]
    record_tail: bytes
    queues: tuple[str, ...]
    written: tuple[bytes, int, bytes, bytes]


NO_FAILURE = FailureEntry(b"", counted=False)


NO_TEMPLATE = RecordTemplate(())


class Reserver:
    """Runs ``turn.lua`` for one worker: finish the current job, reserve the next.

    ``set_queues`` sets the queues to take jobs from, and the worker records' heads and tail, which hold the present second.
    """

    def __init__(self, keys: Keys, worker_id: str) -> None:
        self._keys = keys
        self._worker_id = worker_id
        self._script = script("turn")
        self.queues: tuple[str, ...] = ()
        self.template = NO_TEMPLATE
        self.chosen_from: tuple[str, ...] | None = None
        self._prepared: PreparedCommand | None = None
        self._write_keys: tuple[bytes, ...] = ()

    def set_queues(
        self,
        queues: tuple[str, ...],
        template: RecordTemplate,
        chosen_from: tuple[str, ...] | None = None,
    ) -> None:
        """Use these queues and this template from now on; a worker sets a new template each second.

        ``chosen_from``: the known queues that these were chosen from. If Redis knows other queues by now, the script reserves nothing.
        """
        self.queues, self.template, self.chosen_from = queues, template, chosen_from
        self._prepared = None

    def prepared_command(self, finished: bytes) -> Command[Any]:
        """The command that finishes a record without a failure and reserves: its bytes are encoded once for many jobs.

        Its reply is for ``read_reply``. Raises ScriptMissing, which ``reserve`` and ``finish`` do not.
        """
        if self._prepared is None:
            keys, args = self._parts(self.queues, self.template, NO_FAILURE, self.chosen_from)
            self._prepared = PreparedCommand("EVALSHA", self._script.sha, len(keys), *keys, *args)
        return RepeatedCommand(self._prepared, finished)

    def command(self, finished: bytes, failure: FailureEntry) -> Command[Any]:
        """The command that finishes a record with this entry and reserves; as ``prepared_command``."""
        keys, args = self._parts(self.queues, self.template, failure, self.chosen_from)
        return self._script.command(keys, (*args, finished))

    def finishing(self, finished: bytes, failure: FailureEntry) -> Command[Any]:
        """The command that finishes a record with this entry and reserves nothing; as ``prepared_command``."""
        keys, args = self._parts((), NO_TEMPLATE, failure, None)
        return self._script.command(keys, (*args, finished))

    def command_prefix(self) -> CommandPrefix:
        """The bytes of ``prepared_command``, in pieces."""
        keys, template = _keys(self._keys, self._worker_id, self.queues), self.template
        start, wrapper = ("EVALSHA", self._script.sha), template.wrapper_head
        head = PreparedCommand(
            *start, len(keys), *keys, wrapper, missing=len(template.heads) + 1
        ).wire
        keys += _more_keys(self._keys, self._worker_id, "failed")
        written = (_bulks(start), len(keys), _bulks(keys), _bulks((wrapper,)))
        return CommandPrefix(head, template.heads, template.tail, self.queues, written)

    async def reserve(self, finished: bytes, failure: FailureEntry = NO_FAILURE) -> Reservation:
        """Finish the record, append the failure and reserve from the first queue that has a job, all in one script."""
        call = self._script.call
        if failure is NO_FAILURE:
            try:
                return self.read_reply(await self.prepared_command(finished))
            except ScriptMissing:
                call = self._script.call_by_text
        keys, args = self._parts(self.queues, self.template, failure, self.chosen_from)
        return self.read_reply(await call(keys, (*args, finished)))

    async def finish(self, finished: bytes, failure: FailureEntry = NO_FAILURE) -> Reservation:
        """Finish the record and append the failure; nothing is reserved."""
        keys, args = self._parts((), NO_TEMPLATE, failure, None)
        return self.read_reply(await self._script.call(keys, (*args, finished)), ())

    def read_reply(
        self, reply: bytes | list[Any], queues: tuple[str, ...] | None = None
    ) -> Reservation:
        """Read a reply of the script. ``queues``: the command's queues, if they are not ``self.queues``. Raises UnexpectedReply."""
        queues, template = self.queues if queues is None else queues, self.template
        try:
            if isinstance(reply, bytes):
                record = template.heads[0] + reply + template.tail
                return Reservation(True, False, queues[0], reply, record)
            held, place = reply[0] == 1, reply[1]
            if place < NONE:
                return self._read_special(reply, queues)
            _, _, raw, record, wrong, *more = reply
            wrong_keys: tuple[str, ...] = ()
            wrong_type: tuple[str, ...] = ()
            if wrong:
                wrong_keys = self._wrong_keys(queues, (wrong,))
                wrong_type = tuple(queues[at - 1] for at in wrong if at > 0)
            if place == NONE:
                if not more:
                    return Reservation(held, wrong_type=wrong_type, wrong_keys=wrong_keys)
                (places,) = more
                paused = queues if 0 in places else tuple(queues[at - 1] for at in places)
                return Reservation(
                    *(held, False, None, b"", b"", wrong_type, None),
                    *(wrong_keys, paused, 0 in places),
                )
            record = record or template.heads[place - 1] + raw + template.tail
            return Reservation(
                held, False, queues[place - 1], raw, record, wrong_type, None, wrong_keys
            )
        except MISREAD as error:
            raise misread(reply, ("EVALSHA",), error) from error

    def _read_special(self, reply: list[Any], queues: tuple[str, ...]) -> Reservation:
        """Read a reply in whose second place no queue stands."""
        held, place = reply[0] == 1, reply[1]
        if place == PAUSED:
            return Reservation(held, paused=True, wrong_keys=self._wrong_keys(queues, reply[2:]))
        if place == REFUSED:
            (key,) = self._wrong_keys(queues, ([-reply[2]],))
            return Reservation(False, refused=f"{key}: {text(reply[3])}")
        wrong_keys = self._wrong_keys(queues, reply[3:])
        return Reservation(held, known=tuple(names(reply[2])), wrong_keys=wrong_keys)

    def _wrong_keys(self, queues: tuple[str, ...], places: Sequence[list[int]]) -> tuple[str, ...]:
        """The names of the keys whose numbers (below 0) the script replied."""
        if not places:
            return ()
        keys = _keys(self._keys, self._worker_id, queues)
        keys += _more_keys(self._keys, self._worker_id, "failed") + self._write_keys
        return tuple(text(keys[-at - 1]) for at in places[0] if at < 0)

    def _parts(
        self,
        queues: tuple[str, ...],
        template: RecordTemplate,
        failure: FailureEntry,
        chosen_from: tuple[str, ...] | None,
    ) -> tuple[tuple[bytes, ...], tuple[Arg, ...]]:
        """The keys of a command, and its arguments but the last."""
        keys = _keys(self._keys, self._worker_id, queues)
        args: tuple[Arg, ...] = (template.wrapper_head, *template.heads)
        self._write_keys = ()
        if failure is NO_FAILURE and chosen_from is None:
            return keys, args
        counted = int(failure.counted)
        if failure.writes:
            self._write_keys, written = parts(failure.writes)
            counted, args = counted + 2 * len(failure.writes), (*args, *written)
        more = _more_keys(self._keys, self._worker_id, failure.failure_queue)
        chosen = "" if chosen_from is None else _fingerprint(chosen_from)
        name = to_bytes(failure.name) if failure.name else b""
        keys += more + self._write_keys
        return keys, (*args, chosen, failure.record, name, str(counted))


@lru_cache(maxsize=64)
def _keys(keys: Keys, worker_id: str, queues: tuple[str, ...]) -> tuple[bytes, ...]:
    """The keys of a command, equal for one job after another."""
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
    """The keys after ``_keys``, for a command that does more than finish and reserve."""
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
    """The SHA1 that the script compares: of the names, sorted as Redis sorts bytes."""
    listed = b"\n".join(sorted(to_bytes(queue) for queue in queues))
    return sha1_hex(listed)


class RepeatedCommand(Command[Any]):
    """A prepared command with its last argument. Only tests and logs read ``args``."""

    __slots__ = ("_last", "_prepared")

    read = None

    def __init__(self, prepared: PreparedCommand, last: bytes) -> None:
        self._prepared = prepared
        self._last = last
        self.wire = b"%b$%d\r\n%b\r\n" % (prepared.wire, len(last), last)

    @property
    def args(self) -> tuple[Arg, ...]:  # type: ignore[override] # read, and never written
        """The arguments as a client would be given them."""
        return (*self._prepared.args, self._last)


class PreparedCommand:
    """The bytes of a command but for its last argument, or its last ``missing`` ones, encoded once for many calls."""

    def __init__(self, *args: Arg, missing: int = 1) -> None:
        self.args = args
        self.wire = b"*%d\r\n%b" % (len(args) + missing, _bulks(args))


def _bulks(args: Sequence[Arg]) -> bytes:
    """The parts of a command as they go over the wire."""
    parts = [arg if isinstance(arg, bytes) else str(arg).encode() for arg in args]
    return b"".join(b"$%d\r\n%b\r\n" % (len(part), part) for part in parts)
