"""The command line on a system that has no fork, no poll and few signals, as Windows; run by test_no_fork.py."""

from __future__ import annotations

import asyncio.selector_events  # noqa: F401 - from Python 3.12 on it asks sysconf where sockets have sendmsg, as none have there
import os
import select
import signal
import sys

for name in ("fork", "forkpty", "register_at_fork", "set_blocking", "setsid", "sysconf", "killpg"):
    delattr(os, name)
for name in ("poll", "epoll"):
    delattr(select, name)
for name in dir(signal):
    few = name in {"SIGINT", "SIGTERM", "SIG_DFL", "SIG_IGN"} or not name.startswith("SIG")
    if not few or name in {"pthread_sigmask", "setitimer", "getitimer", "pthread_kill"}:
        delattr(signal, name)
sys.modules["fcntl"] = None
sys.modules["resource"] = None

from pyresque.cli.main import main  # noqa: E402 - after the system is what it is to be

main()
