"""One look at everything, step by step: the keys, the jobs, the jobs again for what no job was found, then the checks.

Whatever goes wrong ends one check alone. An error of a check is told as what could not be looked at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyresque.doctor.checks import CHECKS
from pyresque.doctor.commands import Commands
from pyresque.doctor.finding import Report, Unseen
from pyresque.doctor.held import HeldKeys
from pyresque.doctor.key_watch import KeyWatch
from pyresque.doctor.locks import drop_free
from pyresque.doctor.look import Look
from pyresque.doctor.payload_watch import PayloadWatch
from pyresque.errors import RedisUnavailable
from pyresque.migrate.inventory import KEYS, SAMPLE, Inventory
from pyresque.migrate.places import Working
from pyresque.user_errors import text_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pyresque.core import Core
    from pyresque.doctor.look import Host
    from pyresque.job.job import Job
    from pyresque.ops import Op


class Checkup:
    """Examines what one Core works on. ``more`` goes one step on; ``report`` has what was found.

    ``whole``: read every job and every key, not some of each long list. ``host``: this host's processes; None: they are not looked at.
    ``schedule``: recurring jobs of a file, by name. ``seed``: choose the same jobs of long lists each time.
    """

    def __init__(
        self,
        core: Core,
        *,
        commands: Commands | None = None,
        host: Host | None = None,
        whole: bool = False,
        sample: int = SAMPLE,
        keys: int = KEYS,
        schedule: Mapping[str, Any] | None = None,
        seed: int | None = None,
    ) -> None:
        self.core = core
        self.report = Report()
        #: What the present step does, and how far it is.
        self.doing, self.seen, self.total = "looking at keys, key", 0, 0
        self._sample = None if whole else sample
        self._seed = seed
        registered = [name for one in core.registry for name in (one.name, *one.aliases)]
        self._inventory = Inventory(
            core,
            sample=self._sample,
            keys=None if whole else keys,
            schedule=schedule,
            pinned=[*registered, *core.active_job_classes],
            seed=seed,
        )
        self._keys = 0 if whole else keys
        found = self._inventory.found
        held, payloads = HeldKeys(core), PayloadWatch()
        watch = KeyWatch(core.keys, held)
        commands = commands or Commands(core.settings)
        self.look = Look(core, commands, host, found, watch, held, payloads)
        found.marks.also = watch.look_at
        found.elements = self._element
        self._steps = self._all_steps()

    def _element(self, job: Job, place: str, at: float | None) -> None:
        self.look.payloads.look_at(job, place, at)
        self.look.held.look_at(job, place)

    async def examine(self) -> Report:
        """Go through all steps; return the report."""
        while await self.more():
            pass
        return self.report

    async def more(self) -> bool:
        """Go one step on; False at the end."""
        step = next(self._steps, None)
        if step is None:
            return False
        name, work = step
        try:
            await work
        except (RedisUnavailable, GeneratorExit):
            raise
        except Exception as error:  # noqa: BLE001 - values in Redis may be anything: they end one check
            self._not_seen(name, error)
        return True

    def _not_seen(self, name: str, error: Exception) -> None:
        self.report.unseen.append(Unseen(name, text_of(error)))
        if name == "jobs":
            self.look.held.left.clear()  # their jobs may be among those that were not read

    def _all_steps(self) -> Iterator[tuple[str, Op[object]]]:
        """Yield the steps: the name of what is looked at, and the operation."""
        more = _Going()
        while more:
            yield "keys", more.set(self._keys_more())
        more = _Going()
        while more:
            yield "jobs", more.set(self._jobs_more(self._inventory))
        yield "locks", drop_free(self.look.held)
        if self.look.held.left:
            again = self._again()
            more = _Going()
            while more:
                yield "jobs", more.set(self._jobs_more(again))
            # a job that was taken between the looks at its worker and at its queue
            working = Working(self.core, again.found)
            more = _Going()
            while more:
                yield "jobs", more.set(working.more())
        self._sum_up()
        for at, check in enumerate(CHECKS):
            self.doing, self.seen, self.total = "checking, check", at, len(CHECKS)
            yield check.name, self._checked(check.run(self.look))
        self.report.unseen += self.look.unseen

    async def _keys_more(self) -> bool:
        marks = self.look.found.marks
        going = await marks.more()
        self.seen, self.total = marks.looked_at, self._keys
        return going

    async def _jobs_more(self, inventory: Inventory) -> bool:
        try:
            going = await inventory.more()
        except (RedisUnavailable, GeneratorExit):
            raise
        except Exception as error:  # noqa: BLE001 - as above: it ends one place of jobs
            self._not_seen("jobs", error)
            going = inventory.pass_over()
        self.doing = "looking at jobs, job"
        self.seen, self.total = inventory.found.read, inventory.to_read
        return going

    def _again(self) -> Inventory:
        """Return an inventory that only looks for the jobs of keys that seem to have none."""
        again = Inventory(self.core, sample=self._sample, keys=0, seed=self._seed)
        held = self.look.held
        again.found.elements = lambda job, place, _: held.look_at(job, place)
        return again

    async def _checked(self, check: Op[Any]) -> None:
        self.report.add(await check)

    def _sum_up(self) -> None:
        found, report = self.look.found, self.report
        report.jobs_read = found.read
        report.jobs = sum(one.size for one in found.lists)
        report.keys_read = found.marks.looked_at
        unread = any(one.check == "jobs" for one in report.unseen)
        report.whole = found.marks.complete and not found.sampled and not unread
        if found.marks.refused:
            report.unseen.append(Unseen("keys", found.marks.refused))
        elif not found.marks.complete:
            report.unseen.append(
                Unseen(
                    "keys",
                    f"about {found.marks.looked_at} keys of the server were looked at: --whole",
                )
            )


class _Going:
    """Whether a place has more steps: the answer of its last step. An error is its end."""

    def __init__(self) -> None:
        self._on = True

    def __bool__(self) -> bool:
        return self._on

    async def set(self, step: Op[bool]) -> bool:
        """Do one step."""
        self._on = False
        self._on = await step
        return self._on
