"""Read resque-scheduler's YAML files safely: no Ruby object is made, no template runs, aliases cannot exhaust the memory.

Ruby symbols (``:first_in: 5s``) are read as texts, as Ruby writes them to Redis. The pool's file is read with the same checks.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from pyresque.errors import FileFault, ScheduleFileError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import yaml

_SYMBOL = re.compile(r":[A-Za-z_][A-Za-z0-9_]*[?!]?")
_TEMPLATE: Final = re.compile(r"<%")
_MERGE: Final = "tag:yaml.org,2002:merge"
NULL: Final = "tag:yaml.org,2002:null"

#: A file may have so many values with its aliases expanded: MOST_VALUES, plus MOST_TIMES each value that is written.
MOST_VALUES: Final = 1_000_000
MOST_TIMES: Final = 10

#: libyaml parses a file of at least so many characters, unless it nests deeper than this.
LONG_FILE: Final = 100_000
DEEP: Final = 100

#: Texts that libyaml and PyYAML may read differently: symbols in braces, tags, keys after ``?``, block texts, tabs, more documents.
_NOT_SIMPLE: Final = re.compile(
    r"[\s{\[,]:[^\W\d_]|[^\n -~\xa0-\u2027\u202a-\ud7ff]|[?!|>%]|\n(?:---|\.\.\.)"
)

#: Nodes between two calls of ``seen``.
EVERY: Final = 2000


@dataclass(frozen=True, slots=True)
class FileEntry:
    """One entry of a file; ``notes`` name its keys that the file has twice."""

    name: str
    config: Any
    line: int
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Doubled:
    """A key that one mapping has twice: the last one counts, as in Ruby."""

    key: str
    first: int
    line: int

    def __str__(self) -> str:
        """Return the note for people."""
        return (
            f"{self.key!r} stands in line {self.first} and in line {self.line}: the last one counts"
        )


def read_yaml(
    text: str, source: str, section: str = "", seen: Callable[[int], None] | None = None
) -> list[FileEntry]:
    """Return the entries of a schedule, or of a section of it, in their order; an entry's name is its class if none is given.

    Of two entries of one name the last counts, as in Ruby. ``seen`` is called now and then with the number of the current line.
    Raises ScheduleFileError, which names the line.
    """
    yaml = _yaml()
    try:
        return _entries(yaml, text, source, section, seen)
    except yaml.YAMLError as error:
        raise ScheduleFileError(f"{source}, {problem(error)}") from error
    except FileFault as fault:
        raise ScheduleFileError(f"{source}, {fault}") from fault
    except RecursionError as error:
        raise ScheduleFileError(f"{source} is nested too deep") from error


def _entries(
    yaml: Any, text: str, source: str, section: str, seen: Callable[[int], None] | None
) -> list[FileEntry]:
    loader = reporting(symbol_loader(yaml), seen)(text)
    try:
        root = root_of(yaml, loader, text, seen)
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
        found: dict[str, FileEntry] = {}
        for key, value in root.value:
            name, line = str(loader.construct_object(key, deep=True)), key.start_mark.line + 1
            config = loader.construct_object(value, deep=True)
            found[name] = FileEntry(
                name, _with_class(name, config), line, tuple(notes.get(line, ()))
            )
        return list(found.values())
    finally:
        loader.dispose()


def _section(yaml: Any, loader: Any, root: Any, source: str, section: str) -> Any:
    """Return the node below that name. Raises ScheduleFileError if there is none."""
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


def symbol_loader(yaml: Any) -> type[yaml.SafeLoader]:
    """Return a new subclass of SafeLoader that reads symbols: a change of SafeLoader itself would change others' YAML."""

    class Loader(yaml.SafeLoader):  # type: ignore[misc]  # the module came in as Any: it is optional
        """Reads symbols, also in braces (``{:first_in: 5s}``), where PyYAML would see an empty key."""

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


# -- nodes, before values are made of them; the pool's file is read with these, too


def root_of(yaml: Any, loader: Any, text: str, seen: Callable[[int], None] | None = None) -> Any:
    """Return the file's root node; None for an empty file. Raises FileFault, and the errors of PyYAML."""
    for number, line in enumerate(text.splitlines(), 1):
        if _TEMPLATE.search(line) and not line.lstrip().startswith("#"):
            raise FileFault(
                f"line {number}: <% is a template (ERB), which is not run: write the value itself"
            )
    root = _root_by_libyaml(yaml, loader, text, seen)
    if root is None:
        root = loader.get_single_node()
    if root is None or root.tag == NULL:
        return None
    measure(yaml, root)
    return root


def _root_by_libyaml(yaml: Any, loader: Any, text: str, seen: Callable[[int], None] | None) -> Any:
    """Return the root node of a long file, parsed by libyaml in a third of PyYAML's time. None: PyYAML must parse the file.

    libyaml accepts some texts that PyYAML refuses, and its errors have other words. So PyYAML parses whatever is not simple or
    has a fault: a file means the same with and without libyaml.
    """
    if len(text) < LONG_FILE or not yaml.__with_libyaml__ or _NOT_SIMPLE.search(text):
        return None
    parser = yaml.CSafeLoader(text)
    try:
        return _composed(yaml, iter(parser.get_event, None), loader.resolve, seen)
    except (yaml.YAMLError, KeyError):  # a KeyError: an alias of nothing
        return None
    finally:
        parser.dispose()


