"""The Python side of a shop that runs on Rails: performs two of its jobs, and enqueues one that Rails performs."""

from __future__ import annotations

from dataclasses import dataclass

from pyresque import Resque
from pyresque.activejob import Continuable, DiscardOn, GlobalID, Resume, RetryOn
from pyresque.errors import DeserializationError

resque = Resque()

PRICES = {1: 1250, 2: 990, 3: 2400}


@dataclass(frozen=True)
class Account:
    """A row of the Rails table ``accounts``."""

    id: int
    name: str

    def to_global_id(self) -> GlobalID:
        """How Rails finds it again when a job gets it as argument."""
        return GlobalID("shop", "Account", self.id)


ACCOUNTS = {7: Account(7, "Ann"), 8: Account(8, "Bob")}


@resque.locator("Account")
def account(gid: GlobalID) -> Account | None:
    """The record of an address such as ``gid://shop/Account/7``; None where it is gone."""
    return ACCOUNTS.get(int(gid.id))


@resque.active_job(
    "SyncAccountJob",
    queue="python",
    retry_on=[RetryOn((ConnectionError,), wait=3, attempts=5, names=("Errno::ECONNREFUSED",))],
    discard_on=[DiscardOn((DeserializationError,))],
)
def sync_account(account: Account, *, force: bool = False) -> None:
    """Performed here, enqueued by Rails; a receipt goes back."""
    print(f"synced {account.name}{', by force' if force else ''}", flush=True)
    resque.active_job("ReceiptMailJob").set(queue="rails").enqueue(
        account, total=sum(PRICES.values())
    )


@resque.active_job("ImportPricesJob", queue="python", resume=Resume(wait=5))
def import_prices(job: Continuable, shop_id: int) -> None:
    """In steps, as a job with ActiveJob::Continuable in Rails 8.1: Ruby or Python goes on where the other stopped."""
    for _step in job.step("prepare"):
        print(f"preparing shop {shop_id}", flush=True)
    for step in job.step("prices", start=0):
        for product in sorted(PRICES):
            if product > step.cursor:
                print(f"product {product}: {PRICES[product]}", flush=True)
                step.set(product)
