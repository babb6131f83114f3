"""A run on Spark that computes what has changed publishes the bytes of one that computes everything, and writes no file that has not changed.

Belongs here: events on Spark. Does not belong here: what an event reaches (tests/integration/incremental).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from assets.incremental.mode import OTHER_BUCKETS
from assets.publishing import line_parts
from assets.spark import session
from tests.support.edges_book import NOTHING_KEPT, EdgesBook
from tests.support.edges_events import EVENTS, FULL

SPARK = {"kind": "spark", "master": "local[2]", "buckets": 3}
pytestmark = pytest.mark.long


@pytest.fixture(scope="module", autouse=True)
def _spark() -> Iterator[None]:
    if missing := session.missing_parts():
        pytest.skip("; ".join(missing))
    yield
    session.stop_session()


@pytest.fixture(scope="module", params=[0, line_parts.ONE_FILE_UP_TO_LINES], ids=["a file per bucket", "one file"])
def book(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[EdgesBook]:
    """Run once in full. Events follow each other in it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(line_parts, "ONE_FILE_UP_TO_LINES", request.param)
        made = EdgesBook(tmp_path_factory.mktemp("edges") / "book", SPARK)
        assert made.run().why_full == NOTHING_KEPT
        yield made


@pytest.mark.parametrize("name", EVENTS)
def test_a_run_computes_what_an_event_touches(book: EdgesBook, name: str) -> None:
    event, lines, causes = EVENTS[name]
    event(book)
    recomputed = book.event()
    assert recomputed.why_full is None
    assert recomputed.line_causes == lines
    assert set(recomputed.causes) >= causes
    assert recomputed.payouts < recomputed.all_payouts


@pytest.mark.parametrize("name", FULL)
def test_a_run_computes_everything_where_it_cannot_say_what_is_touched(book: EdgesBook, name: str) -> None:
    event, why = FULL[name]
    event(book)
    assert book.run().why_full == why


def test_files_that_nothing_touches_stay(book: EdgesBook) -> None:
    """A line is added: the files of lines that were there stay as they are. Nothing is added: so do the published ones, but for what is net of others."""
    before = files_of_lines(book)
    book.lines("N30,1,2026-06-12,P2,D1,sale,1,700,EUR,,")
    assert book.run().line_causes == {"new lines": 1}
    added = files_of_lines(book)
    assert before.items() <= added.items()
    assert 2 <= len(added) - len(before) <= 3, "its typed row, and its credited line once per bucket"
    published = published_lines(book)
    book.run()
    assert files_of_lines(book) == added
    if line_parts.ONE_FILE_UP_TO_LINES == 0:
        assert len(published) == len(published_lines(book)) == 3
        assert len(published & published_lines(book)) == 2


def test_another_number_of_buckets_computes_everything(book: EdgesBook) -> None:
    book.engine = {**SPARK, "buckets": 4}
    assert book.run().why_full == OTHER_BUCKETS


def files_of_lines(book: EdgesBook) -> dict[Path, int]:
    """When each file of typed and credited lines was written. Lines that are net of others are made in every run."""
    tables = ("raw.transactions", "intermediate.int_lines_credited", "intermediate.int_lines_to_net")
    return {path: path.stat().st_mtime_ns for table in tables for path in (book.folder / "warehouse.lines" / table).rglob("*.parquet")}


def published_lines(book: EdgesBook) -> set[tuple[str, int]]:
    """Names and inodes of the published files of lines."""
    return {(path.name, path.stat().st_ino) for path in (book.folder / "published" / "current").glob("fct_payout_line.*.parquet")}
