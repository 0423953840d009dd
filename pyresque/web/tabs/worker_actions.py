"""What can be done to workers: pause and resume all, prune dead ones, let one quit, unregister one."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from pyresque.errors import NoSuchWorker
from pyresque.job.worker_registry import WorkerId
from pyresque.process.worker.pruning import Pruner
from pyresque.process.worker.queue_list import QueueList
from pyresque.store.worker_notes import WorkerNotes
from pyresque.web.dashboard import link
from pyresque.web.shown import count
from pyresque.web.view import Bulk, Done, Question, Refused, Steps

if TYPE_CHECKING:
    from pyresque.job.worker_registry import WorkerInfo
    from pyresque.web.dashboard import Dashboard
    from pyresque.web.view import Ask


async def pause_all(dash: Dashboard, _ask: Ask) -> Done:
    """Pause every worker, Ruby's too."""
    await dash.run(dash.core.worker_registry.table.pause_all())
    return Done("Paused all workers: each ends its job, and takes no other", "/workers")


async def resume_all(dash: Dashboard, _ask: Ask) -> Done:
    """Let paused workers go on."""
    await dash.run(dash.core.worker_registry.table.unpause_all())
    return Done("All workers take jobs again", "/workers")


# -- one worker


async def asks_remove(dash: Dashboard, ask: Ask) -> Question:
    """Ask before a worker is unregistered."""
    found = await _worker(dash, ask)
    text = f"Unregister 1 worker, {found.id}? Its process, if it lives, is not stopped."
    if found.working_on is not None:
        text += " The job that it performs is recorded as failed."
    return Question(text, "Unregister 1 worker", "/workers", 1, _life(found))


async def remove(dash: Dashboard, ask: Ask) -> Done:
    """Unregister a worker; a job that it has becomes a failure."""
    worker_id = ask.names["worker"]
    if ask.get("started") is not None:
        await _worker(dash, ask)
    await dash.run(dash.core.remove_worker(worker_id))
    return Done(f"Unregistered {worker_id}", "/workers", 1)


async def asks_quit(dash: Dashboard, ask: Ask) -> Question:
    """Ask before a worker ends. Raises Refused for one that does not look for this wish, such as Ruby's."""
    found = await _worker(dash, ask)
    note = (await dash.run(WorkerNotes(dash.core.keys).of([found.id]))).get(found.id)
    if note is None:
        raise Refused(NOT_HEARD)
    number = note.get("together")
    workers = number if isinstance(number, int) and number > 1 else 1
    process = f"{count(workers, 'worker')}, the process of {found.id}"
    text = f"Ask {process}, to quit? It ends after its jobs, at its next heartbeat; a pool starts another in its place."
    return Question(
        text,
        f"Ask {count(workers, 'worker')} to quit",
        link("workers", found.id),
        workers,
        _life(found),
    )


async def let_quit(dash: Dashboard, ask: Ask) -> Done:
    """Ask a worker's process to end after its jobs, as the signal QUIT does."""
    found = await _worker(dash, ask)
    if not await dash.run(WorkerNotes(dash.core.keys).ask_to_quit(found.id)):
        raise Refused(NOT_HEARD)
    return Done(f"{found.id} ends after its job", link("workers", found.id), 1)


NOT_HEARD = "This worker does not read such a request, as Ruby's workers do not: send its process the signal QUIT."


async def _worker(dash: Dashboard, ask: Ask) -> WorkerInfo:
    worker_id = ask.names["worker"]
    found = await dash.run(dash.core.worker_registry.find(worker_id))
    if found is None:
        raise NoSuchWorker(f"There is no worker {worker_id!r}: it has ended, or was pruned.")
    if ask.get("started") not in {None, found.started}:
        raise NoSuchWorker(
            f"The worker {worker_id!r} that was meant has ended: another one has its id now."
        )
    return found


def _life(found: WorkerInfo) -> dict[str, str]:
    """Return what tells a worker from a later one of its id, such as that of a restarted container."""
    return {} if found.started is None else {"started": found.started}


# -- the dead ones


def _pruner(dash: Dashboard) -> Pruner:
    """Return what finds the workers that Ruby would prune by their heartbeats; of processes the dashboard knows nothing."""
    me = WorkerId("dashboard", os.getpid(), ("*",))
    return Pruner(dash.core, me, QueueList.parse(me.queues), lambda: None)


async def asks_prune(dash: Dashboard, _ask: Ask) -> Question:
    """Ask before dead workers are unregistered."""
    search, number = _pruner(dash).search(), 0
    while (dead := await dash.run(search.more())) is not None:
        number += len(dead)
    minutes = dash.settings.prune_interval / 60
    text = f"Unregister {count(number, 'worker')} without a heartbeat for {minutes:g} minutes? Their jobs are recorded as failed."
    return Question(text, f"Prune {count(number, 'worker')}", "/workers", number)


async def prune(dash: Dashboard, _ask: Ask) -> Bulk:
    """Unregister dead workers, each if its heartbeat is still the old one."""
    steps = Pruning(dash)
    total = await dash.run(steps.search.total())
    return Bulk(steps, total, "pruned", "worker", "/workers")


class Pruning(Steps):
    """The steps of a pass over all heartbeats."""

    def __init__(self, dash: Dashboard) -> None:
        super().__init__(dash)
        self._pruner = _pruner(dash)
        self.search = self._pruner.search()

    async def step(self) -> bool:
        """Unregister the dead of the next page."""
        dead = await self.dash.run(self.search.more())
        if dead is None:
            return False
        pruned = await self.dash.run(self._pruner.unregister(dead))
        if pruned:
            await self.dash.run(WorkerNotes(self.dash.core.keys).forget(pruned))
        self.count += len(pruned)
        self.seen = self.search.seen
        return True
