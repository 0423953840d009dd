"""Run every side in turn, several times, and print medians and ratios as a Markdown table.

python -m benchmarks.run [--rounds 5] [--scale 1.0] [--only enqueue,inline]
"""

from __future__ import annotations

import argparse
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import redis

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Side:
    """One contender: how its measurements are started, and which verbs it has."""

    name: str
    command: tuple[str, ...]
    verbs: frozenset[str]


@dataclass(frozen=True)
class Measure:
    """One row: a verb and how many of it."""

    title: str
    verb: str
    many: int


MEASURES = (
    Measure("enqueue, one by one", "enqueue", 5000),
    Measure("enqueue_many", "enqueue_many", 20000),
    Measure("no-op jobs, a fork for each", "fork", 600),
    Measure("no-op jobs, inline", "inline", 4000),
    Measure("enqueue_at, one by one", "enqueue_at", 5000),
    Measure("enqueue_many_at (Ruby: enqueue_at)", "enqueue_many_at", 20000),
    Measure("move due jobs, one timestamp", "move_one", 20000),
    Measure("move due jobs, 10 a timestamp", "move_many", 20000),
    Measure("the same, 1,000,000 waiting", "move_few", 20000),
)
DELAYED = frozenset({"enqueue_at", "enqueue_many_at", "move_one", "move_many", "move_few"})
ALL = frozenset(measure.verb for measure in MEASURES)


def sides() -> list[Side]:
    """pyresque, and the peers that are here."""
    python = sys.executable
    found = [Side("pyresque", (python, str(HERE / "peers" / "ours.py")), ALL)]
    ruby = shutil.which("ruby")
    if ruby and _runs(ruby, "-e", 'require "resque"'):
        scheduler = _runs(ruby, "-e", 'require "resque-scheduler"')
        if not scheduler:
            print("resque-scheduler is left out: no ruby here can require it", file=sys.stderr)
        found.append(
            Side(
                "Ruby Resque",
                (ruby, str(HERE / "peers" / "resque_side.rb")),
                ALL - {"enqueue_many", "move_few"} - (frozenset() if scheduler else DELAYED),
            )
        )
    else:
        print("Ruby Resque is left out: no ruby here can require it", file=sys.stderr)
    if _runs(python, "-c", "import rq"):
        command = (python, "-m", "benchmarks.peers.rq_side")
        found.append(Side("RQ", command, ALL - {"inline"} - DELAYED))
    else:
        print("RQ is left out: it is not installed", file=sys.stderr)
    return found


def _runs(*command: str) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


@contextmanager
def server() -> Iterator[str]:
    """A Redis server of our own, without persistence, on a Unix socket and a TCP port of the system's choosing."""
    binary = shutil.which("redis-server") or shutil.which("valkey-server")
    if binary is None:
        raise SystemExit("benchmarks need a redis-server on the PATH")
    with tempfile.TemporaryDirectory() as folder:
        port = _free_port()
        process = subprocess.Popen(
            [binary, "--port", str(port), "--save", "", "--dir", folder], stdout=subprocess.DEVNULL
        )
        url = f"redis://127.0.0.1:{port}/0"
        try:
            _wait(url)
            yield url
        finally:
            process.terminate()
            process.wait()


def rate(side: Side, measure: Measure, many: int, url: str) -> float:
    """How many a second, on an empty Redis."""
    redis.Redis.from_url(url).flushall()
    env = {**os.environ, "PYTHONPATH": str(HERE.parent)}
    done = subprocess.run(
        [*side.command, url, measure.verb, str(many)],
        capture_output=True,
        text=True,
        check=False,
        env=env,
    )
    if done.returncode:
        raise SystemExit(f"{side.name}, {measure.title}: {done.stderr}")
    return many / float(done.stdout.split()[-1])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="how often each side takes its turn")
    parser.add_argument("--only", default="", help="verbs, with commas between them")
    parser.add_argument("--scale", type=float, default=1.0, help="more or fewer of everything")
    options = parser.parse_args()
    contenders = sides()
    print("| measure | " + " | ".join(f"{side.name}, per second" for side in contenders), end="")
    print(" | " + " | ".join(f"ratio to {side.name}" for side in contenders[1:]) + " |")
    print("|---" * (2 * len(contenders)) + "|")
    with server() as url:
        for measure in MEASURES:
            if options.only and measure.verb not in options.only.split(","):
                continue
            taking_part = [side for side in contenders if measure.verb in side.verbs]
            rounds: list[dict[str, float]] = []
            for _ in range(options.rounds):
                many = max(1, int(measure.many * options.scale))
                rounds.append({side.name: rate(side, measure, many, url) for side in taking_part})
            cells = [measure.title]
            for side in contenders:
                rates = [each[side.name] for each in rounds if side.name in each]
                cells.append(f"{statistics.median(rates):,.0f}" if rates else "-")
            for side in contenders[1:]:
                ratios = [
                    each["pyresque"] / each[side.name] for each in rounds if side.name in each
                ]
                cells.append(f"{statistics.median(ratios):.1f}x" if ratios else "-")
            print("| " + " | ".join(cells) + " |", flush=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait(url: str) -> None:
    client = redis.Redis.from_url(url)
    until = time.monotonic() + 10
    while time.monotonic() < until:
        try:
            client.ping()
        except redis.ConnectionError:
            time.sleep(0.02)
        else:
            return
    raise SystemExit("the Redis server did not start")


if __name__ == "__main__":
    main()
