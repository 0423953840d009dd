"""Django: a backend for its tasks, ``manage.py pyresque``, the settings in ``PYRESQUE``, the dashboard below a URL.

>>> INSTALLED_APPS = [..., "pyresque.contrib.django"]
>>> TASKS = {"default": {"BACKEND": "pyresque.contrib.django.ResqueBackend"}}
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyresque.contrib.django.backend import ResqueBackend
    from pyresque.contrib.django.errors import TaskKeptOut
    from pyresque.contrib.django.project import resque
    from pyresque.contrib.django.resque_task import task
    from pyresque.contrib.django.urls import dashboard_urls

__all__ = ["ResqueBackend", "TaskKeptOut", "dashboard_urls", "resque", "task"]

#: The module of each public name. It is loaded at the name's first use: Django loads this package before its settings can be read.
_MODULES = {
    "ResqueBackend": "backend",
    "TaskKeptOut": "errors",
    "dashboard_urls": "urls",
    "resque": "project",
    "task": "resque_task",
}


# There is no __dir__: what looks at every module (freezegun does) would load them before Django has its settings.
def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = __import__(f"{__name__}.{_MODULES[name]}", fromlist=[name])
    found: object = getattr(module, name)
    globals()[name] = found
    return found
