"""The long run: 1,000 histories of 40 events, every invariant after every one.

    make histories                                     seeds 0 to 999, on every core; stopped and given again, it goes on where it was
    python -m tests.histories --seeds 0:59             others
    python -m tests.histories --seed 137 --steps 21    one history alone, up to its 21st step; --keep FOLDER leaves the book there
    python -m tests.histories --seed 137 --company     with the histories it shares its book with

Exit code 1 when anything is broken. What is broken is told with the way to see it again.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.histories.groups import live_group
from tests.histories.paying import HAPPENED
from tests.histories.world import GROUP

SEEDS, STEPS = "0:999", 40
#: In as many books all of HAPPENED must have happened.
ENOUGH = 4
DONE = Path(__file__).parents[2] / "build" / "histories.jsonl"


def main(arguments: list[str]) -> int:
    options = _options(arguments)
    if options.seed is not None:
        return _replay(options)
    first, _, last = options.seeds.partition(":")
    groups = sorted({seed // GROUP for seed in range(int(first), int(last or first) + 1)})
    code = _code()
    known = [json.loads(line) for line in DONE.read_text().splitlines()] if DONE.exists() and not options.anew else []
    done = {each["group"]: each for each in known if each["steps"] == options.steps and not each["told"]}
    left = [(group, options.steps, code) for group in groups if group not in done]
    if done:
        print(f"{len(done)} of {len(groups)} books were done before; --anew plays them again")
    DONE.parent.mkdir(exist_ok=True)
    began = time.perf_counter()
    with multiprocessing.get_context("spawn").Pool(options.jobs, maxtasksperchild=5) as pool, DONE.open("w" if options.anew else "a") as file:
        for outcome in pool.imap_unordered(live_group, left):
            file.write(json.dumps(outcome) + "\n")
            file.flush()
            done[outcome["group"]] = outcome
            print(
                f"book {outcome['group']}: {outcome['seconds']:.0f} s, {len(done)} of {len(groups)} books, {time.perf_counter() - began:.0f} s so far",
                flush=True,
            )
            if outcome["told"]:
                print(outcome["told"], flush=True)
    return _tell([done[group] for group in groups], options.steps)


def _tell(outcomes: Sequence[dict[str, Any]], steps: int) -> int:
    """The scorecard, and the exit code."""
    broken = [each for each in outcomes if each["told"]]
    sums = {key: sum(each[key] for each in outcomes) for key in ("histories", "steps_played", "closes", "reopened", "checked", "killed")}
    print(
        f"{sums['histories']:,} histories of {steps} events in {len(outcomes)} books: {sums['steps_played']:,} steps, {sums['closes']:,} closes, "
        f"{sums['reopened']:,} reopened, {sums['killed']:,} commands killed and given again, {sums['checked']:,} statements held against books; "
        f"{len(broken)} books broken"
    )
    codes = Counter(each["code"] for each in outcomes)
    print("code: " + ", ".join(f"{code} ({count} books)" for code, count in codes.items()))
    posted: Counter[str] = sum((Counter(each["posted"]) for each in outcomes), Counter())
    print("posted: " + ", ".join(f"{count:,} {name}" for name, count in sorted(posted.items())))
    paid: Counter[str] = sum((Counter(each.get("paid", {})) for each in outcomes), Counter())
    print("after the curve: " + ", ".join(f"{paid[name]:,} {name}" for name in HAPPENED))
    missing = [name for name in HAPPENED if not paid[name]] if len(outcomes) >= ENOUGH and not broken else []
    if missing:
        print(f"in none of {len(outcomes)} books: {', '.join(missing)}")
    return 1 if broken or missing else 0


def _replay(options: argparse.Namespace) -> int:
    from tests.histories.simulation import Broken, live

    group = options.seed // GROUP
    seeds = range(group * GROUP, group * GROUP + GROUP) if options.company else [options.seed]
    with tempfile.TemporaryDirectory(prefix="histories") as scratch:
        folder = options.keep or Path(scratch) / "book"
        shutil.rmtree(folder, ignore_errors=True)
        try:
            life = live(folder, seeds, options.steps)
        except Broken as broken:
            print(broken)
            return 1
    for history in life.histories:
        print(f"history {history.seed} ({history.name}):", *history.message, sep="\n  ")
    print("after the curve: " + ", ".join(f"{count:,} {name}" for name, count in life.paid.items()))
    print(f"nothing is broken: {', '.join(life.log)}")
    return 0


def _code() -> str:
    from assets.runtime.versions import code_version

    return code_version()


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.histories", description="Random histories of books, every invariant after every event.")
    parser.add_argument("--seeds", default=SEEDS, help=f"first:last; whole books of {GROUP} are played")
    parser.add_argument("--steps", type=int, default=STEPS, help="events of each history")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes")
    parser.add_argument("--anew", action="store_true", help="forget which books were done before")
    parser.add_argument("--seed", type=int, help="one history")
    parser.add_argument("--company", action="store_true", help="with --seed: with the histories of its book")
    parser.add_argument("--keep", type=Path, help="with --seed: leave the book in this folder, which is emptied first")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
