"""The page on typed calls: its blocks run one after the other, and enqueue what the page says."""

from __future__ import annotations

import asyncio
import re

import pyresque
from tests.support import ROOT

PAGE = (ROOT / "docs" / "typed-calls.md").read_text(encoding="utf-8")


def test_the_blocks_of_the_page_run_and_enqueue_what_it_says(db, redis_url, monkeypatch):
    monkeypatch.setenv("REDIS_URL", redis_url)
    names = {"__name__": "page"}
    for code in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
        exec(code, names)

    async def in_a_loop():
        async with names["client"]:
            await names["handler"]()

    asyncio.run(in_a_loop())
    resque = names["resque"]
    sizes = {"file_serve": 1, "mails": 1, "python": 2, "reports": 3, "urgent": 1}
    assert resque.queue_sizes() == sizes
    assert resque.count_all_scheduled_jobs() == 3
    assert resque.remove_delayed(names["receipt"], 7, total=4640) == 1
    assert names["handle"].status().status == "queued"
    assert names["monthly_report"].enqueue("2026-02") is None
    resque.close()


def test_the_page_names_every_kind_of_hook_and_each_base():
    from pyresque.job.hooks import PREFIXES

    bases = [name for name in pyresque.__all__ if "Typed" in name]
    assert len(bases) == 8
    assert [name for name in (*PREFIXES, *bases) if f"`{name}`" not in PAGE] == []
