"""column_lineage, the command that reads it, and OpenLineage: what is said of the demo is what its book.yaml maps and what its SQL and models do.

Belongs here: the published table and its other forms. Does not belong here: lineage of one query, what feeds are filled from (tests/unit).
"""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pytest

from assets.lineage.origins import list_origins, read_book_columns
from assets.lineage.program import read_program
from assets.published.marts import descriptions
from assets.runtime.book_folder import open_book
from pipelines.cli.main import main
from pipelines.run import run_book
from tests.support.bonus_book import write_book


def rows(book: Path, query: str) -> list[tuple[Any, ...]]:
    return duckdb.execute(query.format(lineage=f"'{book}/published/current/column_lineage.parquet'")).fetchall()


def test_every_published_column_has_an_origin(demo_book: Path) -> None:
    known = set(rows(demo_book, "select distinct table_name, column_name from {lineage} where role = 'value'"))
    with duckdb.connect(str(demo_book / "published" / "tierledger.duckdb"), read_only=True) as con:
        published = set(con.sql("select table_name, column_name from duckdb_columns() where schema_name = 'main' and not internal").fetchall())
    assert known == published > {(table, column) for table, (_, columns) in descriptions().items() for column in columns}
    assert {("dim_partner", "region"), ("dim_product_version", "brand")} <= known


@pytest.mark.parametrize(
    ("table", "column", "canonical", "file_column"),
    [
        ("fct_payout", "payout", "raw.transactions.amount", "net_amount"),
        ("fct_payout", "payout", "raw.targets.target", "target"),
        ("fct_payout", "target", "raw.targets.target", "target"),
        ("fct_payout", "quantity", "raw.transactions.quantity", "cases"),
        ("fct_payout_line", "transaction_id", "raw.transactions.transaction_id", "invoice_no"),
        ("fct_payout_line", "line_payout", "raw.transactions.amount", "net_amount"),
        ("fct_payout_line", "fx_rate", "raw.fx_rates.rate", "rate"),
        ("fct_journal", "debit", "raw.transactions.amount", "net_amount"),
        ("dim_partner", "attributes", "raw.partners.attribute:region", "region"),
        ("fct_payout", "clause", "terms.benefits.clause", None),
        ("fct_payout", "due_date", "terms.releases.lag_days", None),
        ("fct_payout", "run_id", "calc.current_run.run_id", None),
    ],
)
def test_a_column_comes_from(demo_book: Path, table: str, column: str, canonical: str, file_column: str | None) -> None:
    found = rows(
        demo_book,
        f"""select file_column from {{lineage}}
        where table_name = '{table}' and column_name = '{column}' and canonical_table || '.' || canonical_column = '{canonical}'""",
    )
    assert found == [(file_column,)]


@pytest.mark.parametrize(
    ("table", "column", "canonical"),
    [
        ("fct_payout", "settled", "raw.transactions.amount"),
        ("fct_payout", "window_end", "raw.transactions.amount"),
        ("fct_release", "share", "terms.tiers.rate"),
    ],
)
def test_a_column_does_not_come_from(demo_book: Path, table: str, column: str, canonical: str) -> None:
    found = (
        f"select * from {{lineage}} where table_name = '{table}' and column_name = '{column}' and canonical_table || '.' || canonical_column = '{canonical}'"
    )
    assert rows(demo_book, found) == []


def test_types_partners_and_conditions_decide_which_rows_there_are(demo_book: Path) -> None:
    found = {name for (name,) in rows(demo_book, "select canonical_column from {lineage} where table_name = 'fct_payout_line' and role = 'rows'")}
    assert {"type", "partner_id", "quantity", "value"} <= found  # quantity: one agreement has `where: quantity >= 2`


def test_a_way_leads_from_the_published_column_to_the_canonical_one(demo_book: Path) -> None:
    columns = read_program().columns
    for table, column, canonical, way in rows(
        demo_book,
        "select table_name, column_name, canonical_table || '.' || canonical_column, way from {lineage} where role = 'value' and origin = 'agreement'",
    ):
        steps = way.split(" ← ")
        assert (steps[0], steps[-1]) == (f"marts.{table}.{column}", canonical)
        assert all(below in columns[above].inputs for above, below in itertools.pairwise(steps))


