"""The command ``schedule lock``: which scheduler leads, and the lock taken from a dead one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from pyresque.cli.errors import Complaint, Misuse
from pyresque.cli.options import CONNECTION, destroying, json_option, settings_options
from pyresque.cli.output import confirm, print_json, print_pairs, safe_text
from pyresque.process.start.load_app import load_application

if TYPE_CHECKING:
    from pyresque.client import Resque


@click.command()
@click.option(
    "--release", is_flag=True, help="Take the lock from its holder, for one that is dead."
)
@click.option("--holder", metavar="HOST:PID", help="With --release: only from this one.")
@settings_options(*CONNECTION, "master_lock_prefix")
@destroying
@json_option
def lock(
    release: bool, holder: str | None, yes: bool, dry_run: bool, as_json: bool, **given: Any
) -> None:
    """Show which scheduler holds the master lock; with --release, free the lock."""
    if holder is not None and not release:
        raise Misuse("--holder needs --release")
    resque = load_application(given)
    found = resque.master_lock()
    released = False
    if release and found is not None:
        if holder is not None and found.holder != holder:
            raise Complaint(
                f"{safe_text(found.holder)} holds the master lock, no longer {safe_text(holder)}: it was not taken"
            )
        if not dry_run:
            confirm(f"take the master lock from {safe_text(found.holder)}", yes=yes)
            released = resque.release_master_lock(found.holder)
            if not released:
                raise Complaint(f"{safe_text(found.holder)} no longer holds the master lock")
    if as_json:
        held_by, ttl = (None, None) if found is None else (found.holder, found.ttl)
        key = resque.core.lock.key
        print_json({"key": key, "holder": held_by, "ttl": ttl, "released": released})
        return
    if found is None:
        click.echo("no scheduler leads: nobody moves delayed jobs or runs recurring ones")
        return
    print_pairs(
        [
            ("key", resque.core.lock.key),
            ("holder", found.holder),
            (
                "ends in",
                "never: it has no time to live" if found.ttl is None else f"{found.ttl:.0f} s",
            ),
            ("last renewed", _age(resque, found.ttl)),
        ]
    )
    if release:
        click.echo(
            "released" if released else f"would release the lock of {safe_text(found.holder)}"
        )


def _age(resque: Resque, ttl: float | None) -> str | None:
    """Return how long ago the holder renewed the lock, if its timeout is ours; else None."""
    timeout = resque.settings.lock_timeout
    return None if ttl is None or ttl > timeout else f"{timeout - ttl:.0f} s ago"
