"""Arguments that are hidden, and what is blotted out: on every page, in its JSON, and in what a search finds."""

from __future__ import annotations

import json
import logging
import time
from contextlib import contextmanager
from urllib.parse import quote

import pytest
from starlette.testclient import TestClient

from pyresque import Resque
from pyresque.errors import SettingsError
from pyresque.settings import Settings
from pyresque.web import Access, app
from pyresque.web.auth import Access as Asking
from pyresque.web.pages import ACTIONS, PAGES
from pyresque.web.screen import HIDDEN, REDACTED, Rules
from tests.web.conftest import OWN

SECRET = "hunter2 two"
ARGS = [{"api_password": SECRET, "harmless": "in sight"}]
NAMES = {
    "queue": "low",
    "worker": "host:1:low",
    "list": "failed",
    "key": "queue:low",
    "name": "nightly",
    "timestamp": "4000000000",
    "id": "job-1",
    "class": "Job",
}


def linked(path):
    for name, value in NAMES.items():
        path = path.replace(f"{{{name}}}", quote(value, safe=""))
    return path


@pytest.fixture
def planted(resque, db, failed):
    """A secret wherever a job's arguments stand."""
    said = f'no log-in with api_password="{SECRET}"'
    payload = {"class": "Job", "args": ARGS}
    active = {"job_class": "Sync", "job_id": "1", "arguments": ARGS}
    wrapper = "ActiveJob::QueueAdapters::ResqueAdapter::JobWrapper"
    db.sadd("resque:queues", "low")
    db.rpush(
        "resque:queue:low",
        json.dumps(payload),
        json.dumps({"class": wrapper, "args": [active]}),
        json.dumps({**payload, "extra": ARGS[0]}),
        f'not json "api_password": "{SECRET}"',
    )
    failed("Job", *ARGS, error=said, backtrace=[f"a.rb:1 {said}"])
    failed(wrapper, active, error=said)
    db.rpush("resque:failed", f"broken api_password={SECRET}")
    db.sadd("resque:workers", "host:1:low")
    work = {"queue": "low", "run_at": "2026-11-29T12:00:00Z", "payload": payload}
    db.set("resque:worker:host:1:low", json.dumps(work))
    resque.set_schedule(
        "nightly", {"cron": "0 3 * * *", "class": "Job", "queue": "low", "args": ARGS}, persist=True
    )
    db.zadd("resque:delayed_queue_schedule", {"4000000000": 4000000000})
    later = json.dumps({**payload, "queue": "low"})
    db.rpush("resque:delayed:4000000000", later)
    db.sadd(f"resque:timestamps:{later}", "delayed:4000000000")
    retry = json.dumps({"class": wrapper, "args": [{**active, "executions": 1}], "queue": "low"})
    db.rpush("resque:delayed:4000000000", retry)
    db.zadd("resque:_statuses", {"job-1": 1})
    status = {
        "uuid": "job-1",
        "name": f'Job({{"api_password"=>"{SECRET}"}})',
        "options": ARGS[0],
        "message": said,
        "status": "working",
    }
    db.set("resque:status:job-1", json.dumps(status))


@contextmanager
def asking(redis_url, access="read", **settings):
    """A browser at a dashboard of these settings, of which ``access`` says who asks."""
    with (
        Resque(redis_url, **settings) as resque,
        TestClient(
            app(resque, authorize=lambda _request: access), headers=OWN, follow_redirects=False
        ) as web,
    ):
        yield web


RULES = [{"web_hide_args": "readers", "web_redact": ["password"]}, {"web_redact": ["PASSWORD"]}]
RULES += [{"web_redact_pattern": r"hunter\d two|hunter\d"}]


