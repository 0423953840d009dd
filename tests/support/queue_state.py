"""Put jobs into queues, and read all that is in Redis."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import redis

#: Payloads that take more than a plain call: each is refused, or wrapped, or read another way.
UNUSUAL = (
    b"no JSON",
    b"[1]",
    b'{"class":"Unknown","args":[]}',
    b'{"class":"Note","args":{"a":1}}',
    b'{"class":"Note","args":[1e999]}',
    b'{"class":"Note","args":["\\ud800"]}',
    b'{"class":["Note"],"args":[]}',
    b'{"class":"Note"}',
    b'{"class":"Note","args":' + b"[" * 99 + b"]" * 99 + b"}",
    b' {"class":"Note","args":["blank"]} ',
    b'{"class":"Note","args":["\xff"]}',
)


def push(db: redis.Redis, name: str, *args: Any, queue: str = "low") -> None:
    """Put a job into a queue, as another client does."""
    db.sadd("resque:queues", queue)
    db.rpush(f"resque:queue:{queue}", json.dumps({"class": name, "args": args}))


def contents(db: redis.Redis) -> dict[bytes, Any]:
    """All that is in Redis, without times and the lower lines of backtraces."""
    found: dict[bytes, Any] = {}
    for key in sorted(db.keys()):
        kind = db.type(key)
        if kind == b"list":
            found[key] = [_timeless(item) for item in db.lrange(key, 0, -1)]
        elif kind == b"string" and b"pruning" not in key:
            found[key] = db.get(key)
        elif kind == b"set":
            found[key] = sorted(db.smembers(key))
    return found


def _timeless(item: bytes) -> Any:
    record = json.loads(item)
    if not isinstance(record, dict):  # how long a job took
        return type(record).__name__
    return {**record, "failed_at": "", "backtrace": record.get("backtrace", [])[:1]}
