"""What a span is heading for, and what each placement makes of the accrual; the best of a group; versions of one benefit."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings

from tests.support.small_book import Line, Small, calculate, forecasts_of, smalls

D = Decimal
STEPS = [{"from": 0, "rate": D("0.1")}, {"from": 120, "rate": D("0.2")}, {"from": 300, "rate": D("0.5")}]
QUARTER = {"from": dt.date(2025, 1, 1), "to": dt.date(2025, 3, 31)}


def agreement_of(*benefits: dict[str, Any], name: str = "A", term: dict[str, dt.date] = QUARTER, **more: Any) -> dict[str, Any]:
    whole = [{"id": f"b{n}", "clause": "1", "window": "quarter", **benefit} for n, benefit in enumerate(benefits)]
    return {"agreement": name, "currency": "EUR", "term": term, "participants": ["P"], "benefits": whole, **more}


def lines_of(**amounts: Any) -> list[Line]:
    """One line on the fifth of each month named, of 2025; `prior_1`: of 2024."""
    found = []
    for name, amount in amounts.items():
        year, month = (2024, name.removeprefix("prior_")) if name.startswith("prior_") else (2025, name)
        found.append(Line(dt.date(year, ("jan", "feb", "mar").index(month) + 1, 5), D(amount), D(amount), D(1)))
    return found


def path(benefit: dict[str, Any], lines: list[Line], *columns: str, as_of: dt.date = dt.date(2025, 4, 1), targets: Any = ()) -> list[Any]:
    results = calculate(Small(agreement_of(benefit), lines, list(targets), as_of))
    table = results["accruals"].join(results["achievement"].drop("benefit_key", "participant_id", "window_start", "period"), on=["payout_key", "period_no"])
    table = table.sort("period_no")
    return table[columns[0]].to_list() if len(columns) == 1 else list(table.select(columns).iter_rows())


def forecast(kind: str = "linear", **more: Any) -> dict[str, Any]:
    return {"tiers": STEPS, "accrue": {"placement": "forecast", "forecast": kind}, **more}


SOLD = lines_of(jan=40, feb=50)


def test_linear_goes_by_days() -> None:
    """40 × 90/31 = 116.1: 10 % of 40. 90 × 90/59 = 137.3: 20 % of 90. At the end 90 is 90: 10 %."""
    assert path(forecast(), SOLD, "accrued_to_date", "tier_actual", "tier_forecast", "tier_accrual") == [(4, 1, 1, 1), (18, 1, 2, 2), (9, 1, 1, 1)]
    assert path(forecast(), SOLD, "projected_measure")[1:] == [D("137.288135593220"), D(90)]


def test_a_window_would_pay_what_its_projected_measure_earns() -> None:
    """116.1 at 10 %, 137.3 at 20 %, then the 90 that there are at 10 %. The placement says how it accrues, not what it would pay."""
    would_pay = [D("11.61"), D("27.46"), D(9)]
    for placement in ({}, {"placement": "tier", "tier": 3}, {"placement": "forecast"}):
        accrue = {"placement": {"tier": 3}} if "tier" in placement else placement
        assert path({"tiers": STEPS, "accrue": accrue}, SOLD, "projected_payout") == would_pay
    limited = {"tiers": STEPS, "limits": {"at_most": 20}}
    assert path(limited, SOLD, "projected_payout") == [D("11.61"), D(20), D(9)]
    assert path({"tiers": STEPS}, lines_of(jan=-40), "projected_payout", as_of=dt.date(2025, 1, 31)) == [D(0)]  # a carried clawback pays nothing
    assert path({"tiers": STEPS, "settle": {"clawback": "pay"}}, lines_of(jan=31), "projected_payout", as_of=dt.date(2025, 1, 31)) == [D(9)]


def test_what_a_window_would_pay_is_limited_and_compared_with_others() -> None:
    def would_pay(agreement: dict[str, Any], *others: dict[str, Any]) -> list[Any]:
        found = calculate(Small(agreement, lines_of(jan=31), [], dt.date(2025, 1, 31), others=others))["achievement"]
        return found.sort("payout_key")["projected_payout"].to_list()

    rate = {"tiers": [{"from": 0, "rate": D("0.1")}]}
    assert would_pay(agreement_of(rate, rate)) == [9, 9]
    assert would_pay(agreement_of(rate, rate, limits={"at_most": 12, "per": "year"})) == [9, 3]
    more = {"tiers": [{"from": 0, "rate": D("0.2")}]}
    best = {"rule": "best", "group": "one"}
    assert would_pay(agreement_of(rate, combine=best), agreement_of(more, name="B", combine=best)) == [0, 18]


def test_a_projection_reaches_a_threshold_exactly() -> None:
    """31 days of 90 with 124 / 3 = 41.33… would be 120: a hair less and the tier is missed."""
    at = lines_of(jan="41.34"), lines_of(jan="41.33")
    assert [path(forecast(), lines, "tier_forecast")[0] for lines in at] == [2, 1]
    exact = [{"from": 0, "rate": D("0.1")}, {"from": 90, "rate": D("0.2")}]
    for boundary, tier in (("lower_inclusive", 2), ("upper_inclusive", 1)):
        assert path(forecast(tiers=exact, boundary=boundary), lines_of(jan=31), "tier_forecast")[0] == tier


def test_seasonal_follows_the_prior_year() -> None:
    """Last year 10 + 10 + 60: of 40 after January 320, of 90 after February 360."""
    prior = lines_of(prior_jan=10, prior_feb=10, prior_mar=60)
    assert path(forecast("seasonal"), [*SOLD, *prior], "accrued_to_date", "projected_measure") == [(20, 320), (45, 360), (9, 90)]
    # inside February: last year's part up to the same day alone, 10 before its 5th
    assert path(forecast("seasonal"), [*SOLD, *prior], "projected_measure", as_of=dt.date(2025, 2, 4)) == [320, 320]
    assert path(forecast("seasonal"), [*SOLD, *prior], "projected_measure", as_of=dt.date(2025, 2, 5)) == [320, 360]


@pytest.mark.parametrize("prior", [{}, {"prior_jan": 0, "prior_mar": 60}, {"prior_jan": -5, "prior_mar": 60}])
def test_seasonal_without_a_prior_year_to_date_goes_by_days(prior: dict[str, int]) -> None:
    assert path(forecast("seasonal"), [*SOLD, *lines_of(**prior)], "accrued_to_date")[0] == 4


def test_seasonal_goes_by_days_where_the_prior_year_is_incomplete() -> None:
    without_quantity = [*SOLD, *lines_of(prior_jan=10, prior_feb=10), Line(dt.date(2024, 3, 5), D(60))]
    by_quantity = forecast("seasonal", measure="quantity")
    assert path(by_quantity, without_quantity, "projected_measure")[1] == D("137.288135593220")


def test_the_feed_may_say_what_is_expected() -> None:
    target = {"benefit": "b0", "window_start": dt.date(2025, 1, 1), "target": D(130)}
    assert path(forecast("feed"), SOLD, "accrued_to_date", "projected_measure", targets=[target]) == [(8, 130), (18, 130), (9, 90)]
    assert path(forecast("feed"), SOLD, "accrued_to_date") == [4, 18, 9]
    assert path(forecast("feed"), SOLD, "accrued_to_date", targets=[{**target, "target": None}]) == [4, 18, 9]
    lump = [{"from": 0, "amount": 5}, {"from": 120, "amount": 12}]
    assert path(forecast("feed", tiers=lump), [], "accrued_to_date", "projected_measure", targets=[target]) == [(0, 130), (0, 130), (5, 0)]
    loss = lines_of(jan=-10)
    paid_back = forecast("feed", settle={"clawback": "pay"})
    assert path(paid_back, loss, "projected_measure", "accrued_to_date", targets=[target]) == [(130, -2), (130, -2), (-10, 0)]


def test_without_a_measure_a_forecast_goes_by_days() -> None:
    floor = forecast(limits={"at_least": 90})
    assert path(floor, [], "accrued_to_date") == [31, 59, 90]
    assert path(floor, lines_of(jan=-10), "accrued_to_date") == [31, 59, 90]


def test_base_and_quantity_grow_with_the_measure_and_an_increment_does_not() -> None:
    per_unit = forecast(tiers=[{"from": 0, "per_unit": 0}, {"from": 120, "per_unit": 2}])
    assert path(per_unit, SOLD, "accrued_to_date") == [0, 180, 0]
    margin = forecast(base="margin")
    assert path(margin, SOLD, "accrued_to_date") == [D("3.90"), D("17.60"), D("8.80")]
    # 16.13 of P = 116.13 exceed 100, 37.29 of 137.29: 10 % and 20 % of that, × M / P
    increment = forecast(base="increment", baseline=100)
    assert path(increment, SOLD, "accrued_to_date") == [D("0.56"), D("4.89"), 0]
    assert path({**increment, "baseline": 200, "settle": {"clawback": "pay"}}, SOLD, "accrued_to_date") == [0, 0, 0]


def test_multiplier_gates_and_limits_are_those_of_the_projection() -> None:
    gate = forecast(requires=[{"by": "measure", "at_least": 120, "otherwise": D("0.5")}])
    assert path(gate, SOLD, "accrued_to_date") == [2, 18, D("4.5")]
    # at most 13.73 of 137.29 projected: a tenth, of 90
    assert path(forecast(limits={"at_most": D("13.728813559322")}), SOLD, "accrued_to_date") == [4, 9, 9]


def test_a_tier_may_be_taken_for_granted_until_the_end() -> None:
    third = {"tiers": STEPS, "accrue": {"placement": {"tier": 3}}, "limits": {"at_most": 40}}
    assert path(third, SOLD, "accrued_to_date", "tier_actual", "tier_accrual") == [(20, 1, 3), (40, 1, 3), (9, 1, 1)]


def test_a_tier_taken_for_granted_is_not_shared_among_those_who_tie() -> None:
    tiers = [{"from": 1, "amount": 100}, {"from": 2, "amount": 60}]
    benefit = {"by": "rank", "ties": "share", "tiers": tiers, "accrue": {"placement": {"tier": 2}}}
    agreement = {**agreement_of(benefit), "participants": ["P", "R"]}
    got = calculate(Small(agreement, [], [], dt.date(2025, 4, 1)))["accruals"].sort("payout_key", "period_no")
    assert got["accrued_to_date"].to_list() == [60, 60, 80] * 2


def test_every_benefit_has_a_projection_unless_it_is_blocked() -> None:
    assert path({"tiers": STEPS}, SOLD, "tier_forecast", "tier_accrual", "accrued_to_date") == [(1, 1, 4), (2, 1, 9), (1, 1, 9)]
    blocked = {"tiers": STEPS, "by": "attainment", "target": "feed"}
    assert path(blocked, SOLD, "projected_measure", "tier_forecast", "accrued_to_date") == [(None, 0, 0)] * 3


def test_a_span_is_projected_to_its_window_s_end() -> None:
    """Year to date in quarters: on 30 April 40 of 120 days is 60.67 by 30 June (181 days)."""
    benefit = {"tiers": STEPS, "accumulate": "year", "accrue": {"placement": "forecast"}}
    term = {"from": dt.date(2025, 1, 1), "to": dt.date(2025, 12, 31)}
    got = calculate(Small(agreement_of(benefit, term=term), lines_of(jan=40), [], dt.date(2025, 4, 30)))["achievement"].sort("window_start", "period_no")
    assert got["projected_measure"].to_list()[2:] == [40, D("60.333333333333")]


@settings(max_examples=settings().max_examples // 3)
@given(small=smalls())
def test_every_placement_ends_at_the_payout(small: Small) -> None:
    for kind in forecasts_of(small.agreement["benefits"][0]):
        small.agreement["benefits"][0]["accrue"] = {"placement": "forecast", "forecast": kind}
        results = calculate(small)
        ends = results["accruals"].group_by("payout_key").agg(pl.col("accrued_to_date").sort_by("period_no").last())
        final = results["payouts"].filter(pl.col("status") != "open").join(ends, on="payout_key")
        assert final["payout"].equals(final["accrued_to_date"], null_equal=True)


# -- the best of a group ----------------------------------------------------------------------------------------------


def paying(name: str, *rates: str, priority: int = 1, **more: Any) -> dict[str, Any]:
    benefits = [{"tiers": [{"from": -1000, "rate": D(rate)}], "settle": {"clawback": "pay"}, **more.pop("benefit", {})} for rate in rates]
    return agreement_of(*benefits, name=name, combine={"rule": "best", "group": "G", "priority": priority}, **more)


def outcomes(*agreements: dict[str, Any], lines: list[Line] = SOLD, **more: Any) -> list[tuple[Any, ...]]:
    results = calculate(Small(agreements[0], lines, more.pop("targets", []), dt.date(2025, 4, 1), others=agreements[1:]))
    return [row[1:] for row in results["payouts"].sort("payout_key").select("payout_key", "payout", "status_reason", "earned").iter_rows()]


def test_only_the_largest_payout_of_a_group_is_paid() -> None:
    assert outcomes(paying("A", "0.1"), paying("B", "0.2")) == [(0, "combined", 9), (18, None, 18)]
    assert outcomes(paying("A", "0.1", "0.15"), paying("B", "0.2")) == [(9, None, 9), (D("13.5"), None, D("13.5")), (0, "combined", 18)]
    loss = lines_of(jan=-100)
    assert outcomes(paying("A", "0.1"), paying("B", "0.2"), lines=loss) == [(-10, None, -10), (0, "combined", -20)]


def test_ties_go_to_the_lowest_priority_number_then_id() -> None:
    assert outcomes(paying("A", "0.1"), paying("B", "0.1")) == [(9, None, 9), (0, "combined", 9)]
    assert outcomes(paying("A", "0.1", priority=2), paying("B", "0.1", priority=1)) == [(0, "combined", 9), (9, None, 9)]
    assert outcomes(paying("A", "0.1", priority=1), paying("B", "0.2", priority=9)) == [(0, "combined", 9), (18, None, 18)]


def test_blocked_results_do_not_compete() -> None:
    blocked = {"by": "attainment", "target": "feed"}
    loss = lines_of(jan=-100)
    assert outcomes(paying("A", "0.1", benefit=blocked), paying("B", "0.2"), lines=loss) == [(0, "target_missing", None), (-20, None, -20)]


def test_other_groups_and_rules_are_left_alone() -> None:
    other = {**paying("C", "0.05"), "combine": {"rule": "best", "group": "H"}}
    every = {**paying("D", "0.01"), "combine": {"rule": "all"}}
    assert outcomes(paying("A", "0.1"), paying("B", "0.2"), other, every) == [
        (0, "combined", 9),
        (18, None, 18),
        (D("4.5"), None, D("4.5")),
        (D("0.9"), None, D("0.9")),
    ]


def test_accruals_are_compared_period_by_period() -> None:
    """10 % against 5 % with 60 on top from 100 on: the second overtakes in February."""
    late = paying("B", "0.05")
    late["benefits"][0]["tiers"] = [{"from": 0, "rate": D("0.05")}, {"from": 90, "rate": D("0.05"), "amount": 60}]
    results = calculate(Small(paying("A", "0.1"), SOLD, [], dt.date(2025, 4, 1), others=[late]))
    got = results["accruals"].sort("payout_key", "period_no")
    assert got["accrued_to_date"].to_list() == [4, 0, 0, 0, D("64.5"), D("64.5")]
    assert got["accrual"].to_list() == [4, -4, 0, 0, D("64.5"), 0]
    steps = results["calculation_steps"].filter(pl.col("step") == "combine")
    assert steps["result"].to_list() == [0, D("64.5")]


def test_a_window_that_ended_earlier_is_compared_with_what_it_came_to() -> None:
    short = paying("A", "0.5", term={"from": dt.date(2025, 1, 1), "to": dt.date(2025, 1, 31)})
    results = calculate(Small(short, lines_of(jan=40, feb=20, mar=30), [], dt.date(2025, 4, 1), others=[paying("B", "0.25")]))
    assert results["payouts"]["payout"].to_list() == [0, D("22.5")]
    # in February 15 are less than the 20 of January's window
    assert results["accruals"].sort("payout_key", "period_no")["accrued_to_date"].to_list() == [0, 0, 0, D("22.5")]


# -- versions ---------------------------------------------------------------------------------------------------------


def test_a_later_version_values_the_whole_span_and_pays_what_is_left() -> None:
    """Year to date by month: 10 % for January; from February on 20 % of the year so far, less what January earned."""
    benefit = {"window": "month", "accumulate": "term", "tiers": [{"from": -1000, "rate": D("0.1")}]}
    second = agreement_of({**benefit, "tiers": [{"from": -1000, "rate": D("0.2")}]}, version=2, effective=dt.date(2025, 2, 1))
    results = calculate(Small(agreement_of(benefit), [*SOLD, *lines_of(mar=10)], [], dt.date(2025, 4, 1), others=[second]))
    got = results["payouts"].sort("window_start").select("benefit_key", "measure", "earned", "prior_earned", "payout", "span_measure_before")
    assert list(got.iter_rows()) == [(0, 40, 4, 0, 4, 0), (1, 90, 18, 4, 14, 40), (1, 100, 20, 18, 2, 90)]
    assert results["payouts"]["payout_key"].to_list() == [0, 1, 2]


def test_clawbacks_run_through_the_versions() -> None:
    benefit = {"window": "month", "tiers": [{"from": -1000, "rate": D("0.1")}]}
    for rule in ("carry", "pay", "none"):  # what the first version carries, 4, is set off whatever the second says
        second = agreement_of({**benefit, "settle": {"clawback": rule}}, version=2, effective=dt.date(2025, 2, 1))
        got = calculate(Small(agreement_of(benefit), lines_of(jan=-40, feb=50), [], dt.date(2025, 2, 28), others=[second]))["payouts"]
        assert got.sort("window_start")["payout"].to_list() == [0, 1]
    second = agreement_of(benefit, version=2, effective=dt.date(2025, 2, 1))
    first = agreement_of({**benefit, "settle": {"clawback": "pay"}})
    got = calculate(Small(first, lines_of(jan=-40, feb=50), [], dt.date(2025, 2, 28), others=[second]))["payouts"].sort("window_start")
    assert got["payout"].to_list() == [-4, 5]


def test_some_benefits_can_be_computed_at_a_time() -> None:
    """As the levels of net_of ask: payouts go on counting, keys stay."""
    first, second = agreement_of({"tiers": STEPS}), agreement_of({"tiers": STEPS, "by": "attainment", "target": 45}, name="B")
    together = calculate(Small(first, SOLD, [], dt.date(2025, 4, 1), others=[second]))
    later = calculate(Small(first, SOLD, [], dt.date(2025, 4, 1), others=[second]), benefits=[1], first_payout=1)
    for name in ("payouts", "calculation_steps", "achievement"):
        assert later[name].sort(pl.all().exclude("formula")).equals(together[name].filter(pl.col("payout_key") == 1).sort(pl.all().exclude("formula"))), name
