"""Plain texts of a YAML file that Ruby reads as another value than Python's reader: ``1,000``, ``12:30``, ``oN``, dates."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from pyresque.schedule.yaml_file import symbol_loader

if TYPE_CHECKING:
    from collections.abc import Iterator

_UNLIKE: Final = (
    (
        re.compile(r"[-+]?[0-9][0-9_]*(?:,[0-9_]+)+(?:\.[0-9]*)?|[-+]?[0-9][0-9_,]*,\.[0-9]+"),
        "a number",
    ),
    (re.compile(r"[-+]\.[0-9]+"), "a number"),
    (re.compile(r"[-+]?[0-9][0-9_]*:[0-5]?[0-9]"), "a number of seconds"),
    (re.compile(r"[0-9][0-9_]*(?:_|__[0-9_]*)|[-+]?[0-9_]*\.[0-9]*_[0-9_]*"), "a text"),
    (re.compile(r"(?=.{8,9}\Z)[0-9]{4}-(?:1[0-2]|0?[1-9])-(?:3[01]|[12][0-9]|0?[1-9])"), "a date"),
    (re.compile(r"(?i:yes|no|on|off|true|false)"), "true or false"),
)

#: The spellings of truth values that both read.
_COMMON: Final = frozenset(
    spelling
    for word in ("yes", "no", "on", "off", "true", "false")
    for spelling in (word, word.capitalize(), word.upper())
)


def unlike_ruby(text: str) -> list[tuple[int, str, str]]:
    """Return the line, the text, and what Ruby takes it for, of each plain text that the two read differently.

    The text is one that ``read_yaml`` has read: its errors, and aliases without end, were met there.
    """
    import yaml  # noqa: PLC0415 - an optional extra, which whoever has a file has

    found = []
    for node in _plain(yaml, yaml.compose(text, Loader=symbol_loader(yaml))):
        if node.value in _COMMON:
            continue
        for pattern, taken in _UNLIKE:
            if pattern.fullmatch(node.value):
                found.append((node.start_mark.line + 1, node.value, taken))
                break
    return found


def _plain(yaml: Any, root: Any) -> Iterator[Any]:
    """Yield the values without quotes, each once however many aliases name it."""
    stack, seen = [root] if root is not None else [], set()
    while stack:
        node = stack.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, yaml.MappingNode):
            stack += [part for pair in node.value for part in pair]
        elif isinstance(node, yaml.SequenceNode):
            stack += node.value
        elif node.style is None:
            yield node
