"""Describes shapes by JSON Schema: a TypedDict becomes a component of its own name."""

from __future__ import annotations

from inspect import cleandoc
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints, is_typeddict

#: The types of JSON that have a name in Python.
_PLAIN: dict[object, dict[str, Any]] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    NoneType: {"type": "null"},
    Any: {},
}


class Components:
    """The components of a description, by name."""

    def __init__(self) -> None:
        self.schemas: dict[str, dict[str, Any]] = {}

    def of(self, shape: Any) -> dict[str, Any]:
        """Return the schema of a shape. Raises TypeError for a type that has none."""
        if shape in _PLAIN:
            return _PLAIN[shape]
        if is_typeddict(shape):
            return self._component(shape)
        kind, inside = get_origin(shape), get_args(shape)
        if kind is list:
            return {"type": "array", "items": self.of(inside[0])}
        if kind is dict:
            return {"type": "object", "additionalProperties": self.of(inside[1])}
        if kind is Literal:
            return {"enum": list(inside)}
        if kind in (Union, UnionType):
            return {"anyOf": [self.of(one) for one in inside]}
        raise TypeError(f"{shape!r} has no JSON Schema")

    def _component(self, shape: Any) -> dict[str, Any]:
        name = shape.__name__
        if name not in self.schemas:
            found: dict[str, Any] = {"type": "object", "description": cleandoc(shape.__doc__)}
            self.schemas[name] = found
            found["properties"] = {
                key: self.of(kind) for key, kind in get_type_hints(shape).items()
            }
            found["required"] = sorted(shape.__required_keys__)
        return {"$ref": f"#/components/schemas/{name}"}
