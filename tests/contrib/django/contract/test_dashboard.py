"""The dashboard below a path of the site, under WSGI and ASGI: who sees it, and who may change things."""

import asyncio
import re
from io import BytesIO
from types import ModuleType
from urllib.parse import urlencode

import pytest
from django.conf import settings
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.core.handlers.asgi import ASGIRequest
from django.core.handlers.wsgi import WSGIRequest
from django.test import AsyncClient, Client, RequestFactory, override_settings
from django.urls import include, path

from pyresque.contrib.django import dashboard_urls, resque
from pyresque.contrib.django.dashboard import scope_of

#: What a browser says of a form of the dashboard's own.
OWN = "same-origin"

FORM = "application/x-www-form-urlencoded"


class Wsgi:
    """A browser of the site behind a WSGI server."""

    def __init__(self, user):
        self.client = Client(enforce_csrf_checks=True)
        if user is not None:
            self.client.force_login(user)

    def get(self, path):
        return self._read(self.client.get(path))

    def post(self, path, data=None, site=OWN):
        answer = self.client.post(
            path, urlencode(data or {}), FORM, headers={"sec-fetch-site": site}
        )
        return self._read(answer)

    @staticmethod
    def _read(answer):
        answer.text_ = b"".join(answer).decode()
        return answer


class Asgi(Wsgi):
    """The same behind an ASGI server."""

    def __init__(self, user):
        self.client = AsyncClient(enforce_csrf_checks=True)
        self.user = user

    def get(self, path):
        return asyncio.run(self._asked("get", path))

    def post(self, path, data=None, site=OWN):
        headers = {"sec-fetch-site": site}
        return asyncio.run(self._asked("post", path, urlencode(data or {}), FORM, headers=headers))

    async def _asked(self, method, path, *args, **more):
        if self.user is not None:
            await self.client.aforce_login(self.user) if hasattr(
                self.client, "aforce_login"
            ) else await asyncio.to_thread(self.client.force_login, self.user)
        answer = await getattr(self.client, method)(path, *args, **more)
        parts = [part async for part in answer] if answer.streaming else [answer.content]
        answer.text_ = b"".join(parts).decode()
        return answer


@pytest.fixture
def users():
    model = get_user_model()
    model.objects.all().delete()
    return {
        "root": model.objects.create_superuser("root"),
        "staff": model.objects.create_user("staff", is_staff=True),
        "outcast": model.objects.create_user("outcast", is_staff=True),
        "guest": model.objects.create_user("guest"),
        "anonymous": None,
    }


@pytest.fixture(params=[Wsgi, Asgi])
def site(request, users):
    return lambda name: request.param(users[name])


def test_who_has_not_logged_in_is_sent_to_the_log_in(site):
    answer = site("anonymous").get("/jobs/failed?class=A")
    assert answer.status_code == 302
    assert answer["location"] == "/admin/login/?next=/jobs/failed%3Fclass%3DA"
    assert site("anonymous").post("/jobs/failed/clear").status_code == 403


def test_who_is_no_staff_does_not_see_it(site):
    assert site("guest").get("/jobs/overview").status_code == 403
    assert site("guest").post("/jobs/failed/clear").status_code == 403


def test_staff_sees_it_below_its_path(site):
    resque.enqueue_to("a b", "Job", 7)
    web = site("staff")
    assert web.get("/jobs/")["location"] == "/jobs/overview"
    page = web.get("/jobs/queues")
    assert page.status_code == 200
    paths = re.findall(r'(?:href|src|action)="([^"]*)"', page.text_)
    assert [path for path in paths if not path.startswith(("/jobs/", "#"))] == []
    assert web.get("/jobs/static/style.css")["content-type"].startswith("text/css")
    assert '"size":1' in web.get("/jobs/queues/a%20b.json").text_.replace(" ", "")
    assert web.get("/jobs/nothing").status_code == 404
    assert "default-src 'none'" in page["content-security-policy"]
    assert page["x-frame-options"] == "DENY"


@pytest.mark.parametrize("query", ["q=%E2%98%83", "q=\u2603", "q=caf\u00e9"])
def test_a_query_arrives_in_the_bytes_that_a_client_has_sent(query):
    sent = query.encode()
    scope = {"method": "GET", "path": "/jobs/failed", "query_string": sent, "headers": []}
    environ = {**RequestFactory().get("/").environ, "QUERY_STRING": sent.decode("latin-1")}
    for request in (ASGIRequest(scope, BytesIO()), WSGIRequest(environ)):
        assert scope_of(request, "failed", None)["query_string"] == sent


def test_a_change_comes_from_the_dashboard_itself(site):
    resque.enqueue_to("low", "Job", 7)
    web, form = site("staff"), "/jobs/queues/low/remove"
    assert web.post(form, {"confirm": "yes"}, site="cross-site").status_code == 403
    assert resque.size("low") == 1
    done = web.post(form, {"confirm": "yes"})
    assert (done.status_code, done["location"]) == (303, "/jobs/queues")
    assert resque.queues() == []


def test_the_project_says_who_may_change_things(site):
    resque.enqueue_to("low", "Job", 7)
    form = "/some/where/queues/low/remove"
    assert site("outcast").get("/some/where/overview").status_code == 403
    assert site("staff").get("/some/where/overview").status_code == 200
    assert site("staff").post(form, {"confirm": "yes"}).status_code == 403
    assert site("root").post(form, {"confirm": "yes"}).status_code == 303


def test_it_shows_each_server_and_namespace_that_the_setting_names(site):
    here = settings.PYRESQUE
    several = {**here, "web_targets": [f"live={here['url']}", f"batch={here['url']}#batch"]}
    urls = ModuleType("several")
    with override_settings(PYRESQUE=several, ROOT_URLCONF=urls):
        urls.urlpatterns = [
            path("jobs/", include(dashboard_urls())),
            path("admin/", admin.site.urls),
        ]
        resque.enqueue_to("low", "Job", 7)
        web = site("staff")
        assert web.get("/jobs/")["location"] == "/jobs/live/overview"
        assert "low" in web.get("/jobs/live/queues").text_
        assert "low" not in web.get("/jobs/batch/queues.json").text_
        page = web.get("/jobs/batch/queues").text_
        links = re.findall(r'(?:href|src|action)="([^"]*)"', page)
        assert [one for one in links if not one.startswith(("/jobs/", "#"))] == []
        gone = web.post("/jobs/live/queues/low/remove", {"confirm": "yes"})
        assert (gone.status_code, gone["location"]) == (303, "/jobs/live/queues")
    assert resque.queues() == []


def test_live_numbers_are_streamed_and_end_with_the_page(users):
    web = Wsgi(users["staff"]).client
    answer = web.get("/jobs/live")
    assert answer["content-type"].startswith("text/event-stream")
    parts = iter(answer)
    assert next(parts).startswith(b"retry:")
    assert b'"pending": 0' in next(parts)
    answer.close()
    again = web.get("/jobs/live")
    assert next(iter(again)).startswith(b"retry:")
    again.close()


def test_live_numbers_are_streamed_under_asgi(users):
    async def look():
        web = AsyncClient()
        await asyncio.to_thread(web.force_login, users["staff"])
        answer = await web.get("/jobs/live")
        parts = aiter(answer)
        first = [await anext(parts), await anext(parts)]
        await parts.aclose()
        return first

    retry, event = asyncio.run(look())
    assert retry.startswith(b"retry:")
    assert b'"pending": 0' in event
