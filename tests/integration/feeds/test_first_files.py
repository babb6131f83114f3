"""init on exports as systems write them: the first book reads every line with its day, partner, sign and amount, and no hand touched it.

Belongs here: whole files. Does not belong here: single guesses (tests/unit/feeds), the layouts (tests/support/exports.py).
"""

from __future__ import annotations

import contextlib
import datetime as dt
import io
from collections import Counter
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pytest

from assets.runtime.book_folder import open_book
from pipelines.cli.main import main
from pipelines.run import run_book
from tests.support.exports import TRANSACTIONS, Export, bank_rates
from tests.support.feed_books import load, query, rejects


def first_book(tmp_path: Path, export: Export) -> Path:
    """The book that init makes of the file, as it is."""
    tmp_path.mkdir(exist_ok=True)
    (tmp_path / export.name).write_bytes(export.content)
    option = ["--currency", export.option] if export.option else []
    assert main(["init", str(tmp_path / "book"), "--feed", str(tmp_path / export.name), *option]) == 0
    return tmp_path / "book"


@dataclass(frozen=True)
class Loaded:
    """An export, the book that init made of it, loaded, and what init said."""

    export: Export
    book: Path
    message: str


@pytest.fixture(scope="module", params=TRANSACTIONS)
def loaded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    """Tests leave the book as it is."""
    export = TRANSACTIONS[request.param]()
    with contextlib.redirect_stdout(io.StringIO()) as said:
        book = first_book(tmp_path_factory.mktemp(request.param), export)
    load(book)
    return Loaded(export, book, said.getvalue())


def test_every_line_is_read_as_it_was_meant(loaded: Loaded) -> None:
    export, book, message = loaded.export, loaded.book, loaded.message
    columns = "transaction_id, date, partner_id, coalesce(product_id, ''), amount, type in ('return', 'credit')"
    found = query(book, f"select {columns} from raw.transactions where currency = '{export.currency}'")
    wanted = [(each.document, each.day, each.partner, each.product, each.amount, each.kind == "return") for each in export.lines]
    assert Counter(found) == Counter(wanted)
    assert len(rejects(book)) == export.rejected
    taken = query(book, "select count(*) from raw.transactions")[0][0]
    counted = f"{taken:,} of {taken + export.rejected:,} rows" if export.rejected else f"all {taken:,} rows"
    assert f"{counted} would be taken" in " ".join(message.split())
    assert "ename" not in message


def test_quantities_have_the_sign_of_their_amounts(loaded: Loaded) -> None:
    assert query(loaded.book, "select count(*) from raw.transactions where sign(quantity) * sign(amount) < 0") == [(0,)]


def test_the_settings_of_the_feed_are_used_and_no_nested_replace(loaded: Loaded) -> None:
    feed = open_book(loaded.book).feeds["transactions"]
    assert not any("replace(" in expression.lower() for expression in feed.columns.values())


@pytest.mark.parametrize("system", ["sap", *(pytest.param(system, marks=pytest.mark.long) for system in ("quickbooks", "shopify", "datev"))])
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


def test_a_bank_s_table_of_rates_is_a_feed_of_rates(tmp_path: Path) -> None:
    export = bank_rates()
    book = first_book(tmp_path, export)
    load(book)
    header, first, *others = [line.split("|") for line in export.content.decode().splitlines()]
    day = dt.datetime.strptime(first[0], "%d.%m.%Y").date()
    wanted = [(name[-3:], "CZK", Decimal(rate.replace(",", ".")) / int(name[:-3])) for name, rate in zip(header[1:], first[1:], strict=True)]
    assert query(book, f"select from_currency, to_currency, rate from raw.fx_rates where date = date '{day}' order by row_no") == wanted
    assert query(book, "select count(*) from raw.fx_rates") == [((len(others) + 1) * len(wanted),)]
    assert rejects(book) == []
    assert open_book(book).feeds["fx_rates"].key == ["date", "from_currency", "to_currency"]


def test_a_table_of_rates_without_units_is_read_by_the_size_of_its_rates(tmp_path: Path) -> None:
    """One euro buys many yen: the rate is the price of the euro. A yen costs less than one: the rate is the price of the yen."""
    for rate, sides in (("155.53", ("EUR", "JPY")), ("0.0064", ("JPY", "EUR"))):
        content = f"date,USD,JPY,GBP\n2026-01-05,1.0777,{rate},0.8569\n".encode()
        book = first_book(tmp_path / sides[0], Export("rates.csv", content, [], "EUR"))
        load(book)
        assert query(book, "select from_currency, to_currency from raw.fx_rates where rate not in (1.0777, 0.8569)") == [sides]
