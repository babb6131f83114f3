"""The long run: the program against the reference on random books, and a scorecard.

    make torture                                           ten seeds
    python -m tests.torture --seeds 100:110                others
    python -m tests.torture --seed 7 --only K03-A          one agreement of one book, with its documents; --keep FOLDER leaves the book there
    python -m tests.torture --seed 7 --without rank,where  a language without these features
    python -m tests.torture --metamorphic                  what must not change a result, on more books than `make test` has time for

Exit code 1 when anything differs, or when fewer results were compared, or fewer at thresholds, than promised.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.exact_text import to_yaml
from tests.torture.aiming import aim, count_hits
from tests.torture.books import TortureBook, draw_book, write_book
from tests.torture.compare import Comparison, compare
from tests.torture.drawing import FEATURES, ON_REQUEST
from tests.torture.scorecard import Scorecard, count_keys

SEEDS, CLUSTERS, SHOWN = 10, 60, 12


def main(arguments: list[str]) -> int:
    options = _options(arguments)
    if options.metamorphic:
        from tests.torture.metamorphic import run_all

        return int(run_all(_seeds(options.seeds), options.features))
    if options.seed is not None:
        comparison = _replay(options)
        print(*comparison.differences, sep="\n")
        return 1 if comparison.differences else 0
    card = Scorecard()
    for seed in _seeds(options.seeds):
        began = time.perf_counter()
        _add(card, seed, options)
        print(f"seed {seed}: {card.results:,} results so far, {card.differences} differences, {time.perf_counter() - began:.0f} s", flush=True)
    print(*card.lines(), sep="\n")
    shortfalls = card.shortfalls()
    print("not kept: " + "; ".join(shortfalls) if shortfalls else "all kept")
    return 1 if shortfalls else 0


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.torture", description="The program against the reference on random books.")
    parser.add_argument("--seeds", default=f"1:{SEEDS}", help="first:last")
    parser.add_argument("--seed", type=int, help="one seed, every difference told")
    parser.add_argument("--only", help="with --seed: the agreements that this one stands together with, alone")
    parser.add_argument("--keep", type=Path, help="with --seed: leave the book in this folder")
    parser.add_argument("--clusters", type=int, default=CLUSTERS, help="groups of partners with agreements of their own in a book")
    parser.add_argument("--without", default="", help=f"features to leave out, of: {' '.join(sorted(FEATURES))}")
    parser.add_argument("--more", default="", help=f"features to draw besides, of: {' '.join(sorted(ON_REQUEST))}")
    parser.add_argument("--metamorphic", action="store_true", help="the program against itself on changed books")
    options = parser.parse_args(arguments)
    wanted = set(filter(None, options.more.split(",")))
    if unknown := wanted - ON_REQUEST:
        parser.error(f"--more: unknown {', '.join(sorted(unknown))}")
    out = set(FEATURES) if options.without == "all" else set(filter(None, options.without.split(",")))
    if unknown := out - FEATURES:
        parser.error(f"unknown features: {', '.join(sorted(unknown))}")
    options.features = FEATURES - out | wanted
    return options


def _seeds(text: str) -> range:
    first, _, last = text.partition(":")
    return range(int(first), int(last or first) + 1)


def make_book(seed: int, clusters: int, features: frozenset[str]) -> TortureBook:
    """The book of a seed with its volumes at thresholds."""
    return aim(draw_book(seed, clusters, features))


def _add(card: Scorecard, seed: int, options: argparse.Namespace) -> None:
    book = make_book(seed, options.clusters, options.features)
    with _folder(None) as folder:
        comparison = compare(write_book(book, folder))
    hits, kinds = count_hits(book, comparison.payouts)
    card.books += 1
    card.results += comparison.compared.pop("payouts", 0)
    card.at_thresholds += hits
    card.kinds += kinds
    card.compared += comparison.compared
    card.keys += count_keys(book.agreements) + count_keys([{"book": {"calendar": book.settings["calendar"], "rounding": book.settings.get("rounding")}}])
    card.statuses.update(" ".join(filter(None, (row["status"], row["status_reason"]))) for row in comparison.payouts.values())
    card.differences += len(comparison.differences)
    for difference in comparison.differences[:SHOWN]:
        print(f"  {difference}")
    out, more = FEATURES - options.features, options.features - FEATURES
    without = (f" --without {','.join(sorted(out))}" if out else "") + (f" --more {','.join(sorted(more))}" if more else "")
    for agreement in sorted({difference.agreement for difference in comparison.differences})[:SHOWN]:
        print(f"  replay: python -m tests.torture --seed {seed} --clusters {options.clusters}{without} --only {agreement}")


def _replay(options: argparse.Namespace) -> Comparison:
    book = make_book(options.seed, options.clusters, options.features)
    if options.only:
        book = book.only(options.only)
        print(*(to_yaml(agreement) for agreement in book.agreements), sep="---\n")
    with _folder(options.keep) as folder:
        return compare(write_book(book, folder))


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    if keep is not None:
        shutil.rmtree(keep, ignore_errors=True)
        yield keep
        return
    with tempfile.TemporaryDirectory(prefix="torture") as folder:
        yield Path(folder) / "book"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
