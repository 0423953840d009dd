"""The settings PYRESQUE and TASKS, and what ``manage.py check`` says of them."""

import pytest
from django.core.checks import run_checks
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.test import override_settings

from pyresque.contrib.django import ResqueBackend, resque


def found():
    return [(each.id, each.msg) for each in run_checks() if each.id.startswith("pyresque")]


def test_right_settings_have_no_faults():
    assert found() == []


@pytest.mark.parametrize(
    ("setting", "faults"),
    [
        ({"namspace": "x"}, ["namspace: there is no such setting (did you mean namespace?)"]),
        ({"interval": "often", "count": 0}, ["interval", "count"]),
        ({"app": "x", "jobs": 1}, ["app: not to be given", "jobs: not to be given"]),
        ("redis://", ["must be a dict"]),
        ({"url": "http://x"}, ["url: 'http://x' is no Redis URL"]),
    ],
)
def test_each_fault_of_the_setting_is_reported(monkeypatch, setting, faults):
    from django.conf import settings

    monkeypatch.setattr(settings, "PYRESQUE", setting)
    reported = found()
    assert {number for number, _ in reported} == {"pyresque.E001"}
    assert len(reported) == len(faults)
    for fault, (_, text) in zip(faults, reported, strict=True):
        assert text.startswith("PYRESQUE: ")
        assert fault in text


def test_a_wrong_setting_is_an_error_where_it_is_used():
    wrong = "PYRESQUE: namspace: there is no such setting"
    with override_settings(PYRESQUE={"namspace": "x"}):
        with pytest.raises(ImproperlyConfigured, match=wrong):
            resque.enqueue("Plain", 1)
        with pytest.raises(ImproperlyConfigured, match=wrong):
            resque.core  # noqa: B018 - its parts are what is used
    resque.enqueue("Plain", 1)


def test_a_test_that_overrides_the_setting_has_another_resque(db):
    before = resque.settings
    with override_settings(PYRESQUE={"url": before.url, "namespace": "other"}):
        resque.enqueue("Plain", 1)
        assert db.llen("other:queue:default") == 1
        assert "Plain" in [each.name for each in resque.registered]
    assert resque.settings == before
    assert resque.info().pending == 0


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ({"prioritys": {}}, "did you mean priorities?"),
        ({"priorities": {"10": "x"}}, "'10': 'x' is no whole number with the name of a queue"),
        ({"priorities": ["x"]}, "no dict"),
        ({"result_ttl": 0}, "result_ttl: 0 is no whole number above 0, nor None"),
        ({"result_limit": None}, "result_limit: None"),
        ({"on_commit": 1}, "on_commit: 1 is neither"),
        ([1], "[1] is no dict"),
    ],
)
def test_each_fault_of_the_options_is_reported(options, fault):
    backend = ResqueBackend("x", {"OPTIONS": options})
    (error,) = backend.check()
    assert error.id == "pyresque.E002"
    assert error.msg.startswith("TASKS['x']['OPTIONS']: ")
    assert fault in error.msg


def test_a_backend_without_its_app_is_reported(settings_without_app):
    (error,) = ResqueBackend("x", {}).check()
    assert error.id == "pyresque.E003"


@pytest.fixture
def settings_without_app(monkeypatch):
    from django.apps import apps

    monkeypatch.setattr(apps, "is_installed", lambda name: False)


def test_a_command_of_pyresque_runs_by_call_command(db, capsys):
    resque.enqueue("Plain", 1)
    call_command("pyresque", "queues", "list", "--json")
    assert '"default"' in capsys.readouterr().out
    with pytest.raises(SystemExit) as end:
        call_command("pyresque", "worker", "--interval", "often")
    assert end.value.code == 2
