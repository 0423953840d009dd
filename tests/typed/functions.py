"""Functions that ``@resque.job`` registered, as checkers see them. A line that ends in "# wrong" is one that they must refuse."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from typing_extensions import assert_type

from pyresque import AsyncHandle, AsyncResque, Handle, Resque

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

resque = Resque()
client = AsyncResque(jobs=resque)


@resque.job
def bare(number: int) -> None: ...


@resque.job("Reports::Monthly", queue="reports", retries=3, aliases=["MonthlyReport"])
def monthly(month: str, draft: bool = False, *, copies: int = 1) -> int:
    return len(month)


@resque.job(queue="low")
def own_names(queue: str, delay: int, /, *wait: float, **when: str) -> None: ...


@resque.job(queue="reports", tracked=True)
def counted(month: str) -> list[int]:
    return [len(month)]


@resque.job(queue="reports", tracked=True)
async def counted_later(month: str) -> list[int]:
    return [len(month)]


@client.job(queue="mails")
async def mail(address: str) -> None: ...


@client.job(queue="mails", tracked=True)
async def mail_all(*addresses: str) -> int:
    return len(addresses)


@resque.job(queu="low")  # wrong
def misspelt() -> None: ...


@resque.job(queue=3)  # wrong
def numbered() -> None: ...


# Called as before.
assert_type(monthly("2026-11", copies=2), int)
assert_type(monthly.__name__, str)
monthly(11)  # wrong
called: Callable[[str], int] = monthly
not_called: Callable[[int], int] = monthly  # wrong

# Enqueued, with the function's own parameters.
assert_type(bare.enqueue(1), bool | None)
assert_type(monthly.enqueue("2026-11", draft=True, copies=2), bool | None)
assert_type(monthly.enqueue_in(timedelta(hours=1), "2026-11"), bool | None)
assert_type(monthly.enqueue_in(60, month="2026-11"), bool | None)
assert_type(monthly.enqueue_at(datetime.now(timezone.utc), "2026-11"), bool | None)
assert_type(monthly.options(queue="low").enqueue("2026-11"), bool | None)
assert_type(monthly.options(queue="low").options(queue=None).enqueue_in(1, "11"), bool | None)
bare.enqueue("1")  # wrong
bare.enqueue()  # wrong
bare.enqueue(1, 2)  # wrong
monthly.enqueue(11)  # wrong
monthly.enqueue("2026-11", True, 2)  # wrong
monthly.enqueue("2026-11", drafted=True)  # wrong
monthly.enqueue_in("2026-11")  # wrong
monthly.enqueue_in("soon", "2026-11")  # wrong
monthly.enqueue_at(timedelta(1), "2026-11")  # wrong
monthly.enqueue_at(1796112000, 11)  # wrong
monthly.options("low")  # wrong
monthly.options(at=3)  # wrong
monthly.options(queue="low").enqueue(11)  # wrong
monthly.delay("2026-11")  # wrong

# Parameters that are named like those of the verbs.
own_names.enqueue("a", 3, 1.5, when="then")
own_names.enqueue_in(60, "a", 3, 1.5, wait="then", queue="x")
own_names.enqueue("a", 3, "1.5")  # wrong
own_names.enqueue_in(60, "a", 3, when=4)  # wrong

# Tracked jobs give handles of what they return.
assert_type(counted.enqueue("2026-11"), Handle[list[int]] | None)
assert_type(counted_later.enqueue("2026-11"), Handle[list[int]] | None)
assert_type(counted.options(queue="low").enqueue("2026-11"), Handle[list[int]] | None)
assert_type(counted.enqueue_in(60, "2026-11"), bool | None)
counted_later.enqueue(11)  # wrong


async def in_a_loop() -> None:
    """What an AsyncResque enqueues is awaited."""
    assert_type(await mail.enqueue("a@b"), bool | None)
    assert_type(await mail.enqueue_in(60, "a@b"), bool | None)
    assert_type(await mail.options(queue="low").enqueue_at(1796112000, "a@b"), bool | None)
    assert_type(await mail_all.enqueue("a@b", "c@d"), AsyncHandle[int] | None)
    assert_type(await asyncio.create_task(mail.enqueue("a@b")), bool | None)
    assert_type(await mail_all("a@b"), int)
    begun: Coroutine[Any, Any, bool | None] = mail.enqueue("a@b")
    await begun
    await mail.enqueue(3)  # wrong
    await mail_all.enqueue("a@b", 3)  # wrong
    mail.enqueue("a@b")  # wrong

    # By a face of the other kind.
    assert_type(await monthly.via(client).enqueue("2026-11", copies=2), bool | None)
    assert_type(await monthly.via(client).options(queue="low").enqueue_in(60, "11"), bool | None)
    assert_type(await counted.via(client).enqueue("2026-11"), AsyncHandle[list[int]] | None)
    assert_type(await counted_later.via(client).enqueue("11"), AsyncHandle[list[int]] | None)
    await monthly.via(client).enqueue(11)  # wrong


assert_type(mail.via(resque).enqueue("a@b"), bool | None)
assert_type(mail_all.via(resque).enqueue("a@b"), Handle[int] | None)
mail.via(resque).enqueue(3)  # wrong
monthly.via("redis://localhost")  # wrong


class Mailer:
    """A function of a class may be a job."""

    @staticmethod
    @resque.job(queue="mails")
    def send(address: str) -> None: ...


Mailer.send("a@b")
Mailer.send(3)  # wrong
