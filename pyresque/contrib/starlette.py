"""Starlette and FastAPI: an AsyncResque that lives as long as the application, and the dependency that gives it.

>>> app = FastAPI(lifespan=lifespan(resque))
>>> @app.post("/reports/{number}")
... async def begin(number: int, web: Annotated[AsyncResque, Depends(given_resque)]): ...
"""

from __future__ import annotations

from contextlib import asynccontextmanager, nullcontext
from typing import TYPE_CHECKING, Any, Final, TypeVar

from starlette.requests import HTTPConnection  # noqa: TC002 - FastAPI reads the annotation

from pyresque.awaiting import awaiting
from pyresque.client import AsyncResque
from pyresque.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping
    from contextlib import AbstractAsyncContextManager

    from starlette.applications import Starlette

    from pyresque.application import Application

    A = TypeVar("A", bound=Starlette)

__all__ = ["given_resque", "lifespan"]

#: The name in the lifespan's state, ``request.state.resque``.
NAME: Final = "resque"


def lifespan(
    resque: Application,
    inside: Callable[[A], AbstractAsyncContextManager[Mapping[str, Any] | None]] | None = None,
) -> Callable[[A], AbstractAsyncContextManager[dict[str, Any]]]:
    """Return a lifespan for ``FastAPI(lifespan=...)`` or ``Starlette(lifespan=...)``; ``given_resque`` gives its AsyncResque.

    Of a Resque it makes an AsyncResque of the same settings and jobs; an AsyncResque is taken as it is. That connects at its
    first verb, and is closed when the application ends. ``inside``: a lifespan of the application's own, which runs inside.
    """

    @asynccontextmanager
    async def living(app: A) -> AsyncIterator[dict[str, Any]]:
        async with awaiting(resque) as web:
            own = nullcontext() if inside is None else inside(app)
            async with own as state:
                yield {**(state or {}), NAME: web}

    return living


async def given_resque(connection: HTTPConnection) -> AsyncResque:
    """Return the application's AsyncResque: a dependency of FastAPI, in Starlette called with the request or web socket.

    A test puts another one in its place by ``app.dependency_overrides[given_resque]``. Raises SettingsError where no ``lifespan`` runs.
    """
    found = getattr(connection.state, NAME, None)
    if not isinstance(found, AsyncResque):
        raise SettingsError(
            "this application has no Resque: make it with lifespan=pyresque.contrib.starlette.lifespan(resque), "
            "and in a test enter its client, as in `with TestClient(app) as client`"
        )
    return found
