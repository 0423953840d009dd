"""The page on plugins: its blocks run one after the other, and its tracked job is performed."""

from __future__ import annotations

import json
import re

import pytest

from pyresque import Resque, plugins
from pyresque.errors import ThrottledError
from pyresque.job.perform import perform
from tests.support.pages import text_of

PAGE = text_of("plugins.md", "plugins-unique.md", "plugins-retry.md", "plugins-keys.md")


def test_the_blocks_of_the_page_run(redis_url, db, monkeypatch, capsys):
    monkeypatch.setenv("REDIS_URL", redis_url)
    names: dict[str, object] = {}
    for number, code in enumerate(re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)):
        exec(compile(code, f"plugins.md, block {number}", "exec"), names)
    resque, handle = names["resque"], names["handle"]
    queued = json.loads(db.lindex("resque:queue:exports", 0))
    assert queued == {"class": "Export", "args": [handle.id, {"rows": 3, "kind": "pdf"}]}
    resque.run(perform(resque.core.registry, resque.reserve("exports")))
    assert (handle.status().status, handle.status().num) == ("completed", 2)
    resque.enqueue("Invite", "ann@example.com")
    resque.run(perform(resque.core.registry, resque.reserve("mail")))
    assert "Invite begins with ['ann@example.com']" in capsys.readouterr().out
    lock = b"resque:lock:Mirror:host-1"
    db.set(lock, 1)
    resque.run(names["lock"].refresh(resque, "Mirror", "host", 1))
    assert int(db.get(lock)) > 1
    resque.close()


#: What ``enqueue`` answers for the second of two equal jobs, by the first cell of the page's table.
ANSWERS = {
    "**True**, as in Ruby: an equal job is in the queue; None if the job has a `Status`": True,
    "None": None,
}


def test_a_job_that_is_kept_out_is_answered_as_the_page_says(redis_url, db):
    table = PAGE[PAGE.index("| what keeps it out") : PAGE.index("No line is logged")]
    rows = re.findall(r"^\| (`\w+`.*|`\w+\(.*) \| (.*) \|$", table, re.MULTILINE)
    kept_out = {
        made: answer
        for cell, answer in rows
        for made in re.findall(r"`([A-Z]\w+(?:\([^`]*\))?)`", cell)
    }
    assert set(kept_out) == {
        "Loner",
        "Solo",
        "Lock",
        "QueueLock",
        "LockTimeout(loner=True)",
        "Throttle",
    }
    with Resque(redis_url) as resque:
        for made, answer in kept_out.items():
            name, _, options = made.rstrip(")").partition("(")
            plugin = getattr(plugins, name)(
                **dict.fromkeys(re.findall(r"(\w+)=True", options), True)
            )
            resque.declare(name, queue=name, plugins=[plugin])
            assert resque.enqueue(name, 1) is True
            if answer in ANSWERS:
                assert resque.enqueue(name, 1) is ANSWERS[answer]
            else:
                assert answer == "raises `ThrottledError`"
                with pytest.raises(ThrottledError):
                    resque.enqueue(name, 1)
            assert resque.size(name) == 1
