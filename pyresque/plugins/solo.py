"""resque_solo: a job is not queued while an equal one is (``include Resque::Plugins::UniqueJob``).

Key: ``solo:queue:<queue>:job:<MD5 of class and arguments>`` holds ``1`` while the job is queued; its time to live is ``ttl``.
Moments: those of resque-loner (``loner.py``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyresque.plugins.loner import Unique

if TYPE_CHECKING:
    from pyresque.job.plugin_context import PluginContext


class Solo(Unique):
    """resque_solo's ``UniqueJob``. A job that is kept out is not enqueued: None, and no after_enqueue hook runs, as in Ruby.

    ``ttl``: seconds after which the mark expires, however long the job waits; None: never. ``lock_after_execution``: seconds, from the
    moment a worker takes the job, for which an equal one is kept out. ``redis_key``: a function of the PluginJob that returns what
    distinguishes jobs, in place of the digest (Ruby: the method ``redis_key``).

    >>> resque.declare("UniqueOne", queue="work", plugins=[Solo(ttl=3600)])
    """

    gem = "resque_solo"

    def key_of(self, context: PluginContext, queue: str, digest: str) -> str:
        """Return the key of a digest."""
        return context.keys.solo(queue, digest)
