"""Schedules out of resque-scheduler's YAML files, read safely: no Ruby object is made, no template is run.

Ruby symbols (``:first_in: 5s``) are read as plain texts, which is what becomes of them in Redis.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pyresque.errors import FileFault, ScheduleFileError
from pyresque.schedule.yaml_nodes import NULL, doubled, reporting, root_of, told

if TYPE_CHECKING:
    from collections.abc import Callable

    import yaml

_SYMBOL = re.compile(r":[A-Za-z_][A-Za-z0-9_]*[?!]?")


@dataclass(frozen=True, slots=True)
class Written:
    """One entry as it stands in a file; ``notes`` tell what stands there twice."""

    name: str
    config: Any
    line: int
    notes: tuple[str, ...] = ()


def read_yaml(
    text: str, source: str, section: str = "", seen: Callable[[int], None] | None = None
) -> list[Written]:
    """The entries of a schedule, or of a section of it, in their order; the class is the entry's name where none is given.

    Of two entries of one name the last counts, as in Ruby. ``seen`` is told now and then which line was reached. Raises
    ScheduleFileError, which names the line.
    """
    yaml = _yaml()
    try:
        return _entries(yaml, text, source, section, seen)
    except yaml.YAMLError as error:
        raise ScheduleFileError(f"{source}, {told(error)}") from error
    except FileFault as fault:
        raise ScheduleFileError(f"{source}, {fault}") from fault
    except RecursionError as error:
        raise ScheduleFileError(f"{source} is nested too deep") from error


def _entries(
    yaml: Any, text: str, source: str, section: str, seen: Callable[[int], None] | None
) -> list[Written]:
    loader = reporting(_loader(yaml), seen)(text)
    try:
        root = root_of(yaml, loader, text)
        if root is not None and section:
            root = _section(yaml, loader, root, source, section)
        if root is None:
            return []
        if not isinstance(root, yaml.MappingNode):
            raise FileFault(
                f"line {root.start_mark.line + 1}: a schedule is a mapping of names to configurations"
            )
        lines = [key.start_mark.line + 1 for key, _ in root.value]
        notes: dict[int, list[str]] = {}
        for one in doubled(yaml, root):
            notes.setdefault(lines[bisect_right(lines, one.line) - 1], []).append(str(one))
        loader.flatten_mapping(root)
        found: dict[str, Written] = {}
        for key, value in root.value:
            name, line = str(loader.construct_object(key, deep=True)), key.start_mark.line + 1
            config = loader.construct_object(value, deep=True)
            found[name] = Written(name, _with_class(name, config), line, tuple(notes.get(line, ())))
        return list(found.values())
    finally:
        loader.dispose()


def _section(yaml: Any, loader: Any, root: Any, source: str, section: str) -> Any:
    """The node below that name. Raises ScheduleFileError where there is none."""
    names = []
    if isinstance(root, yaml.MappingNode):
        loader.flatten_mapping(root)
        for key, value in reversed(root.value):
            names.append(str(loader.construct_object(key, deep=True)))
            if names[-1] == section:
                return None if value.tag == NULL else value
    there = f"it has {', '.join(reversed(names[-10:]))}" if names else "it has none"
    raise ScheduleFileError(f"{source} has no section {section!r}; {there}")


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
