"""What every file in YAML is held to before values are made of it: no template, no bomb of aliases; doubled keys are noted."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from pyresque.errors import FileFault

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_TEMPLATE: Final = re.compile(r"<%")
_MERGE: Final = "tag:yaml.org,2002:merge"
NULL: Final = "tag:yaml.org,2002:null"

#: Values that a file may come to with its aliases written out: so many, and so many times what is written.
MOST_VALUES: Final = 1_000_000
MOST_TIMES: Final = 10

#: Nodes between two tellings.
EVERY: Final = 2000


@dataclass(frozen=True, slots=True)
class Doubled:
    """A key that stands twice in one mapping: the last one counts, as in Ruby."""

    key: str
    first: int
    line: int

    def __str__(self) -> str:
        """For people."""
        return (
            f"{self.key!r} stands in line {self.first} and in line {self.line}: the last one counts"
        )


def root_of(yaml: Any, loader: Any, text: str) -> Any:
    """The file's node, None where it holds nothing. Raises FileFault, and the errors of PyYAML."""
    for number, line in enumerate(text.splitlines(), 1):
        if _TEMPLATE.search(line) and not line.lstrip().startswith("#"):
            raise FileFault(
                f"line {number}: <% is a template (ERB), which is not run: write the value itself"
            )
    root = loader.get_single_node()
    if root is None or root.tag == NULL:
        return None
    measure(yaml, root)
    return root


def measure(yaml: Any, root: Any) -> None:
    """Count what a file comes to with its aliases written out. Raises FileFault where that is too much, or has no end."""
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
    """The keys that stand twice in their mapping, by lines; one that overrides what was merged is none."""
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
    """The loader, made to tell now and then in which line it is."""
    if seen is None:
        return loader
    tell = seen

    class Reporting(loader):  # type: ignore[misc]  # PyYAML came in as Any: it is optional
        """It tells."""

        count = 0

        def compose_node(self, parent: Any, index: Any) -> Any:
            """One more node."""
            self.count += 1
            if self.count % EVERY == 0:
                tell(self.line + 1)
            return super().compose_node(parent, index)

    return Reporting


def told(error: Any) -> str:
    """What PyYAML says is wrong, and in which line, in words of ours where they help more."""
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    line = f"line {mark.line + 1}: " if mark is not None else ""
    problem = str(getattr(error, "problem", None) or error)
    if "!ruby/" in problem or "!ruby/" in str(error):
        tag = re.search(r"!ruby/[^'\s]*", str(error))
        return f"{line}{tag[0] if tag else '!ruby/'} is a Ruby object, which is not made: write plain values"
    if "while scanning an alias" in str(error):
        return f"{line}a text that begins with * needs quotes: cron: '*/5 * * * *'"
    return f"{line}{problem}"


def _children(yaml: Any, node: Any) -> Sequence[Any]:
    if isinstance(node, yaml.MappingNode):
        return [part for pair in node.value for part in pair]
    return node.value if isinstance(node, yaml.SequenceNode) else ()


def _line(node: Any) -> int:
    return int(node.start_mark.line) + 1


def _about(size: int) -> str:
    return str(size) if size < 10**12 else "more than 10^12"
