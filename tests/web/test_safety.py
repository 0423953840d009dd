"""Attacks: markup in every field, changes from other sites, GET that changes, forged headers and log lines, log-ins."""

from __future__ import annotations

import base64
import json
import logging
import re
from html.parser import HTMLParser

import pytest
from starlette.testclient import TestClient

from pyresque import Resque
from pyresque.errors import SettingsError
from pyresque.web import Access, anybody, app
from pyresque.web.pages import ACTIONS, PAGES
from tests.web.conftest import OWN

MARKUP = (
    "<script>alert(1)</script><img src=x onerror=alert(2)>\"'><svg/onload=alert(3)>{{104729*13}}"
)


class Tags(HTMLParser):
    """The elements of a page, with their attributes."""

    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))


def harmless(page):
    """Nothing of the page runs but the dashboard's own script."""
    tags = Tags()
    tags.feed(page.text)
    for tag, attrs in tags.found:
        if tag == "svg" and attrs.get("class", "").startswith("chart "):
            continue
        assert tag not in {"img", "svg", "iframe", "object", "style", "base"}, (tag, attrs)
        assert not [name for name in attrs if name.startswith("on") or name == "style"], attrs
        if tag == "script":
            assert attrs["src"].endswith("/static/live.js")
        for name in ("href", "action", "src"):
            assert (
                not attrs.get(name, "").strip().lower().startswith(("javascript:", "data:", "//"))
            )
    assert "1361477" not in page.text  # a time may well hold a short number
    return page


@pytest.fixture
def hostile(db, failed):
    """Markup in every field that another process writes."""
    args = [MARKUP, {MARKUP: MARKUP}]
    payload = {"class": MARKUP, "args": args, MARKUP: MARKUP}
    db.sadd("resque:queues", MARKUP)
    db.rpush(f"resque:queue:{MARKUP}", json.dumps(payload), MARKUP)
    failed(
        MARKUP,
        *args,
        exception=MARKUP,
        error=MARKUP,
        backtrace=[MARKUP],
        worker=MARKUP,
        queue=MARKUP,
        failed_at=MARKUP,
        retried_at=MARKUP,
        failure_id=MARKUP,
    )
    db.rpush("resque:failed", MARKUP)
    worker = f"{MARKUP}:1:{MARKUP}"
    db.sadd("resque:workers", worker, MARKUP)
    db.set(
        f"resque:worker:{worker}",
        json.dumps({"queue": MARKUP, "run_at": MARKUP, "payload": payload}),
    )
    db.set(f"resque:worker:{worker}:started", MARKUP)
    db.hset("resque:workers:heartbeat", worker, MARKUP)
    db.set(f"resque:{MARKUP}", MARKUP)
    db.set("resque:resque:resque_scheduler_master_lock", MARKUP)
    db.hset(
        "resque:persistent_schedules",
        MARKUP,
        json.dumps(
            {
                "cron": MARKUP,
                **payload,
                "description": MARKUP,
                "parameters": {MARKUP: {"description": MARKUP, "default": MARKUP}},
            }
        ),
    )
    db.hset("resque:delayed:last_enqueued_at", MARKUP, MARKUP)
    db.zadd("resque:delayed_queue_schedule", {"4000000000": 4000000000, MARKUP: 5})
    db.rpush("resque:delayed:4000000000", json.dumps({**payload, "queue": MARKUP}), MARKUP)
    db.zadd("resque:_statuses", {MARKUP: 1})
    status = dict.fromkeys(("status", "name", "message", "num", "total", MARKUP), MARKUP)
    db.set(f"resque:status:{MARKUP}", json.dumps(status))
    names = {"queue": MARKUP, "worker": worker, "list": "failed", "key": MARKUP}
    return {**names, "name": MARKUP, "timestamp": "4000000000", "id": MARKUP, "class": MARKUP}


def linked(path, names):
    from urllib.parse import quote

    for name, value in names.items():
        path = path.replace(f"{{{name}}}", quote(value, safe=""))
    return path


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.path)
def test_markup_that_is_stored_is_text_on_every_page(web, hostile, page):
    path = linked(page.path, hostile)
    answer = harmless(web.get(path))
    assert answer.status_code in {200, 404}
    harmless(web.get(path, params={"q": "alert"}))


