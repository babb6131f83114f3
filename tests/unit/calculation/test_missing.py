"""What a blocked payout lacks, in words."""

from __future__ import annotations

import datetime as dt

import polars as pl

from models.calculation.explanation.missing import describe_missing

#: A payout on the margin of period 3, paid on the margin of fewer products: of its 45 lines 2 have no cost, of the 9 that it is paid on 1.
_BLOCKED = {
    "payout_key": 7,
    "participant_key": 1,
    "benefit_key": 1,
    "reason": "cost",
    "measure": "margin",
    "base": "margin",
    "measure_line_set_key": 10,
    "base_line_set_key": 20,
    "line_set_key": 10,
    "prior_line_set_key": None,
    "missing_lines": 2,
    "measure_over": None,
    "measure_attribute": None,
    "measure_times": None,
    "axis_needs_sums": "",
    "pays_per_unit": False,
    "measure_every": None,
    "span_first_period": 3,
    "measured_first_period": 3,
    "counts_from": 3,
    "last_period": 3,
    "measured_last_period": 3,
    "period_no": 3,
    "figures_of": "P",
    "window_start": dt.date(2026, 3, 1),
    "span_start": dt.date(2026, 3, 1),
    "counted_until": dt.date(2026, 3, 31),
}
_NONE = {"missing_rates": 0, "missing_quantities": 0, "missing_attributes": 0}


def test_lines_of_the_measure_are_named_before_those_it_is_paid_on_in_whatever_order_they_come() -> None:
    key = {"participant_key": 1, "period_no": 3, "is_prior": False, **_NONE}
    sums = [{**key, "line_set_key": 10, "line_count": 45, "missing_costs": 2}, {**key, "line_set_key": 20, "line_count": 9, "missing_costs": 1}]
    rates = dict.fromkeys(("line_set_key", "participant_key", "period_no"), pl.Int32)
    no_rates = pl.DataFrame(schema={**rates, "is_prior": pl.Boolean, "from_currency": pl.String, "to_currency": pl.String, "first_day": pl.Date})
    no_axes = pl.DataFrame(schema={"benefit_key": pl.Int32, "metric": pl.String})
    integers = dict.fromkeys((*rates, "measure_line_set_key", "base_line_set_key", "prior_line_set_key", "payout_key", "benefit_key"), pl.Int32)
    texts = dict.fromkeys(("measure_over", "measure_attribute", "measure_times"), pl.String)
    settled = pl.DataFrame([_BLOCKED], schema_overrides={**integers, **texts})
    for rows in (sums, sums[::-1]):
        found = describe_missing(settled, pl.DataFrame(rows, schema_overrides=rates), no_rates, no_axes)
        assert found.rows() == [(7, "2 of 45 lines have no cost")]
