"""The command ``workers``: list, show, prune, quit, remove, pause, resume."""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING, Any

import click

from pyresque.cli.errors import Complaint
from pyresque.cli.groups import ListingGroup
from pyresque.cli.options import (
    CONNECTION,
    RECORDS,
    destroying,
    dry_run_option,
    json_option,
    settings_options,
)
from pyresque.cli.output import (
    MOST_LINES,
    FirstLines,
    JsonList,
    confirm,
    listed,
    print_json,
    print_list,
    print_long_table,
    print_pairs,
    safe_text,
)
from pyresque.cli.progress import Progress
from pyresque.cli.text import each_worker, job_line
from pyresque.errors import NoSuchWorker
from pyresque.job.worker_registry import WorkerId, WorkerInfo
from pyresque.job_text import iso_and_written
from pyresque.printable import many
from pyresque.process.host.posix import PosixHost, hostname
from pyresque.process.start.load_app import load_application
from pyresque.process.worker.pruning import Pruner
from pyresque.process.worker.queue_list import QueueList
from pyresque.store.worker_notes import WorkerNotes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pyresque.client import Resque

NONE_DEAD = "no worker is dead"
NOT_HEARD = (
    "does not read such a request, as Ruby's workers do not: send its process the signal QUIT"
)


@click.group(cls=ListingGroup, short_help="List, show, prune, quit, remove, pause and resume.")
def workers() -> None:
    """List, show, prune, quit, remove, pause and resume workers (without a verb: list)."""


@workers.command("list")
@click.option("--working", is_flag=True, help="Only those that perform a job.")
@settings_options(*CONNECTION, "codec")
@json_option
def list_workers(working: bool, as_json: bool, **given: Any) -> None:
    """List the registered workers, Ruby's and Python's."""
    resque = load_application(given)
    ids, paused = resque.run(resque.core.worker_registry.table.ids_and_paused())
    found = each_worker(resque, ids, working=working)
    if as_json:
        print_list(worker_json(worker, paused=paused) for worker in found)
        return
    rows = (
        (
            worker.id,
            _state(worker, paused=paused),
            _doing(worker),
            worker.heartbeat,
            worker.processed,
            worker.failed,
        )
        for worker in found
    )
    headings = ("worker", "state", "job", "heartbeat", "processed", "failed")
    print_long_table(headings, rows, "no workers")
    if paused:
        click.echo("paused: no worker takes a job until `pyresque workers resume`")


@workers.command()
@click.argument("worker_id", metavar="WORKER")
@settings_options(*CONNECTION, "codec")
@json_option
def show(worker_id: str, as_json: bool, **given: Any) -> None:
    """Show one worker, by its id host:pid:queues."""
    resque = load_application(given)
    worker = resque.find_worker(worker_id)
    paused = resque.all_paused()
    if worker is None:
        raise NoSuchWorker(f"no worker {worker_id!r} is registered")
    if as_json:
        print_json(worker_json(worker, paused=paused))
        return
    doing = worker.working_on
    print_pairs(
        [
            ("worker", worker.id),
            ("host", worker.host),
            ("pid", worker.pid),
            ("queues", ", ".join(worker.queues)),
            ("state", _state(worker, paused=paused)),
            ("started", worker.started),
            ("heartbeat", worker.heartbeat),
            ("processed", worker.processed),
            ("failed", worker.failed),
            ("queue", doing.job.queue if doing else None),
            (
                "job",
                job_line(doing.job) if doing else None,
            ),
            ("since", doing.run_at if doing else None),
        ]
    )


@workers.command()
@settings_options(*CONNECTION, *RECORDS)
@destroying
@json_option
def prune(yes: bool, dry_run: bool, as_json: bool, **given: Any) -> None:
    """Unregister workers that are dead: without a recent heartbeat, or on this host without a process.

    Their jobs are recorded as failed, or go back into their queues if -A registers them so.
    """
    resque = load_application(given)
    posix = PosixHost()
    me = WorkerId(hostname(), os.getpid(), ("*",))
    queue_list = QueueList.parse(me.queues)
    look_once = Pruner(resque.core, me, queue_list, cache(posix.worker_pids))
    try:
        if dry_run:
            _prune(resque, look_once, dry_run=True, as_json=as_json)
        elif _confirmed(resque, look_once, yes=yes):
            # A worker that registers while this runs must not be taken for dead: now the processes are read for each page.
            pruner = Pruner(resque.core, me, queue_list, posix.worker_pids)
            _acquire(resque, pruner)
            _prune(resque, pruner, dry_run=False, as_json=as_json)
        elif as_json:
            print_json({"dry_run": False, "pruned": []})
        else:
            click.echo(NONE_DEAD)
    finally:
        posix.close()


def _confirmed(resque: Resque, pruner: Pruner, *, yes: bool) -> bool:
    """Whether there are dead workers, and the operator wants them pruned. Raises Complaint, Misuse."""
    count = 0
    first: list[str] = []
    with Progress("looking for dead workers") as progress:
        for dead in _dead(resque, pruner, progress):
            count += len(dead)
            first += list(dead)[: MOST_LINES - len(first)]
            if yes and count:
                return True
            progress.end("nothing was pruned")
    if count:
        more = f" and {count - len(first)} more" if count > len(first) else ""
        confirm(f"prune {many(count, 'worker')}: {listed(first)}{more}", yes=yes)
    return count > 0


def _acquire(resque: Resque, pruner: Pruner) -> None:
    if not resque.run(pruner.acquire()):
        seconds = int(resque.settings.heartbeat_interval)
        raise Complaint(
            f"another worker pruned within the last {seconds} s, as Resque allows only once: try again then"
        )


