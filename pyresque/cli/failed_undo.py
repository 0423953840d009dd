"""The command ``failed undo``: take back a removal or a retry of failed jobs that the dashboard has done."""

from __future__ import annotations

import re
from typing import Any

import click

from pyresque.cli.errors import Complaint, Misuse
from pyresque.cli.options import CONNECTION, RECORDS, dry_run_option, json_option, settings_options
from pyresque.cli.output import print_json
from pyresque.failure.undo import REMOVED, REQUEUED, Undoing
from pyresque.printable import many
from pyresque.process.start.load_app import load_application

_TOKEN = re.compile(rf"(?:{REMOVED}|{REQUEUED})[0-9a-f]{{32}}")


@click.command()
@click.argument("token")
@settings_options(*CONNECTION, *RECORDS)
@dry_run_option
@json_option
def undo(token: str, dry_run: bool, as_json: bool, **given: Any) -> None:
    """Undo a removal or a retry of failed jobs: TOKEN is what the dashboard answered as ``undo``, for ten minutes.

    Removed records come back; retried jobs leave their queues again, if they still wait there.
    """
    if not _TOKEN.fullmatch(token):
        raise Misuse(f"{token!r} names no action that can be undone")
    resque = load_application(given)
    core = resque.core
    undoing = Undoing(core.failed_table, core.codec, token, core.jobs.leaving)
    names = resque.run(core.failures.queues())
    kept = sum(resque.run(undoing.undo.count(token, name)) for name in names)
    if not dry_run and kept:
        resque.run(undoing.whole(names))
    done = kept if dry_run else undoing.done
    if not done + undoing.begun:
        raise Complaint("this cannot be undone: it was undone before, or its time is over")
    if as_json:
        print_json({"dry_run": dry_run, "undone": done, "begun": undoing.begun})
        return
    click.echo(f"{'would undo' if dry_run else 'undone:'} {many(done, 'failed job')}")
    if undoing.begun:
        click.echo(f"{many(undoing.begun, 'job')} had left the queue already")
