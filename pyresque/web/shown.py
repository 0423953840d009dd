"""How pages show values: filters and functions of the templates. All they return is escaped."""

from __future__ import annotations

import json
import math
import sys
from datetime import timezone
from typing import TYPE_CHECKING, Any

from markupsafe import Markup, escape

from pyresque.activejob.describe import active_call
from pyresque.job_text import age, class_of, moment
from pyresque.printable import printable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyresque.job.job import Job, Payload
    from pyresque.web.shapes.jobs import JobShown

#: Letters of arguments and of error texts that a list shows, and those of a job's own page.
SHORT = 300
LONG = 100_000

#: How deep JSON is nested where Python cannot write it whole, and what stands for numbers that are none.
DEEPEST = 200
NOT_FINITE = {math.inf: "Infinity", -math.inf: "-Infinity"}

#: Fields of a failed record that its page shows, beside its job.
OF_RECORD = ("failed_at", "exception", "error", "backtrace", "worker", "queue", "retried_at")

#: Stands for no value.
DASH = "\u2013"

#: Characters that stay as they are in a text of several lines.
KEPT = "\n\t"


def visible(value: object) -> object:
    """Return a value with control characters, marks that turn the writing around, and bytes that are no UTF-8 spelled out."""
    if value is None:
        return ""
    if not isinstance(value, str) or isinstance(value, Markup) or value.isprintable():
        return value
    return "".join(
        char if char.isprintable() or char in KEPT else printable(char) for char in value
    )


def number(value: object) -> str:
    """Return an exact number, its digits in groups of three; a dash for None."""
    if value is None:
        return DASH
    return f"{value:,}" if isinstance(value, int) else str(value)


def count(value: int, noun: str, plural: str = "") -> str:
    """Return ``1 job`` or ``2,300 jobs``."""
    return f"{value:,} {noun if value == 1 else plural or noun + 's'}"


def cut(text: object, most: int = SHORT) -> str:
    """Return a text, or its beginning and how long it is."""
    whole = str(text)
    return whole if len(whole) <= most else f"{whole[:most]}… ({len(whole):,} characters)"


def when(written: str | float | None, now: float) -> Markup:
    """Return a time as its date in UTC and how long ago it is; what is no time as it is written."""
    found = moment(written)
    if found is None:
        return escape(DASH if written is None else visible(cut(written, 64)))
    exact = found.astimezone(timezone.utc)
    return Markup('<time datetime="{}">{}</time> <span class="ago">{}</span>').format(
        exact.isoformat(), exact.strftime("%Y-%m-%d %H:%M:%S UTC"), ago(now - found.timestamp())
    )


def ago(seconds: float) -> str:
    """Return ``3 min ago`` or ``in 3 min``."""
    if abs(seconds) < 1:
        return "now"
    return f"{age(seconds)} ago" if seconds > 0 else f"in {age(-seconds)}"


def as_json(value: object, indent: int | None = None) -> str:
    """Return a value as JSON text; integers of any length; what JSON does not have, and what is nested too deep, as text."""
    if hasattr(sys, "set_int_max_str_digits"):
        limit = sys.get_int_max_str_digits()
        sys.set_int_max_str_digits(0)
    try:
        return _dumped(value, indent)
    except (RecursionError, TypeError, ValueError):
        return _dumped(_plain(value, DEEPEST), indent)
    finally:
        if hasattr(sys, "set_int_max_str_digits"):
            sys.set_int_max_str_digits(limit)


def _dumped(value: object, indent: int | None) -> str:
    return json.dumps(value, ensure_ascii=False, indent=indent, default=str, allow_nan=False)


def _plain(value: object, deepest: int) -> object:
    """Return a value that JSON can hold: numbers that are not finite, keys that are no text, and what is nested too deep as text."""
    if isinstance(value, float):
        return value if math.isfinite(value) else NOT_FINITE.get(value, "NaN")
    if not isinstance(value, (dict, list, tuple)):
        return value
    if not deepest:
        return "(nested too deep)"
    if isinstance(value, dict):
        return {str(key): _plain(one, deepest - 1) for key, one in value.items()}
    return [_plain(one, deepest - 1) for one in value]


def job_data(job: Job) -> JobShown:
    """Return a job for a page: its class, its arguments, its call if it is an ActiveJob; what is no job with its bytes and the reason."""
    if job.fault is not None:
        raw = job.raw.decode("utf-8", "backslashreplace")
        return {"class": None, "fault": str(job.fault), "raw": raw}
    return payload_data(job.payload)


def payload_data(payload: Payload) -> JobShown:
    """Return a payload for a page."""
    try:
        call = active_call(payload)
    except Exception:  # noqa: BLE001 - a job hash may hold anything
        call = None
    shown: JobShown = {"class": class_of(payload), "call": call, "args": payload.args}
    if payload.extra:
        shown["more"] = dict(payload.extra)
    return shown


def searched(job: Job) -> dict[str, Any]:
    """Return the fields of a job in which a text is looked for; of what is no job its bytes."""
    if job.fault is not None:
        return {"raw": job.raw.decode("utf-8", "backslashreplace")}
    payload = job.payload
    return {
        **_named_class(payload.class_name),
        "own_class": class_of(payload),
        "args": payload.args,
        "more": dict(payload.extra),
    }


def searched_record(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a failed record in which a text is looked for: those that a page does not show are among the hidden ones."""
    payload = fields.get("payload")
    job: dict[str, Any] = {"raw": payload}
    if isinstance(payload, dict):
        more = {name: one for name, one in payload.items() if name not in {"class", "args"}}
        job = {
            **_named_class(payload.get("class")),
            "args": payload.get("args"),
            "more": more,
        }
    shown = {name: fields[name] for name in OF_RECORD if name in fields}
    more = {name: one for name, one in fields.items() if name not in {*OF_RECORD, "payload"}}
    return {**shown, "payload": job, "more": more}


def _named_class(name: object) -> dict[str, Any]:
    """Return the class of a job; what is no name is shown nowhere."""
    return {"class": name} if isinstance(name, str) else {"raw": name}


def call_of(job: Mapping[str, Any], most: int = SHORT) -> str:
    """Return a job's arguments on one line, an ActiveJob as a call."""
    if job.get("fault") is not None:
        return cut(job["raw"], most)
    call = job.get("call")
    return cut(call if isinstance(call, str) else as_json(job.get("args")), most)