@pytest.mark.parametrize("rules", RULES, ids=str)
def test_no_page_and_no_json_has_the_secret(redis_url, planted, rules):
    with asking(redis_url, **rules) as web:
        ids = [one["id"] for one in web.get("/failed.json").json()["records"]]
        paths = [f"/failed/record?id={one}&index=0" for one in ids]
        paths += [linked(page.path) for page in PAGES if page.path != "/failed/record"]
        paths += ["/queues/low?q=Job", "/failed?q=Job", "/delayed?q=Job", "/search?q=Job"]
        for path in paths:
            for accept in ("text/html", "application/json"):
                answer = web.get(path, headers={"accept": accept})
                hidden = "hide" in str(rules) and path.startswith("/stats/keys")
                assert answer.status_code == (404 if hidden else 200), path
                assert "hunter2" not in answer.text, path
                assert "two\\" not in answer.text, path
        shown = web.get("/queues/low.json").json()["jobs"]
        if "hide" in str(rules):
            assert [one.get("args", HIDDEN) for one in shown] == [HIDDEN] * 4
            assert "arguments are hidden" in web.get("/queues/low").text
        else:
            assert shown[0]["args"] == [{"api_password": REDACTED, "harmless": "in sight"}]


def test_without_rules_all_is_shown(redis_url, planted):
    with asking(redis_url) as web:
        for path in ("/queues/low", "/failed", "/workers/host:1:low", "/schedule/nightly"):
            assert "hunter2" in web.get(path).text


@pytest.mark.parametrize("rules", RULES, ids=str)
@pytest.mark.parametrize("text", ["hunter2", "unter2", "HUNTER2"])
def test_a_search_does_not_tell_what_the_page_hides(redis_url, planted, rules, text):
    with asking(redis_url, **rules) as web:
        assert web.get(f"/queues/low.json?q={text}").json()["jobs"] == []
        assert web.get(f"/delayed.json?q={text}").json()["jobs"] == []
        assert web.get(f"/failed.json?q={text}").json()["records"] == []
        assert web.get(f"/failed/groups.json?q={text}").json()["groups"] == []
        assert [one["jobs"] for one in web.get(f"/search.json?q={text}").json()["places"]] == [
            [],
            [],
            [],
        ]
        pattern = 'no log-in with api_password="hunter2 two"'
        assert web.get("/failed.json", params={"pattern": pattern}).json()["records"] == []
        if "hide" not in str(rules):
            assert web.get(f"/stats/keys.json?q={text}").json()["keys"] == []


@pytest.mark.parametrize("rules", RULES, ids=str)
def test_a_search_finds_what_is_shown(redis_url, planted, rules):
    with asking(redis_url, **rules) as web:
        assert len(web.get("/queues/low.json?q=job").json()["jobs"]) >= 2
        assert len(web.get("/queues/low.json?q=Sync").json()["jobs"]) == 1
        assert len(web.get("/failed.json?q=no log-in").json()["records"]) == 2
        seen = len(web.get("/queues/low.json?q=in sight").json()["jobs"])
        assert seen == (0 if "hide" in str(rules) else 3)
        kinds = web.get("/failed/groups.json").json()["groups"]
        for kind in kinds:
            found = web.get("/failed.json", params={"pattern": kind["pattern"] or None})
            assert len(found.json()["records"]) >= kind["count"]


def test_what_no_page_shows_is_not_found_either(redis_url, db, failed):
    rules = {"web_hide_args": "readers"}
    db.sadd("resque:queues", "low")
    payload = {"class": "Job", "args": [], "tenant": "acme"}
    failed("Job", payload=payload)
    failed("Job", tenant="acme")
    failed("Job", payload={"class": {"acme": 1}, "args": []})
    failed("Job", payload=["acme"])
    for job in (payload, {"class": ["acme"], "args": []}, ["acme"], "acme"):
        db.rpush("resque:queue:low", json.dumps(job))
    for access, hits in (("read", 0), ("admin", 4)):
        with asking(redis_url, access, **rules) as web:
            assert len(web.get("/failed.json?q=acme").json()["records"]) == hits
            assert len(web.get("/failed/groups.json?q=acme").json()["groups"]) == bool(hits) * 2
            assert len(web.get("/queues/low.json?q=acme").json()["jobs"]) == hits
            places = web.get("/search.json?q=acme").json()["places"]
            assert sum(len(one["jobs"]) for one in places) == 2 * hits
            assert len(web.get("/failed.json?q=runtimeerr").json()["records"]) == 4


