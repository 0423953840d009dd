"""The dashboard: an ASGI application, ``pyresque.web.app(resque)``, for a server of its own or below a path of another application."""

from pyresque.errors import MissingPackage

try:
    from pyresque.web.auth import Access, anybody
    from pyresque.web.build import app
except ModuleNotFoundError as error:
    raise MissingPackage("the dashboard", "web", error) from error

__all__ = ["Access", "anybody", "app"]
