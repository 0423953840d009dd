"""Jobs that write their number to a file: what was performed is counted there, whichever server is lost."""

from __future__ import annotations

import asyncio
import os

from pyresque import Resque

resque = Resque()


def written(number: int) -> None:
    file = os.open(os.environ["COUNTED"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(file, f"{number}\n".encode())
    os.close(file)


@resque.job("Counted", queue="count")
def counted(number: int) -> None:
    written(number)


@resque.job("CountedLater", queue="count")
async def counted_later(number: int) -> None:
    written(number)
    await asyncio.sleep(0.001)
