"""Payloads that cannot stand in a record as they are: the object that stands for them there, and the way back to their bytes."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

from pyresque.errors import DecodeError
from pyresque.ruby.json_fast import SHALLOW

if TYPE_CHECKING:
    from pyresque.job.job import Codec, Job

#: What every number has that is read as Infinity.
_IMMENSE = re.compile(rb"[eE]\+?\d{3}|\d{200}")


def wrap(codec: Codec, raw: bytes, class_name: str | None = None) -> bytes:
    """An object of Resque's form whose ``raw`` is the payload's text, or ``raw_base64`` its bytes.

    A class is named only beside ``raw_base64``: beside ``raw`` the null is how the way back is known.
    """
    if codec.name == "msgpack":
        return codec.encode({"class": None, "args": [], "raw": raw})
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        import base64  # noqa: PLC0415 - by those who need it: each forked child pays for what is loaded

        encoded = base64.b64encode(raw).decode()
        return codec.encode({"class": class_name, "args": [], "raw_base64": encoded})
    return codec.encode({"class": None, "args": [], "raw": text})


def unwrap(payload: object) -> bytes | None:
    """The bytes that such an object stands for; None where it is a payload itself, whatever its keys are called."""
    if not isinstance(payload, dict) or payload.get("args") != []:
        return None
    raw, encoded = payload.get("raw"), payload.get("raw_base64")
    if payload.get("class") is None and isinstance(raw, (bytes, str)):
        return raw if isinstance(raw, bytes) else raw.encode("utf-8", "surrogateescape")
    return _not_text(encoded) if isinstance(encoded, str) else None


def _not_text(encoded: str) -> bytes | None:
    """What the Base64 says, unless it is text: that is never written so, and the key is the job's own."""
    import base64  # noqa: PLC0415 - by those who need it: each forked child pays for what is loaded

    try:
        found = base64.b64decode(encoded, validate=True)
        found.decode()
    except UnicodeDecodeError:
        return found
    except ValueError:  # no Base64
        return None
    return None


def can_embed(codec: Codec, job: Job) -> bool:
    """Whether Ruby can read a worker's record around these bytes, and write its payload again when it prunes the worker."""
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
    """Whether a payload that can be read could no longer be inside a record, one level further down."""
    if raw.count(b"[") + raw.count(b"{") <= SHALLOW:
        return False
    try:
        codec.decode(b"[" + raw + b"]")
    except DecodeError:
        return True
    return False


def is_clean_text(codec: Codec, raw: bytes) -> bool:
    """Whether a payload that can be read may stand in a record as it is: UTF-8, and not too deep."""
    if codec.name == "msgpack":
        return True
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return not _too_deep(codec, raw)
