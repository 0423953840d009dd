"""Clocks that differ: of Redis, of this host, and of hosts whose workers write times."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyresque.doctor.finding import MOST, Finding, Kind, listed
from pyresque.job_text import moment

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pyresque.doctor.look import Look

SKEW: Final = Kind(
    "clock-skew",
    "warning",
    "Delayed and recurring jobs run by the scheduler host's clock, locks end by the worker's, and workers are pruned by heartbeats.",
)
KINDS: Final = (SKEW,)

#: Seconds by which clocks may differ: records have whole seconds, and a reply takes its time.
ALLOWED: Final = 5.0

MEND: Final = "sudo timedatectl set-ntp true"


async def check(look: Look) -> Iterable[Finding]:
    """Compare times with Redis' clock."""
    clock = look.core.clock
    before = clock.time()
    server = (await look.core.worker_registry.table.server_time()).timestamp()
    after = clock.time()
    found: list[Finding] = []
    # Redis' time was taken somewhere between the two, and is cut to a whole second.
    off = min((before - server - 1, after - server), key=abs)
    if not before - server - 1 <= 0 <= after - server and abs(off) > ALLOWED:
        found.append(
            SKEW.found(
                f"The clock of this host is {abs(off):.0f} s {'ahead of' if off > 0 else 'behind'} Redis' clock.",
                MEND,
                host="this host" if look.host is None else look.host.name,
                seconds=round(off),
            )
        )
    ahead: dict[str, int] = {}
    for worker_id, beat in (await look.heartbeats()).items():
        _note(ahead, worker_id, beat, server)
    for worker in await look.working():
        if worker.working_on is not None:
            _note(ahead, worker.id, worker.working_on.run_at, server)
    if ahead:
        hosts = list(ahead)
        found.append(
            SKEW.found(
                f"Workers write times that lie ahead of Redis' clock: those of {listed(hosts)}.",
                *(line for host in hosts[:MOST] for line in look.commands.on_host(host, MEND)),
                page=("workers",),
                hosts={host: ahead[host] for host in hosts[:MOST]},
                count=len(hosts),
            )
        )
    return found


def _note(ahead: dict[str, int], worker_id: str, written: str | None, server: float) -> None:
    at = moment(written)
    if at is not None and (seconds := at.timestamp() - server - 1) > ALLOWED:
        host = worker_id.partition(":")[0]
        ahead[host] = max(ahead.get(host, 0), round(seconds))
