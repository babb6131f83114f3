"""Payout lines and credit at transaction grain, through the real steps on one small book."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from assets.agreements.load import load_agreements
from assets.archive.run_identity import identify_run
from assets.closing.load_ledger import load_ledger
from assets.feeds.load import load_feeds
from assets.runtime.book_folder import open_run
from assets.runtime.context import RunContext
from assets.transform.calculate import calculate
from assets.transform.dbt import prepare, publish_marts
from assets.transform.invariants import run_checks

BOOK = """
book: lines
currency: EUR
as_of: 2026-06-30
feeds:
  transactions: {files: "feeds/transactions/*.csv", key: [transaction_id, line]}
  partners: {files: "feeds/partners/*.csv"}
  products: {files: "feeds/products/*.csv"}
  assignments: {files: "feeds/assignments/*.csv"}
  fx_rates: {files: "feeds/fx_rates/*.csv"}
"""
FILES = {
    # north-1 moves south in March; alpha > beta > gamma
    "partners/partners.csv": """partner_id,name,parent_id,region,from,to
plain,,,,,
back,,,,,
steps,,,,,
loss,,,,,
lump,,,,,
span,,,,,
alpha,,,,,
beta,,alpha,,,
gamma,,beta,,,
moved,,,north,,2026-02-28
moved,,,south,2026-03-01,
rep-1,,,,,
rep-2,,,,,
sold,,,,,
foreign,,,,,
""",
    "products/products.csv": "product_id,name,category\nA,,x\nB,,y\n",
    "assignments/assignments.csv": "partner_id,participant_id,share,from,to\nsold,rep-1,0.5,,\nsold,rep-2,0.333,,\nbeta,alpha,1,,\n",
    "fx_rates/fx_rates.csv": "date,from_currency,to_currency,rate\n2026-01-10,USD,EUR,0.5\n2026-02-10,USD,EUR,0.123456789012\n",
    "transactions/one.csv": """transaction_id,line,date,partner_id,product_id,type,quantity,amount,cost,currency
p-2,1,2026-01-05,plain,A,sale,1,1.00,0,EUR
p-1,2,2026-01-05,plain,A,sale,1,1.00,0,EUR
p-1,1,2026-01-05,plain,A,sale,1,1.00,0,EUR
s-1,1,2026-01-01,steps,A,sale,1,80.00,0,EUR
s-2,1,2026-01-02,steps,A,sale,1,50.00,0,EUR
s-3,1,2026-01-03,steps,A,return,1,-60.00,0,EUR
s-4,1,2026-01-04,steps,A,sale,1,90.00,0,EUR
l-1,1,2026-01-01,loss,A,return,1,-10.00,0,EUR
u-1,1,2026-01-01,lump,A,sale,1,30.00,0,EUR
u-2,1,2026-01-02,lump,A,sale,1,90.00,0,EUR
n-1,1,2026-01-15,span,A,sale,1,100.00,0,EUR
n-2,1,2026-02-15,span,A,sale,1,100.00,0,EUR
f-1,1,2026-01-01,alpha,A,sale,1,1.00,0,EUR
f-2,1,2026-01-01,beta,A,sale,1,10.00,0,EUR
f-3,1,2026-01-01,gamma,B,sale,1,100.00,0,EUR
m-1,1,2026-02-28,moved,A,sale,1,1.00,0,EUR
m-2,1,2026-03-01,moved,A,sale,1,10.00,0,EUR
o-1,1,2026-01-01,sold,A,sale,3,0.05,0.03,EUR
x-1,1,2026-01-01,foreign,A,sale,1,10.00,0,USD
x-2,1,2026-01-31,foreign,A,sale,1,0.01,0,USD
x-3,1,2026-02-28,foreign,A,return,1,-100.00,0,USD
b-1,1,2026-01-01,back,A,sale,1,0.10,0,EUR
z-1,1,2026-01-01,nobody,A,sale,1,5.00,0,EUR
z-2,1,2026-01-01,plain,C,sale,1,5.00,0,EUR
""",
    "transactions/two.csv": """transaction_id,line,date,partner_id,product_id,type,quantity,amount,cost,currency
