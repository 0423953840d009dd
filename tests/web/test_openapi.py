"""The description of the JSON: it is true of every page, every action and every refusal, and none is left out."""

from __future__ import annotations

import base64
import json
import re
from importlib import import_module
from inspect import getdoc
from itertools import chain
from pkgutil import iter_modules

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator
from starlette.testclient import TestClient

from pyresque import Resque
from pyresque.web import anybody, app, shapes
from pyresque.web.dashboard import Dashboard
from pyresque.web.json_schema import Components
from pyresque.web.openapi import description
from pyresque.web.pages import ACTIONS, PAGES
from pyresque.web.parameters import PARAMETERS
from pyresque.web.shown import as_json
from pyresque.web.view import Ask
from tests.support.full_redis import failed_record, fill, path_of, paths
from tests.web.conftest import OWN

JSON = {**OWN, "accept": "application/json"}


@pytest.fixture
def name_of(resque):
    """What names a job or a record on a page."""
    return Dashboard(resque).name_of


@pytest.fixture
def places(name_of):
    """The paths of all pages."""
    return paths(name_of)


#: Names a removal that can be undone.
UNDO = "removed-" + "0" * 32


@pytest.fixture
def programs(redis_url, db):
    """A program at the dashboard of a Redis that holds good and broken data."""
    fill(db)
    huge = b'{"class":"Huge","args":[' + b"9" * 5000 + b"]}"
    db.rpush("resque:queue:mailers", huge)
    db.rpush("resque:failed", b'{"payload":' + huge + b"}")
    db.rpush(f"resque:undo:{UNDO}:failed", failed_record(3))
    with (
        Resque(redis_url, failed_max_count=3) as resque,
        TestClient(app(resque, authorize=anybody), headers=JSON, follow_redirects=False) as client,
    ):
        yield client


def validate(answer, path, method="get", *, status=200):
    """An answer is as the description has it; a key that it does not have is a fault, too."""
    assert answer.status_code == status, answer.text
    document = json.loads(json.dumps(description()))
    for schema in document["components"]["schemas"].values():
        schema["additionalProperties"] = False
    response = document["paths"][path][method]["responses"][str(status)]
    if "$ref" in response:
        response = document["components"]["responses"][response["$ref"].rpartition("/")[2]]
    schema = response["content"]["application/json"]["schema"]
    whole = {**schema, "components": document["components"]}
    data = json.loads(answer.content, parse_constant=_no_json, parse_int=_integer)
    faults = [error.message for error in Draft202012Validator(whole).iter_errors(data)]
    assert faults == []
    return data


def _integer(digits):
    return int(digits[:4000])  # Python refuses to read more of them


def _no_json(word):
    raise AssertionError(f"{word} is no JSON")


def test_the_document_is_openapi(web):
    document = web.get("/openapi.json").json()
    assert document["openapi"] == "3.1.0"
    assert document["servers"] == [{"url": "/"}]
    assert [str(error) for error in OpenAPIV31SpecValidator(document).iter_errors()] == []


def test_it_names_the_path_below_which_the_dashboard_stands(resque):
    with TestClient(app(resque, authorize=anybody, prefix="/jobs"), headers=OWN) as web:
        assert web.get("/jobs/openapi.json").json()["servers"] == [{"url": "/jobs"}]


def test_every_route_is_described(resque):
    described = {
        (path, method.upper()) for path, item in description()["paths"].items() for method in item
    }
    routes = set()
    for route in app(resque, authorize=anybody).pages.routes:
        path = route.path.replace(":path}", "}")
        for method in route.methods - {"HEAD"}:
            routes.add((path, method))
    twins = {(f"{page.path}.json", "GET") for page in PAGES}
    assert routes - twins - {("/", "GET"), ("/static/{name}", "GET")} == described


def test_each_name_is_explained_and_each_explanation_is_used():
    named = {
        *chain(*(page.query for page in PAGES)),
        *chain(*(action.fields for action in ACTIONS)),
        *(name for one in (*PAGES, *ACTIONS) for name in re.findall(r"\{(\w+)\}", one.path)),
        "confirm",
        "asked",
    }
    assert named == set(PARAMETERS)


def test_every_page_action_and_shape_says_what_it_is():
    for page in PAGES:
        assert getdoc(page.show)
    for action in ACTIONS:
        assert getdoc(action.does)
    for schema in description()["components"]["schemas"].values():
        assert schema["description"]
        assert not schema["description"].startswith("dict(")


