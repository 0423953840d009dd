"""The URLs of the site in the contract."""

from django.contrib import admin
from django.urls import include, path

from pyresque.contrib.django import dashboard_urls


def look_or_change(user):
    """Superusers change things, others look, one nothing."""
    if user.get_username() == "outcast":
        return None
    return "admin" if user.is_superuser else "read"


urlpatterns = [
    path("jobs/", include("pyresque.contrib.django.urls")),
    path("some/where/", include(dashboard_urls(look_or_change), namespace="other")),
    path("admin/", admin.site.urls),
]
