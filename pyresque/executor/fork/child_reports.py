"""What children tell the worker beside the outcome of their jobs: modules that they have imported, notes of their warm-up.

Modules of Python's and of pyresque's own are imported for all later children (``cheap_fork.prepare``). Others are the application's to
import: the log names those that children import again and again, once each, with what that costs.
"""

from __future__ import annotations

import logging

from pyresque.executor.fork.cheap_fork import FOREIGN, NOTE, TIME

log = logging.getLogger("pyresque")

#: The log names a module once this many children have imported it and one of them has measured that; or twice as many have not.
REPEATS = 3

#: At most this many modules are counted.
MOST_COUNTED = 1000


def names_modules(lines: str) -> bool:
    """Whether there are modules among the lines for ``prepare``: children that are forked afterwards do better."""
    return any(not line.startswith((FOREIGN, TIME, NOTE)) for line in lines.split("\n"))


class ChildReports:
    """Reads what children tell."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._answered: set[str] = set()

    def read(self, lines: str) -> str:
        """Log what is due; returns the lines for ``prepare`` in the process that forks, but for those that it was given before."""
        answer, foreign, time = [], [], [""]
        for line in lines.split("\n"):
            if line.startswith(NOTE):
                answer.append(self._log_note(line.removeprefix(NOTE)))
            elif line.startswith(TIME):
                time = line.removeprefix(TIME).split() or [""]
            elif line.startswith(FOREIGN):
                foreign.append(line)
            elif line:
                answer.append(line)
        answer += self._count(foreign, *time)
        fresh = [line for line in answer if line not in self._answered]
        self._answered.update(line for line in fresh if line != TIME)
        return "\n".join(fresh)

    def _count(self, foreign: list[str], milliseconds: str, *asked_for: str) -> list[str]:
        """Count the modules of one child, and log those that are due; returns them, or the order to measure.

        Of those that are due it is enough to name what the job has ``asked_for``: that imports the others.
        """
        counts, due, measure = self._counts, [], False
        for line in foreign:
            if line in counts or len(counts) < MOST_COUNTED:
                counts[line] = counts.get(line, 0) + 1
                measure = measure or counts[line] == REPEATS - 1
                least = REPEATS if milliseconds else 2 * REPEATS
                if counts[line] >= least and line not in self._answered:
                    due.append(line)
        if due:
            names = [line.removeprefix(FOREIGN) for line in due]
            named = [name for name in names if any(_holds(name, one) for one in asked_for)] or names
            it = "it" if len(named) == 1 else "them"
            log.warning(
                "each forked child imports %s anew for its job%s: import %s where the application's module begins, "
                "and all children share %s",
                ", ".join(named),
                f", which takes {milliseconds} ms" if milliseconds else "",
                *(it, it),
            )
        return due or ([TIME] if measure else [])

    def _log_note(self, note: str) -> str:
        """Log a note, the first one of each function; returns the line that says so to children."""
        line = NOTE + note.partition(" ")[0]
        if line not in self._answered:
            log.warning("@resque.warm_up(in_child=True): %s", note)
        return line


def _holds(name: str, module: str) -> bool:
    """Whether a module is of that name, or in the package of that name."""
    return f"{module}.".startswith(f"{name}.")
