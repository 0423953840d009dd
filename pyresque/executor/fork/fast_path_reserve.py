"""The usual turn of a worker (``turn.lua``) over a line that was lent to the fork server: written and read by hand.

hiredis, and what writes commands for the rest of pyresque, would be a good part of the server, and so of each fork.
"""

from __future__ import annotations

import os
from time import time

from pyresque.executor.fork.child_process import FIRST, PIECE
from pyresque.ruby.stamp import iso8601_z

#: A reply that is a job of another queue than the first, up to that queue's place, and what follows the payload.
OTHER, REST = b"*5\r\n:1\r\n:", b"$0\r\n\r\n*0\r\n"

#: Bytes read at a time of what is known to come.
MUCH = 1 << 20


class FastPathReserver:
    """One shift's turns.

    ``opening`` is the wire of a turn up to the first record head; the ``heads`` stand each before and after its time; ``foot``
    ends a record.
    """

    def __init__(
        self, line: int, opening: bytes, heads: tuple[tuple[bytes, bytes], ...], foot: bytes
    ) -> None:
        self.line = line
        self.opening = opening
        self.heads = heads
        self.foot = foot
        #: When the last turn was begun, in seconds since 1970.
        self.second = 0
        #: What came of the last reply, where ``turn`` made nothing of it.
        self.heard = b""
        self._written = b""
        self._now: list[bytes] = []

    def record(self, at: int, raw: bytes) -> bytes:
        """What the last turn entered for this payload of the queue at that place."""
        return self._now[at] + raw + self.foot

    def turn(self, finished: bytes) -> tuple[int, bytes] | None:
        """Finish a record and take the next job: its queue's place, from 0, and its payload; None where the reply is another.

        Raises OSError where the line breaks, or nothing comes in time.
        """
        second = int(time())
        if second != self.second:
            self.second = second
            stamp = iso8601_z(second).encode()
            self._now = [before + stamp + after for before, after in self.heads]
            bulks = b"".join(b"$%d\r\n%b\r\n" % (len(head), head) for head in self._now)
            self._written = self.opening + bulks
        wire = b"%b$%d\r\n%b\r\n" % (self._written, len(finished), finished)
        while wire:
            wire = wire[os.write(self.line, wire) :]
        self.heard = self._read(FIRST)
        try:
            return self._job()
        except ValueError:
            return None  # the beginning has not come whole

    def _job(self) -> tuple[int, bytes] | None:
        at, begin, rest = 0, 0, b""
        if self.heard.startswith(OTHER):
            begin, rest = self.heard.index(b"\r\n", len(OTHER)) + 2, REST
            at = int(self.heard[len(OTHER) : begin - 2]) - 1
        if self.heard[begin : begin + 1] != b"$":
            return None
        first = self.heard.index(b"\r\n", begin) + 2
        past = first + int(self.heard[begin + 1 : first - 2])
        if past < first or at < 0:
            return None
        whole = past + 2 + len(rest)
        if len(self.heard) < whole:
            self._complete(whole)
        if len(self.heard) != whole or not self.heard.endswith(rest):
            return None
        return at, self.heard[first:past]

    def _complete(self, whole: int) -> None:
        """Read until there are so many bytes; pieces are joined once, however many there are."""
        pieces, missing = [self.heard], whole - len(self.heard)
        while missing > 0:
            # A little more than is missing would show that the reply is another one than it seems.
            piece = self._read(min(missing + PIECE, MUCH))
            pieces.append(piece)
            missing -= len(piece)
        self.heard = b"".join(pieces)

    def _read(self, most: int) -> bytes:
        heard = os.read(self.line, most)
        if not heard:
            raise ConnectionResetError("the connection was closed")
        return heard