def test_a_book_without_nets_measures_no_payouts(demo_book: Path) -> None:
    """Only what an agreement that is net of others measures depends on what those pay."""
    with duckdb.connect(str(demo_book / "warehouse.duckdb"), read_only=True) as con:
        book = read_book_columns(con, open_book(demo_book).feeds)
    assert book.has_nets
    found = {
        has_nets: {each.canonical_table for each in list_origins(read_program(), replace(book, has_nets=has_nets)) if each.column_name == "measure"}
        for has_nets in (True, False)
    }
    assert "terms.tiers" in found[True] - found[False]


def test_the_command_shows_it_in_four_forms(demo_book: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["lineage", "fct_payout.payout", "--book", str(demo_book)]
    assert main(asked) == 0
    text = capsys.readouterr().out
    assert "transactions  net_amount" in text
    assert "marts.fct_payout.payout ← calc.payouts.payout" in text
    assert main([*asked, "--format", "json"]) == 0
    (column,) = json.loads(capsys.readouterr().out)["columns"]
    assert {row["file_column"] for row in column["origins"] if row["canonical_column"] == "amount" and row["origin"] == "feed"} == {"net_amount"}
    assert main([*asked, "--format", "mermaid"]) == 0
    drawn = capsys.readouterr().out.splitlines()
    assert drawn[0] == "flowchart LR"
    assert any("transactions file: net_amount" in line for line in drawn)
    assert main([*asked, "--format", "html", "--output", str(tmp_path / "page.html")]) == 0
    assert "transactions: net_amount" in (tmp_path / "page.html").read_text(encoding="utf-8")


def test_a_table_is_asked_for_as_a_whole_and_an_unknown_name_is_an_error(demo_book: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lineage", "dim_partner", "--book", str(demo_book)]) == 0
    assert "the rows of dim_partner" in capsys.readouterr().out
    assert main(["lineage", "fct_payout.amount", "--book", str(demo_book)]) == 2
    assert "fct_payout has no column 'amount'; there are:" in capsys.readouterr().err
    assert main(["lineage", "fct_pay", "--book", str(demo_book)]) == 2
    assert "no published table is called 'fct_pay'; there are: audit_close" in capsys.readouterr().err


def test_openlineage_events_and_the_report_are_written_where_the_book_asks_for_them(tmp_path: Path) -> None:
    write_book(tmp_path)
    events = tmp_path / "published" / "openlineage.ndjson"
    run_book(tmp_path)
    report = tmp_path / "published" / "report"
    assert not events.exists()
    assert not report.exists()
    settings = tmp_path / "book.yaml"
    settings.write_text(settings.read_text(encoding="utf-8") + "\npublish: {openlineage: true, report: true}\n", encoding="utf-8")
    run_id = run_book(tmp_path).run_id
    assert f"Run <code>{run_id}</code>" in (report / "index.html").read_text(encoding="utf-8")
    started, completed = map(json.loads, events.read_text(encoding="utf-8").splitlines())
    assert (started["eventType"], completed["eventType"]) == ("START", "COMPLETE")
    assert started["run"]["runId"] == completed["run"]["runId"]
    assert {"feeds/transactions", "agreements", "book.yaml"} <= {each["name"] for each in completed["inputs"]}
    payouts = next(each for each in completed["outputs"] if each["name"] == "published/fct_payout")
    fields = payouts["facets"]["columnLineage"]["fields"]
    assert {"feeds/transactions"} == {each["name"] for each in fields["payout"]["inputFields"] if each["field"] == "amount"}
    assert payouts["facets"]["columnLineage"]["dataset"][0]["transformations"][0]["type"] == "INDIRECT"
    assert payouts["outputFacets"]["outputStatistics"]["rowCount"] > 0
    assert {each["name"] for each in payouts["facets"]["schema"]["fields"]} >= fields.keys()
