"""One line or more for every command there is, for sweeps over all of them."""

from __future__ import annotations

import click

from pyresque.cli.main import cli

#: What stands in the place of what a sweep names: a queue, a worker's id, a class and a schedule's entry.
QUEUE, WORKER, JOB, ENTRY = "{queue}", "{worker}", "{job}", "{entry}"

#: The command, and what is given to it. Those that destroy stand last.
LINES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("completion", ("bash",)),
    ("info", ()),
    ("top", ("--once",)),
    ("search", ("e",)),
    ("stats counters", ()),
    ("stats redis", ()),
    ("stats keys", ()),
    ("stats key", ("resque_scheduler_master_lock",)),
    ("stats key", ("persistent_schedules",)),
    ("stats key", ("failed",)),
    ("stats key", ("_statuses",)),
    ("stats key", ("workers:heartbeat",)),
    ("stats key", ("queues",)),
    ("status show", (JOB,)),
    ("queues search", (QUEUE, "e")),
    ("queues drop", (QUEUE, "0", "--dry-run")),
    ("queues move", (QUEUE, "1", "--first", "--dry-run")),
    ("queues move", (QUEUE, "--all", "--to", "elsewhere", "--dry-run")),
    ("queues drop", (QUEUE, "--search", "e", "--dry-run")),
    ("failed groups", ()),
    ("failed undo", ("removed-" + 32 * "0",)),
    ("failed undo", (JOB, "--dry-run")),
    ("failed list", ("--search", JOB, "--message", JOB)),
    ("delayed search", ("e",)),
    ("delayed enqueue", ("--search", JOB, "--dry-run")),
    ("queues list", ()),
    ("queues show", (QUEUE,)),
    ("queues peek", (QUEUE, "--count", "5")),
    ("queues peek", (QUEUE, "--full")),
    ("workers list", ()),
    ("workers show", (WORKER,)),
    ("failed list", ()),
    ("failed show", ("0",)),
    ("failed show", ("1",)),
    ("failed show", ("99",)),
    ("delayed count", ()),
    ("delayed list", ()),
    ("delayed peek", ()),
    ("delayed peek", ("--full",)),
    ("retries list", ()),
    ("schedule list", ()),
    ("schedule next", ()),
    ("schedule next", (ENTRY,)),
    ("schedule lock", ()),
    ("schedule validate", ("schedule.yml",)),
    ("status list", ()),
    ("status list", ("--only", "failed")),
    ("status show", ("nothing",)),
    ("status wait", ("nothing", "--timeout", "1")),
    ("status cancel", ("nothing",)),
    ("doctor", ()),
    ("doctor", ("--whole",)),
    ("migrate inventory", ()),
    ("migrate inventory", ("--whole", "--watch", "0.1", "--full")),
    ("migrate coverage", ()),
    ("migrate route set", (JOB, "python=25%")),
    ("migrate route show", ()),
    ("migrate route log", ("--count", "5")),
    ("migrate route status", ()),
    ("migrate route set", (JOB, "python=50%", "--dry-run")),
    ("migrate route unset", (JOB, "--dry-run")),
    ("migrate route rollback", ("--dry-run",)),
    ("migrate route unset", (JOB,)),
    ("migrate move", ("--once", "-q", QUEUE)),
    ("migrate move", ("--back", "--all", "-q", QUEUE)),
    ("migrate ruby-guard", ()),
    ("migrate rescue", ("--dry-run",)),
    ("migrate rescue", ("--yes",)),
    ("migrate route rollback", ("--by", "ann")),
    ("migrate schedule", ("--schedule", "schedule.yml")),
    ("migrate shadow", (JOB, "--no-fixture", "--count", "2")),
    ("migrate stubs", ("--out", "jobs", "--force")),
    ("migrate status", ()),
    ("migrate status", (JOB, "--whole", "--days", "3")),
    ("enqueue", (JOB, '"x"', "--queue", QUEUE)),
    ("enqueue", (JOB, '"x"', "--queue", QUEUE, "--in", "1h")),
    ("delayed enqueue", (JOB,)),
    ("delayed reschedule", (JOB, "--to", "4000000000", "--dry-run")),
    ("delayed reschedule", (JOB, "--to", "4000000000")),
    ("delayed remove", (JOB, "--dry-run")),
    ("delayed remove", (JOB, "--yes")),
    ("schedule set", (ENTRY, '{"every": "1h", "class": "X", "queue": "q"}')),
    ("schedule set", (ENTRY, '{"every": "1h"}', "--dry-run")),
    ("schedule run", (ENTRY,)),
    ("schedule run", (ENTRY, "--args", '["x"]', "--dry-run")),
    ("schedule remove", (ENTRY, "--dry-run")),
    ("schedule remove", (ENTRY, "--yes")),
    ("schedule lock", ("--release", "--yes")),
    ("queues pause", (QUEUE, "--dry-run")),
    ("queues pause", (QUEUE,)),
    ("queues resume", (QUEUE,)),
    ("queues pause", ("--all",)),
    ("queues resume", ("--all",)),
    ("workers pause", ()),
    ("workers resume", ()),
    ("workers prune", ("--dry-run",)),
    ("workers quit", (WORKER, "--dry-run")),
    ("workers quit", (WORKER,)),
    ("workers remove", (WORKER, "--dry-run")),
    ("workers remove", (WORKER, "--yes")),
    ("workers prune", ("--yes",)),
    ("retries run", (JOB, "--dry-run")),
    ("retries run", ("--class", JOB)),
    ("retries cancel", ("--all", "--dry-run")),
    ("retries cancel", ("--all", "--yes")),
    ("failed retry", ("--all", "--dry-run")),
    ("failed retry", ("0",)),
    ("failed retry", ("--all",)),
    ("queues drop", (QUEUE, "1", "--yes")),
    ("queues drop", (QUEUE, "--search", "e", "--yes")),
    ("failed remove", ("--all", "--yes")),
    ("failed remove", ("0", "--yes")),
    ("failed trim", ("--failed-max-count", "5", "--dry-run")),
    ("failed trim", ("--failed-max-count", "5", "--yes")),
    ("status clear", ("--dry-run",)),
    ("status clear", ("--only", "completed", "--yes")),
    ("status clear", ("--yes",)),
    ("failed clear", ("--dry-run",)),
    ("failed clear", ("--yes",)),
    ("delayed clear", ("--dry-run",)),
    ("delayed clear", ("--yes",)),
    ("queues remove", (QUEUE, "--dry-run")),
    ("queues remove", (QUEUE, "--yes")),
    ("queues remove", (QUEUE,)),
)

#: Commands that stay up; a sweep starts them as processes. The demo makes its own data in a Redis of its own.
THAT_STAY = ("worker", "pool", "scheduler", "web", "demo")

#: Those that print JSON on demand.
NO_JSON = ("completion",)


def lines(**names: str) -> list[list[str]]:
    """Every command line, with these names in its places; with ``--json`` again, where that can be."""
    found = []
    for command, given in LINES:
        args = [names.get(arg[1:-1], arg) if arg.startswith("{") else arg for arg in given]
        found.append([*command.split(), *args])
        if command not in NO_JSON:
            found.append([*command.split(), *args, "--json"])
    return found


def commands(group: click.Group, path: tuple[str, ...] = ()) -> list[str]:
    """The name of every command below a group."""
    found, context = [], click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            found += commands(command, (*path, name))
        else:
            found.append(" ".join((*path, name)))
    return found


def missing() -> set[str]:
    """Commands that no line is for."""
    return set(commands(cli)) - {command for command, _ in LINES} - set(THAT_STAY)
