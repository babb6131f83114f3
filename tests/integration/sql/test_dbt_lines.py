"""Payout lines and credit at transaction grain, through the real steps on one small book."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import duckdb
import pytest

from assets.transform.calculate import calculate, calculate_net
from assets.transform.dbt import build_marts, prepare
from assets.transform.invariants import run_checks
from tests.support.sql_books import read_feeds, write_book

#: Partners of whom nothing else is known.
_ALONE = """
plain back steps loss lump span alpha rep-1 rep-2 sold foreign edge over swing vast wide shared rep-3 rep-4 dollars last units mixed handed
house rep-5 rep-6 lent rep-7 rep-8 grown
"""
FILES = {
    # north-1 moves south in March; alpha > beta > gamma
    "partners/partners.csv": """partner_id,name,parent_id,region,from,to
beta,,alpha,,,
gamma,,beta,,,
moved,,,north,,2026-02-28
moved,,,south,2026-03-01,
dawn,,,east,,2026-01-01
dawn,,,west,2026-01-02,
joins,,,,,2026-02-28
joins,,house,,2026-03-01,
leaves,,house,,,2026-02-28
leaves,,,,2026-03-01,
"""
    + "".join(f"{name},,,,,\n" for name in _ALONE.split()),
    "products/products.csv": "product_id,name,category\nA,,x\nB,,y\n",
    "assignments/assignments.csv": "partner_id,participant_id,share,from,to\nsold,rep-1,0.5,,\nsold,rep-2,0.333,,\nbeta,alpha,1,,\nshared,rep-3,0.5,,\n"
    "shared,rep-4,0.333,,\nhanded,rep-5,1,2026-02-01,2026-02-28\nhanded,rep-6,1,2026-03-01,\n"
    "lent,rep-7,0.5,,2026-02-28\nlent,rep-8,0.3,,\n",
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
    # sums at the border of what 64 and 128 bits hold, on either side of it
    "transactions/large.csv": """transaction_id,line,date,partner_id,product_id,type,quantity,amount,cost,currency
eg-1,1,2026-01-01,edge,A,sale,1,100000.00,0,EUR
eg-2,1,2026-01-02,edge,A,sale,1,100000.00,0,EUR
ov-1,1,2026-01-01,over,A,sale,1,115000.00,0,EUR
ov-2,1,2026-01-02,over,A,sale,1,100000.01,0,EUR
sw-1,1,2026-01-01,swing,A,sale,1,1000000.00,0,EUR
sw-2,1,2026-01-02,swing,A,return,1,-900000.00,0,EUR
va-1,1,2026-01-01,vast,A,sale,300000000000,1.00,0,EUR
va-2,1,2026-01-02,vast,A,sale,400000000000,1.00,0,EUR
va-3,1,2026-01-03,vast,A,sale,290000000000,1.00,0,EUR
wi-1,1,2026-01-01,wide,A,sale,1,400000000000.00,0,EUR
wi-2,1,2026-01-02,wide,A,sale,1,400000000000.00,0,EUR
sh-1,1,2026-01-01,shared,A,sale,1,4000000.00,0,EUR
sh-2,1,2026-01-02,shared,A,sale,1,8000000.01,0,EUR
sh-3,1,2026-01-03,shared,A,return,1,-8000000.01,0,EUR
do-1,1,2026-01-20,dollars,A,sale,1,8000000.00,0,USD
do-2,1,2026-01-21,dollars,A,sale,1,10000000.01,0,USD
do-3,1,2026-01-22,dollars,A,return,1,-10000000.01,0,USD
do-4,1,2026-02-10,dollars,A,sale,1,1000000.00,0,USD
da-1,1,2026-01-01,dawn,A,sale,1,1.00,0,EUR
da-2,1,2026-01-02,dawn,A,sale,1,10.00,0,EUR
la-1,1,2026-06-20,last,A,sale,1,7.00,0,EUR
la-2,1,2026-06-21,last,A,sale,1,9.00,0,EUR
hd-1,1,2026-01-31,handed,A,sale,1,1.00,0,EUR
hd-2,1,2026-02-01,handed,A,sale,1,10.00,0,EUR
hd-3,1,2026-02-28,handed,A,sale,1,100.00,0,EUR
hd-4,1,2026-03-01,handed,A,sale,1,1000.00,0,EUR
jo-1,1,2026-02-28,joins,A,sale,1,1.00,0,EUR
jo-2,1,2026-03-01,joins,A,sale,1,10.00,0,EUR
le-1,1,2026-02-28,leaves,A,sale,1,100.00,0,EUR
le-2,1,2026-03-01,leaves,A,sale,1,1000.00,0,EUR
un-1,1,2026-01-01,units,A,sale,8,1.00,0,EUR
un-2,1,2026-01-02,units,A,sale,7,1.00,0,EUR
mi-1,1,2026-01-01,mixed,A,sale,10,100.00,0,EUR
mi-2,1,2026-01-02,mixed,A,sale,10,100.00,0,EUR
ln-1,1,2026-02-28,lent,A,sale,1,100.00,0,EUR
ln-2,1,2026-03-01,lent,A,sale,1,1000.00,0,EUR
gr-1,1,2026-01-01,grown,A,sale,1,120.00,0,EUR
gr-2,1,2026-01-02,grown,A,sale,1,60.00,0,EUR
""",
    "transactions/two.csv": """transaction_id,line,date,partner_id,product_id,type,quantity,amount,cost,currency
