"""How many functions of the package a verb goes through: what a newcomer reads, and what each call costs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pyresque
from pyresque import Resque

if TYPE_CHECKING:
    from collections.abc import Callable

PACKAGE = str(Path(pyresque.__file__).parent)

#: Comprehensions are functions of their own before Python 3.12.
INLINED = ("<listcomp>", "<dictcomp>", "<setcomp>")


def visited(act: Callable[[], object]) -> set[str]:
    """The functions of the package that the second of two runs visits."""
    found = set()

    def note(frame, event, _arg):
        code = frame.f_code
        if event == "call" and code.co_filename.startswith(PACKAGE) and code.co_name not in INLINED:
            found.add(
                f"{code.co_filename[len(PACKAGE) + 1 :]}:{code.co_firstlineno} {code.co_name}"
            )

    act()
    sys.setprofile(note)
    try:
        act()
    finally:
        sys.setprofile(None)
    return found


class Archive:
    queue = "low"

    @staticmethod
    def perform(repository): ...


def test_an_enqueue_of_a_registered_class_visits_at_most_24_functions(redis_url, db):
    with Resque(redis_url) as resque:
        resque.job(Archive)
        found = visited(lambda: resque.enqueue(Archive, 35))
    assert len(found) <= 24, "\n".join(sorted(found))
    assert db.llen("resque:queue:low") == 2
