"""Attacks that another file does not try: paths, redirects, lines of headers and of the log, huge and broken records, every route by GET."""

from __future__ import annotations

import json
import logging
from urllib.parse import quote, urlsplit

import pytest
from starlette.routing import Route

from pyresque.web import anybody, app
from pyresque.web.pages import ACTIONS, PAGES

READ = {
    b"list": lambda db, key: db.lrange(key, 0, -1),
    b"set": lambda db, key: sorted(db.smembers(key)),
    b"hash": lambda db, key: sorted(db.hgetall(key).items()),
    b"zset": lambda db, key: db.zrange(key, 0, -1, withscores=True),
}


def state(db):
    """All that Redis holds, and which keys expire. DUMP has a set's members in an order that reading may change."""
    return {
        key: (READ.get(db.type(key), type(db).dump)(db, key), db.ttl(key) > 0)
        for key in db.scan_iter()
    }


TRICKS = [
    "/../../etc/passwd",
    "/static/../view.py",
    "/static/..%2f..%2fview.py",
    "/static/%2e%2e/%2e%2e/view.py",
    "/static//etc/passwd",
    "/static/%00",
    "/static/live.js%00.css",
    "/static/templates/base.html",
    "/queues/..%2f..%2fstats",
    "/queues/%2e%2e",
    "/queues/%00",
    "/queues/%c0%ae%c0%ae",
    "/queues/%",
    "/queues/%zz",
    "/stats/keys/..%2f..%2f",
    "/stats/keys/%00",
    "/delayed/%00",
    "/failed/..%2fqueues",
    "/overview/",
    "/overview/..",
    "/overview%2f..%2fqueues",
    "//evil.example",
    "//evil.example/overview",
    "/%2f%2fevil.example",
    "/\\evil.example",
    "/http:%2f%2fevil.example",
    "/;/overview",
    "/overview.json.json",
    "/.json",
]


@pytest.mark.parametrize("path", TRICKS)
def test_no_trick_of_a_path_leads_to_a_file_an_error_or_another_site(web, db, path):
    db.sadd("resque:queues", "..", "../../stats")
    before = state(db)
    for method in ("GET", "POST"):
        # The path as it is: a client would tidy it up.
        answer = web.request(method, f"http://testserver{path}")
        assert answer.status_code in {200, 302, 307, 400, 404, 405}, answer.text
        assert "root:" not in answer.text
        assert "from __future__" not in answer.text
        to = answer.headers.get("location", "/")
        assert urlsplit(to).netloc in {"", "testserver"}
        assert not to.startswith(("//", "/\\", "\\"))
    assert state(db) == before


REDIRECTS = [
    "//evil.example",
    "https://evil.example",
    "/\\evil.example",
    "javascript:alert(1)",
    "\r\nlocation: //e",
]


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.path)
def test_no_field_of_a_form_and_no_name_leads_away(web, db, action):
    for target in REDIRECTS:
        db.sadd("resque:queues", target)
        db.rpush(f"resque:queue:{target}", '{"class":"Job","args":[]}')
        names = ("queue", "list", "worker", "timestamp", "id", "key", "name")
        path = action.path
        for name in names:
            value = "4000000000" if name == "timestamp" else target
            path = path.replace(f"{{{name}}}", quote(value, safe=""))
        fields = (*action.fields, "to", "back", "next", "return_to", "location")
        form = {**dict.fromkeys(fields, target), "confirm": "yes", "until": "4000000000"}
        answer = web.post(path, data=form, headers={"referer": target.strip()})
        to = answer.headers.get("location", "/")
        assert urlsplit(to).netloc == "", target
        assert to.startswith("/"), target
        assert not to.startswith(("//", "/\\")), target
        assert "\n" not in str(answer.headers).replace("\\n", ""), target


def test_every_route_is_a_page_an_action_or_an_answer_and_none_else_takes_a_post(resque):
    guard = app(resque, authorize=anybody)
    routes = [route for route in guard.pages.routes if isinstance(route, Route)]
    posts = {route.path for route in routes if "POST" in (route.methods or ())}
    assert posts == {action.path for action in ACTIONS}
    assert len(routes) > len(ACTIONS) + 2 * len(PAGES)
    for route in routes:
        assert not {"PUT", "DELETE", "PATCH"} & set(route.methods or ())