def test_every_link_of_every_page_leads_to_a_page(web, hostile):
    from html import unescape

    seen, waiting = set(), ["/overview"]
    while waiting:
        path = waiting.pop()
        if path in seen or len(seen) > 300:
            continue
        seen.add(path)
        page = web.get(path)
        assert page.status_code == 200, path
        if page.headers["content-type"].startswith("text/html"):
            harmless(page)
            waiting += [
                unescape(link)
                for link in re.findall(r'href="(/[^"]*)"', page.text)
                if "%" in link or "static" not in link
            ]
    assert len(seen) > 20


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.path)
def test_markup_that_is_reflected_is_text_on_every_page(web, page):
    names = dict.fromkeys(("queue", "worker", "list", "key", "name", "timestamp", "id"), MARKUP)
    fields = (
        "q",
        "class",
        "queue",
        "exception",
        "retried",
        "pattern",
        "list",
        "id",
        "start",
        "per",
    )
    query = dict.fromkeys(fields, MARKUP)
    harmless(web.get(linked(page.path, names), params=query))


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.path)
def test_markup_in_the_question_of_an_action_is_text(web, hostile, action):
    form = dict.fromkeys(("q", "class", "queue", "list", "id", "x", "job_name", "config"), MARKUP)
    answer = harmless(web.post(linked(action.path, hostile), data=form))
    assert answer.status_code in {200, 303, 404, 400}
    harmless(web.get("/overview"))


def test_markup_in_a_cookie_is_text(web):
    web.cookies.set("pyresque_said", MARKUP.replace('"', "").replace(";", ""))
    harmless(web.get("/overview"))


def state(db):
    """All that Redis holds."""
    return {key: db.dump(key) for key in db.scan_iter()}


@pytest.mark.parametrize("path", [one.path for one in (*PAGES, *ACTIONS)])
def test_get_and_head_change_nothing(web, db, failed, resque, path):
    resque.enqueue_to("low", "Job", 1)
    failed()
    db.sadd("resque:workers", "host:1:low")
    before = state(db)
    resque.set_schedule("x", {"every": "1h", "class": "A", "queue": "q"}, persist=True)
    resque.enqueue_at(4_000_000_000, "Job", queue="low")
    before = state(db)
    names = {"queue": "low", "worker": "host:1:low", "list": "failed", "key": "workers"}
    names |= {"name": "x", "timestamp": "4000000000"}
    for method in ("GET", "HEAD"):
        for query in ("", "?confirm=yes&until=9999999999&q=Job"):
            web.request(method, linked(path, names) + query)
    for method in ("PUT", "DELETE", "PATCH", "OPTIONS"):
        assert web.request(method, linked(path, names)).status_code == 405
    assert state(db) == before


@pytest.mark.parametrize(
    "path", ["/failed/remove/0", "/failed/requeue/0", "/failed/failed/remove/0"]
)
def test_ruby_s_links_that_change_something_by_get_are_gone(web, db, failed, path):
    failed()
    before = state(db)
    web.get(path)
    web.post(path)
    assert state(db) == before


FOREIGN = [
    {"sec-fetch-site": "cross-site"},
    {"sec-fetch-site": "same-site"},
    {"sec-fetch-site": "none"},
    {"sec-fetch-site": "cross-site", "origin": "http://testserver"},
    {"origin": "http://evil.example"},
    {"origin": "http://testserver.evil.example"},
    {"origin": "http://testserver:1"},
    {"origin": "null"},
    {},
]


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.path)
def test_a_change_from_another_site_is_refused(resque, db, failed, action):
    resque.enqueue_to("low", "Job", 1)
    failed()
    db.sadd("resque:workers", "host:1:low")
    before = state(db)
    resque.set_schedule("x", {"every": "1h", "class": "A", "queue": "q"}, persist=True)
    resque.enqueue_at(4_000_000_000, "Job", queue="low")
    before = state(db)
    names = {"queue": "low", "worker": "host:1:low", "list": "failed", "timestamp": "4000000000"}
    form = {"confirm": "yes", "until": "9999999999", "q": "Job", "job_name": "x"}
    with TestClient(app(resque, authorize=anybody), follow_redirects=False) as web:
        for headers in FOREIGN:
            answer = web.post(linked(action.path, names), data=form, headers=headers)
            assert answer.status_code == 403, headers
            assert state(db) == before, headers


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "same-origin"},
        {"origin": "http://testserver"},
        {"authorization": "Bearer x"},
    ],
    ids=str,
)
def test_a_change_of_the_dashboard_s_own_is_made(resque, headers):
    with TestClient(app(resque, authorize=anybody), follow_redirects=False) as web:
        assert web.post("/workers/pause", headers=headers).status_code == 303
    assert resque.all_paused()


