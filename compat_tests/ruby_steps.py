"""The Ruby lines of recorded plugin scenarios: split into calls, and their literals read as Python values."""

from __future__ import annotations

import re
from typing import Any, NamedTuple


class Symbol(str):
    """A Ruby symbol, which Python can enqueue as text alone."""

    __slots__ = ()


class Constant(str):
    """The name of a class."""

    __slots__ = ()


class Step(NamedTuple):
    """One call of a line: its text up to the arguments, and the arguments."""

    verb: str
    args: list[Any]


TOKEN = re.compile(
    r"""\s*(?:
        (?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
      | (?P<number>-?\d[\d_]*(?:\.\d+)?(?:e[+-]?\d+)?(?:\*\*\d+)?)
      | (?P<label>[A-Za-z_]\w*):(?!:)
      | :(?P<symbol>[A-Za-z_]\w*|"[^"]*")
      | (?P<now>Time\.now(?:\.to_i)?(?:\s*[+-]\s*\d+)?)
      | (?P<word>[A-Za-z_][\w:]*)
      | (?P<mark>=>|[\[\]{},()])
    )""",
    re.VERBOSE,
)
ESCAPES = {"n": "\n", "t": "\t", '"': '"', "\\": "\\", "e": "\x1b", "0": "\0"}


def parse_values(text: str, now: float) -> list[Any]:
    """The values of a comma-separated list of literals; a hash without braces at its end is one value."""
    return _Reader(text, now).values()


class _Reader:
    def __init__(self, text: str, now: float) -> None:
        self.tokens: list[tuple[str, str]] = []
        self.now = now
        at = 0
        text = text.strip()
        while at < len(text):
            found = TOKEN.match(text, at)
            assert found, f"no literal: {text[at:]!r}"
            kind = str(found.lastgroup)
            self.tokens.append((kind, found[kind]))
            at = found.end()
            while at < len(text) and text[at].isspace():
                at += 1

    def values(self) -> list[Any]:
        found: list[Any] = []
        trailing: dict[Any, Any] = {}
        while self.tokens:
            if self.tokens[0][0] == "label":
                key = Symbol(self.tokens.pop(0)[1])
                trailing[key] = self.value()
            else:
                value = self.value()
                if self._next("=>"):
                    trailing[value] = self.value()
                else:
                    found.append(value)
            if self.tokens:
                assert self._next(","), self.tokens
        return [*found, trailing] if trailing else found

    def _next(self, mark: str) -> bool:
        if self.tokens and self.tokens[0] == ("mark", mark):
            self.tokens.pop(0)
            return True
        return False

    def value(self) -> Any:  # noqa: PLR0911
        kind, text = self.tokens.pop(0)
        if kind == "text":
            return _text(text)
        if kind == "number":
            base, _, power = text.replace("_", "").partition("**")
            if power:
                return int(base) ** int(power)
            return float(base) if "." in base or "e" in base else int(base)
        if kind == "symbol":
            return Symbol(text.strip('"'))
        if kind == "now":
            shift = re.search(r"([+-])\s*(\d+)$", text)
            by = 0 if shift is None else int(shift[1] + shift[2])
            return int(self.now) + by
        if kind == "word":
            return {"nil": None, "true": True, "false": False}.get(text, Constant(text))
        if text == "[":
            items: list[Any] = []
            while not self._next("]"):
                items.append(self.value())
                self._next(",")
            return items
        assert text == "{", text
        pairs: dict[Any, Any] = {}
        while not self._next("}"):
            if self.tokens[0][0] == "label":
                key: Any = Symbol(self.tokens.pop(0)[1])
            else:
                key = self.value()
                assert self._next("=>")
            pairs[key] = self.value()
            self._next(",")
        return pairs


def _text(token: str) -> str:
    inner = token[1:-1]
    if token[0] == "'":
        return inner.replace("\\'", "'").replace("\\\\", "\\")

    def unescaped(found: re.Match[str]) -> str:
        if found[1]:
            return chr(int(found[1], 16))
        return ESCAPES.get(found[2], found[2])

    return re.sub(r"\\(?:u([0-9a-fA-F]{4})|(.))", unescaped, inner)


def has_symbols(value: Any) -> bool:
    """Whether a symbol stands anywhere in a value."""
    if isinstance(value, Symbol):
        return True
    if isinstance(value, dict):
        return any(map(has_symbols, (*value, *value.values())))
    return isinstance(value, list) and any(map(has_symbols, value))


def calls(ruby: str, now: float) -> list[Step]:
    """The calls of a line, in order; ``2.times { ... }`` stands for its block as often."""
    times = re.fullmatch(r"(\d+)\.times \{ (?:\|(\w)\| )?(.*) \}", ruby)
    if times:
        blocks = (
            re.sub(rf"\b{times[2]}\b", str(number), times[3]) if times[2] else times[3]
            for number in range(int(times[1]))
        )
        return [call for block in blocks for call in calls(block, now)]
    return [_call(one, now) for one in _split(ruby)]


def _split(ruby: str) -> list[str]:
    """Split at the semicolons outside quotes."""
    parts, quote, start = [], "", 0
    for at, letter in enumerate(ruby):
        if quote:
            if letter == quote and ruby[at - 1] != "\\":
                quote = ""
        elif letter in "'\"":
            quote = letter
        elif letter == ";":
            parts.append(ruby[start:at])
            start = at + 1
    return [part.strip() for part in (*parts, ruby[start:]) if part.strip()]


def _call(text: str, now: float) -> Step:
    found = re.fullmatch(r"([\w:.!?]+)(?:\((.*)\))?(\.inspect)?", text, re.DOTALL)
    assert found, f"no call: {text!r}"
    return Step(found[1], parse_values(found[2], now) if found[2] else [])
