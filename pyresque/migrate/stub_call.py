"""The signature of a handler, from what was seen of its calls: names, types, which arguments are optional."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyresque.migrate.stub_names import identifier, is_plain, unique
from pyresque.migrate.stub_sample import MOST_POSITIONS
from pyresque.migrate.stub_types import Place

if TYPE_CHECKING:
    from pyresque.migrate.stub_sample import ClassSample
    from pyresque.migrate.stub_types import Writer

#: More optional arguments than that are ``*args``.
MOST_OPTIONAL: Final = 8

#: Gems whose jobs carry an id before the arguments of ``perform``; with the first, these travel as one hash of names.
BY_NAME, WITH_ID = "resque-status", "resque-meta"


class Signature:
    """The parameters of one handler. ``skip``: arguments that a plugin takes away; ``by_name``: one hash of names is passed as keywords."""

    def __init__(self, sample: ClassSample, writer: Writer) -> None:
        self.sample = sample
        self.writer = writer
        self.by_name = BY_NAME in sample.plugins
        self.skip = int(WITH_ID in sample.plugins)
        #: The names of parameters that get addresses of records, with their models.
        self.records: dict[str, list[str]] = {}
        self.parameters: list[str] = []
        self._names: set[str] = set()
        keywords = sample.keywords.keys
        if self.by_name:
            options = sample.positions[1] if len(sample.positions) > 1 else Place()
            self._keywords(options, sample.seen)
            return
        self._names.update(key for key in keywords if is_plain(key))
        if sample.unreadable is not None:
            writer.imports.add("Any")
            self.parameters += ["*args: Any", "**options: Any"]
            return
        self._positional()
        if sample.keywords.hashes:
            self._keywords(sample.keywords, sample.seen)

    def _positional(self) -> None:
        sample, skip = self.sample, self.skip
        least, most = max(0, sample.least - skip), max(0, sample.most - skip)
        places = sample.positions[skip:]
        many = most - least > MOST_OPTIONAL or sample.most > MOST_POSITIONS
        for at, place in enumerate(places[: min(least, MOST_POSITIONS) if many else most]):
            name = unique(self._name(place, at, last=at == most - 1), self._names)
            optional = at >= least
            text = self.writer.annotation(place, name, optional=optional)
            self.parameters.append(f"{name}: {text}{' = None' if optional else ''}")
            self._note(name, place)
        if many:
            self.writer.imports.add("Any")
            self.parameters.append(f"*{unique('args', self._names)}: Any")

    def _keywords(self, place: Place, total: int) -> None:
        named = sorted(key for key in place.keys if is_plain(key)) if not place.is_map else []
        if named and not any(one.startswith("*") for one in self.parameters):
            self.parameters.append("*")
        for key in named:
            inner = place.keys[key]
            optional = inner.seen < total
            text = self.writer.annotation(inner, key, optional=optional)
            self.parameters.append(f"{key}: {text}{' = None' if optional else ''}")
            self._names.add(key)
            self._note(key, inner)
        if place.is_map or len(named) < len(place.keys) or not place.keys:
            self.writer.imports.add("Any")
            self.parameters.append(f"**{unique('options', self._names)}: Any")

    @staticmethod
    def _name(place: Place, at: int, *, last: bool) -> str:
        if place.names == {"GlobalID"} and len(place.models) == 1:
            return identifier(
                next(iter(place.models)).rpartition("/")[2].rpartition("::")[2], "record"
            )
        if place.names == {"dict"} and last:
            return "options"
        return f"arg{at + 1}"

    def _note(self, name: str, place: Place) -> None:
        if place.models:
            self.records[name] = sorted(place.models)
