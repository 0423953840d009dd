"""The command ``web``: serve the dashboard."""

from __future__ import annotations

import logging
import socket
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

import click

from pyresque.cli.errors import Complaint, Misuse
from pyresque.cli.options import CONNECTION, RECORDS, SERVING, settings_options
from pyresque.errors import MissingPackage
from pyresque.process.start.load_app import load_application

if TYPE_CHECKING:
    from pyresque.settings import Settings

#: Addresses that only the own host reaches, and the names by which its browsers call them.
OWN = ("127.0.0.1", "localhost", "[::1]")

#: What lets others in, for the message.
WAYS = "PYRESQUE_WEB_AUTH=user:password, PYRESQUE_WEB_TOKEN, or --user-header behind a proxy that logs users in"


@click.command()
@click.option(
    "--no-auth", is_flag=True, help="Let everybody who reaches the address do everything."
)
@settings_options(*CONNECTION, *RECORDS, *SERVING)
def web(no_auth: bool, **given: Any) -> None:
    """Serve the dashboard, for this host alone unless --bind says otherwise.

    Who may look and who may change things: PYRESQUE_WEB_AUTH and PYRESQUE_WEB_READ_AUTH (user:password), PYRESQUE_WEB_TOKEN and
    PYRESQUE_WEB_READ_TOKEN (bearer), or --user-header with --admins behind a proxy.
    """
    resque = load_application(given)
    require_web()
    import uvicorn  # noqa: PLC0415 - for this command alone

    from pyresque.web import app  # noqa: PLC0415 - as above
    from pyresque.web.auth import LogIn, anybody  # noqa: PLC0415 - as above
    from pyresque.web.targets import targets_of  # noqa: PLC0415 - as above

    settings = resque.settings
    host, port = _address(settings)
    login = LogIn(settings)
    own = f"[{host}]" if ":" in host else host
    if own not in OWN and not (login.any or no_auth):
        raise Misuse(
            f"others reach {settings.web_bind}, and nothing says who may use the dashboard: give {WAYS}; or say --no-auth"
        )
    if no_auth and login.any:
        raise Misuse(
            "--no-auth lets everybody in, and the settings name a way to log in: give one of them"
        )
    logging.basicConfig(stream=sys.stderr, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("pyresque.web.audit").setLevel(logging.INFO)
    # A page of another site may call itself by a name that it points here: without a log-in, only the own names are served.
    hosts = () if login.any or own not in OWN else OWN
    dashboard = app(targets_of(resque), authorize=anybody if no_auth else login, hosts=hosts)
    listener = _listener(host, port)
    port = listener.getsockname()[1]
    click.echo(f"the dashboard is at http://{own}:{port}{settings.web_prefix}/")
    sys.stdout.flush()
    config = uvicorn.Config(
        dashboard,
        log_level="warning",
        server_header=False,
        timeout_graceful_shutdown=2,
    )

    class Server(uvicorn.Server):
        """One that ends the streams of open pages before it waits for its connections."""

        async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
            dashboard.end()
            await super().shutdown(sockets)

    Server(config).run(sockets=[listener])


def require_web() -> None:
    """Import what the dashboard needs. Raises MissingPackage, which says what to install."""
    import_module("pyresque.web")
    try:
        import_module("uvicorn")
    except ModuleNotFoundError as error:
        raise MissingPackage("the dashboard", "web", error) from error


def _listener(host: str, port: int) -> socket.socket:
    """Listen at an address; port 0 is any free one. Raises Complaint."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        family, _, _, _, address = found[0]
        return socket.create_server(address[:2], family=family, backlog=128)
    except OSError as error:
        raise Complaint(f"cannot listen at {host}:{port}: {error.strerror or error}") from error


def _address(settings: Settings) -> tuple[str, int]:
    host, _, port = settings.web_bind.rpartition(":")
    return host.removeprefix("[").removesuffix("]"), int(port)
