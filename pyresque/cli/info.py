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
    read = resque.run(resque.core.overview(pauses=True))
    overview, sizes, paused = asdict(resque.core.summary(read)), read.sizes, read.workers_paused
    if as_json:
        before = {
            **overview,
            "namespace": resque.settings.namespace,
            "paused": paused,
            "paused_queues": read.paused_queues,
        }
        print_members(before, "queue_sizes", sizes.items())
        return
    any_paused = bool(read.paused_queues) or read.all_queues_paused
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
                [("paused queues", ALL if read.all_queues_paused else listed(read.paused_queues))]
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
        for each in still_working(resque, read.busy)
        if each.working_on
    )
    first = next(working, None)
    if first is not None:
        click.echo()
        print_long_table(("worker", "works on"), chain((first,), working), "")
