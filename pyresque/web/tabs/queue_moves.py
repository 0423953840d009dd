"""What moves jobs of a queue: to its head, or to another queue one, those that a search finds, or all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyresque.job.queue_moves import QueueMove, checked_name
from pyresque.printable import many
from pyresque.schedule.search import every
from pyresque.store.queue_moves import EQUAL_QUEUED, GONE, HEAD, TAIL, Chosen, move_seen
from pyresque.web.dashboard import link
from pyresque.web.shown import count
from pyresque.web.tabs.queue import MOVING, TRIES, counted, find, job_of, taking
from pyresque.web.view import Bulk, Done, Input, NotThere, Question, Refused, Steps

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyresque.web.dashboard import Dashboard
    from pyresque.web.view import Ask

#: What a reader is asked for.
TO = Input("to", "To the queue")


def _to(ask: Ask) -> str | None:
    """Return the queue that a form names as the one to move to; None if it names none. Raises Refused."""
    to = ask.get("to")
    if to is None:
        if ask.confirmed:
            raise Refused("The form names no queue to move to: fill in its field `to`.")
        return None
    if checked_name(to) == ask.names["queue"]:
        raise Refused("These jobs are in that queue already.")
    return to


def _question(ask: Ask, text: str, number: int, back: str) -> Question:
    to = _to(ask)
    where = "to which queue" if to is None else f"to {to}"
    inputs = (TO,) if to is None else ()
    return Question(
        f"Move {text} {where}?", f"Move {count(number, 'job')}", back, number, inputs=inputs
    )


async def to_head(dash: Dashboard, ask: Ask) -> Done:
    """Put one job before all others of its queue."""
    name = ask.names["queue"]
    await _move_one(dash, ask, name, HEAD)
    return Done(f"1 job is the next one of {name}", link("queues", name), 1)


async def asks_move_job(dash: Dashboard, ask: Ask) -> Question:
    """Ask to which queue one job is to be moved."""
    name = ask.names["queue"]
    at, raw = await find(dash, ask)
    data = job_of(dash, name, raw, at)
    return _question(
        ask, f"1 job of {data['class'] or 'no class'} from {name}", 1, link("queues", name)
    )


async def move_job(dash: Dashboard, ask: Ask) -> Done:
    """Move one job to another queue."""
    name, to = ask.names["queue"], _to(ask) or ""
    await _move_one(dash, ask, to, TAIL)
    return Done(f"Moved 1 job from {name} to {to}", link("queues", name), 1)


async def _move_one(dash: Dashboard, ask: Ask, to: str, end: str) -> None:
    """Move one job, by its bytes. Raises NotThere and Refused."""
    name, core = ask.names["queue"], dash.core
    marks = core.failed_table.mark_of
    for _ in range(TRIES):
        at, raw = await find(dash, ask)
        chosen = Chosen(0, raw, marks(name, raw), marks(to, raw))
        (answer,) = await dash.run(move_seen(core.keys, name, to, at, 1, [chosen], end))
        if answer == EQUAL_QUEUED:
            raise Refused(f"An equal job is in {to}, and its plugin lets it be there once.")
        if answer != GONE:
            return
    raise NotThere(MOVING)


async def asks_move(dash: Dashboard, ask: Ask) -> Question:
    """Ask to which queue all jobs, or all with a text, are to be moved."""
    name, text = ask.names["queue"], ask.get("q")
    if text is None:
        number = await dash.run(dash.core.table.size(name))
        return _question(ask, f"all {count(number, 'job')} of {name}", number, link("queues", name))
    number = await counted(dash, name, taking(dash, ask.screen, name, text))
    jobs = count(number, "job")
    said = f"{jobs} with {text!r} in class or arguments from {name}"
    return _question(ask, said, number, link("queues", name, q=text))


async def move(dash: Dashboard, ask: Ask) -> Bulk:
    """Move all jobs, or all with a text."""
    name, to, text = ask.names["queue"], _to(ask) or "", ask.get("q")
    takes = every if text is None else taking(dash, ask.screen, name, text)
    total = await dash.run(dash.core.table.size(name))
    steps = MovingJobs(dash, name, to, takes)
    return Bulk(steps, total, "moved", "job", link("queues", name))


class MovingJobs(Steps):
    """The steps of a move of many jobs."""

    def __init__(
        self, dash: Dashboard, queue: str, to: str, takes: Callable[[bytes], bool]
    ) -> None:
        super().__init__(dash)
        core = dash.core
        self._move = QueueMove(core.keys, queue, to, takes, core.failed_table.mark_of)

    async def step(self) -> bool:
        """Move the chosen jobs of the next slice."""
        more = await self.dash.run(self._move.step())
        self.count, self.seen = self._move.moved, self._move.seen
        return more

    def left(self) -> str:
        """Return how many stay because of their marks."""
        stayed = self._move.stayed
        return f"{many(stayed, 'job')} stayed: an equal one is in {self._move.to}" if stayed else ""