b-1,1,2026-01-01,back,A,sale,1,0.20,0,EUR
""",
}
YEAR = "term: {from: 2026-01-01, to: 2026-12-31}\ncurrency: EUR"
BENEFIT = 'benefits: [{{id: b, clause: "1", window: {window}, {rest}}}]'
AGREEMENTS = {
    "plain": ("[plain]", "", "year", "tiers: [{from: 0, amount: 0.10}]"),
    "steps": ("[steps]", "", "year", "method: graduated, tiers: [{from: 0, rate: 0.1}, {from: 100, rate: 0.2}]"),
    "loss": ("[loss]", "", "year", "tiers: [{from: 0, rate: 0.1}], limits: {at_least: 7}"),
    "lump": ("[lump]", "", "year", "method: graduated, tiers: [{from: 50, amount: 12}, {from: 100, amount: 12}]"),
    "span": ("[span]", "", "month", "accumulate: year, method: graduated, tiers: [{from: 0, rate: 0.1}, {from: 150, rate: 0.2}]"),
    "family": ("[alpha]", "", "year", "tiers: [{from: 0, rate: 1}]"),
    "family-pool": ("[alpha, beta]", "pool: together\npayee: gamma", "year", "tiers: [{from: 0, rate: 1}]"),
    "northern": ("{region: north}", "", "year", "tiers: [{from: 0, rate: 1}]"),
    "reps": ("[rep-1, rep-2]", "", "year", "tiers: [{from: 0, rate: 1}]"),
    "reps-pool": ("[rep-1, rep-2]", "pool: together\npayee: rep-2", "year", "tiers: [{from: 0, rate: 1}]"),
    "foreign": ("[foreign]", "", "year", "tiers: [{from: 0, rate: 1}]"),
    "back": ("[back]", "", "year", "tiers: [{from: 0, rate: 1}]"),
    "category-x": ("[alpha]", "scope: {products: {include: {category: [x]}}}", "year", "tiers: [{from: 0, rate: 1}]"),
}


def write_book(folder: Path, files: dict[str, str], agreements: dict[str, tuple[str, str, str, str]], book: str = BOOK) -> RunContext:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "book.yaml").write_text(book)
    for name, text in files.items():
        path = folder / "feeds" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (folder / "agreements").mkdir(exist_ok=True)
    for name, (participants, more, window, rest) in agreements.items():
        text = f"agreement: {name}\ntitle: {name}\n{YEAR}\nparticipants: {participants}\n{more}\n{BENEFIT.format(window=window, rest=rest)}\n"
        (folder / "agreements" / f"{name}.yaml").write_text(text)
    return open_run(folder, None, dt.datetime(2026, 7, 1, tzinfo=dt.UTC))


def read_feeds(context: RunContext) -> None:
    load_ledger(context)
    load_feeds(context)
    load_agreements(context)
    identify_run(context)


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Any:
    context = write_book(tmp_path_factory.mktemp("lines") / "book", FILES, AGREEMENTS)
    read_feeds(context)
    prepare(context)
    calculate(context)
    publish_marts(context)
    run_checks(context)
    # other settings than dbt's: only possible when dbt left no connection open
    with duckdb.connect(str(context.warehouse), config={"threads": 1}) as con:
        yield con


def lines_of(
    warehouse: duckdb.DuckDBPyConnection, agreement: str, columns: str = "transaction_id, line, lines.tier, credited_measure, line_payout"
) -> list[Any]:
    found = warehouse.execute(
        f"""select {columns} from marts.fct_payout_line as lines join marts.fct_payout as payouts using (payout_id)
        where agreement_id = ? order by window_start, lines.date, transaction_id, line, lines.tier, participant_id""",
        [agreement],
    ).fetchall()
    return [tuple(float(v) if isinstance(v, Decimal) else v for v in row) for row in found]


def test_shares_are_rounded_running_sums_in_order_of_date_transaction_and_line(warehouse: Any) -> None:
    # 0.10 over three equal lines: 0.0333 → 0.03, 0.0667 → 0.07, 0.10
    assert lines_of(warehouse, "plain") == [("p-1", 1, 1, 1.0, 0.03), ("p-1", 2, 1, 1.0, 0.04), ("p-2", 1, 1, 1.0, 0.03)]


def test_graduated_lines_take_their_own_slices_and_a_return_gives_back_the_highest(warehouse: Any) -> None:
    # running measure 80, 130, 70, 160; 10 % up to 100, 20 % above
    assert lines_of(warehouse, "steps") == [
        ("s-1", 1, 1, 80.0, 8.0),
        ("s-2", 1, 1, 20.0, 2.0),
        ("s-2", 1, 2, 30.0, 6.0),
        ("s-3", 1, 1, -30.0, -3.0),
        ("s-3", 1, 2, -30.0, -6.0),
        ("s-4", 1, 1, 30.0, 3.0),
        ("s-4", 1, 2, 60.0, 12.0),
    ]


def test_a_payout_with_nothing_to_share_by_stands_alone(warehouse: Any) -> None:
    assert lines_of(warehouse, "loss") == [(None, None, 0, -10.0, 7.0)]


def test_amounts_of_graduated_tiers_are_shared_by_measure(warehouse: Any) -> None:
    # 24 for a measure of 120, below and above the first threshold alike
    assert lines_of(warehouse, "lump") == [("u-1", 1, 0, 30.0, 6.0), ("u-2", 1, 0, 20.0, 4.0), ("u-2", 1, 1, 50.0, 10.0), ("u-2", 1, 2, 20.0, 4.0)]


def test_a_window_that_accumulates_shares_among_its_own_lines(warehouse: Any) -> None:
    # February begins at 100: 50 at 10 %, 50 at 20 %
    assert lines_of(warehouse, "span") == [("n-1", 1, 1, 100.0, 10.0), ("n-2", 1, 1, 50.0, 5.0), ("n-2", 1, 2, 50.0, 10.0)]


def test_children_count_at_any_depth_and_an_assignment_adds_nothing_to_them(warehouse: Any) -> None:
    assert lines_of(warehouse, "family", "transaction_id, partner_id, credited_measure") == [
        ("f-1", "alpha", 1.0),
        ("f-2", "beta", 10.0),
        ("f-3", "gamma", 100.0),
    ]


def test_a_pool_counts_a_line_once(warehouse: Any) -> None:
    assert lines_of(warehouse, "family-pool", "transaction_id, participant_id, credited_measure") == [
        ("f-1", "gamma", 1.0),
        ("f-2", "gamma", 10.0),
        ("f-3", "gamma", 100.0),
    ]


def test_a_line_takes_the_version_of_its_own_date(warehouse: Any) -> None:
    assert lines_of(warehouse, "northern", "transaction_id, credited_measure") == [("m-1", 1.0)]


def test_a_split_line_is_rounded_along_the_running_share(warehouse: Any) -> None:
    # 0.05 × 0.5 = 0.025 → 0.03; 0.05 × 0.833 = 0.04165 → 0.04: the second gets 0.01
    assert lines_of(warehouse, "reps", "participant_id, credited_measure, line_payout") == [("rep-1", 0.03, 0.03), ("rep-2", 0.01, 0.01)]
    assert warehouse.execute("select distinct quantity from marts.fct_payout where agreement_id = 'reps' order by 1").fetchall() == [
        (Decimal("0.999"),),
        (Decimal("1.5"),),
    ]


def test_a_pool_gets_the_sum_of_its_members_parts_on_one_row(warehouse: Any) -> None:
    assert lines_of(warehouse, "reps-pool", "transaction_id, participant_id, credited_measure") == [("o-1", "rep-2", 0.04)]


def test_a_foreign_line_is_rounded_once_and_one_without_a_rate_blocks(warehouse: Any) -> None:
    credited = warehouse.execute(
        """select transaction_id, amount_millionths from intermediate.int_lines_credited join staging.stg_partners using (partner_key)
        where partner_id = 'foreign' order by 1"""
    ).fetchall()
    assert credited == [("x-1", None), ("x-2", 10_000), ("x-3", -12_350_000)]
    assert warehouse.execute("select status, payout from marts.fct_payout where agreement_id = 'foreign'").fetchall() == [("blocked", Decimal(0))]


def test_the_later_row_of_a_key_counts_and_points_to_its_file(warehouse: Any) -> None:
    assert lines_of(warehouse, "back", "line_payout, source_file, source_row") == [(0.2, "feeds/transactions/two.csv", 1)]


def test_scopes_leave_out_what_does_not_match(warehouse: Any) -> None:
    assert lines_of(warehouse, "category-x", "transaction_id") == [("f-1",), ("f-2",)]


def test_rows_with_unknown_references_wait_with_a_reason(warehouse: Any) -> None:
    found = warehouse.execute("select file_name, row_number, reason, message from marts.audit_reject order by row_number").fetchall()
    assert found == [
        ("feeds/transactions/one.csv", 23, "unknown_partner", "partner nobody is not in the feed partners on 2026-01-01; the row counts once it arrives there"),
        ("feeds/transactions/one.csv", 24, "unknown_product", "product C is not in the feed products on 2026-01-01; the row counts once it arrives there"),
    ]


def test_rows_read_are_loaded_duplicate_superseded_or_rejected(warehouse: Any) -> None:
    found = warehouse.execute("select file_name, rows_read, rows_loaded, rows_superseded, rows_rejected from marts.audit_feed_file where feed = 'transactions'")
    assert sorted(found.fetchall()) == [("feeds/transactions/one.csv", 24, 21, 1, 2), ("feeds/transactions/two.csv", 1, 1, 0, 0)]
