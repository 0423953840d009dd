"""How a worker or a pool starts, in two stages. This module is the step from the first to the second.

Stage 1 reads the command line with click (``cli/worker.py``, ``cli/pool.py``). Stage 2 is this same interpreter, started again by
``exec()`` so that click is in no worker's memory. Stage 2 (``process/start/startup.py``)

1. imports the application that ``-A`` names (``process/start/load_app.py``),
2. forks the fork server while nothing else is loaded (``fork_early``),
3. sets up the log (``process/start/log_format.py``) and looks for Redis,
4. loads the worker and works (``process/run/``).
"""

from __future__ import annotations

import marshal
import os
import sys
from typing import Any

import click

from pyresque.standard_streams import flush

#: The context object of a command line that has the process to itself: no program and no test called it.
OWN_PROCESS = object()

#: What stage 2 runs. It looks for modules where stage 1 found them. Until ``sys.path`` is set it imports only ``sys``, which is part
#: of the interpreter: ``-c`` searches the current directory first, where a file may have the name of any other module.
PATH = "import sys; sys.path[:] = sys.argv.pop(1).split(chr(10)); "
UNBIND = "import os; del os.environ['LD_BIND_NOW']; "
PROGRAM = "from pyresque.process.start.startup import main; main(sys.argv[1])"


def restart_without_click(function: str, options: dict[str, Any], **more: Any) -> None:
    """Run this function of ``process/start/startup.py`` in stage 2, with the options that were given.

    Returns only if there is no second stage: then the function has run in this process. Raises PyresqueError, OSError.
    """
    options = {name: value for name, value in options.items() if value is not None}
    if _can_restart():
        from subprocess import _args_from_interpreter_flags  # type: ignore[attr-defined] # noqa: PLC0415 - as multiprocessing does

        flags: list[str] = _args_from_interpreter_flags()
        start_request = marshal.dumps((function, options, more)).hex()
        flush()
        # LD_BIND_NOW: the dynamic linker resolves all functions once, not in each forked child. Programs that jobs start do not
        # inherit it. It is the last variable because the process title overwrites the memory before the first one.
        unbind = "" if "LD_BIND_NOW" in os.environ else UNBIND
        environment = {**os.environ, "LD_BIND_NOW": os.environ.get("LD_BIND_NOW", "1")}
        program = PATH + unbind + PROGRAM
        if sys.version_info >= (3, 11) and not _has_directory():
            flags.append("-P")  # else Python 3.13.0 cannot import some modules
        words = [sys.executable, *flags, "-c", program, "\n".join(sys.path), start_request]
        os.execve(sys.executable, words, environment)  # noqa: S606 - this very interpreter
    from pyresque.process.start import startup  # noqa: PLC0415 - stage 1 needs it only if there is no stage 2

    getattr(startup, function)(options, **more)


def _has_directory() -> bool:
    """Whether the current directory is still there."""
    try:
        os.getcwd()  # noqa: PTH109 - pathlib stays unloaded
    except FileNotFoundError:
        return False
    return True


def _can_restart() -> bool:
    """False if the caller goes on, if a debugger watches, and if exec() would make another process (Windows)."""
    own = click.get_current_context().obj is OWN_PROCESS
    return own and bool(sys.executable) and sys.gettrace() is None and hasattr(os, "fork")
