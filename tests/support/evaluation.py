"""One benefit and many rows of figures, through the program's own curve and through the reference's formulas.

Belongs here: building the frames that models/calculation/earnings/payouts.py takes, and drawing benefits with figures near their thresholds.
Does not belong here: expectations, which stand in the tests.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from fractions import Fraction
from typing import Any

import polars as pl
from hypothesis import strategies as st

from models.agreements.tables.terms_columns import SCHEMAS
from models.calculation.earnings.payouts import evaluate_results
from models.currencies import Rounding
from models.curves.compiled import Scheme, compile_scheme
from models.curves.vocabulary import FIRST_GATE, PAY_FORMS
from models.money import EXACT
from tests.reference.credit import round_half
from tests.reference.curve import Inputs, axis_value, pays

D = Decimal
ZERO, ONE = D(0), D(1)
UNITS = (D("0.01"), D(1), D("1e-12"))


@dataclass(frozen=True)
class Row:
    """Figures of one result. `e` and `q` default to the measure and 0."""

    m: Decimal
    e: Decimal | None = None
    q: Decimal = ZERO
    target: Decimal | None = None
    baseline: Decimal | None = None
    incentive: Decimal | None = None
    times: Decimal = ONE
    weight: int = 1
    of_weights: int = 1
    reason: str | None = None
    days: int = 1
    of_days: int = 1
    given: dict[int, tuple[Decimal, int]] = field(default_factory=dict)  # slot: value and what it is divided by
    tied: int = 1


def evaluate(benefit: dict[str, Any], rows: Sequence[Row], minor_units: int = 2, rounding: Rounding = "half_up") -> pl.DataFrame:
    """evaluate_results on `rows`, all of one benefit written as in the agreement language."""
    return evaluate_many([benefit], [(0, row) for row in rows], minor_units, rounding)


def evaluate_many(benefits: Sequence[dict[str, Any]], rows: Sequence[tuple[int, Row]], minor_units: int = 2, rounding: Rounding = "half_up") -> pl.DataFrame:
    """evaluate_results on rows of several benefits: (number of the benefit, figures), in any order."""
    return evaluate_results(rows_frame(benefits, rows, minor_units), scheme_of(benefits), rounding)


def scheme_of(benefits: Sequence[dict[str, Any]]) -> Scheme:
    """The scheme of benefits written as in the agreement language, whose axes are plain names."""
    return compile_scheme(frames_of(benefits))


def frames_of(benefits: Sequence[dict[str, Any]]) -> dict[str, pl.DataFrame]:
    """The tables of `terms` that a scheme is compiled from."""
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in SCHEMAS}
    for key, b in enumerate(benefits):
        matrix, multiply = b.get("matrix"), b.get("multiply")
        method = "matrix" if matrix else b.get("method", "whole")
        order = ", ".join(b.get("order", ["multiply", "requires", "limits"]))
        options = {"scaling_order": order, "matrix_method": matrix and matrix.get("method", "whole"), "boundary": b.get("boundary", "lower_inclusive")}
        rows["benefits"].append({"benefit_key": key, "method": method, "above": b.get("above", "hold"), "ties": b.get("ties", "min"), **options})
        axes = [matrix["rows"]["by"], matrix["columns"]["by"]] if matrix else [b.get("by", "measure"), None]
        gates = b.get("requires", [])
        for slot, axis in enumerate([*axes, multiply and multiply["by"], *(gate["by"] for gate in gates)]):
            rows["axes"] += [{"benefit_key": key, "slot": slot, "axis": axis}] if axis else []
        places = [{"from": place} for place in matrix["rows"]["from"]] if matrix else b["tiers"]
        rows["tiers"] += [{"benefit_key": key, "tier": n, "from_value": t["from"], **{f: t.get(f) for f in PAY_FORMS}} for n, t in enumerate(places, 1)]
        if multiply:
            rows["multipliers"].append(
                {
                    "benefit_key": key,
                    "method": "whole",
                    "boundary": "lower_inclusive",
                    "above": "hold",
                    **{k: multiply[k] for k in ("method", "boundary", "above") if k in multiply},
                }
            )
            rows["multiplier_tiers"] += [
                {"benefit_key": key, "tier": n, "from_value": t["from"], "factor": t["factor"]} for n, t in enumerate(multiply["tiers"], 1)
            ]
        bounds = ("at_least", "above", "at_most", "below")
        rows["gates"] += [
            {"benefit_key": key, "slot": n, "otherwise": gate.get("otherwise", ZERO), **{bound: gate.get(bound) for bound in bounds}}
            for n, gate in enumerate(gates, FIRST_GATE)
        ]
        if matrix:
            rows["matrix_columns"] += [{"benefit_key": key, "column_no": n, "from_value": place} for n, place in enumerate(matrix["columns"]["from"], 1)]
            grids = {form: matrix[form] for form in ("rate", "amount", "share") if form in matrix}
            rows["matrix_cells"] += [
                {"benefit_key": key, "tier": i, "column_no": j, **{form: grid[i - 1][j - 1] for form, grid in grids.items()}}
                for i in range(1, len(places) + 1)
                for j in range(1, len(matrix["columns"]["from"]) + 1)
            ]
    return {name: pl.DataFrame(rows[name], schema=SCHEMAS[name]) for name in rows}


def rows_frame(benefits: Sequence[dict[str, Any]], rows: Sequence[tuple[int, Row]], minor_units: int) -> pl.DataFrame:
    figures = (
        "measure_to_date",
        "base_to_date",
        "quantity_to_date",
        "target",
        "target_times",
        "baseline",
        "incentive",
        "at_most",
        "rate_at_most",
        "at_least",
        "pays_from",
    )
    keys: dict[str, Any] = {"payout_key": pl.Int32, "benefit_key": pl.Int32, "payout_unit": pl.Int32, "reason": pl.String}
    given = sorted({slot for _, row in rows for slot in row.given})
    schema = {
        **keys,
        **dict.fromkeys(figures, EXACT),
        "weight_to_date": pl.Int64,
        "weight_of_year": pl.Int64,
        "days": pl.Int64,
        "of_days": pl.Int64,
        "tie_count": pl.Int64,
        "target_source": pl.String,
        "is_last": pl.Boolean,
        "method": pl.String,
        "slices": pl.String,
    }
    schema |= {name: kind for slot in given for name, kind in ((f"axis_value_{slot}", EXACT), (f"axis_divisor_{slot}", pl.Int64))}
    records = []
    for i, (key, r) in enumerate(rows):
        limits = benefits[key].get("limits", {})
        records.append(
            (
                i, key, 10 ** (4 - minor_units), r.reason, r.m, r.m if r.e is None else r.e, r.q, r.target, r.times, r.baseline, r.incentive,
                limits.get("at_most"), limits.get("rate_at_most"), limits.get("at_least"), limits.get("pays_from"),
                r.weight, r.of_weights, r.days, r.of_days, r.tied, "number", True, "whole", None,
                *(part for slot in given for part in r.given.get(slot, (None, None))),
            )
        )  # fmt: skip
    return pl.DataFrame(records, schema=schema, orient="row")


def by_formula(benefit: dict[str, Any], row: Row) -> tuple[Fraction, int]:
    """What the table of methods in docs/language.md pays, and the tier: no limits, not rounded."""
    f = {k: None if v is None else Fraction(v) for k, v in {"t": row.target, "b": row.baseline, "k": row.incentive}.items()}
    t = None if f["t"] is None else f["t"] * Fraction(row.times) * Fraction(row.weight, row.of_weights)
    m, e = Fraction(row.m), Fraction(row.m if row.e is None else row.e)
    x = axis_value(benefit.get("by", "measure"), m, t, f["b"])
    return pays({**benefit, "base": "measure" if row.e is None else "margin"}, Inputs(m, e, Fraction(row.q), t, f["b"], f["k"], x))


def limited(benefit: dict[str, Any], row: Row, paid: Fraction) -> Fraction:
    """at_most and a part of the base clip, less than pays_from pays 0, at_least lifts."""
    limits: dict[str, Decimal] = benefit.get("limits", {})
    if "at_most" in limits and paid > limits["at_most"]:
        paid = Fraction(limits["at_most"])
    if "rate_at_most" in limits:
        paid = min(paid, Fraction(limits["rate_at_most"]) * max(Fraction(row.m if row.e is None else row.e), Fraction(0)))
    if "pays_from" in limits and paid < limits["pays_from"]:
        paid = Fraction(0)
    if "at_least" in limits and paid < limits["at_least"]:
        paid = Fraction(limits["at_least"])
    return paid


def earned(benefit: dict[str, Any], row: Row, minor_units: int = 2, rounding: Rounding = "half_up") -> Decimal:
    paid = limited(benefit, row, by_formula(benefit, row)[0])
    return D(round_half(paid * 10**minor_units, rounding == "half_even")).scaleb(-minor_units)


# -- drawing ----------------------------------------------------------------------------------------------------------


def decimals(low: int, high: int, places: int) -> st.SearchStrategy[Decimal]:
    return st.integers(low * 10**places, high * 10**places).map(lambda n: D(n).scaleb(-places))


RATES = st.sampled_from([D(0), D("0.01"), D("0.015"), D("0.0333"), D("0.125"), D(1)]) | decimals(0, 1, 4)
AMOUNTS = st.sampled_from([D(0), D(500), D("12.345")]) | decimals(-100, 1000, 3)
VALUES = {"rate": RATES, "per_unit": decimals(-2, 20, 3), "amount": AMOUNTS, "share": decimals(-1, 2, 4)}
STARTS = {
    "measure": decimals(-1000, 100000, 2),
    "attainment": decimals(0, 2, 4),
    "growth": decimals(-1, 1, 4),
    "growth_amount": decimals(-1000, 10000, 2),
}


@st.composite
def benefits(draw: st.DrawFn, methods: tuple[str, ...] = ("whole", "graduated", "linear"), axes: tuple[str, ...] = tuple(STARTS)) -> dict[str, Any]:
    """A benefit of the language, with one to five tiers and limits at times."""
    method = draw(st.sampled_from(methods))
    by = draw(st.sampled_from(axes))
    places = sorted(draw(st.lists(STARTS[by], min_size=1, max_size=5, unique=method != "linear")))
    places = [p for i, p in enumerate(places) if i < 2 or not p == places[i - 1] == places[i - 2]]  # a jump has two points
    forms = draw(st.lists(st.sampled_from(PAY_FORMS), min_size=1, max_size=4, unique=True))
    tiers = [{"from": p, **{f: draw(VALUES[f]) for f in forms if f == forms[0] or draw(st.integers(0, 4))}} for p in places]
    benefit = {"method": method, "by": by, "tiers": tiers, "boundary": draw(st.sampled_from(["lower_inclusive", "upper_inclusive"]))}
    if method == "linear":
        ends_in_jump = len(places) > 1 and places[-1] == places[-2]  # what `extend` means there is said in a test of its own
        benefit["above"] = draw(st.sampled_from(["hold", "zero"] if ends_in_jump else ["hold", "extend", "zero"]))
    limits = draw(st.dictionaries(st.sampled_from(["at_most", "at_least", "pays_from"]), decimals(-10, 2000, 3), max_size=2))
    limits |= {"rate_at_most": draw(RATES)} if draw(st.integers(0, 3)) == 0 else {}
    return {**benefit, "limits": limits} if limits else benefit


@st.composite
def rows_near_thresholds(draw: st.DrawFn, benefit: dict[str, Any]) -> list[Row]:
    """Rows on, one unit below and one unit above every threshold, at 0, below 0, and anywhere."""
    by = benefit["by"]
    figures = Row(
        m=D(0),
        q=draw(decimals(-10, 1000, 3)),
        target=draw(decimals(1, 5000, 2)) if by == "attainment" else None,
        baseline=draw(decimals(1, 5000, 2) if by == "growth" else decimals(-500, 5000, 2)) if by.startswith("growth") else None,
        incentive=draw(decimals(-100, 5000, 2)),
    )
    # a slice that begins below 0 over a measure of 10^-12 is more than money can hold
    unit = draw(st.sampled_from(UNITS if benefit["method"] != "graduated" or benefit["tiers"][0]["from"] >= 0 else UNITS[:1]))
    base = draw(st.none() | decimals(-100, 10000, 2))
    at = [in_measure(benefit, figures, tier["from"]) for tier in benefit["tiers"]]
    volumes = {v for m in at for v in (m - unit, m, m + unit)} | {D(0), -unit, unit, draw(decimals(-5000, 200000, 2))}
    return [replace(figures, m=m, e=base) for m in sorted(volumes)]


def in_measure(benefit: dict[str, Any], figures: Row, place: Decimal) -> Decimal:
    """The measure that stands exactly at a place of the axis."""
    by = benefit.get("by", "measure")
    if by == "attainment":
        return place * (figures.target or D(0))
    if by == "growth":
        return (1 + place) * (figures.baseline or D(0))
    return place + (figures.baseline or D(0)) if by == "growth_amount" else place
