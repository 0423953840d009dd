"""What the arguments of a class's jobs look like: how many, of which types, with which keys. Bounded, whatever Redis holds.

A shape is made of values alone and keeps none of them, but for the names of hash keys, of models and of serializers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pyresque.activejob.arguments import (
    GLOBALID,
    RESERVED,
    RUBY2_KEYWORDS,
    SERIALIZED,
)
from pyresque.activejob.globalid import GlobalID
from pyresque.activejob.registry import job_hash
from pyresque.activejob.serializers import PREFIX

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pyresque.job.job import Payload

#: Shapes that one inventory holds, and what is held of one shape: kinds of values, keys of a hash.
NODES: Final = 50_000
MOST_KINDS: Final = 20
MOST_KEYS: Final = 50

#: Levels of nesting, elements of one list and arguments of one job that are looked at.
DEEPEST: Final = 5
MOST_ITEMS: Final = 20
MOST_POSITIONS: Final = 30

#: Forms of a call (``Arguments.forms``) that are kept of one class.
MOST_FORMS: Final = 50

#: Characters of a name that are kept.
LONGEST_NAME: Final = 200

#: What everything counts as that is beyond a bound.
OTHERS: Final = "(others)"

KINDS: Final[dict[type, str]] = {
    str: "string",
    int: "integer",
    float: "float",
    bool: "boolean",
    type(None): "null",
    list: "list",
    dict: "hash",
}


class Budget:
    """How many more shapes may be made; ``cut`` is set when there are none left."""

    def __init__(self, nodes: int = NODES) -> None:
        self.nodes = nodes
        self.cut = False

    def shape(self) -> Shape | None:
        """Return a new shape, or None."""
        if self.nodes <= 0:
            self.cut = True
            return None
        self.nodes -= 1
        return Shape()


def count(names: dict[str, int], name: str, most: int, by: int = 1) -> None:
    """Count a name; beyond the bound it counts as OTHERS."""
    if name not in names and len(names) >= most:
        name = OTHERS
    names[name] = names.get(name, 0) + by


def cut_name(name: object) -> str:
    """Return a name, cut if it is too long."""
    text = name if isinstance(name, str) else str(name)
    return text if len(text) <= LONGEST_NAME else f"{text[:LONGEST_NAME]}…"


class Shape:
    """The values that stood at one place: how many, of which kinds; the keys of hashes, and what their values and the elements of lists look like."""

    __slots__ = ("items", "keys", "kinds", "other_keys", "seen")

    def __init__(self) -> None:
        self.seen = 0
        self.kinds: dict[str, int] = {}
        self.keys: dict[str, Shape] = {}
        #: How often a hash had a key beyond the bounds.
        self.other_keys = 0
        self.items: Shape | None = None

    def add(self, value: object, budget: Budget, *, rails: bool = False, depth: int = 0) -> None:
        """Add one more value. ``rails``: it is an argument as ActiveJob serializes it."""
        self.seen += 1
        kind = KINDS.get(value.__class__, "string")
        if kind == "hash" and rails:
            kind = _rails_kind(value)
        count(self.kinds, kind, MOST_KINDS)
        if depth >= DEEPEST:
            return
        if kind == "hash":
            self.add_keys(value, budget, rails=rails, depth=depth)
        elif kind == "list" and value:
            assert isinstance(value, list)  # noqa: S101 - KINDS says so
            self.items = self.items or budget.shape()
            if self.items is not None:
                for item in value[:MOST_ITEMS]:
                    self.items.add(item, budget, rails=rails, depth=depth + 1)

    def add_keys(self, value: Any, budget: Budget, *, rails: bool = False, depth: int = 0) -> None:
        """Add the pairs of one more hash."""
        for at, (key, inner) in enumerate(value.items()):
            if at > 2 * MOST_KEYS:
                self.other_keys += len(value) - at
                break
            if rails and key in RESERVED:
                continue
            name = cut_name(key)
            shape = self.keys.get(name)
            if shape is None:
                shape = budget.shape() if len(self.keys) < MOST_KEYS else None
                if shape is None:
                    self.other_keys += 1
                    continue
                self.keys[name] = shape
            shape.add(inner, budget, rails=rails, depth=depth + 1)

    @property
    def hashes(self) -> int:
        """How many of the values were hashes."""
        return self.kinds.get("hash", 0)

    def to_dict(self) -> dict[str, Any]:
        """Return the shape as JSON."""
        found: dict[str, Any] = {"seen": self.seen, "types": dict(self.kinds)}
        if self.keys:
            found["keys"] = {name: one.to_dict() for name, one in self.keys.items()}
        if self.other_keys:
            found["other_keys"] = self.other_keys
        if self.items is not None:
            found["items"] = self.items.to_dict()
        return found

    def __str__(self) -> str:
        """Return the kinds in words, such as ``integer | null``; hashes with their keys, ``?`` after one that is not always there."""
        return " | ".join(self._in_words(kind) for kind in sorted(self.kinds)) or "?"

    def _in_words(self, kind: str) -> str:
        if kind == "list" and self.items is not None:
            return f"list of {self.items}"
        if kind != "hash" or not self.keys:
            return kind
        names = [f"{name}{'?' * (one.seen < self.hashes)}" for name, one in self.keys.items()]
        return f"hash {{{', '.join([*names, *(['...'] if self.other_keys else [])])}}}"


class Form:
    """One form of a call: how many positional arguments, and the names of the keywords; ``keywords`` is None if there are none."""

    __slots__ = ("keywords", "positional")

    def __init__(self, positional: int, keywords: tuple[str, ...] | None = None) -> None:
        self.positional = positional
        self.keywords = keywords

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Form) and self._parts == other._parts

    def __hash__(self) -> int:
        return hash(self._parts)

    @property
    def _parts(self) -> tuple[int, tuple[str, ...] | None]:
        return self.positional, self.keywords

    def __str__(self) -> str:
        names = [f"{name}:" for name in self.keywords or ()]
        count = self.positional
        given = f"{count} argument{'s' * (count != 1)}"
        return f"{given} and {', '.join(names)}" if names else given


class Arguments:
    """The arguments of one class's jobs.

    ``forms`` counts the forms of calls. A trailing hash with text keys is one of the arguments of a plain job, and its keys are the
    form's keywords, too: a handler that is registered with ``kwargs=True`` gets them so. An ActiveJob's keywords are none of the arguments.
    """

    __slots__ = ("forms", "keywords", "least", "most", "odd", "other_forms", "positions", "seen")

    def __init__(self) -> None:
        self.seen = 0
        self.least: int | None = None
        self.most: int | None = None
        self.positions: list[Shape] = []
        self.keywords: Shape | None = None
        self.forms: dict[Form, int] = {}
        self.other_forms = 0
        #: ``args`` that are no list, by their types.
        self.odd: dict[str, int] = {}

    def add(self, payload: Payload, budget: Budget) -> None:
        """Add the arguments of one more job."""
        self.seen += 1
        found = job_hash(payload)
        if found is not None:
            args, keywords = _rails_call(found)
        else:
            if payload.args.__class__ is not list:
                count(self.odd, KINDS.get(payload.args.__class__, "string"), MOST_KINDS)
            args, keywords = payload.positional(), None
        rails = found is not None
        size = len(args)
        self.least = size if self.least is None or size < self.least else self.least
        self.most = size if self.most is None or size > self.most else self.most
        for at, value in enumerate(args[:MOST_POSITIONS]):
            if at == len(self.positions):
                shape = budget.shape()
                if shape is None:
                    break
                self.positions.append(shape)
            self.positions[at].add(value, budget, rails=rails)
        if keywords is not None:
            self._add_keywords(keywords, budget)
        self._add_form(args, keywords, rails=rails)

    def _add_keywords(self, keywords: Mapping[str, object], budget: Budget) -> None:
        self.keywords = self.keywords or budget.shape()
        if self.keywords is not None:
            self.keywords.seen += 1
            count(self.keywords.kinds, "hash", MOST_KINDS)
            self.keywords.add_keys(keywords, budget, rails=True)

    def _add_form(
        self, args: Sequence[object], keywords: Mapping[str, object] | None, *, rails: bool
    ) -> None:
        last = args[-1] if args and not rails else None
        names = keywords if rails else last if isinstance(last, dict) else None
        known = None
        if names is not None:
            if len(names) > MOST_KEYS:
                self.other_forms += 1
                return
            known = tuple(sorted(cut_name(key) for key in names if key not in RESERVED))
        form = Form(len(args), known)
        if form in self.forms or len(self.forms) < MOST_FORMS:
            self.forms[form] = self.forms.get(form, 0) + 1
        else:
            self.other_forms += 1

    def to_dict(self) -> dict[str, Any]:
        """Return the arguments as JSON."""
        return {
            "seen": self.seen,
            "least": self.least,
            "most": self.most,
            "positions": [one.to_dict() for one in self.positions],
            "keywords": None if self.keywords is None else self.keywords.to_dict(),
            "no_list": dict(self.odd),
        }

    def __str__(self) -> str:
        """Return the arguments as a signature, those that are not always there in brackets."""
        return f"({', '.join(self._words())})"

    def _words(self) -> Iterator[str]:
        for at, shape in enumerate(self.positions):
            yield f"{shape}" if at < (self.least or 0) else f"[{shape}]"
        if (self.most or 0) > len(self.positions):
            yield "..."
        if self.keywords is not None:
            for name, shape in self.keywords.keys.items():
                text = f"{name}: {shape}"
                yield text if shape.seen == self.seen else f"[{text}]"


def _rails_call(
    found: Mapping[str, object],
) -> tuple[Sequence[object], Mapping[str, object] | None]:
    """Return the arguments of a job hash, and the hash of its keywords."""
    args = found.get("arguments")
    if not isinstance(args, list):
        return (() if args is None else (args,)), None
    last = args[-1] if args else None
    if isinstance(last, dict) and RUBY2_KEYWORDS in last and SERIALIZED not in last:
        return args[:-1], last
    return args, None


def _rails_kind(value: Any) -> str:
    """Return the kind of a hash among serialized arguments: a record, a value of a serializer, or a hash."""
    if GLOBALID in value:
        found = GlobalID.parse(value[GLOBALID])
        return "GlobalID" if found is None else cut_name(f"GlobalID {found.app}/{found.model}")
    if SERIALIZED in value:
        name = value[SERIALIZED]
        if not isinstance(name, str):
            return "serialized"
        return cut_name(
            name.removeprefix(PREFIX).removesuffix("Serializer")
            if name.startswith(PREFIX)
            else name
        )
    return "hash"
