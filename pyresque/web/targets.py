"""What the dashboard of an application shows: its own Redis, or each server and namespace that the setting ``web_targets`` names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyresque.client import AsyncResque
from pyresque.sentinel_url import own_sentinels

if TYPE_CHECKING:
    from pyresque.application import Application


def targets_of(resque: Application) -> Application | dict[str, Application]:
    """Return the application, or one with the same jobs for each server that the settings name."""
    found: dict[str, Application] = {}
    for one in resque.settings.web_targets:
        name, _, place = one.partition("=")
        url, _, namespace = place.partition("#")
        settings = resque.settings.replace(
            url=url, namespace=namespace or resque.settings.namespace, **own_sentinels({"url": url})
        )
        found[name] = AsyncResque(settings=settings, jobs=resque)
    return found or resque
