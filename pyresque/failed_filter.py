"""Which failed records are meant: a choice by queue, class, exception, text and time, for commands and pages."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pyresque.job_text import class_of, moment

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyresque.failure.record import FailedRecord


#: A name that every encoder spells alike, and that is not how Python spells a number, true or false.
_PLAIN = re.compile(r"(?!(?:True|False|nan|inf)$)[A-Za-z_][A-Za-z0-9_:. -]*")

#: Letters of an error's message that its pattern is made of.
PATTERN = 200

_VARIES = re.compile(
    r"'[^']*'|\"[^\"]*\"|`[^'`]*['`]|0x[0-9a-fA-F]+|\b[0-9a-fA-F]{8}-[0-9a-fA-F-]{27}\b|\d+(?:[.,:]\d+)*"
)


def contains(text: str, raw: bytes, decoded: Callable[[], object]) -> bool:
    """Return whether a text stands in bytes or, where these have escapes, in the value that they decode to; in any case."""
    if in_bytes(text, raw):
        return True
    if b"\\" not in raw and text.isascii():
        return False
    return text.casefold() in spelled(decoded()).casefold()


def in_bytes(text: str, raw: bytes) -> bool:
    """Return whether a text stands in bytes, in any case of the letters of ASCII."""
    return text.encode("utf-8", "surrogateescape").lower() in raw.lower()


def spelled(value: object) -> str:
    """Return all texts and numbers of a decoded value, one after the other; of deep or large ones, all the same."""
    found: list[str] = []
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            waiting += [part for pair in reversed(one.items()) for part in reversed(pair)]
        elif isinstance(one, (list, tuple)):
            waiting += reversed(one)
        elif isinstance(one, str):
            found.append(one)
        elif isinstance(one, float) or (isinstance(one, int) and one.bit_length() < 10_000):  # noqa: PLR2004 - Python writes no more digits
            found.append(str(one))
    return "\n".join(found)


@dataclass(frozen=True, slots=True)
class Filter:
    """A choice of records by queue, class and exception of the job, and by whether it was retried. None: any.

    ``text`` stands somewhere in the record, in any case. ``until``: records that are no later than this, in seconds since 1970;
    those without a readable time are taken.
    """

    queue: str | None = None
    class_name: str | None = None
    exception: str | None = None
    retried: bool | None = None
    text: str | None = None
    until: float | None = None
    #: Records of jobs that failed before this, in seconds since 1970; those without a readable time are not taken.
    before: float | None = None
    #: What the messages of alike errors have in common; see ``pattern_of``.
    pattern: str | None = None
    #: How a text is looked for, and how a message is shown, to who may not see all of a record.
    finds: Callable[[str, bytes, Callable[[], object]], bool] = field(
        default=contains, compare=False
    )
    shown: Callable[[str], str] = field(default=str, compare=False)

    def takes(self, record: FailedRecord) -> bool:
        """Return whether the filter takes a record. Most that it does not take are not decoded for that."""
        name, pattern = self.class_name, self.pattern
        return (
            self.may_take(record.raw)
            and (self.queue is None or self.queue == record.queue)
            and (name is None or name in (record.class_name, class_of(record.payload)))
            and (self.exception is None or self.exception == record.exception)
            and (self.retried is None or self.retried == (record.retried_at is not None))
            and (pattern is None or pattern == pattern_of(self.shown(record.error or "")))
            and (
                self.text is None or self.finds(self.text, record.raw, lambda: dict(record.fields))
            )
            and (self.until is None or self._in_time(record))
            and (self.before is None or self._is_old(record))
        )

    def may_take(self, raw: bytes) -> bool:
        """Return whether the filter may take a record of these bytes: False is certain, and is known without decoding them."""
        if self.retried and b"retried_at" not in raw:
            return False
        for name in (self.queue, self.class_name, self.exception):
            spelled_out = name is not None and _PLAIN.fullmatch(name) and b"\\u00" not in raw
            if spelled_out and name is not None and name.encode() not in raw:
                return False
        text = self.text
        return text is None or b"\\" in raw or not text.isascii() or in_bytes(text, raw)

    @property
    def narrows(self) -> bool:
        """Return whether the filter excludes anything."""
        return self != Filter()

    def _is_old(self, record: FailedRecord) -> bool:
        """Return whether a job failed before ``before``."""
        failed = moment(record.failed_at)
        return failed is not None and failed.timestamp() < (self.before or 0)

    def _in_time(self, record: FailedRecord) -> bool:
        """Return whether a record failed, and was last retried, no later than ``until``."""
        times = (moment(record.failed_at), moment(record.retried_at))
        return all(one is None or one.timestamp() <= (self.until or 0) for one in times)


def pattern_of(error: str) -> str:
    """Return the first line of an error's message with … for what varies: numbers, addresses, and what stands in quotes."""
    line = error[: 5 * PATTERN].lstrip().partition("\n")[0]
    return _VARIES.sub("…", line)[:PATTERN].strip()
