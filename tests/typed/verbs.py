"""``enqueue`` and ``enqueue_to`` with jobs of every kind. A line that ends in "# wrong" is one that checkers must refuse."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import redis
from typing_extensions import assert_type

from pyresque import AsyncHandle, AsyncResque, Handle, Resque

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyresque.activejob import Envelope

resque = Resque()
client = AsyncResque(jobs=resque)


@resque.job(queue="reports")
def monthly(month: str, draft: bool = False) -> int:
    return len(month)


@resque.job(queue="reports", tracked=True)
async def counted(month: str) -> list[int]:
    return [len(month)]


@resque.job(queue="file_serve")
class Archive:
    @staticmethod
    def perform(repo_id: int, branch: str = "master") -> None: ...


class Due:
    @staticmethod
    def scheduled(queue: str, name: str, *args: Any) -> None: ...


@resque.active_job("SyncJob", queue="low", bind=True)
def sync(envelope: Envelope, account: int) -> None: ...


@resque.active_job("SyncAllJob", queue="low", bind=True)
class SyncAll:
    @staticmethod
    def perform(envelope: Envelope, account: int) -> None: ...


def unregistered(number: int) -> None: ...


assert_type(resque.enqueue(monthly, "2026-11", draft=True), bool | None)
assert_type(resque.enqueue(counted, "2026-11"), Handle[list[int]] | None)
assert_type(resque.enqueue_to("low", counted, "2026-11"), Handle[list[int]] | None)
assert_type(resque.enqueue(Archive, 44, branch="main"), bool | Handle[Any] | None)
assert_type(resque.enqueue_to(None, Archive, 44), bool | Handle[Any] | None)
resque.enqueue(monthly, 11)  # wrong
resque.enqueue(monthly)  # wrong
resque.enqueue(counted, 11)  # wrong
resque.enqueue(Archive, "44")  # wrong
resque.enqueue_to("low", monthly, 11)  # wrong
resque.enqueue_to("low", Archive, 44, branch=3)  # wrong
resque.enqueue_to(3, monthly, "2026-11")  # wrong
resque.enqueue(44)  # wrong

# Of these the types do not tell what the job takes.
by_any_name: Callable[..., Any] | str = "Any::Name"
any_class: type[Any] = Archive
resque.enqueue("Any::Name", 3, x=2)
resque.enqueue_to("low", "Any::Name", 3, x=2)
resque.enqueue(by_any_name, 3)
resque.enqueue(any_class, "44")
resque.enqueue(unregistered, "3")
resque.enqueue(functools.partial(unregistered, 3), "3")
resque.enqueue(sync, 7)
resque.enqueue(SyncAll, 7)
resque.enqueue(Due, 7)

# The other verbs take any job.
resque.enqueue_at(1796112000, monthly, "2026-11", queue="low")
resque.enqueue_many([(monthly, "2026-11"), (Archive, 44), ("Any::Name", 3)])
resque.scheduled_at(monthly, "2026-11")
resque.dequeue(counted)

# A client that is lent keeps its type.
assert_type(resque.lend(redis.Redis()), redis.Redis)
resque.lend(redis.Redis().connection_pool)
resque.lend("redis://cache.internal")  # wrong
resque.lend(3)  # wrong


async def in_a_loop() -> None:
    """What an AsyncResque enqueues is awaited."""
    assert_type(await client.enqueue(monthly, "2026-11"), bool | None)
    assert_type(await client.enqueue(counted, "2026-11"), AsyncHandle[list[int]] | None)
    assert_type(await client.enqueue_to("low", Archive, 44), bool | AsyncHandle[Any] | None)
    await client.enqueue("Any::Name", 3, x=2)
    await client.enqueue(monthly, 11)  # wrong
    await client.enqueue_to("low", counted, 11)  # wrong
