"""What an installation costs: packages, megabytes, time to install, and what ``import`` and the first job take.

    python -m benchmarks.installs [--rounds 5] [--python python3.13]

Each side is fetched once. In every round each side, in another order each time, is installed from these files into a new virtual
environment without pip. There a process imports what an application needs to enqueue, and enqueues one job. Times are processor
time, because others work on the machine too; memory is what the process has more than a Python that has only started.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from benchmarks.contenders import ROOT
from benchmarks.stage import server

OURS = "pyresque"


@dataclass(frozen=True)
class Side:
    """What is installed, what an application writes to get ready, and what it writes to enqueue a job."""

    wanted: str
    imports: str
    enqueue: str


SIDES = {
    OURS: Side(
        OURS,
        "from pyresque import Resque; resque = Resque(url)",
        "resque.enqueue_to('low', 'Archive', 1)",
    ),
    "RQ": Side(
        "rq",
        "from redis import Redis; from rq import Queue",
        "Queue('low', connection=Redis.from_url(url)).enqueue('os.getpid')",
    ),
    "Celery": Side(
        "celery[redis]",
        "from celery import Celery; app = Celery('shop')",
        "app.conf.broker_url = url; app.send_task('archive', [1])",
    ),
    "Dramatiq": Side(
        "dramatiq[redis]",
        "import dramatiq; from dramatiq.brokers.redis import RedisBroker",
        "dramatiq.set_broker(RedisBroker(url=url)); dramatiq.actor(print).send(1)",
    ),
}

#: Runs in the new environment: bytes of memory and seconds of processor, at three moments.
PROBE = """
import json, os, sys, time
url = sys.argv[1]
def now():
    for line in open('/proc/self/status'):
        if line.startswith('VmRSS:'):
            return time.process_time(), int(line.split()[1]) / 1024
started = now()
{imports}
imported = now()
{enqueue}
enqueued = now()
print(json.dumps([[part - begin for part, begin in zip(one, started)] for one in (imported, enqueued)]))
sys.stdout.flush()
os._exit(0)
"""

#: The figures of one installation, as the table has them.
COLUMNS = (
    "packages",
    "MB on disk",
    "install, s",
    "import, ms",
    "import, MB",
    "and a job, ms",
    "and a job, MB",
)

#: Processes that import and enqueue, in each environment; the first one is not counted.
TIMES = 8


def fetch(python: str, folder: Path) -> None:
    """Build ours and fetch all that the sides need into the folder."""
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        check=True,
        cwd=ROOT,
        capture_output=True,
    )
    wanted = [str(next(folder.glob("pyresque-*.whl")))]
    wanted += [side.wanted for name, side in SIDES.items() if name != OURS]
    for one in wanted:
        home = folder.parent / "fetching"
        subprocess.run([python, "-m", "venv", "--without-pip", "--clear", str(home)], check=True)
        pip(home, "wheel", "--wheel-dir", str(folder), one)


def pip(home: Path, *words: str) -> None:
    """Call this Python's pip for another environment."""
    command = [sys.executable, "-m", "pip", "--python", str(home / "bin" / "python")]
    subprocess.run([*command, *words, "--quiet", "--disable-pip-version-check"], check=True)


def processor() -> float:
    """Seconds of processor that the processes used that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def measure(side: Side, python: str, wheels: Path, home: Path, url: str) -> list[float]:
    """The figures of one new environment, as COLUMNS names them."""
    subprocess.run([python, "-m", "venv", "--without-pip", "--clear", str(home)], check=True)
    begin = processor()
    pip(home, "install", "--no-index", "--find-links", str(wheels), side.wanted)
    installed = processor() - begin
    (packages,) = home.glob("lib/python3*/site-packages")
    files = [path for path in home.rglob("*") if path.is_file() and not path.is_symlink()]
    probe = PROBE.format(imports=side.imports, enqueue=side.enqueue)
    runs = []
    for _ in range(TIMES):
        done = subprocess.run(
            [str(home / "bin" / "python"), "-c", probe, url],
            check=True,
            capture_output=True,
            text=True,
            cwd=home,
            env={"PATH": os.environ["PATH"]},
        )
        runs.append(json.loads(done.stdout))
    taken = [
        statistics.median(run[moment][what] for run in runs[1:])
        for moment in (0, 1)
        for what in (0, 1)
    ]
    return [
        len(list(packages.glob("*.dist-info"))),
        sum(path.stat().st_size for path in files) / 1e6,
        installed,
        taken[0] * 1000,
        taken[1],
        taken[2] * 1000,
        taken[3],
    ]


def main() -> None:
    """Measure, and print the table of docs/performance.md."""
    parser = argparse.ArgumentParser(description="What an installation costs, side by side.")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--python", default=sys.executable, help="the Python of the environments")
    given = parser.parse_args()
    found: dict[str, list[list[float]]] = {name: [] for name in SIDES}
    with tempfile.TemporaryDirectory() as scratch, server() as url:
        wheels = Path(scratch, "wheels")
        wheels.mkdir()
        fetch(given.python, wheels)
        names = list(SIDES)
        for turn in range(given.rounds):
            for name in names[turn % len(names) :] + names[: turn % len(names)]:
                home = Path(scratch, "home")
                found[name].append(measure(SIDES[name], given.python, wheels, home, url))
    print("| | " + " | ".join(COLUMNS) + " |")
    print("|---" * (len(COLUMNS) + 1) + "|")
    for name, rounds in found.items():
        medians = [statistics.median(column) for column in zip(*rounds, strict=True)]
        cells = [f"{one:.0f}" if one >= 100 or one == int(one) else f"{one:.1f}" for one in medians]
        print(f"| {name} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
