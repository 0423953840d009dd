"""The times that delayed jobs wait for: the members of ``delayed_queue_schedule``, and the lists that they name.

Ruby writes whole seconds as member and as score, and so names the list. Another client may write a fraction of a second there, and cut
it off in the name of the list, or take the score for that name. So such a member has several lists that may be its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyresque.ops import Batch, Command
from pyresque.store.queues import scored_members, to_bytes, whole_number

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pyresque.ops import Op

#: Timestamps in one page, or elements of one list.
PAGE: Final = 500


class DelayedTimes:
    """The members of the sorted set ``key``; ``lengths`` returns the lengths of lists by their names."""

    def __init__(self, key: str, lengths: Callable[[Sequence[str]], Op[list[int]]]) -> None:
        self.key = key
        self._lengths = lengths

    async def names(self, after: str) -> tuple[list[str], str]:
        """Return the names of the lists of one page of members, and the argument for the next page; ``-inf`` asks for the first.

        A member with a fraction is returned under each name that its list may have.
        """
        args = ("ZRANGEBYSCORE", self.key, after, "+inf", "WITHSCORES", "LIMIT", 0, PAGE)
        pairs = await Command(args, scored_members)
        ordinary = _ordinary(pairs)
        names = [member for member, _ in pairs] if ordinary else await self._possible_names(pairs)
        return names, f"({pairs[-1][1]}" if pairs else after

    async def _possible_names(self, pairs: Sequence[tuple[str, str]]) -> list[str]:
        """Return these members, and what else their lists may be called; without names that are members themselves."""
        members = {member for member, _ in pairs}
        others = {name: None for pair in pairs for name in _names_of(*pair) if name not in members}
        known = await Batch(tuple(Command(("ZSCORE", self.key, to_bytes(name))) for name in others))
        return [
            *(member for member, _ in pairs),
            *(name for name, score in zip(others, known, strict=True) if score is None),
        ]

    async def ranked(self, start: int, count: int) -> list[tuple[str, str]]:
        """Return members from a rank on, each with its score."""
        stop = start + count - 1
        return await Command(("ZRANGE", self.key, start, stop, "WITHSCORES"), scored_members)

    async def sizes(self, pairs: Sequence[tuple[str, str]]) -> list[int]:
        """Return how many jobs each of these members has, whatever the name of its list. ``pairs``: members with their scores."""
        if _ordinary(pairs):
            return await self._lengths([member for member, _ in pairs])
        names = [_names_of(*pair) for pair in pairs]
        flat = [name for some in names for name in some]
        sizes = dict(zip(flat, await self._lengths(flat), strict=True))
        return [next((sizes[name] for name in some if sizes[name]), 0) for some in names]


def _ordinary(pairs: Sequence[tuple[str, str]]) -> bool:
    """Whether Ruby wrote all of them: whole seconds that equal the score."""
    return all(member == score and member.isdigit() for member, score in pairs)


def _names_of(member: str, score: str) -> list[str]:
    """Return the names that the list of a member may have, each once."""
    found = (member, whole_number(member), score, whole_number(score))
    return list(dict.fromkeys(filter(None, found)))
