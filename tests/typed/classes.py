"""Job classes with the bases for checkers. A line that ends in "# wrong" is one that they must refuse."""

from __future__ import annotations

from typing_extensions import assert_type

from pyresque import (
    AsyncHandle,
    AsyncResque,
    AsyncTypedJob,
    AsyncTypedTrackedJob,
    Handle,
    Resque,
    TypedJob,
    TypedTrackedJob,
)

resque = Resque()
client = AsyncResque(jobs=resque)


@resque.job(queue="file_serve")
class Archive(TypedJob):
    @staticmethod
    def perform(repo_id: int, branch: str = "master") -> None: ...


@resque.job
class Named(TypedJob):
    queue = "low"

    @classmethod
    def perform(cls, *names: str, loud: bool = False) -> None: ...


class Sub(Archive):
    @staticmethod
    def perform(repo_id: int, branch: str = "master", depth: int = 1) -> None: ...


@resque.job(queue="low", tracked=True)
class Counted(TypedTrackedJob):
    @staticmethod
    def perform(month: str) -> int:
        return len(month)


@client.job(queue="mails")
class Mail(AsyncTypedJob):
    @staticmethod
    async def perform(address: str) -> None: ...


@client.job("MailAll", queue="mails", tracked=True)
class MailAll(AsyncTypedTrackedJob):
    @classmethod
    async def perform(cls, *addresses: str) -> int:
        return len(addresses)


@resque.job(queue="low")
class Idle(TypedJob):
    """It has no ``perform``."""


@resque.job(queue="low")
class Own(TypedJob):
    @staticmethod
    def perform(number: int) -> None: ...

    @classmethod
    def enqueue(cls, text: str) -> str:  # type: ignore[override]  # pyright: ignore[reportIncompatibleMethodOverride]
        return text


assert_type(Archive.enqueue(44, branch="main"), bool | None)
assert_type(Archive.enqueue_in(60, 44), bool | None)
assert_type(Archive.enqueue_at(1796112000, 44, "main"), bool | None)
assert_type(Archive.options(queue="low").enqueue(44), bool | None)
assert_type(Named.enqueue("a", "b", loud=True), bool | None)
assert_type(Sub.enqueue(44, depth=3), bool | None)
assert_type(Counted.enqueue("2026-11"), Handle[int] | None)
assert_type(Counted.options(queue="low").enqueue("2026-11"), Handle[int] | None)
assert_type(Own.enqueue("text"), str)
Archive.perform(44)
Archive.perform("44")  # wrong
Archive.enqueue("44")  # wrong
Archive.enqueue()  # wrong
Archive.enqueue_in(60, "44")  # wrong
Archive.enqueue_in(44)  # wrong
Archive.enqueue_at(1796112000, 44, branch=3)  # wrong
Archive.options(queue="low").enqueue(44, depth=3)  # wrong
Archive.options(queue=3)  # wrong
Named.enqueue("a", 3)  # wrong
Sub.enqueue(44, depth="3")  # wrong
Counted.enqueue(11)  # wrong
Idle.enqueue()  # wrong


async def in_a_loop() -> None:
    """What an AsyncResque enqueues is awaited."""
    assert_type(await Mail.enqueue("a@b"), bool | None)
    assert_type(await Mail.enqueue_in(60, "a@b"), bool | None)
    assert_type(await MailAll.enqueue("a@b", "c@d"), AsyncHandle[int] | None)
    assert_type(await MailAll.options(queue="low").enqueue("a@b"), AsyncHandle[int] | None)
    assert_type(await Archive.via(client).enqueue(44), bool | None)
    assert_type(await Counted.via(client).enqueue("2026-11"), AsyncHandle[int] | None)
    await Mail.enqueue(3)  # wrong
    await MailAll.enqueue(3)  # wrong
    await Archive.via(client).enqueue("44")  # wrong


assert_type(Mail.via(resque).enqueue("a@b"), bool | None)
assert_type(MailAll.via(resque).enqueue("a@b"), Handle[int] | None)
MailAll.via(resque).enqueue(3)  # wrong