def test_a_bearer_token_does_not_make_up_for_another_site(resque):
    headers = {"authorization": "Bearer x", "sec-fetch-site": "cross-site"}
    with TestClient(app(resque, authorize=anybody)) as web:
        assert web.post("/workers/pause", headers=headers).status_code == 403


def test_every_answer_has_the_headers_that_bind_a_browser(web, resque):
    resque.enqueue_to("low", "Job")
    paths = (
        "/overview",
        "/overview.json",
        "/static/live.js",
        "/stats.txt",
        "/nope",
        "/healthz",
        "/",
    )
    answers = [
        *map(web.get, paths),
        web.post("/queues/low/remove"),
        web.post("/nope"),
        web.put("/"),
    ]
    for answer in answers:
        policy = answer.headers["content-security-policy"]
        assert "script-src 'self';" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
    assert web.get("/overview").headers["cache-control"] == "no-store"


def test_no_page_has_anything_inline_or_of_a_third_party(web, resque):
    resque.enqueue_to("low", "Job")
    for path in ("/overview", "/queues/low", "/failed", "/workers"):
        page = web.get(path).text
        assert "<style" not in page
        assert " style=" not in page
        assert re.findall(r"<script(?! src=\"/static/live\.js\" defer></script>)", page) == []
        assert "http" not in "".join(re.findall(r'(?:src|href)="([^"]*)"', page))


@pytest.mark.parametrize(
    "name", ["../view.py", "..%2fview.py", "%2e%2e/view.py", "live.js%00", "base.html"]
)
def test_no_other_file_is_served(web, name):
    assert web.get(f"/static/{name}").status_code == 404


