"""The page on connections: each of its blocks runs, on the servers of the tests, and leaves its job."""

from __future__ import annotations

import asyncio
import re
import sys
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from pyresque.driver.url import SCHEMES, target
from tests.support.acl import PAGE
from tests.support.tls import Secured

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import redis

    from tests.support.redis_server import RedisServer
    from tests.support.redis_sets import Cluster, SentinelSet

TEXT = PAGE.read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)


@pytest.fixture
def secured(redis_server: RedisServer, db: redis.Redis, papers: Path) -> Iterator[int]:
    made = Secured(redis_server.port, papers)
    yield made.port
    made.close()


@pytest.fixture
def provided(monkeypatch: pytest.MonkeyPatch, papers: Path) -> None:
    """What the page's snippets import of providers, and its secret, without a provider."""

    def module(name: str, **parts: Any) -> None:
        made = ModuleType(name)
        vars(made).update(parts)
        monkeypatch.setitem(sys.modules, name, made)

    session = SimpleNamespace(get_credentials=lambda: None, get_component=lambda _: None)
    signer = SimpleNamespace(generate_presigned_url=lambda *_, **__: "https://pw")
    module("botocore", session=SimpleNamespace(get_session=lambda: session))
    module("botocore.session", get_session=lambda: session)
    module("botocore.model", ServiceId=str)
    module("botocore.signers", RequestSigner=lambda *_: signer)
    provider = SimpleNamespace(get_credentials=lambda: ("app", "pw"))
    module("redis_entraid")
    module("redis_entraid.cred_provider", create_from_default_azure_credential=lambda _: provider)
    (papers / "secret").write_text("pw\n")


@pytest.mark.parametrize("number", range(len(BLOCKS)))
def test_each_block_runs_and_leaves_its_job(
    redis_server: RedisServer,
    db: redis.Redis,
    sentinel_set: SentinelSet,
    cluster: Cluster,
    papers: Path,
    secured: int,
    provided: None,
    number: int,
) -> None:
    block = BLOCKS[number]
    anywhere = f"rediss://localhost:{secured}/0?ssl_ca_certs={papers}/ca.pem"
    for written, here in {
        "redis+sentinel://s1:26379,s2:26379/mymaster/0": sentinel_set.url,
        "redis+cluster://n1:6379,n2:6379/": cluster.url,
        "rediss://localhost:6380/0?ssl_ca_certs=ca.pem": anywhere,
        '"rediss://localhost:6380/0"': f'"{anywhere}"',
        "=client.pem": f"={papers}/client.pem",
        "=client.key": f"={papers}/client.key",
        "port=6379": f"port={redis_server.port}",
        "localhost:6379": f"localhost:{redis_server.port}",
        "/run/secrets/redis": f"{papers}/secret",
    }.items():
        block = block.replace(written, here)
    assert "6379" not in block
    assert "6380" not in block
    with sentinel_set.master() as master:
        master.flushall()
    cluster.flush()
    db.execute_command("ACL", "SETUSER", "app", "on", ">pw", "~*", "+@all")
    names: dict[str, Any] = {}
    exec(compile(block, f"connections.md, block {number}", "exec"), names)
    if "main" in names:
        asyncio.run(names["main"]())
    else:
        names["resque"].close()
    db.acl_deluser("app")
    with sentinel_set.master() as master, cluster.client("{resque}") as node:
        lengths = [
            *(one.llen("resque:queue:mailers") for one in (db, master)),
            node.llen("{resque}:queue:mailers"),
        ]
    assert sum(lengths) == (0 if "fakeredis" in block else 1)


def test_the_page_names_every_scheme_and_its_urls_can_be_used() -> None:
    urls = re.findall(r"`(?:REDIS_URL=)?((?:rediss?|unix)[+\w]*://[^`]+)`", TEXT)
    assert {url.partition("://")[0] for url in urls} >= {
        "redis",
        "rediss",
        "unix",
        "redis+sentinel",
        "redis+cluster",
    }
    whole = [url for url in urls if "..." not in url]
    assert all(target(url) for url in whole)
    assert all(f"{scheme}://" in TEXT for scheme in SCHEMES)
