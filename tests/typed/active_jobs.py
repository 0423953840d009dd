"""Active jobs, and jobs that only Ruby performs, as checkers see them. A line that ends in "# wrong" is one that they must refuse."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from typing_extensions import assert_type

from pyresque import (
    AsyncHandle,
    AsyncResque,
    AsyncTypedBoundJob,
    AsyncTypedBoundTrackedJob,
    Handle,
    Resque,
    TypedBoundJob,
    TypedBoundTrackedJob,
    TypedJob,
)
from pyresque.activejob import Continuable, Envelope, NewJob, Resume

resque = Resque()
client = AsyncResque(jobs=resque)


@resque.active_job("SyncAccountJob", queue="python")
def sync(account: int, *, force: bool = False) -> int:
    return account


@resque.active_job("CountJob", queue="python", tracked=True)
def counted(month: str) -> list[int]:
    return [len(month)]


@resque.active_job("BoundJob", queue="python", bind=True)
def bound(job: Envelope, account: int) -> None: ...


@resque.active_job("ImportJob", queue="python", resume=Resume(wait=5), tracked=True)
def import_rows(job: Continuable, rows: int) -> None: ...


@resque.active_job("ClassJob", queue="python")
class Class(TypedJob):
    @staticmethod
    def perform(number: int) -> None: ...


@resque.active_job("BoundClassJob", queue="python", bind=True)
class BoundClass(TypedBoundJob):
    @staticmethod
    def perform(job: Envelope, number: int, *, loud: bool = False) -> None: ...


@resque.active_job("StepsClassJob", queue="python", resume=Resume(wait=5), tracked=True)
class StepsClass(TypedBoundTrackedJob):
    @classmethod
    def perform(cls, job: Continuable, rows: int) -> list[int]:
        return [rows]


@resque.active_job("SelfJob", queue="python", bind=True)
class TakesSelf(TypedBoundJob):
    """A job has no instance: its ``self`` would be the Envelope."""

    def perform(self, number: int) -> None: ...


@client.active_job("AwaitedJob", queue="python")
async def awaited(address: str) -> None: ...


@client.active_job("AwaitedBoundClassJob", queue="python", bind=True)
class AwaitedBoundClass(AsyncTypedBoundJob):
    @staticmethod
    async def perform(job: Envelope, address: str) -> None: ...


@client.active_job("AwaitedStepsClassJob", queue="python", resume=Resume(), tracked=True)
class AwaitedStepsClass(AsyncTypedBoundTrackedJob):
    @staticmethod
    def perform(job: Continuable, address: str) -> None: ...


@client.active_job("AwaitedBoundJob", bind=True, tracked=True)
async def awaited_bound(job: Envelope, address: str) -> None: ...


# Only Ruby performs these.
@resque.active_job("ReceiptMailJob", queue="rails").declare
def receipt(number: int, *, total: int = 0) -> None: ...


@resque.active_job("ExportJob", tracked=True).declare
def export(month: str) -> None: ...


@client.active_job("DigestMailJob").set(queue="rails").declare
def digest(address: str) -> None: ...


@resque.declare("Mail", queue="mails")
def mail(address: str) -> None: ...


@client.declare("MailAll", queue="mails")
def mail_all(*addresses: str) -> None: ...


@resque.active_job("Misspelt", queu="low")  # wrong
def misspelt() -> None: ...


@resque.active_job("Wrong", bind=3)  # wrong
def wrong(number: int) -> None: ...


# Called as before.
assert_type(sync(7), int)
sync("7")  # wrong
bound(7)  # wrong

# Enqueued, with the function's own parameters.
assert_type(sync.enqueue(7, force=True), bool | None)
assert_type(sync.enqueue_in(timedelta(hours=1), 7), bool | None)
assert_type(sync.enqueue_at(1796112000, 7), bool | None)
assert_type(sync.options(queue="low").enqueue(7), bool | None)
assert_type(counted.enqueue("2026-11"), Handle[list[int]] | None)
assert_type(bound.enqueue(7), bool | None)
assert_type(import_rows.enqueue(100), Handle[Any] | None)
assert_type(import_rows.enqueue_in(60, 100), bool | None)
assert_type(Class.enqueue(7), bool | None)
sync.enqueue("7")  # wrong
sync.enqueue(7, forced=True)  # wrong
sync.enqueue_in(60, "7")  # wrong
sync.options(queue=3)  # wrong
counted.enqueue(11)  # wrong
bound.enqueue("7")  # wrong
bound.enqueue_at(1796112000)  # wrong
import_rows.enqueue("100")  # wrong
Class.enqueue("7")  # wrong

# A class whose first parameter is the job.
assert_type(BoundClass.enqueue(7, loud=True), bool | None)
assert_type(BoundClass.enqueue_in(60, 7), bool | None)
assert_type(BoundClass.enqueue_at(1796112000, 7), bool | None)
assert_type(BoundClass.options(queue="low").enqueue(7), bool | None)
assert_type(StepsClass.enqueue(100), Handle[Any] | None)
assert_type(StepsClass.enqueue_in(60, 100), bool | None)
assert_type(StepsClass.options(queue="low").enqueue(100), Handle[Any] | None)
BoundClass.enqueue("7")  # wrong
BoundClass.enqueue()  # wrong
BoundClass.enqueue(7, lout=True)  # wrong
BoundClass.enqueue_in(60, "7")  # wrong
BoundClass.options(queue=3)  # wrong
StepsClass.enqueue("100")  # wrong
StepsClass.enqueue_at(1796112000)  # wrong
TakesSelf.enqueue(7)  # wrong


@BoundClass.before_enqueue
def unless_zero(job: Envelope, number: int) -> bool:
    return number != 0


# Declared, and not performed here.
assert_type(receipt.enqueue(7, total=4640), bool | None)
assert_type(receipt.options(queue="low").enqueue_in(60, 7), bool | None)
assert_type(export.enqueue("2026-11"), Handle[Any] | None)
assert_type(mail.enqueue("a@b"), bool | None)
receipt.enqueue(7, totals=4640)  # wrong
export.enqueue(11)  # wrong
mail.enqueue(3)  # wrong
mail.enqueue_at(1796112000, 3)  # wrong
mail.before_enqueue(print)  # wrong

# The verbs check them, too.
assert_type(resque.enqueue(sync, 7), bool | None)
assert_type(resque.enqueue(counted, "2026-11"), Handle[list[int]] | None)
assert_type(resque.enqueue_to("low", bound, 7), bool | None)
assert_type(resque.enqueue(receipt, 7), bool | None)
assert_type(resque.enqueue(mail, "a@b"), bool | None)
resque.enqueue(BoundClass, 7)
resque.remove_delayed(receipt, 7)
resque.enqueue(sync, "7")  # wrong
resque.enqueue(bound, "7")  # wrong
resque.enqueue(mail, 3)  # wrong


@sync.before_enqueue
@bound.after_perform
def check(*args: object) -> bool:
    return True


@sync.on_failure  # wrong
def no_error() -> None: ...


# By its name alone an active job takes any arguments, and gives the envelope.
named = resque.active_job("AnyJob").set(wait=timedelta(minutes=5), priority=10)
assert_type(named.enqueue(7, total=3), Envelope | None)
assert_type(named.new(7), NewJob)


async def in_a_loop() -> None:
    """What an AsyncResque enqueues is awaited."""
    assert_type(await client.active_job("AnyJob").enqueue(7), Envelope | None)
    assert_type(await awaited.enqueue("a@b"), bool | None)
    assert_type(await awaited_bound.enqueue("a@b"), AsyncHandle[Any] | None)
    assert_type(await AwaitedBoundClass.enqueue("a@b"), bool | None)
    assert_type(await AwaitedStepsClass.enqueue("a@b"), AsyncHandle[Any] | None)
    assert_type(await AwaitedStepsClass.enqueue_in(60, "a@b"), bool | None)
    assert_type(await BoundClass.via(client).enqueue(7), bool | None)
    assert_type(await StepsClass.via(client).enqueue(7), AsyncHandle[Any] | None)
    assert_type(await digest.enqueue("a@b"), bool | None)
    assert_type(await mail_all.enqueue("a@b", "c@d"), bool | None)
    assert_type(await sync.via(client).enqueue(7), bool | None)
    assert_type(await counted.via(client).enqueue("11"), AsyncHandle[list[int]] | None)
    assert_type(await receipt.via(client).enqueue_in(60, 7), bool | None)
    assert_type(await client.enqueue(sync, 7), bool | None)
    await awaited.enqueue(3)  # wrong
    await awaited_bound.enqueue(3)  # wrong
    await AwaitedBoundClass.enqueue(3)  # wrong
    await AwaitedStepsClass.enqueue(3)  # wrong
    await StepsClass.via(client).enqueue("7")  # wrong
    await digest.enqueue(3)  # wrong
    await mail_all.enqueue("a@b", 3)  # wrong
    await sync.via(client).enqueue("7")  # wrong
    awaited.enqueue("a@b")  # wrong


assert_type(awaited.via(resque).enqueue("a@b"), bool | None)
assert_type(AwaitedBoundClass.via(resque).enqueue("a@b"), bool | None)
assert_type(AwaitedStepsClass.via(resque).enqueue("a@b"), Handle[Any] | None)
mail_all.via(resque).enqueue(3)  # wrong
AwaitedBoundClass.via(resque).enqueue(3)  # wrong
