"""The pytest plugin: three fixtures. Each loads what it needs when a test asks for it, since pytest imports this in every run."""

from __future__ import annotations

import pytest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pyresque.testing.kit import Kit

OPTION = "--resque-redis-url"
HELP = (
    "a Redis for the fixture resque_redis in place of a server of its own; its database must be empty, and is emptied "
    "for each test. Process N of pytest-xdist takes the N-th database behind it"
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option, which stands in the configuration file as ``resque_redis_url``."""
    parser.getgroup("pyresque").addoption(OPTION, dest="resque_redis_url", help=HELP)
    parser.addini("resque_redis_url", HELP)


@pytest.fixture
def resque_recorded() -> Iterator[Kit]:
    """Keep the jobs of every Resque and AsyncResque of the process in memory, for this test; no Redis is asked."""
    from pyresque.testing.modes import recorded  # noqa: PLC0415 - for those who ask for it

    with recorded() as kit:
        yield kit


@pytest.fixture
def resque_inline() -> Iterator[Kit]:
    """Have every Resque and AsyncResque of the process perform jobs as they are enqueued, for this test; no Redis is asked."""
    from pyresque.testing.modes import inline  # noqa: PLC0415 - as above

    with inline() as kit:
        yield kit


@pytest.fixture
def resque_redis(_resque_server: tuple[Callable[[], str], bool]) -> Iterator[Kit]:
    """Lead every Resque and AsyncResque of the process to a Redis of the tests' own, which is empty, for this test."""
    from pyresque.testing.modes import on_server  # noqa: PLC0415 - as above

    url, own = _resque_server
    with on_server(url(), own=own) as kit:
        yield kit


@pytest.fixture(scope="session")
def _resque_server(request: pytest.FixtureRequest) -> Iterator[tuple[Callable[[], str], bool]]:
    """What gives the URL of the Redis of this process's tests, and whether it is started for them: else the option names it."""
    from pyresque.testing.redis_of_tests import OwnServer, given_database  # noqa: PLC0415 - as above

    config = request.config
    given = config.getoption("resque_redis_url") or config.getini("resque_redis_url")
    if given:
        process = getattr(config, "workerinput", {}).get("workerid", "")
        url = given_database(given, process)
        yield lambda: url, False
        return
    server = OwnServer()
    yield server.url, True
    server.end()
