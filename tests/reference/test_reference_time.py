"""The reference against figures worked by hand: calendars, versions, returns, rates, accruals. Every comment is the sum behind the figure."""

from __future__ import annotations

import datetime as dt
from fractions import Fraction as F

import pytest

from tests.reference.calendar import Weeks, windows
from tests.reference.compute import Refused
from tests.reference.small import Row, accrued, agreement, lines, one, payouts, results, rows

D = dt.date
RATE = "tiers: [{from: 0, rate: 0.1}]"

# -- week calendars ---------------------------------------------------------------------------------------------------

#: 2024 has 53 weeks: 1 January to Sunday 5 January 2025.
YEARS = {2023: D(2023, 1, 2), 2024: D(2024, 1, 1), 2025: D(2025, 1, 6), 2026: D(2026, 1, 5)}


def test_week_calendar_periods() -> None:
    weeks = Weeks("4-4-5", YEARS)
    found = windows("month", "year", (D(2024, 1, 10), D(2024, 12, 31)), D(2099, 1, 1), weeks)
    assert [w.start for w in found[:3]] == [D(2024, 1, 10), D(2024, 1, 29), D(2024, 2, 26)]
    assert [w.end for w in found[:3]] == [D(2024, 1, 28), D(2024, 2, 25), D(2024, 3, 31)]
    assert found[-1].whole == (D(2024, 11, 25), D(2025, 1, 5))  # 5 weeks and the 53rd
    assert weeks.block(D(2024, 7, 1), 6) == (D(2024, 7, 1), D(2025, 1, 5))
    assert (weeks.period(D(2025, 1, 5)), weeks.period(D(2025, 1, 6))) == ("2024-12", "2025-01")


def test_week_calendar_looks_back_by_week_number() -> None:
    weeks = Weeks("4-5-4", YEARS)
    assert weeks.prior(D(2024, 1, 1), D(2025, 1, 5)) == [(D(2023, 1, 2), D(2023, 12, 31))]  # week 53 has none
    assert weeks.prior(D(2025, 1, 6), D(2026, 1, 4)) == [(D(2024, 1, 1), D(2024, 12, 29))]  # week 53 of 2024 counts for nothing
    assert weeks.prior(D(2024, 12, 30), D(2025, 1, 12)) == [(D(2024, 1, 1), D(2024, 1, 7))]
    with pytest.raises(Refused):
        weeks.prior(D(2023, 1, 2), D(2023, 1, 2))
    with pytest.raises(Refused):
        Weeks("4-4-5", {2024: D(2024, 1, 1), 2025: D(2025, 1, 7)})


def test_growth_in_a_week_calendar() -> None:
    # year 2025: 300 against 100 of 1 January 2024; the 999 of week 53 of 2024 count nowhere
    terms = agreement(f"by: growth, baseline: {{prior: year}}, {RATE}", term={"from": D(2025, 1, 6), "to": D(2026, 1, 4)})
    text = lines("2024-01-01 P 100\n2024-12-31 P 999\n2025-01-06 P 300")
    found = results(terms, text, settings={"calendar": {"kind": "5-4-4", "first_days": YEARS}})
    assert (one(found, start="2025-01-06")["baseline"], one(found, start="2025-01-06")["payout"]) == (100, 30)


# -- amendments -------------------------------------------------------------------------------------------------------


def versions(amendment: str, effective: D, second: str) -> list[Row]:
    return [agreement(f"id: b, {second.replace('0.2', '0.1')}"), agreement(f"id: b, {second}", version=2, effective=effective, amendment=amendment)]


EVERY_QUARTER = lines("2025-01-15 P 100\n2025-04-15 P 100\n2025-07-15 P 100\n2025-10-15 P 100")


