"""The connection to Redis that the fork server lends to a child of the fast path, which then need not open one of its own. Light.

While a child works, the fork server does not use its connection. A child has it from birth; the first command that the child's main
thread sends through the worker's own driver goes that way. That saves a child a third of a millisecond and Redis a client.

Rule: the child returns the connection as it was, with no reply outstanding, or the shared page says that it did not. Then nobody uses
the connection again: the fork server ends its run, and the worker opens another one.
"""

from __future__ import annotations

import os
from _thread import get_ident

from pyresque.descriptors import mark

#: Bytes of one read: a number, or the line of an error.
REPLY = 479

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    from pyresque.descriptors import Mark

    class Borrows(Protocol):
        """A driver that may use a lent connection."""

        def close(self) -> None:
            """Close its connection; the next use opens another one."""

    class Borrowed(Protocol):
        """A connection on the lent descriptor."""

        def usable(self) -> bool:
            """Whether it is open, and the descriptor is still its own."""

        def close(self) -> None:
            """Close this process's descriptor."""


class Loan:
    """A connection that is offered to this process. ``driver`` returns the driver that may use it; ``note`` is told whether it is borrowed."""

    __slots__ = (
        "_connection",
        "_driver",
        "_mark",
        "_note",
        "_pid",
        "_taken",
        "_thread",
        "descriptor",
    )

    def __init__(
        self,
        descriptor: int,
        found: Mark | None,
        driver: Callable[[], Borrows],
        note: Callable[[bool], None],
    ) -> None:
        self.descriptor = descriptor
        self._mark = found
        self._driver = driver
        self._note = note
        self._pid = os.getpid()
        self._thread = get_ident()
        self._taken = False
        self._connection: Borrowed | None = None

    def take(self, driver: object) -> bool:
        """Whether this driver may use the descriptor, from now on: once, in the main thread of the process that it was offered to."""
        if self._taken or self._thread != get_ident() or self._pid != os.getpid():
            return False
        if driver is not self._driver() or mark(self.descriptor) != self._mark:
            return False  # another server's driver; or the job has closed the descriptor
        self._taken = True
        self._note(True)
        return True

    def used_by(self, connection: Borrowed) -> None:
        """Note the connection that was made of the descriptor."""
        self._connection = connection

    def ask_number(self, command: bytes) -> int | None:
        """Send a command whose reply is a whole number, before anybody borrows the connection; None for any other reply.

        Raises OSError if the connection breaks; then nobody uses it again.
        """
        if self._taken or mark(self.descriptor) != self._mark:
            return None
        self._taken = True
        self._note(True)
        while command:
            command = command[os.write(self.descriptor, command) :]
        reply = os.read(self.descriptor, REPLY)
        while not reply.endswith(b"\r\n"):
            piece = os.read(self.descriptor, REPLY)
            if not piece:
                raise ConnectionResetError("the connection was closed")
            reply += piece
        self._taken = False
        self._note(False)
        return int(reply[1:]) if reply.startswith(b":") else None

    def give_back(self) -> None:
        """Return the connection, if it is usable: one that broke, or whose reply was not awaited, was closed by its driver."""
        connection, self._connection = self._connection, None
        if connection is not None and connection.usable():
            connection.close()
            self._note(False)

    def withdraw(self) -> None:
        """Let the driver that borrowed the connection forget it: it opens one of its own when it is used next."""
        if self._taken:
            self._driver().close()


#: What is offered to this process; None: nothing.
offered: Loan | None = None


def offer(loan: Loan) -> None:
    """Offer a connection to the drivers of this process."""
    global offered  # noqa: PLW0603 - a process has one
    offered = loan


def give_back() -> None:
    """Return what was offered, at the end of a job."""
    if offered is not None:
        offered.give_back()


def withdraw() -> None:
    """Offer nothing from now on: the job has ended, and what follows in this process opens its own connection."""
    global offered
    loan, offered = offered, None
    if loan is not None:
        loan.withdraw()
