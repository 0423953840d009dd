"""The terminal that a process was started in, and whether it has been closed: the system then sends HUP.

An operator's HUP, or logrotate's, is told from that by the terminal still being there, or never having been.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
else:
    import _signal as signal  # Python's own, below what makes enumerations

HUP: int = getattr(signal, "SIGHUP", 0)


class Terminal:
    """That of this process, as it is now. One whose process was told to ignore HUP (``nohup``) may close."""

    def __init__(self) -> None:
        self.ignored = bool(HUP) and signal.getsignal(HUP) == signal.SIG_IGN
        self._had_one = not self.ignored and _is_there()

    def closed(self) -> bool:
        """Whether it has been closed."""
        return self._had_one and not _is_there()


def _is_there() -> bool:
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True
