"""An AsyncResque of the same settings and jobs as a Resque: for web applications, whose jobs are registered with either."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyresque.client import AsyncResque, Resque
from pyresque.errors import SettingsError
from pyresque.printable import wrong_value

if TYPE_CHECKING:
    from pyresque.application import Application


def awaiting(resque: Application) -> AsyncResque:
    """Return an AsyncResque of the same settings and jobs; an AsyncResque is taken as it is. Raises SettingsError."""
    if isinstance(resque, AsyncResque):
        return resque
    if not isinstance(resque, Resque):
        raise SettingsError(f"{wrong_value(resque)} is no Resque: give the one that has the jobs")
    resque.connect_by_url()
    core = resque.core
    return AsyncResque(
        settings=resque.settings,
        jobs=resque,
        credentials=resque._credentials,  # noqa: SLF001 - our own class
        failures=core.given_failures,
        clock=core.clock,
    )
