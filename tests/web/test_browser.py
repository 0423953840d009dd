"""The dashboard in a real browser: content, live numbers, actions, a long search, dark and phone layout, and without scripts."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import expect

from pyresque import Resque
from pyresque.web import anybody, app
from tests.support.chromium import chromium
from tests.support.eventually import TIMEOUT, eventually
from tests.support.web_server import serving

PHONE = {"width": 360, "height": 740}

expect.set_options(timeout=TIMEOUT * 1000)


@pytest.fixture(scope="module")
def browser():
    with chromium() as started:
        yield started


@pytest.fixture
def visit(browser, address):
    """Open a page in a window of its own; errors of its scripts and of its policy fail the test."""
    contexts, problems = [], []

    def go(path, **options):
        context = browser.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on(
            "console",
            lambda said: problems.append(said.text) if said.type == "error" else None,
        )
        page.goto(address + path)
        return page

    yield go
    for context in contexts:
        context.close()
    assert problems == []


def test_the_overview_shows_what_is_there_and_counts_on(visit, resque):
    resque.enqueue_to("mailers", "WelcomeMailer", 7)
    page = visit("/")
    assert page.title() == "0 failed, 1 pending \u00b7 Resque"
    assert page.get_by_role("heading", name="Overview").is_visible()
    number = page.locator('[data-live="pending"]')
    number.evaluate("one => { one.dataset.same = 'yes'; }")
    resque.enqueue_to("mailers", "WelcomeMailer", 8)
    page.locator('[data-live="pending"]', has_text="2").wait_for()
    page.locator('[data-live="queue:mailers"]', has_text="2").wait_for()
    assert number.get_attribute("data-same") == "yes", "the page was not replaced"


def test_live_numbers_can_be_paused(visit, resque):
    page = visit("/overview")
    page.get_by_role("button", name="Pause live numbers").click()
    expect(page.get_by_role("button", name="Go on with live numbers")).to_be_visible()


def test_new_failures_are_told_and_do_not_move_the_page(visit, failed):
    failed("Job", 1)
    page = visit("/failed")
    failed("Job", 2)
    page.get_by_text("Now 2 failed.").wait_for()
    assert page.locator("article").count() == 1
    page.get_by_role("link", name="Show them").click()
    page.locator("article").nth(1).wait_for()


@pytest.mark.parametrize("way", ["refused", "cut off"])
def test_numbers_are_asked_for_where_events_do_not_come_through(browser, address, resque, way):
    context = browser.new_context()
    page = context.new_page()
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.route(
        "**/live",
        lambda route: route.fulfill(status=502) if way == "refused" else route.abort(),
    )
    page.goto(address + "/overview")
    resque.enqueue_to("low", "Job")
    page.locator('[data-live="pending"]', has_text="1").wait_for()
    resque.enqueue_to("low", "Job")
    page.locator('[data-live="pending"]', has_text="2").wait_for()
    assert any(url.endswith("/live.json") for url in asked)
    context.close()


READER = """
() => ({
  top: document.querySelector("details[open]").getBoundingClientRect().top,
  open: document.querySelectorAll("details[open]").length,
  selected: getSelection().toString(),
  focus: document.activeElement.textContent,
})
"""


def test_the_page_under_the_reader_stays_while_numbers_change(visit, failed):
    for number in range(30):
        failed("Job", number, error=f"error {number}")
    page = visit("/failed", viewport=PHONE)
    page.locator("summary").nth(7).click()
    page.locator("article").nth(7).get_by_role("button", name="Retry").focus()
    page.evaluate(
        "getSelection().selectAllChildren(document.querySelectorAll('article strong')[7])"
    )
    before = page.evaluate(READER)
    assert before["selected"] == "RuntimeError"
    assert before["focus"] == "Retry"
    assert page.evaluate("scrollY") > 0
    failed("Job", 30)
    page.locator('[data-live="failed"]', has_text="31").wait_for()
    page.get_by_text("Now 31 failed.").wait_for()
    after = page.evaluate(READER)
    assert abs(after.pop("top") - before.pop("top")) < 2, (
        "the browser keeps the place, but for a part of a pixel"
    )
    assert after == before


def test_exactly_the_filtered_failures_are_retried(visit, resque, failed, db):
    for number in range(30):
        failed("A" if number % 2 else "B", number)
    page = visit("/failed")
    page.get_by_label("Class").fill("A")
    page.get_by_role("button", name="Filter").click()
    page.wait_for_url("**class=A**")
    page.get_by_role("button", name="Retry those that match the filter").click()
    expect(page.locator("main")).to_contain_text("Retry 15 failed jobs of class A")
    page.get_by_role("button", name="Retry 15 jobs").click()
    expect(page.get_by_role("status").first).to_have_text("Retried 15 failed jobs.")
    assert resque.size("low") == 15
    assert {job.payload.class_name for job in resque.peek("low", 0, 20)} == {"A"}


def test_a_search_looks_through_the_whole_queue_by_itself(visit, db, monkeypatch):
    monkeypatch.setattr("pyresque.web.tabs.queue.BUDGET", 0.0)
    with db.pipeline() as pipe:
        pipe.sadd("resque:queues", "low")
        for number in range(3000):
            name = "Needle" if number == 2999 else "Job"
            pipe.rpush("resque:queue:low", json.dumps({"class": name, "args": [number]}))
        pipe.execute()
    page = visit("/queues/low?q=needle")
    page.get_by_text("Looked through 3,000 of 3,000.").wait_for()
    assert page.locator("#rows tr").count() == 1
    assert "2999" in page.locator("#rows").text_content()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_in_the_light_and_in_the_dark(visit, resque, failed, scheme):
    failed("Job", 1)
    page = visit("/failed", color_scheme=scheme)
    contrasts = page.evaluate(CONTRAST)
    assert min(contrasts.values()) >= 4.5, contrasts
    bright = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (bright == "rgb(255, 255, 255)") == (scheme == "light")


@pytest.mark.parametrize(
    "path",
    [
        *("/overview", "/queues", "/queues/low", "/failed", "/workers", "/stats/redis"),
        *("/schedule", "/schedule/nightly", "/delayed"),
        *("/migrate", "/migrate/ledger", "/migrate/coverage", "/workers/host:1:low"),
    ],
)
def test_nothing_is_cut_off_on_a_phone(visit, resque, failed, db, path):
    failed("Reports::VeryLongNameOfAClass" * 4, "x" * 300, error="y" * 300)
    resque.enqueue_to("low", "Job", "z" * 300)
    db.sadd("resque:workers", f"{'host-' * 20}:1:low")
    resque.set_schedule("nightly", {"cron": "0 3 * * *", "class": "C" * 300}, persist=True)
    resque.enqueue_at(4_000_000_000, "C" * 300, "z" * 300, queue="low")
    resque.routes.set("R" * 300, "python=10%", by="b" * 300, brake=5)
    db.sadd("resque:workers", "host:1:low")
    page = visit(path, viewport=PHONE)
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= PHONE["width"]


def test_every_field_has_a_label_and_every_page_one_heading(visit, address, resque, failed):
    failed()
    resque.set_schedule("nightly", {"cron": "0 3 * * *", "class": "A"}, persist=True)
    resque.enqueue_to("low", "Job")
    page = visit("/overview")
    for path in (
        "/overview",
        "/working",
        "/failed",
        "/queues",
        "/queues/low",
        "/workers",
        "/stats/keys",
        "/schedule",
        "/schedule/nightly",
        "/delayed",
        "/migrate",
        "/migrate/ledger",
        "/migrate/coverage",
    ):
        page.goto(address + path)
        fields = page.locator("input:not([type=hidden]), select, textarea")
        labels = fields.evaluate_all("all => all.map(one => one.labels.length)")
        assert set(labels) <= {1}, path
        assert page.locator("h1").count() == 1
        assert page.locator("html").get_attribute("lang") == "en"
        for landmark in ("main", "header", "footer", "nav"):
            assert page.locator(landmark).count() >= 1
        buttons = page.locator("button, a")
        for at in range(buttons.count()):
            assert buttons.nth(at).text_content().strip()


def test_the_keyboard_skips_to_the_page_and_sees_where_it_is(visit):
    page = visit("/overview")
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to the page")
    assert skip.evaluate("one => one === document.activeElement")
    assert skip.evaluate("one => getComputedStyle(one).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"


def test_all_works_without_scripts(visit, resque, db):
    resque.enqueue_to("low", "Job", 7)
    page = visit("/overview", java_script_enabled=False)
    page.get_by_role("link", name="low", exact=True).first.click()
    page.get_by_role("button", name="Remove the queue").click()
    page.get_by_role("button", name="Remove 1 job").click()
    expect(page.locator("main")).to_contain_text("Removed the queue low.")
    assert resque.queues() == []
    expect(page.get_by_text("Pause live numbers")).to_be_hidden()


def test_a_job_is_run_by_the_form_of_its_parameters_without_scripts(visit, resque):
    parameters = {"day": {"description": "which day", "default": "1"}}
    nightly = {"cron": "0 3 * * *", "class": "A", "queue": "low", "parameters": parameters}
    resque.set_schedule("nightly", nightly, persist=True)
    page = visit("/schedule", java_script_enabled=False)
    expect(page.get_by_text("At 03:00")).to_be_visible()
    page.get_by_role("link", name="Run now with parameters").click()
    page.get_by_label("day which day").fill("7")
    page.get_by_role("button", name="Run now with these parameters").click()
    expect(page.locator("main")).to_contain_text("Enqueued nightly.")
    assert resque.peek("low", 0, 1)[0].args == ({"day": "7"},)


def test_a_class_is_led_to_python_and_back_without_scripts(visit, resque):
    page = visit("/migrate", java_script_enabled=False)
    page.get_by_label("Class, or pattern").fill("Reports::*")
    page.get_by_label("Percent for Python").fill("10")
    page.get_by_role("button", name="Set the rule").click()
    page.get_by_role("button", name="Lead it to python=10%").click()
    expect(page.get_by_role("rowheader", name="Reports::*")).to_be_visible()
    page.get_by_role("button", name="All back to Ruby").click()
    page.get_by_role("button", name="Lead it to ruby").click()
    eventually(lambda: [rule.target for rule in resque.routes.show().rules], ["ruby"].__eq__)


def test_the_switch_leads_to_another_server_without_scripts_and_each_counts_its_own(
    browser, redis_url, resque, monkeypatch
):
    monkeypatch.setattr("pyresque.web.live.EVERY", 0.05)
    with Resque(redis_url, namespace="batch") as batch:
        several = app({"live": resque, "batch": batch}, authorize=anybody)
        with serving(several) as address, browser.new_context() as context:
            page = context.new_page()
            page.goto(f"{address}/failed")
            page.get_by_label("Resque").select_option("batch")
            page.get_by_role("button", name="Go there").click()
            page.wait_for_url(f"{address}/batch/failed")
            page.goto(f"{address}/batch/overview")
            batch.enqueue_to("low", "Job")
            page.locator('[data-live="pending"]', has_text="1").wait_for()
        assert resque.size("low") == 0


def test_markup_runs_nothing(visit, db, failed):
    evil = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"
    failed(evil, evil, error=evil, backtrace=[evil], queue=evil, worker=evil, exception=evil)
    db.sadd("resque:queues", evil)
    for path in ("/failed", "/failed/groups", "/queues", "/overview"):
        page = visit(path)
        assert "owned" not in page.title()


CONTRAST = """
() => {
  const rgb = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((part) => {
    part /= 255;
    return part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  }).reduce((sum, part, at) => sum + part * [0.2126, 0.7152, 0.0722][at], 0);
  const behind = (one) => {
    for (; one; one = one.parentElement) {
      const found = rgb(getComputedStyle(one).backgroundColor);
      if (found.length === 3 || found[3] > 0) return found;
    }
    return [255, 255, 255];
  };
  const found = {};
  for (const one of document.querySelectorAll("body *")) {
    const own = [...one.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    if (!own || one.closest(".skip, script")) continue;
    const [a, b] = [light(rgb(getComputedStyle(one).color)), light(behind(one))].sort((x, y) => y - x);
    const name = one.tagName + "." + one.className;
    found[name] = Math.min(found[name] ?? 99, (a + 0.05) / (b + 0.05));
  }
  return found;
}
"""
