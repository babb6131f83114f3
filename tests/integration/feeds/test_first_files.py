"""init on exports as systems write them: the first book reads every line with its day, partner, sign and amount, and no hand touched it.

Belongs here: whole files. Does not belong here: single guesses (tests/unit/feeds), the layouts (tests/support/exports.py).
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest

from assets.runtime.book_folder import open_book
from pipelines.cli.main import main
from pipelines.run import run_book
from tests.support.exports import TRANSACTIONS, Export
from tests.support.feed_books import load, query, rejects


def first_book(tmp_path: Path, export: Export) -> Path:
    """The book that init makes of the file, as it is."""
    tmp_path.mkdir(exist_ok=True)
    (tmp_path / export.name).write_bytes(export.content)
    option = ["--currency", export.option] if export.option else []
    assert main(["init", str(tmp_path / "book"), "--feed", str(tmp_path / export.name), *option]) == 0
    return tmp_path / "book"


@pytest.mark.parametrize("system", TRANSACTIONS)
def test_every_line_is_read_as_it_was_meant(tmp_path: Path, system: str, capsys: pytest.CaptureFixture[str]) -> None:
    export = TRANSACTIONS[system]()
    book = first_book(tmp_path, export)
    message = capsys.readouterr().out
    load(book)
    columns = "transaction_id, date, partner_id, coalesce(product_id, ''), amount, type in ('return', 'credit')"
    found = query(book, f"select {columns} from raw.transactions where currency = '{export.currency}'")
    wanted = [(each.document, each.day, each.partner, each.product, each.amount, each.kind == "return") for each in export.lines]
    assert Counter(found) == Counter(wanted)
    assert len(rejects(book)) == export.rejected
    taken = query(book, "select count(*) from raw.transactions")[0][0]
    counted = f"{taken:,} of {taken + export.rejected:,} rows" if export.rejected else f"all {taken:,} rows"
    assert f"{counted} would be taken" in " ".join(message.split())
    assert "ename" not in message


@pytest.mark.parametrize("system", TRANSACTIONS)
def test_quantities_have_the_sign_of_their_amounts(tmp_path: Path, system: str) -> None:
    book = first_book(tmp_path, TRANSACTIONS[system]())
    load(book)
    assert query(book, "select count(*) from raw.transactions where sign(quantity) * sign(amount) < 0") == [(0,)]


@pytest.mark.parametrize("system", ["sap", "quickbooks", "shopify", "datev"])
def test_the_first_book_runs_pays_and_verifies(tmp_path: Path, system: str) -> None:
    export = TRANSACTIONS[system]()
    book = first_book(tmp_path, export)
    run_book(book, as_of=dt.date(2026, 12, 31))
    (example,) = (book / "agreements").glob("*.yaml")
    assert main(["verify", "--book", str(book)]) == 0
    (payout,) = query_published(book, "select sum(measure) from fct_payout")
    largest = example.read_text(encoding="utf-8").split("participants: [")[1].split("]")[0].strip("'\"")
    assert payout[0] == sum((each.amount for each in export.lines if each.partner == largest), Decimal(0))


def query_published(book: Path, sql: str) -> list[tuple[object, ...]]:
    import duckdb

    with duckdb.connect(str(book / "published" / "tierledger.duckdb"), read_only=True) as con:
        return con.execute(sql).fetchall()


def test_the_settings_of_the_feed_are_used_and_no_nested_replace(tmp_path: Path) -> None:
    for system, make in TRANSACTIONS.items():
        feed = open_book(first_book(tmp_path / system, make())).feeds["transactions"]
        assert not any("replace(" in expression.lower() for expression in feed.columns.values())
