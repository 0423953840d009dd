"""Runs ``turn.lua`` from the fork server: encodes its command and decodes its reply without hiredis. Light.

hiredis, and the code that encodes commands elsewhere, would be a large part of the fork server's memory, and every fork
copies that. The counterpart is ``reserve.py``; tests/store/test_reserve_readers.py holds that both read every reply alike.
"""

from __future__ import annotations

from time import time

from pyresque.ruby.stamp import iso8601_z

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import TypeAlias

    from pyresque.ops import Arg

    #: Commands of a job's plugins: how many, their keys on the wire, how many arguments, and these on the wire.
    Writes: TypeAlias = tuple[int, bytes, int, bytes]

#: Commands that Redis may refuse for good: then the worker has to know. It sends the turn itself.
PUSHES = ("RPUSH", "ZADD")

#: What follows the arguments of these commands in a turn: the queues are not chosen by a pattern, and the job has not failed.
NO_FAILURE = b"$0\r\n\r\n" * 3

#: A reply with a job of another queue than the first: its bytes before that queue's number, and its bytes after the payload.
OTHER_QUEUE, NOTHING_WRONG = b"*5\r\n:1\r\n:", b"$0\r\n\r\n*0\r\n"

#: Bytes read at first (the interpreter reuses memory of this size), added to a later read, and at most in one read.
FIRST, MORE, MOST = 479, 4096, 1 << 20


class RawReserver:
    """Finishes jobs and reserves the next over one socket.

    receive: reads up to that many bytes, none if the connection is closed. send: writes some, and returns how many.
    command_head: the bytes of the EVALSHA command up to the first record head. record_heads: for each queue the beginning of a
    worker record, cut in two where ``run_at`` belongs. record_tail: the end of a record. written: of a turn with what a job's plugins
    write, the bytes before the number of its keys, that number without theirs, the keys, and the bytes before the first record head.
    """

    def __init__(
        self,
        receive: Callable[[int], bytes],
        send: Callable[[bytes], int],
        command_head: bytes,
        record_heads: tuple[tuple[bytes, bytes], ...],
        record_tail: bytes,
        written: tuple[bytes, int, bytes, bytes],
    ) -> None:
        self.receive = receive
        self.send = send
        self.command_head = command_head
        self.record_heads = record_heads
        self.record_tail = record_tail
        self.written = written
        #: When the last command was written, in seconds since 1970; 0: none yet.
        self.second = 0
        #: The bytes read of the last reply, if ``reserve`` returned None. The worker's own client reads on from there.
        self.reply = b""
        self._command = self._bulks = b""
        self._heads: list[bytes] = []

    def record(self, queue_index: int, raw: bytes) -> bytes:
        """The worker record that the last command wrote for this payload."""
        return self._heads[queue_index] + raw + self.record_tail

    def reserve(self, finished: bytes, writes: Writes | None = None) -> tuple[int, bytes] | None:
        """Finish a record and reserve: the index of the job's queue, from 0, and its payload. None for any other reply.

        Raises OSError if the connection breaks, or nothing comes in time.
        """
        second = int(time())
        if second != self.second:
            self.second = second
            stamp = iso8601_z(second).encode()
            self._heads = [before + stamp + after for before, after in self.record_heads]
            self._bulks = b"".join(map(_bulk, self._heads))
            self._command = self.command_head + self._bulks
        if writes is None:
            command = b"%b$%d\r\n%b\r\n" % (self._command, len(finished), finished)
        else:
            command = self._with_writes(finished, writes)
        while command:
            command = command[self.send(command) :]
        self.reply = self._read(FIRST)
        try:
            return self._job()
        except ValueError:
            return None  # the first read ended before the payload's length

    def _with_writes(self, finished: bytes, writes: Writes) -> bytes:
        """The command that finishes a job with what its plugins write."""
        count, keys, args, arg_bulks = writes
        start, others, other_keys, wrapper_head = self.written
        size = 9 + others + count + len(self._heads) + args
        pieces = (
            *(b"*%d\r\n" % size, start, _bulk(b"%d" % (others + count)), other_keys, keys),
            *(wrapper_head, self._bulks, arg_bulks, NO_FAILURE, _bulk(b"%d" % (2 * count))),
            _bulk(finished),
        )
        return b"".join(pieces)

    def _job(self) -> tuple[int, bytes] | None:
        """The job in ``self.reply``, which is read to its end; None if the reply holds something else."""
        queue_index, begin, after = 0, 0, b""
        if self.reply.startswith(OTHER_QUEUE):
            begin, after = self.reply.index(b"\r\n", len(OTHER_QUEUE)) + 2, NOTHING_WRONG
            queue_index = int(self.reply[len(OTHER_QUEUE) : begin - 2]) - 1
        if self.reply[begin : begin + 1] != b"$":
            return None
        start = self.reply.index(b"\r\n", begin) + 2
        end = start + int(self.reply[begin + 1 : start - 2])
        if end < start or queue_index < 0:
            return None
        size = end + 2 + len(after)
        if len(self.reply) < size:
            self._read_up_to(size)
        if len(self.reply) != size or not self.reply.endswith(after):
            return None
        return queue_index, self.reply[start:end]

    def _read_up_to(self, size: int) -> None:
        """Read until ``self.reply`` has this size. All pieces are joined once, at the end."""
        pieces, missing = [self.reply], size - len(self.reply)
        while missing > 0:
            # More than is missing is asked for: surplus bytes show that the reply is not what it seemed.
            piece = self._read(min(missing + MORE, MOST))
            pieces.append(piece)
            missing -= len(piece)
        self.reply = b"".join(pieces)

    def _read(self, most: int) -> bytes:
        piece = self.receive(most)
        if not piece:
            raise ConnectionResetError("the connection was closed")
        return piece


def encoded(commands: Sequence[tuple[Arg, ...]]) -> Writes | None:
    """Return what plugins write at a job's end, for a turn; None if it is for the worker alone: a job is pushed."""
    keys, args = [], []
    for name, key, *rest in commands:
        if name in PUSHES:
            return None
        keys.append(_bulk(_bytes(key)))
        args += [_bulk(_bytes(arg)) for arg in (name, len(rest), *rest)]
    return len(keys), b"".join(keys), len(args), b"".join(args)


def on_the_wire(command: Sequence[Arg]) -> bytes:
    """Return a command as it goes over the wire."""
    return b"*%d\r\n%b" % (len(command), b"".join([_bulk(_bytes(part)) for part in command]))


def _bytes(arg: Arg) -> bytes:
    return arg if isinstance(arg, bytes) else str(arg).encode("utf-8", "surrogateescape")


def _bulk(part: bytes) -> bytes:
    return b"$%d\r\n%b\r\n" % (len(part), part)
