"""Limits of an agreement: the span of each window, and the version whose limits hold there."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest

from models.agreements.agreement_limits import limits_of_window
from models.agreements.parse import parse_agreements
from models.agreements.schema import Agreement
from models.agreements.versions import own_windows, periods_of
from models.calendars import CalendarSettings
from models.documents import InputError

D, DAY = Decimal, dt.date
AGREEMENT = """
agreement: A
version: {version}
effective: {effective}
currency: EUR
term: {{from: 2025-02-01, to: 2026-11-30}}
participants: [P]
{limits}
benefits:
- {{id: b, clause: "1", window: {window}, tiers: [{{from: 0, rate: 0.1}}]}}
"""


def versions_of(*limits: str, window: str = "quarter") -> list[Agreement]:
    days = ("2025-02-01", "2025-07-01", "2026-01-01")
    texts = [AGREEMENT.format(version=n, effective=days[n - 1], limits=each, window=window) for n, each in enumerate(limits, 1)]
    return [source.agreement for source in parse_agreements({"agreements/a.yaml": "---".join(texts)})]


def spans(versions: list[Agreement], year_starts: str = "01-01", payout_unit: int = 100) -> list[tuple[Any, ...]]:
    """(first day of the window, last day of its span, cap, floor) of every window."""
    periods = periods_of(CalendarSettings(year_starts=year_starts), versions)
    windows = sorted((w.window_start, v, w) for v, owned in zip(versions, own_windows(versions, periods), strict=True) for w in owned["b"])
    return [(start, *limits_of_window(versions, v, w, periods, payout_unit)) for start, v, w in windows]


def test_a_year_is_the_books_and_ends_with_the_term() -> None:
    found = spans(versions_of("limits: {at_most: 50, per: year}"))
    assert [row[:2] for row in found] == [
        (DAY(2025, 2, 1), DAY(2025, 12, 31)), (DAY(2025, 4, 1), DAY(2025, 12, 31)), (DAY(2025, 7, 1), DAY(2025, 12, 31)),
        (DAY(2025, 10, 1), DAY(2025, 12, 31)), (DAY(2026, 1, 1), DAY(2026, 11, 30)), (DAY(2026, 4, 1), DAY(2026, 11, 30)),
        (DAY(2026, 7, 1), DAY(2026, 11, 30)), (DAY(2026, 10, 1), DAY(2026, 11, 30)),
    ]  # fmt: skip
    assert {row[1] for row in spans(versions_of("limits: {at_most: 50, per: year}"), "07-01")} == {DAY(2025, 6, 30), DAY(2026, 6, 30), DAY(2026, 11, 30)}


@pytest.mark.parametrize(("per", "ends"), [("window", 8), ("year", 2), ("term", 1)])
def test_each_span_has_its_own_last_day(per: str, ends: int) -> None:
    assert len({row[1] for row in spans(versions_of(f"limits: {{at_most: 50, per: {per}}}"))}) == ends


def test_the_version_in_force_on_the_last_day_says_what_holds() -> None:
    found = spans(versions_of("limits: {at_most: 50, per: year}", "limits: {at_most: 70, at_least: 5, per: year}", ""))
    assert [row[1:] for row in found] == [(DAY(2025, 12, 31), D(70), D(5))] * 4 + [(None, None, None)] * 4


def test_limits_are_in_units_that_can_be_paid() -> None:
    """What is limited is rounded already: a cap of 10.02 in steps of 0.05 is 10.00, a floor 10.05."""
    found = spans(versions_of("limits: {at_most: 10.02, at_least: 10.02, per: term}"), payout_unit=500)
    assert {row[2:] for row in found} == {(D("10.00"), D("10.05"))}
    exact = spans(versions_of("limits: {at_most: 10.05, at_least: -10.02, per: term}"), payout_unit=500)
    assert {row[2:] for row in exact} == {(D("10.05"), D("-10.00"))}


@pytest.mark.parametrize(
    ("limits", "window", "message"),
    [
        (("limits: {at_most: 5, per: year}",), "term", "a.yaml:8: limits.per: a window of the whole term is longer than the year; use per: term"),
        (("limits: {at_most: 5, per: year}", "limits: {at_most: 5, per: term}"), "quarter", "a.yaml:18: limits.per: is year in an earlier version and cannot"),
    ],
)
def test_refusals(limits: tuple[str, ...], window: str, message: str) -> None:
    with pytest.raises(InputError) as error:
        versions_of(*limits, window=window)
    assert message in str(error.value)


def test_windows_of_one_length_are_needed_per_window() -> None:
    text = AGREEMENT.format(version=1, effective="2025-02-01", limits="limits: {at_most: 5, per: window}", window="quarter")
    more = '- {id: c, clause: "2", window: month, tiers: [{from: 0, rate: 0.1}]}\n'
    with pytest.raises(InputError, match="per: window needs benefits with one window; found month, quarter"):
        parse_agreements({"a.yaml": text + more})
