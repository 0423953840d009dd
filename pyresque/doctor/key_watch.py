"""Looks at the keys that the scan finds, page by page: their types, their times to live, and which of them are to be compared later."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pyresque.doctor.key_rules import KeyRule, rules
from pyresque.ops import Batch, Command
from pyresque.store.queues import text, to_bytes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyresque.doctor.held import HeldKeys
    from pyresque.store.keys import Keys

#: Keys of each fault that are kept.
KEPT: Final = 1000

#: PTTL's reply for a key that never ends.
_ENDLESS: Final = -1


class KeyWatch:
    """What was seen of the keys of one namespace."""

    def __init__(self, keys: Keys, held: HeldKeys) -> None:
        self.keys = keys
        self.held = held
        #: Keys of a wrong type, with the type that each has and the one that it should have.
        self.wrong: dict[str, tuple[str, str]] = {}
        #: Keys that should end and do not, with the seconds that one should live.
        self.endless: dict[str, int] = {}
        #: Times of delayed jobs whose list is not among the scheduled ones.
        self.unscheduled: list[str] = []
        #: Ids of workers that have a record or a start time.
        self.records: set[str] = set()
        self.started: set[str] = set()
        #: Keys of schedulers' master locks.
        self.locks: set[str] = set()
        self._rules = rules(keys)
        self._delayed, self._worker = keys.delayed(""), keys.worker("")
        #: How keys of a worker end that are no records: they expire by themselves.
        self._asides = tuple(
            of("").removeprefix(self._worker) for of in (keys.worker_note, keys.worker_quit)
        )
        self._lock = keys.master_lock().rpartition(":")[2]

    async def look_at(self, names: Sequence[str]) -> None:
        """Look at one page of keys: one round trip."""
        ruled: list[tuple[str, KeyRule]] = []
        for key in names:
            self._note(key)
            rule = next((one for one in self._rules if one.fits(key)), None)
            if rule is not None:
                ruled.append((key, rule))
        commands: list[Command[Any]] = []
        for key, rule in ruled:
            commands.append(Command(("TYPE", to_bytes(key))))
            if rule.ends is not None:
                commands.append(Command(("PTTL", to_bytes(key))))
            elif rule.start == self._delayed:
                at = key.removeprefix(self._delayed)
                # other clients write fractions of seconds, whose list has the whole second's name
                count = ("ZCOUNT", self.keys.delayed_schedule, at, f"({int(at) + 1}")
                commands.append(Command(count))
        if commands:
            self._judge(ruled, iter(await Batch(tuple(commands), lenient=True)))

    def _judge(self, ruled: Sequence[tuple[str, KeyRule]], replies: Any) -> None:
        for key, rule in ruled:
            reply = next(replies)
            kind = text(reply) if isinstance(reply, bytes) else str(reply)
            if kind not in {rule.type, "none"} and len(self.wrong) < KEPT:
                self.wrong[key] = (kind, rule.type)
            if rule.ends is not None:
                if next(replies) == _ENDLESS and len(self.endless) < KEPT:
                    self.endless[key] = rule.ends
            elif rule.start == self._delayed:
                missing = next(replies) == 0 and kind == rule.type
                if missing and len(self.unscheduled) < KEPT:
                    self.unscheduled.append(key.removeprefix(self._delayed))

    def _note(self, key: str) -> None:
        """Keep what is compared with something else later."""
        self.held.note(key)
        if key.endswith(self._lock):
            self.locks.add(key)
        if key.startswith(self._worker) and not key.endswith(self._asides):
            name = key.removeprefix(self._worker)
            started = name.removesuffix(":started")
            found = self.records if started == name else self.started
            if len(found) < 10 * KEPT:
                found.add(started)
