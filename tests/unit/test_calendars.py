"""The calendar: periods without gap or overlap, windows clipped to the term, and the day a year earlier."""

from __future__ import annotations

import datetime as dt
from itertools import pairwise
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from models.calendars import (
    ONE_DAY,
    CalendarSettings,
    Period,
    Window,
    day_in,
    end_of_day,
    fiscal_block,
    make_periods,
    make_windows,
    one_year_later,
    prior_year_days,
)
from models.slots import block_of, cut_slots, days_of
from tests.reference.calendar import MONTHS, FromTerm, prior_year, windows

KINDS = ("month", "quarter", "half_year", "year", "term")
DAYS = st.dates(dt.date(1990, 1, 1), dt.date(2060, 12, 31))
STARTS = st.sampled_from(["01-01", "04-01", "07-01", "10-28", "02-28", "12-15"])


def windows_of(kind: str, accumulate: str, first: dt.date, last: dt.date, as_of: dt.date, periods: list[Period]) -> list[Window]:
    firsts = [period.first_day for period in periods]
    return make_windows(kind, accumulate, first, last, as_of, lambda kind, day: fiscal_block(kind, periods, day), firsts)


@given(first=DAYS, cuts=st.lists(st.integers(-10, 800), max_size=8), starts=STARTS)
def test_slots_are_the_periods_cut_where_something_begins(first: dt.date, cuts: list[int], starts: str) -> None:
    periods = make_periods(CalendarSettings(year_starts=starts), first, first + dt.timedelta(days=400))
    days = {first + dt.timedelta(days=n) for n in cuts}
    slots = cut_slots(periods, days)
    begin = {slot.first_day for slot in slots}
    assert begin == {p.first_day for p in periods} | {day for day in days if periods[0].first_day <= day <= periods[-1].last_day}
    for n, slot in enumerate(slots):
        assert slot.slot_no == n
        assert slot.period.first_day <= slot.first_day <= slot.last_day <= slot.period.last_day
    assert [day for day, _ in days_of(slots)] == [day for day, _ in days_of(cut_slots(periods))]


@given(first=DAYS, after=st.integers(-800, 800), kind=st.sampled_from(KINDS[:4]))
def test_blocks_count_from_a_day(first: dt.date, after: int, kind: str) -> None:
    day = first + dt.timedelta(days=after)
    assert block_of(kind, first, day) == FromTerm(first).block(day, MONTHS[kind])


@given(first=DAYS, length=st.integers(0, 1500), starts=STARTS)
def test_periods_follow_each_other_and_cover_the_days_asked_for(first: dt.date, length: int, starts: str) -> None:
    last = first + dt.timedelta(days=length)
    periods = make_periods(CalendarSettings(year_starts=starts), first, last)
    assert periods[0].first_day <= first
    assert last <= periods[-1].last_day
    assert [p.period_no for p in periods] == list(range(len(periods)))
    for a, b in pairwise(periods):
        assert b.first_day == a.last_day + ONE_DAY
        assert b.number == a.number % 12 + 1
        assert b.fiscal_year == a.fiscal_year + (b.number == 1)
    days = list(days_of(cut_slots(periods)))
    assert len(days) == (periods[-1].last_day - periods[0].first_day).days + 1


@pytest.mark.parametrize(
    ("starts", "day", "name"),
    [("01-01", "2026-03-31", "2026-03"), ("04-01", "2025-03-31", "2025-12"), ("04-01", "2025-04-01", "2026-01"), ("02-28", "2025-02-27", "2025-12"),
     ("02-28", "2025-02-28", "2026-01"), ("12-15", "2025-12-15", "2026-01"), ("01-02", "2026-01-01", "2026-12")],
)  # fmt: skip
def test_a_period_is_named_by_the_year_in_which_its_fiscal_year_ends(starts: str, day: str, name: str) -> None:
    date = dt.date.fromisoformat(day)
    period = next(p for p in make_periods(CalendarSettings(year_starts=starts), date, date) if p.first_day <= date <= p.last_day)
    assert period.name == name