def test_bytes_that_cannot_be_read_and_keys_of_arguments_are_hidden_too(redis_url, db):
    db.zadd("resque:_statuses", {"job-1": 1})
    db.set("resque:status:job-1", f'{{"options": "{SECRET}"')
    db.hset("resque:persistent_schedules", "nightly", f'{{"args": "{SECRET}"')
    db.sadd("resque:queues", "low")
    db.rpush("resque:queue:low", json.dumps({"class": "Taken", "args": [1, {SECRET: 1}]}))
    settings = {"web_hide_args": "readers"}
    with Resque(redis_url, **settings) as resque:

        @resque.job("Taken", queue="low", kwargs=True)
        def taken(_number):
            """Nothing."""

        for access, told in (("read", False), ("admin", True)):
            client = TestClient(app(resque, authorize=lambda _request, it=access: it), headers=OWN)
            with client as web:
                for path in (
                    "/statuses",
                    "/statuses/job-1",
                    "/schedule",
                    "/schedule/nightly",
                    "/migrate/coverage",
                    "/doctor?look=yes",
                ):
                    for headers in ({}, {"accept": "application/json"}):
                        page = web.get(path, headers=headers)
                        assert page.status_code == 200
                        seen = SECRET in page.text or (path == "/statuses" and told)
                        assert seen is told or path.startswith("/doctor"), path
                        assert told or SECRET not in page.text, path


def test_an_action_on_a_search_does_not_tell_either(redis_url, planted):
    with asking(redis_url, "admin", web_hide_args="everybody", web_redact=["password"]) as web:
        program = {"accept": "application/json"}
        for path, form in (
            ("/queues/low/found/remove", {"q": "hunter2"}),
            ("/delayed/remove", {"q": "hunter2"}),
            ("/failed/remove/all", {"q": "hunter2"}),
            ("/failed/remove/all", {"pattern": "no log-in with api_password=…two"}),
        ):
            assert web.post(path, data=form, headers=program).json()["count"] == 0


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.path)
def test_no_question_and_no_line_of_the_log_has_the_secret(redis_url, planted, action, caplog):
    caplog.set_level(logging.INFO)
    form = {"job_name": "nightly", "class": "Job", "args": json.dumps(ARGS)}
    form["config"] = json.dumps({"class": "Job", "args": ARGS, "cron": "0 4 * * *"})
    rules = {"web_hide_args": "everybody", "web_redact": ["password"]}
    with asking(redis_url, "admin", **rules) as web:
        for confirm in ("no", "yes"):
            said = {**form, "confirm": confirm, "until": "9999999999"}
            answer = web.post(linked(action.path), data=said)
            shown = answer.text.replace(quote(SECRET), "")
            if 'name="args"' not in shown:  # the question gives back what the reader has sent
                assert "hunter2" not in shown
    assert "hunter2" not in caplog.text


def test_names_on_pages_are_no_digest_that_can_be_guessed(redis_url, planted):
    from hashlib import blake2b, sha1

    raw = json.dumps({"class": "Job", "args": ARGS}).encode()
    with asking(redis_url, web_hide_args="everybody") as web:
        found = web.get("/queues/low.json").json()["jobs"][0]["id"]
    with asking(redis_url, web_hide_args="everybody", web_token="other") as web:
        other = web.get("/queues/low.json").json()["jobs"][0]["id"]
    assert len({found, other, sha1(raw).hexdigest(), blake2b(raw, digest_size=20).hexdigest()}) == 4


@pytest.mark.parametrize(
    ("hide", "access", "hidden"),
    [
        ("nobody", "read", False),
        ("nobody", Asking("admin", "ann", sees_arguments=False), True),
        ("readers", "read", True),
        ("readers", "admin", False),
        ("readers", Asking("read", "eve", sees_arguments=True), False),
        ("everybody", "admin", True),
        ("everybody", Asking("admin", "ann", sees_arguments=True), False),
    ],
    ids=str,
)
def test_the_settings_and_the_access_say_who_sees_arguments(
    redis_url, planted, hide, access, hidden
):
    with asking(redis_url, access, web_hide_args=hide) as web:
        assert ("hunter2" not in web.get("/queues/low").text) == hidden


