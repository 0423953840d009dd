"""Finding the application: what ``-A`` takes, and what it says where it finds none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pyresque import AsyncResque, Resque
from pyresque.errors import AppImportError, SettingsError
from pyresque.process.start.load_app import load_app

if TYPE_CHECKING:
    from pathlib import Path


def write(folder: Path, name: str, text: str) -> str:
    (folder / f"{name}.py").write_text(text)
    return name


def test_a_module_of_the_current_directory_is_found_with_its_attribute():
    app = load_app("myapp:resque")
    assert isinstance(app, Resque)
    assert [job.name for job in app.registered] == ["Hold", "Note", "Reports::Boom", "Vetoed"]


def test_a_module_alone_means_its_attribute_resque():
    assert isinstance(load_app("myapp"), Resque)


def test_a_module_alone_means_its_only_resque(environment: Path):
    write(environment, "app_other", "from pyresque import Resque\nqueueing = Resque()\n")
    assert isinstance(load_app("app_other"), Resque)


def test_a_module_alone_with_several_names_them(environment: Path):
    write(environment, "app_two", "from pyresque import Resque\na, b = Resque(), Resque()\n")
    with pytest.raises(AppImportError, match=r"has several \(a, b\): say which, as app_two:a"):
        load_app("app_two")


def test_an_attribute_may_be_below_another(environment: Path):
    write(
        environment,
        "app_deep",
        "from pyresque import Resque\nclass Config:\n    queueing = Resque()\n",
    )
    assert isinstance(load_app("app_deep:Config.queueing"), Resque)


def test_an_async_application_is_taken_as_the_blocking_one_of_the_same_jobs(environment: Path):
    text = "from pyresque import AsyncResque\nresque = AsyncResque(namespace='mine')\n@resque.job(queue='q')\nasync def one(): ...\n"
    app = load_app(write(environment, "app_async", text))
    assert not isinstance(app, AsyncResque)
    assert app.settings.namespace == "mine"
    assert [job.name for job in app.registered] == ["One"]


def test_a_module_that_is_not_there_is_named_with_where_it_was_looked_for(environment: Path):
    with pytest.raises(AppImportError, match=f"there is no module 'app_none' in {environment}"):
        load_app("app_none:resque")


def test_a_package_that_is_not_there_is_named():
    with pytest.raises(AppImportError, match="there is no module 'app_none'"):
        load_app("app_none.jobs:resque")


def test_a_module_that_imports_something_missing_is_another_error(environment: Path):
    write(environment, "app_lacks", "\nimport app_lacks_this\n")
    with pytest.raises(
        AppImportError,
        match=r"importing app_lacks raised ModuleNotFoundError.*app_lacks\.py, line 2",
    ):
        load_app("app_lacks:resque")


def test_a_module_that_raises_reports_what_and_where(environment: Path):
    write(environment, "app_raises", "x = 1\n1 / 0\n")
    with pytest.raises(
        AppImportError,
        match=r"raised ZeroDivisionError: division by zero \(.*app_raises\.py, line 2\)",
    ):
        load_app("app_raises:resque")


def test_a_module_that_is_no_python_says_so(environment: Path):
    write(environment, "app_syntax", "def def\n")
    with pytest.raises(AppImportError, match="raised SyntaxError"):
        load_app("app_syntax:resque")


def test_a_module_that_exits_says_so(environment: Path):
    write(environment, "app_exits", "raise SystemExit(3)\n")
    with pytest.raises(AppImportError, match="raised SystemExit: 3"):
        load_app("app_exits:resque")


def test_an_attribute_that_is_not_there_is_named_with_those_that_are():
    with pytest.raises(AppImportError, match="myapp has no 'queue'; it has resque"):
        load_app("myapp:queue")


def test_an_attribute_that_is_something_else_is_refused(environment: Path):
    write(environment, "app_text", "resque = 'redis://'\n")
    with pytest.raises(
        AppImportError, match="'app_text:resque' names a str, where a Resque is expected"
    ):
        load_app("app_text:resque")


@pytest.mark.parametrize("spec", [":resque", ":"])
def test_a_spec_without_a_module_is_refused(spec: str):
    with pytest.raises(AppImportError, match="names no module"):
        load_app(spec)


def test_a_wrong_setting_of_the_application_speaks_for_itself(environment: Path):
    write(
        environment, "app_setting", "from pyresque import Resque\nresque = Resque(colour='red')\n"
    )
    with pytest.raises(SettingsError, match="colour: there is no such setting"):
        load_app("app_setting")


def test_a_function_that_makes_an_application_is_answered_with_how_to_call_it(environment: Path):
    write(
        environment,
        "app_factory",
        "from pyresque import Resque\nqueueing = Resque()\ndef create_app(): return queueing\n",
    )
    with pytest.raises(AppImportError) as caught:
        load_app("app_factory:create_app")
    message = str(caught.value)
    assert (
        "names the function create_app, where a Resque is expected, and is not called; app_factory has queueing"
        in message
    )
    assert "call it in a module of its own" in message


def test_an_attribute_beside_the_application_is_answered_with_where_that_is(environment: Path):
    write(environment, "app_beside", "from pyresque import Resque\nresque = Resque()\napp = 1\n")
    with pytest.raises(
        AppImportError, match="names an int, where a Resque is expected; app_beside has resque"
    ):
        load_app("app_beside:app")


def test_a_job_in_the_place_of_the_application_is_named_as_one():
    with pytest.raises(AppImportError) as caught:
        load_app("myapp:Note")
    assert str(caught.value) == (
        "-A 'myapp:Note' names the class Note, where a Resque is expected; myapp has resque"
    )


@pytest.mark.parametrize(
    ("spec", "meant"),
    [
        ("jobs.py", "-A jobs"),
        ("shop/jobs.py:resque", "-A shop.jobs:resque"),
        ("./shop/jobs", "-A shop.jobs"),
    ],
)
def test_a_file_s_name_is_refused_with_the_module_s(spec: str, meant: str):
    with pytest.raises(AppImportError, match=f"is a file's name: write the module's, as {meant}$"):
        load_app(spec)
