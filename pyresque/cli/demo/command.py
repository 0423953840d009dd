"""The command ``demo``. It needs rich, so the story is imported only when the command runs."""

from __future__ import annotations

import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from pyresque.cli.errors import Misuse
from pyresque.cli.web import require_web

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType


@click.command(short_help="Watch the whole thing at work.")
@click.option("--web", is_flag=True, help="Go on afterwards, with the dashboard, until Ctrl-C.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    help="The dashboard's port, for --web; default: 5678, or a free one.",
)
def demo(web: bool, port: int | None) -> None:
    """Watch the whole thing at work, on a Redis of its own that is gone afterwards.

    Payloads as Rails wrote them and jobs from Python go through real workers; one fails, one is killed, one is retried;
    a scheduler enqueues a delayed job and a recurring one.
    With --web its Redis is kept, workers go on with further jobs, and the dashboard shows them.
    """
    if port is not None and not web:
        raise Misuse("--port is for --web")
    if web:
        require_web()
    from pyresque.cli.demo.story import run_demo  # noqa: PLC0415 - rich is an optional extra

    with _cleaning_up_on_signals():
        run_demo(web=web, port=port)


@contextmanager
def _cleaning_up_on_signals() -> Iterator[None]:
    """Have TERM and HUP end the demo as Ctrl-C does: Redis and the workers end first."""
    former = {number: signal.signal(number, _leave) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


def _leave(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)
