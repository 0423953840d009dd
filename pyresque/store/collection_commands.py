"""``resque.redis``: the commands of lists, sets and sorted sets."""

from __future__ import annotations

from pyresque.ops import Command
from pyresque.store.commands import RedisCommands, decimal, scored, truth

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from pyresque.ops import Arg, Op
    from pyresque.store.commands import Value


class AllCommands(RedisCommands):
    """Every command of ``resque.redis``."""

    # -- lists

    def lpush(self, name: str, *values: Value) -> Op[int]:
        """Put values at the head of a list, one after the other; its new length."""
        return self._one("LPUSH", name, *values)

    def rpush(self, name: str, *values: Value) -> Op[int]:
        """Put values at the end of a list; its new length."""
        return self._one("RPUSH", name, *values)

    def lpop(self, name: str, count: int | None = None) -> Op[Any]:
        """Take the first value of a list, or a list of the first ``count``; None if there is no list."""
        return self._one("LPOP", name, *(() if count is None else (count,)))

    def rpop(self, name: str, count: int | None = None) -> Op[Any]:
        """Take the last value of a list, or a list of the last ``count``; None if there is no list."""
        return self._one("RPOP", name, *(() if count is None else (count,)))

    def llen(self, name: str) -> Op[int]:
        """The length of a list."""
        return self._one("LLEN", name)

    def lrange(self, name: str, start: int, end: int) -> Op[list[bytes]]:
        """The values of a list from one place to another, which is included; -1 is the last one."""
        return self._one("LRANGE", name, start, end)

    def lindex(self, name: str, index: int) -> Op[bytes | None]:
        """The value at a place of a list; None if there is none."""
        return self._one("LINDEX", name, index)

    def lset(self, name: str, index: int, value: Value) -> Op[bool]:
        """Write the value at a place of a list."""
        return self._one("LSET", name, index, value, read=lambda reply: reply == b"OK")

    def lrem(self, name: str, count: int, value: Value) -> Op[int]:
        """Remove ``count`` equal values from a list, 0: all; how many there were."""
        return self._one("LREM", name, count, value)

    def ltrim(self, name: str, start: int, end: int) -> Op[bool]:
        """Keep of a list what is from one place to another."""
        return self._one("LTRIM", name, start, end, read=lambda reply: reply == b"OK")

    async def lmove(
        self, first_list: str, second_list: str, src: str = "LEFT", dest: str = "RIGHT"
    ) -> bytes | None:
        """Move a value from an end of one list to an end of another; None if there is none."""
        reply: bytes | None = await Command(
            ("LMOVE", self._of(first_list), self._of(second_list), src, dest)
        )
        return reply

    # -- sets

    def sadd(self, name: str, *values: Value) -> Op[int]:
        """Put members into a set; how many are new."""
        return self._one("SADD", name, *values)

    def srem(self, name: str, *values: Value) -> Op[int]:
        """Take members out of a set; how many there were."""
        return self._one("SREM", name, *values)

    def smembers(self, name: str) -> Op[set[bytes]]:
        """The members of a set."""
        return self._one("SMEMBERS", name, read=set)

    def sismember(self, name: str, value: Value) -> Op[bool]:
        """Whether a set has a member."""
        return self._one("SISMEMBER", name, value, read=truth)

    def scard(self, name: str) -> Op[int]:
        """How many members a set has."""
        return self._one("SCARD", name)

    def spop(self, name: str) -> Op[bytes | None]:
        """Take a member out of a set, whichever; None if there is none."""
        return self._one("SPOP", name)

    # -- sorted sets

    def zadd(
        self,
        name: str,
        mapping: Mapping[Any, float],
        *,
        nx: bool = False,
        xx: bool = False,
        ch: bool = False,
    ) -> Op[int]:
        """Put members with their scores into a sorted set; how many are new, with ``ch`` how many changed."""
        args: list[Arg] = [word for word, on in (("NX", nx), ("XX", xx), ("CH", ch)) if on]
        for member, score in mapping.items():
            args += (score, member)
        return self._one("ZADD", name, *args)

    def zrem(self, name: str, *values: Value) -> Op[int]:
        """Take members out of a sorted set; how many there were."""
        return self._one("ZREM", name, *values)

    def zscore(self, name: str, value: Value) -> Op[float | None]:
        """A member's score; None if there is none."""
        return self._one("ZSCORE", name, value, read=decimal)

    def zincrby(self, name: str, amount: float, value: Value) -> Op[float]:
        """Add to a member's score; the new one."""
        return self._one("ZINCRBY", name, amount, value, read=float)

    def zcard(self, name: str) -> Op[int]:
        """How many members a sorted set has."""
        return self._one("ZCARD", name)

    def zcount(self, name: str, min: float | str, max: float | str) -> Op[int]:  # noqa: A002 - redis-py's names
        """How many members have a score from ``min`` to ``max``."""
        return self._one("ZCOUNT", name, min, max)

    def zrank(self, name: str, value: Value) -> Op[int | None]:
        """A member's place by score; None if there is none."""
        return self._one("ZRANK", name, value)

    def zrange(
        self, name: str, start: int, end: int, desc: bool = False, withscores: bool = False
    ) -> Op[list[Any]]:
        """Members from one place to another, by score; ``withscores`` gives pairs of member and score."""
        return self._scored("ZREVRANGE" if desc else "ZRANGE", name, (start, end), withscores)

    def zrangebyscore(
        self,
        name: str,
        min: float | str,  # noqa: A002 - redis-py's names
        max: float | str,  # noqa: A002 - redis-py's names
        start: int | None = None,
        num: int | None = None,
        withscores: bool = False,
    ) -> Op[list[Any]]:
        """Members with a score from ``min`` to ``max``, ``num`` of them from the place ``start`` on if these are given."""
        limit = () if start is None or num is None else ("LIMIT", start, num)
        return self._scored("ZRANGEBYSCORE", name, (min, max), withscores, *limit)

    def zremrangebyscore(self, name: str, min: float | str, max: float | str) -> Op[int]:  # noqa: A002 - redis-py's names
        """Take out the members with a score from ``min`` to ``max``; how many there were."""
        return self._one("ZREMRANGEBYSCORE", name, min, max)

    def zremrangebyrank(self, name: str, start: int, end: int) -> Op[int]:
        """Take out the members from one place to another, by score; how many there were."""
        return self._one("ZREMRANGEBYRANK", name, start, end)

    def _scored(
        self, word: str, name: str, bounds: tuple[Arg, Arg], withscores: bool, *more: Arg
    ) -> Op[list[Any]]:
        """Members of a sorted set, with their scores if these are wanted."""
        if withscores:
            return self._one(word, name, *bounds, "WITHSCORES", *more, read=scored)
        return self._one(word, name, *bounds, *more)
