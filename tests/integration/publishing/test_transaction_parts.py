"""fct_transaction in parts: what its rows are made from is known part by part, and parts that cannot have changed are linked.

Belongs here: the files of fct_transaction, and the digests that say which of them may be linked. That a run after any event publishes what a full run
does is tests/integration/incremental/test_edges.py, whose book has such parts. Does not belong here: the lines of payouts (test_line_parts.py).
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import duckdb
import pytest

from assets.published.reader import open_published, read_manifest
from assets.publishing import transaction_parts
from assets.publishing.transaction_parts import TransactionPart, find_unchanged_files, list_transaction_parts
from models.records.run_history import EndedRun
from tests.support.edges_book import EdgesBook


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EdgesBook]:
    """The edges book after one run, with some 30 rows to a part."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(transaction_parts, "ONE_FILE_UP_TO_ROWS", 0)
        patch.setattr(transaction_parts, "ROWS_OF_PART", 30)
        book = EdgesBook(tmp_path_factory.mktemp("edges"))
        book.lines(
            "B1,1,2026-06-01,P1,D1,sale,,x,EUR,,",
            "R1,1,2026-06-02,P1,D1,return,1,-5,EUR,P1-3,",
            "U1,1,2026-06-02,nobody,D1,sale,1,5,EUR,,",
            "P2-1,1,2026-01-10,P2,D1,sale,1,402,EUR,,",
        )
        book.run()
        yield book


@pytest.fixture
def con(book: EdgesBook) -> Iterator[duckdb.DuckDBPyConnection]:
    """Its warehouse; what a test changes is taken back."""
    with duckdb.connect(str(book.folder / "warehouse.duckdb")) as con:
        con.begin()
        yield con
        con.rollback()


def contents(con: duckdb.DuckDBPyConnection, parts: list[TransactionPart]) -> dict[str, list[tuple[object, ...]]]:
    """The rows of each part, as the mart gives them."""
    found = {}
    for part in parts:
        con.execute("set variable first_file = ?", [part.first_file])
        con.execute("set variable last_file = ?", [part.last_file])
        found[part.name] = con.execute("from marts.fct_transaction").fetchall()
    con.execute("reset variable first_file; reset variable last_file")
    return found


def test_the_parts_are_all_rows_in_their_order(book: EdgesBook, con: duckdb.DuckDBPyConnection) -> None:
    parts = contents(con, list_transaction_parts(con))
    assert len(parts) >= 3
    assert all(parts.values())
    assert [row for rows in parts.values() for row in rows] == con.execute("from marts.fct_transaction").fetchall()
    with open_published(book.folder) as published:
        assert published.sql("select count(*) from fct_transaction").fetchall() == con.execute("select count(*) from marts.fct_transaction").fetchall()
    files = {path.stem for path in (book.folder / "published" / "current").glob("fct_transaction*")}
    assert files == set(parts)