def test_every_shape_is_described():
    modules = [
        import_module(f"{shapes.__name__}.{one.name}") for one in iter_modules(shapes.__path__)
    ]
    known = {
        name
        for module in modules
        for name, one in vars(module).items()
        if isinstance(one, type) and one.__module__ == module.__name__
    }
    assert len(known) > len(modules)
    parts = {"_Class", "_ScheduleClass", "_BrakeClass", "_LedgerClass", "RecordPlace"}
    assert known - parts == set(description()["components"]["schemas"])


def test_a_type_without_a_schema_is_refused():
    with pytest.raises(TypeError, match="has no JSON Schema"):
        Components().of(set[str])


@pytest.fixture
def names_read(monkeypatch):
    """The names that handlers read of queries and forms."""
    read = set()
    get = Ask.get

    def recording(self, name):
        read.add(name)
        return get(self, name)

    monkeypatch.setattr(Ask, "get", recording)
    return read


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.path)
def test_every_page_is_as_described(programs, names_read, places, page):
    path = places[page.path]
    data = validate(programs.get(path), page.path)
    assert data == data | json.loads(json.dumps(data)), "it is an object"
    plain, _, query = path.partition("?")
    validate(programs.get(f"{plain}.json?{query}"), page.path)
    for more in ("q=report", "start=1&per=3", "whole=yes", "class=Report"):
        validate(programs.get(f"{path}{'&' if query else '?'}{more}"), page.path)
    assert names_read <= set(page.query)


@pytest.mark.parametrize(
    ("page", "names"),
    [
        ("/queues/{queue}", ("a%2Fb", "%FF", "no%20list", "x.json?format=html", "mailers?per=100")),
        ("/queues/{queue}", ("mailers?q=deep", "mailers?start=40")),
        ("/workers/{worker}", ("far-host", "odd%3A2%3A%2A", "no%20worker%20id", "idle%3A3%3A%2A")),
        ("/schedule/{name}", ("odd", "not%20json", "a%20list", "no%20time")),
        ("/statuses/{id}", ("odd", "%FF")),
        ("/stats/keys/{key}", ("stream%3A0", "queue%3A%FF", "failed?start=30")),
        ("/delayed/{timestamp}", ("4000000000?per=100", "1")),
        ("/delayed", ("?q=deep", "?q=job&after=oops", "?start=2", "?start=99")),
        ("/failed", ("?q=deep", "?per=100", "?before=3", "?retried=yes&until=1")),
        ("/failed/groups", ("?whole=yes", "?exception=RuntimeError")),
        ("/search", ("?q=e", "?q=%FF", "")),
    ],
)
def test_pages_of_broken_things_are_as_described(programs, page, names):
    for name in names:
        validate(programs.get(page.partition("{")[0] + name), page)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.path)
def test_every_page_with_arguments_hidden_is_as_described(redis_url, db, places, page, monkeypatch):
    fill(db)
    monkeypatch.setenv("PYRESQUE_WEB_HIDE_ARGS", "everybody")
    monkeypatch.setenv("PYRESQUE_WEB_REDACT", "report,deep")
    with (
        Resque(redis_url) as resque,
        TestClient(app(resque, authorize=anybody), headers=JSON) as web,
    ):
        answer = web.get(places[page.path])
        status = 404 if "keys" in page.path else 200
        validate(answer, page.path, status=answer.status_code)
        assert answer.status_code == status


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.path)
def test_every_page_of_an_empty_redis_is_as_described(web, places, page):
    answer = web.get(places[page.path], headers=JSON)
    assert answer.status_code in {200, 404}
    validate(answer, page.path, status=answer.status_code)


