"""Litestar: a plugin that keeps an AsyncResque as long as the application lives, and gives it to handlers as a dependency.

>>> app = Litestar([begin], plugins=[ResquePlugin(resque)])
>>> @post("/reports/{number:int}")
... async def begin(number: int, resque: NamedDependency[AsyncResque]) -> dict[str, str]: ...
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from litestar.datastructures import State  # noqa: TC002 - Litestar reads the annotation
from litestar.di import Provide
from litestar.plugins import InitPluginProtocol

from pyresque.awaiting import awaiting
from pyresque.client import AsyncResque  # noqa: TC001 - as above

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from litestar import Litestar
    from litestar.config.app import AppConfig

    from pyresque.application import Application


__all__ = ["ResquePlugin"]


class ResquePlugin(InitPluginProtocol):
    """Gives handlers an AsyncResque under the name ``resque``, or another one.

    Of a Resque it makes an AsyncResque of the same settings and jobs; an AsyncResque is taken as it is. That connects at its
    first verb, and is closed when the application ends. ``app.state`` has it under the same name.
    """

    def __init__(self, resque: Application, name: str = "resque") -> None:
        self.resque = resque
        self.name = name

    def on_app_init(self, app_config: AppConfig) -> AppConfig:
        """Add the lifespan and the dependency; Litestar calls this."""
        app_config.lifespan.append(self._living)
        app_config.dependencies[self.name] = Provide(self._given, sync_to_thread=False)
        return app_config

    @asynccontextmanager
    async def _living(self, app: Litestar) -> AsyncIterator[None]:
        async with awaiting(self.resque) as web:
            app.state[self.name] = web
            yield

    def _given(self, state: State) -> AsyncResque:
        found: AsyncResque = state[self.name]
        return found