b-1,1,2026-01-01,back,A,sale,1,0.20,0,EUR
""",
}
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
    "edge": ("[edge]", "", "year", "tiers: [{from: 0, amount: 200000.01}]"),
    "over": ("[over]", "", "year", "tiers: [{from: 0, amount: 215000.03}]"),
    "swing": ("[swing]", "", "year", "tiers: [{from: 0, amount: 100000.01}]"),
    "vast": ("[vast]", "", "year", "measure: quantity, tiers: [{from: 0, amount: 990000000000.07}]"),
    "wide": ("[wide]", "", "year", "method: graduated, tiers: [{from: 0, rate: 0.1}, {from: 1000, rate: 0.123456}]"),
    "halves": ("[rep-3, rep-4]", "", "year", "tiers: [{from: 0, rate: 1}]"),
    "dollars": ("[dollars]", "", "year", "tiers: [{from: 0, rate: 1}]"),
    "eastern": ("{region: [east, east]}", "", "year", "tiers: [{from: 0, rate: 1}]"),
    "last": ("[last]", "", "year", "tiers: [{from: 0, rate: 1}]"),
    "handover": ("[rep-5, rep-6]", "", "year", "tiers: [{from: 0, rate: 1}]"),
    "lending": ("[rep-7, rep-8]", "", "year", "tiers: [{from: 0, rate: 1}]"),
    "growth": ("[grown]", "", "year", "by: growth, baseline: 100, method: graduated, tiers: [{from: 0, rate: 0.1}, {from: 0.5, rate: 0.2}]"),
    "household": ("[house]", "", "year", "tiers: [{from: 0, rate: 1}]"),
    "units": ("[units]", "", "year", "measure: quantity, method: graduated, tiers: [{from: 0, per_unit: 1}, {from: 10, per_unit: 2}]"),
    "pallets": ("[steps]", "", "year", "measure: {of: amount, every: 50}, method: graduated, tiers: [{from: 0, per_unit: 1}, {from: 2, per_unit: 3}]"),
    "mixed": ("[mixed]", "", "year", "method: graduated, tiers: [{from: 0, rate: 0.1}, {from: 100, rate: 0.1, per_unit: 1}]"),
    "sold-units": ("[steps]", "", "year", "measure: {of: quantity, scope: {types: [sale]}}, base: amount, tiers: [{from: 0, rate: 0.1}]"),
    "on-sales": ("[steps]", "", "year", "base: {of: amount, scope: {types: [sale]}}, tiers: [{from: 0, rate: 0.1}]"),
    "idle": ("[sold, rep-1]", "", "year", "measure: margin, tiers: [{from: 1000, rate: 0.1}]"),
    "category-x": ("[alpha]", "scope: {products: {include: {category: [x]}}}", "year", "tiers: [{from: 0, rate: 1}]"),
}


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Any:
    context = write_book(tmp_path_factory.mktemp("lines") / "book", FILES, AGREEMENTS)
    read_feeds(context)
    prepare(context)
    calculate(context)
    calculate_net(context)
    build_marts(context)
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


def test_lines_of_multiples_take_slices_of_the_sum(warehouse: Any) -> None:
    # 160 are three full 50: 2 × 1 + 1 × 3. The second tier begins at a sum of 100, and a unit in it weighs three times as much: 280 in all
    assert lines_of(warehouse, "pallets") == [
        ("s-1", 1, 1, 80.0, 1.43),
        ("s-2", 1, 1, 20.0, 0.36),
        ("s-2", 1, 2, 30.0, 1.6),
        ("s-3", 1, 1, -30.0, -0.53),
        ("s-3", 1, 2, -30.0, -1.61),
        ("s-4", 1, 1, 30.0, 0.54),
        ("s-4", 1, 2, 60.0, 3.21),
    ]


def test_a_payout_with_nothing_to_share_by_stands_alone(warehouse: Any) -> None:
    assert lines_of(warehouse, "loss") == [("l-1", 1, 0, -10.0, 0.0), (None, None, 0, 0.0, 7.0)]


def test_lines_of_other_scopes_say_what_they_bring_to_the_base(warehouse: Any) -> None:
    columns = "transaction_id, credited_measure, credited_base, line_payout, measure_unit"
    # 10 % of 160, by three units; the return is none of them. 10 % of 220, by the net amount
    assert lines_of(warehouse, "sold-units", columns) == [
        ("s-1", 1.0, 80.0, 5.33, "quantity"), ("s-2", 1.0, 50.0, 5.34, "quantity"),
        ("s-3", 0.0, -60.0, 0.0, "quantity"), ("s-4", 1.0, 90.0, 5.33, "quantity"),
    ]  # fmt: skip
    assert lines_of(warehouse, "on-sales", columns) == [
        ("s-1", 80.0, 80.0, 11.0, "EUR"), ("s-2", 50.0, 50.0, 6.88, "EUR"), ("s-3", -60.0, 0.0, -8.25, "EUR"), ("s-4", 90.0, 90.0, 12.37, "EUR"),
    ]  # fmt: skip
    assert lines_of(warehouse, "plain", "credited_base, measured_value") == [(None, None)] * 3


def test_a_payout_of_nothing_has_its_lines(warehouse: Any) -> None:
    columns = "participant_id, transaction_id, type, lines.quantity, cost, share, credited_measure, lines.tier, line_payout"
    # of rep-1 half of the line, with amount and cost rounded each: 0.03 - 0.02
    assert lines_of(warehouse, "idle", columns) == [
        ("rep-1", "o-1", "sale", 3.0, 0.03, 0.5, 0.01, 0, 0.0), ("sold", "o-1", "sale", 3.0, 0.03, 1.0, 0.02, 0, 0.0),
    ]  # fmt: skip


def test_a_blocked_payout_has_its_lines_and_nothing_for_what_they_lack(warehouse: Any) -> None:
    # no rate before 10 January
    assert lines_of(warehouse, "foreign", "transaction_id, type, counted_date::varchar, fx_rate, credited_measure, line_payout") == [
        ("x-1", "sale", "2026-01-01", None, None, 0.0), ("x-2", "sale", "2026-01-31", 0.5, 0.01, 0.0),
        ("x-3", "return", "2026-02-28", 0.123456789012, -12.35, 0.0),
    ]  # fmt: skip


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


def test_a_child_counts_while_it_is_one(warehouse: Any) -> None:
    assert lines_of(warehouse, "household", "transaction_id") == [("le-1",), ("jo-2",)]


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


def test_an_assignment_holds_from_its_first_day_to_its_last(warehouse: Any) -> None:
    found = lines_of(warehouse, "handover", "transaction_id, participant_id, line_payout")
    assert found == [("hd-2", "rep-5", 10.0), ("hd-3", "rep-5", 100.0), ("hd-4", "rep-6", 1000.0)]


def test_an_assignment_ends_while_another_goes_on(warehouse: Any) -> None:
    found = lines_of(warehouse, "lending", "transaction_id, participant_id, line_payout")
    assert found == [("ln-1", "rep-7", 50.0), ("ln-1", "rep-8", 30.0), ("ln-2", "rep-8", 300.0)]


def test_a_pool_gets_the_sum_of_its_members_parts_on_one_row(warehouse: Any) -> None:
    assert lines_of(warehouse, "reps-pool", "transaction_id, participant_id, credited_measure") == [("o-1", "rep-2", 0.04)]


def test_a_foreign_line_is_rounded_once_and_one_without_a_rate_blocks(warehouse: Any) -> None:
    credited = warehouse.execute(
        """select transaction_id, amount_millionths from intermediate.int_lines_credited join staging.stg_partners using (partner_key)
        where partner_id = 'foreign' order by 1"""
    ).fetchall()
    assert credited == [("x-1", None), ("x-2", 10_000), ("x-3", -12_350_000)]
    assert warehouse.execute("select status, payout from marts.fct_payout where agreement_id = 'foreign'").fetchall() == [("blocked", Decimal(0))]


def test_a_payout_is_shared_alike_on_either_side_of_64_bits(warehouse: Any) -> None:
    """200,000.00 for 200,000.00 is the last product of payout and measure that fits twice; a return may pass it where the window does not."""
    # half of 200,000.01 = 100,000.005 → .01; 115,000 of 215,000.01 = 115,000.0107
    assert lines_of(warehouse, "edge", "line_payout") == [(100000.01,), (100000.0,)]
    assert lines_of(warehouse, "over", "line_payout") == [(115000.01,), (100000.02,)]
    assert lines_of(warehouse, "swing", "line_payout") == [(1000000.1,), (-900000.09,)]


def test_a_payout_is_shared_alike_on_either_side_of_128_bits(warehouse: Any) -> None:
    """The product of payout and running quantity passes 5 × 10^37 with the second line; that of a graduated payout with its first."""
    # running: 300,000,000,000.0212 and 700,000,000,000.0495
    assert lines_of(warehouse, "vast", "line_payout") == [(300000000000.02,), (400000000000.03,), (290000000000.02,)]
    # 1,000 at 10 %; 399,999,999,000 at 12.3456 % = 49,382,399,876.544; 400,000,000,000 at 12.3456 %
    assert lines_of(warehouse, "wide", "transaction_id, lines.tier, line_payout") == [
        ("wi-1", 1, 100.0),
        ("wi-1", 2, 49382399876.54),
        ("wi-2", 2, 49382400000.0),
    ]


def test_a_line_is_split_alike_on_either_side_of_64_bits(warehouse: Any) -> None:
    # 8,000,000.01 × 0.5 = 4,000,000.005 → .01; × 0.833 = 6,664,000.00833 → .01, less the first
    assert lines_of(warehouse, "halves", "transaction_id, participant_id, credited_measure") == [
        ("sh-1", "rep-3", 2000000.0),
        ("sh-1", "rep-4", 1332000.0),
        ("sh-2", "rep-3", 4000000.01),
        ("sh-2", "rep-4", 2664000.0),
        ("sh-3", "rep-3", -4000000.01),
        ("sh-3", "rep-4", -2664000.0),
    ]


def test_a_line_is_converted_alike_on_either_side_of_64_bits(warehouse: Any) -> None:
    # 8,000,000 × 0.5 is the last narrow one; 10,000,000.01 × 0.5 = 5,000,000.005 → .01
    assert lines_of(warehouse, "dollars", "credited_measure") == [(4000000.0,), (5000000.01,), (-5000000.01,), (123456.79,)]


def test_a_graduated_payout_is_shared_by_what_each_slice_pays(warehouse: Any) -> None:
    # 8 × 1; 2 × 1 and 5 × 2
    assert lines_of(warehouse, "units") == [("un-1", 1, 1, 8.0, 8.0), ("un-2", 1, 1, 2.0, 2.0), ("un-2", 1, 2, 5.0, 10.0)]
    # 100 at 10 %; 100 at 10 %, and 10 of the 20 units at 1
    assert lines_of(warehouse, "mixed") == [("mi-1", 1, 1, 100.0, 10.0), ("mi-2", 1, 2, 100.0, 20.0)]


def test_a_graduated_payout_by_growth_is_shared_above_the_baseline(warehouse: Any) -> None:
    # the baseline is 100 and the second tier starts at 150: nothing for 100, 20 at 10 %; 30 at 10 %, 30 at 20 %
    found = lines_of(warehouse, "growth", "transaction_id, lines.tier, credited_measure, line_payout")
    assert [row for row in found if row[3]] == [("gr-1", 1, 20.0, 2.0), ("gr-2", 1, 30.0, 3.0), ("gr-2", 2, 30.0, 6.0)]


def test_a_participant_of_the_first_day_of_the_term_takes_part(warehouse: Any) -> None:
    assert lines_of(warehouse, "eastern", "transaction_id") == [("da-1",)]


def test_the_day_of_the_run_counts_and_the_next_does_not(warehouse: Any) -> None:
    assert lines_of(warehouse, "last", "transaction_id") == [("la-1",)]


def test_days_accruals_and_entries_end_with_the_day_of_the_run(warehouse: Any) -> None:
    of_last = "join marts.fct_payout using (payout_id) where fct_payout.agreement_id = 'last' and period = '2026-06'"
    days = warehouse.execute(f"select days_gone, days_total from marts.fct_achievement {of_last}").fetchall()
    assert days == [(31 + 28 + 31 + 30 + 31 + 20, 365)]
    accrued = warehouse.execute(f"select accrued_before, accrual, accrued_to_date from marts.fct_accrual {of_last}").fetchall()
    assert accrued == [(Decimal(0), Decimal(7), Decimal(7))]
    entries = warehouse.execute(f"select fct_journal.date::varchar from marts.fct_journal {of_last}").fetchall()
    assert entries == [("2026-06-20",)] * 2


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
    assert sorted(found.fetchall()) == [
        ("feeds/transactions/large.csv", 38, 38, 0, 0),
        ("feeds/transactions/one.csv", 24, 21, 1, 2),
        ("feeds/transactions/two.csv", 1, 1, 0, 0),
    ]
