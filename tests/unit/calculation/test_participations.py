"""Who takes part on some days only: which windows there are, what part of each counts, and how many own days have gone."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from models.calculation.columns import INPUTS
from models.calculation.measures.participations import count_own_days, keep_own_windows

AS_OF = dt.date(2026, 5, 31)
QUARTER = {"window_start": dt.date(2026, 4, 1), "window_end": dt.date(2026, 6, 30), "whole_start": dt.date(2026, 4, 1), "whole_end": dt.date(2026, 6, 30)}


def day(text: str) -> dt.date:
    return dt.date.fromisoformat(f"2026-{text}")


def participations(*rows: tuple[str, str, str]) -> pl.DataFrame:
    """(first day, last day, factor) of participant 7."""
    written = [(1, 7, day(first), day(last), Decimal(factor)) for first, last, factor in rows]
    return pl.DataFrame(written, schema=INPUTS["participations"], orient="row")


def kept(rows: pl.DataFrame, **window: Any) -> list[tuple[int, int]]:
    """days and of_days of the window of participant 7, if it is kept."""
    listed = pl.DataFrame([{"agreement_key": 1, "participant_key": 7, "prorate": "days", "days": 1, "of_days": 1, **QUARTER, **window}])
    return keep_own_windows(listed, rows, AS_OF).select("days", "of_days").rows()


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([("05-15", "12-31", "1")], [(47, 91)]),
        ([("01-01", "12-31", "1")], [(1, 1)]),  # all of it
        ([("04-01", "04-01", "1")], [(1, 91)]),
        ([("05-31", "12-31", "1")], [(31, 91)]),
        ([("06-01", "12-31", "1")], []),  # its first day has not come
        ([("01-01", "03-31", "1")], []),
        ([("07-01", "12-31", "1")], []),
        ([("04-01", "04-30", "1"), ("06-01", "06-30", "0.5")], [(45, 91)]),
        ([("04-01", "04-30", "0.333333")], [(30 * 333333, 91 * 10**6)]),
        ([("01-01", "12-31", "0.5")], [(45_500_000, 91_000_000)]),
        ([("01-01", "12-31", "2")], [(182, 91)]),
    ],
)
def test_a_window_is_there_and_counts_by_own_days(rows: list[tuple[str, str, str]], expected: list[tuple[int, int]]) -> None:
    assert kept(participations(*rows)) == expected


def test_a_benefit_that_is_not_prorated_counts_whole_windows() -> None:
    assert kept(participations(("05-15", "12-31", "0.5")), prorate="none") == [(1, 1)]


def test_who_is_not_named_has_every_window() -> None:
    rows = participations(("06-01", "12-31", "1"))
    assert kept(rows, participant_key=8, days=3, of_days=4) == kept(rows, agreement_key=2, days=3, of_days=4) == [(3, 4)]


def test_a_window_that_the_term_clips_counts_the_days_in_the_term() -> None:
    assert kept(participations(("01-01", "12-31", "1")), window_start=day("05-01")) == [(61, 91)]


@pytest.mark.parametrize(
    ("rows", "until", "expected"),
    [
        ([("05-15", "12-31", "1")], "05-31", (17, 47)),
        ([("05-15", "12-31", "0.5")], "05-14", (0, 47)),
        ([("05-15", "12-31", "1")], "06-30", (47, 47)),
        ([("01-01", "04-10", "1"), ("06-30", "12-31", "1")], "05-31", (10, 11)),
    ],
)
def test_own_days_of_a_span(rows: list[tuple[str, str, str]], until: str, expected: tuple[int, int]) -> None:
    here = {"payout_key": 0, "period_no": 3, "agreement_key": 1, "participant_key": 7, "span_start": day("04-01"), "counted_until": day(until)}
    counted = count_own_days(pl.DataFrame([{**here, "window_end": day("06-30")}, {**here, "payout_key": 1, "participant_key": 8}]), participations(*rows))
    assert counted.select("own_days_gone", "own_days").rows() == [expected, (None, None)]
