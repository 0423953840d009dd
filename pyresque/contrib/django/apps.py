"""The Django application: finds the jobs of the installed apps, and has the setting ``PYRESQUE`` checked."""

from __future__ import annotations

from importlib import import_module
from typing import Final

from django.apps import AppConfig
from django.conf import settings
from django.core import checks
from django.utils.module_loading import autodiscover_modules, module_has_submodule

from pyresque.contrib.django.configuration import check_setting

#: The modules of each app, and of the project's own package, that have its jobs.
MODULES: Final = ("tasks", "jobs")


class PyresqueConfig(AppConfig):
    """``pyresque.contrib.django`` in INSTALLED_APPS."""

    name = "pyresque.contrib.django"
    label = "pyresque"
    verbose_name = "Resque"

    def ready(self) -> None:
        """Import ``tasks.py`` and ``jobs.py`` of every app and of the project's package."""
        checks.register(check_setting)
        autodiscover_modules(*MODULES)
        for name in _of_the_project():
            import_module(name)


def _of_the_project() -> list[str]:
    """Return the MODULES of the package that has the settings: ``startproject`` does not list that package among the apps."""
    package, dot, _ = (getattr(settings, "SETTINGS_MODULE", None) or "").partition(".")
    if not dot:
        return []
    found = import_module(package)
    return [f"{package}.{name}" for name in MODULES if module_has_submodule(found, name)]
