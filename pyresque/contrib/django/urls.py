"""The URLs of the dashboard: ``path("resque/", include("pyresque.contrib.django.urls"))``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.exceptions import ImproperlyConfigured
from django.urls import path

try:
    from pyresque.contrib.django.dashboard import staff, view
except ModuleNotFoundError as missing:
    if missing.name is None or missing.name.startswith(("pyresque", "django")):
        raise
    raise ImproperlyConfigured(
        f"the dashboard needs {missing.name}: pip install 'pyresque[django]'"
    ) from missing

if TYPE_CHECKING:
    from django.urls import URLPattern

    from pyresque.contrib.django.dashboard import MayDo

#: The namespace of the names: ``{% url "pyresque:dashboard" %}``.
app_name = "pyresque"


def dashboard_urls(may_do: MayDo = staff) -> tuple[list[URLPattern], str]:
    """Return the dashboard's URLs, for ``include``. ``may_do`` is given a user who is staff, and says what that one may do.

    It returns "admin" (change things), "read", an Access, or None for nothing.

    >>> path("resque/", include(dashboard_urls(lambda user: "admin" if user.is_superuser else "read")))
    """
    shown = view(may_do)
    return [path("", shown, name="dashboard"), path("<path:path>", shown, name="page")], app_name


urlpatterns = dashboard_urls()[0]
