"""Flask: settings from its configuration, and jobs inside its application context."""

from __future__ import annotations

import pytest
from flask import Flask, current_app, g, has_app_context

from pyresque import AsyncResque, Resque
from pyresque.contrib.flask import init_app
from pyresque.errors import SettingsError


@pytest.fixture
def resque(redis_url):
    with Resque(redis_url, inline=True) as made:
        yield made


def application(name, resque, **config):
    app = Flask(name)
    app.config.update(config)
    init_app(app, resque)
    return app


def test_keys_of_the_configuration_are_settings():
    resque = Resque()
    app = application("shop", resque, PYRESQUE_URL="redis://h/3", PYRESQUE_INTERVAL=2.5, OTHER=1)
    assert (resque.settings.url, resque.settings.interval) == ("redis://h/3", 2.5)
    assert app.extensions["pyresque"] is resque


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("PYRESQUE_NAMESPCE", "a", r"app.config\['PYRESQUE_NAMESPCE'\] is no setting of pyresque"),
        ("PYRESQUE_INTERVAL", "soon", "interval"),
    ],
)
def test_a_wrong_key_and_a_wrong_value_are_told(key, value, told):
    with pytest.raises(SettingsError, match=told):
        application("shop", Resque(), **{key: value})


def test_each_job_has_a_context_of_its_own_and_teardown_gets_its_error(resque):
    app, seen = application("shop", resque), []
    app.teardown_appcontext(lambda error: seen.append(repr(error)))

    @resque.job("Job", queue="low")
    def job(fail):
        seen.append((current_app.name, "kept" in g))
        g.kept = True
        if fail:
            raise ValueError(fail)

    resque.enqueue(job, 0)
    with pytest.raises(ValueError, match="7"):
        resque.enqueue(job, 7)
    assert seen == [("shop", False), "None", ("shop", False), "ValueError(7)"]
    assert not has_app_context()


def test_the_job_runs_in_the_application_that_enqueues_it_inline_else_in_the_last_one(resque):
    first, second = application("first", resque), application("second", resque)
    seen = []

    @resque.job("Job", queue="low")
    def job():
        seen.append(current_app.name)

    for app in (first, second):
        with app.test_request_context():
            resque.enqueue(job)
    resque.enqueue(job)
    assert seen == ["first", "second", "second"]
    assert len(resque.registry.middleware) == 1


def test_two_resques_of_one_application_do_not_take_each_others_place(resque):
    other = AsyncResque()
    with application("other", other).app_context():
        application("shop", resque)
        seen = []
        resque.job("Job", queue="low")(lambda: seen.append(current_app.name))
        resque.enqueue("Job")
    assert seen == ["shop"]


def test_a_teardown_that_raises_makes_the_job_fail(resque):
    app = application("shop", resque)
    resque.job("Job", queue="low")(lambda: None)

    @app.teardown_appcontext
    def end(error):
        raise OSError("no connection")

    with pytest.raises(OSError, match="no connection"):
        resque.enqueue("Job")
