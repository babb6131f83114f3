"""Rolling and total, matrices, gates, multipliers and prorated windows, each against its formula in fractions.

Figures are drawn where mistakes live: exactly at each threshold, one unit below, one above, at 0 and below.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.curves.compiled import compile_scheme
from tests.support.evaluation import RATES, STARTS, Row, benefits, decimals, earned, evaluate, frames_of, rows_near_thresholds

D = Decimal
CENT = D("0.01")


def figure(value: Fraction) -> Decimal:
    """As the published figure: 12 decimals, half away from zero."""
    size = (2 * abs(value.numerator) * 10**12 + value.denominator) // (2 * value.denominator)
    return D(size if value >= 0 else -size).scaleb(-12)


def x_of(by: str, row: Row, part: Fraction = Fraction(1)) -> Fraction:
    m, t, b = Fraction(row.m), Fraction(row.target or 0) * part, Fraction(row.baseline or 0)
    return {"measure": lambda: m, "attainment": lambda: m / t, "growth": lambda: m / b - 1, "growth_amount": lambda: m - b}[by]()


def tier_of(places: list[Decimal], x: Fraction, boundary: str = "lower_inclusive", part: Fraction = Fraction(1)) -> int:
    starts = [Fraction(place) * part for place in places]
    return sum(1 for start in starts if (start <= x if boundary == "lower_inclusive" else start < x))


def around(*places: Decimal) -> list[Decimal]:
    """At every place, a hair below and above, 0 and below 0."""
    return sorted({v for p in places for v in (p - D("1e-12"), p, p + D("1e-12"))} | {D(0), D(-1)})


# -- rolling and total ------------------------------------------------------------------------------------------------


def measured_at(by: str, place: Fraction, row: Row) -> Fraction:
    t, b = Fraction(row.target or 0), Fraction(row.baseline or 0)
    return {"measure": place, "attainment": place * t, "growth": (1 + place) * b, "growth_amount": b + place}[by]


@settings(max_examples=60)
@given(data=st.data(), by=st.sampled_from(list(STARTS)))
def test_rolling_pays_every_tier_reached_up_to_the_next_threshold(data: Any, by: str) -> None:
    benefit = {**data.draw(benefits(methods=("whole",), axes=(by,))), "method": "rolling"}
    benefit["tiers"] = [{"from": t["from"], "rate": data.draw(RATES)} for t in benefit["tiers"]]
    benefit.pop("limits", None)
    rows = data.draw(rows_near_thresholds({**benefit, "method": "whole"}))
    for row, got in zip(rows, evaluate(benefit, rows).iter_rows(named=True), strict=True):
        places = [t["from"] for t in benefit["tiers"]]
        tier = tier_of(places, x_of(by, row), benefit["boundary"])
        paid = Fraction(0)
        for i in range(tier):
            ends = [measured_at(by, Fraction(places[i + 1]), row)] if i + 1 < len(places) else []
            paid += Fraction(benefit["tiers"][i]["rate"]) * min([Fraction(row.m), *ends])
        assert (got["tier"], got["curve_payout"]) == (tier, figure(paid)), row


@given(data=st.data(), by=st.sampled_from(list(STARTS)))
def test_total_adds_the_rates_of_every_tier_reached(data: Any, by: str) -> None:
    benefit = {**data.draw(benefits(methods=("whole",), axes=(by,))), "method": "total"}
    benefit["tiers"] = [{"from": t["from"], "rate": data.draw(RATES)} for t in benefit["tiers"]]
    benefit.pop("limits", None)
    rows = data.draw(rows_near_thresholds({**benefit, "method": "whole"}))
    for row, got in zip(rows, evaluate(benefit, rows).iter_rows(named=True), strict=True):
        tier = tier_of([t["from"] for t in benefit["tiers"]], x_of(by, row), benefit["boundary"])
        rates = sum((Fraction(t["rate"]) for t in benefit["tiers"][:tier]), Fraction(0))
        assert (got["tier"], got["curve_payout"]) == (tier, figure(rates * Fraction(row.m if row.e is None else row.e))), row


LINES = [{"from": D(0), "rate": D("0.1")}, {"from": D(1000), "rate": D("0.25")}]


@pytest.mark.parametrize(
    ("method", "volume", "paid"),
    [("rolling", "2000", "600"), ("rolling", "1000", "350"), ("rolling", "999.99", "99.999"), ("rolling", "-10", "0"), ("rolling", "0", "0"),
     ("total", "2000", "700"), ("total", "1000", "350"), ("total", "999.99", "99.999"), ("total", "-10", "0"), ("total", "0", "0")],
)  # fmt: skip
def test_rolling_and_total_by_hand(method: str, volume: str, paid: str) -> None:
    assert evaluate({"method": method, "tiers": LINES}, [Row(D(volume))])["curve_payout"].to_list() == [D(paid)]


def test_rolling_on_growth_pays_on_the_whole_measure() -> None:
    """Baseline 100: 10 % up to growth 0.2 (120), 5 % beyond. At 150: 10 % of 120 and 5 % of 150; from −0.5 on nothing is below the baseline."""
    benefit = {"method": "rolling", "by": "growth", "tiers": [{"from": D("-0.5"), "rate": D("0.1")}, {"from": D("0.2"), "rate": D("0.05")}]}
    rows = [Row(D(m), baseline=D(100)) for m in ("49.99", "50", "119.99", "120", "150")]
    assert evaluate(benefit, rows)["curve_payout"].to_list() == [D(0), D(5), D("11.999"), D(18), D("19.5")]


# -- matrices ---------------------------------------------------------------------------------------------------------


def matrix_of(rows: list[str], columns: list[str], method: str = "whole", **grids: Any) -> dict[str, Any]:
    return {
        "rows": {"by": "attainment", "from": [D(r) for r in rows]},
        "columns": {"by": "growth", "from": [D(c) for c in columns]},
        "method": method,
        **{form: [[D(v) for v in line] for line in grid] for form, grid in grids.items()},
    }


SHARES = [["0.2", "0.4", "0.6"], ["0.8", "1.0", "1.2"], ["1.0", "1.3", "1.5"]]
GRID = matrix_of(["0.8", "1.0", "1.2"], ["0.0", "0.05", "0.10"], share=SHARES)


@pytest.mark.parametrize(
    ("measure", "boundary", "tier", "paid"),
    [
        ("79.99", "lower_inclusive", 0, "0"),  # below the first row
        ("80", "lower_inclusive", 1, "600"),  # growth is 80/64 − 1 = 0.25: last column
        ("80", "upper_inclusive", 0, "0"),
        ("100", "lower_inclusive", 2, "1200"),
        ("100", "upper_inclusive", 1, "600"),
        ("1000", "lower_inclusive", 3, "1500"),  # beyond the last row and column
    ],
)
def test_a_matrix_looks_its_cell_up(measure: str, boundary: str, tier: int, paid: str) -> None:
    row = Row(D(measure), target=D(100), baseline=D(64), incentive=D(1000))
    got = evaluate({"matrix": GRID, "boundary": boundary}, [row]).row(0, named=True)
    assert (got["tier"], got["curve_payout"]) == (tier, D(paid))


def test_below_the_first_column_is_tier_0() -> None:
    for baseline, tier, paid in ((D("100.01"), 0, D(0)), (D(100), 2, D(800)), (D(96), 2, D(800)), (D("95.23"), 2, D(1000))):
        got = evaluate({"matrix": GRID}, [Row(D(100), target=D(100), baseline=baseline, incentive=D(1000))]).row(0, named=True)
        assert (got["tier"], got["curve_payout"]) == (tier, paid)


def test_bilinear_by_hand() -> None:
    """Half way between rows and a fifth of the way between columns; on the points the points; beyond the last the last."""
    grid = {**GRID, "method": "linear"}
    rows = [Row(D(m), target=D(100), baseline=D(b), incentive=D(1000)) for m, b in (("90", "90"), ("101", "100"), ("120", "1"), ("110", "100"))]
    paid = evaluate({"matrix": grid}, rows)["curve_payout"].to_list()
    # 0.9, 0: half of 0.2 and 0.8. 1.01, 0.01: 0.05 of the way down, 0.2 across
    assert paid[0] == D(500)
    assert paid[1] == figure(1000 * (Fraction(4, 5) * (Fraction(8, 10) + Fraction(2, 10) / 20) + Fraction(1, 5) * (1 + Fraction(3, 10) / 20)))
    assert paid[2] == D(1500)
    assert paid[3] == figure(1000 * Fraction(12 + 15, 20))


@st.composite
def matrices(draw: st.DrawFn) -> dict[str, Any]:
    axes = [draw(st.sampled_from(list(STARTS))) for _ in range(2)]
    places = [sorted(draw(st.lists(STARTS[by], min_size=1, max_size=4, unique=True))) for by in axes]
    forms = draw(st.lists(st.sampled_from(["rate", "amount", "share"]), min_size=1, max_size=3, unique=True))
    grids = {f: [[draw(decimals(-2, 5, 3) if f != "rate" else RATES) for _ in places[1]] for _ in places[0]] for f in forms}
    method = draw(st.sampled_from(["whole", "linear"]))
    return {"rows": {"by": axes[0], "from": places[0]}, "columns": {"by": axes[1], "from": places[1]}, "method": method, **grids}


def cell_pays(matrix: dict[str, Any], form: str, x: Fraction, y: Fraction, boundary: str) -> tuple[int, Fraction]:
    rows, columns, grid = matrix["rows"]["from"], matrix["columns"]["from"], matrix[form]
    boundary = "lower_inclusive" if matrix["method"] == "linear" else boundary
    i, j = tier_of(rows, x, boundary), tier_of(columns, y, boundary)
    if not (i and j):
        return 0, Fraction(0)
    if matrix["method"] == "whole":
        return i, Fraction(grid[i - 1][j - 1])

    def between(places: list[Decimal], n: int, place: Fraction) -> tuple[int, Fraction]:
        if n == len(places):
            return n - 1, Fraction(0)
        return n, (place - Fraction(places[n - 1])) / (Fraction(places[n]) - Fraction(places[n - 1]))

    (down, u), (across, v) = between(rows, i, x), between(columns, j, y)
    top = Fraction(grid[i - 1][j - 1]) * (1 - v) + Fraction(grid[i - 1][across]) * v
    bottom = Fraction(grid[down][j - 1]) * (1 - v) + Fraction(grid[down][across]) * v
    return i, top * (1 - u) + bottom * u


@settings(max_examples=60)
@given(matrix=matrices(), data=st.data(), boundary=st.sampled_from(["lower_inclusive", "upper_inclusive"]))
def test_every_matrix_pays_what_its_grid_says(matrix: dict[str, Any], data: Any, boundary: str) -> None:
    given_figures = {"target": data.draw(decimals(1, 5000, 2)), "baseline": data.draw(decimals(1, 5000, 2)), "incentive": data.draw(decimals(-100, 5000, 2))}
    places = [measured_at(side["by"], Fraction(p), Row(D(0), **given_figures)) for side in (matrix["rows"], matrix["columns"]) for p in side["from"]]
    at = [D(p.numerator * 10**12 // p.denominator).scaleb(-12) for p in places]
    rows = [Row(m, e=data.draw(decimals(-9, 999, 2)), **given_figures) for m in around(*at)]
    for row, got in zip(rows, evaluate({"matrix": matrix, "boundary": boundary}, rows).iter_rows(named=True), strict=True):
        x, y = x_of(matrix["rows"]["by"], row), x_of(matrix["columns"]["by"], row)
        multiplied = {"rate": Fraction(row.e or 0), "amount": Fraction(1), "share": Fraction(row.incentive or 0)}
        cells = {form: cell_pays(matrix, form, x, y, boundary) for form in multiplied if form in matrix}
        assert got["tier"] == next(iter(cells.values()))[0], row
        assert got["curve_payout"] == figure(sum((y * multiplied[form] for form, (_, y) in cells.items()), Fraction(0))), row


# -- gates and multipliers --------------------------------------------------------------------------------------------

FLAT = {"tiers": [{"from": D(0), "amount": D(100)}]}
HOLDS: dict[str, Callable[[Fraction, Fraction], bool]] = {
    "at_least": lambda x, bound: x >= bound,
    "above": lambda x, bound: x > bound,
    "at_most": lambda x, bound: x <= bound,
    "below": lambda x, bound: x < bound,
}


@pytest.mark.parametrize("bound", list(HOLDS))
@pytest.mark.parametrize("by", list(STARTS))
def test_a_gate_holds_or_leaves_otherwise(by: str, bound: str) -> None:
    """At the bound, a hair below, a hair above, 0 and below 0."""
    rows = [Row(m, target=D(80), baseline=D(80)) for m in around(D(100))]
    place = {"measure": D(100), "attainment": D("1.25"), "growth": D("0.25"), "growth_amount": D(20)}[by]
    for otherwise in (D(0), D("0.5")):
        got = evaluate({**FLAT, "tiers": [{"from": D(-9), "amount": D(100)}], "requires": [{"by": by, bound: place, "otherwise": otherwise}]}, rows)
        expected = [D(1) if HOLDS[bound](x_of(by, row), Fraction(place)) else otherwise for row in rows]
        assert got["gate_factor"].to_list() == expected
        assert got["earned"].to_list() == [factor * 100 for factor in expected]
        assert got["curve_payout"].to_list() == [D(100)] * len(rows)


def test_both_bounds_of_a_gate_must_hold_and_factors_of_failed_gates_multiply() -> None:
    window = {"by": "measure", "at_least": D(10), "below": D(20), "otherwise": D("0.5")}
    other = {"by": "attainment", "above": D(1), "otherwise": D("0.2")}
    rows = [Row(D(m), target=D(15)) for m in ("9.99", "10", "15", "15.01", "19.99", "20")]
    assert evaluate({**FLAT, "requires": [window, other]}, rows)["gate_factor"].to_list() == [D(f) for f in ("0.1", "0.2", "0.2", "1", "1", "0.5")]


@settings(max_examples=60)
@given(data=st.data(), by=st.sampled_from(list(STARTS)), method=st.sampled_from(["whole", "linear"]))
def test_a_multiplier_scales_what_the_curve_paid(data: Any, by: str, method: str) -> None:
    places = sorted(data.draw(st.lists(STARTS[by], min_size=1, max_size=4, unique=True)))
    tiers = [{"from": p, "factor": data.draw(decimals(0, 3, 3))} for p in places]
    boundary, above = data.draw(st.sampled_from(["lower_inclusive", "upper_inclusive"])), data.draw(st.sampled_from(["hold", "zero"]))
    multiply = {"by": by, "method": method, "tiers": tiers} | ({"boundary": boundary} if method == "whole" else {"above": above})
    given_figures = {"target": data.draw(decimals(1, 5000, 2)), "baseline": data.draw(decimals(1, 5000, 2))}
    at = [measured_at(by, Fraction(p), Row(D(0), **given_figures)) for p in places]
    rows = [Row(m, **given_figures) for m in around(*(D(p.numerator * 10**12 // p.denominator).scaleb(-12) for p in at))]
    benefit = {"tiers": [{"from": D(-(10**9)), "amount": D(100)}], "multiply": multiply}
    for row, got in zip(rows, evaluate(benefit, rows).iter_rows(named=True), strict=True):
        x = x_of(by, row)
        tier = tier_of(places, x, boundary if method == "whole" else "lower_inclusive")
        factor = Fraction(tiers[tier - 1]["factor"]) if tier else Fraction(0)
        if method == "linear" and 0 < tier < len(places):
            way = (x - Fraction(places[tier - 1])) / (Fraction(places[tier]) - Fraction(places[tier - 1]))
            factor += way * (Fraction(tiers[tier]["factor"]) - factor)
        if method == "linear" and tier == len(places) and above == "zero" and x > Fraction(places[-1]):
            factor = Fraction(0)
        assert got["multiplier"] == figure(factor), row
        assert abs(Fraction(got["earned"]) - 100 * factor) <= Fraction(1, 200), row


def test_multiplier_and_gates_come_before_limits() -> None:
    benefit = {
        **FLAT,
        "multiply": {"by": "measure", "tiers": [{"from": D(1), "factor": D(3)}]},
        "requires": [{"by": "measure", "at_least": D(10), "otherwise": D("0.5")}],
        "limits": {"at_most": D(160), "at_least": D(7)},
    }
    got = evaluate(benefit, [Row(D(10)), Row(D(9)), Row(D(0))])
    assert got["limited_payout"].to_list() == [D(160), D(150), D(7)]


def test_blocked_rows_have_neither_multiplier_nor_gate() -> None:
    benefit = {**FLAT, "multiply": {"by": "attainment", "tiers": [{"from": D(1), "factor": D(3)}]}, "requires": [{"by": "growth", "at_least": D(0)}]}
    got = evaluate(benefit, [Row(D(10), reason="target_missing")]).row(0, named=True)
    assert (got["multiplier"], got["gate_factor"], got["earned"]) == (1, 1, None)


# -- prorated windows -------------------------------------------------------------------------------------------------


@settings(max_examples=60)
@given(data=st.data(), by=st.sampled_from(list(STARTS)), days=st.integers(1, 92), method=st.sampled_from(["whole", "graduated", "linear", "rolling", "total"]))
def test_a_prorated_window_is_one_with_smaller_terms(data: Any, by: str, days: int, method: str) -> None:
    """Thresholds in units of the measure, T, K and amounts × f: the same as an agreement with those terms, written out."""
    benefit = {**data.draw(benefits(methods=("whole",), axes=(by,))), "method": method}
    if method in ("rolling", "total"):
        benefit["tiers"] = [{"from": t["from"], "rate": t.get("rate", D("0.1"))} for t in benefit["tiers"]]
    whole_days = 128  # so that every part is a decimal
    part = D(days) / whole_days
    moves = by in ("measure", "growth_amount")

    def smaller(tier: dict[str, Any]) -> dict[str, Any]:
        return {k: v * part if k == "amount" or (k == "from" and moves) else v for k, v in tier.items()}

    written = {**benefit, "tiers": [smaller(t) for t in benefit["tiers"]]}
    rows = data.draw(rows_near_thresholds({**written, "method": "whole"}))
    prorated = [Row(r.m, r.e, r.q, r.target, r.baseline, r.incentive, days=days, of_days=whole_days) for r in rows]
    shrunk = [Row(r.m, r.e, r.q, r.target and r.target * part, r.baseline, r.incentive and r.incentive * part) for r in rows]
    columns = ["tier", "axis_value", "curve_payout", "earned", "effective_target", "effective_incentive", "next_tier_from", "gap_to_next_tier"]
    assert evaluate(benefit, prorated).select(columns).equals(evaluate(written, shrunk).select(columns))


def test_a_prorated_share_of_slices_by_hand() -> None:
    """Half a window: from 50 instead of 100, half of 8: 0.01 × (80 − 50) × 4; by attainment of half of 100: 0.01 × (1.6 − 0.5) × 4."""
    share = {"method": "graduated", "tiers": [{"from": D(100), "share": D("0.01")}]}
    part: dict[str, Any] = {"days": 45, "of_days": 90}
    assert evaluate(share, [Row(D(80), incentive=D(8), **part)])["curve_payout"].to_list() == [D("1.2")]
    by = {"method": "graduated", "by": "attainment", "tiers": [{"from": D("0.5"), "share": D("0.01"), "rate": D("0.1"), "amount": D(6)}]}
    got = evaluate(by, [Row(D(80), D(160), target=D(100), incentive=D(8), **part)])["curve_payout"].to_list()
    assert got == [D("0.1") * 55 * 2 + 3 + D("0.01") * D("1.1") * 4]


def test_gates_and_grids_are_not_prorated_but_multipliers_are() -> None:
    part: dict[str, Any] = {"days": 45, "of_days": 90}
    gate = {**FLAT, "requires": [{"by": "measure", "at_least": D(100)}]}
    assert evaluate(gate, [Row(D(m), **part) for m in ("50", "99.99", "100")])["earned"].to_list() == [0, 0, 50]
    multiply = {**FLAT, "multiply": {"by": "measure", "tiers": [{"from": D(100), "factor": D(2)}]}}
    assert evaluate(multiply, [Row(D(m), **part) for m in ("49.99", "50", "100")])["earned"].to_list() == [0, 100, 100]
    grid = {"rows": {"by": "measure", "from": [D(100)]}, "columns": {"by": "attainment", "from": [D(1)]}, "amount": [[D(10)]], "share": [[D(1)]]}
    rows = [Row(D(m), target=D(200), incentive=D(8), **part) for m in ("99.99", "100", "200")]
    assert evaluate({"matrix": grid}, rows)["earned"].to_list() == [0, 14, 14]


# -- looking up by benefit --------------------------------------------------------------------------------------------


def test_a_scheme_of_some_benefits_keeps_their_keys() -> None:
    from models.calculation.earnings.payouts import evaluate_results
    from tests.support.evaluation import rows_frame

    every: list[dict[str, Any]] = [
        FLAT,
        {"matrix": GRID},
        {"tiers": [{"from": D(0), "rate": D("0.1")}], "requires": [{"by": "measure", "at_least": D(10)}]},
        {**FLAT, "multiply": {"by": "measure", "tiers": [{"from": D(1), "factor": D(3)}]}},
    ]
    rows = rows_frame(every, [(n, Row(D(100), target=D(100), baseline=D(64), incentive=D(1000))) for n in range(4)], 2)
    frames = frames_of(every)
    together = evaluate_results(rows, compile_scheme(frames), "half_up")
    for kept in ([0, 2], [1, 3], [3], [2]):
        some = {**frames, "benefits": frames["benefits"][kept]}
        assert evaluate_results(rows[kept], compile_scheme(some), "half_up").equals(together[kept]), kept


def test_earned_is_rounded_once() -> None:
    """A third of a third: exact until the cent."""
    benefit = {"tiers": [{"from": D(0), "rate": D("0.333333333333")}], "requires": [{"by": "measure", "below": D(0), "otherwise": D("0.333333333333")}]}
    assert evaluate(benefit, [Row(D("100.04"))])["earned"].to_list() == [D("11.12")]
    assert earned({"tiers": benefit["tiers"]}, Row(D("100.04"))) == D("33.35")
