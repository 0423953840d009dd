"""This host, for those who compare the registered workers with its processes."""

from __future__ import annotations

from pyresque.process.host.posix import hostname
from pyresque.process.host.processes import command_lines


class ThisHost:
    """The host's name, as worker ids have it, and its processes."""

    def __init__(self) -> None:
        self.name = hostname()

    def command_lines(self) -> dict[int, str] | None:
        """Return the command line of each process by its pid; None if they cannot be listed."""
        return command_lines()
