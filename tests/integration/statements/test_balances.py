"""What a statement says of money: balances, what they are made of, what moved them.

Belongs here: the demo's statements against its published tables, and statements of sets in which something moved. Does not belong here: lines, formulas,
words, files (test_statements.py).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from decimal import Decimal

import pytest

from assets.published.reader import fetch
from assets.statements.read import read_period, read_statements
from assets.statements.statement import FLOWS, Statement
from tests.integration.statements.conftest import Opened, told


def test_what_changed_leads_from_the_last_open_balance_to_this_one(statements: dict[str, Statement]) -> None:
    assert len(statements) > 100
    for statement in statements.values():
        for position in statement.positions:
            assert position.before["open"] + sum(amount for _, amount in position.causes) == position.now["open"]
            for balance in (position.now, position.before):
                assert sum(balance[name] for name in ("payable", "held", "waiting", "running")) == balance["open"]


def test_the_balance_is_that_of_the_published_payouts(statements: dict[str, Statement], last_period: Opened) -> None:
    con, _ = last_period
    query = """
        select participant_id, direction, currency, sum(released - settled - written_off) as payable, sum(held) as held,
            sum(if(status = 'open', 0, waiting)) as waiting, sum(settled) as settled
        from fct_payout group by all
    """
    expected = {(row["participant_id"], row["direction"], row["currency"]): row for row in fetch(con, query)}
    found = {(name, p.direction, p.currency): p.now for name, statement in statements.items() for p in statement.positions}
    for key, row in expected.items():
        figures = found.get(key, defaultdict(Decimal))
        assert [figures[name] for name in ("payable", "held", "waiting")] == [row["payable"], row["held"], row["waiting"]], key


def test_a_running_window_stands_with_what_is_accrued(statements: dict[str, Statement]) -> None:
    position = statements["SP-01"].positions[0]
    assert position.now["running"] == Decimal("8028.92")
    detail = next(each for each in statements["SP-01"].details if each.payout["status"] == "open")
    assert detail.earned == position.now["running"] != detail.payout["payout"]


@pytest.mark.parametrize("months_back", [4, pytest.param(99, marks=pytest.mark.long)])
def test_each_statement_takes_up_where_the_last_one_ended_and_all_add_up_to_the_payout(last_period: Opened, months_back: int) -> None:
    con, last = last_period
    some = ["CH-01", "OU-063", "SP-01"]
    months = [row["period"] for row in fetch(con, "select distinct period from fct_accrual order by all") if row["period"] <= last.period]
    months = months[-months_back:]
    added: dict[str, Decimal] = defaultdict(Decimal)
    balances: dict[tuple[str, str, str], Mapping[str, Decimal]] = {}
    run = {"as_of": last.as_of, "run_id": last.run_id}
    for month in months:
        for statement in read_statements(con, read_period(con, month, run, "demo"), some):
            for p in statement.positions:
                key = (str(statement.participant["partner_id"]), p.direction, p.currency)
                for name in ("open", *FLOWS):
                    assert month == months[0] or p.before[name] == balances.get(key, {}).get(name, 0), (month, key, name)
            balances |= {(str(statement.participant["partner_id"]), p.direction, p.currency): p.now for p in statement.positions}
            for detail in statement.details:
                added[detail.payout["payout_id"]] += detail.earned - detail.earned_before
            for row in statement.earlier:
                added[row["payout_id"]] += row["moved"]
    query = """
        select payout_id, payout from fct_payout join dim_period on period = ?
        where status <> 'open' and window_start >= first_day and participant_id in (select unnest(?))
    """
    payouts = fetch(con, query, [months[0], some])
    assert len(payouts) >= 5
    assert {row["payout_id"]: row["payout"] for row in payouts if row["payout"]} == {
        row["payout_id"]: added[row["payout_id"]] for row in payouts if row["payout"]
    }


def test_every_cause_leads_to_the_balance_by_its_own_amount(statements: dict[str, Statement], last_period: Opened) -> None:
    """One payout of an earlier window gets 12.34 by late rows, 5 by an adjustment, is paid 100, and 0.50 of it are written off. Of another 0.30 that were
    paid too much are written off and 20 are held; what of it falls due next month, held or not, is not yet."""
    con, period = last_period
    was = statements["CH-08"].positions[0].now
    earlier = next(row for row in statements["CH-08"].earlier if row["benefit_id"] == "growth")["payout_id"]
    due = next(detail for detail in statements["CH-08"].details if detail.payout["benefit_id"] == "conditions").payout["payout_id"]
    changed = {
        "fct_accrual": f"""from main.fct_accrual union all by name select * replace ('2026-06' as period, '2026-03' as origin_period, 'late' as reason,
            12.34::decimal(18, 4) as accrual) from main.fct_accrual where payout_id = '{earlier}' and period = '2026-03'""",
        "fct_payout_month": f"""from main.fct_payout_month union all by name select * replace ('2026-06' as period, 5::decimal(18, 4) as adjusted,
            100::decimal(18, 4) as settled, 0 as accrued, 0 as released) from main.fct_payout_month where payout_id = '{earlier}' and period = '2026-03'""",
        "fct_payout": f"""select * replace (case payout_id when '{earlier}' then 0.5 when '{due}' then -0.3 else written_off end::decimal(18, 4) as written_off)
            from main.fct_payout""",
        "fct_journal": f"""from main.fct_journal union all by name select unnest(['{earlier}', '{due}']) as payout_id, '2026-06' as period,
            'write_off' as kind, 1 as line_no, unnest([0.5, 0.3])::decimal(18, 4) as debit""",
        "fct_release": f"""select * replace (if(payout_id = '{due}', amount - 20, released) as released, if(payout_id = '{due}', 20, held) as held)
            from main.fct_release union all by name select * replace ('2026-07-31'::date as due_date, 7 as released, 30 as held) from main.fct_release
            where payout_id = '{due}'""",
    }
    for name, query in changed.items():
        con.execute(f"create temp table {name} as {query}")
    try:
        statement = next(iter(read_statements(con, period, ["CH-08"])))
    finally:
        for name in changed:
            con.execute(f"drop table temp.{name}")
    (position,) = statement.positions
    causes = [("new", Decimal("2379.86")), ("late", Decimal("12.34")), ("adjusted", Decimal(5)), ("settled", Decimal(-100)), ("written_off", Decimal("-0.2"))]
    assert list(position.causes) == causes
    assert position.now["open"] == was["open"] + Decimal("12.34") + 5 - 100 - Decimal("0.2")
    assert position.now["held"] == 20
    assert position.now["payable"] == was["payable"] - 20 - 100 - Decimal("0.2")
    assert position.now["waiting"] == Decimal("17.34")  # booked, and no part of it is released
    labels = [(bar.label, bar.amount) for bar in told(statement).accounts[0].bars]
    assert ("Arrived late for earlier periods", "+12.34") in labels
    assert ("Written off", "−0.20") in labels


def test_adjustments_and_payments_are_those_of_the_days_of_the_period(last_period: Opened) -> None:
    con, period = last_period
    day = "unnest(['2026-05-31', '2026-06-01', '2026-06-30', '2026-07-01'])"
    of = f"(select min(payout_id) from fct_payout where participant_id = 'CH-08' and window_start <= '{period.last_day}') as payout_id, 'CH-08' participant_id"
    adjusted = f"select {of}, {day} as adjustment_id, {day}::date as date, 'booked' as status"
    con.execute(f"create temp table fct_adjustment as from main.fct_adjustment union all by name {adjusted}")
    con.execute(f"create temp table fct_payment as from main.fct_payment union all by name select {of}, {day} as reference, {day}::date as paid_on")
    try:
        (statement,) = read_statements(con, period, ["CH-08"])
    finally:
        con.execute("drop table temp.fct_adjustment; drop table temp.fct_payment")
    assert [row["adjustment_id"] for row in statement.adjustments] == [row["reference"] for row in statement.payments] == ["2026-06-01", "2026-06-30"]


def test_the_bars_of_a_change_meet(statements: dict[str, Statement]) -> None:
    bars = told(statements["CH-08"]).accounts[0].bars
    assert [(bar.kind, bar.left, bar.width) for bar in bars] == [("start", 0.0, 58.48), ("up", 58.48, 41.52), ("end", 0.0, 100.0)]