@given(
    kind=st.sampled_from(KINDS),
    accumulate=st.sampled_from(["window", *KINDS[1:]]),
    first=DAYS,
    length=st.integers(0, 1200),
    elapsed=st.integers(-5, 1300),
    starts=STARTS,
)
def test_windows_fill_the_term_up_to_as_of(kind: str, accumulate: str, first: dt.date, length: int, elapsed: int, starts: str) -> None:
    if accumulate != "window" and KINDS.index(accumulate) < KINDS.index(kind):
        accumulate = "window"
    last, as_of = first + dt.timedelta(days=length), first + dt.timedelta(days=elapsed)
    periods = make_periods(CalendarSettings(year_starts=starts), first, max(last, as_of))
    found = windows_of(kind, accumulate, first, last, as_of, periods)
    assert [w.window_no for w in found] == list(range(len(found)))
    assert (not found) == (as_of < first)
    for a, b in pairwise(found):
        assert b.window_start == a.window_end + ONE_DAY
    for w in found:
        assert first <= w.span_start <= w.window_start <= w.window_end <= w.span_end <= last
        assert w.window_start <= as_of
        assert periods[w.first_period].first_day <= w.window_start <= periods[w.first_period].last_day
        assert periods[w.last_period].first_day <= w.window_end <= periods[w.last_period].last_day
        assert periods[w.span_first_period].first_day <= w.span_start <= periods[w.span_first_period].last_day
    expected = windows(kind, accumulate, (first, last), as_of, starts)
    assert [(w.window_start, w.window_end, w.span_start) for w in found] == [(w.start, w.end, w.span_start) for w in expected]


@given(first=DAYS, length=st.integers(0, 800))
def test_a_day_counts_a_year_later_exactly_when_the_window_looks_back_at_it(first: dt.date, length: int) -> None:
    last = first + dt.timedelta(days=length)
    low, high = prior_year(first, last)
    days = [first.replace(day=1) - dt.timedelta(days=420) + dt.timedelta(days=i) for i in range(length + 500)]
    assert {d for d in days if first <= one_year_later(d) <= last} == {d for d in days if low <= d <= high}


@pytest.mark.parametrize(
    ("day", "counts_as"),
    [("2023-02-27", "2024-02-27"), ("2023-02-28", "2024-02-29"), ("2023-03-01", "2024-03-01"), ("2024-02-28", "2025-02-28"), ("2024-02-29", "2025-02-28"),
     ("2024-03-01", "2025-03-01"), ("2024-12-31", "2025-12-31"), ("2022-02-28", "2023-02-28")],
)  # fmt: skip
def test_the_last_days_of_february(day: str, counts_as: str) -> None:
    assert one_year_later(dt.date.fromisoformat(day)) == dt.date.fromisoformat(counts_as)


#: 2023 has 53 weeks (1 January to 6 January 2024); the years begin on Sundays.
RETAIL = {"2022": dt.date(2022, 1, 2), "2023": dt.date(2023, 1, 1), "2024": dt.date(2024, 1, 7)}


