"""What the engine may reach while a run uses it: the book's own files, whatever a statement says."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import duckdb
import pytest

from assets.runtime.book_folder import open_run
from assets.runtime.context import RunContext
from assets.runtime.limits import limits_of
from assets.runtime.warehouse import open_warehouse
from pipelines.run import run_book
from tests.faults.limits import write_wide_book
from tests.support.bonus_book import BOOK, write_book


@pytest.fixture
def context(tmp_path: Path) -> RunContext:
    (tmp_path / "outside.csv").write_text("a\n1\n")
    write_wide_book(tmp_path / "book", 3)
    (tmp_path / "book" / "link.csv").symlink_to(tmp_path / "outside.csv")
    return open_run(tmp_path / "book", None, dt.datetime(2027, 1, 1, tzinfo=dt.UTC))


@pytest.mark.parametrize(
    "statement",
    [
        "from read_csv('{outside}/outside.csv')",
        "from '{outside}/outside.csv'",
        "from read_csv('{outside}/book/../outside.csv')",
        "from read_csv('{outside}/book/link.csv')",
        "copy (select 1) to '{outside}/written.csv'",
        "attach '{outside}/other.duckdb'",
        "export database '{outside}/all'",
        "from glob('{outside}/*')",
        "load httpfs",
    ],
)
def test_no_statement_reaches_a_file_outside_the_book(context: RunContext, statement: str) -> None:
    """Nor does one of another connection of the process, as dbt opens it."""
    outside = context.folder.parent
    with open_warehouse(context) as con, duckdb.connect(str(context.warehouse), config=limits_of(context).engine) as other:
        for each in (con, other):
            with pytest.raises(duckdb.PermissionException):
                each.execute(statement.format(outside=outside)).fetchall()
    assert {path.name for path in outside.iterdir()} == {"book", "outside.csv"}


def test_files_that_are_rewritten_before_they_are_read_may_lie_where_a_run_spills(tmp_path: Path) -> None:
    book = write_book(tmp_path / "book")
    (book / "book.yaml").write_text(BOOK + f"    encoding: latin-1\nlimits: {{spill: {tmp_path / 'spill'}}}\n")
    assert run_book(book).status == "published"


def test_it_cannot_be_taken_back(context: RunContext) -> None:
    with open_warehouse(context) as con:
        for statement in ("set enable_external_access = true", "reset enable_external_access", "set allowed_directories = ['/']"):
            with pytest.raises(duckdb.InvalidInputException):
                con.execute(statement)
        assert con.execute(f"from read_csv('{context.folder}/feeds/transactions/lines.csv')").fetchall()
