"""GlobalIDs: their URIs, what is one and what is none."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from pyresque.activejob import GlobalID, serialize
from pyresque.errors import GlobalIDError, SerializationError


@pytest.mark.parametrize(
    ("gid", "uri"),
    [
        (GlobalID("shop", "Account", 7), "gid://shop/Account/7"),
        (GlobalID("shop", "A::B", "a/b c~*é"), "gid://shop/A::B/a%2Fb+c~%2A%C3%A9"),
        (GlobalID("shop", "Seat", (3, 14)), "gid://shop/Seat/3/14"),
        (
            GlobalID("shop", "Account", 7, params=(("tenant", "a b"),)),
            "gid://shop/Account/7?tenant=a+b",
        ),
    ],
    ids=str,
)
def test_a_global_id_has_the_uri_that_rails_gives_it(gid: GlobalID, uri: str) -> None:
    assert gid.uri == str(gid) == uri
    assert GlobalID.parse(uri) == gid


@given(st.text(min_size=1), st.text(min_size=1))
def test_any_ids_come_back_from_the_uri(first: str, second: str) -> None:
    for ids in ((first,), (first, second)):
        try:
            gid = GlobalID("shop", "Seat", ids)
            uri = gid.uri
        except UnicodeEncodeError:
            continue
        assert GlobalID.parse(uri) == gid


@pytest.mark.parametrize(
    "text",
    [
        *(
            "Account/42",
            "gid://shop/Account",
            "gid://shop/Account/",
            "gid:///Account/7",
            "gid://sh_op/Account/7",
        ),
        *(
            "GID://shop/Account/7",
            "gid://shop/Account/a b",
            "gid://shop/Account/é",
            "gid://shop//7",
            "gid://shop/A//7",
        ),
        *("gid://shop/Account/7%zz", "", "Z2lk", "a", "é" * 9, None, 5, ["gid://shop/Account/7"]),
    ],
)
def test_what_rails_takes_for_no_global_id_is_none(text: object) -> None:
    assert GlobalID.parse(text) is None


def test_an_address_in_base_64_is_read_and_kept_as_found() -> None:
    found = "Z2lkOi8vc2hvcC9BY2NvdW50Lzc"

    gid = GlobalID.parse(found)

    assert gid == GlobalID("shop", "Account", 7)
    assert serialize([gid]) == [{"_aj_globalid": found}]


def test_bytes_of_an_id_that_are_no_utf8_are_not_lost() -> None:
    gid = GlobalID.parse("gid://shop/Account/%FF")

    assert gid is not None
    assert GlobalID("shop", "Account", gid.ids).uri == "gid://shop/Account/%FF"


@pytest.mark.parametrize(
    ("parts", "complaint"),
    [
        (("sh op", "Account", 7), "Invalid app name 'sh op'"),
        (("shop", "", 7), "the model's name is missing"),
        (("shop", "Account", None), "Unable to create a Global ID for Account without a model id."),
        (("shop", "Seat", (3, "")), "Unable to create a Global ID for Seat without a model id."),
        (("shop", "Seat", ()), "Unable to create a Global ID for Seat without a model id."),
    ],
)
def test_parts_no_global_id_can_have_are_refused(
    parts: tuple[str, str, object], complaint: str
) -> None:
    with pytest.raises(GlobalIDError, match=complaint):
        GlobalID(*parts)


class Account:
    def __init__(self, key: object) -> None:
        self.key = key

    def to_global_id(self) -> GlobalID:
        return GlobalID("shop", "Account", self.key)


def test_a_record_that_knows_its_global_id_travels_as_it() -> None:
    assert serialize([Account(7)]) == [{"_aj_globalid": "gid://shop/Account/7"}]

    with pytest.raises(
        SerializationError,
        match=r"Unable to serialize Account without an id. \(Maybe you forgot to call save",
    ):
        serialize([Account(None)])
