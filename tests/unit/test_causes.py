"""What each cause adds to a difference, from the accruals of states that were computed."""

from __future__ import annotations

from decimal import Decimal

import duckdb
import polars as pl

from assets.differences.causes import _TABLE, _split

_TERMS = """
    create schema terms; create schema intermediate; create schema ledger;
    create table terms.agreements as select 0 as agreement_key, 'A' as agreement_id;
    create table terms.benefits as select 0 as benefit_key, 0 as agreement_key, 'b' as benefit_id;
    create table terms.periods as select * from (values (1, '2026-01'), (2, '2026-02'), (3, '2026-03')) as periods (period_no, period);
    create table intermediate.int_participants as select 0 as agreement_key, no as participant_key, 'P' || no as participant_id from range(4) as keys (no);
    create table calc.payouts as select no as payout_key, 0 as benefit_key, no as participant_key, date '2026-01-01' as window_start from range(4) as keys (no);
    create table calc.accruals as select * from (values (0, 1, 17), (0, 3, 99), (1, 1, 5), (2, 2, 8)) as rows (payout_key, period_no, accrual);
    create table ledger.accruals as
    select 'A' as agreement_id, 'b' as benefit_id, participant_id, date '2026-01-01' as window_start, origin_period, accrual
    from (values ('P0', '2026-01', 10), ('P1', '2026-01', 5), ('P3', '2026-02', 4)) as rows (participant_id, origin_period, accrual)"""


def state(*rows: tuple[str, str, int]) -> pl.DataFrame:
    with duckdb.connect() as con:
        values = ", ".join(map(str, rows))
        query = "select 'A' as agreement_id, 'b' as benefit_id, p as participant_id, date '2026-01-01' as window_start, o as origin_period, "
        return con.sql(f"{query} a::decimal(18, 4) as accrual from (values {values}) as rows (p, o, a)").pl()


def test_what_each_state_adds_adds_up_to_the_difference() -> None:
    """P0: known as 11 where 10 was posted, 14 with late lines, 17 now. P1 moves and comes back. P2 is new, and P3 is gone, both by the last change."""
    states = [
        ("reference", state(("P0", "2026-01", 11), ("P1", "2026-01", 5), ("P3", "2026-02", 4))),
        ("late", state(("P0", "2026-01", 14), ("P1", "2026-01", 9), ("P3", "2026-02", 4))),
    ]
    with duckdb.connect() as con:
        con.execute(f"create schema calc; {_TABLE}; {_TERMS}")
        _split(con, "2026-02", "amendment", states)
        found = con.execute("select participant_id, origin_period, reason, accrual from calc.differences_by_cause order by all").fetchall()
    assert found == [
        ("P0", "2026-01", "amendment", Decimal(3)),
        ("P0", "2026-01", "late", Decimal(3)),
        ("P0", "2026-01", "reference", Decimal(1)),
        ("P2", "2026-02", "amendment", Decimal(8)),
        ("P3", "2026-02", "amendment", Decimal(-4)),
    ]
