"""TLS for a connection of our own (``rediss://``); OpenSSL is loaded with this module."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import socket

    from pyresque.driver.target import Target

#: What a socket that must not wait raises when nothing has come.
NOT_YET: tuple[type[OSError], ...] = (ssl.SSLWantReadError,)

VERIFY = {"none": ssl.CERT_NONE, "optional": ssl.CERT_OPTIONAL, "required": ssl.CERT_REQUIRED}


def secured(plain: socket.socket, to: Target) -> ssl.SSLSocket:
    """The socket under TLS, the server's certificate checked as the URL says. Raises OSError, ValueError."""
    try:
        return context(to).wrap_socket(plain, server_hostname=to.host)
    except BaseException:
        plain.close()
        raise


def context(to: Target) -> ssl.SSLContext:
    """As redis-py makes it of the same options."""
    given = to.tls
    made = ssl.create_default_context(
        cafile=given.get("ssl_ca_certs"),
        capath=given.get("ssl_ca_path"),
        cadata=given.get("ssl_ca_data"),
    )
    wanted = given.get("ssl_cert_reqs", "required")
    if wanted not in VERIFY:
        raise ValueError(f"ssl_cert_reqs: {wanted!r} is none of {', '.join(VERIFY)}")
    checked = wanted != "none"
    made.check_hostname = checked and given.get("ssl_check_hostname", True)
    made.verify_mode = VERIFY[wanted]
    if "ssl_certfile" in given:
        made.load_cert_chain(
            given["ssl_certfile"], given.get("ssl_keyfile"), given.get("ssl_password")
        )
    return made
