"""Payloads that would make a JSON record unreadable: how they are wrapped in a record, and unwrapped again.

Worker records and failed records hold the payload. Bytes that are not UTF-8, no JSON object, or nested too deep would make the
whole record unreadable for Ruby. ``wrap`` puts an object of Resque's form in their place; ``unwrap`` gives the bytes back.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

from pyresque.errors import DecodeError
from pyresque.ruby.json_fast import SHALLOW

if TYPE_CHECKING:
    from pyresque.job.job import Codec, Job

#: Every number that a JSON reader turns into Infinity matches this; others may match, too.
_IMMENSE = re.compile(rb"[eE]\+?\d{3}|\d{200}")


def wrap(codec: Codec, raw: bytes, class_name: str | None = None) -> bytes:
    """Return an encoded object that stands for the payload: ``raw`` holds its text, or ``raw_base64`` its bytes.

    Only an object with ``raw_base64`` names a class. Beside ``raw`` the class is null, and ``unwrap`` looks for that null.
    """
    if codec.name == "msgpack":
        return codec.encode({"class": None, "args": [], "raw": raw})
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        import base64  # noqa: PLC0415 - heavy, and rarely needed

        encoded = base64.b64encode(raw).decode()
        return codec.encode({"class": class_name, "args": [], "raw_base64": encoded})
    return codec.encode({"class": None, "args": [], "raw": text})


def unwrap(payload: object) -> bytes | None:
    """Return the payload that ``wrap`` put into this decoded object. None: the object is an ordinary payload."""
    if not isinstance(payload, dict) or payload.get("args") != []:
        return None
    raw, encoded = payload.get("raw"), payload.get("raw_base64")
    if payload.get("class") is None and isinstance(raw, (bytes, str)):
        return raw if isinstance(raw, bytes) else raw.encode("utf-8", "surrogateescape")
    return _not_text(encoded) if isinstance(encoded, str) else None


def _not_text(encoded: str) -> bytes | None:
    """Decode Base64. None if it is text: ``wrap`` never writes text so, and the key belongs to the job."""
    import base64  # noqa: PLC0415 - heavy, and rarely needed

    try:
        found = base64.b64decode(encoded, validate=True)
        found.decode()
    except UnicodeDecodeError:
        return found
    except ValueError:  # not Base64
        return None
    return None


def can_embed(codec: Codec, job: Job) -> bool:
    """Whether Ruby can read a worker record around this job's bytes, and write the payload again when it prunes the worker."""
    if job.sound:
        return True
    if job.fault is not None or not is_clean_text(codec, job.raw):
        return False
    return codec.name == "msgpack" or not _IMMENSE.search(job.raw) or _finite(codec.decode(job.raw))


def _finite(value: object) -> bool:
    if isinstance(value, dict):
        return all(map(_finite, value.values()))
    if isinstance(value, list):
        return all(map(_finite, value))
    return not isinstance(value, float) or math.isfinite(value)


def _too_deep(codec: Codec, raw: bytes) -> bool:
    """Whether a readable payload would exceed the json gem's nesting limit inside a record, one level deeper."""
    try:
        codec.decode(b"[" + raw + b"]")
    except DecodeError:
        return True
    return False


def is_clean_text(codec: Codec, raw: bytes) -> bool:
    """Whether a readable payload may stand in a record unchanged: UTF-8, and not nested too deep."""
    if codec.name == "msgpack":
        return True
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return raw.count(b"[") + raw.count(b"{") <= SHALLOW or not _too_deep(codec, raw)
