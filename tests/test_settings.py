from __future__ import annotations

import pytest

from pyresque.errors import SettingsError
from pyresque.settings import Settings


def test_without_anything_the_defaults_are_resques():
    settings = Settings.load({})
    assert (settings.url, settings.namespace) == ("redis://localhost:6379/0", "resque")
    assert (settings.interval, settings.queues, settings.executor) == (5.0, (), "fork")
    assert (settings.term_timeout, settings.heartbeat_interval) == (4.0, 60.0)
    assert (settings.prune_interval, settings.log_level) == (300.0, "warning")


def test_the_environment_goes_before_the_default_and_a_keyword_before_both():
    environ = {"REDIS_URL": "redis://env:1/0", "INTERVAL": "2"}
    settings = Settings.load(environ, url="redis://keyword:1/0")
    assert (settings.url, settings.interval) == ("redis://keyword:1/0", 2.0)


def test_a_keyword_of_none_is_one_that_was_not_given():
    assert Settings.load({"REDIS_URL": "redis://env:1/0"}, url=None).url == "redis://env:1/0"


def test_queues_go_before_queue_as_in_ruby():
    assert Settings.load({"QUEUES": "a, b", "QUEUE": "c"}).queues == ("a", "b")
    assert Settings.load({"QUEUE": "c"}).queues == ("c",)


@pytest.mark.parametrize(
    ("value", "executor"), [("false", "inline"), ("0", "fork"), ("true", "fork"), ("", "fork")]
)
def test_only_the_word_false_turns_forking_off(value, executor):
    assert Settings.load({"FORK_PER_JOB": value}).executor == executor


def test_the_executors_own_variable_goes_before_rubys():
    environ = {"RESQUE_EXECUTOR": "fork", "FORK_PER_JOB": "false"}
    assert Settings.load(environ).executor == "fork"


@pytest.mark.parametrize(
    "name", ["TERM_CHILD", "GRACEFUL_TERM", "RUN_AT_EXIT_HOOKS", "BACKGROUND", "VERBOSE"]
)
def test_a_variable_that_is_merely_there_is_yes_whatever_it_says(name):
    attribute = name.lower()
    assert getattr(Settings.load({name: "0"}), attribute) is True
    assert getattr(Settings.load({name: ""}), attribute) is False
    assert getattr(Settings.load({}), attribute) is False


def test_all_faults_are_reported_together_each_with_its_place():
    environ = {"INTERVAL": "soon", "RESQUE_TERM_TIMEOUT": "-1", "RESQUE_CODEC": "xml"}
    with pytest.raises(SettingsError) as caught:
        Settings.load(environ, colour="red")
    message = str(caught.value)
    for part in ("INTERVAL: 'soon'", "RESQUE_TERM_TIMEOUT: '-1'", "RESQUE_CODEC: 'xml'", "colour"):
        assert part in message


@pytest.mark.parametrize("text", ["nan", "inf", "-0.1", "1s", "1e999"])
def test_a_number_of_seconds_is_finite_and_not_negative(text):
    with pytest.raises(SettingsError, match="INTERVAL"):
        Settings.load({"INTERVAL": text})


def test_a_blank_text_is_a_fault_and_an_empty_one_is_left_out():
    with pytest.raises(SettingsError, match="RESQUE_NAMESPACE: is empty"):
        Settings.load({"RESQUE_NAMESPACE": "  "})
    assert Settings.load({"RESQUE_NAMESPACE": ""}).namespace == "resque"


@pytest.mark.parametrize(
    ("environ", "level"),
    [({"LOGGING": "1"}, "info"), ({"VVERBOSE": "1", "VERBOSE": "1"}, "debug"), ({}, "warning")],
)
def test_verbose_and_very_verbose_set_the_log_level(environ, level):
    assert Settings.load(environ).log_level == level


def test_every_setting_says_what_it_means_and_names_each_of_its_variables_once():
    for row in Settings.ROWS.values():
        assert row.help
        seen = [v if isinstance(v, str) else v[0] for v in row.env]
        assert len(seen) == len(set(seen))


def test_but_changes_a_copy():
    settings = Settings.load({})
    assert settings.replace(interval=1.0).interval == 1.0
    assert settings.interval == 5.0


def test_the_health_port_is_a_port_or_left_out():
    assert Settings.load({}).health_port is None
    assert Settings.load({"HEALTH_PORT": "8080"}).health_port == 8080
    for wrong in ("0", "65536", "http"):
        with pytest.raises(SettingsError, match=f"HEALTH_PORT: '{wrong}' is no port"):
            Settings.load({"HEALTH_PORT": wrong})


@pytest.mark.parametrize(
    "name", ["COUNT", "LOCK_TIMEOUT", "HEALTH_PORT", "RESQUE_SCHEDULE_CATCH_UP"]
)
@pytest.mark.parametrize("text", ["9" * 20, "9" * 5000, "x" * 100_000])
def test_a_number_beyond_all_use_is_refused_in_a_short_line(name, text):
    with pytest.raises(SettingsError, match=f"^{name}: ") as caught:
        Settings.load({name: text})
    assert len(str(caught.value)) < 200


def fault(environ, **given):
    """What is said of settings that are refused; nothing where they are not."""
    try:
        Settings.load(environ, **given)
    except SettingsError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("name", sorted(Settings.ROWS))
def test_a_url_in_the_place_of_another_setting_is_not_repeated_with_its_password(name):
    url = "redis://:opensesame@redis.example"
    variables = [one if isinstance(one, str) else one[0] for one in Settings.ROWS[name].env]
    said = [fault({}, **{name: wrong}) for wrong in (url, [url], {"url": url})]
    said += [fault({variable: url}) for variable in variables]
    assert any(said)
    assert "opensesame" not in "".join(said)


@pytest.mark.parametrize(
    ("text", "rules"),
    [
        ("Report=python", ("Report=python",)),
        ("Report = Python , Tax::*=ruby", ("Report=python", "Tax::*=ruby")),
        ("Big=python=25%,Big::*=python=2.50", ("Big=python=25%", "Big::*=python=2.5%")),
    ],
)
def test_routes_are_read_from_text_and_from_a_mapping(text, rules):
    assert Settings.load({"RESQUE_ROUTES": text}).routes == rules
    pairs = dict(one.split("=", 1) for one in text.split(","))
    assert Settings(routes=pairs).routes == Settings(routes=text).routes == rules
    assert Settings(routes=rules).selective


@pytest.mark.parametrize(
    "text",
    [
        "Report",
        "=python",
        "Report=perl",
        "Report=ruby=5%",
        "Report=python=",
        "R=python=101%",
        "R=python=nan",
        "R=python=x%",
    ],
)
def test_a_route_that_is_none_is_a_fault(text):
    with pytest.raises(SettingsError, match="RESQUE_ROUTES: "):
        Settings.load({"RESQUE_ROUTES": text})
    with pytest.raises(SettingsError, match=r"^routes: "):
        Settings(routes=text)


def test_a_worker_is_selective_by_a_flag_or_by_routes():
    assert not Settings().selective
    assert Settings(only_registered=True).selective
    assert Settings.load({"RESQUE_ONLY_REGISTERED": "0"}).selective, (
        "any text is a yes: the safe side"
    )
