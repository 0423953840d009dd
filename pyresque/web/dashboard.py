"""Dashboard: what handlers of pages share: the connection, the settings, and the links between pages."""

from __future__ import annotations

from hashlib import blake2b, sha256
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote, urlencode

from pyresque.awaiting import awaiting
from pyresque.settings import SECRETS
from pyresque.web.screen import Rules

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyresque.application import Application
    from pyresque.core import Core
    from pyresque.ops import Op
    from pyresque.settings import Settings

T = TypeVar("T")


class Dashboard:
    """One Resque as the pages see it. All pages share the connection of one AsyncResque."""

    def __init__(self, resque: Application, name: str = "", names: Sequence[str] = ()) -> None:
        """``name``: what it is called among several, which are ``names``."""
        self.name = name
        self.names = names
        self.resque = awaiting(resque)
        secrets = "\0".join(str(getattr(self.settings, name)) for name in ("url", *SECRETS))
        self.rules = Rules(self.settings)
        self._key = sha256(secrets.encode("utf-8", "surrogateescape")).digest()

    @property
    def core(self) -> Core:
        """The parts that the operations belong to."""
        return self.resque.core

    @property
    def settings(self) -> Settings:
        """The settings of the application."""
        return self.resque.settings

    async def run(self, operation: Op[T]) -> T:
        """Run an operation on the shared connection."""
        return await self.resque.run(operation)

    def name_of(self, raw: bytes) -> str:
        """Return what names an element of a list on a page: a digest of its bytes.

        It has a key, so that nobody finds out arguments that are hidden by trying what they may be; processes of the same settings
        give the same names.
        """
        return blake2b(raw, key=self._key, digest_size=20).hexdigest()

    def now(self) -> float:
        """Seconds since 1970."""
        return self.core.clock.time()


def link(*parts: str, **query: Any) -> str:
    """Return a path below the dashboard: its parts and the values of its query quoted; a value of None is left out.

    A name that ends like the JSON of a page says that it does not mean that.
    """
    path = "/".join(["", *(quote(_bytes(part), safe="") for part in parts)])
    given = {name: value for name, value in query.items() if value is not None}
    if len(parts) > 1 and parts[-1].endswith(".json"):
        given["format"] = "html"
    if not given:
        return path
    return f"{path}?{urlencode({key: _bytes(str(value)) for key, value in given.items()})}"


def _bytes(name: str) -> bytes:
    return name.encode("utf-8", "surrogateescape")
