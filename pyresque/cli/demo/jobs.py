"""The jobs of ``pyresque demo``, as of an application with a Rails neighbour, and payloads that Ruby wrote. Workers load this."""

from __future__ import annotations

import json
import os
import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pyresque.client import Resque
from pyresque.ops import Arg, Command, as_it_is as reply

if TYPE_CHECKING:
    from pyresque.activejob.globalid import GlobalID

#: Lists of the demo's own, beside Resque's keys.
PERFORMED, GATEWAY, RELEASE = "demo:performed", "demo:gateway", "demo:release"

#: Seconds that the long job waits to be released before it fails.
LONGEST = 10

resque = Resque()


async def _ask(*args: Arg) -> Any:
    return await Command(args, reply)


def ask(*args: Arg, of: Resque = resque) -> Any:
    """Send one command to the demo's Redis; return its reply."""
    return of.run(_ask(*args))


def performed(job: str, *args: object) -> None:
    """Append a job and its arguments to the list of performed jobs."""
    ask("RPUSH", PERFORMED, json.dumps([job, *args]))


class PaymentGatewayDown(Exception):
    """Raised while the payment gateway is down."""


@dataclass(frozen=True, slots=True)
class Account:
    """A record that Rails speaks of by its GlobalID."""

    gid: str


@resque.locator("Account")
def find_account(gid: GlobalID) -> Account:
    """The record that a GlobalID means: an application would ask its database."""
    return Account(str(gid))


@resque.active_job("MailDeliveryJob", queue="mailers")
def deliver_mail(mailer: str, mail: str, way: str, *, args: list[Any]) -> None:
    """A job of Rails, by its own name: what Rails wrapped it in is taken off."""
    performed(
        "MailDeliveryJob",
        *(mailer, mail, way),
        [arg.gid if isinstance(arg, Account) else arg for arg in args],
    )


@resque.active_job("EchoJob", queue="default")
def echo(text: str) -> None:
    """Another job of Rails."""
    performed("EchoJob", text)


@resque.job("LowJob", queue="low")
def low_job(text: str) -> None:
    """A Resque job that Ruby enqueued."""
    performed("LowJob", text)


@resque.job("Deep::NestedJob", queue="nested")
def nested_job(number: int) -> None:
    """A Ruby class within a module."""
    performed("Deep::NestedJob", number)


@resque.job(queue="images")
class Thumbnail:
    """A job class in Resque's way."""

    @staticmethod
    def perform(image: int, size: str = "small") -> None:
        """Make the picture small."""
        performed("Thumbnail", image, size)


@resque.job(queue="reports")
def yearly_report(year: int) -> None:
    """A job that takes its time: until the demo has seen it at work."""
    if ask("BLPOP", RELEASE, LONGEST) is None:
        raise TimeoutError("nobody released the report")
    performed("YearlyReport", year)


@resque.job(queue="payments")
def charge_card(order: int) -> None:
    """A job that raises while its neighbour is down."""
    if ask("GET", GATEWAY) != b"up":
        raise PaymentGatewayDown(f"order {order} was not charged")
    performed("ChargeCard", order)


@resque.job(queue="payments")
def eat_memory(gigabytes: int) -> None:
    """A job whose process the kernel kills, as it does when memory runs out."""
    performed("EatMemory", gigabytes)
    os.kill(os.getpid(), signal.SIGKILL)


@resque.job(queue="reminders")
def send_reminder(order: int) -> None:
    """A delayed job."""
    performed("SendReminder", order)


@resque.job(queue="ticks")
def tick() -> None:
    """A job that the schedule names."""
    performed("Tick")


@dataclass(frozen=True, slots=True)
class Recorded:
    """One payload: its queue, the job it means with the arguments that Python gets (JSON), who wrote it, and the bytes."""

    queue: str
    job: str
    arguments: str
    writer: str
    payload: bytes


RECORDED = (
    Recorded(
        "mailers",
        "MailDeliveryJob",
        '["UserMailer", "welcome", "deliver_now", ["gid://my-shop/Account/1", {"name": "Ann"}]]',
        "Rails 8.1",
        b'{"class":"ActiveJob::QueueAdapters::ResqueAdapter::JobWrapper","args":[{"job_class":"Mai'
        b'lDeliveryJob","job_id":"00000001-0000-4000-8000-000000000001","provider_job_id":null,"qu'
        b'eue_name":"mailers","priority":null,"arguments":["UserMailer","welcome","deliver_now",{"'
        b'args":[{"_aj_globalid":"gid://my-shop/Account/1"},{"name":"Ann","_aj_symbol_keys":["name'
        b'"]}],"_aj_ruby2_keywords":["args"]}],"executions":0,"exception_executions":{},"locale":"'
        b'en","timezone":"UTC","enqueued_at":"2024-03-05T06:07:08.123456789Z","scheduled_at":null}'
        b"]}",
    ),
    Recorded(
        "default",
        "EchoJob",
        r"""["<b>a & b</b> </script> 'q' \"dq\" /path"]""",
        "Rails 8.1",
        b'{"class":"ActiveJob::QueueAdapters::ResqueAdapter::JobWrapper","args":[{"job_class":"Ech'
        b'oJob","job_id":"00000001-0000-4000-8000-000000000001","provider_job_id":null,"queue_name'
        b'":"default","priority":null,"arguments":["\\u003cb\\u003ea \\u0026 b\\u003c/b\\u003e \\u003c/s'
        b'cript\\u003e \'q\' \\"dq\\" /path"],"executions":0,"exception_executions":{},"locale":"en","t'
        b'imezone":"UTC","enqueued_at":"2024-03-05T06:07:08.123456789Z","scheduled_at":null}]}',
    ),
    Recorded(
        "low",
        "LowJob",
        r'["caf\u00e9 \ud83d\ude00 \u2028 </script>"]',
        "Resque 3.0",
        b'{"class":"LowJob","args":["caf\xc3\xa9 \xf0\x9f\x98\x80 \xe2\x80\xa8 </script>"]}',
    ),
    Recorded(
        "nested",
        "Deep::NestedJob",
        "[1]",
        "Resque 3.0",
        b'{"class":"Deep::NestedJob","args":[1]}',
    ),
)
