"""The recorded scenarios of real Ruby: reading them, putting their state into Redis, comparing ours with theirs."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from pyresque.failure.record import FailedRecord
from pyresque.failure.report import exception_name
from pyresque.job.job import Job
from pyresque.job.worker_registry import WorkerInfo
from pyresque.ruby.json import member

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


FOLDER = Path(__file__).parent.parent / "ruby_fixtures" / "golden"

#: What every scenario's clock shows, unless it says otherwise.
NOW = 1772366400

#: Redis as the recordings write it: key to type, value and, where there is one, ttl.
State: TypeAlias = dict[str, dict[str, Any]]

#: A time to live may have run for a moment by the time it is looked at.
TTL_SLACK = 3


@dataclass(frozen=True)
class Scenario:
    """One recording."""

    area: str
    name: str
    ruby: str
    setup: str = ""
    note: str = ""
    before: State | None = None
    after: State = field(default_factory=dict)
    returns: Any = None
    events: Sequence[Any] = ()
    tz: str = "UTC"
    namespace: str = "resque"
    env: Mapping[str, str] = field(default_factory=dict)
    now: int = NOW
    volatile: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Wording:
    """What Python says otherwise than Ruby in a failed record; everything else of the record is compared as it is.

    ``error`` is a pattern for the whole text; ``frames`` are the functions of the backtrace.
    """

    exception: str
    error: str
    frames: Sequence[str] = ()


@cache
def document(file: str) -> dict[str, Any]:
    """One recorded file, by its name without ``.json``."""
    found: dict[str, Any] = json.loads((FOLDER / f"{file}.json").read_text("utf-8"))
    return found


@cache
def scenarios(area: str) -> dict[str, Scenario]:
    """Every scenario of an area, by name."""
    return {row["name"]: scenario(area, row) for row in document(area)["scenarios"]}


def scenario(area: str, row: Mapping[str, Any]) -> Scenario:
    """A scenario out of its JSON."""
    known = set(Scenario.__dataclass_fields__) - {"area", "volatile"}
    given = {key: value for key, value in row.items() if key in known and value is not None}
    volatile = {one["placeholder"]: one["regex"] for one in row.get("volatile", ())}
    return Scenario(area, volatile=volatile, **given)


def older(file: str, area: str) -> dict[str, Scenario]:
    """The scenarios of an area that another version of Ruby's libraries recorded otherwise, as that version did."""
    rows = document(file)["areas"].get(area, {}).get("scenarios", [])
    main = scenarios(area)
    found = {}
    for row in rows:
        base = vars(main[row["name"]])
        theirs = {key: row[key] for key in ("before", "after", "returns", "events") if key in row}
        found[row["name"]] = Scenario(**{**base, **theirs})
    return found


# -- Redis and back -------------------------------------------------------------------------------


def put_state(client: Any, state: State | None) -> None:
    """Write a recorded state into an empty Redis."""
    for name, entry in (state or {}).items():
        key, value = _key_bytes(name), entry["value"]
        if entry["type"] == "string":
            client.set(key, _bytes(value))
        elif entry["type"] == "list":
            client.rpush(key, *map(_bytes, value))
        elif entry["type"] == "set":
            client.sadd(key, *map(_bytes, value))
        elif entry["type"] == "hash":
            client.hset(key, mapping={_key_bytes(f): _bytes(v) for f, v in value.items()})
        elif entry["type"] == "zset":
            client.zadd(key, {_bytes(member): score for member, score in value})
        if isinstance(entry.get("ttl"), int):
            client.expire(key, entry["ttl"])


def read_state(client: Any) -> State:
    """Everything in Redis, in the recordings' form."""
    state: State = {}
    for key in sorted(client.keys("*")):
        kind = client.type(key).decode()
        entry: dict[str, Any] = {"type": kind, "value": _read_value(client, key, kind)}
        ttl = client.ttl(key)
        if ttl >= 0:
            entry["ttl"] = ttl
        state[_key_text(key)] = entry
    return state


def _read_value(client: Any, key: bytes, kind: str) -> Any:
    if kind == "string":
        return _text(client.get(key))
    if kind == "list":
        return [_text(element) for element in client.lrange(key, 0, -1)]
    if kind == "set":
        return [_text(element) for element in sorted(client.smembers(key))]
    if kind == "hash":
        return {
            _key_text(name): _text(value) for name, value in sorted(client.hgetall(key).items())
        }
    return [[_text(name), score] for name, score in client.zrange(key, 0, -1, withscores=True)]


def _text(raw: bytes) -> str | dict[str, str]:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return {"b64": base64.b64encode(raw).decode()}


def _bytes(recorded: str | dict[str, str]) -> bytes:
    return recorded.encode() if isinstance(recorded, str) else base64.b64decode(recorded["b64"])


def _key_text(raw: bytes) -> str:
    text = _text(raw)
    return text if isinstance(text, str) else f"b64:{text['b64']}"


def _key_bytes(name: str) -> bytes:
    return base64.b64decode(name[4:]) if name.startswith("b64:") else name.encode()


def elements(state: State) -> list[tuple[str, bytes]]:
    """Every text in a state with its key, as bytes."""
    found: list[tuple[str, bytes]] = []
    for key, entry in state.items():
        value = entry["value"]
        many = value.values() if isinstance(value, dict) and "b64" not in value else value
        listed = many if entry["type"] in {"list", "set", "hash"} else [value]
        found += [(key, _bytes(one)) for one in listed if entry["type"] != "zset"]
    return found


# -- values as the recordings write them ------------------------------------------------------------