def test_a_static_file_is_asked_for_again_only_when_it_has_changed(web):
    first = web.get("/static/style.css")
    again = web.get("/static/style.css", headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_a_name_forges_no_header_and_no_line_of_the_log(web, resque, caplog):
    name = "low\r\nset-cookie: evil=1\r\n\r\n<b>\x1b[31m"
    resque.enqueue_to(name, "Job")
    with caplog.at_level(logging.INFO, "pyresque.web.audit"):
        answer = web.post(
            linked("/queues/{queue}/pause", {"queue": name}), data={"x": "\r\nforged"}
        )
    assert answer.status_code == 303
    assert "evil" not in answer.headers["set-cookie"].partition(";")[2]
    assert "\r" not in str(answer.headers)
    (record,) = caplog.records
    assert record.getMessage().isprintable()


def test_every_change_is_a_line_in_the_log_with_who_and_what_came_of_it(resque, failed, caplog):
    failed("Job", 1)

    def authorize(_request):
        return Access("admin", "ann")

    caplog.set_level(logging.INFO, "pyresque.web.audit")
    with TestClient(app(resque, authorize=authorize), headers=OWN, follow_redirects=False) as web:
        asked = web.post("/failed/clear", headers={"accept": "application/json"}).json()
        assert caplog.records == []
        web.post("/failed/clear", data=asked["send"])
        web.post("/queues/nothing/job/remove", data={"confirm": "yes", "id": "1"})
    first, second = (record.getMessage() for record in caplog.records)
    assert first.startswith("web: ann at testclient: POST /failed/clear until=")
    assert first.endswith("Removed 1 failed job")
    assert "failed: This job is no longer in its queue" in second


@pytest.mark.parametrize("answer", [None, "nobody", "ADMIN", 7, Access("root")])
def test_who_is_not_known_sees_nothing(resque, answer):
    with TestClient(app(resque, authorize=lambda _request: answer), headers=OWN) as web:
        for path in ("/overview", "/stats.txt", "/metrics", "/live", "/static/live.js", "/nope"):
            assert web.get(path).status_code == 401
        assert web.post("/workers/pause").status_code == 401
        assert web.get("/healthz").status_code == 200


def test_who_may_read_changes_nothing_and_sees_no_buttons(resque, failed):
    failed()
    resque.enqueue_to("low", "Job")

    async def authorize(_request):
        return "read"

    with TestClient(app(resque, authorize=authorize), headers=OWN) as web:
        for path in ("/failed", "/queues", "/queues/low", "/workers"):
            page = web.get(path)
            assert page.status_code == 200
            assert 'method="post"' not in page.text
        for action in ACTIONS:
            names = {"queue": "low", "worker": "w", "list": "failed", "timestamp": "4000000000"}
            form = {"confirm": "yes", "until": "9999999999"}
            assert web.post(linked(action.path, names), data=form).status_code == 403
    assert resque.size("low") == 1


def test_a_dashboard_for_reading_alone_lets_nobody_change_anything(resque):
    with TestClient(app(resque, authorize=anybody, read_only=True), headers=OWN) as web:
        assert web.post("/workers/pause").status_code == 403
        assert 'method="post"' not in web.get("/workers").text


def basic(pair):
    return {"authorization": "Basic " + base64.b64encode(pair.encode()).decode()}


@pytest.mark.parametrize(
    ("headers", "look", "change"),
    [
        ({}, 401, 401),
        (basic("ann:s3cret"), 200, 303),
        (basic("eve:look"), 200, 403),
        (basic("ann:look"), 401, 401),
        (basic("ann:"), 401, 401),
        ({"authorization": "Basic !!!"}, 401, 401),
        ({"authorization": "Basic \u00ff".encode("latin-1").decode("latin-1")}, 401, 401),
        ({"authorization": "Bearer machine"}, 200, 303),
        ({"authorization": "bearer board"}, 200, 403),
        ({"authorization": "Bearer "}, 401, 401),
        ({"authorization": "Bearer machine2"}, 401, 401),
        ({"x-forwarded-user": "bob"}, 200, 303),
        ({"x-forwarded-user": "carl"}, 200, 403),
        ({"x-forwarded-user": " "}, 401, 401),
    ],
    ids=str,
)
def test_the_settings_name_who_may_look_and_who_may_change(redis_url, db, headers, look, change):
    resque = Resque(
        redis_url,
        web_auth="ann:s3cret",
        web_read_auth="eve:look",
        web_token="machine",
        web_read_token="board",
        web_user_header="X-Forwarded-User",
        web_admins=["bob"],
    )
    headers = {name: value.encode("latin-1") for name, value in {**OWN, **headers}.items()}
    with TestClient(app(resque), follow_redirects=False) as web:
        assert web.get("/overview", headers=headers).status_code == look
        assert web.post("/workers/pause", headers=headers).status_code == change


def test_a_browser_is_told_how_to_log_in(redis_url, db):
    with TestClient(app(Resque(redis_url, web_auth="ann:s3cret"))) as web:
        answer = web.get("/overview")
        assert answer.headers["www-authenticate"].startswith("Basic ")
        assert "s3cret" not in answer.text


def test_a_name_that_another_site_points_here_is_refused(resque):
    with TestClient(app(resque, authorize=anybody, hosts=["127.0.0.1", "[::1]"])) as web:
        assert web.get("/overview").status_code == 421
        assert web.get("/overview", headers={"host": "evil.example:5678"}).status_code == 421
        assert web.get("/overview", headers={"host": "127.0.0.1:5678"}).status_code == 200
        assert web.get("/overview", headers={"host": "[::1]:5678"}).status_code == 200


def test_a_large_or_foreign_body_is_refused(web):
    assert web.post("/workers/pause", data={"x": "y" * 2_000_000}).status_code == 400
    assert web.post("/workers/pause", json={"x": 1}).status_code == 400
    fields = "&".join(f"a{number}=1" for number in range(5000))
    form = {"content-type": "application/x-www-form-urlencoded"}
    assert web.post("/workers/pause", content=fields, headers=form).status_code == 400
    assert web.get(f"/overview?{fields}").status_code == 400


def test_the_password_of_redis_is_on_no_page(db):
    with TestClient(app(Resque("redis://:s3cret@127.0.0.1:1/0"), authorize=anybody)) as web:
        for path in ("/overview", "/stats", "/failed", "/healthz", "/nope"):
            assert "s3cret" not in web.get(path).text


def test_a_dashboard_of_which_nobody_says_who_may_see_it_is_refused(resque, redis_url):
    app(resque, authorize=lambda _request: "read")
    app(Resque(redis_url, web_token="machine"))
    with pytest.raises(SettingsError, match="authorize="):
        app(resque)
