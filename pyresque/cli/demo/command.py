"""The command ``demo``. It needs rich, so the story is imported only when the command runs."""

from __future__ import annotations

import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from pyresque.cli.errors import Complaint

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType


@click.command(short_help="Watch the whole thing at work.")
def demo() -> None:
    """Watch the whole thing at work, on a Redis of its own that is gone afterwards.

    Payloads as Rails wrote them and jobs from Python go through real workers; one fails, one is killed, one is retried;
    a scheduler enqueues a delayed job and a recurring one.
    """
    try:
        from pyresque.cli.demo.story import run_demo  # noqa: PLC0415 - rich is an optional extra
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "rich":
            raise
        raise Complaint("the demo needs rich: pip install 'pyresque[demo]'") from error
    with _cleaning_up_on_signals():
        run_demo()


@contextmanager
def _cleaning_up_on_signals() -> Iterator[None]:
    """Have TERM and HUP end the demo as Ctrl-C does: Redis and the workers end first."""
    former = {number: signal.signal(number, _leave) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


def _leave(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - a handler's signature
    raise SystemExit(128 + number)
