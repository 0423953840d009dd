"""Arguments of every shape that JSON can carry between the languages, by name."""

from __future__ import annotations

from typing import Any

ARGUMENTS: dict[str, list[Any]] = {
    "none": [],
    "nil": [None],
    "booleans": [True, False],
    "integers": [0, 1, -1, 2**31, -(2**63), 2**64, 10**40],
    "floats": [
        1.5,
        -0.25,
        0.1 + 0.2,
        1e20,
        1e-7,
        123456789012345680.0,
        5e-324,
        1.7976931348623157e308,
    ],
    "whole floats": [1.0, -0.0, 1e15, 1e16, 100.0],
    "text": ["", "hello", "two\nlines\ttab", 'quotes " and \\ and /'],
    "controls": ["".join(map(chr, range(32))) + "\x7f"],
    "unicode": ["caf\u00e9 \u65e5\u672c\u8a9e \U0001f600 \u2028\u2029", "e\u0301"],
    "markup": ["<b>a & b</b></script>", "gid://shop/Account/7", "%{x} #{y}"],
    "lists": [[], [1, [2, [3, []]]]],
    "hashes": [{}, {"a": 1, "b": {"c": [None, {"d": ""}]}}],
    "key order": [{"z": 1, "a": 2, "m": 3}],
    "odd keys": [{"": 1, " ": 2, "caf\u00e9": 3, 'q"': 4, "class": "x", "args": []}],
    "trailing options": [7, {"force": True, "note": None}],
    "a long text": ["x" * 100_000],
    "many": list(range(2000)),
}

# JavaScript has one kind of number: beyond 2**53 it does not say what it was given, and -0.0 comes back as 0.
NOT_FOR_NODE = {"integers", "whole floats", "floats"}
FOR_NODE = {name: args for name, args in ARGUMENTS.items() if name not in NOT_FOR_NODE}
