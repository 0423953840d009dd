"""The Python side of the shop: the three classes that move, and what keeps a shadow run from doing anything.

The first release has a fault that no shadow run can see: it lies in what the fixture keeps away. SHOP_RELEASE=2 is the release that mends it.
"""

from __future__ import annotations

import json
import os
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING
from unittest.mock import patch

from pyresque import Resque
from pyresque.plugins import Lock

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyresque import Job

resque = Resque()

FIRST_RELEASE = os.environ.get("SHOP_RELEASE", "1") == "1"


@resque.job("Thumbnails::Make", queue="default")
def make_thumbnail(image: int, size: str = "small") -> None:
    """Make a picture small."""
    done("Thumbnails::Make", image, size)


@resque.job("StockSync", queue="default", plugins=[Lock()])  # as the Ruby class extends resque-lock
def sync_stock(article: int) -> None:
    """Ask the supplier how many there are."""
    while resque.redis.exists("shop:supplier_is_slow"):  # run.py has it so for a while
        resque.redis.set("shop:waits", article)
        time.sleep(0.05)
    done("StockSync", article)


@resque.active_job("ReceiptJob", queue="mailers")
def send_receipt(order: int, *, total: int) -> None:
    """Mail a receipt. The total is in cents, and so is the tax: what Ruby writes as `/` is `//` here."""
    tax = total * 19 / 100 if FIRST_RELEASE else total * 19 // 100
    mail_receipt(order, total + tax)


def mail_receipt(order: int, gross: float) -> None:
    """Hand a receipt to the mail server, which knows nothing smaller than a cent."""
    if gross != int(gross):
        raise ValueError(f"receipt {order}: {gross} is no amount in cents")
    done("ReceiptJob", order, int(gross))


def done(name: str, *what: object) -> None:
    """What a job does for the world: here it is noted in Redis, so that run.py can count."""
    resque.redis.rpush("shop:done", json.dumps(["python", name, *what]))


@resque.dry_run
@contextmanager
def nothing_leaves_the_shop(job: Job) -> Iterator[None]:  # noqa: ARG001 - any job
    """Keep away in a shadow run what a job does for the world."""
    with patch(f"{__name__}.done"), patch(f"{__name__}.mail_receipt"):
        yield
