"""The setting ``PYRESQUE`` of a Django project: settings of docs/settings.md by their names, and other arguments of Resque."""

from __future__ import annotations

from typing import Any, Final

from django.conf import settings
from django.core import checks
from django.core.exceptions import ImproperlyConfigured

from pyresque.client import Resque
from pyresque.driver.url import target
from pyresque.errors import PyresqueError
from pyresque.settings import Settings

#: The name of the setting.
SETTING: Final = "PYRESQUE"

#: What a project does not give: it has one Resque, and ``manage.py pyresque`` names it.
NOT_HERE: Final = ("app", "jobs", "settings")


def faults() -> list[str]:
    """What is wrong with the setting, each fault a sentence; none if it is right."""
    given = getattr(settings, SETTING, {})
    if not isinstance(given, dict):
        return [
            f"it is {given!r}, and must be a dict of settings, such as {{'url': 'redis://...'}}"
        ]
    wrong = [f"{name}: not to be given in {SETTING}" for name in NOT_HERE if name in given]
    try:
        made = Resque(**{str(name): value for name, value in given.items() if name not in NOT_HERE})
    except PyresqueError as error:
        return wrong + str(error).split("; ")
    try:
        target(made.settings.server_url)
    except PyresqueError as error:
        wrong.append(f"url: {error}")
    return wrong


def require_right() -> None:
    """Raise ImproperlyConfigured with every fault of the setting."""
    wrong = faults()
    if wrong:
        raise ImproperlyConfigured(f"{SETTING}: {'; '.join(wrong)}")


def arguments() -> dict[str, Any]:
    """Return the setting as arguments of Resque; the defaults in place of a wrong one, so that ``manage.py check`` can report it."""
    return {"settings": Settings()} if faults() else dict(getattr(settings, SETTING, {}))


def check_setting(**_: object) -> list[checks.CheckMessage]:
    """Report each fault of the setting to ``manage.py check``."""
    hint = (
        "docs/settings.md of pyresque lists the settings; variables of the environment count, too."
    )
    return [
        checks.Error(f"{SETTING}: {fault}", hint=hint, id="pyresque.E001") for fault in faults()
    ]
