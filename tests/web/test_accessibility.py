"""Every page for those who do not see it, or have no mouse: axe in a real browser, the keyboard, a phone, less motion."""

from __future__ import annotations

import json
from html.parser import HTMLParser

import pytest

from pyresque.web.dashboard import Dashboard
from pyresque.web.pages import PAGES
from tests.support import axe
from tests.support.chromium import chromium
from tests.support.full_redis import WORKER, fill, paths

PHONE = {"width": 375, "height": 740}
WIDE = {"width": 1280, "height": 900}
#: Both sets of colours and both layouts; what one of them hides from axe the other one has.
WAYS = (("light", WIDE), ("dark", PHONE))


@pytest.fixture(scope="module")
def browser():
    with chromium() as started:
        yield started


@pytest.fixture
def page(browser, db, address):
    """A page of its own, in which scripts of the test may run; it is closed before the dashboard ends."""
    fill(db)
    context = browser.new_context(viewport=WIDE, bypass_csp=True)
    yield context.new_page()
    context.close()


@pytest.fixture
def places(resque):
    return paths(Dashboard(resque).name_of)


def look(page, ways=WAYS):
    """The page hinders nobody: in the light and in the dark, on a wide screen and on a phone, where nothing has to be scrolled sideways."""
    axe.load(page)
    for scheme, size in ways:
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        page.set_viewport_size(size)
        assert axe.violations(page) == [], (scheme, size)
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= size["width"], (scheme, size)


@pytest.mark.parametrize("one", PAGES, ids=lambda page: page.path)
def test_every_page_hinders_nobody_full_or_empty(page, address, places, db, one):
    page.goto(address + places[one.path])
    page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
    look(page)
    db.flushall()
    page.goto(address + places[one.path])
    look(page, [("dark", PHONE)])


def test_filters_searches_and_what_was_done_hinder_nobody(page, address):
    page.goto(address + "/failed?class=Report&retried=no")
    look(page)
    page.goto(address + "/queues/mailers?q=mailer")
    look(page)
    page.get_by_role("button", name="Remove all that are found").click()
    page.get_by_role("heading", name="Remove 45 jobs?").wait_for()
    look(page)
    page.get_by_role("button", name="Remove 45 jobs").click()
    page.get_by_role("status").get_by_text("Removed 45 jobs").wait_for()
    look(page)


FOCUSABLE = """
() => [...document.querySelectorAll("a[href], button, input:not([type=hidden]), select, textarea, summary")]
    .filter((one) => one.checkVisibility({contentVisibilityAuto: true, visibilityProperty: true}))
    .map((one, at) => { one.dataset.stop = at; return at; })
"""
FOCUSED = """
() => {
  const one = document.activeElement, style = getComputedStyle(one);
  return [one.dataset.stop ?? null, style.outlineStyle === "solid" && parseFloat(style.outlineWidth) >= 2];
}
"""


@pytest.mark.parametrize(
    "path",
    [
        "/overview",
        "/failed",
        "/queues/mailers",
        "/schedule/nightly",
        "/delayed",
        f"/workers/{WORKER}",
    ],
)
def test_the_keyboard_reaches_everything_in_its_order_and_shows_where_it_is(page, address, path):
    page.goto(address + path)
    wanted = page.evaluate(FOCUSABLE)
    reached = []
    for _ in wanted:
        page.keyboard.press("Tab")
        stop, seen = page.evaluate(FOCUSED)
        assert seen, f"nothing shows that {stop} has the focus"
        reached.append(stop)
    assert reached == [str(at) for at in wanted]


def test_an_action_is_made_by_keys_alone(page, address, db):
    page.goto(address + "/queues/media")
    page.get_by_role("button", name="Remove the queue").focus()
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Remove 2 jobs?").wait_for()
    page.keyboard.press("Tab")  # the link that skips to the page
    page.keyboard.press("Enter")
    page.wait_for_url("**#main")
    page.keyboard.press("Tab")
    assert page.get_by_role("button", name="Remove 2 jobs").evaluate(
        "one => one === document.activeElement"
    )
    page.keyboard.press("Enter")
    page.get_by_role("status").get_by_text("Removed the queue media").wait_for()
    assert not db.exists("resque:queue:media")


@pytest.mark.parametrize(("motion", "name"), [("reduce", "none"), ("no-preference", "changed")])
def test_a_number_that_changes_moves_nothing_for_those_who_want_none(
    page, address, db, motion, name
):
    page.emulate_media(reduced_motion=motion)
    page.goto(address + "/overview")
    db.rpush("resque:queue:media", json.dumps({"class": "A", "args": []}))
    changed = page.locator('[data-live="queue:media"].changed')
    changed.wait_for()
    assert changed.evaluate("one => getComputedStyle(one).animationName") == name


@pytest.mark.parametrize("path", ["/schedule", "/workers", "/delayed"])
def test_a_tablet_is_not_scrolled_sideways(page, address, path):
    for width in (700, 900):
        page.set_viewport_size({"width": width, "height": 900})
        page.goto(address + path)
        assert page.evaluate("document.documentElement.scrollWidth") <= width


#: What each element of a table is. A style of ``display: block``, as on a phone, makes Safari forget it: the role says it still.
ROLES = {
    "table": "table",
    "thead": "rowgroup",
    "tbody": "rowgroup",
    "tr": "row",
    "td": "cell",
    "th": "columnheader or rowheader",
}


class Tables(HTMLParser):
    """The elements of tables in a page, and those without their role."""

    def __init__(self):
        super().__init__()
        self.seen, self.without = 0, []

    def handle_starttag(self, tag, attributes):
        if tag in ROLES:
            self.seen += 1
            role = dict(attributes).get("role")
            if role is None or role not in ROLES[tag].split(" or "):
                self.without.append((tag, self.getpos()))


@pytest.mark.parametrize("one", PAGES, ids=lambda page: page.path)
def test_each_part_of_a_table_names_its_role(db, web, places, one):
    fill(db)
    tables = Tables()
    tables.feed(web.get(places[one.path]).text)
    assert tables.without == []
    assert tables.seen or one.path not in {"/queues", "/workers", "/delayed", "/schedule"}
