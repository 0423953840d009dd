"""Read a queue's jobs, and take the chosen one from between the others: the commands of ``look.lua`` and ``take_chosen.lua``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from pyresque.lightweight import sha1_hex
from pyresque.ops import Command
from pyresque.store.queues import text, to_bytes
from pyresque.store.scripts import script
from pyresque.store.settle import parts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyresque.ops import Arg
    from pyresque.store.keys import Keys
    from pyresque.store.reserve import RecordTemplate
    from pyresque.store.scripts import Script

#: Replies of ``taking`` in whose first place one of these stands: what kept the script from taking a job.
TAKEN, GONE, NOT_HELD, OTHER_ROUTES, ALL_PAUSED, QUEUE_PAUSED, NO_LIST, MORE_ASIDE = (
    1,
    0,
    -1,
    -2,
    -3,
    -4,
    -5,
    -6,
)

#: Bytes of chosen jobs in one command, and bytes of jobs in one look; a single job may have more.
MOST_CHOSEN, MOST_READ = 1 << 16, 1 << 20

#: What differs from take to take if one job was chosen: the record, the number of jobs, an index, a job.
ONE = 4

#: Jobs that may have been put back at the head since an anchor was read; they move it on.
PUT_BACK = 16

#: In place of the SHA1 of a routing table whose key holds no string.
WRONG_TABLE = "-"

#: Commands of a job's plugins that push: those are carried out by ``turn.lua``, which looks whether Redis would refuse one.
PUSHES = frozenset({"RPUSH", "ZADD"})


class Look(NamedTuple):
    """What a look has read: jobs from ``start`` on, the list's length, a few jobs at its head.

    ``start`` -1: no list. SEARCH_ON: the anchor was not found yet; the next look is to go on at the index ``length``.
    """

    start: int
    length: int = 0
    jobs: Sequence[bytes] = ()
    head: Sequence[bytes] = ()


def _read_look(reply: list[Any]) -> Look:
    look = Look(*reply)
    if look.start.__class__ is not int or look.length.__class__ is not int:
        raise TypeError("no index and no length")
    return look


#: In place of where a look begins: see there.
SEARCH_ON = -2

#: The look at a key that holds no list.
NO_LIST_HERE = Look(-1)


class Selection:
    """The commands of one worker. ``by_text``: to be sent with the scripts' texts, which the server then keeps."""

    def __init__(self, keys: Keys, worker_id: str) -> None:
        self.keys = keys
        self.by_text = False
        self._counters = (keys.stat("processed"), to_bytes(keys.stat(f"processed:{worker_id}")))
        self._worker = to_bytes(keys.worker(worker_id))
        self._look, self._take = script("look"), script("take_chosen")
        self._before = _BeginningOfTake("", b"", b"", b"")

    def looking(
        self, key: bytes, anchor: bytes, index: int, most: int, head: int, part: int
    ) -> Command[Look]:
        """Read at most so many jobs of a list behind its anchor, which stood at that index; ``head``: and so many at the head.

        ``part``: how many are not too large to be read at once, by what was read before.
        """
        args = (anchor, index, most, MOST_READ, head, part)
        command = self._called(self._look, (key,), args)
        command.read = _read_look
        return command

    def looking_near_head(self, key: bytes, anchor: bytes, index: int, most: int) -> Command[Look]:
        """As ``looking``, where the anchor stood near the head, and jobs are small: one plain command, a sixth of what the script costs."""
        count = index + bool(anchor) + most

        def read(reply: list[bytes]) -> Look:
            start = 0
            if anchor in reply[: index + PUT_BACK + 1]:
                start = reply.index(anchor) + 1
            jobs = reply[start : start + most]
            return Look(start, len(reply) + (len(reply) == count), jobs)

        return Command(("LRANGE", key, 0, count - 1), read)

    def taking(
        self,
        key: bytes,
        queue: str,
        template: RecordTemplate,
        routes: str,
        chosen: Sequence[tuple[int, bytes]],
        finished: bytes = b"",
        writes: tuple[tuple[Arg, ...], ...] = (),
        seen: int = -1,
    ) -> Command[Any]:
        """Finish a record, if one is given, with what is written at its end, and take one of these jobs, given by index and bytes.

        The jobs are of the list ``key`` of a queue; the record of a taken one begins and ends as ``template`` says. ``seen``: how
        long the list of the queue's jobs that lie aside was, when none of them was ours; -1: it does not matter.
        """
        keys: tuple[Arg, ...] = ()
        written: tuple[Arg, ...] = ()
        if writes:
            keys, written = parts(writes)
        flat: list[int | bytes] = []
        for pair in chosen:
            flat += pair
        more = (finished, len(chosen), *flat, *written)
        if self.by_text:
            fixed = self._keys_of_take(key, queue)
            given = (template.heads[0], template.tail, routes, seen, *more)
            return Command(("EVAL", self._take.text, len(fixed) + len(keys), *fixed, *keys, *given))
        before = self._before
        same = before.key is key and before.head is template.heads[0]
        if not (same and before.routes == routes and before.seen == seen):
            before = self._before = _BeginningOfTake(
                *(routes, key, template.heads[0], template.tail, self._take.sha),
                *(self._keys_of_take(key, queue), seen),
            )
        one = (finished, *chosen[0]) if len(chosen) == 1 and not writes else None
        return TakeCommand(before, keys, more, one)

    def keys_of(self, key: bytes, queue: str, numbers: Sequence[int] = ()) -> list[str]:
        """The names of a take's keys, by their numbers."""
        named = self._keys_of_take(key, queue)[:-1]  # the script does not count the last one
        found = (named[number - 1] for number in numbers if number <= len(named))
        return [text(one) if isinstance(one, bytes) else str(one) for one in found]

    def _keys_of_take(self, key: bytes, queue: str) -> tuple[Arg, ...]:
        keys = self.keys
        return (
            *(self._worker, keys.routes, keys.pause, keys.pause_all_queues),
            *(to_bytes(keys.pause_queue(queue)), key, *self._counters),
            to_bytes(keys.moved(queue)),
        )

    def _called(
        self, called: Script, keys: Sequence[str | bytes], args: Sequence[Arg]
    ) -> Command[Any]:
        if self.by_text:
            return Command(("EVAL", called.text, len(keys), *keys, *args))
        return called.command(keys, args)


