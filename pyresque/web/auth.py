"""Who asks, and what they may do: Access, and the ways of logging in that the settings name."""

from __future__ import annotations

import base64
import binascii
import hmac
from dataclasses import dataclass
from inspect import isawaitable
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import TypeAlias

    from starlette.requests import Request

    from pyresque.settings import Settings

    Role: TypeAlias = Literal["read", "admin"]

    #: Says what a request may do: an Access, "read" or "admin", or None for nothing.
    Authorize: TypeAlias = Callable[[Request], "Answer | Awaitable[Answer]"]
    Answer: TypeAlias = "Access | Role | None"


@dataclass(frozen=True, slots=True)
class Access:
    """What a request may do, ``read`` or ``admin`` (also change), and the name of who asks, for the log.

    ``sees_arguments``: whether the jobs' arguments are shown, all as they are (True), or hidden (False); None: as the settings say.
    """

    role: Role
    user: str = ""
    sees_arguments: bool | None = None

    @property
    def may_change(self) -> bool:
        """Whether the request may change anything."""
        return self.role == "admin"


def anybody(_request: Request) -> Access:
    """Everybody may do everything: for a dashboard that only its own host reaches."""
    return Access("admin")


async def ask(authorize: Authorize, request: Request) -> Access | None:
    """Return what ``authorize`` says. A role that is none gives no access."""
    answer = authorize(request)
    if isawaitable(answer):
        answer = await answer
    if isinstance(answer, Access):
        return answer if answer.role in {"read", "admin"} else None
    return Access(answer) if answer in {"read", "admin"} else None


class LogIn:
    """The ways of logging in that the settings name: basic, bearer token, and a proxy's header."""

    def __init__(self, settings: Settings) -> None:
        self.basic: list[tuple[bytes, Role]] = [
            (given.encode(), role)
            for given, role in _roles(settings.web_auth, settings.web_read_auth)
        ]
        self.tokens: list[tuple[bytes, Role]] = [
            (given.encode(), role)
            for given, role in _roles(settings.web_token, settings.web_read_token)
        ]
        self.header = settings.web_user_header
        self.admins = frozenset(settings.web_admins)

    @property
    def any(self) -> bool:
        """Whether the settings name any way of logging in."""
        return bool(self.basic or self.tokens or self.header)

    @property
    def challenge(self) -> str:
        """What a browser is told to ask for."""
        return 'Basic realm="resque", charset="UTF-8"' if self.basic else 'Bearer realm="resque"'

    def __call__(self, request: Request) -> Access | None:
        """Return what a request may do."""
        if not self.any:
            return anybody(request)
        kind, _, given = request.headers.get("authorization", "").partition(" ")
        given = given.strip()
        if kind.lower() == "basic" and (found := self._basic(given)):
            return found
        if kind.lower() == "bearer" and (role := _same(self.tokens, given.encode())):
            return Access(role, "bearer token")
        user = request.headers.get(self.header, "").strip() if self.header else ""
        if user:
            return Access("admin" if not self.admins or user in self.admins else "read", user)
        return None

    def _basic(self, given: str) -> Access | None:
        try:
            pair = base64.b64decode(given, validate=True)
        except (binascii.Error, ValueError):
            return None
        role = _same(self.basic, pair)
        user = pair.partition(b":")[0].decode("utf-8", "replace")
        return None if role is None else Access(role, user)


def _roles(admin: str, read: str) -> list[tuple[str, Role]]:
    found: list[tuple[str, Role]] = []
    if admin:
        found.append((admin, "admin"))
    if read:
        found.append((read, "read"))
    return found


def _same(known: list[tuple[bytes, Role]], given: bytes) -> Role | None:
    """Return the role of a secret. All are compared, so that the time tells nothing."""
    found: Role | None = None
    for secret, role in known:
        if hmac.compare_digest(secret, given) and found is None:
            found = role
    return found
