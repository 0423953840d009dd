"""The application of the live tests, with code of its own that blocks every signal at the moment that BLOCKS names."""

from __future__ import annotations

import os
import signal

from pyresque.process.run.worker import run_worker
from tests.live.app import resque


def block_all(*_: object) -> None:
    """Block every signal, as a library does around what must not be disturbed; and forget to let them come again."""
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())


if __name__ == "__main__":
    if os.environ["BLOCKS"] == "import":
        block_all()
    else:
        getattr(resque, os.environ["BLOCKS"])(block_all)
    run_worker(resque)
