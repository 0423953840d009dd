"""What comes only when it is asked for, and that nobody can tell."""

from __future__ import annotations

import inspect
import subprocess
import sys

import pytest

import pyresque
from pyresque import AsyncResque, Resque
from pyresque.lightweight import cached_property
from pyresque.settings import Settings

#: Each is tried in a process of its own: what is loaded once stays.
LOOKS = {
    "a verb of an object": "resque.enqueue",
    "a verb of the class": "Resque.enqueue_at",
    "a verb of a class made from it": "type('Mine', (Resque,), {}).set_schedule",
    "help": "'enqueue_many' in dir(Resque) and 'size' in dir(resque) or missing",
    "a verb that is replaced": "mock.patch.object(Resque, 'enqueue').start()",
}


@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS)
def test_verbs_are_there_whoever_asks_first(look: str) -> None:
    lines = (
        "import sys; from unittest import mock; from pyresque import Resque",
        "resque = Resque('redis://nowhere:1/0')",
        "resque.job('X', queue='low')(print)",
        "assert 'pyresque.core' not in sys.modules",
        look,
        "assert 'pyresque.core' in sys.modules",
        "assert callable(Resque.enqueue) and callable(resque.enqueue)",
    )
    subprocess.run([sys.executable, "-c", "\n".join(lines)], check=True)


@pytest.mark.parametrize("face", [Resque, AsyncResque])
def test_what_is_no_verb_is_reported_as_of_any_class(face: type) -> None:
    with pytest.raises(
        AttributeError, match=f"type object '{face.__name__}' has no attribute 'enque'"
    ):
        face.enque  # noqa: B018
    with pytest.raises(AttributeError, match=f"'{face.__name__}' object has no attribute 'enque'"):
        face("redis://nowhere:1/0").enque  # noqa: B018
    assert not hasattr(face, "_ipython_canary_method")


def test_a_verb_is_documented_and_typed_as_its_operation_is() -> None:
    assert "Raises NoQueueError" in inspect.getdoc(Resque.enqueue)
    assert list(inspect.signature(Resque.enqueue).parameters)[:2] == ["self", "job"]


def test_the_package_has_what_it_says_and_nothing_else() -> None:
    assert set(pyresque.__all__) <= set(dir(pyresque))
    assert all(getattr(pyresque, name) is not None for name in pyresque.__all__)
    with pytest.raises(AttributeError, match="module 'pyresque' has no attribute 'Rescue'"):
        pyresque.Rescue  # noqa: B018


def test_an_attribute_is_made_once_and_may_be_given() -> None:
    class Maker:
        made = 0

        @cached_property
        def one(self) -> int:
            """A number."""
            self.made += 1
            return self.made

    maker = Maker()
    assert (maker.one, maker.one, maker.made) == (1, 1, 1)
    other = Maker()
    other.one = 7
    assert (other.one, other.made) == (7, 0)
    assert Maker.one.__doc__ == "A number."


def test_settings_are_frozen_and_equal_by_their_values() -> None:
    settings = Settings(url="redis://:secret@there:1/0", interval=1.0)
    with pytest.raises(AttributeError, match="frozen"):
        settings.interval = 2.0
    assert settings == Settings(interval=1.0, url=settings.url)
    assert settings != settings.replace(interval=2.0)
    assert len({settings, settings.replace(interval=1.0)}) == 1
    assert repr(settings) == "Settings(url='redis://***@there:1/0', interval=1.0)"
    with pytest.raises(pyresque.PyresqueError, match="intervall: there is no such setting"):
        Settings(intervall=1.0)


@pytest.mark.parametrize(
    "options", [{"time_zone": "Middle/Earth"}, {"rails_version": "5"}], ids=["zone", "rails"]
)
def test_what_is_wrong_is_reported_when_the_application_is_made(options: dict[str, str]) -> None:
    with pytest.raises(pyresque.PyresqueError):
        Resque("redis://nowhere:1/0", **options)
    with pytest.raises(pyresque.PyresqueError):
        Resque("redis://nowhere:1/0").configure(**options)
