"""The lists that a selective worker takes jobs from, in their order: which has a job of ours, and which are to be read first.

Each queue has two: jobs that a mover has put aside for Python come first, then the queue itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyresque.process.worker.places import Place
from pyresque.store.queues import text, to_bytes

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from pyresque.store.keys import Keys

#: Seconds for which what was read of a list, of the routing table and of the names of queues is used.
FRESH = 1.0


class Lists:
    """The lists of a selective worker's queues, each with the place where the next look begins. ``window``: jobs of one look."""

    def __init__(self, keys: Keys, window: int) -> None:
        self._keys = keys
        self._window = window
        #: By the keys of the lists, in the order in which jobs are taken from them.
        self._places: dict[bytes, Place] = {}
        #: Lists of queues that are paused, as far as this turn knows.
        self.paused: set[Place] = set()
        self._read_now: set[Place] = set()  # lists that were read in this turn

    def begin_turn(self) -> None:
        """Count every list as unread in this turn."""
        self._read_now.clear()

    def set_queues(self, queues: Sequence[str]) -> None:
        """Take jobs from these queues from now on; the places in lists that stay are kept."""
        wanted: dict[bytes, str] = {}
        for queue in queues:
            wanted[to_bytes(self._keys.moved(queue))] = queue
            wanted[to_bytes(self._keys.queue(queue))] = queue
        if list(wanted) == list(self._places):
            return
        former = self._places
        self._places = {
            key: former.get(key) or Place(queue, key, self._window) for key, queue in wanted.items()
        }
        for queue in queues:
            own = self._places[to_bytes(self._keys.queue(queue))]
            own.aside = self._places[to_bytes(self._keys.moved(queue))]

    def next(self, now: float, passed_over: Collection[str]) -> tuple[Place | None, list[Place]]:
        """Return the list to take a job from; if none is known to have one, the lists to read before there is none to take.

        Queues that are ``passed_over`` have neither.
        """
        stale, shut, unread = now - FRESH, self._shut(passed_over), []
        for place in self._places.values():
            if shut and place in shut:
                continue
            if place.read_at < stale or not (place.found_any or place.at_end):
                unread.append(place)
            elif place.found_any:
                if not unread:
                    return place, unread
                break
        # Before there is none to take, each list has been read in this turn.
        return None, unread or [
            one for one in self._places.values() if one not in shut and one not in self._read_now
        ]

    def was_read(self, place: Place) -> None:
        """Note that a list was read in this turn."""
        self._read_now.add(place)

    def pause(self, queue: str, *, everything: bool) -> None:
        """Take no job from the lists of a queue, or from any, until ``paused`` is cleared."""
        self.paused.update(one for one in self._places.values() if everything or one.queue == queue)

    def begin_again(self, now: float, queues: Collection[str] | None = None) -> None:
        """Begin at the head of every list again, or of the lists of these queues."""
        for place in self._places.values():
            if queues is None or place.queue in queues:
                place.begin_again(now)

    def begin_again_if_due(self, now: float) -> None:
        """Begin at the head again where a list was not read from there for long."""
        for place in self._places.values():
            if place.due_again(now):
                place.begin_again(now)

    def begin_again_if_taken(self, now: float) -> bool:
        """Begin at the head again where a job was taken since the list was read from there; return whether there is such a list."""
        some = [place for place in self._places.values() if not place.clean]
        for place in some:
            place.begin_again(now)
        return bool(some)

    def quiet(self, passed_over: Collection[str]) -> tuple[str, ...]:
        """Return the keys of the lists that were empty at the last look: a push to one of these is worth a look at once.

        While a list holds jobs of others, no waiting connection could tell that one of ours has come.
        """
        shut = self._shut(passed_over)
        return tuple(
            text(one.key) for one in self._places.values() if one.empty and one not in shut
        )

    def _shut(self, passed_over: Collection[str]) -> set[Place]:
        """Return the lists of queues that are paused or passed over now."""
        if not passed_over:
            return self.paused
        return self.paused | {one for one in self._places.values() if one.queue in passed_over}
