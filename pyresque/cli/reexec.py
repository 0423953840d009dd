"""From a command line that was read to the process that works: the same one, begun anew without what reading took."""

from __future__ import annotations

import marshal
import os
import sys
from typing import Any

import click

from pyresque.standard_streams import flush

#: The object of a command line that is this process's own, and not called from a program or a test.
AFRESH = object()

#: What the new beginning runs; it finds modules where this one did. Until it knows where, nothing but the interpreter's own
#: ``sys`` is imported: a file of the current directory, which ``-c`` looks in first, may bear any other name.
PATH = "import sys; sys.path[:] = sys.argv.pop(1).split(chr(10)); "
UNBIND = "import os; del os.environ['LD_BIND_NOW']; "
PROGRAM = "from pyresque.process.start.startup import main; main(sys.argv[1])"


def restart_without_click(kind: str, given: dict[str, Any], **more: Any) -> None:
    """Begin a worker or a pool, with the settings that were given. Returns only where it runs here. Raises PyresqueError."""
    given = {name: value for name, value in given.items() if value is not None}
    if _can_begin_afresh():
        from subprocess import _args_from_interpreter_flags  # type: ignore[attr-defined] # noqa: PLC0415 - as multiprocessing does

        flags: list[str] = _args_from_interpreter_flags()
        plan = marshal.dumps((kind, given, more)).hex()
        flush()
        # Libraries' functions are found at once, and not by each forked child anew; what jobs start is not told so. It stands
        # last: the process title is written over what begins before the first variable.
        unbind = "" if "LD_BIND_NOW" in os.environ else UNBIND
        environment = {**os.environ, "LD_BIND_NOW": os.environ.get("LD_BIND_NOW", "1")}
        words = [sys.executable, *flags, "-c", PATH + unbind + PROGRAM, "\n".join(sys.path), plan]
        os.execve(sys.executable, words, environment)  # noqa: S606 - this very interpreter
    from pyresque.process.start.startup import STARTERS  # noqa: PLC0415 - else the new beginning loads it

    STARTERS[kind](given, **more)


def _can_begin_afresh() -> bool:
    """Not where the caller goes on, a debugger watches, or the system would make it another process (without fork)."""
    own = click.get_current_context().obj is AFRESH
    return own and bool(sys.executable) and sys.gettrace() is None and hasattr(os, "fork")
