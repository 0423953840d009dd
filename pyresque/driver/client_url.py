"""The URL of a client's server: a worker connects by itself to where a client of the user's leads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from pyresque.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Options of a client's connections that a URL can name.
OPTIONS = (
    *("client_name", "socket_timeout", "socket_connect_timeout", "ssl_cert_reqs", "ssl_ca_certs"),
    *("ssl_ca_path", "ssl_ca_data", "ssl_certfile", "ssl_keyfile", "ssl_password"),
    "ssl_check_hostname",
)

#: What an object has by which it is known for a client or a pool.
VERBS = ("get_connection", "connection_pool", "nodes_manager")


def taken(client: Any, credentials: object, *, awaits: bool) -> tuple[str | None, Any]:
    """The URL of a client that is given in place of one, for workers, and its provider of credentials. Raises SettingsError."""
    if credentials is not None:
        raise SettingsError("give the credentials to the client: it logs in itself")
    check_client(client, awaits=awaits)
    return url_of(client) or None, credentials_of(client)


def check_client(client: Any, *, awaits: bool) -> None:
    """Refuse what is no client, and a client of the other kind. Raises SettingsError."""
    kind = f"{type(client).__module__}.{type(client).__qualname__}"
    if hasattr(client, "master_for"):
        raise SettingsError(f"redis: a {kind} is no client; give its master_for('mymaster')")
    is_part = hasattr(client, "command_stack") or not (  # a pipeline or a subscription
        hasattr(client, "pipeline") or hasattr(client, "get_connection")
    )
    if isinstance(client, type) or is_part or not any(hasattr(client, verb) for verb in VERBS):
        raise SettingsError(
            f"redis: an object of type {kind} is no client: give one of redis-py or valkey-py (Redis, RedisCluster, "
            "Sentinel.master_for(), ConnectionPool), or a URL"
        )
    part = getattr(client, "connection_pool", client)
    if not hasattr(client, "nodes_manager") and not hasattr(part, "connection_kwargs"):
        raise SettingsError(
            f"redis: an object of type {kind} tells no connection_kwargs, as redis-py's and valkey-py's pools do: give a client of theirs, or a URL"
        )
    awaited = any(".asyncio" in of.__module__ for of in type(part).__mro__)
    if awaited and not awaits:
        raise SettingsError(
            f"redis: a {kind} is awaited; give it to AsyncResque, and Resque a blocking one"
        )
    if awaits and not awaited:
        raise SettingsError(
            f"redis: a {kind} blocks; give it to Resque, and AsyncResque one of redis.asyncio"
        )


def check_server(client: Any) -> None:
    """Refuse a client that names no server: a worker could not connect by itself. Raises SettingsError."""
    if not url_of(client):
        raise SettingsError(
            f"redis: a worker connects by itself, and an object of type {type(client).__qualname__} "
            "names no server; give the worker a URL"
        )


def url_of(client: Any) -> str:
    """The URL of the server that a client leads to; empty if it tells none, as fakeredis."""
    if hasattr(client, "nodes_manager"):
        nodes = client.nodes_manager.startup_nodes
        options = dict(client.nodes_manager.connection_kwargs)
        return _url("+cluster", [(node.host, node.port) for node in nodes.values()], "", options)
    pool = getattr(client, "connection_pool", client)
    options = dict(pool.connection_kwargs)
    if "server" in options or "Fake" in getattr(pool.connection_class, "__name__", ""):
        return ""
    if "SSL" in pool.connection_class.__name__:
        options["ssl"] = True
    sentinels = getattr(getattr(pool, "sentinel_manager", None), "sentinels", None)
    if sentinels:
        of_each = [each.connection_pool.connection_kwargs for each in sentinels]
        options["sentinel_username"] = of_each[0].get("username")
        options["sentinel_password"] = of_each[0].get("password")
        nodes = [(each["host"], each.get("port", 26379)) for each in of_each]
        return _url("+sentinel", nodes, f"/{quote(pool.service_name, safe='')}", options)
    if options.get("path"):
        return _url("unix", [], quote(options["path"]), options)
    return _url("", [(options.get("host") or "localhost", options.get("port", 6379))], "", options)


def credentials_of(client: Any) -> Any:
    """The provider of credentials that a client asks at each connect; None if it has none."""
    part = getattr(client, "nodes_manager", None) or getattr(client, "connection_pool", client)
    return part.connection_kwargs.get("credential_provider")


def _url(kind: str, nodes: list[tuple[str, int]], path: str, options: Mapping[str, Any]) -> str:
    named = {name: options[name] for name in OPTIONS if options.get(name) is not None}
    for name in ("sentinel_username", "sentinel_password"):
        if options.get(name):
            named[name] = options[name]
    user, password = (_quoted(options.get(name)) for name in ("username", "password"))
    login = f"{user}:{password}@" if user or password else ""
    if kind == "unix":
        named |= {name: options[name] for name in ("db",) if options.get(name)}
        head = f"unix://{login}{path}"
    else:
        secure = options.get("ssl") or "ssl_context" in options
        places = ",".join(
            f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host, port in nodes
        )
        database = "" if kind == "+cluster" else f"/{options.get('db') or 0}"
        head = f"{'rediss' if secure else 'redis'}{kind}://{login}{places}{path}{database}"
    query = urlencode({name: _text(value) for name, value in named.items()}, quote_via=quote)
    return f"{head}?{query}" if query else head


def _quoted(given: object) -> str:
    """A user or password as a URL has it: a client takes texts, bytes and numbers."""
    if given is None:
        return ""
    return quote(given if isinstance(given, (str, bytes)) else str(given), safe="")


def _text(value: object) -> str:
    return str(getattr(value, "name", value))