class _BeginningOfTake:
    """The parts of a take that are equal for one job after another, encoded once."""

    def __init__(
        self,
        routes: str,
        key: bytes,
        head: bytes,
        tail: bytes,
        sha: str = "",
        keys: tuple[Arg, ...] = (),
        seen: int = -1,
    ) -> None:
        self.routes, self.key, self.head, self.seen = routes, key, head, seen
        self.sha, self.keys, self.args = sha, keys, (head, tail, routes, seen)
        self.number = len(keys)
        self.parts = 3 + len(keys) + len(self.args)
        self.wire_of_sha = _bulks(("EVALSHA", sha))
        self.wire_of_keys, self.wire_of_args = _bulks(keys), _bulks(self.args)
        #: Up to what differs, for a take of one job with nothing else to write: four more parts follow.
        begin = ("EVALSHA", sha, len(keys), *keys, *self.args)
        self.wire_of_one = b"*%d\r\n%b" % (len(begin) + ONE, _bulks(begin))


class TakeCommand(Command[Any]):
    """A take with its keys and arguments. Only tests, logs and clusters read ``args``."""

    __slots__ = ("_before", "_keys", "_more")

    read = None

    def __init__(
        self,
        before: _BeginningOfTake,
        keys: tuple[Arg, ...],
        more: tuple[Arg, ...],
        one: tuple[bytes, int, bytes] | None,
    ) -> None:
        self._before, self._keys, self._more = before, keys, more
        if one is not None:
            finished, index, raw = one
            digits = b"%d" % index
            self.wire = b"%b$%d\r\n%b\r\n$1\r\n1\r\n$%d\r\n%b\r\n$%d\r\n%b\r\n" % (
                *(before.wire_of_one, len(finished), finished, len(digits), digits),
                *(len(raw), raw),
            )
            return
        self.wire = b"*%d\r\n%b%b%b%b%b%b" % (
            before.parts + len(keys) + len(more),
            before.wire_of_sha,
            _bulks((before.number + len(keys),)),
            before.wire_of_keys,
            _bulks(keys),
            before.wire_of_args,
            _bulks(more),
        )

    @property
    def args(self) -> tuple[Arg, ...]:  # type: ignore[override] # read, and never written
        """The arguments as a client would be given them."""
        before = self._before
        number = before.number + len(self._keys)
        return (
            *("EVALSHA", before.sha, number, *before.keys, *self._keys),
            *(*before.args, *self._more),
        )


def table_mark(table: bytes | None) -> str:
    """What ``taking`` sends to say by which routing table a job was chosen."""
    return "" if table is None else sha1_hex(table)


def carried_out_here(writes: tuple[tuple[Arg, ...], ...]) -> bool:
    """Whether ``taking`` may carry out what is written at a job's end."""
    return all(command[0] not in PUSHES for command in writes)


def _bulks(args: Sequence[Arg]) -> bytes:
    encoded = [
        arg if arg.__class__ is bytes else str(arg).encode("utf-8", "surrogateescape")
        for arg in args
    ]
    return b"".join([b"$%d\r\n%b\r\n" % (len(part), part) for part in encoded])