def test_no_route_changes_anything_by_get(web, resque, db, failed):
    from tests.support.full_redis import fill

    fill(db)
    before = state(db)
    guard = app(resque, authorize=anybody)
    for route in guard.pages.routes:
        if route.path == "/live":
            continue  # it does not end; test_mount reads it
        path = route.path.replace(":path", "")
        for name, value in (("timestamp", "4000000000"), ("list", "failed")):
            path = path.replace(f"{{{name}}}", value)
        path = path.replace("{queue}", "mailers").replace("{key}", "failed")
        path = path.replace("{", "").replace("}", "")
        for query in (
            "",
            "?confirm=yes&until=9999999999&q=a&to=x&at=5m&token=removed-0&whole=yes&older=1d",
        ):
            answer = web.get(path + query)
            assert answer.status_code < 500, path
    assert state(db) == before


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.path)
def test_no_field_forges_a_line_of_the_log(web, db, failed, action, caplog):
    failed("Job\r\nforged", queue="q\r\nforged")
    evil = "x\r\nforged: POST /failed/clear\x1b[2J\u2028\u202e"
    path = action.path
    for name in ("queue", "list", "worker", "timestamp", "id"):
        path = path.replace(
            f"{{{name}}}", quote("4000000000" if name == "timestamp" else evil, safe="")
        )
    form = {**dict.fromkeys((*action.fields, evil), evil), "confirm": "yes", "until": "4000000000"}
    with caplog.at_level(logging.INFO):
        answer = web.post(
            path, data=form, headers={"x-forwarded-for": evil.encode("unicode_escape").decode()}
        )
    assert answer.status_code in {200, 303, 400, 404, 500}
    lines = [record.getMessage() for record in caplog.records if record.name.startswith("pyresque")]
    assert all(line.isprintable() for line in lines)
    for name, value in answer.headers.items():
        assert "\r" not in value, name
        assert "\n" not in value, name


HUGE = 10 << 20


@pytest.fixture(scope="module")
def huge():
    """A job of ten megabytes, one nested deep, and ones that are broken."""
    whole = json.dumps({"class": "Huge", "args": ["x" * HUGE]}).encode()
    deep = b'{"class":"Deep","args":' + b"[" * 20_000 + b"]" * 20_000 + b"}"
    digits = b'{"class":"Digits","args":[' + b"9" * 200_000 + b"]}"
    many = json.dumps({"class": "Many", "args": [{str(n): n for n in range(50_000)}]}).encode()
    return (whole, deep, digits, many, b"\xff\xfe\x00" * 1000, whole[: HUGE // 2], b"")


def test_huge_and_broken_records_break_no_page(web, db, huge):
    db.sadd("resque:queues", "low")
    db.rpush("resque:queue:low", *huge)
    db.rpush("resque:failed", *huge)
    record = b'{"failed_at":"2026/11/29 12:00:00 UTC","payload":%b,"exception":"E","error":"e","queue":"low"}'
    db.rpush("resque:failed", *(record % raw for raw in huge[:4]))
    db.rpush("resque:delayed:4000000000", *huge)
    db.zadd("resque:delayed_queue_schedule", {"4000000000": 4000000000})
    db.sadd("resque:workers", "h:1:low")
    db.set("resque:worker:h:1:low", b'{"queue":"low","run_at":"x","payload":%b}' % huge[0])
    db.hset(
        "resque:persistent_schedules", "s", b'{"cron":"* * * * *","args":["%b"]}' % (b"y" * HUGE)
    )
    for path in (
        *("/overview", "/working", "/failed", "/failed/groups", "/failed?q=needle", "/queues"),
        *("/queues/low", "/queues/low?q=needle", "/workers", "/workers/h:1:low", "/delayed"),
        *("/delayed/4000000000", "/delayed?q=needle", "/schedule", "/search?q=needle", "/metrics"),
        *("/stats/keys/queue:low", "/stats/keys/failed"),
    ):
        page = web.get(path)
        assert page.status_code == 200, path
        assert len(page.content) < 400_000, (path, len(page.content))
    answer = web.post("/failed/clear", headers={"accept": "application/json"})
    done = web.post(
        "/failed/clear", data=answer.json()["send"], headers={"accept": "application/json"}
    )
    assert done.json()["count"] == db.llen("resque:failed") + len(huge) + 4
    assert done.json()["undo"] is None
    moved = web.post("/queues/low/move", data={"to": "other", "confirm": "yes"})
    assert moved.status_code == 303
    assert db.lrange("resque:queue:other", 0, -1) == list(huge)
