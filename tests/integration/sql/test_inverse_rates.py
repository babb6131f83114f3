"""Rates of the reverse pair: what is converted by them, and what readers see of them.

Belongs here: `invert` of the feed fx_rates in the published tables. Does not belong here: which rate a line takes (tests/golden/fx_rules.yaml).
"""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from pipelines.cli.main import main
from pipelines.run import run_book

BOOK = """
book: rates
currency: HUF
as_of: 2026-12-31
feeds:
  transactions: {files: "feeds/transactions/*.csv"}
  fx_rates: {files: "feeds/fx_rates/*.csv", invert: true}
"""
AGREEMENT = """
agreement: A
currency: EUR
term: {from: 2026-01-01, to: 2026-12-31}
participants: [P]
benefits:
  - {id: b, clause: "1", window: year, tiers: [{from: 0, rate: 0.1}]}
"""
#: 1 EUR = 0.86595 GBP, and 1 HUF = 0.0025 EUR.
RATES = "date,from_currency,to_currency,rate\n2026-01-01,EUR,GBP,0.86595\n2026-01-01,HUF,EUR,0.0025\n"
LINES = "transaction_id,date,partner_id,amount,currency\n1,2026-03-01,P,86.60,GBP\n2,2026-03-01,P,100.00,EUR\n"


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("inverse") / "book"
    for name, text in {"book.yaml": BOOK, "agreements/a.yaml": AGREEMENT, "feeds/fx_rates/r.csv": RATES, "feeds/transactions/t.csv": LINES}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    run_book(folder)
    return folder


def test_a_line_names_the_rate_that_was_inverted(book: Path) -> None:
    with duckdb.connect(str(book / "published" / "tierledger.duckdb"), read_only=True) as con:
        rows = con.execute("select transaction_id, fx_rate::varchar, inverted_rate::varchar, credited_measure::varchar from fct_payout_line order by 1")
        assert rows.fetchall() == [("1", "1.154801085513", "0.865950000000", "100.010000000000"), ("2", "1.000000000000", None, "100.000000000000")]


def test_a_payout_in_the_book_s_currency_is_divided_by_the_rate(book: Path) -> None:
    """20.00 EUR / 0.0025 = 8,000 HUF."""
    with duckdb.connect(str(book / "published" / "tierledger.duckdb"), read_only=True) as con:
        assert con.execute("select payout::varchar, payout_reporting::varchar from fct_payout").fetchall() == [("20.0000", "8000.0000")]


def test_explain_shows_the_division(book: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "A/b/P/2026-01-01", "--book", str(book)]) == 0
    assert "1 / 0.86595" in capsys.readouterr().out
