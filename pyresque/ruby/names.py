"""Ruby's names: constants as a payload's ``class`` spells them, and file patterns as a worker's queues use them."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

#: Most patterns are the few of one worker; the bound keeps a service that is fed patterns from growing.
_PATTERNS_KEPT: Final = 512


def camelize(name: str) -> str:
    """A Python function's name as a Ruby class name: ``monthly_report`` -> ``MonthlyReport``."""
    return "".join(word[:1].upper() + word[1:] for word in name.split("_"))


def classify(dashed_word: str) -> str:
    """Resque's ``classify``: ``job-name`` -> ``JobName``, ``a-b`` -> ``AB``; a word without dash is only capitalised."""
    return "".join(word[:1].upper() + word[1:] for word in dashed_word.split("-"))
