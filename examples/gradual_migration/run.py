"""Move three classes of a shop from Ruby to Python, on a Redis of its own: python examples/gradual_migration/run.py [--fast]."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import time
from collections import Counter
from typing import TYPE_CHECKING, NoReturn

import shop
from narration import Narrator
from sides import QUEUES, Sides, ruby_lacks

from pyresque import Resque
from pyresque.errors import PyresqueError
from pyresque.process.host.embedded_redis import embedded_redis
from pyresque.settings import Settings

if TYPE_CHECKING:
    from types import FrameType

    from sides import Enqueuing

#: Jobs that are there at the beginning, and that come in a second.
FIRST, RATE, RECORDED_RATE = 240, 15.0, 6.0

#: Jobs that a brake wants to see.
LEAST = 10

MOVED = ("Thumbnails::Make", "StockSync", "ReceiptJob")
STAYS = "Reports::Daily"
OF_EIGHT = {1: MOVED[0], 4: MOVED[0], 2: MOVED[1], 6: MOVED[1], 7: STAYS}


class Move(Narrator):
    """The steps of the move, one method each."""

    def __init__(self, sides: Sides, resque: Resque, *, ruby: bool, pause: float) -> None:
        super().__init__(sides, pause)
        self.resque = resque
        self.ruby = ruby
        self.retried: Counter[str] = Counter()

    def run(self) -> None:
        """Run all steps. Raises DemoFailed if anything does not come true."""
        rate = RATE if self.ruby else RECORDED_RATE
        with self.sides.enqueuing(ruby=self.ruby, first=FIRST, rate=rate) as enqueuing:
            self.what_is_there()
            self.both_sides_start()
            self.thumbnails_move()
            self.stock_moves_and_python_is_killed()
            self.receipts_trip_the_brake()
            count = self.the_end(enqueuing)
        self.account(count)

    # -- the steps

    def what_is_there(self) -> None:
        """Inventory and coverage."""
        self.title("What is there?")
        self.until("jobs are enqueued", lambda: sum(self.resque.queue_sizes().values()) >= FIRST)
        self.command("migrate inventory")
        self.say(
            f"Handlers for three of these classes are written (shop.py); {STAYS} stays in Ruby."
        )
        self.command("migrate coverage -A shop:resque --min 70")

    def both_sides_start(self) -> None:
        """Ruby's workers with the guard, Python's worker and mover beside them."""
        self.title("Ruby's workers get the guard; Python's worker and mover start beside them")
        guard = self.sides.server.folder / "resque_guard.rb"
        guard.write_text(self.command("migrate ruby-guard", shown=f"> {guard.name}"), "utf-8")
        self.say("First of all: Ruby performs everything that no later rule names.")
        self.command("migrate route set '*' ruby")
        if self.ruby:
            self.sides.start_ruby(guard)
        self.sides.start_worker(release=1)
        self.sides.start_mover()
        self.say("$ pyresque worker -A shop:resque -q default,mailers --only-registered &")
        self.say("$ pyresque migrate move -A shop:resque -q default,mailers &")
        self.until("the worker of Python is registered", lambda: self.in_hand() is not None)
        if self.ruby:
            self.until("Ruby performs jobs", lambda: bool(self.done("ruby")))

    def thumbnails_move(self) -> None:
        """The first class: copies, a quarter, all."""
        self.title(f"The first class: {MOVED[0]}")
        self.canary(MOVED[0])
        self.all_of(MOVED[0])

    def stock_moves_and_python_is_killed(self) -> None:
        """A class with a plugin; all of Python is killed in the middle, and Ruby goes on alone."""
        name = MOVED[1]
        self.title(f"The second class: {name}, which has resque-lock in Ruby and Lock() here")
        self.canary(name)
        self.all_of(name)
        self.title("The way back: Python is killed in the middle of a job")
        self.resque.redis.set("shop:supplier_is_slow", 1)
        waits = lambda: bool(self.resque.redis.exists("shop:waits"))  # noqa: E731
        self.until(f"Python has a job of {name} in hand", waits)
        (worker,) = [one.id for one in self.resque.workers() if one.pid == self.worker_pid()]
        self.sides.kill("worker", "mover")
        self.resque.redis.delete("shop:supplier_is_slow")
        self.say("$ kill -9 (the worker, its children, the mover)")
        self.say("Ruby performs everything, what lay aside for Python goes back to its queue,")
        self.say("and the job that was in hand is a failed one, which goes back, too.")
        self.command("migrate route set '*' ruby")
        self.command(f"migrate move --back --all -q {QUEUES}")
        self.command(f"workers remove {worker} --yes")
        self.retry(f"failed retry --class {name}", name, 1)
        if self.ruby:
            before = self.done("ruby")[name]
            self.until(f"Ruby performs {name} again", lambda: self.done("ruby")[name] > before)
            self.say(f"Ruby performs {name} again. Python comes back, and so do the rules.")
        else:
            self.say("(Here a Ruby worker would go on.) Python comes back, and so do the rules.")
        self.command("migrate route rollback")
        self.sides.start_worker(release=1)
        self.sides.start_mover()

    def receipts_trip_the_brake(self) -> None:
        """A class of ActiveJob whose handler has a fault that its shadow run could not see."""
        name = MOVED[2]
        self.title(f"The third class: {name}, an ActiveJob")
        self.shadow(name)
        self.say("No copy failed. But the fault lies in what the fixture keeps away ...")
        self.command(f"migrate route set {name} python=25% --brake 10% --least {LEAST}")
        tripped = lambda: any(rule.tripped for rule in self.resque.routes.show().rules)  # noqa: E731
        self.until("the brake trips", tripped)
        self.say("... and the brake has led the class back to Ruby, by itself:")
        self.command("migrate route status", code=1)
        self.until("no job of it is in hand", lambda: name not in (self.in_hand() or ""))
        self.say(
            "What Ruby writes as / is // in Python. Release 2 mends it; the failed jobs go back."
        )
        self.check(self.sides.quit("worker") == [0], "the worker left with exit code 0")
        self.sides.start_worker(release=2)
        failed = sum(1 for one in self.resque.failures.each() if not one.retried_at)
        self.retry(f"failed retry --class {name}", name, failed)
        self.canary(name, shadow=False)
        self.all_of(name)

    def the_end(self, enqueuing: Enqueuing) -> int:
        """Everything is worked off; the ledger; everybody leaves."""
        self.title("The end of the day: nothing more is enqueued, and all is worked off")
        count = enqueuing.stop()
        left = 0 if self.ruby else self.expected(count)[STAYS]
        self.until("all is worked off", lambda: sum(self.done().values()) >= count - left)
        self.until(
            "nobody is at work", lambda: not self.resque.working() and self.waiting() == left
        )
        self.say("Records of failed jobs that were put back would hold their class in the ledger.")
        self.command("failed remove --retried --yes")
        self.command("migrate status --whole")
        self.check(self.sides.quit("worker", "mover") == [0, 0], "Python left with exit code 0")
        self.command(f"migrate move --back --all -q {QUEUES}")
        rubies = [name for name in self.sides.programs if name.startswith("ruby")]
        self.sides.quit(*rubies)
        return count

    def account(self, count: int) -> None:
        """Every job was performed once, by whom it should be, and nothing is left."""
        expected, ruby, python = self.expected(count), self.done("ruby"), self.done("python")
        entries = [json.loads(raw) for raw in self.resque.redis.lrange("shop:done", 0, -1)]
        numbers = Counter(entry[2] for entry in entries)
        waiting = [job.args[0] for queue in self.resque.queues() for job in self.each(queue)]
        numbers.update(waiting)
        wrong = [entry for entry in entries if tuple(entry[1:]) != self.meant(entry[2])]
        self.check(not wrong, f"each job was performed as it was enqueued: {wrong[:3]}")
        odd = [number for number in range(count) if numbers[number] != 1]
        self.check(not odd, f"each job was performed exactly once: {odd[:10]}")
        self.check(set(numbers) == set(range(count)), "nothing was performed that nobody enqueued")
        self.check(len(waiting) == (0 if self.ruby else expected[STAYS]), "nothing else waits")
        self.check(not python[STAYS], f"{STAYS} was performed by Ruby only")
        locks = self.resque.redis.keys("lock:*")
        self.check(not locks, f"every lock that Ruby took at enqueue was released: {locks[:3]}")
        self.check(not self.resque.failures.count(), "each failed job was put back")
        print(
            f"\n{'':18}{'enqueued':>9}{'by Ruby':>9}{'by Python':>11}{'failed once, put back':>23}"
        )
        for name in (*MOVED, STAYS):
            row = (expected[name], ruby[name], python[name], self.retried[name])
            print(f"{name:18}{row[0]:9}{row[1]:9}{row[2]:11}{row[3]:23}")
        told = f"{count} jobs were enqueued, {len(entries)} were performed, each exactly once"
        if waiting:
            told += f"; {len(waiting)} of {STAYS} wait for a Ruby worker"
        print(
            f"\n{told}.\n{sum(self.retried.values())} failed on the way and were put back. No lock is left."
        )

    # -- parts of steps

    def canary(self, name: str, *, shadow: bool = True) -> None:
        """Copies first; then a quarter of the jobs, with a brake that holds."""
        if shadow:
            self.shadow(name)
        self.command(f"migrate route set {name} python=25% --brake 10% --least {LEAST}")
        self.until(f"Python performs {LEAST} of {name}", lambda: self.judged(name) >= LEAST)
        self.command("migrate route status")

    def shadow(self, name: str) -> None:
        """Perform copies. Where every job of the class is taken at that moment, look again."""
        self.command(f"migrate shadow {name} -A shop:resque --count 5", again="no job of")

    def all_of(self, name: str) -> None:
        """All jobs of a class."""
        self.command(f"migrate route set {name} python")
        before = self.done("python")[name]
        self.until(f"Python performs {name}", lambda: self.done("python")[name] > before)

    def retry(self, words: str, name: str, count: int) -> None:
        """Put failed jobs back into their queues."""
        said = self.command(words)
        told = said.count("retried ") == count or f"retried {count} failed jobs in all" in said
        self.check(told, f"{count} were put back: {said}")
        self.retried[name] += count

    # -- what the numbers say

    @staticmethod
    def meant(number: int) -> tuple[object, ...]:
        """Return what the job of a number is to do, as shop.rb enqueues it."""
        name = OF_EIGHT.get(number % 8, MOVED[2])
        total = 1000 + number
        more: dict[str, tuple[object, ...]] = {
            MOVED[0]: ("large" if number % 8 == 4 else "small",),  # noqa: PLR2004 - as in shop.rb
            MOVED[2]: (total + total * 19 // 100,),
            STAYS: ("pdf",),
        }
        return (name, number, *more.get(name, ()))

    def expected(self, count: int) -> Counter[object]:
        """Count the jobs of each class among so many."""
        return Counter(self.meant(number)[0] for number in range(count))

    def done(self, side: str | None = None) -> Counter[str]:
        """Count what was performed, by class."""
        entries = map(json.loads, self.resque.redis.lrange("shop:done", 0, -1))
        return Counter(entry[1] for entry in entries if side in (None, entry[0]))

    def judged(self, name: str) -> int:
        """Return how many of Python's jobs the brake of a class has seen."""
        found = self.resque.run(self.resque.core.brakes.verdicts(self.resque.routes.show()))
        return max(
            (one.performed.python.performed for one in found if one.class_name == name), default=0
        )

    def worker_pid(self) -> int:
        """Return the process id of Python's worker."""
        return self.sides.programs["worker"].process.pid

    def in_hand(self) -> str | None:
        """Return what Python's worker has in hand: a payload, "" while it is idle; None before it is registered."""
        for worker in self.resque.workers():
            if worker.pid == self.worker_pid():
                record = worker.working_on
                return "" if record is None else record.job.raw.decode()
        return None

    def waiting(self) -> int:
        """Return how many jobs are in queues."""
        return sum(self.resque.queue_sizes().values())

    def each(self, queue: str) -> list:
        """Return the jobs of a queue."""
        return self.resque.peek(queue, 0, 10_000)