@pytest.mark.parametrize(("kind", "weeks"), [("4-4-5", [4, 4, 5]), ("4-5-4", [4, 5, 4]), ("5-4-4", [5, 4, 4])])
def test_week_calendars_count_weeks_and_give_the_53rd_to_the_last_period(kind: Literal["4-4-5", "4-5-4", "5-4-4"], weeks: list[int]) -> None:
    periods = make_periods(CalendarSettings(kind=kind, first_days=RETAIL), dt.date(2023, 1, 1), dt.date(2023, 1, 1))
    assert [(p.fiscal_year, p.number) for p in periods] == [(year, n) for year in (2022, 2023, 2024) for n in range(1, 13)]
    assert periods[0].first_day == RETAIL["2022"]
    assert all(following.first_day == p.last_day + ONE_DAY for p, following in pairwise(periods))
    lengths = [((p.last_day - p.first_day).days + 1) // 7 for p in periods]
    assert lengths == weeks * 4 + weeks * 3 + [*weeks[:2], weeks[2] + 1] + weeks * 4
    assert periods[24].first_day == RETAIL["2024"]


def test_a_week_counts_as_the_same_week_of_the_next_year_and_a_53rd_for_none() -> None:
    settings = CalendarSettings(kind="4-4-5", first_days=RETAIL)
    counts_as = prior_year_days(settings, make_periods(settings, dt.date(2023, 1, 1), dt.date(2023, 1, 1)))
    assert counts_as(dt.date(2022, 1, 2)) == dt.date(2023, 1, 1)
    assert counts_as(dt.date(2022, 12, 31)) == dt.date(2023, 12, 30)  # the last day of week 52
    assert counts_as(dt.date(2023, 12, 30)) == dt.date(2025, 1, 4)
    assert counts_as(dt.date(2023, 12, 31)) is None  # the first day of week 53
    assert counts_as(dt.date(2024, 1, 6)) is None
    assert counts_as(dt.date(2024, 1, 7)) is None  # 2025 is not listed


def test_windows_of_a_week_calendar_are_whole_periods_clipped_to_the_term() -> None:
    periods = make_periods(CalendarSettings(kind="4-4-5", first_days=RETAIL), dt.date(2023, 1, 1), dt.date(2023, 1, 1))
    windows = windows_of("quarter", "year", dt.date(2023, 1, 15), dt.date(2024, 1, 6), dt.date(2024, 1, 6), periods)
    assert [(w.window_start, w.window_end) for w in windows] == [
        (dt.date(2023, 1, 15), dt.date(2023, 4, 1)),
        (dt.date(2023, 4, 2), dt.date(2023, 7, 1)),
        (dt.date(2023, 7, 2), dt.date(2023, 9, 30)),
        (dt.date(2023, 10, 1), dt.date(2024, 1, 6)),
    ]
    assert {(w.span_start, w.span_end) for w in windows} == {(dt.date(2023, 1, 15), dt.date(2024, 1, 6))}
    assert (windows[0].whole_start, windows[0].whole_end) == (dt.date(2023, 1, 1), dt.date(2023, 4, 1))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"kind": "4-4-5"}, "needs first_days"),
        ({"kind": "4-4-5", "first_days": {"2024": dt.date(2023, 12, 31), "2026": dt.date(2025, 12, 28)}}, "2025 is missing"),
        ({"kind": "4-4-5", "first_days": {"2024": dt.date(2023, 12, 31), "2025": dt.date(2024, 12, 28)}}, "52 or 53 weeks"),
        ({"kind": "4-4-5", "first_days": {"24": dt.date(2023, 12, 31)}}, "is not a fiscal year"),
        ({"first_days": {"2024": dt.date(2023, 12, 31)}}, "goes with a week calendar"),
    ],
)
def test_impossible_calendars_are_refused(settings: Any, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        CalendarSettings(**settings)


@pytest.mark.parametrize(
    ("zone", "moment", "day"),
    [
        ("UTC", "2026-01-31T23:59:59+00:00", "2026-01-31"),
        ("Europe/Amsterdam", "2026-01-31T22:59:59+00:00", "2026-01-31"),
        ("Europe/Amsterdam", "2026-01-31T23:00:00+00:00", "2026-02-01"),
        ("Europe/Amsterdam", "2026-07-31T22:00:00+00:00", "2026-08-01"),  # summer time
        ("America/Los_Angeles", "2026-02-01T07:59:00+00:00", "2026-01-31"),
    ],
)
def test_a_day_begins_at_midnight_of_its_zone(zone: str, moment: str, day: str) -> None:
    at, expected = dt.datetime.fromisoformat(moment), dt.date.fromisoformat(day)
    assert day_in(zone, at) == expected
    assert end_of_day(zone, expected - ONE_DAY) <= at < end_of_day(zone, expected)