def _prune(resque: Resque, pruner: Pruner, *, dry_run: bool, as_json: bool) -> None:
    """Prune the dead workers, or only list them. Raises Interrupted."""
    count = 0
    lines = FirstLines("would prune" if dry_run else "pruned", "worker")
    listed = JsonList("pruned", {"dry_run": dry_run}) if as_json else None
    with Progress("going through workers") as progress:
        for dead in _dead(resque, pruner, progress):
            for worker_id in dead if dry_run else resque.run(pruner.unregister(dead)):
                count += 1
                if listed is not None:
                    listed.add(worker_id)
                else:
                    lines.add(safe_text(worker_id))
        if listed is not None:
            listed.close()
        elif count or not progress.signal:
            lines.close(NONE_DEAD)
        progress.end(f"{lines.verb} {many(count, 'worker')}; the others are as they were")


def _dead(resque: Resque, pruner: Pruner, progress: Progress) -> Iterator[Mapping[str, str | None]]:
    """Yield the dead workers, some hundreds at a time, until all were seen or a signal came."""
    search = pruner.search()
    total = resque.run(search.total())
    while not progress.signal and (dead := resque.run(search.more())) is not None:
        if dead:
            yield dead
        progress.step(search.seen, total)


@workers.command()
@click.argument("ids", metavar="WORKER...", nargs=-1, required=True)
@settings_options(*CONNECTION, *RECORDS)
@destroying
@json_option
def remove(ids: tuple[str, ...], yes: bool, dry_run: bool, as_json: bool, **given: Any) -> None:
    """Unregister workers. Their jobs are recorded as failed; their processes, if they live, are not stopped."""
    resque = load_application(given)
    wanted = list(dict.fromkeys(ids))
    registered = {worker.id for worker in resque.workers()}
    for worker_id in wanted:
        if worker_id not in registered:
            raise NoSuchWorker(f"no worker {worker_id!r} is registered")
    if not dry_run:
        confirm(f"remove {many(len(wanted), 'worker')}: {listed(wanted)}", yes=yes)
        for worker_id in wanted:
            resque.remove_worker(worker_id)
    if as_json:
        print_json({"dry_run": dry_run, "removed": wanted})
        return
    for worker_id in wanted:
        click.echo(f"{'would remove' if dry_run else 'removed'} {safe_text(worker_id)}")


@workers.command("quit")
@click.argument("ids", metavar="WORKER...", nargs=-1, required=True)
@settings_options(*CONNECTION)
@dry_run_option
@json_option
def let_quit(ids: tuple[str, ...], dry_run: bool, as_json: bool, **given: Any) -> None:
    """Ask pyresque's workers to end after their jobs, at their next heartbeat, on any host; all of a process end together.

    A pool starts others in their place. Ruby's workers do not look for this: send them the signal QUIT.
    """
    resque = load_application(given)
    notes = WorkerNotes(resque.core.keys)
    wanted = list(dict.fromkeys(ids))
    listening = resque.run(notes.of(wanted))
    for worker_id in wanted:
        if resque.find_worker(worker_id) is None:
            raise NoSuchWorker(f"no worker {worker_id!r} is registered")
        if worker_id not in listening:
            raise Complaint(f"{worker_id!r} {NOT_HEARD}")
    if not dry_run:
        for worker_id in wanted:
            if not resque.run(notes.ask_to_quit(worker_id)):
                raise NoSuchWorker(f"worker {worker_id!r} has ended")
    if as_json:
        print_json({"dry_run": dry_run, "asked": wanted})
        return
    for worker_id in wanted:
        click.echo(f"{'would ask' if dry_run else 'asked'} {safe_text(worker_id)} to quit")


@workers.command()
@settings_options(*CONNECTION)
@dry_run_option
@json_option
def pause(dry_run: bool, as_json: bool, **given: Any) -> None:
    """Let no worker take a job, Ruby's neither, until ``workers resume``."""
    resque = load_application(given)
    if not dry_run:
        resque.pause_all()
    _print_pause(paused=True, dry_run=dry_run, as_json=as_json)


@workers.command()
@settings_options(*CONNECTION)
@dry_run_option
@json_option
def resume(dry_run: bool, as_json: bool, **given: Any) -> None:
    """Let paused workers go on."""
    resque = load_application(given)
    if not dry_run:
        resque.unpause_all()
    _print_pause(paused=False, dry_run=dry_run, as_json=as_json)


def _print_pause(*, paused: bool, dry_run: bool, as_json: bool) -> None:
    if as_json:
        print_json({"paused": paused, **({"dry_run": True} if dry_run else {})})
    elif dry_run:
        click.echo("would pause every worker" if paused else "would resume every worker")
    else:
        click.echo("every worker pauses after its job" if paused else "workers take jobs again")


def _state(worker: WorkerInfo, *, paused: bool) -> str:
    """Return the state of a worker, and whether it pauses after its job."""
    if not paused:
        return worker.state
    return "paused" if worker.working_on is None else f"{worker.state}, then paused"


def _doing(worker: WorkerInfo) -> str | None:
    if worker.working_on is None:
        return None
    return job_line(worker.working_on.job, 40)


def worker_json(worker: WorkerInfo, *, paused: bool) -> dict[str, object]:
    """Return a worker for JSON."""
    doing = worker.working_on
    return {
        "id": worker.id,
        "host": worker.host,
        "pid": worker.pid,
        "queues": list(worker.queues),
        "state": worker.state,
        "paused": paused,
        **iso_and_written("started", worker.started),
        **iso_and_written("heartbeat", worker.heartbeat),
        "processed": worker.processed,
        "failed": worker.failed,
        "job": None
        if doing is None
        else {
            "queue": doing.job.queue,
            "class": doing.job.payload.class_name,
            "args": doing.job.payload.args,
            **iso_and_written("run_at", doing.run_at),
        },
    }