def _composed(yaml: Any, events: Iterator[Any], resolve: Any, seen: Any) -> Any:
    """Compose libyaml's events to a node. None: an anchor names two nodes, or nodes are nested deep."""
    kinds = {
        yaml.ScalarEvent: yaml.ScalarNode,
        yaml.SequenceStartEvent: yaml.SequenceNode,
        yaml.MappingStartEvent: yaml.MappingNode,
    }
    anchors: dict[str, Any] = {}
    siblings: list[Any] = []
    # The nodes that are not complete, each with its siblings.
    parents: list[tuple[Any, list[Any]]] = []
    for count, event in enumerate(events):
        if isinstance(event, yaml.CollectionEndEvent):
            (node, outer), inner = parents.pop(), siblings
            mapping = isinstance(node, yaml.MappingNode)
            node.value = list(zip(inner[::2], inner[1::2], strict=True)) if mapping else inner
            siblings = outer
        elif isinstance(event, yaml.AliasEvent):
            siblings.append(anchors[event.anchor])
        elif type(event) in kinds:
            kind, value = kinds[type(event)], getattr(event, "value", None)
            tag = event.tag or resolve(kind, value, event.implicit)
            node = kind(tag, value, event.start_mark, event.end_mark)
            if event.anchor in anchors or len(parents) > DEEP:
                return None
            if event.anchor is not None:
                anchors[event.anchor] = node
            siblings.append(node)
            if value is None:
                parents.append((node, siblings))
                siblings = []
        if seen is not None and count % EVERY == 0:
            seen(event.start_mark.line + 1)
    return siblings[0] if siblings else None


def measure(yaml: Any, root: Any) -> None:
    """Count a file's values with its aliases expanded. Raises FileFault if they are too many, or an alias contains itself."""
    sizes: dict[int, int | None] = {}
    stack = [root]
    written = 0
    while stack:
        node = stack[-1]
        if id(node) in sizes and sizes[id(node)] is not None:
            stack.pop()
            continue
        children = _children(yaml, node)
        if id(node) not in sizes:
            written += 1
            sizes[id(node)] = None
            if any(sizes.get(id(child), 0) is None for child in children):
                raise FileFault(f"line {_line(node)}: an alias stands inside what it names")
            stack += [child for child in children if id(child) not in sizes]
            continue
        sizes[id(node)] = size = 1 + sum(sizes[id(child)] or 0 for child in children)
        stack.pop()
        if size > MOST_VALUES + MOST_TIMES * written:
            raise FileFault(
                f"line {_line(node)}: with its aliases written out this comes to {_about(size)} values, "
                f"which is more than {MOST_VALUES + MOST_TIMES * written}"
            )


def doubled(yaml: Any, root: Any) -> list[Doubled]:
    """Return the keys that a mapping has twice, by lines; a key that overrides a merged one is allowed."""
    found: list[Doubled] = []
    seen: set[int] = set()
    stack = [root]
    while stack:
        node = stack.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        stack += _children(yaml, node)
        if isinstance(node, yaml.MappingNode):
            lines: dict[str, int] = {}
            for key, _ in node.value:
                if isinstance(key, yaml.ScalarNode) and key.tag != _MERGE:
                    if key.value in lines:
                        found.append(Doubled(key.value, lines[key.value], _line(key)))
                    lines[key.value] = _line(key)
    return sorted(found, key=lambda one: one.line)


def reporting(loader: type[Any], seen: Callable[[int], None] | None) -> type[Any]:
    """Return a subclass of the loader that calls ``seen`` now and then with the current line."""
    if seen is None:
        return loader
    report = seen

    class Reporting(loader):  # type: ignore[misc]  # PyYAML came in as Any: it is optional
        """Counts the nodes, and reports the current line."""

        count = 0

        def compose_node(self, parent: Any, index: Any) -> Any:
            """Compose one node, and count it."""
            self.count += 1
            if self.count % EVERY == 0:
                report(self.line + 1)
            return super().compose_node(parent, index)

    return Reporting


def problem(error: Any) -> str:
    """Return PyYAML's complaint with its line, in other words if they help more."""
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    line = f"line {mark.line + 1}: " if mark is not None else ""
    said = str(getattr(error, "problem", None) or error)
    if "!ruby/" in said or "!ruby/" in str(error):
        tag = re.search(r"!ruby/[^'\s]*", str(error))
        return f"{line}{tag[0] if tag else '!ruby/'} is a Ruby object, which is not made: write plain values"
    if "while scanning an alias" in str(error):
        return f"{line}a text that begins with * needs quotes: cron: '*/5 * * * *'"
    return f"{line}{said}"


def _children(yaml: Any, node: Any) -> Sequence[Any]:
    if isinstance(node, yaml.MappingNode):
        return [part for pair in node.value for part in pair]
    return node.value if isinstance(node, yaml.SequenceNode) else ()


def _line(node: Any) -> int:
    return int(node.start_mark.line) + 1


def _about(size: int) -> str:
    return str(size) if size < 10**12 else "more than 10^12"
