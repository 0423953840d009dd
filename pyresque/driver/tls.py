"""TLS for a connection of our own (``rediss://``), and the errors if it does not come about. Importing this module loads OpenSSL."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyresque.errors import ConnectionFault

if TYPE_CHECKING:
    import _socket

    from pyresque.driver.url import RedisUrl

#: What a socket that must not wait raises when nothing has come.
NOT_YET: tuple[type[OSError], ...] = (ssl.SSLWantReadError,)

VERIFY = {"none": ssl.CERT_NONE, "optional": ssl.CERT_OPTIONAL, "required": ssl.CERT_REQUIRED}

#: The options that name files, and what each of them holds.
FILES = {
    "ssl_ca_certs": "certificates of authorities",
    "ssl_certfile": "our certificate",
    "ssl_keyfile": "the key of our certificate",
}

#: Seconds that a server is given to show whether it speaks TLS.
LOOK = 2.0

#: Seconds after which a server that has not answered the handshake is asked that.
SILENT = 0.5


def alert(made: _socket.socket | None) -> OSError | None:
    """What a server said of TLS before it hung up, if it did so while we were speaking."""
    if made is not None:
        try:
            made.recv(1)
        except OSError as error:
            return error
    return None


def over(made: _socket.socket, to: RedisUrl) -> ssl.SSLSocket:
    """The socket of ``open_socket`` under TLS, as ``secured``."""
    whole = made.gettimeout()
    plain = socket.socket(made.family, made.type, made.proto, made.detach())
    plain.settimeout(whole)
    return secured(plain, to)


def secured(plain: socket.socket, to: RedisUrl) -> ssl.SSLSocket:
    """The socket under TLS, the server's certificate checked as the URL says. Raises OSError, ConnectionFault."""
    try:
        made = context(to).wrap_socket(
            plain, server_hostname=to.host, do_handshake_on_connect=False
        )
    except BaseException:
        plain.close()
        raise
    try:
        _shake_hands(made, to)
    except BaseException:
        made.close()
        raise
    return made


def _shake_hands(made: ssl.SSLSocket, to: RedisUrl) -> None:
    """Perform the handshake. A plain Redis answers nothing to it: one that is silent is soon asked whether it speaks TLS."""
    whole = made.gettimeout()
    if whole is not None and whole <= SILENT:
        made.do_handshake()
        return
    made.settimeout(SILENT)
    try:
        made.do_handshake()
    except TimeoutError:
        wrong = mistaken(to)
        if wrong is not None:
            raise ConnectionFault(f"Redis at {to.where}: {wrong}") from None
        made.settimeout(None if whole is None else whole - SILENT)
        made.do_handshake()
    made.settimeout(whole)


def context(to: RedisUrl) -> ssl.SSLContext:
    """As redis-py makes it of the same options. Raises ConnectionFault, which names the file that is at fault."""
    given = to.tls
    for option, what in FILES.items():
        if option in given:
            _readable(given[option], option, what)
    if "ssl_ca_path" in given and not Path(given["ssl_ca_path"]).is_dir():
        raise ConnectionFault(
            f"ssl_ca_path: {given['ssl_ca_path']} is no directory; correct the URL"
        )
    made = _trusting(given)
    checked = given.get("ssl_cert_reqs", "required")
    made.check_hostname = checked != "none" and given.get("ssl_check_hostname", True)
    made.verify_mode = VERIFY[checked]
    if "ssl_certfile" in given:
        _own_certificate(made, given)
    return made


def _readable(path: str, option: str, what: str) -> None:
    try:
        with Path(path).open("rb"):
            return
    except OSError as error:
        raise ConnectionFault(
            f"{option}: {path}, which is to hold {what}, cannot be read: {error.strerror}; correct the URL, or provide the file"
        ) from error


def _trusting(given: dict[str, Any]) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(
            cafile=given.get("ssl_ca_certs"),
            capath=given.get("ssl_ca_path"),
            cadata=given.get("ssl_ca_data"),
        )
    except (OSError, ValueError) as error:
        named = next(
            (name for name in ("ssl_ca_certs", "ssl_ca_data") if name in given), "ssl_ca_path"
        )
        value = "" if named == "ssl_ca_data" else f" {given.get(named)}"
        raise ConnectionFault(
            f"{named}:{value} holds no certificates in PEM: {_said(error)}"
        ) from error


def _own_certificate(made: ssl.SSLContext, given: dict[str, Any]) -> None:
    # Without a password OpenSSL would ask for one on the terminal.
    password = given.get("ssl_password", "")
    try:
        made.load_cert_chain(given["ssl_certfile"], given.get("ssl_keyfile"), password)
    except (OSError, ValueError) as error:
        key = f" with ssl_keyfile: {given['ssl_keyfile']}" if "ssl_keyfile" in given else ""
        raise ConnectionFault(
            f"ssl_certfile: {given['ssl_certfile']}{key} cannot be used: {_said(error)}; "
            "both must be PEM and belong together, and ssl_password open the key"
        ) from error


def fault(error: BaseException, to: RedisUrl) -> str | None:
    """What is wrong with the configuration, by an error of TLS; None if it may be the server's or the wire's trouble."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return (
            f"the server's certificate is not accepted: {error.verify_message or _said(error)}; give the certificate of the "
            "authority that signed it as ssl_ca_certs=FILE, the name that it bears as host, or ssl_cert_reqs=none to take any"
        )
    if not isinstance(error, ssl.SSLError) or isinstance(
        error, (ssl.SSLEOFError, ssl.SSLZeroReturnError, ssl.SSLSyscallError)
    ):
        return None
    said = _said(error)
    if error.reason in {"WRONG_VERSION_NUMBER", "HTTP_REQUEST"}:
        return _plain(to)
    if "CERTIFICATE" in said.upper() or "UNKNOWN_CA" in said.upper():
        return (
            f"the server wants a certificate of ours, or does not accept it: {said}; "
            "give ssl_certfile=FILE and ssl_keyfile=FILE"
        )
    if "VERSION" in said.upper() or "HANDSHAKE" in said.upper() or "PROTOCOL" in said.upper():
        return f"the server and we have no version or cipher of TLS in common: {said}"
    return None


def mistaken(to: RedisUrl) -> str | None:
    """What is wrong if a server does not go on as the URL's scheme has it: it is asked whether it speaks the other way."""
    if to.path:
        return None
    if to.secure:
        return _plain(to) if _answers_plainly(to) else None
    if _answers_with_tls(to):
        return "the server speaks TLS there: write rediss:// in place of redis://"
    return None


def _plain(to: RedisUrl) -> str:
    return f"port {to.port} does not speak TLS: write redis:// in place of rediss://, or give the port that does"


def _answers_plainly(to: RedisUrl) -> bool:
    try:
        with socket.create_connection((to.host, to.port), LOOK) as asked:
            asked.sendall(b"PING\r\n")
            return asked.recv(1) in {b"+", b"-"}
    except OSError:
        return False


def _answers_with_tls(to: RedisUrl) -> bool:
    made = ssl.create_default_context()
    made.check_hostname = False
    made.verify_mode = ssl.CERT_NONE
    try:
        with (
            socket.create_connection((to.host, to.port), LOOK) as asked,
            made.wrap_socket(asked, server_hostname=to.host),
        ):
            return True
    except OSError:
        return False


def _said(error: BaseException) -> str:
    """What OpenSSL says, without the line of its source."""
    reason = getattr(error, "reason", None)
    return str(reason or getattr(error, "strerror", None) or error)