def test_next_window_starts_with_the_first_window_after_and_restate_with_the_one_that_holds_the_day() -> None:
    benefit = "window: quarter, tiers: [{from: 0, rate: 0.2}]"
    for amendment, second in (("next_window", 10), ("restate", 20)):
        found = results(versions(amendment, D(2025, 5, 1), benefit), EVERY_QUARTER)
        assert list(payouts(found, "b").values()) == [10, second, 20, 20]
        assert [one(found, "b", start=f"2025-{m}-01")["agreement_version"] for m in ("01", "04", "07", "10")] == [1, second // 10, 2, 2]


def test_an_amended_version_values_the_whole_span() -> None:
    # v1 earned 10, 20 by June; v2 values 300 × 0.2 = 60 − 20, then 80 − 60
    benefit = "window: quarter, accumulate: year, tiers: [{from: 0, rate: 0.2}]"
    found = results(versions("next_window", D(2025, 7, 1), benefit), EVERY_QUARTER)
    assert list(payouts(found, "b").values()) == [10, 10, 40, 20]
    assert one(found, "b", start="2025-07-01")["prior_earned"] == 20


def test_versions_may_not_leave_a_gap_and_a_version_may_end_the_agreement() -> None:
    months = agreement(f"id: b, window: month, {RATE}", version=2, effective=D(2025, 5, 1), amendment="restate")
    with pytest.raises(Refused):  # the second quarter is the first version's up to 30 June, May the second's
        results([agreement(f"id: b, window: quarter, {RATE}"), months], EVERY_QUARTER)
    ended = agreement(f"id: b, window: quarter, {RATE}", version=2, effective=D(2025, 4, 1), term={"from": D(2025, 1, 1), "to": D(2025, 6, 30)})
    assert len(payouts(results([agreement(f"id: b, window: quarter, {RATE}"), ended], EVERY_QUARTER), "b")) == 2


# -- dates of lines ---------------------------------------------------------------------------------------------------

RETURNED = rows(
    "t1 2025-03-31 100 - USD\nt1 2025-04-01 10 - USD\nt2 2025-07-10 -50 t1 USD\nt3 2025-07-10 -5 gone USD",
    "transaction_id date amount original_transaction_id currency",
)
RETURNED = [{**row, "partner_id": "P", "line": n} for n, row in enumerate(RETURNED, 1)]
RATES = rows(
    "2025-03-01 USD EUR 2\n2025-03-31 USD EUR 3\n2025-04-02 USD EUR 5\n2025-07-31 USD EUR 7\n2025-08-20 USD EUR 9",
    "date from_currency to_currency rate",
)


@pytest.mark.parametrize(
    ("terms", "measures"),
    [
        # each line at the rate of its date: 100 × 3, 10 × 3, −55 × 5
        ({}, [300, 30, -275]),
        # t2 goes back to 31 March, the first date of t1: 300 − 50 × 3; t3's original is not there
        ({"returns": "original"}, [150, 30, -25]),
        # rates of 31 March, 30 April, 31 July
        ({"fx": "period_end"}, [300, 50, -385]),
        ({"fx": {"fixed": {"USD": F("0.5")}}}, [50, 5, F("-27.5")]),
    ],
)
def test_returns_and_rates(terms: Row, measures: list[F]) -> None:
    found = results(agreement(f"window: quarter, {RATE}", **terms), RETURNED, as_of=D(2025, 9, 30), fx_rates=RATES)
    assert [one(found, start=f"2025-{m}-01")["measure"] for m in ("01", "04", "07")] == measures


def test_rates_after_as_of_do_not_exist_and_a_currency_not_fixed_blocks() -> None:
    # on 15 July the rate of 31 July is not known: the last is 5
    found = results(agreement(f"window: quarter, {RATE}", fx="period_end"), RETURNED, as_of=D(2025, 7, 15), fx_rates=RATES)
    assert one(found, start="2025-07-01")["measure"] == -275
    found = results(agreement(RATE, fx={"fixed": {"GBP": 1}}), RETURNED, fx_rates=RATES)
    assert one(found)["status_reason"] == "fx"


def test_partner_versions_hold_by_day() -> None:
    # P is north until March: 1 counts, 10 does not; its parent O has both
    partners = rows("P north - - 2025-03-31\nP south O 2025-04-01 -\nO west - - -", "partner_id region parent_id from to")
    text = lines("2025-03-31 P 1\n2025-04-01 P 10")
    north = agreement(RATE, participants={"region": "north"})
    assert one(results(north, text, partners=partners))["measure"] == 1
    assert one(results(agreement(RATE, participants=["O"]), text, partners=partners), participant="O")["measure"] == 10


# -- accruals ---------------------------------------------------------------------------------------------------------

HALF = lines("2025-01-20 P 40\n2025-02-20 P 50\n2024-01-20 P 10\n2024-02-20 P 10\n2024-03-20 P 60")
STEPS = "tiers: [{from: 0, rate: 0.1}, {from: 120, rate: 0.2}, {from: 300, rate: 0.5}]"


def path(accrue: str, more: str = STEPS, targets: list[Row] | None = None) -> list[F]:
    """Accrued to date in January, February and March."""
    return list(accrued(results(agreement(f"window: quarter, accrue: {{{accrue}}}, {more}"), HALF, targets=targets or [])).values())[:3]


def test_placements_of_an_accrual() -> None:
    assert path("placement: actual") == [4, 9, 9]
    # by days: 40 × 90/31 = 116.1, 10 %: 4; 90 × 90/59 = 137.3, 20 %: 18; at the end 90: 9
    assert path("placement: forecast") == [4, 18, 9]
    # last year 80 in all: 40 × 80/10 = 320, 50 %: 20; 90 × 80/20 = 360: 45
    assert path("placement: forecast, forecast: seasonal") == [20, 45, 9]
    # the feed expects 130: 20 % of 40, of 90
    targets = rows("A b1 P 2025-01-01 130", "agreement benefit participant_id window_start target")
    assert path("placement: forecast, forecast: feed", targets=targets) == [8, 18, 9]
    assert path("placement: forecast, forecast: feed") == [4, 18, 9]  # no row: by days
    assert path("placement: {tier: 3}") == [20, 45, 9]


def test_a_forecast_lump_sum_grows_with_the_measure() -> None:
    # P = 90 × 90/59 = 8100/59 pays 100: 100 × 90/P = 59 × 100/90 = 65.56; by the end 90 is below 120
    assert path("placement: forecast", "tiers: [{from: 120, amount: 100}]") == [0, F("65.56"), 0]


def test_without_a_measure_a_forecast_goes_by_days() -> None:
    # nothing sold in the second quarter: at least 91, of 91 days 30 and 61 have elapsed
    terms = agreement(f"window: quarter, accrue: {{placement: forecast}}, limits: {{at_least: 91}}, {RATE}")
    found = accrued(results(terms, HALF))
    assert [found[f"2025-0{n}"] for n in (4, 5, 6)] == [30, 61, 91]


def test_other_bases_are_projected_in_proportion() -> None:
    # 31 January: M 40, pieces 4; P = 40 × 90/31, so 4 × 90/31 pieces; payout(P)/P × M = 0.1 × 4
    text = lines("2025-01-20 P 40 4", "date partner_id amount quantity")
    terms = agreement(f"window: quarter, base: quantity, accrue: {{placement: forecast}}, {RATE}")
    assert accrued(results(terms, text, as_of=D(2025, 1, 31))) == {"2025-01": F("0.4")}
    # increment: P = 3600/31, E = P − 100 = 500/31, × 0.1 = 50/31; × M/P = 40 × 31/3600
    terms = agreement(f"window: quarter, base: increment, baseline: 100, accrue: {{placement: forecast}}, {RATE}")
    assert accrued(results(terms, text, as_of=D(2025, 1, 31))) == {"2025-01": F("0.56")}  # 50/31 × 31/90 = 0.5556


def test_accumulated_accruals_take_off_what_earlier_windows_earned() -> None:
    # quarter 2 of a year to date, projected to 30 June over the span from 1 January
    text = lines("2025-02-01 P 100\n2025-04-10 P 40")
    found = accrued(results(agreement(f"window: quarter, accumulate: year, accrue: {{placement: forecast}}, {STEPS}"), text))
    # Q1: 100 × 0.1 = 10. April: 140 × 181/120 = 211, 20 %: 28 − 10. June: 140 × 0.2 − 10
    assert [found[f"2025-0{n}"] for n in (3, 4, 6)] == [10, 18, 18]


def test_clawback_with_versions_carries_on() -> None:
    # 20, then −10 are set off: 0 with 10 owed; then 30 − 10
    text = lines("2025-01-15 P 200\n2025-04-15 P -100\n2025-07-15 P 300")
    benefit = "window: quarter, accumulate: year, tiers: [{from: 0, rate: 0.1}]"
    second = agreement(f"id: b, {benefit}", version=2, effective=D(2025, 7, 1))
    found = results([agreement(f"id: b, {benefit}"), second], text)
    assert list(payouts(found, "b").values())[:3] == [20, 0, 20]
    assert [one(found, "b", start=f"2025-{m}-01")["carried"] for m in ("01", "04", "07")] == [0, 10, 0]
