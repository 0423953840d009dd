"""The page on plugins: its blocks run one after the other, and its tracked job is performed."""

from __future__ import annotations

import json
import re

from pyresque.job.perform import perform
from tests.support import ROOT

PAGE = (ROOT / "docs" / "plugins.md").read_text(encoding="utf-8")


def test_the_blocks_of_the_page_run(redis_url, db, monkeypatch):
    monkeypatch.setenv("REDIS_URL", redis_url)
    names: dict[str, object] = {}
    for number, code in enumerate(re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)):
        exec(compile(code, f"plugins.md, block {number}", "exec"), names)
    resque, handle = names["resque"], names["handle"]
    queued = json.loads(db.lindex("resque:queue:exports", 0))
    assert queued == {"class": "Export", "args": [handle.id, {"rows": 3, "kind": "pdf"}]}
    resque.run(perform(resque.core.registry, resque.reserve("exports")))
    assert (handle.status().status, handle.status().num) == ("completed", 2)
    resque.close()
