"""Measures that are not the sum of the window's lines: distinct values, and sums over other days (models/calculation/measures/distinct_values.py, `over`)."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from models.calculation.columns import INPUTS
from models.calculation.measures.distinct_values import count_values
from tests.support.small_book import Line, Small, calculate

D = Decimal
#: period, value, quantity (None: its line has none), amount (None: its line has no rate)
Sold = tuple[int, str | None, int | None, int | None]


def counted(*sold: Sold, spans: tuple[int, ...] = (0, 0, 0)) -> tuple[list[int], list[int]]:
    """Values to date, and values that lack a rate, of three periods that belong to these spans."""
    rows = pl.DataFrame(
        {"span_key": spans, "period_no": [1, 2, 3], "measure_line_set_key": 7, "participant_key": 1, "measure_distinct": "product_id"},
        schema_overrides={"period_no": pl.Int32, "measure_line_set_key": pl.Int32, "participant_key": pl.Int32},
    )
    sums = {
        "amount": [D(amount or 0) for *_, amount in sold],
        "quantity": [D(quantity or 0) for _, _, quantity, _ in sold],
        "line_count": [1] * len(sold),
        "missing_quantities": [int(quantity is None) for _, _, quantity, _ in sold],
        "missing_rates": [int(amount is None) for *_, amount in sold],
    }
    of = {"line_set_key": [7] * len(sold), "participant_key": [1] * len(sold), "period_no": [p for p, *_ in sold], "group_value": [v for _, v, *_ in sold]}
    groups = pl.DataFrame({name: of.get(name) or sums.get(name) or [0] * len(sold) for name in INPUTS["groups"]}, schema=INPUTS["groups"])
    found = count_values(rows, groups)
    return found["values_to_date"].cast(pl.Int64).to_list(), found["missing_values"].to_list()


@pytest.mark.parametrize(
    ("sold", "values"),
    [
        ([], [0, 0, 0]),
        ([(1, "A", 1, 5), (1, "B", 1, 5), (2, "A", 1, 5)], [2, 2, 2]),  # a value counts once
        ([(1, "A", 2, 5), (3, "A", -2, -5)], [1, 1, 0]),  # and not once it has come back
        ([(1, "A", 2, 5), (3, "A", -1, -9)], [1, 1, 1]),
        ([(1, "A", 0, 50)], [0, 0, 0]),  # a quantity of nothing is not sold, whatever it cost
        ([(1, "A", None, 5), (2, "A", None, -5)], [1, 0, 0]),  # by amount where no line has a quantity
        ([(1, "A", None, -5), (2, "A", 1, -5)], [0, 1, 1]),
        ([(1, None, 1, 5)], [0, 0, 0]),  # a line without it is no value
    ],
)  # fmt: skip
def test_a_value_counts_while_its_quantity_is_above_nothing(sold: list[Sold], values: list[int]) -> None:
    assert counted(*sold) == (values, [0, 0, 0])


def test_a_value_that_is_decided_by_amount_lacks_a_rate_until_a_line_has_a_quantity() -> None:
    assert counted((1, "A", None, None), (1, "B", 1, None), (3, "A", 1, None)) == ([1, 1, 2], [1, 1, 0])


def test_every_span_counts_for_itself() -> None:
    assert counted((1, "A", 1, 5), (2, "A", 1, 5), (2, "B", 1, 5), (3, "A", -1, 0), spans=(0, 1, 1))[0] == [1, 2, 1]


def paid(benefit: dict[str, Any], lines: list[Line], as_of: dt.date = dt.date(2026, 1, 31), first: dt.date = dt.date(2025, 1, 1)) -> dict[str, pl.DataFrame]:
    term = {"from": first, "to": dt.date(2025, 12, 31)}
    whole = {"id": "b", "clause": "1", "base": "amount", "tiers": [{"from": D(100), "rate": D("0.1")}], **benefit}
    return calculate(Small({"agreement": "A", "title": "A", "currency": "EUR", "term": term, "participants": ["P"], "benefits": [whole]}, lines, [], as_of))


YEAR_BEFORE = {"measure": {"of": "amount", "over": "prior_year"}, "window": "half_year"}


def test_the_whole_year_before_decides_and_the_window_is_paid() -> None:
    lines = [Line(dt.date(2024, 1, 1), D(60)), Line(dt.date(2024, 12, 31), D(40)), Line(dt.date(2023, 12, 31), D(900)), Line(dt.date(2025, 7, 1), D(50))]
    payouts = paid(YEAR_BEFORE, lines)["payouts"].sort("window_start")
    assert payouts.select("measure", "base", "tier", "payout", "span_measure_before").rows() == [(100, 0, 1, 0, 0), (100, 50, 1, 5, 0)]


def test_a_term_of_years_sees_the_year_before_its_windows_end() -> None:
    benefit = {"measure": {"of": "amount", "over": "prior_year"}, "window": "term"}
    lines = [Line(dt.date(2023, 3, 1), D(900)), Line(dt.date(2024, 3, 1), D(70)), Line(dt.date(2025, 3, 1), D(5))]
    got = paid(benefit, lines, first=dt.date(2023, 7, 1))
    assert got["payouts"].select("measure", "base").rows() == [(70, 75)]
    # on the way there, of that year what had been bought
    assert got["achievement"].sort("period_no")["measure_to_date"].to_list()[7:10] == [0, 70, 70]


def test_the_last_periods_end_with_the_windows() -> None:
    benefit = {"measure": {"of": "amount", "over": {"trailing": 4}}, "window": "quarter"}
    lines = [Line(dt.date(2024, 11, 30), D(900)), Line(dt.date(2024, 12, 1), D(60)), Line(dt.date(2025, 3, 31), D(40)), Line(dt.date(2025, 4, 1), D(1))]
    got = paid(benefit, lines)
    assert got["payouts"].sort("window_start").select("measure", "base", "payout").rows()[:2] == [(100, 40, 4), (41, 1, 0)]
    # each month sees what has been bought by its end, and adds what it is paid on
    months = got["achievement"].sort("period_no").select("measure_to_date", "measure_period").rows()[:4]
    assert months == [(60, 0), (60, 0), (100, 40), (41, 1)]


def test_a_forecast_projects_what_is_paid_and_not_the_days_that_are_measured() -> None:
    lines = [Line(dt.date(2024, 5, 5), D(100)), Line(dt.date(2025, 1, 10), D(31))]
    got = paid({**YEAR_BEFORE, "accrue": {"placement": "forecast"}}, lines, as_of=dt.date(2025, 1, 31))
    assert got["achievement"].select("projected_measure", "tier_forecast").rows() == [(100, 1)]
    # 31 in 31 days of 181 become 181; a tenth of it, for 31 of 181 days
    assert got["accruals"]["accrued_to_date"].to_list() == [D("3.1")]
