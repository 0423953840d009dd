"""The Rails versions whose payloads differ."""

from __future__ import annotations

from enum import IntEnum

from pyresque.lightweight import dataclass


class Rails(IntEnum):
    """A Rails version whose ActiveJob payloads differ from the one before; compare with ``>=``."""

    V6_0 = 600
    V6_1 = 601
    V7_0 = 700
    V7_1 = 701
    V7_2 = 702
    V8_0 = 800
    V8_1 = 801

    @classmethod
    def named(cls, text: str) -> Rails:
        """Return the version of a text such as ``"7.1"`` or ``"7.1.6"``; a newer one counts as the newest known.

        Raises ValueError for a text that is no version, or one older than 6.0.
        """
        numbers = text.strip().split(".")
        if not all(part.isascii() and part.isdigit() for part in numbers[:2]):
            raise ValueError(f"{text!r} is no Rails version; write it as in '7.1'")
        wanted = int(numbers[0]) * 100 + (int(numbers[1]) if len(numbers) > 1 else 0)
        known = [version for version in cls if version <= wanted]
        if not known:
            raise ValueError(f"Rails {text} is too old: its payloads are known from 6.0 on")
        return max(known)


#: The default version to read and write; it reads everything that older versions write.
LATEST = Rails.V8_1


@dataclass(frozen=True, slots=True)
class RailsApp:
    """The Rails application whose envelopes are read and written: its version, and the locale and zone of new jobs."""

    version: Rails = LATEST
    locale: str = "en"
    timezone: str | None = "UTC"