def main() -> int:
    """Run the example; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fast", action="store_true", help="make no pauses for reading")
    parser.add_argument("--recorded", action="store_true", help="even where Ruby is")
    given = parser.parse_args()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _leave)
    lacks = "as you asked" if given.recorded else ruby_lacks()
    began = time.monotonic()
    try:
        with embedded_redis() as server, _client(server.url) as resque:
            print(f"A Redis of our own: {server.program}")
            if lacks:
                print(
                    f"No Ruby worker runs ({lacks}): the jobs are those that Ruby once wrote down,"
                )
                print("byte for byte, and what belongs to Ruby waits in its queue.")
            else:
                print("Ruby's Resque enqueues jobs all the time; two workers of Ruby perform them.")
            sides = Sides(server)
            try:
                Move(sides, resque, ruby=not lacks, pause=0 if given.fast else 0.8).run()
            finally:
                sides.end()
    except PyresqueError as error:
        print(f"run.py: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # whoever read the output has left
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    print(f"It took {time.monotonic() - began:.0f} s. Redis and all workers are gone again.")
    return 0


def _client(url: str) -> Resque:
    """Return a client of that Redis, whatever the user's own environment says."""
    return Resque(settings=Settings.load({}, url=url), jobs=shop.resque)


def _leave(number: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(128 + number)


if __name__ == "__main__":
    sys.exit(main())
