"""Which months are drawn in the place of which, where some are cut, and for whom together.

Belongs here: pairs of months. Does not belong here: what is paid on them (tests/integration/simulation/test_other_volumes.py).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal

import duckdb
import polars as pl
import pytest

from assets.simulation.variants import _times
from assets.simulation.what_if import _components, _group_months, _pair_months


def periods_of(*cut: int) -> pl.DataFrame:
    """January to March, those of the numbers cut at the 15th."""
    days = [dt.date(2026, month, day) for month in (1, 2, 3) for day in ((1, 15) if month in cut else (1,))]
    rows = {"period_no": range(len(days)), "fiscal_year": 2026, "number": [day.month for day in days], "first_day": days}
    return pl.DataFrame(rows, {"period_no": pl.Int32, "fiscal_year": pl.Int32, "number": pl.Int32, "first_day": pl.Date}).with_columns(
        pl.col("first_day").dt.month_start().alias("period_first_day")
    )


def pairs_of(periods: pl.DataFrame, first: int, last: int, cuts: Sequence[int] = ()) -> tuple[int, set[tuple[int, ...]] | None]:
    count, pairs = _pair_months(periods, first, last, cuts)
    return count, None if pairs is None else set(pairs.select("source", "target", "period_no", "becomes").rows())


def test_a_month_is_drawn_whole_whoever_cuts_it() -> None:
    """Both parts of January become February; February becomes the first part of January. In its own place January stays in two."""
    count, pairs = pairs_of(periods_of(1), 0, 3)
    assert count == 3
    assert pairs is not None
    assert {pair for pair in pairs if set(pair[:2]) <= {0, 1}} == {(0, 0, 0, 0), (0, 0, 1, 1), (0, 1, 0, 2), (0, 1, 1, 2), (1, 0, 2, 0), (1, 1, 2, 2)}


def test_parts_between_cuts_of_every_month_go_to_the_same_parts() -> None:
    count, pairs = pairs_of(periods_of(1, 2, 3), 0, 5, [1, 3, 5])
    assert count == 3
    assert pairs is not None
    assert {pair for pair in pairs if pair[:2] == (0, 2)} == {(0, 2, 0, 4), (0, 2, 1, 5)}
    assert len(pairs) == 3 * 3 * 2


def test_months_that_are_cut_otherwise_are_not_drawn() -> None:
    assert pairs_of(periods_of(1, 2, 3), 0, 5, [1]) == (0, None)
    assert pairs_of(periods_of(1), 0, 3, [1]) == (0, None)


def test_a_month_that_does_not_lie_in_the_term_as_a_whole_stays() -> None:
    count, pairs = pairs_of(periods_of(1), 1, 3, [1])
    assert (count, pairs) == (2, {(0, 0, 2, 2), (0, 1, 2, 3), (1, 0, 3, 2), (1, 1, 3, 3)})
    assert pairs_of(periods_of(1), 1, 1) == (0, set())


def test_who_is_net_of_others_draws_with_them() -> None:
    """NET, BELOW and DEEP the months that all have; ALONE its own. Where one counts returns otherwise, a line is not in the same month."""
    components = _components([("NET", "BELOW"), ("BELOW", "DEEP")])
    assert components == dict.fromkeys(("NET", "BELOW", "DEEP"), "BELOW")
    spans = pl.DataFrame(
        {
            "agreement_key": range(4),
            "agreement_id": ["NET", "BELOW", "DEEP", "ALONE"],
            "returns": "sale",
            "first_period": [0, 1, 0, 0],
            "last_period": [3, 3, 2, 3],
        },
        {"agreement_key": pl.Int32, "agreement_id": pl.String, "returns": pl.String, "first_period": pl.Int32, "last_period": pl.Int32},
    )
    people = pl.DataFrame(
        {"agreement_key": [0, 1, 3], "participant_key": [7, 8, 7], "participant_id": ["A", "B", "A"]}, schema_overrides={"agreement_key": pl.Int32}
    )
    cuts = pl.DataFrame({"agreement_key": [], "period_no": []}, {"agreement_key": pl.Int32, "period_no": pl.Int32})
    months, left_out = _group_months(spans, cuts, periods_of(1), people, components)
    assert left_out == {}
    assert [(list(each.agreement_keys), each.first_period, each.last_period, each.count, each.together) for each in months] == [
        ([0, 1, 2], 1, 2, 1, True), ([3], 0, 3, 3, False),
    ]  # fmt: skip
    assert months[0].people["participant_key"].to_list() == [7, 8]
    others = spans.with_columns(pl.when(pl.col("agreement_id") == "DEEP").then(pl.lit("original")).otherwise("returns").alias("returns"))
    months, left_out = _group_months(others, cuts, periods_of(1), people, components)
    assert set(left_out) == {"NET", "BELOW", "DEEP"}
    assert [each.count for each in months] == [0, 3]


@pytest.mark.parametrize(
    ("value", "ratio", "expected"),
    [("0.000001", (1, 2), "0.000001"), ("-0.000001", (1, 2), "-0.000001"), ("0.000001", (1, 3), "0.000000"), ("900.000000", (6, 5), "1080.000000")],
)
def test_a_volume_is_rounded_once_a_half_away_from_0(value: str, ratio: tuple[int, int], expected: str) -> None:
    rows = f"(select {value}::decimal(18, 6) as amount, {Decimal(value).scaleb(6):f}::bigint as millionths) as rows"
    variants = f"(select {ratio[0]}::hugeint as numerator, {ratio[1]}::hugeint as denominator)"
    query = f"select ({_times('amount', 'decimal(18, 6)', 6)})::varchar, {_times('millionths', 'bigint', 0)} from {rows}, {variants}"
    with duckdb.connect() as con:
        found = con.execute(query).fetchall()
    assert found == [(expected, int(expected.replace(".", "")))]
