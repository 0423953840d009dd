"""The jobs of ``pyresque demo --web``, beside the story's. Workers load this."""

from __future__ import annotations

import time

from pyresque.cli.demo.jobs import resque
from pyresque.plugins import Retry

#: Pages of an import's job that can be read at the first attempt.
READABLE = 3


class ShopClosed(Exception):
    """Raised where a shop does not answer."""


@resque.job("Orders::Import", queue="imports", plugins=[Retry(limit=3, delay=30)])
def import_orders(shop: str, page: int) -> None:
    """A job that is tried again: a shop answers for its first pages alone."""
    if page > READABLE:
        raise ShopClosed(f"{shop} did not answer for page {page}")


@resque.job("Videos::Transcode", queue="videos", tracked=True)
def transcode(video: str, steps: int) -> dict[str, object]:
    """A job that tells how far it is, a step a second."""
    status = resque.status()
    for step in range(1, steps + 1):
        status.at(step, steps, f"minute {step} of {steps}")
        time.sleep(1)
    return {"video": video, "minutes": steps}


@resque.job("Newsletter", queue="newsletters")
def newsletter(reader: int) -> None:
    """A job whose queue is paused."""
