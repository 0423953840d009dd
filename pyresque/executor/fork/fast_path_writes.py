"""What the plugins of a job write at its end (``job/job_end.py``), on the way from the child to the turn that writes it. Light."""

from __future__ import annotations

import marshal
import os

from pyresque.executor.fork.child_process import HAS_END, RESULT, send_result
from pyresque.store.reserve_raw import encoded

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyresque.job.job_end import Commands
    from pyresque.store.reserve_raw import Writes

#: Bytes of what plugins write at a job's end that the fork server reads at most, and of a frame with it.
MOST, SMALL = 3072, 4096


class PluginWrites:
    """What the plugins of the last job write at its end, as long as no turn is known to have written it.

    results, error_pipe: the pipe of result frames, its end to read and its end to write.
    """

    def __init__(self, results: int, error_pipe: int) -> None:
        self._results = results
        self._error_pipe = error_pipe
        #: What is to be written if the current job succeeds, where that is known before it begins.
        self.expected: Commands = []
        #: What is unwritten: as the child told it, or as it was expected.
        self._told = b""
        self._known: Commands = []

    def told(self) -> Writes | None:
        """Read what the child has told, for the turn; None if its frame is for the worker."""
        from pyresque.job.job_end import JobEnd  # noqa: PLC0415 - for jobs with plugins

        frame = os.read(self._results, SMALL)
        try:
            _, end = marshal.loads(frame[RESULT.size + len(HAS_END) :])  # noqa: S302 - the child's frame
            writes = encoded(JobEnd.unpacked(end).commands)
        except (ValueError, TypeError, EOFError):  # a job has written there
            os.write(self._error_pipe, frame)
            return None
        self._told = end
        return writes

    def known(self) -> Writes | None:
        """What was expected, for the turn: the job has succeeded, and its child has told nothing."""
        if not self.expected:
            return None
        self._known = self.expected
        return encoded(self.expected)

    def written(self) -> None:
        """Note that the turn has written it."""
        self._told, self._known = b"", []

    def put_back(self) -> None:
        """Put back what was read of the child's result, for the worker."""
        unwritten = self.packed
        if unwritten:
            told = HAS_END + marshal.dumps((b"", unwritten))
            send_result(self._error_pipe, 0.0, told, b"", leaving=True)
            self.written()

    @property
    def packed(self) -> bytes:
        """What is unwritten, packed; empty if that is nothing."""
        if not self._known:
            return self._told
        from pyresque.job.job_end import JobEnd  # noqa: PLC0415 - for jobs with plugins

        end = JobEnd()
        end.commands = self._known
        return end.packed()
