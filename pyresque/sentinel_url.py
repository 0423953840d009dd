"""The URL of a master whose Sentinels are given by settings of their own, beside the URL."""

from __future__ import annotations

from pyresque.errors import SettingsError
from pyresque.printable import without_password

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Protocol

    class SentinelSettings(Protocol):
        """The settings that name a server and its Sentinels."""

        url: str
        sentinels: tuple[str, ...]
        sentinel_master: str
        sentinel_username: str
        sentinel_password: str


def own_sentinels(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return empty settings of Sentinels, which hide those of the environment, if a URL is given in code or by flag.

    A URL of Sentinels still takes their user and password from there.
    """
    url = given.get("url")
    if url is None or given.get("sentinels") is not None:
        return {}
    hidden: dict[str, Any] = {"sentinels": ()}
    if "+sentinel" not in str(url).partition("://")[0]:
        own = ("sentinel_username", "sentinel_password")
        hidden.update((name, "") for name in own if given.get(name) is None)
    return hidden


def sentinel_url(settings: SentinelSettings) -> str:
    """Return ``redis+sentinel://`` with the URL's user, password, database and options, and the Sentinels of the settings.

    Raises SettingsError if the URL names Sentinels itself, or something that has none.
    """
    url, nodes = settings.url, ",".join(settings.sentinels)
    own = {
        "sentinel_username": settings.sentinel_username,
        "sentinel_password": settings.sentinel_password,
    }
    if not nodes and not any(own.values()):
        return url
    from urllib.parse import quote  # noqa: PLC0415 - for those who have Sentinels: each forked child pays for what is loaded

    if nodes:
        scheme, _, rest = url.partition("://")
        if scheme not in {"redis", "rediss"}:
            raise SettingsError(
                f"sentinels (REDIS_SENTINELS): {without_password(url)!r} names no master whose host Sentinels could tell; "
                "give redis:// or rediss://, with user, password and database"
            )
        if set(nodes) & set("/?#@"):
            raise SettingsError(
                "sentinels (REDIS_SENTINELS): give addresses alone, such as s1:26379,s2:26379; "
                "user and password of the Sentinels are REDIS_SENTINEL_USERNAME and REDIS_SENTINEL_PASSWORD"
            )
        end = next((at for at, letter in enumerate(rest) if letter in "/?#"), len(rest))
        user, at_sign, _ = rest[:end].rpartition("@")
        path, mark, options = rest[end:].partition("?")
        master = quote(settings.sentinel_master, safe="", errors="replace")
        url = f"{scheme}+sentinel://{user}{at_sign}{nodes}/{master}{path}{mark}{options}"
    more = "&".join(
        f"{name}={quote(text, safe='', errors='replace')}" for name, text in own.items() if text
    )
    if not more:
        return url
    if "+sentinel" not in url.partition("://")[0]:
        raise SettingsError(
            "sentinel_username and sentinel_password (REDIS_SENTINEL_USERNAME, REDIS_SENTINEL_PASSWORD): no Sentinels are named; "
            "name them by sentinels (REDIS_SENTINELS), or by a URL that begins with redis+sentinel://"
        )
    return f"{url}{'&' if '?' in url else '?'}{more}"
