"""What a reader must know of an inventory's figures: their errors, and what is not among them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyresque.migrate.habits import PYRES
from pyresque.printable import many

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyresque.migrate.found import Found


def notes_of(found: Found) -> Iterator[str]:
    """Yield what a reader must know of the figures."""
    classes, marks = found.classes, found.marks
    if found.sampled:
        yield "~N ±M: estimated from a sample; the true number is within ±M with 95 % confidence. --whole counts all."
        largest = max(found.lists, key=lambda one: one.may_be_missed)
        yield (
            f"A class of which none was read may still have up to {many(largest.may_be_missed, 'job')} in {largest.place} {largest.name}".rstrip()
            + f" ({largest.read} of {largest.size} were read)."
        )
    if classes.gave_way:
        yield f"{classes.others} jobs are of other classes: only the {len(classes.classes)} with most jobs are shown ({many(classes.gave_way, 'name')} left out)."
    for place, count in classes.unreadable.items():
        yield f"{place}: {many(count, 'element')} could not be read as a job."
    if classes.budget.cut:
        yield "The arguments are not shown whole: their hashes have too many different keys."
    if marks.refused:
        yield f"Marks of plugins could not be looked for: {marks.refused}"
    elif not marks.complete:
        yield f"Marks of plugins were looked for among about {marks.looked_at} keys of the server; --keys N or --whole looks at more."
    if found.watched is not None:
        watched = found.watched
        yield (
            f"Watched for {watched['seconds']} s: {many(watched['performed'], 'job')} performed, {watched['seen']} of them seen with their class. "
            "performed/s shares out all of them as those seen; of queues that are nearly empty, short jobs are seen less often than they run. "
            "enqueued/s is what was seen, at least. All other figures are from before that."
        )
    if any(PYRES in one.writers for one in classes.classes.values()):
        yield 'Names with dots are of pyres: register them by @resque.job(..., aliases=["module.Class"]) (docs/migrate.md).'
    yield from found.notes
