"""Ruby's names: what becomes of Python's, which can be constants, and what Ruby says of those it cannot find."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from pyresque.ruby.names import camelize, classify, is_constant_name, missing_constant


@pytest.mark.parametrize(
    ("name", "constant"),
    [
        ("monthly_report", "MonthlyReport"),
        ("archive", "Archive"),
        ("_private__job", "PrivateJob"),
        ("sync_2fa_codes", "Sync2faCodes"),
        ("HTTPFetch", "HTTPFetch"),
        ("", ""),
    ],
)
def test_a_functions_name_becomes_a_class_name(name, constant):
    assert camelize(name) == constant


@pytest.mark.parametrize(
    ("name", "constant"),
    [
        ("job-name", "JobName"),
        ("a-b-c", "ABC"),
        ("Plain", "Plain"),
        ("fooBar", "fooBar"),
        ("foo-BAR", "FooBar"),
        ("--a", "A"),
        ("\xe9t\xe9-x", "\xc9t\xe9X"),
        ("A::b-c", "A::bC"),
        ("", ""),
        ("-", ""),
    ],
)
def test_a_dashed_name_is_read_as_resque_reads_it(name, constant):
    assert classify(name) == constant


@pytest.mark.parametrize(
    "name",
    ["Archive", "::Archive", "Reports::Monthly", "low-job", "A_1", "\xc9t\xe9", "\u2167", "A::"],
)
def test_ruby_can_have_a_class_of_that_name(name):
    assert is_constant_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "::",
        "archive",
        "Reports::monthly",
        "1A",
        "_A",
        "A b",
        "A.b",
        "A!",
        "A::::B",
        ":A",
        " A",
        "<lambda>",
    ],
)
def test_ruby_cannot_have_a_class_of_that_name(name):
    assert not is_constant_name(name)


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("No::Such", "uninitialized constant No"),
        ("::Nope", "uninitialized constant Nope"),
        ("no-such", "uninitialized constant NoSuch"),
        ("Foo::Bar::", "uninitialized constant Foo"),
        ("Deep::Job", "uninitialized constant Deep::Job"),
        ("Deep::nope", "wrong constant name nope"),
        ("Deep::Nope::X", "uninitialized constant Deep::Nope"),
        ("Deep::::Nested", "wrong constant name "),
        ("lowjob", "wrong constant name lowjob"),
        (":Foo", "wrong constant name :Foo"),
        ("app.jobs.send", "wrong constant name app.jobs.send"),
        (5, "wrong constant name 5"),
        (1.5, "wrong constant name 1.5"),
        (True, "wrong constant name true"),
        (["A"], 'wrong constant name ["A"]'),
        ({"a": 1}, 'wrong constant name {"a"=>1}'),
        (None, "undefined method `perform' for Object:Class"),
        ("", "undefined method `perform' for Object:Class"),
        ("Deep::Nested", "undefined method `perform' for Deep::Nested:Class"),
    ],
)
def test_a_missing_constant_is_named_in_rubys_words(name, complaint):
    assert missing_constant(name, ["Deep::Nested", "Archive"]) == complaint


@given(st.from_regex(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", fullmatch=True))
def test_every_plain_function_name_becomes_a_constant(name):
    assert is_constant_name(camelize(name))


@given(st.text())
def test_some_complaint_is_found_for_any_text(name):
    assert missing_constant(name)