def data(value: Any) -> Any:  # noqa: PLR0911 - a table, one line a type
    """A value of ours as the recordings write Ruby's."""
    if isinstance(value, Job):
        return {"job": {"queue": value.queue, "payload": json.loads(value.raw)}}
    if isinstance(value, FailedRecord):
        return dict(value.fields)
    if isinstance(value, WorkerInfo):
        return {"worker": value.id}
    if isinstance(value, BaseException):
        return {"exception": {"class": exception_name(value), "message": str(value)}}
    if isinstance(value, (list, tuple)):
        return [data(one) for one in value]
    if isinstance(value, dict):
        return {str(key): data(one) for key, one in value.items()}
    return value


def raised(error: BaseException) -> dict[str, Any]:
    """An error that came out of our verb."""
    return {"raised": {"class": exception_name(error), "message": str(error)}}


def plain(recorded: Any) -> Any:
    """A recorded value with Ruby's symbols as plain text, as they have no like in Python."""
    if isinstance(recorded, list):
        return [plain(one) for one in recorded]
    if isinstance(recorded, dict):
        if recorded.keys() == {"symbol"}:
            return recorded["symbol"]
        return {key: plain(one) for key, one in recorded.items()}
    return recorded


# -- comparing ----------------------------------------------------------------------------------------


def differences(scenario: Scenario, ours: State, wording: Wording | None = None) -> list[str]:
    """Where our state after a scenario differs from Ruby's; empty where it does not."""
    theirs = scenario.after
    found = [f"{key}: Ruby left none, we have {ours[key]}" for key in ours.keys() - theirs.keys()]
    found += [f"{key}: Ruby left {theirs[key]}, we none" for key in theirs.keys() - ours.keys()]
    for key in sorted(theirs.keys() & ours.keys()):
        a, b = theirs[key], ours[key]
        if a["type"] != b["type"] or not _same_ttl(a.get("ttl"), b.get("ttl")):
            found.append(f"{key}: Ruby left {a}, we {b}")
        else:
            found += [f"{key}: {one}" for one in unlike(a["value"], b["value"], scenario, wording)]
    return found


def unlike(theirs: Any, ours: Any, scenario: Scenario, wording: Wording | None = None) -> list[str]:
    """Where a value of ours differs from a recorded one, placeholders and backtraces aside."""
    if isinstance(theirs, list) and isinstance(ours, list) and len(theirs) == len(ours):
        return [
            d for a, b in zip(theirs, ours, strict=True) for d in unlike(a, b, scenario, wording)
        ]
    if isinstance(theirs, dict) and isinstance(ours, dict) and list(theirs) == list(ours):
        return [d for key in theirs for d in unlike(theirs[key], ours[key], scenario, wording)]
    if isinstance(theirs, str) and isinstance(ours, str):
        if '"backtrace":' in theirs and '"backtrace":' in ours:
            return _unlike_records(theirs, ours, scenario, wording)
        return [] if _same_text(theirs, ours, scenario) else [f"Ruby: {theirs}\n  ours: {ours}"]
    if type(theirs) is type(ours) and theirs == ours:
        return []
    return [f"Ruby: {theirs!r}\n  ours: {ours!r}"]


def _same_text(theirs: str, ours: str, scenario: Scenario) -> bool:
    pattern = re.escape(theirs)
    for placeholder, real in scenario.volatile.items():
        pattern = pattern.replace(re.escape(placeholder), real)
    return re.fullmatch(pattern, ours, re.DOTALL) is not None


def _same_ttl(theirs: int | str | None, ours: int | None) -> bool:
    if theirs is None or ours is None:
        return theirs is ours
    return isinstance(theirs, str) or theirs - TTL_SLACK <= ours <= theirs


# A backtrace tells of lines and libraries, which cannot be the same in Ruby and in Python. So of a failed record every byte
# is compared but its backtrace; of that only the form of its lines, and the names of the job's functions in it.
FRAME = re.compile(r".+:\d+:in `(?:(?:rescue|block|ensure) in )?(.+)'")
CAUSE = "caused by "


def _unlike_records(
    theirs: str, ours: str, scenario: Scenario, wording: Wording | None
) -> list[str]:
    names = ("backtrace",) if wording is None else ("backtrace", "exception", "error")
    found = []
    if not _same_text(_without(theirs, names), _without(ours, names), scenario):
        found.append(f"Ruby: {theirs}\n  ours: {ours}")
    record = json.loads(ours)
    frames = _functions(json.loads(theirs)["backtrace"], "/app/")
    if wording is not None:
        frames = list(wording.frames)
        if record["exception"] != wording.exception or not re.fullmatch(
            wording.error, record["error"]
        ):
            found.append(f"{wording} expected, not {record['exception']}: {record['error']}")
    odd = [
        line
        for line in record["backtrace"]
        if not line.startswith(CAUSE) and not FRAME.fullmatch(line)
    ]
    if odd:
        found.append(f"no lines of a backtrace: {odd}")
    elif _functions(record["backtrace"], "/") != frames:
        found.append(f"backtrace: functions {frames} expected, not {record['backtrace']}")
    return found


def _without(record: str, names: Sequence[str]) -> str:
    """A record's text with the values of these members taken out."""
    for name in names:
        value = member(record.encode(), name)
        if value is not None:
            record = record.replace(f'"{name}":{value.decode()}', f'"{name}":null', 1)
    return record


def _functions(backtrace: Sequence[str], below: str) -> list[str]:
    """The functions of the frames below a folder; a function that rescues shows twice in Ruby."""
    found: list[str] = []
    for line in backtrace:
        frame = FRAME.fullmatch(line)
        if frame and line.startswith(below) and found[-1:] != [frame[1]]:
            found.append(frame[1])
    return found
