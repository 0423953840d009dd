"""What programs read of the dashboard is what the real resque-web answers on the same Redis."""

from __future__ import annotations

import json

from starlette.testclient import TestClient

from pyresque.web import anybody, app


def test_the_lines_for_munin_are_byte_for_byte_ruby_s(ruby_web, ruby, resque, db):
    for number in range(3):
        ruby.ask("enqueue", class_="EchoJob", args=[number])
    resque.enqueue_to("caf\u00e9 <b>", "Job")
    resque.enqueue_to("a/b", "Job")
    db.rpush("resque:failed", json.dumps({"payload": {"class": "Job", "args": []}}))
    db.set("resque:stat:processed", 12)
    db.sadd("resque:workers", "host:1:echo", "host:2:*")
    record = {
        "queue": "echo",
        "run_at": "2026-11-29T12:00:00Z",
        "payload": {"class": "Job", "args": []},
    }
    db.set("resque:worker:host:1:echo", json.dumps(record))
    theirs = ruby_web().get("/stats.txt")
    with TestClient(app(resque, authorize=anybody)) as web:
        ours = web.get("/stats.txt")
    assert theirs.status == 200
    assert ours.content == theirs.body.encode()