def test_a_book_with_fewer_rows_has_one_file(con: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = con.execute("select sum(rows_read) from raw.feed_files where feed = 'transactions'").fetchall()[0][0]
    monkeypatch.setattr(transaction_parts, "ONE_FILE_UP_TO_ROWS", rows)
    assert list_transaction_parts(con) == []
    monkeypatch.setattr(transaction_parts, "ONE_FILE_UP_TO_ROWS", rows - 1)
    assert list_transaction_parts(con)


_OF_ONE_ROW = "from raw.transactions where transaction_id = 'P1-1'"
#: What happens to a row of the first part, or to its file.
CHANGES = {
    "it is replaced": "insert into intermediate.int_rows_replaced by name select 'transactions' as feed, file_no, row_no, 'superseded' as disposition, "
    f"file_no as replaced_by_file_no, 1 as replaced_by_row_no {_OF_ONE_ROW}",
    "another row replaces it": "update intermediate.int_rows_replaced set replaced_by_row_no = 99 "
    f"where feed = 'transactions' and file_no = (select file_no {_OF_ONE_ROW}) and replaced_by_row_no is not null",
    "it has no partner": "insert into intermediate.int_rows_unresolved by name "
    f"select 'transactions' as feed, file_no, row_no, 'unknown_partner' as reason {_OF_ONE_ROW}",
    "its file has another name": f"update raw.feed_files set file_name = 'other.csv' where file_no = (select file_no {_OF_ONE_ROW})",
    "its file begins on another line": f"update raw.feed_files set lines_before = lines_before + 1 where file_no = (select file_no {_OF_ONE_ROW})",
    "it is gone": f"delete {_OF_ONE_ROW}",
    "another is no data": f"insert into raw.ignored_rows by name select 'transactions' as feed, file_no, 999 as row_no {_OF_ONE_ROW}",
    "it is on another line": f"insert into raw.row_lines by name select 'transactions' as feed, file_no, row_no, 77 as line {_OF_ONE_ROW}",
    "another is rejected": "insert into raw.rejects by name select 'transactions' as feed, file_no, 998 as row_no, 'bad_number' as reason, 'x' as message, "
    f"'{{}}' as raw, '{{}}' as readable {_OF_ONE_ROW}",
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_what_changes_rows_of_one_file_changes_the_digest_of_its_part_alone(con: duckdb.DuckDBPyConnection, change: str) -> None:
    before = list_transaction_parts(con)
    rows = contents(con, before)
    con.execute(change)
    after = list_transaction_parts(con)
    changed = {part.name for part, other in zip(before, after, strict=True) if part.digest != other.digest}
    assert {name for name, now in contents(con, after).items() if now != rows[name]} == changed == {before[0].name}


@pytest.mark.parametrize(
    ("change", "parts"),
    [
        ("update terms.settings set as_of = date '2026-05-10'", 3),  # the lines of June wait again
        ("update intermediate.int_originals_dated set first_day = first_day - 1 where original_id = 'P1-3'", 1),
        ("update intermediate.int_credits_split set credit_key = credit_key + 7", 1),
    ],
    ids=["as_of", "day of an original", "credits"],
)
def test_what_rows_show_of_others_changes_the_digest_of_each_part_that_shows_it(con: duckdb.DuckDBPyConnection, change: str, parts: int) -> None:
    before = list_transaction_parts(con)
    rows = contents(con, before)
    con.execute(change)
    after = list_transaction_parts(con)
    changed = {part.name for part, other in zip(before, after, strict=True) if part.digest != other.digest}
    differing = {name for name, now in contents(con, after).items() if now != rows[name]}
    assert differing
    assert differing <= changed
    assert len(changed) == parts


def test_other_conditions_change_every_part(con: duckdb.DuckDBPyConnection) -> None:
    before = list_transaction_parts(con)
    (query,) = con.execute("select sql from duckdb_views() where schema_name = 'marts' and view_name = 'fct_transaction'").fetchall()[0]
    con.execute(query.replace("CREATE VIEW", "CREATE OR REPLACE VIEW").replace("'waiting'", "'waits'"))
    assert all(part.digest != other.digest for part, other in zip(before, list_transaction_parts(con), strict=True))


def test_nothing_is_linked_from_another_set_or_from_another_program(book: EdgesBook, con: duckdb.DuckDBPyConnection) -> None:
    parts = list_transaction_parts(con)
    before = read_manifest(book.folder / "published")
    assert before is not None
    run = EndedRun.model_validate_json(json.dumps(before["run"]))
    assert find_unchanged_files(con, before, run, parts) == {part.name for part in parts}
    assert find_unchanged_files(con, {**before, "run_id": "another"}, run, parts) == set()
    assert find_unchanged_files(con, None, run, parts) == set()
    for other in ("code_version", "settings_sha256"):
        assert find_unchanged_files(con, before, run.model_copy(update={other: "another"}), parts) == set()


def test_a_new_file_touches_the_last_part(book: EdgesBook) -> None:
    current = book.folder / "published" / "current"
    before = {path.name: path.stat().st_ino for path in current.resolve().glob("fct_transaction.*")}
    book.lines("N1,1,2026-06-03,P1,D1,sale,1,5,EUR,,")
    book.run()
    after = {path.name: path.stat().st_ino for path in current.resolve().glob("fct_transaction.*")}
    assert {name for name in after if before.get(name) != after[name]} == {max(after)}
    assert len(after) > 1
    book.run(full=True)  # it writes all of them, so that it can be compared with
    assert not {path.stat().st_ino for path in current.resolve().glob("fct_transaction.*")} & set(after.values())
