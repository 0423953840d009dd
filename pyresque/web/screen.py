"""What a reader may see of jobs: their arguments hidden whole, or what the settings name blotted out. All pages and their JSON pass here.

A search finds only what its reader may see: it must not tell by its hits what the page hides.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pyresque.errors import SettingsError
from pyresque.failed_filter import contains

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyresque.settings import Settings
    from pyresque.web.auth import Access

#: Stand for what is not shown: all arguments, and a part of a text.
HIDDEN = "(hidden)"
REDACTED = "[redacted]"

#: Fields of a page that hold arguments, or bytes of which they are a part.
ARGUMENTS = frozenset({"args", "call", "more", "raw", "fault", "elements", "options"})

#: Fields in which arguments may be quoted.
TEXTS = frozenset(
    {"error", "backtrace", "message", "pattern", "faults", "description", "parameters"}
)

#: Fields of forms that bring arguments.
SENT = frozenset({"args", "config"})

#: Seconds for which the pattern of the settings may look at one text, and at all texts of a page; then a text is not shown.
ONE_TEXT = 0.05
ALL_TEXTS = 1.0

#: A value behind its name, as JSON, Ruby's and Python's ``inspect``, URLs and messages have it. It ends where it surely ends: better
#: too much is blotted out than too little. No part of it can be tried in two ways, so its time is that of reading the text once.
_VALUE = (
    r'(?:\\{0,8}"(?:[^"\\]|\\.)*(?:"|\\?\Z)'
    r"|\\{0,8}'(?:[^'\\]|\\.)*(?:'|\\?\Z)"
    r"|[\[{].*"
    r"|[^\n,;&)\]}]+)"
)


class Rules:
    """What the settings say of arguments: from whom they are hidden, and what is blotted out."""

    def __init__(self, settings: Settings) -> None:
        """Raises SettingsError for a pattern that the module ``regex`` does not take."""
        self.hidden_from = settings.web_hide_args
        self.words = tuple(word.casefold() for word in settings.web_redact)
        self.named: re.Pattern[str] | None = None
        if self.words:
            words = "|".join(map(re.escape, settings.web_redact))
            behind = rf"((?:{words})[\w-]{{0,40}}\\{{0,8}}[\"']?\s{{0,5}}(?:=>|[:=])\s{{0,5}})"
            self.named = re.compile(behind + _VALUE, re.IGNORECASE | re.DOTALL)
        self.pattern: Any = None
        if settings.web_redact_pattern:
            import regex  # noqa: PLC0415 - for those who give a pattern

            try:
                self.pattern = regex.compile(settings.web_redact_pattern)
            except regex.error as error:
                raise SettingsError(f"web_redact_pattern: {error}") from error

    def of_log(self) -> Screen:
        """Return what the log shows, whoever makes a change."""
        return Screen(self, hidden=self.hidden_from != "nobody")

    def screen(self, access: Access) -> Screen:
        """Return what this reader sees through, for one request."""
        if access.sees_arguments:
            return OPEN
        hidden = access.sees_arguments is False or self.hidden_from == "everybody"
        if self.hidden_from == "readers" and not access.may_change:
            hidden = True
        return Screen(self, hidden=hidden)


class Screen:
    """What one reader sees of the data of one request."""

    def __init__(self, rules: Rules | None = None, *, hidden: bool = False) -> None:
        self.hidden = hidden
        self._words = rules.words if rules is not None else ()
        self._named = rules.named if rules is not None else None
        self._pattern: Any = rules.pattern if rules is not None else None
        self._left = ALL_TEXTS
        #: Whether everything is shown as it is.
        self.open = not (hidden or self._words or self._pattern)

    def page(self, data: Any) -> Any:
        """Return a page's data as the reader may see it; names of queues, classes, workers and keys stay."""
        return data if self.open else self._deep(data, self._field)

    def _field(self, value: Any) -> Any:
        if isinstance(value, Mapping):
            return {name: self._named_field(name, one) for name, one in value.items()}
        if isinstance(value, (list, tuple)):
            return [self._field(one) for one in value]
        return value

    def _named_field(self, name: object, value: Any) -> Any:
        if name in ARGUMENTS and value is not None:
            return HIDDEN if self.hidden else self._content(value)
        return self._content(value) if name in TEXTS else self._field(value)

    def sent(self, name: str, value: str) -> str:
        """Return a field of a form as the log may have it."""
        hidden = name in SENT or name.startswith("param:")
        if self._is_named(name) or (self.hidden and hidden):
            return HIDDEN
        return self.text(value)

    def config(self, config: Any) -> Any:
        """Return the configuration of a recurring job, or the fields of a status, whose keys others choose."""
        if self.hidden and isinstance(config, Mapping):
            config = {
                name: HIDDEN
                if value is not None and (name in ARGUMENTS or name == "parameters")
                else value
                for name, value in config.items()
            }
        return self.content(config)

    def fault(self, text: str) -> str:
        """Return why something cannot be read; the reason quotes its bytes, which may hold arguments."""
        return HIDDEN if self.hidden else self.text(text)

    def content(self, value: Any) -> Any:
        """Return a value that somebody's job holds: values of the named keys, and what the pattern takes, are blotted out."""
        return value if self.open else self._deep(value, self._content)

    def _deep(self, value: Any, way: Callable[[Any], Any]) -> Any:
        try:
            return way(value)
        except RecursionError:
            return HIDDEN

    def _content(self, value: Any) -> Any:
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {
                self._content(name): REDACTED
                if one is not None and self._is_named(name)
                else self._content(one)
                for name, one in value.items()
            }
        if isinstance(value, (list, tuple)):
            return [self._content(one) for one in value]
        if isinstance(value, int) and value.bit_length() > 10_000:  # noqa: PLR2004 - Python writes no more digits
            return value
        written = str(value)
        return value if self.text(written) == written else REDACTED

    def _is_named(self, name: object) -> bool:
        folded = str(name).casefold()
        return any(word in folded for word in self._words)

    def text(self, text: str) -> str:
        """Return a text with what the settings name blotted out; one on which the pattern takes too long is not shown."""
        if self._named is not None:
            text = self._named.sub(rf"\1{REDACTED}", text)
        if self._pattern is None or not text:
            return text
        began = time.monotonic()
        try:
            if self._left > 0:
                text = self._pattern.sub(lambda _: REDACTED, text, timeout=ONE_TEXT)
            else:
                text = HIDDEN
        except TimeoutError:
            text = HIDDEN
        self._left -= time.monotonic() - began
        return text

    def name(self, name: str | None) -> str | None:
        """Return the name of a tracked job, in which resque-status writes the job's options behind its class."""
        if name is None:
            return None
        if self.hidden and "(" in name:
            name = f"{name.partition('(')[0]}(…)"
        return self.text(name)

    def finds(self, text: str, raw: bytes, decoded: Callable[[], object]) -> bool:
        """Return whether a text stands in what the reader may see of a job or a record: in its bytes, or in its fields ``decoded``."""
        if not contains(text, raw, decoded):
            return False
        return self.open or contains(text, b"\\", lambda: self.page(decoded()))


#: For those who may see everything.
OPEN = Screen()
