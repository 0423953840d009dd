"""Inventories of a real Redis."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pyresque.client import Resque
from tests.support.inventories import taken

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import redis

    from pyresque.migrate.found import Found


@pytest.fixture
def resque(redis_url: str) -> Iterator[Resque]:
    with Resque(redis_url) as client:
        yield client


@pytest.fixture
def queue(db: redis.Redis) -> Callable[..., None]:
    """Put payloads into a queue."""

    def put(name: str, *payloads: bytes) -> None:
        db.sadd("resque:queues", name)
        db.rpush(f"resque:queue:{name}", *payloads)

    return put


@pytest.fixture
def take(resque: Resque) -> Callable[..., Found]:
    """Make an inventory, whole unless options say otherwise."""

    def call(client: Resque = resque, **options: Any) -> Found:
        return taken(client, **options)

    return call
