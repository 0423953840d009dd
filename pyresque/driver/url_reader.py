"""Reads a Redis URL of any kind; its options are those of redis-py's URLs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit

from pyresque.driver.url import CONNECT_TIMEOUT, PORTS, REPLY_TIMEOUT, SCHEMES, RedisUrl
from pyresque.printable import without_password

if TYPE_CHECKING:
    from collections.abc import Callable
    from urllib.parse import SplitResult

YES, NO = ("true", "1", "yes", "on"), ("false", "0", "no", "off")


def _truth(text: str) -> bool:
    if text.lower() not in YES + NO:
        raise ValueError(f"{text!r} is neither yes nor no")
    return text.lower() in YES


def _seconds(text: str) -> float:
    if not 0 < float(text) < float("inf"):
        raise ValueError(f"{text!r} is no number of seconds above 0")
    return float(text)


def _number(text: str) -> int:
    if not text.isdecimal():
        raise ValueError(f"{text!r} is no number")
    return int(text)


#: How far a server's certificate is checked, by each way in which that is written: redis-py's, the ssl module's, a number.
REQUIREMENTS = {
    **dict.fromkeys(("none", "0", "false", "no", "off"), "none"),
    **dict.fromkeys(("optional", "1"), "optional"),
    **dict.fromkeys(("required", "2", "true", "yes", "on"), "required"),
}


def _requirement(text: str) -> str:
    found = REQUIREMENTS.get(
        text.lower().removeprefix("ssl.").removeprefix("verifymode.").removeprefix("cert_")
    )
    if found is None:
        raise ValueError(f"{text!r} is none of required, optional, none")
    return found


#: How each option is read.
OPTIONS: dict[str, Callable[[str], Any]] = {
    "db": _number,
    "username": str,
    "password": str,
    "sentinel_username": str,
    "sentinel_password": str,
    "client_name": str,
    "socket_timeout": _seconds,
    "socket_connect_timeout": _seconds,
    "ssl_cert_reqs": _requirement,
    "ssl_ca_certs": str,
    "ssl_ca_path": str,
    "ssl_ca_data": str,
    "ssl_certfile": str,
    "ssl_keyfile": str,
    "ssl_password": str,
    "ssl_check_hostname": _truth,
}

#: Options that say how redis-py's own client behaves, which is not in play here.
OF_THE_CLIENT = frozenset(
    {
        *("decode_responses", "encoding", "encoding_errors", "health_check_interval", "lib_name"),
        *("lib_version", "max_connections", "protocol", "retry_on_error", "retry_on_timeout"),
        *("socket_keepalive", "socket_read_size", "timeout"),
    }
)


KNOWN = OF_THE_CLIENT | OPTIONS.keys()


def read(url: str) -> RedisUrl:
    """Read a URL. Raises ValueError."""
    kind = SCHEMES[url.partition("://")[0]]
    parts, nodes = _parts(url, kind)
    given = parse_qsl(parts.query)
    if _is_cut(parts) or ("@" in parts.query and not {name for name, _ in given} <= KNOWN):
        raise ValueError(
            "a user or password that holds / ? # @ : or & is written with %2F %3F %23 %40 %3A %26 in their place"
        )
    names = [name for name, _ in given]
    secret = next((at for at, name in enumerate(names) if "password" in name), len(names))
    if not KNOWN.issuperset(names[secret + 1 :]):
        raise ValueError("what follows the password is no option; a & in a password is written %26")
    options = {name: _option(name, text) for name, text in given}
    master, database = _path(parts, kind)
    if database:
        options.setdefault("db", _number(database))
    if kind == "cluster" and options.get("db"):
        raise ValueError("a cluster has database 0 alone")
    if kind != "sentinel" and ("sentinel_username" in options or "sentinel_password" in options):
        raise ValueError("sentinel_username and sentinel_password belong to redis+sentinel://")
    return RedisUrl(
        where=without_password(url),
        host=unquote(parts.hostname or "localhost"),
        port=_port(parts, PORTS[kind]),
        path=unquote(parts.path) if parts.scheme == "unix" else "",
        db=options.get("db", 0),
        username=options.get("username") or unquote(parts.username or ""),
        password=options.get("password") or unquote(parts.password or ""),
        client_name=options.get("client_name", ""),
        connect_timeout=options.get("socket_connect_timeout", CONNECT_TIMEOUT),
        reply_timeout=options.get("socket_timeout", REPLY_TIMEOUT),
        secure=parts.scheme.startswith("rediss"),
        kind=kind,
        nodes=nodes,
        master=master,
        sentinel_username=options.get("sentinel_username", ""),
        sentinel_password=options.get("sentinel_password", ""),
        tls={name: value for name, value in options.items() if name.startswith("ssl_")},
    )


def _parts(url: str, kind: str) -> tuple[SplitResult, tuple[tuple[str, int], ...]]:
    """The parts of a URL, with the first of its nodes, and the nodes. Python's own complaints would show parts of a password."""
    try:
        parts = urlsplit(url)
    except ValueError:
        raise ValueError("its host cannot be read") from None
    if kind == "server":
        return parts, ()
    user, at, addresses = parts.netloc.rpartition("@")
    nodes = tuple(_node(address, PORTS[kind]) for address in addresses.split(","))
    return parts._replace(netloc=f"{user}{at}{addresses.split(',')[0]}"), nodes


def _node(address: str, port: int) -> tuple[str, int]:
    try:
        parts = urlsplit(f"//{address}")
    except ValueError:
        raise ValueError("its host cannot be read") from None
    if not parts.hostname:
        raise ValueError("an address of a node is missing, such as host:port,host:port")
    return unquote(parts.hostname), _port(parts, port)


def _path(parts: SplitResult, kind: str) -> tuple[str, str]:
    """The name of the master and the number of the database in a path such as ``/mymaster/0``."""
    text = parts.path.strip("/")
    if parts.scheme == "unix":
        return "", ""
    if kind != "sentinel":
        return "", unquote(text)
    master, database = map(unquote, (text.partition("/")[0], text.partition("/")[2]))
    if not master:
        raise ValueError(
            "the master's name is missing, such as redis+sentinel://host:26379/mymaster/0"
        )
    return master, database


def _port(parts: SplitResult, usual: int) -> int:
    try:
        return parts.port or usual
    except ValueError:
        raise ValueError("its port is no number from 1 to 65535") from None


def _is_cut(parts: SplitResult) -> bool:
    """Whether a user or password ended at a letter of its own: the ``@`` after it stands where none can be."""
    bare = [option for option in parts.query.split("&") if "=" not in option]
    beyond = [parts.fragment, *bare, "" if parts.scheme == "unix" else parts.path]
    return any("@" in one for one in beyond)


def _option(name: str, text: str) -> Any:
    if name in OF_THE_CLIENT:
        return text
    if name not in OPTIONS:
        raise ValueError(f"there is no option {name!r}; there are {', '.join(OPTIONS)}")
    try:
        return OPTIONS[name](text)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None
