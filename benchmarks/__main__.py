"""Measure all sides in turn, several times, and print medians and ratios as a Markdown table.

python -m benchmarks [--rounds 5] [--scale tiny|short|full] [--only fork1,inline1] [--sides pyresque,RQ] [--raw FILE] [--svg FILE]
"""

from __future__ import annotations

import argparse
import sys
from difflib import get_close_matches
from fnmatch import fnmatchcase
from pathlib import Path
from textwrap import fill

from benchmarks.contenders import ALL, contenders
from benchmarks.measure import Bench, Measure, Result
from benchmarks.measures import MEASURES
from benchmarks.plot import svg
from benchmarks.stage import GivenUpError, server
from benchmarks.table import HEAD, lines, rows, unmet

#: How much of everything.
SCALES = {"tiny": 0.05, "short": 0.3, "full": 1.0}


def main() -> None:
    """Measure and print."""
    options = _options()
    results: list[Result] = []
    print(HEAD)
    with server() as url:
        bench = Bench(url, contenders(options.sides.split(",")), SCALES[options.scale])
        for measure in MEASURES:
            if options.only and not _chosen(measure.key, options.only):
                continue
            result = measured(bench, measure, options.rounds)
            results.append(result)
            print("\n".join(rows(result)), flush=True)
            if options.raw:
                with options.raw.open("a", encoding="utf-8") as file:
                    file.writelines(f"{line}\n" for line in lines(result))
    if options.svg:
        options.svg.write_text(svg(results), encoding="utf-8")
    if missing := unmet(results):
        print(f"not reached: {', '.join(missing)}", file=sys.stderr)


def measured(bench: Bench, measure: Measure, rounds: int) -> Result:
    """So many rounds of it."""
    found = []
    for number in range(rounds):
        bench.round = number
        try:
            found.append(measure.take(bench))
        except GivenUpError as fault:
            print(f"{measure.key}: {fault}", file=sys.stderr)
    return Result(measure, found)


def _chosen(key: str, wanted: list[str]) -> bool:
    return any(fnmatchcase(key, word) for word in wanted)


def _options() -> argparse.Namespace:
    known = [measure.key for measure in MEASURES]
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measure pyresque and its peers side by side.",
        epilog="Measures:\n" + fill(" ".join(known), break_on_hyphens=False),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--rounds", type=int, default=5, help="how often each side takes its turn")
    parser.add_argument(
        "--only",
        default="",
        help="measures, or patterns of them such as info-*, with commas between them",
    )
    parser.add_argument(
        "--sides", default=",".join(ALL), help=f"who takes part: some of {','.join(ALL)}"
    )
    parser.add_argument("--scale", choices=[*SCALES], default="full", help="how much of everything")
    parser.add_argument("--raw", type=Path, help="file to add each round to, a line of JSON each")
    parser.add_argument("--svg", type=Path, help="file for a picture")
    options = parser.parse_args()
    options.only = [word for word in options.only.split(",") if word]
    unknown = [word for word in options.only if not any(fnmatchcase(key, word) for key in known)]
    if unknown:
        parser.error("; ".join(_no_such(word, known) for word in unknown))
    if strangers := [side for side in options.sides.split(",") if side not in ALL]:
        parser.error(f"no such side: {', '.join(strangers)}; there are {', '.join(ALL)}")
    return options


def _no_such(word: str, known: list[str]) -> str:
    """What to write in place of an unknown measure."""
    near = get_close_matches(word, known, 5) or [one for one in known if one.startswith(word)]
    return f"no such measure: {word}; " + (
        f"near to it: {', '.join(near)}" if near else "--help names them all"
    )


if __name__ == "__main__":
    main()
