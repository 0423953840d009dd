"""Undo the removal or the retry of failed jobs."""

from __future__ import annotations

import re
from secrets import token_hex
from typing import TYPE_CHECKING

from pyresque.failure.redis import RedisBackend, RedisMultiQueueBackend
from pyresque.failure.undo import REMOVED, REQUEUED, Keeping, Undoing
from pyresque.store.undo import KEPT, MOST
from pyresque.web.shown import count
from pyresque.web.view import Done, NotThere, Refused

if TYPE_CHECKING:
    from pyresque.web.dashboard import Dashboard
    from pyresque.web.view import Ask

_TOKEN = re.compile(rf"(?:{REMOVED}|{REQUEUED})[0-9a-f]{{32}}")


def keeping(dash: Dashboard, kind: str) -> Keeping:
    """Return what keeps the records of one action; nothing of a failure backend that is the application's own."""
    own = isinstance(dash.core.failures, (RedisBackend, RedisMultiQueueBackend))
    return Keeping(dash.core.failed_table, kind + token_hex(16) if own else "")


def finality(number: int) -> str:
    """Return what a question says of undoing so many removals."""
    if number <= MOST:
        return f"This can be undone for {KEPT // 60} minutes."
    return "They cannot be retried then."


async def undo(dash: Dashboard, ask: Ask) -> Done:
    """Put removed records back, or take retried jobs that still wait out of their queues."""
    token = ask.get("token") or ""
    if not _TOKEN.fullmatch(token):
        raise Refused("The form names no action that can be undone.")
    core = dash.core
    names = await dash.run(core.failures.queues())
    undoing = Undoing(core.failed_table, core.codec, token, core.jobs.leaving)
    await dash.run(undoing.whole(names))
    if not undoing.done + undoing.begun:
        raise NotThere("This cannot be undone: it was undone before, or its time is over.")
    text = f"Undone: {count(undoing.done, 'failed job')} as before"
    if undoing.begun:
        text += f"; {count(undoing.begun, 'job')} had left the queue already"
    return Done(text, "/failed", undoing.done)
