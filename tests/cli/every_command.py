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
    ("enqueue", (JOB, '"x"', "--queue", QUEUE)),
    ("enqueue", (JOB, '"x"', "--queue", QUEUE, "--in", "1h")),
    ("delayed enqueue", (JOB,)),
    ("delayed remove", (JOB, "--dry-run")),
    ("delayed remove", (JOB, "--yes")),
    ("schedule set", (ENTRY, '{"every": "1h", "class": "X", "queue": "q"}')),
    ("schedule run", (ENTRY,)),
    ("schedule remove", (ENTRY, "--dry-run")),
    ("schedule remove", (ENTRY, "--yes")),
    ("schedule lock", ("--release", "--yes")),
    ("queues pause", (QUEUE,)),
    ("queues resume", (QUEUE,)),
    ("queues pause", ("--all",)),
    ("queues resume", ("--all",)),
    ("workers pause", ()),
    ("workers resume", ()),
    ("workers prune", ("--dry-run",)),
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
THAT_STAY = ("worker", "pool", "scheduler", "demo")

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
