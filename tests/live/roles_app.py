"""Jobs for workers whose users may not do more than their role needs."""

from __future__ import annotations

import asyncio
import os
import time

from pyresque import Resque
from pyresque.activejob import RetryOn

resque = Resque()


@resque.job("Note", queue="low")
def note(value: object) -> None:
    del value


@resque.job("Boom", queue="low")
def boom() -> None:
    raise ValueError("boom")


@resque.job("Slow", queue="slow", on_dirty_exit="requeue")
def slow() -> None:
    time.sleep(60)


@resque.job("Later", queue="low")
async def later() -> None:
    await asyncio.sleep(0)


@resque.job("Dies", queue="low")
def dies() -> None:
    os._exit(1)


@resque.active_job("Welcome", queue="low", retry_on=[RetryOn((ValueError,), wait=3600)])
def welcome() -> None:
    raise ValueError("again")
