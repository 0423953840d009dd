"""Text that would command a terminal, forge a line of a log, or be no UTF-8."""

from __future__ import annotations

import json

#: Colours, a title, a bell, a line end and a forged line, C1 controls, marks that turn the writing around, NUL, no UTF-8.
EVIL = "Evil\x1b[31m\x1b]0;title\x07\r\n*** forged\x9b2J\u202e\u2028\u2029\x00\x7f\x85\u200f"
RAW = EVIL.encode() + b"\xff\xfe"


def payload(**more: object) -> bytes:
    """A job whose class and arguments are hostile."""
    return json.dumps({"class": EVIL, "args": [EVIL, {EVIL: EVIL}], **more}).encode()
