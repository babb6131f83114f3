"""Payouts of the demo recomputed from the published tables alone: what lines bring, and the terms as tables have them.

Belongs here: figures and curves from `published/tierledger.duckdb`, without archive, warehouse or our code. Does not belong here: the pack for auditors, which
starts from the amounts in files and the agreements as they were written (tests/integration/evidence).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import duckdb
import pytest

Row = dict[str, Any]
AXES = {"measure", "attainment", "growth", "growth_amount"}
METHODS = {"whole", "graduated", "total", "rolling"}
#: Figures of a payout: sums over the lines of the span's windows, and over those of the year before. A line in several tiers has one base and quantity.
_FIGURES = """
    with lines as (
        select payout_id, source_sha256, source_row, sum(credited_measure) as measure, any_value(credited_base) as base,
            any_value(quantity * share) as quantity, bool_or(credited_measure is null) as lacks_measure
        from fct_payout_line group by all
    ),
    windows as (select payout_id, sum(measure) as m, sum(base) as e, sum(quantity) as q, bool_or(lacks_measure) as lacks from lines group by all),
    spans as (
        select payouts.payout_id, coalesce(sum(m), 0) as m, sum(e) as e, coalesce(sum(q), 0) as q, coalesce(bool_or(lacks), false) as lacks
        from fct_payout as payouts
        join fct_payout as earlier using (agreement_id, benefit_id, participant_id)
        left join windows on earlier.payout_id = windows.payout_id
        where earlier.window_start between payouts.span_start and payouts.window_start
        group by all
    ),
    prior as (select payout_id, sum(credited_measure) as sold from fct_prior_line group by all)
    select payouts.*, benefits.* exclude (agreement_id, agreement_version, benefit_id, clause), spans.m, spans.e, spans.q, spans.lacks,
        case target_source when 'prior' then coalesce(sold, 0) * target_times when 'number' then target_value when 'feed' then targets.target end as t,
        case baseline_source when 'prior' then coalesce(sold, 0) when 'number' then baseline_value when 'feed' then targets.baseline end as b,
        case incentive_source when 'number' then incentive_value when 'feed' then targets.incentive end as k, pool
    from fct_payout as payouts
    join dim_benefit as benefits using (agreement_id, agreement_version, benefit_id)
    join dim_agreement using (agreement_id, agreement_version)
    join spans using (payout_id)
    left join prior using (payout_id)
    left join dim_target as targets using (agreement_id, benefit_id, participant_id, window_start)"""


@pytest.fixture(scope="module")
def con(demo_book: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(str(demo_book / "published" / "tierledger.duckdb"), read_only=True) as found:
        yield found


@pytest.fixture(scope="module")
def payouts(con: duckdb.DuckDBPyConnection) -> list[Row]:
    return con.sql(_FIGURES).pl().rows(named=True)


def differs(found: Any, expected: Any) -> bool:
    return abs(Fraction(found) - Fraction(expected)) >= Fraction(1, 10**12)


def test_figures_are_sums_over_published_lines(payouts: list[Row]) -> None:
    compared: Counter[str] = Counter()
    for row in payouts:
        if row["status"] == "blocked" or row["measure_every"] or row["measure_distinct"] or row["pool"] == "placed":
            continue
        own = {"measure": row["m"], "quantity": row["q"]}
        if row["base"] == row["measure"] or row["e"] is not None:
            own["base"] = row["m"] if row["e"] is None else row["e"]
        if row["target_source"] == "prior":
            own["target"] = row["t"]
        if row["baseline_source"] == "prior":
            own["baseline"] = row["b"]
        for name, value in own.items():
            assert not differs(row[name], value), (row["payout_id"], row["agreement_id"], name, row[name], value)
            compared[name] += 1
    assert compared["measure"] > 1000
    assert min(compared["target"], compared["baseline"]) > 40


def unknown(row: Row) -> str:
    """Why the curve is not one of those that this test computes."""
    if row["status"] == "blocked":
        return "blocked"
    if row["method"] not in METHODS:
        return str(row["method"])
    if row["by_axis"] not in AXES:
        return str(row["by_axis"])
    if row["target_source"] == "year":
        return "weights"
    others = {"prorate": row["prorate"] != "none", "distinct": row["measure_distinct"], "every": row["measure_every"], "each": row["each"]}
    others |= {"slices": row["slices"], "over": row["measure_over"], "placed": row["pool"] == "placed", "draw": row["draw_amount"]}
    return next((name for name, is_so in others.items() if is_so), "")


def curve(row: Row, tiers: list[Row]) -> Fraction:
    m, t, b, q, k = (None if row[name] is None else Fraction(row[name]) for name in ("m", "t", "b", "q", "k"))
    assert m is not None and q is not None
    e = Fraction(row["e"]) if row["e"] is not None else m
    if row["definition"] and '"base":"increment"' in row["definition"].replace(" ", ""):
        e = max(m - (b or 0), Fraction(0))

    def in_measure(at: Fraction) -> Fraction:
        return {"measure": at, "attainment": at * (t or 0), "growth": (1 + at) * (b or 0), "growth_amount": at + (b or 0)}[row["by_axis"]]

    x = {"measure": m, "attainment": m / t if t else None, "growth": m / b - 1 if b else None, "growth_amount": m - b if b is not None else None}[row["by_axis"]]
    assert x is not None
    starts = [Fraction(tier["from_value"]) for tier in tiers]
    strict = row["boundary"] == "upper_inclusive"
    reached = sum(start < x or (start == x and not strict) for start in starts)
    pays = [{form: Fraction(tier[form] or 0) for form in ("rate", "per_unit", "amount", "share")} for tier in tiers]
    if reached == 0:
        return Fraction(0)
    if row["method"] == "whole":
        at = pays[reached - 1]
        return at["rate"] * e + at["per_unit"] * q + at["amount"] + at["share"] * (k or 0)
    if row["method"] == "total":
        return sum((at["rate"] * e for at in pays[:reached]), Fraction(0))
    ends = [in_measure(start) for start in starts[1:]]
    if row["method"] == "rolling":
        return sum((at["rate"] * (min(m, ends[n]) if n < len(ends) else m) for n, at in enumerate(pays[:reached])), Fraction(0))
    total = Fraction(0)
    for n, at in enumerate(pays):
        begin, end = in_measure(starts[n]), min(m, ends[n]) if n < len(ends) else m
        if m > 0 and end > begin:
            total += (end - begin) * (at["rate"] * e + at["per_unit"] * q) / m
        until = min(x, starts[n + 1]) if n + 1 < len(starts) else x
        total += at["share"] * max(Fraction(0), until - starts[n]) * (k or 0) + (at["amount"] if n < reached else 0)
    return total


def test_curves_pay_what_tables_say(con: duckdb.DuckDBPyConnection, payouts: list[Row]) -> None:
    """docs/tables.md says that these can be recomputed from the tables, and which cannot."""
    tiers: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for tier in con.sql("from dim_tier order by all").pl().rows(named=True):
        tiers[tier["agreement_id"], tier["agreement_version"], tier["benefit_id"]].append(tier)
    left: Counter[str] = Counter(map(unknown, payouts))
    wrong = []
    for row in payouts:
        if not unknown(row):
            key = row["agreement_id"], row["agreement_version"], row["benefit_id"]
            paid = curve(row, sorted(tiers[key], key=lambda tier: tier["tier"]))
            if differs(row["curve_payout"], paid):
                wrong.append((row["payout_id"], row["agreement_id"], row["window_start"], row["curve_payout"], float(paid)))
    assert wrong == []
    assert left[""] > 800
    assert set(left) <= {"", "blocked", "linear", "matrix", "rank", "percentile", "ratio", "metric", "weights", "prorate", "distinct", "every", "each", "draw"}
