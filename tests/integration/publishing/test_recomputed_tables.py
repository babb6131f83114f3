"""Payouts of the demo recomputed from the published tables alone: what lines bring, and the terms as tables have them.

Belongs here: figures, curves and money from `published/tierledger.duckdb`, without archive, warehouse or our code. Does not belong here: the pack for
auditors, which starts from the amounts in files and the agreements as they were written (tests/integration/evidence).
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import duckdb
import pytest

Row = dict[str, Any]
FORMS = ("rate", "per_unit", "amount", "share", "factor")
#: Benefits that need more than these tables say in columns: their text is in dim_benefit.definition.
NOT_COVERED = {
    "CAFE-START-2526/quarter-bonus": "prorate",
    "CHAIN-ALLIANCE-2526/alliance": "placed",
    "CHAIN-CONDITIONS-2026/conditions": "matrix",
    "CHAIN-SCORECARD-2026/scorecard": "score",
    "CIDER-CONTEST-2025/contest": "rank",
    "FIELD-STAIRS-2026/stairs": "running",
    "MARGIN-BONUS-2526/margin-share": "ratio",
    "NEW-SELLER-2026/guarantee": "draw",
    "ORDER-BONUS-2026/large-orders": "each",
    "PALLET-BONUS-2526/pallets": "every",
    "PRESIDENTS-CLUB-2026/club": "rank",
    "RANGE-BONUS-2026/brands": "distinct",
    "SALES-QUOTA-2526/quota": "weights",
    "SERVICE-MATRIX-2526/sales-and-service": "matrix",
    "TAP-QUALITY-2526/top-quarter": "percentile",
}
#: Figures of a payout: sums over the lines of the span's windows, and over those of the year before. A line in several tiers has one base and quantity.
_FIGURES = """
    with lines as (
        select payout_id, source_sha256, source_row, sum(credited_measure) as measure, any_value(credited_base) as base, any_value(quantity * share) as quantity
        from fct_payout_line group by all
    ),
    windows as (select payout_id, sum(measure) as m, sum(base) as e, sum(quantity) as q from lines group by all),
    spans as (
        select payouts.payout_id, coalesce(sum(m), 0) as m, sum(e) as e, coalesce(sum(q), 0) as q
        from fct_payout as payouts
        join fct_payout as earlier using (agreement_id, benefit_id, participant_id)
        left join windows on earlier.payout_id = windows.payout_id
        where earlier.window_start between payouts.span_start and payouts.window_start
        group by all
    ),
    prior as (select payout_id, sum(credited_measure) as sold from fct_prior_line where counts_for = 'prior' group by all)
    select payouts.*, benefits.* exclude (agreement_id, agreement_version, benefit_id, clause, agreement_version_id, benefit_version_id, measure, base),
        benefits.base as base_kind, spans.m, spans.e, spans.q,
        case target_source when 'prior' then coalesce(sold, 0) * target_times when 'number' then target_value when 'feed' then targets.target end as t,
        case baseline_source when 'prior' then coalesce(sold, 0) when 'number' then baseline_value when 'feed' then targets.baseline end as b,
        case incentive_source when 'number' then incentive_value when 'feed' then targets.incentive end as k, pool, combine_rule,
        (select max(as_of) from audit_run) as as_of
    from fct_payout as payouts
    join dim_benefit as benefits using (benefit_version_id)
    join dim_agreement on payouts.agreement_version_id = dim_agreement.agreement_version_id
    join spans using (payout_id)
    left join prior using (payout_id)
    left join dim_target as targets on payouts.agreement_id = targets.agreement_id and payouts.benefit_id = targets.benefit_id
        and payouts.participant_id = targets.participant_id and payouts.window_start = targets.window_start
    order by payouts.window_start"""


def rows_of(con: duckdb.DuckDBPyConnection, query: str) -> list[Row]:
    found = con.execute(query)
    names = [column[0] for column in found.description or ()]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


class Tables:
    """What is asked of the tables besides the figures: by benefit, and the metrics of participants in order of time."""

    def __init__(self, con: duckdb.DuckDBPyConnection) -> None:
        self.metrics = rows_of(con, "from dim_metric order by date")
        self.tiers, self.gates, self.factors = (self.by_benefit(con, name) for name in ("dim_tier", "dim_gate", "dim_multiplier"))

    @staticmethod
    def by_benefit(con: duckdb.DuckDBPyConnection, table: str) -> dict[tuple[Any, ...], list[Row]]:
        found = defaultdict(list)
        for row in rows_of(con, f"from {table} order by all"):
            found[row["agreement_id"], row["agreement_version"], row["benefit_id"]].append(row)
        return found

    def axis(self, row: Row, kind: str, metric: str | None) -> Fraction | None:
        m, t, b = (None if row[name] is None else Fraction(row[name]) for name in "mtb")
        assert m is not None
        if kind == "metric":
            until = min(row["window_end"], row["as_of"])
            own = [each for each in self.metrics if each["participant_id"] == row["participant_id"] and each["metric"] == metric]
            return next((Fraction(each["value"]) for each in reversed(own) if row["span_start"] <= each["date"] <= until), None)
        if kind in ("growth", "growth_amount"):
            return None if b is None else m - b if kind == "growth_amount" else m / b - 1
        return (m / t if t else None) if kind == "attainment" else m


@pytest.fixture(scope="module")
def con(demo_book: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(str(demo_book / "published" / "tierledger.duckdb"), read_only=True) as found:
        yield found


@pytest.fixture(scope="module")
def payouts(con: duckdb.DuckDBPyConnection) -> list[Row]:
    return rows_of(con, _FIGURES)


def benefit_of(row: Row) -> str:
    return f"{row['agreement_id']}/{row['benefit_id']}"


def differs(found: Any, expected: Any) -> bool:
    return abs(Fraction(found) - Fraction(expected)) >= Fraction(1, 10**12)


def test_figures_are_sums_over_published_lines(payouts: list[Row]) -> None:
    compared: Counter[str] = Counter()
    for row in payouts:
        if row["status"] == "blocked" or row["measure_every"] or row["measure_distinct"] or row["pool"] == "placed":
            continue
        own = {"measure": row["m"], "quantity": row["q"]}
        own |= {"base": row["e"]} if row["e"] is not None else {"base": row["m"]} if row["base_kind"] == "measure" else {}
        own |= {name: row[key] for name, key in (("target", "t"), ("baseline", "b")) if row[f"{name}_source"] == "prior"}
        for name, value in own.items():
            assert not differs(row[name], value), (benefit_of(row), row["payout_id"], name, row[name], value)
            compared[name] += 1
    assert compared["measure"] > 1000
    assert min(compared["target"], compared["baseline"]) > 40


def place(points: list[Fraction], x: Fraction, strictly: bool) -> int:
    return sum(point < x or (point == x and not strictly) for point in points)


def between(points: list[Row], x: Fraction, above: str) -> dict[str, Fraction]:
    """What a line through the points pays at x."""
    here = place([point["from"] for point in points], x, strictly=False)
    if here == 0 or (here == len(points) and above == "zero" and x > points[-1]["from"]):
        return dict.fromkeys(FORMS, Fraction(0))
    low = points[here - 1]
    high = points[here] if here < len(points) else points[-2] if above == "extend" else low
    part = (x - low["from"]) / (high["from"] - low["from"]) if high is not low else Fraction(0)
    return {form: low[form] + part * (high[form] - low[form]) for form in FORMS}


def in_fractions(rows: list[Row]) -> list[Row]:
    rows = sorted(rows, key=lambda row: row["tier"])
    return [{"from": Fraction(row["from_value"]), **{form: Fraction(row.get(form) or 0) for form in FORMS}} for row in rows]


def curve(row: Row, points: list[Row], x: Fraction) -> Fraction:
    m, t, b, q, k = (Fraction(row[name] or 0) for name in "mtbqk")
    e = max(m - b, Fraction(0)) if row["base_kind"] == "increment" else m if row["e"] is None else Fraction(row["e"])

    def paid(at: dict[str, Fraction]) -> Fraction:
        return at["rate"] * e + at["per_unit"] * q + at["amount"] + at["share"] * k

    def in_measure(at: Fraction) -> Fraction:
        return {"attainment": at * t, "growth": (1 + at) * b, "growth_amount": at + b}.get(row["by_axis"], at)

    if row["method"] == "linear":
        return paid(between(points, x, row["above"]))
    starts = [point["from"] for point in points]
    reached = place(starts, x, row["boundary"] == "upper_inclusive")
    if reached == 0 or row["method"] == "whole":
        return paid(points[reached - 1]) if reached else Fraction(0)
    if row["method"] == "total":
        return sum((at["rate"] * e for at in points[:reached]), Fraction(0))
    ends = [*map(in_measure, starts[1:]), m]
    if row["method"] == "rolling":
        return sum((at["rate"] * min(m, ends[n]) for n, at in enumerate(points[:reached])), Fraction(0))
    assert row["method"] == "graduated"
    total = Fraction(0)
    for n, at in enumerate(points):
        begin, end = in_measure(starts[n]), min(m, ends[n])
        if m > 0 and end > begin:
            total += (end - begin) * (at["rate"] * e + at["per_unit"] * q) / m
        total += at["share"] * max(Fraction(0), min([x, *starts[n + 1 : n + 2]]) - starts[n]) * k + (at["amount"] if n < reached else 0)
    return total


def fails(gate: Row, x: Fraction) -> bool:
    bounds = {"at_least": Fraction.__lt__, "above": Fraction.__le__, "at_most": Fraction.__gt__, "below": Fraction.__ge__}
    return any(gate[name] is not None and wrong(x, Fraction(gate[name])) for name, wrong in bounds.items())


def earned(row: Row, tables: Tables) -> Fraction:
    key = row["agreement_id"], row["agreement_version"], row["benefit_id"]
    metric = json.loads(row["definition"])["by"]["metric"] if row["by_axis"] == "metric" else None
    x = tables.axis(row, row["by_axis"], metric)
    assert x is not None, benefit_of(row)
    value = curve(row, in_fractions(tables.tiers[key]), x)
    assert not differs(row["curve_payout"], value), (benefit_of(row), row["payout_id"], row["curve_payout"], float(value))
    for factor in tables.factors[key][:1]:
        at = tables.axis(row, factor["axis"], factor["metric"])
        assert at is not None
        assert factor["method"] == "linear"
        value *= between(in_fractions(tables.factors[key]), at, factor["above"])["factor"]
    for gate in tables.gates[key]:
        at = tables.axis(row, gate["axis"], gate["metric"])
        assert at is not None
        value *= Fraction(gate["otherwise"]) if fails(gate, at) else 1
    limits = {name: Fraction(row[name]) for name in ("at_most", "pays_from", "at_least") if row[name] is not None}
    value = min(value, limits.get("at_most", value))
    value = Fraction(0) if value < limits.get("pays_from", value) else value
    value = max(value, limits.get("at_least", value))
    cents = Decimal(value.numerator) / Decimal(value.denominator)
    return Fraction(cents.quantize(Decimal("0.01"), ROUND_HALF_UP))


def test_payouts_follow_from_the_tables(con: duckdb.DuckDBPyConnection, payouts: list[Row]) -> None:
    """Each window pays what its span has earned less what its earlier windows did and what is owed. The others are named."""
    tables, compared, named = Tables(con), Counter[str](), {benefit_of(row) for row in payouts}
    assert named >= NOT_COVERED.keys()
    series: dict[tuple[str, str, str], list[Row]] = defaultdict(list)
    for row in payouts:
        if benefit_of(row) not in NOT_COVERED:
            series[row["agreement_id"], row["benefit_id"], row["participant_id"]].append(row)
    for windows in series.values():
        span, before, owed = None, Fraction(0), Fraction(0)
        for row in windows:
            if row["span_start"] != span:
                span, before, owed = row["span_start"], Fraction(0), Fraction(0) if row["clawback"] == "none" else owed
            if row["status"] == "blocked":
                continue
            now = earned(row, tables)
            difference, before = now - before - owed, now
            payout, owed = (difference, Fraction(0)) if row["clawback"] == "pay" else (max(difference, Fraction(0)), max(-difference, Fraction(0)))
            found = (row["earned"], row["payout"])
            assert found == (now, 0 if row["status_reason"] == "combined" else payout), (benefit_of(row), row["payout_id"], found, float(now), float(payout))
            compared[row["method"]] += 1
    assert compared.keys() == {"whole", "graduated", "linear", "total", "rolling"}
    assert sum(compared.values()) > 1000
