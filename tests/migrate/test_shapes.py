from __future__ import annotations

import pytest

from pyresque.job.job import JsonCodec, read_job
from pyresque.migrate.shapes import MOST_FORMS, OTHERS, Arguments, Budget, Form, Shape, count
from tests.support.inventories import payload, rails


def arguments(*payloads: bytes, budget: Budget | None = None) -> Arguments:
    made, budget = Arguments(), budget or Budget()
    for raw in payloads:
        made.add(read_job(JsonCodec(), "q", raw).payload, budget)
    return made


@pytest.mark.parametrize(
    ("payloads", "text"),
    [
        ([payload("A")], "()"),
        ([payload("A", 1, "x")], "(integer, string)"),
        ([payload("A", 1), payload("A", None, 1.5)], "(integer | null, [float])"),
        ([payload("A", [1, "x"], [])], "(list of integer | string, list)"),
        ([payload("A", {"a": 1, "b": [True]}), payload("A", {"a": 2})], "(hash {a, b?})"),
        ([rails("A", {"_aj_globalid": "gid://shop/Account/7"})], "(GlobalID shop/Account)"),
        ([rails("A", {"_aj_globalid": 7})], "(GlobalID)"),
        (
            [
                rails(
                    "A",
                    {
                        "_aj_serialized": "ActiveJob::Serializers::TimeWithZoneSerializer",
                        "value": 1,
                    },
                )
            ],
            "(TimeWithZone)",
        ),
        ([rails("A", {"_aj_serialized": "MoneySerializer"})], "(MoneySerializer)"),
        ([rails("A", {"_aj_serialized": [1]})], "(serialized)"),
        ([rails("A", {"a": 1, "_aj_symbol_keys": ["a"]})], "(hash {a})"),
        (
            [
                rails("A", 1, {"force": True, "_aj_ruby2_keywords": ["force"]}),
                rails("A", 1, {"force": False, "at": "x", "_aj_ruby2_keywords": ["force", "at"]}),
            ],
            "(integer, force: boolean, [at: string])",
        ),
    ],
)
def test_arguments_are_written_as_a_signature(payloads, text):
    assert str(arguments(*payloads)) == text


def test_the_forms_of_calls_are_counted_with_the_keys_of_a_trailing_hash():
    made = arguments(payload("A", 1), payload("A", 1), payload("A", 1, {"b": 1, "a": 2}))
    assert made.forms == {Form(1): 2, Form(2, ("a", "b")): 1}
    assert (made.least, made.most) == (1, 2)


def test_args_that_are_no_list_are_counted_by_their_type():
    raws = [b'{"class":"A","args":{"a":1}}', b'{"class":"A"}', b'{"class":"A","args":"x"}']
    assert arguments(*raws).odd == {"hash": 1, "null": 1, "string": 1}


@pytest.mark.parametrize(
    "value",
    [
        {f"key{at}": at for at in range(100_000)},
        {"k" * 1_000_000: 1},
        [[[[[[[[[[1]]]]]]]]]],
        list(range(100_000)),
        {"a": {"b": {"c": {"d": {"e": {"f": {"g": 1}}}}}}},
    ],
)
def test_large_and_deep_values_make_few_and_short_shapes(value):
    budget = Budget()
    made = arguments(payload("A", value), budget=budget)
    assert 50_000 - budget.nodes < 200
    assert len(str(made)) < 1000


def test_no_more_shapes_are_made_than_the_budget_has():
    budget = Budget(10)
    for at in range(100):
        arguments(payload("A", {f"key{at}": 1}), budget=budget)
    assert (budget.nodes, budget.cut) == (0, True)


def test_no_more_forms_are_kept_than_the_bound():
    made = arguments(*(payload("A", {f"key{at}": 1}) for at in range(2 * MOST_FORMS)))
    assert (len(made.forms), made.other_forms) == (MOST_FORMS, MOST_FORMS)


def test_names_beyond_a_bound_count_as_others():
    names: dict[str, int] = {}
    for name in "abcab":
        count(names, name, 2)
    assert names == {"a": 2, "b": 2, OTHERS: 1}


def test_a_shape_as_json_has_types_keys_and_items():
    shape = Shape()
    for value in ({"a": [1, None]}, {"a": [], "b": 1}):
        shape.add(value, Budget())
    assert shape.to_dict() == {
        "seen": 2,
        "types": {"hash": 2},
        "keys": {
            "a": {
                "seen": 2,
                "types": {"list": 2},
                "items": {"seen": 2, "types": {"integer": 1, "null": 1}},
            },
            "b": {"seen": 1, "types": {"integer": 1}},
        },
    }
