"""The stand-in for ``dataclasses`` makes classes that behave as those of the module."""

from __future__ import annotations

import dataclasses

import pytest

from pyresque import lightweight

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
