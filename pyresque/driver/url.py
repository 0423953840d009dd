"""What a URL says of a server: where it is, who we are there, how long to wait; the options are those of redis-py's URLs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit

from pyresque.errors import ConnectError
from pyresque.settings import without_password

if TYPE_CHECKING:
    from collections.abc import Callable
    from urllib.parse import SplitResult

SCHEMES = ("redis", "rediss", "unix")

#: Seconds until a connection that is being made, or a reply that is awaited, counts as lost.
CONNECT_TIMEOUT = 5.0
REPLY_TIMEOUT = 30.0

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


@dataclass(frozen=True, slots=True)
class RedisUrl:
    """One server and our name there. ``path`` is a Unix socket's; ``tls`` holds the options that begin with ``ssl_``."""

    where: str
    host: str = "localhost"
    port: int = 6379
    path: str = ""
    db: int = 0
    username: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    client_name: str = ""
    connect_timeout: float = CONNECT_TIMEOUT
    reply_timeout: float = REPLY_TIMEOUT
    secure: bool = False
    tls: dict[str, Any] = field(default_factory=dict, repr=False)

    def unspoken(self, text: str) -> str:
        """A server's words without our password: one that does not know AUTH repeats what it was given."""
        return text.replace(self.password, "***") if self.password else text


def target(url: str) -> RedisUrl:
    """Read a URL. Raises ConnectError."""
    if url.partition("://")[0] not in SCHEMES:
        msg = (
            f"{without_password(url)!r} is no Redis URL: it must begin with redis://, rediss:// or unix://, "
            "such as redis://localhost:6379/0"
        )
        raise ConnectError(msg)
    try:
        return _read(url)
    except ValueError as error:
        msg = f"{without_password(url)!r} cannot be used as a Redis URL: {error}"
        raise ConnectError(msg) from None


def _read(url: str) -> RedisUrl:
    parts = _parts(url)
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
    place = unquote(parts.path).strip("/")
    if parts.scheme != "unix" and place:
        options.setdefault("db", _number(place))
    return RedisUrl(
        where=without_password(url),
        host=unquote(parts.hostname or "localhost"),
        port=_port(parts),
        path=unquote(parts.path) if parts.scheme == "unix" else "",
        db=options.get("db", 0),
        username=options.get("username") or unquote(parts.username or ""),
        password=options.get("password") or unquote(parts.password or ""),
        client_name=options.get("client_name", ""),
        connect_timeout=options.get("socket_connect_timeout", CONNECT_TIMEOUT),
        reply_timeout=options.get("socket_timeout", REPLY_TIMEOUT),
        secure=parts.scheme == "rediss",
        tls={name: value for name, value in options.items() if name.startswith("ssl_")},
    )


def _parts(url: str) -> SplitResult:
    """Python's own complaints would tell the parts of a password."""
    try:
        return urlsplit(url)
    except ValueError:
        raise ValueError("its host cannot be read") from None


def _port(parts: SplitResult) -> int:
    try:
        return parts.port or 6379
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