def test_who_sees_arguments_sees_them_all(redis_url, planted):
    who = Access("read", "ann", sees_arguments=True)
    with asking(redis_url, who, web_redact=["password"], web_redact_pattern="hunter.") as web:
        assert "hunter2" in web.get("/queues/low").text


def test_what_is_blotted_out_is_never_saved_in_place_of_what_was_there(redis_url, planted, resque):
    with asking(redis_url, "admin", web_redact=["password"]) as web:
        page = web.get("/schedule/nightly").text
        assert "cannot be changed here" in page
        assert 'action="/schedule/save"' not in page
        web.post("/schedule/requeue", data={"job_name": "nightly", "args": ""})
    assert resque.peek("low", 4, 1)[0].args == tuple(ARGS)
    with asking(redis_url, "admin") as web:
        assert 'action="/schedule/save"' in web.get("/schedule/nightly").text


@pytest.mark.parametrize(
    "text",
    [
        'x password="SECRET SECRET" y',
        "{'password': 'SECRET'}",
        r"{\"password\":\"SECRET SECRET\"}",
        '{"user_password_2":"SEC\\"RET SECRET"}',
        '{:password=>"SECRET"}',
        ":password => :SECRET",
        "PASSWORD: SECRET, more",
        "?password=SECRET&a=b",
        'password={"a": ["SECRET", {"b": "SECRET"}]}',
        'password="SECRET without an end',
        "password=SECRET\\",
    ],
)
def test_values_behind_a_named_key_are_blotted_out_of_texts(text):
    screen = Rules(Settings(web_redact=["password"])).screen(Access("read"))
    shown = screen.text(text)
    assert "SEC" not in shown
    assert "RET" not in shown.replace(REDACTED, "")
    assert REDACTED in shown


@pytest.mark.parametrize(
    "part", ['password="', "password='", 'password="\\', "password", "a\\", "password=["]
)
def test_no_text_takes_long(part):
    screen = Rules(Settings(web_redact=["password", "token"])).screen(Access("read"))
    start = time.process_time()
    screen.text(part * 100_000)
    assert time.process_time() - start < 20


def test_a_pattern_that_takes_for_ever_hides_the_text(redis_url, db, resque):
    for _ in range(50):
        resque.enqueue_to("low", "Job", "a" * 5000, "b")
    with asking(redis_url, web_redact_pattern=r"(a+)+c") as web:
        start = time.process_time()
        jobs = web.get("/queues/low.json?per=50").json()["jobs"]
    assert time.process_time() - start < 30
    assert jobs[0]["args"] == [HIDDEN, "b"]
    assert jobs[49]["args"] == [HIDDEN, HIDDEN]


def test_a_wrong_rule_is_a_clear_error():
    for wrong, said in (
        ({"web_redact_pattern": "("}, "no regular expression"),
        ({"web_redact_pattern": "a*"}, "empty text"),
        ({"web_redact": [" "]}, "no key is named"),
        ({"web_hide_args": "all"}, "nobody, readers, everybody"),
    ):
        with pytest.raises(SettingsError, match=said):
            Settings(**wrong)
    with pytest.raises(SettingsError, match="web_redact_pattern"):
        Rules(_with_pattern(r"\p{Nonsense}"))


def _with_pattern(pattern):
    """Settings whose pattern Python's own module takes, and `regex` does not."""
    found = Settings()
    found.__dict__["web_redact_pattern"] = pattern
    return found


def test_numbers_and_keys_are_looked_at_and_the_rest_is_kept():
    screen = Rules(Settings(web_redact_pattern=r"\d{16}", web_redact=["pin"])).screen(
        Access("read")
    )
    value = {"1234567890123456": 4111111111111111, "n": [1, 2.5, None, True], "PIN": None}
    assert screen.content(value) == {REDACTED: REDACTED, "n": [1, 2.5, None, True], "PIN": None}


def test_a_value_of_any_depth_is_shown_or_hidden():
    screen = Rules(Settings(web_redact=["pin"])).screen(Access("read"))
    deep: list[object] = []
    for _ in range(50_000):
        deep = [deep]
    assert screen.page({"args": deep}) == HIDDEN
