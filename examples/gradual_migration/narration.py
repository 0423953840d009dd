"""How the example tells what it does: titles, commands with their output, and conditions that must come true."""

from __future__ import annotations

import shlex
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from sides import FOLDER

from pyresque.errors import DemoFailed

if TYPE_CHECKING:
    from collections.abc import Callable

    from sides import Sides

#: Seconds that anything may take.
PATIENCE = 120.0

#: Lines of a command's output that are shown; of a longer one the first and the last.
MOST_LINES = 19


class Narrator:
    """Tells what happens. ``pause``: seconds for reading after each command."""

    def __init__(self, sides: Sides, pause: float) -> None:
        self.sides = sides
        self.pause = pause

    def title(self, text: str) -> None:
        """Print the title of a step."""
        print(f"\n== {text} ==\n", flush=True)
        time.sleep(self.pause)

    def say(self, text: str) -> None:
        """Print a line."""
        print(text, flush=True)

    def command(self, words: str, *, code: int = 0, shown: str = "", again: str = "") -> str:
        """Run a command of pyresque and print it with its output, or with ``shown`` in its place; return the output.

        Where it says ``again`` it is run again, until the time runs out.
        """
        print(f"$ pyresque {words} {shown}".rstrip(), flush=True)
        deadline = time.monotonic() + PATIENCE
        done = self._done(words)
        while again and again in done.stderr and time.monotonic() < deadline:
            done = self._done(words)
        if not shown:
            lines = (done.stdout + done.stderr).splitlines()
            if len(lines) > MOST_LINES:
                lines[3:-1] = ["..."]
            for line in lines:
                print(f"    {line}".rstrip(), flush=True)
            print(flush=True)
        self.check(done.returncode == code, f"exit code {code} ({done.returncode}: {done.stderr})")
        time.sleep(self.pause)
        return done.stdout

    def _done(self, words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(  # noqa: S603 - words of ours
            [sys.executable, "-m", "pyresque", *shlex.split(words)],
            cwd=FOLDER,
            env=self.sides.env,
            capture_output=True,
            text=True,
            check=False,
        )

    def until(self, promise: str, seen: Callable[[], bool]) -> None:
        """Wait until a condition holds. Raises DemoFailed if a process ends or the time runs out."""
        deadline = time.monotonic() + PATIENCE
        while not seen():
            ended = self.sides.ended()
            self.check(not ended, f"{promise} (a process ended: {'; '.join(ended)})")
            self.check(time.monotonic() < deadline, f"{promise} within {PATIENCE:.0f} s")
            time.sleep(0.05)

    @staticmethod
    def check(holds: object, promise: str) -> None:
        """Raise DemoFailed unless a condition holds."""
        if not holds:
            raise DemoFailed(f"this did not come true: {promise}")
