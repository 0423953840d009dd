"""The application that ``-A`` names in a Django project: ``manage.py pyresque worker``, or ``pyresque worker -A pyresque.contrib.django.app``.

The second form needs DJANGO_SETTINGS_MODULE. Workers, pools and schedulers import this module; what only serves requests does not.
"""

from __future__ import annotations

import django
from django.core.exceptions import ImproperlyConfigured

from pyresque.errors import SettingsError

try:
    django.setup()

    from pyresque.contrib.django.configuration import require_right
    from pyresque.contrib.django.connections import keep_apart
    from pyresque.contrib.django.project import resque
    from pyresque.contrib.django.resque_task import register_all

    require_right()
except ImproperlyConfigured as error:
    raise SettingsError(str(error)) from error

__all__ = ["resque"]

register_all()
keep_apart(resque)
