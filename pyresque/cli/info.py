"""The command ``info``: counts of queues, jobs, workers and failures."""

from __future__ import annotations

from dataclasses import asdict
from itertools import chain
from typing import Any

import click

from pyresque.cli.options import CONNECTION, json_option, settings_options
from pyresque.cli.output import listed, print_long_table, print_members, print_pairs
from pyresque.cli.text import job_line, still_working
from pyresque.process.start.load_app import load_application

#: The text while the key ``pause-all-workers`` is set.
PAUSED = "no worker takes a job until `pyresque workers resume`"

#: The text while ``pause:all`` is set.
ALL = "all, until `pyresque queues resume --all`"


@click.command()
@settings_options(*CONNECTION)
@json_option
def info(as_json: bool, **given: Any) -> None:
    """Show counts of queues, jobs, workers and failures, and what is being worked on."""
    resque = load_application(given)
    core = resque.core
    sizes = resque.queue_lengths()
    registered, busy = resque.run(core.worker_registry.with_job())
    overview = asdict(resque.run(core.overview(sizes, (registered, len(busy)))))
    paused = resque.all_paused()
    all_queues = resque.all_queues_paused()
    paused_queues = resque.run(core.jobs.pauses.paused_of(list(sizes)))
    if as_json:
        before = {
            **overview,
            "namespace": resque.settings.namespace,
            "paused": paused,
            "paused_queues": paused_queues,
        }
        print_members(before, "queue_sizes", sizes.items())
        return
    any_paused = bool(paused_queues) or all_queues
    print_pairs(
        [
            ("redis", f"{overview['servers'][0]} (namespace {resque.settings.namespace})"),
            ("pending", overview["pending"]),
            ("processed", overview["processed"]),
            ("failed", overview["failed"]),
            ("queues", overview["queues"]),
            (
                "workers",
                f"{overview['workers']} ({overview['working']} working{', all paused' if paused else ''})",
            ),
            *([("paused", PAUSED)] if paused else []),
            *(
                [("paused queues", ALL if all_queues else listed(paused_queues))]
                if any_paused
                else []
            ),
        ]
    )
    click.echo()
    print_long_table(
        ("queue", "jobs"),
        ((name, "no list in Redis" if size is None else size) for name, size in sizes.items()),
        "no queues",
    )
    working = (
        (each.id, job_line(each.working_on.job, 40))
        for each in still_working(resque, busy)
        if each.working_on
    )
    first = next(working, None)
    if first is not None:
        click.echo()
        print_long_table(("worker", "works on"), chain((first,), working), "")
