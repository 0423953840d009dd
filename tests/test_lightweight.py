"""The stand-in for ``dataclasses`` makes classes that behave as those of the module."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle

import pytest

from pyresque import lightweight
from pyresque.failure.record import FailedRecord
from pyresque.job.job import Payload

#: What the annotations of both classes name.
Fields = list[str]


def classes(*, frozen: bool):
    """The same class, made by the module and by its stand-in."""

    def made(by):
        class Point:
            x: int
            y: int = 2
            seen: Fields = by.field(default_factory=list, repr=False)

            def sum(self):
                return self.x + self.y

        return by.dataclass(slots=True, frozen=frozen)(Point)

    return made(dataclasses), made(lightweight)


@pytest.mark.parametrize("frozen", [False, True])
def test_values_are_made_shown_compared_and_matched_alike(frozen):
    shown = []
    for point in classes(frozen=frozen):
        one, same, other = point(1), point(1, y=2, seen=[]), point(y=5, x=1)
        assert one == same != other
        assert one != (1, 2, [])
        assert (one.sum(), other.sum()) == (3, 6)
        assert one.seen is not same.seen
        assert not hasattr(one, "__dict__")
        match one:
            case point(x, y):
                assert (x, y) == (1, 2)
        shown.append(repr(other).replace("lightweight", "dataclasses"))
    assert shown[0] == shown[1]


@pytest.mark.parametrize("frozen", [False, True])
def test_shells_and_the_reference_are_told_the_types_of_the_fields(frozen):
    by_the_module, by_the_stand_in = (
        [(one.name, one.annotation) for one in inspect.signature(point).parameters.values()]
        for point in classes(frozen=frozen)
    )
    assert by_the_module == by_the_stand_in


@pytest.mark.parametrize("frozen", [False, True])
def test_what_is_missing_or_too_much_is_refused_alike(frozen):
    said = []
    for point in classes(frozen=frozen):
        for args, keywords in (((), {}), ((1, 2, 3, 4), {}), ((1,), {"z": 1})):
            with pytest.raises(TypeError) as raised:
                point(*args, **keywords)
            said.append(str(raised.value).rpartition(".")[2])
    assert said[:3] == said[3:]


def test_a_frozen_value_cannot_be_changed_and_has_a_hash_where_its_fields_have():
    for point in classes(frozen=True):
        one = point(1, seen=())
        with pytest.raises(AttributeError):
            one.x = 5
        with pytest.raises(AttributeError):
            del one.x
        assert hash(one) == hash(point(1, seen=()))


def test_a_value_that_changes_has_no_hash():
    for point in classes(frozen=False):
        one = point(1)
        one.x = 5
        assert one.x == 5
        with pytest.raises(TypeError):
            hash(one)


@pytest.mark.parametrize("frozen", [False, True])
def test_a_copy_with_changes_is_another_value(frozen):
    _, point = classes(frozen=frozen)
    one = point(1, seen=["a"])
    changed = lightweight.replace(one, x=7)
    assert (changed.x, changed.y, changed.seen) == (7, 2, ["a"])
    assert one.x == 1


def both(**options):
    """A class with every kind of field, made by the module and by its stand-in."""

    def made(by):
        class Span:
            start: int
            end: int = 9
            note: str = by.field(default="", compare=False, repr=False)
            length: int = by.field(init=False)

            def __post_init__(self):
                object.__setattr__(self, "length", self.end - self.start)

        return by.dataclass(slots=True, frozen=True, **options)(Span)

    return made(dataclasses), made(lightweight)


def test_fields_that_are_not_given_or_not_compared_behave_alike():
    shown = []
    for span in both():
        one = span(1, note="a")
        assert one == span(1, 9, "b")
        assert one != span(2)
        assert hash(one) == hash(span(1, 9, "b"))
        assert one.length == 8
        with pytest.raises(TypeError):
            span(1, length=5)
        assert span.__match_args__ == ("start", "end", "note")
        shown.append(repr(one).replace("lightweight", "dataclasses"))
    assert shown[0] == shown[1]
    assert lightweight.replace(both()[1](1), end=4).length == 3


def test_the_tools_of_the_module_take_the_classes_of_the_stand_in():
    listed, copies = [], []
    for span in both():
        one = span(1, note="a")
        assert dataclasses.is_dataclass(span)
        listed.append(
            [(f.name, f.type, f.init, f.repr, f.compare) for f in dataclasses.fields(one)]
        )
        assert dataclasses.asdict(one) == {"start": 1, "end": 9, "note": "a", "length": 8}
        assert dataclasses.astuple(one) == (1, 9, "a", 8)
        changed = dataclasses.replace(one, end=4)
        copies.append((type(changed) is span, changed.end, changed.length, changed.note))
        assert copy.copy(one) == one
    assert listed[0] == listed[1]
    assert copies[0] == copies[1] == (True, 4, 3, "a")


def test_a_class_with_a_constructor_of_its_own_keeps_it():
    for by in (dataclasses, lightweight):

        class Given:
            x: int

            def __init__(self, text):
                object.__setattr__(self, "x", int(text))

        made = by.dataclass(slots=True, frozen=True, init=False)(Given)
        assert made("5").x == 5
        assert made("5") == made(" 5 ")


def test_public_values_cross_a_pickle():
    record = FailedRecord(0, b"{}", {"queue": "low"})
    assert pickle.loads(pickle.dumps(record)) == record
    assert dataclasses.asdict(Payload("A", [1])) == {"class_name": "A", "args": [1], "extra": {}}
