"""Readers while sets are published: every read sees one run in all tables of a medium, the old one or the new one, also when a publish comes in its middle.

Belongs here: reading and publishing at the same time. Does not belong here: what publishing writes (tests/integration/publishing/test_publishing.py).

    python -m tests.faults.readers                2,000 reads (two minutes of CPU)
    python -m tests.faults.readers --reads 200
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import duckdb

from assets.published.reader import DATABASE, open_published
from assets.publishing.parquet_set import publish
from assets.runtime.context import RunContext
from tests.faults.injection import Scorecard
from tests.faults.telling import print_card
from tests.support.publishing_books import change_run, make_published_book

_Opened = AbstractContextManager[duckdb.DuckDBPyConnection]


def read_while_publishing(card: Scorecard, folder: Path, reads: int) -> int:
    """As many reads as asked for, half of Parquet and half of the DuckDB file. Returns how many sets were published meanwhile."""
    context = make_published_book(folder)
    publish(context)
    published = [1]
    media: dict[str, Callable[[], _Opened]] = {
        "Parquet": lambda: open_published(folder),
        "DuckDB": lambda: duckdb.connect(str(context.published / DATABASE), read_only=True),
    }
    left = dict.fromkeys(media, reads // 2)
    lock, entered = threading.Lock(), dict.fromkeys(media, 0)

    def read(medium: str, dice: random.Random) -> None:
        while True:
            with lock:
                if not left[medium]:
                    return
                left[medium] -= 1
            is_slow = dice.random() < 0.2
            message = _read(media[medium], published if is_slow else None)
            with lock:
                entered[medium] += 1
                card.enter(f"{medium}, over a publish" if is_slow else medium, f"read {entered[medium]} of {medium}", wrong=message)

    threads = [threading.Thread(target=read, args=(medium, random.Random(f"{medium} {n}"))) for medium in media for n in (1, 2)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        _publish_another(context, published)
    for thread in threads:
        thread.join()
    return published[0]


def _publish_another(context: RunContext, published: list[int]) -> None:
    change_run(context, f"run-{published[0]}")
    publish(context)
    published[0] += 1


def _read(opened: Callable[[], _Opened], published: list[int] | None) -> list[str]:
    """What is wrong with what one reader sees. With `published` it waits between two tables until another set is there."""
    try:
        with opened() as con:
            first = con.sql("select distinct run_id from fct_payout").fetchall()
            if published:
                seen, since = published[0], time.monotonic()
                while published[0] == seen and time.monotonic() < since + 5:
                    time.sleep(0.002)
            second = con.sql("select distinct run_id, count(*) from fct_payout_line group by all").fetchall()
    except Exception as error:  # whatever a reader meets is a finding
        return [repr(error)]
    return [] if len(first) == 1 and second == [(first[0][0], 9)] else [f"{first} in payouts, {second} in lines"]


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser("tests.faults.readers", description="readers while sets are published")
    parser.add_argument("--reads", type=int, default=2000)
    options = parser.parse_args(arguments)
    card = Scorecard()
    with tempfile.TemporaryDirectory(prefix="readers-") as folder:
        sets = read_while_publishing(card, Path(folder), options.reads)
    return print_card("readers", arguments, card, [f"published        {sets} sets meanwhile"])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
