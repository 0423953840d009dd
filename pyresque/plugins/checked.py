"""The plugins that a registration gives, checked, and those that its short forms stand for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyresque.job.plugin import check_plugins
from pyresque.plugins.retry import retry_for

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pyresque.job.plugin import Plugin
    from pyresque.plugins.retry import Backoff


def checked_plugins(
    given: Iterable[Plugin], shown: str, retries: int | None, backoff: Backoff | None
) -> tuple[Plugin, ...]:
    """Return a job's plugins, checked, with a Retry for the short form ``retries=`` and ``backoff=``. Raises JobOptionError."""
    checked = check_plugins(given, shown)
    if retries is backoff is None:
        return checked
    return check_plugins((*checked, retry_for(retries, backoff)), shown)
