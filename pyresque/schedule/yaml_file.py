"""Schedules out of resque-scheduler's YAML files, read safely: no Ruby object is made, no template is run.

Ruby symbols (``:first_in: 5s``) are read as plain texts, which is what becomes of them in Redis.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pyresque.errors import ScheduleFileError

if TYPE_CHECKING:
    import yaml

_SYMBOL = re.compile(r":[A-Za-z_][A-Za-z0-9_]*[?!]?")
_TEMPLATE = re.compile(r"<%")


@dataclass(frozen=True, slots=True)
class Written:
    """One entry as it stands in a file."""

    name: str
    config: Any
    line: int


def read_yaml(text: str, source: str) -> list[Written]:
    """The entries of a schedule, in their order; the class is the entry's name where none is given, as in Ruby.

    Raises ScheduleFileError, which names the line.
    """
    for number, line in enumerate(text.splitlines(), 1):
        if _TEMPLATE.search(line) and not line.lstrip().startswith("#"):
            raise ScheduleFileError(
                f"{source}, line {number}: <% is a template (ERB), which is not run: write the value itself"
            )
    yaml = _yaml()
    try:
        return _entries(yaml, text, source)
    except yaml.YAMLError as error:
        raise ScheduleFileError(f"{source}, {_told(error)}") from error
    except RecursionError as error:
        raise ScheduleFileError(f"{source} is nested too deep") from error


def _entries(yaml: Any, text: str, source: str) -> list[Written]:
    loader = _loader(yaml)(text)
    try:
        root = loader.get_single_node()
        if root is None or root.tag == "tag:yaml.org,2002:null":
            return []
        if not isinstance(root, yaml.MappingNode):
            raise ScheduleFileError(
                f"{source}, line {root.start_mark.line + 1}: a schedule is a mapping of names to configurations"
            )
        loader.flatten_mapping(root)
        found: dict[str, Written] = {}
        for key, value in root.value:
            name, line = loader.construct_object(key, deep=True), key.start_mark.line + 1
            if str(name) in found:
                raise ScheduleFileError(
                    f"{source}, line {line}: {name!r} stands in line {found[str(name)].line} already"
                )
            config = loader.construct_object(value, deep=True)
            found[str(name)] = Written(str(name), _with_class(str(name), config), line)
        return list(found.values())
    finally:
        loader.dispose()


def _with_class(name: str, config: Any) -> Any:
    if isinstance(config, Mapping) and "class" not in config:
        return {**config, "class": name}
    return config


def _yaml() -> Any:
    try:
        import yaml  # noqa: PLC0415 - an optional extra
    except ImportError as error:
        raise ScheduleFileError(
            "schedule files need PyYAML: pip install 'pyresque[scheduler]'"
        ) from error
    return yaml


def _loader(yaml: Any) -> type[yaml.SafeLoader]:
    """A safe loader that knows symbols; made anew, so that nobody else's YAML is read so."""

    class Loader(yaml.SafeLoader):  # type: ignore[misc]  # the module came in as Any: it is optional
        """SafeLoader and symbols, also in braces (``{:first_in: 5s}``), where YAML for Python would see an empty key."""

        def check_value(self) -> bool:
            """Whether a colon here ends a key."""
            return not self._at_symbol() and bool(super().check_value())

        def check_plain(self) -> bool:
            """Whether a plain text begins here."""
            return self._at_symbol() or bool(super().check_plain())

        def _at_symbol(self) -> bool:
            if not self.flow_level or self.peek() != ":" or not self.peek(1).isalpha():
                return False
            return self.pointer > 0 and self.buffer[self.pointer - 1] in " \t\r\n{[,"

    def symbol(loader: Any, node: Any) -> str:
        return str(loader.construct_scalar(node))[1:]

    Loader.add_implicit_resolver("!pyresque/symbol", _SYMBOL, [":"])
    Loader.add_constructor("!pyresque/symbol", symbol)
    return Loader


def _told(error: Any) -> str:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    line = f"line {mark.line + 1}: " if mark is not None else ""
    problem = str(getattr(error, "problem", None) or error)
    if "!ruby/" in problem or "!ruby/" in str(error):
        tag = re.search(r"!ruby/[^'\s]*", str(error))
        return f"{line}{tag[0] if tag else '!ruby/'} is a Ruby object, which is not made: write plain values"
    if "while scanning an alias" in str(error):
        return f"{line}a text that begins with * needs quotes: cron: '*/5 * * * *'"
    return f"{line}{problem}"
