"""What agreements would pay on other volumes and on months drawn anew, worked out by hand: of sums, of single lines, and net of others.

Belongs here: assets/simulation/what_if.py on the warehouse of a run. Does not belong here: what `simulate` tells of it (test_simulate.py).
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from itertools import count

import pytest

from assets.runtime.book_folder import open_run
from assets.runtime.context import RunContext, read_clock
from assets.runtime.warehouse import open_warehouse
from assets.simulation.what_if import WhatIf, draw_months, read_what_if
from pipelines.run import run_book
from tests.support.decision_book import AGREEMENTS, BOOK, deliver, write_book

D = Decimal
#: Agreements of which lines, groups or other agreements decide. Lines of C2: 450 and 1,500; of C1: 900.
LINED = """
agreement: {name}
currency: EUR
term: {{from: {year}-01-01, to: 2026-12-31}}
participants: [{who}]
{keys}
benefits: [{{id: b, clause: "1", window: half_year, {benefit}}}]
"""
STEP = "tiers: [{from: 0, rate: 0.01}, {from: 500, rate: 0.1}]"
LINE_AGREEMENTS = {
    "STAIRS": ("C2", "", f"method: running, {STEP}"),
    "SLICES": ("C2", "", f"method: graduated, slices: by_line, {STEP}"),
    "ORDERS": ("C1, C2", "", "each: transaction_id, tiers: [{from: 0, amount: 0}, {from: 1000, amount: 50}]"),
    "NET": ("C2", "combine: {rule: net_of, agreements: [VOLUME]}", "tiers: [{from: 0, rate: 0.1}]"),
    "TEAM": ("C1, C2", "pool: placed\npayee: C1", "method: graduated, tiers: [{from: 0, rate: 0.01}, {from: 1000, rate: 0.03}]"),
    "OVER": ("C1", "", "measure: {of: amount, over: prior_year}, base: amount, tiers: [{from: 0, rate: 0.01}, {from: 601, rate: 0.5}]"),
    "GROWTH": ("C1", "", "by: growth, baseline: {prior: year}, tiers: [{from: 0, amount: 0}, {from: 0.5, amount: 10}, {from: 0.8, amount: 20}]"),
    "OPEN": ("C1", "", "tiers: [{from: 0, rate: 0.01}, {from: 1200, rate: 0.1}]"),
    "LARGE": ("C2", 'scope: {where: "amount >= 1500"}', "tiers: [{from: 0, rate: 0.01}]"),
    "ONE": ("C1", "combine: {rule: best, group: best, priority: 1}", "tiers: [{from: 0, rate: 0.01}]"),
    "TWO": ("C1", "combine: {rule: best, group: best, priority: 2}", "tiers: [{from: 0, amount: 5}]"),
}


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> RunContext:
    """The run of the book that has them all."""
    folder = write_book(tmp_path_factory.mktemp("volumes") / "book")
    for name, (who, keys, benefit) in LINE_AGREEMENTS.items():
        (folder / "agreements" / f"{name}.yaml").write_text(
            LINED.format(name=name, who=who, keys=keys, benefit=benefit, year=2025 if name == "GROWTH" else 2026)
        )
    (folder / "book.yaml").write_text(BOOK + '  balances: {files: "feeds/balances/*.csv", key: [agreement, benefit, participant_id, window_start]}\n')
    deliver(folder, "balances/1.csv", "agreement,benefit,participant_id,window_start,date,measure\nOPEN,b,C1,2026-01-01,2026-01-02,100\n")
    deliver(folder, "transactions/2025.csv", "transaction_id,line,date,partner_id,amount,currency\nT0,1,2025-05-05,C1,600.00,EUR\n")
    run_book(folder)
    return open_run(folder, None, read_clock())


@pytest.fixture(scope="module")
def ask(context: RunContext) -> Callable[..., WhatIf]:
    folders = (context.folder / "what-if" / str(n) for n in count())
    return lambda *agreements: read_what_if(context, agreements, next(folders))


def test_many_volumes_at_once_are_each_by_itself(ask: Callable[..., WhatIf], monkeypatch: pytest.MonkeyPatch) -> None:
    """As many draws together as one by one, and from lines as from sums."""
    agreements = frozenset({"VOLUME", "TARGET", "SUPPLY", "ORDERS", "GROWTH"})
    what_if, factors = ask(*agreements), [D("1.2"), D(1), D("0.3")]
    together, costs = what_if.costs_of_draws(3, 3), what_if.costs_at(factors)
    assert len({str(cost) for cost in together}) > 2
    assert costs[:2] == [{"EUR": D("63.00") + 50 + 100 + 20, "USD": D(38)}, {"EUR": D("43.50") + 50 + 10, "USD": D("30.00")}]
    with monkeypatch.context() as patch:
        patch.setattr("assets.simulation.what_if._RESULTS_AT_ONCE", 1)
        assert what_if.costs_of_draws(3, 3) == together
        assert what_if.costs_of_draws(4, 1) != together[:1]
    monkeypatch.setattr("assets.simulation.what_if._OF_LINES", "select agreement_id from terms.agreements")
    from_lines = ask(*agreements)
    assert (from_lines.of_lines, what_if.of_lines) == (agreements, frozenset())
    assert from_lines.costs_of_draws(3, 3) == together
    assert from_lines.costs_at(factors) == costs


def test_agreements_that_lines_decide_are_paid_on_other_lines(ask: Callable[..., WhatIf], context: RunContext) -> None:
    """By hand, of the lines: STAIRS pays 450 at 1 % and 1,500 at 10 %; at +20 % 540 is in the second tier already. NET pays a tenth of what VOLUME leaves:
    450 − 4.50 and 1,500 − 30; at 0.6, 270 − 2.70 and 900 − 9. The 600 of the year before stay, as a measure (OVER) and as a baseline: 1,080 are 80 % more.
    What OPEN brings along grows: 100 + 900 reach 1,200. LARGE counts the line that it counts today, though 1,200 are less than its 1,500.

    Once the volume is the run, in every column of every payout.
    """
    expected = {
        "STAIRS": ("154.50", "123.60", "234.00", "92.70"),
        "SLICES": ("150.00", "111.00", "189.00", "72.00"),
        "ORDERS": ("50", "50", "100", "0"),
        "NET": ("191.55", "153.24", "229.86", "115.83"),
        "TEAM": ("65.50", "48.40", "82.60", "31.30"),
        "OVER": ("9.00", "7.20", "10.80", "5.40"),
        "GROWTH": ("10", "0", "20", "0"),
        "OPEN": ("10.00", "8.00", "120.00", "6.00"),
        "LARGE": ("15.00", "12.00", "18.00", "9.00"),
        "ONE": ("9.00", "7.20", "10.80", "5.40"),
        "TWO": ("0", "0", "0", "0"),
    }
    everything = ask("VOLUME", "TARGET", "SUPPLY", "REPS", *expected)
    assert everything.left_out == {}
    assert set(everything.notes) == {"LARGE"}
    everything.costs_at([D(1), D("0.8"), D("1.2"), D("0.6")])
    with open_warehouse(everything.context) as con:
        paid = con.execute("""
            select split_part(agreement_id, chr(31), 2), list(paid order by agreement_key)
            from (select agreement_key, sum(payout) as paid from calc.payouts join terms.benefits using (benefit_key) group by all)
            join terms.agreements using (agreement_key) group by all""").fetchall()
    assert {name: costs for name, costs in paid if name in expected} == {name: list(map(D, costs)) for name, costs in expected.items()}
    rows = "select * exclude (payout_key) from calc.payouts where benefit_key < {} order by benefit_key, participant_key, window_no"
    found = []
    for of in (context, everything.context):
        with open_warehouse(of) as con:
            found.append(con.execute(rows.format(len(AGREEMENTS) + len(expected))).fetchall())
    assert found[0] == found[1]
    assert len(found[0]) == 6 + 2 + 1 + 2 + 15


def test_who_wins_in_a_group_hangs_on_the_volume(ask: Callable[..., WhatIf]) -> None:
    """TWO alone is asked about: at half of 900 it beats 4.50 and pays its 5, at 0.6 of it ONE pays 5.40."""
    assert ask("TWO").costs_at([D("0.5"), D("0.6")]) == [{"EUR": D(5)}, {"EUR": D(0)}]


def test_months_are_drawn_for_a_participant_whoever_else_is_there(ask: Callable[..., WhatIf]) -> None:
    """So that two plans see the same months. C2's USD lines are of one month, S1 has nobody's."""
    costs = [[cost["USD"] for cost in ask(*names).costs_of_draws(1, 9)] for names in (("SUPPLY",), ("SUPPLY", "TARGET"))]
    assert costs[0] == costs[1]
    assert len(set(costs[0])) > 1


def test_who_is_net_of_others_draws_their_months(ask: Callable[..., WhatIf]) -> None:
    """Each month of C2 that is drawn brings its lines and what VOLUME pays on them there: 1,500 in two months of a quarter is 3,000."""
    found = ask("NET")
    (months,) = found.months
    assert months.together
    drawn, of_lines = months.draw(1, 12), {1: D("450"), 3: D("1500")}
    costs = found.costs_of_draws(1, 12)
    assert len({cost["EUR"] for cost in costs}) > 3
    for n, cost in enumerate(costs):
        quarters = [[of_lines.get(int(month), D(0)) for month in drawn[0, n, start : start + 3]] for start in (0, 3)]
        sums = [sum(each, D(0)) for each in quarters]
        left = sum((each * (1 - (D("0.02") if each >= 1000 else D("0.01"))) for each in sums), D(0))
        assert abs(cost["EUR"] - left / 10) <= D("0.01"), (n, drawn[0, n])


def test_a_month_that_is_there_twice_is_of_other_orders(ask: Callable[..., WhatIf]) -> None:
    """C2's 1,500 of April earn 50 wherever they are; 900 of C1 and 450 of C2 never reach 1,000, however often their month is drawn."""
    found = ask("ORDERS")
    (months,) = found.months
    drawn = months.draw(1, 8)
    (of_c2,) = [n for n, name in enumerate(months.people["participant_id"]) if name == "C2"]
    assert [cost["EUR"] for cost in found.costs_of_draws(1, 8)] == [50 * int((of_draw == 3).sum()) for of_draw in drawn[of_c2]]
    assert max((of_draw == 0).sum() for of_draw in drawn[1 - of_c2]) > 1


def test_each_participant_has_months_of_its_own() -> None:
    months = [tuple(draw_months(seed, name, 2, 6)) for seed, name in ((1, "C1"), (1, "C1"), (1, "C2"), (2, "C1"))]
    assert months[0] == months[1]
    assert len(set(months)) == 3
    assert set(draw_months(1, "C1", 40, 6)) == set(range(6))
