"""The page of one queue: its jobs page by page, a search over all of them, and what can be done."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NamedTuple

from pyresque.errors import WrongKey
from pyresque.job.job import read_job
from pyresque.job.queue_overview import waiting_since
from pyresque.ops import Batch, Command
from pyresque.process.worker.listening import listening
from pyresque.store.queues import names, to_bytes
from pyresque.store.slices import Removal, Slices, remove_seen
from pyresque.store.wrong_keys import WrongKeyLog
from pyresque.web.dashboard import link
from pyresque.web.shown import count, job_data, searched
from pyresque.web.view import Bulk, Done, NotThere, Question, Steps, View

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyresque.web.dashboard import Dashboard
    from pyresque.web.screen import Screen
    from pyresque.web.shapes.jobs import QueuedJob
    from pyresque.web.shapes.workers import QueuePage
    from pyresque.web.view import Ask

#: Seconds that one page may search.
BUDGET = 0.12

#: What is said of a job that is not found.
GONE = "This job is no longer in its queue: a worker took it, or it was removed."

#: How often a job is looked for that leaves its place, and what is said then.
TRIES = 10
MOVING = "This job keeps leaving its place, as workers take those before it: try again."

#: Elements around its old place among which a job is looked for first.
NEAR = 100


async def show(dash: Dashboard, ask: Ask) -> View[QueuePage]:
    """Show jobs of a queue: from ``start`` on, or those that have the text ``q`` in class or arguments."""
    name = ask.names["queue"]
    state = await dash.run(_state(dash, name))
    size = state.size
    if not state.known and not size:
        raise NotThere(f"There is no queue {name!r}.")
    start, text = ask.number("start", 0), ask.get("q")
    found = Found([], None, None)
    if size and text is None:
        found = Found(await _page(dash, name, start, ask.rows), None, None)
    elif size and text is not None:
        found = await search(dash, ask.screen, name, text, start, ask.rows, BUDGET)
    lists = listening(state.workers)
    title = f"{name}: {size:,} pending" if size is not None else f"{name}: no list in Redis"
    return View(
        "queue.html",
        title,
        {
            "name": name,
            "size": size,
            "paused": state.paused,
            "all_paused": state.all_paused,
            "workers": sum(number for one, number in lists.items() if one.takes(name)),
            "start": start,
            "per": ask.rows,
            "q": text,
            "jobs": found.jobs,
            "looked": found.looked,
            "next": found.next,
        },
        tab="/queues",
    )


class Found(NamedTuple):
    """Jobs of a queue. A search has looked at ``looked`` of them and goes on at the index ``next``."""

    jobs: list[QueuedJob]
    looked: int | None
    next: int | None


class State(NamedTuple):
    """What Redis knows of one queue. Size None: its key is no list."""

    known: bool
    size: int | None
    paused: bool
    all_paused: bool
    workers: list[str]


async def _state(dash: Dashboard, name: str) -> State:
    """Read what Redis knows of a queue, in one round trip."""
    keys, pauses, log = dash.core.keys, dash.core.jobs.pauses, WrongKeyLog()
    known, size, workers, every, own = await Batch(
        (
            Command[Any](("SISMEMBER", keys.queues, to_bytes(name))),
            Command[Any](("LLEN", to_bytes(keys.queue(name)))),
            Command[Any](("SMEMBERS", keys.workers), names),
            pauses.reading_all(),
            *pauses.reading([name]),
        ),
        lenient=True,
    )
    known, workers = log.replies_or([known, workers], None)
    return State(
        bool(known),
        None if isinstance(size, WrongKey) else size,
        every[1] or own[0],
        every[1],
        workers or [],
    )


async def _page(dash: Dashboard, name: str, start: int, rows: int) -> list[QueuedJob]:
    key = dash.core.keys.queue(name)
    raws = await dash.run(dash.core.table.slice(key, start, start + rows - 1))
    return [job_of(dash, name, raw, at) for at, raw in enumerate(raws, start)]


def job_of(dash: Dashboard, queue: str, raw: bytes, index: int) -> QueuedJob:
    """Return a job of a queue for a page."""
    job = read_job(dash.core.codec, queue, raw)
    since = waiting_since(job.payload)
    return {"index": index, "id": dash.name_of(raw), "waiting_since": since, **job_data(job)}


async def search(
    dash: Dashboard, screen: Screen, name: str, text: str, start: int, rows: int, budget: float
) -> Found:
    """Look from ``start`` on for jobs with a text, until the page is full, the time is over, or the queue ends."""
    slices = Slices(to_bytes(dash.core.keys.queue(name)))
    end = time.monotonic() + budget
    takes = taking(dash, screen, name, text)
    found: list[QueuedJob] = []
    at = start
    total = await dash.run(_asked(slices.counting()))
    over = False
    while not over:
        raws = await dash.run(_asked(slices.reading(at, slices.size)))
        for raw in raws:
            if takes(raw):
                found.append(job_of(dash, name, raw, at))
            at += 1
            if len(found) == rows:
                break
        over = not raws or at >= total or len(found) == rows or time.monotonic() > end
    more = at < total
    return Found(found, min(at, total), at if more else None)


async def _asked(command: Command[Any]) -> Any:
    return await command


def taking(dash: Dashboard, screen: Screen, name: str, text: str) -> Callable[[bytes], bool]:
    """Return a function that says whether a payload has a text."""
    codec = dash.core.codec

    def takes(raw: bytes) -> bool:
        def decoded() -> object:
            return searched(read_job(codec, name, raw))

        return screen.finds(text, raw, decoded)

    return takes


# -- actions


async def pause(dash: Dashboard, ask: Ask) -> Done:
    """Pause the queue."""
    name = ask.names["queue"]
    await dash.run(dash.core.jobs.pauses.pause_queue(name))
    return Done(f"Paused {name}: no job is taken from it", link("queues", name))


async def resume(dash: Dashboard, ask: Ask) -> Done:
    """End the pause of the queue."""
    name = ask.names["queue"]
    ended = await dash.run(dash.core.jobs.pauses.resume_queue(name))
    text = f"Resumed {name}" if ended else f"{name} was not paused by itself"
    return Done(text, link("queues", name))


async def asks_remove(dash: Dashboard, ask: Ask) -> Question:
    """Ask before the queue is removed."""
    name = ask.names["queue"]
    try:
        size = await dash.run(dash.core.table.size(name))
    except WrongKey:
        text = f"Remove {name}, which is no list in Redis, with all that it holds?"
        return Question(text, "Remove the queue", link("queues", name))
    text = f"Remove the queue {name} with {count(size, 'job')}?"
    return Question(text, f"Remove {count(size, 'job')}", link("queues", name), size)


async def remove(dash: Dashboard, ask: Ask) -> Done:
    """Delete the queue with all that it holds."""
    name = ask.names["queue"]
    removed = await dash.run(dash.core.jobs.remove_queue(name))
    if not any(removed):
        return Done(f"There was no queue {name}", "/queues", 0)
    return Done(f"Removed the queue {name}", "/queues", 1)


async def asks_remove_job(dash: Dashboard, ask: Ask) -> Question:
    """Ask before one job is removed."""
    name = ask.names["queue"]
    at, raw = await find(dash, ask)
    data = job_of(dash, name, raw, at)
    text = f"Remove 1 job of {data['class'] or 'no class'} from {name}?"
    return Question(text, "Remove 1 job", link("queues", name), 1)


async def remove_job(dash: Dashboard, ask: Ask) -> Done:
    """Remove one job, by its bytes."""
    name, key = ask.names["queue"], to_bytes(dash.core.keys.queue(ask.names["queue"]))
    at, raw = await find(dash, ask)
    await dash.run(dash.core.jobs.leaving(name, raw))
    for _ in range(TRIES):
        if not await dash.run(remove_seen(key, at, 1, [(0, raw)])):
            return Done(f"Removed 1 job from {name}", link("queues", name), 1)
        # workers took jobs before it meanwhile
        at, raw = await find(dash, ask)
    raise NotThere(MOVING)


async def find(dash: Dashboard, ask: Ask) -> tuple[int, bytes]:
    """Return where a job is now, and its bytes: near its old place, or anywhere in the queue. Raises NotThere."""
    key = dash.core.keys.queue(ask.names["queue"])
    wanted, near = ask.get("id"), ask.number("index", 0)
    first = max(0, near - NEAR)
    table = dash.core.table
    for at, raw in enumerate(await dash.run(table.slice(key, first, near + NEAR)), first):
        if dash.name_of(raw) == wanted:
            return at, raw
    slices, at = Slices(to_bytes(key)), 0
    while raws := await dash.run(_asked(slices.reading(at, slices.size))):
        for raw in raws:
            if dash.name_of(raw) == wanted:
                return at, raw
            at += 1
    raise NotThere(GONE)


async def counted(dash: Dashboard, name: str, takes: Callable[[bytes], bool]) -> int:
    """Return how many jobs of a queue are meant: all are looked at."""
    slices, at, number = Slices(to_bytes(dash.core.keys.queue(name))), 0, 0
    while raws := await dash.run(_asked(slices.reading(at, slices.size))):
        number += sum(map(takes, raws))
        at += len(raws)
    return number


async def asks_remove_found(dash: Dashboard, ask: Ask) -> Question:
    """Ask before all jobs with a text are removed; count them first."""
    name, text = ask.names["queue"], ask.get("q")
    if text is None:
        raise NotThere("No text was given to look for.")
    number = await counted(dash, name, taking(dash, ask.screen, name, text))
    said = f"Remove {count(number, 'job')} with {text!r} in class or arguments from {name}?"
    return Question(said, f"Remove {count(number, 'job')}", link("queues", name, q=text), number)


async def remove_found(dash: Dashboard, ask: Ask) -> Bulk:
    """Remove all jobs with a text."""
    name, text = ask.names["queue"], ask.get("q")
    if text is None:
        raise NotThere("No text was given to look for.")
    total = await dash.run(dash.core.table.size(name))
    steps = RemovingFound(dash, name, taking(dash, ask.screen, name, text))
    return Bulk(steps, total, "removed", "job", link("queues", name))


class RemovingFound(Steps):
    """Removes the chosen jobs of a queue, slice by slice."""

    def __init__(self, dash: Dashboard, queue: str, takes: Callable[[bytes], bool]) -> None:
        super().__init__(dash)
        self.queue = queue
        self._takes = takes
        self._removal = Removal(to_bytes(dash.core.keys.queue(queue)), lambda _, raw: takes(raw))

    async def step(self) -> bool:
        """Remove the chosen jobs of the next slice."""
        return await self.dash.run(self._step())

    async def _step(self) -> bool:
        removed = await self._removal.step()
        self.seen = self._removal.seen
        if removed is None:
            return False
        for _, raw in removed:
            await self.dash.core.jobs.leaving(self.queue, raw)
        self.count += len(removed)
        return True
