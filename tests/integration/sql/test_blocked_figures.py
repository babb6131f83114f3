"""A blocked payout shows no figure that lacks a part, and says what is missing: how many lines of how many, which pair on which day."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pytest

from assets.transform.calculate import calculate, calculate_net
from assets.transform.dbt import prepare
from tests.support.once import make_once
from tests.support.sql_books import read_feeds, write_book

BOOK = """
book: blocked
currency: EUR
as_of: 2026-12-31
feeds:
  transactions: {files: "feeds/transactions/*.csv"}
  fx_rates: {files: "feeds/fx_rates/*.csv"}
"""
#: Of 2026: three lines in euros, of which one has no cost, one no quantity and no points; a line in dollars and one in pounds. Of 2025: euros and dollars.
FEEDS = {
    "transactions/t.csv": """transaction_id,date,partner_id,amount,quantity,cost,currency,points
1,2026-01-02,P,10.00,1,,EUR,1
2,2026-01-03,P,10.00,,1,EUR,
3,2026-02-03,P,10.00,1,1,USD,1
4,2026-02-04,P,10.00,1,1,GBP,1
5,2026-04-04,P,10.00,1,1,EUR,1
6,2025-04-04,P,10.00,1,1,USD,1
7,2025-04-04,P,10.00,1,1,EUR,1
""",
    "fx_rates/f.csv": "date,from_currency,to_currency,rate\n2026-03-01,USD,EUR,2\n",
}
TIERS = "tiers: [{from: 0, rate: 0.1}]"
EUROS = "scope: {where: \"currency = 'EUR' or date < '2026-01-01'\"}"
AGREEMENTS = {
    "amount": ("[P]", "", "quarter", TIERS),
    "base": ("[P]", "", "quarter", f"measure: count, base: amount, {TIERS}"),
    "margin": ("[P]", EUROS, "year", f"measure: margin, {TIERS}"),
    "unit": ("[P]", EUROS, "year", "tiers: [{from: 0, per_unit: 0.1}]"),
    "points": ("[P]", EUROS, "year", f"measure: points, base: amount, {TIERS}"),
    "growth": ("[P]", EUROS, "year", f"by: growth, baseline: {{prior: year}}, base: increment, {TIERS}"),
    "prior": ("[P]", EUROS, "year", f"by: attainment, target: {{prior: year}}, {TIERS}"),
    "target": ("[P]", EUROS, "year", f"by: attainment, target: feed, {TIERS}"),
    "metric": ("[P]", EUROS, "year", f"by: {{metric: nps}}, {TIERS}"),
    "net": ("[P]", "combine: {rule: net_of, agreements: [amount]}", "quarter", TIERS),
}
PAIRS = "2 of 4 lines have no rate: USD to EUR on 2026-02-03, GBP to EUR on 2026-02-04"


def make_book(folder: Path) -> None:
    context = write_book(folder, FEEDS, AGREEMENTS, BOOK)
    read_feeds(context)
    prepare(context)
    calculate(context)
    calculate_net(context)


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = make_once(tmp_path_factory, "blocked", make_book)
    with duckdb.connect(str(folder / "warehouse.duckdb"), read_only=True) as con:
        yield con


@pytest.mark.parametrize(
    ("agreement", "figures", "missing"),
    [
        # measure, base, quantity, target, baseline: None where a line lacks something that they are sums of
        ("amount", (None, None, None, None, None), PAIRS),
        ("base", (4, None, None, None, None), PAIRS),
        ("margin", (None, None, None, None, None), "1 of 3 lines have no cost"),
        ("unit", (30, 30, None, None, None), "1 of 3 lines have no quantity"),
        ("points", (None, 30, None, None, None), "1 of 3 lines have no number in points"),
        ("growth", (30, None, None, None, None), "in the prior year 1 of 2 lines have no rate: USD to EUR on 2025-04-04"),
        ("prior", (30, 30, None, None, None), "in the prior year 1 of 2 lines have no rate: USD to EUR on 2025-04-04"),
        ("target", (30, 30, None, None, None), "no target for P from 2026-01-01"),
        ("metric", (30, 30, None, None, None), "no value of nps for P from 2026-01-01 to 2026-12-31"),
        ("net", (None, None, None, None, None), PAIRS),
    ],
)
def test_figures_that_lack_a_part_are_null_and_the_step_says_what(warehouse: Any, agreement: str, figures: tuple[Any, ...], missing: str) -> None:
    found = warehouse.execute(
        """select payout_key, status, payout, payouts.measure, payouts.base, quantity, target, baseline
        from calc.payouts join terms.benefits using (benefit_key) join terms.agreements using (agreement_key)
        where agreement_id = ? order by window_start""",
        [agreement],
    ).fetchall()[0]
    assert found[1:3] == ("blocked", 0)
    assert found[3:] == figures
    steps = "select formula, inputs from calc.calculation_steps where payout_key = ? and step = 'blocked'"
    assert warehouse.execute(steps, [found[0]]).fetchall() == [(f"nothing is paid: {_reason(warehouse, found[0])}", missing)]


def _reason(warehouse: Any, payout: int) -> str:
    return str(warehouse.execute("select status_reason from calc.payouts where payout_key = ?", [payout]).fetchall()[0][0])


def test_a_period_before_the_missing_rate_keeps_its_figures(warehouse: Any) -> None:
    found = warehouse.execute(
        """select measure_period, measure_to_date from calc.achievement join calc.payouts using (payout_key)
        join terms.benefits using (benefit_key) join terms.agreements using (agreement_key)
        where agreement_id = 'amount' and window_start = '2026-01-01' order by period_no"""
    ).fetchall()
    assert found == [(20, 20), (None, None), (None, None)]


def test_a_window_that_lacks_nothing_keeps_its_figures(warehouse: Any) -> None:
    found = warehouse.execute(
        """select status, payouts.measure, payouts.base, quantity from calc.payouts
        join terms.benefits using (benefit_key) join terms.agreements using (agreement_key)
        where agreement_id = 'amount' and window_start = '2026-04-01'"""
    ).fetchall()
    assert found == [("final", 10, 10, 1)]
