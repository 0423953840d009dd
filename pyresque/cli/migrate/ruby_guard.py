"""The command ``migrate ruby-guard``: print the file that Ruby's workers load while classes move to Python."""

from __future__ import annotations

import pkgutil

import click


@click.command("ruby-guard")
def ruby_guard() -> None:
    """Print a Ruby file for the Rails application: pyresque migrate ruby-guard > lib/resque_guard.rb.

    Loaded in the processes of Ruby's workers, it hands jobs over to Python that the routing table leads there, in place of
    performing them or failing for want of their class; and it counts what Ruby performs by class, for the brake and the ledger.
    """
    found = pkgutil.get_data("pyresque.migrate", "resque_guard.rb")
    click.echo((found or b"").decode(), nl=False)