#: The fields of the form of each action that finds something to do; a job or record by its bytes. One that is not here needs none.
FORMS = {
    "/failed/undo": {"token": UNDO},
    "/queues/{queue}/job/remove": {"id": b'{"class": "WelcomeMailer", "args": [3]}'},
    "/queues/{queue}/job/first": {"id": b'{"class": "WelcomeMailer", "args": [3]}'},
    "/queues/{queue}/job/move": {
        "id": b'{"class": "WelcomeMailer", "args": [3]}',
        "to": "elsewhere",
    },
    "/queues/{queue}/move": {"q": "mailer", "to": "elsewhere"},
    "/queues/{queue}/found/remove": {"q": "mailer"},
    "/failed/record/requeue": {"list": "failed", "id": failed_record(3), "index": "3"},
    "/failed/record/remove": {"list": "failed", "id": failed_record(3)},
    "/failed/remove/all": {"class": "Report", "exception": "RuntimeError"},
    "/failed/requeue/all": {"queue": "mailers", "q": "report"},
    "/schedule/requeue": {"job_name": "nightly", "args": "[7]"},
    "/schedule/requeue_with_params": {"job_name": "monthly", "param:day": "7"},
    "/migrate/set": {"match": "Report", "side": "python"},
    "/migrate/unset": {"match": "Report"},
    "/schedule/save": {"job_name": "nightly", "config": '{"every":"1h","class":"A","queue":"q"}'},
    "/schedule/remove": {"job_name": "nightly"},
    "/delayed/enqueue": {"q": "later"},
    "/delayed/remove": {"q": "later"},
    "/delayed/reschedule": {"q": "later", "at": "1h30m"},
    "/delayed/{timestamp}/reschedule": {"at": "1h30m"},
    "/retries/run": {"class": "SyncAccountJob"},
    "/statuses/clear": {"only": "working"},
}


def form_of(action, name_of):
    fields = FORMS.get(action.path, {})
    return {
        name: name_of(value) if isinstance(value, bytes) else value
        for name, value in fields.items()
    }


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.path)
def test_every_action_is_as_described(programs, names_read, name_of, action):
    path, form = path_of(action.path), form_of(action, name_of)
    if action.asks is not None:
        asked = validate(programs.post(path, data=form), action.path, "post", status=409)
        form = form | asked["send"]
    done = validate(programs.post(path, data=form), action.path, "post")
    assert done["count"] != 0, done
    assert names_read <= set(action.fields)


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.path)
def test_every_action_that_finds_nothing_is_as_described(web, name_of, action):
    form = form_of(action, name_of)
    for more in ({}, {"confirm": "yes"}, {"confirm": "yes", "until": "4000000000"}):
        answer = web.post(path_of(action.path), data={**form, **more}, headers=JSON)
        assert answer.status_code in {200, 400, 404, 409}
        validate(answer, action.path, "post", status=answer.status_code)


def test_refusals_are_as_described(redis_url, monkeypatch):
    reading = {**JSON, "authorization": "Basic " + base64.b64encode(b"ann:pw").decode()}
    settings = {"PYRESQUE_WEB_READ_AUTH": "ann:pw", "PYRESQUE_WEB_AUTH": "bob:pw"}
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    with (
        Resque(redis_url) as other,
        TestClient(app(other, hosts=("testserver",)), headers=JSON) as web,
    ):
        validate(web.get("/queues"), "/queues", status=401)
        validate(web.post("/queues/pause"), "/queues/pause", "post", status=401)
        validate(web.get("/queues", headers=reading), "/queues")
        validate(web.post("/queues/pause", headers=reading), "/queues/pause", "post", status=403)
        validate(web.get("/queues", headers={**reading, "host": "evil"}), "/queues", status=421)
        assert web.get("/openapi.json").status_code == 401


def test_an_action_of_another_site_is_refused_as_described(programs):
    answer = programs.post("/queues/pause", headers={"sec-fetch-site": "cross-site"})
    validate(answer, "/queues/pause", "post", status=403)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.path)
def test_every_page_without_redis_is_as_described(places, page):
    with TestClient(app(Resque("redis://127.0.0.1:1/0"), authorize=anybody), headers=JSON) as web:
        validate(web.get(places[page.path]), page.path, status=503)


def test_numbers_that_json_does_not_have_are_text(programs, db):
    db.rpush("resque:queue:empty", b'{"class":"Odd","args":[1e400,-1e400]}')
    (job,) = validate(programs.get("/queues/empty"), "/queues/{queue}")["jobs"]
    assert job["args"] == ["Infinity", "-Infinity"]


def test_what_python_cannot_write_as_json_is_cut_off_and_stays_json():
    value = {b"key": 1.5, "nan": float("nan")}
    for _ in range(5000):
        value = [value]
    assert "nested too deep" in json.dumps(json.loads(as_json({"args": value})))
    assert json.loads(as_json({b"key": (1.5, float("nan"))})) == {"b'key'": [1.5, "NaN"]}
