"""The lineage that comes with the program (assets/lineage/program.json), held against its SQL.

Belongs here: that the file is up to date, complete, and holds for the SQL of a real book. Does not belong here: lineage of one query
(tests/unit/test_sql_columns.py).
"""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest
import yaml

from assets.lineage.program import PROGRAM_FILE, read_program
from assets.published.marts import descriptions
from assets.runtime.book_folder import open_book
from assets.transform.book_features import read_book_features
from pipelines.pages.program_lineage import make_program, read_models

MODELS = Path(__file__).parents[2] / "dbt_project" / "models"


def test_the_file_is_up_to_date() -> None:
    assert PROGRAM_FILE.read_text(encoding="utf-8") == make_program(), "run `make lineage`"


def test_every_published_column_is_in_it() -> None:
    columns = read_program().columns
    assert [f"{table}.{name}" for table, (_, of) in descriptions().items() for name in of if f"marts.{table}.{name}" not in columns] == []


def test_it_ends_in_what_files_agreements_and_ledger_say() -> None:
    """Every column that nothing computes is one that a step writes, so no edge is lost on the way."""
    sources = yaml.safe_load((MODELS / "sources.yml").read_text(encoding="utf-8"))["sources"]
    written = {f"{source['name']}.{table['name']}.{column['name']}" for source in sources for table in source["tables"] for column in table["columns"]}
    program = read_program()
    ends = {name for column in program.columns.values() for name in column.inputs} - program.columns.keys()
    assert {end for end in ends - written if ":" not in end} == set()
    assert {end.split(".")[0] for end in ends} == {"raw", "terms", "ledger", "calc"}
    assert {end.split(".")[1] for end in ends if end.startswith("calc.")} == {"runs", "current_run", "column_lineage"}


@pytest.mark.long
def test_the_sql_of_a_real_book_reads_nothing_else(demo_book: Path) -> None:
    with duckdb.connect(str(demo_book / "warehouse.duckdb"), read_only=True) as con:
        book = read_book_features(con, open_book(demo_book).feeds).as_var()
    program = read_program()
    unknown = [
        (f"{table}.{name}", source)
        for table, query in read_models(book).items()
        for name, column in query.columns.items()
        # columns that files carry along, and what conditions name, have the names of this book (assets/lineage/origins.py)
        if ":" not in name and name != "conditions_held"
        for source in column.inputs
        if ":" not in source and source not in program.columns[f"{table}.{name}"].inputs
    ]
    assert unknown == []
