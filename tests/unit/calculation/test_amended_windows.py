"""Terms that change within a window: random ones against the reference, what must not change a result, and what the language refuses."""

from __future__ import annotations

import copy
import datetime as dt
from dataclasses import replace
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.agreements.parse import parse_agreements
from models.agreements.tables.terms import make_terms
from models.book.settings import parse_book
from models.documents import InputError
from tests.support.small_book import Line, Small, by_reference, calculate, smalls

D = Decimal
FIGURES = ("measure", "base", "quantity", "tier", "curve_payout", "earned", "payout", "carried", "status")
#: What names a version, or slots that its day has cut.
OF_VERSIONS = ("benefit_key", "first_period", "last_period", "period_no")


def may_change(benefit: dict[str, Any]) -> bool:
    measure = benefit["measure"]
    if benefit["method"] == "graduated" and "slices" not in benefit:
        pays_units = any("per_unit" in tier for tier in benefit["tiers"])
        if benefit["base"] != "measure" or isinstance(measure, dict) or (pays_units and measure != "quantity"):
            return False
    return benefit["method"] != "rolling" and "each" not in benefit


def amend(small: Small, day: dt.date, benefit: dict[str, Any]) -> Small:
    second = {**small.agreement, "version": 2, "effective": day, "amendment": "from_date", "benefits": [benefit]}
    return replace(small, others=[second])


@st.composite
def amended(draw: st.DrawFn) -> tuple[Small, Small]:
    """An agreement that may change from a day on, and the same with such a day and other terms."""
    small = draw(smalls().filter(lambda small: may_change(small.agreement["benefits"][0])))
    term = small.agreement["term"]
    benefit = copy.deepcopy(small.agreement["benefits"][0])
    is_moved = benefit["by"] == "measure" and draw(st.booleans())
    for tier in benefit["tiers"]:
        for form in sorted(set(tier) - {"from"}):
            tier[form] = draw(st.sampled_from([0, tier[form], D("0.3")]))
        tier["from"] = tier["from"] + 100 * is_moved
    for figure in {"target", "baseline", "incentive"} & set(benefit):
        if isinstance(benefit[figure], Decimal):
            benefit[figure] = benefit[figure] * 2
    benefit["settle"] = {"clawback": draw(st.sampled_from(["carry", "pay", "none"]))}
    return small, amend(small, draw(st.dates(term["from"], term["to"])), benefit)


@settings(max_examples=settings().max_examples // 3)
@given(both=amended())
def test_each_version_pays_what_the_reference_pays(both: tuple[Small, Small]) -> None:
    small = both[1]
    results, expected = calculate(small), by_reference(small)
    found = {row["window_start"]: row for row in results["payouts"].iter_rows(named=True)}
    assert {key[3] for key in expected.payouts} == set(found)
    for key, row in expected.payouts.items():
        names = ("status", "payout") if row["status"] == "blocked" else FIGURES
        assert {name: found[key[3]][name] for name in names} == {name: _rounded(row[name]) for name in names}, key
    accruals = {(row["window_start"], row["period"]): row["accrued_to_date"] for row in results["accruals"].iter_rows(named=True)}
    assert accruals == {key[3:]: value for key, value in expected.accruals.items()}
    steps = results["calculation_steps"].filter(pl.col("step") == "version").group_by("payout_key").agg(pl.col("result").sum())
    paid = results["payouts"].join(steps, on="payout_key")
    assert (paid["result"] - paid["curve_payout"]).abs().max() in (None, *(D(n).scaleb(-12) for n in range(4)))


def _rounded(value: object) -> object:
    return value if value is None or isinstance(value, str | int) else round(value, 12)  # type: ignore[call-overload]


@settings(max_examples=settings().max_examples // 6)
@given(both=amended())
def test_the_same_terms_again_change_nothing(both: tuple[Small, Small]) -> None:
    small, other = both
    again = amend(small, other.others[0]["effective"], small.agreement["benefits"][0])
    assert_equal(calculate(small), calculate(again))


@pytest.mark.long
@settings(max_examples=settings().max_examples // 3)
@given(both=amended())
def test_terms_from_the_first_day_are_the_terms(both: tuple[Small, Small]) -> None:
    small, other = both
    later = other.others[0]
    first = amend(small, small.agreement["term"]["from"], later["benefits"][0])
    assert_equal(calculate(replace(small, agreement={**small.agreement, "benefits": later["benefits"]})), calculate(first))


def assert_equal(one: dict[str, pl.DataFrame], other: dict[str, pl.DataFrame]) -> None:
    for table in ("payouts", "achievement", "accruals"):
        assert one[table].drop(OF_VERSIONS, strict=False).equals(other[table].drop(OF_VERSIONS, strict=False)), table


YEAR = {"from": dt.date(2025, 1, 1), "to": dt.date(2025, 12, 31)}
WHOLE = {"id": "b", "clause": "1", "window": "year", "tiers": [{"from": 0, "rate": D("0.01"), "amount": 365}, {"from": 100, "rate": D("0.02")}]}
LATER = {**WHOLE, "tiers": [{"from": 0, "rate": D("0.03"), "amount": 730}, {"from": 100, "rate": D("0.04")}]}


def small_of(first: dict[str, Any], later: dict[str, Any], *lines: tuple[dt.date, int]) -> Small:
    agreement = {"agreement": "A", "title": "A", "currency": "EUR", "term": YEAR, "participants": ["P"], "benefits": [first]}
    return amend(Small(agreement, [Line(day, D(amount)) for day, amount in lines], [], dt.date(2026, 1, 1)), dt.date(2025, 7, 1), later)


def test_steps_name_what_each_version_pays() -> None:
    found = calculate(small_of(WHOLE, LATER, (dt.date(2025, 6, 30), 60), (dt.date(2025, 7, 1), 30)))["calculation_steps"]
    steps = found.filter(pl.col("step").is_in(["version", "curve"])).select("formula", "inputs", "result").rows()
    assert steps == [
        (
            "version 1, 2025-01-01 to 2025-06-30: tier 1: rate × E + amount × days",
            "x = 90, rate = 0.01, amount = 365, E = 60, days = 181/365",
            D("181.6"),
        ),
        (
            "version 2, 2025-07-01 to 2025-12-31: tier 1: rate × E + amount × days",
            "x = 90, rate = 0.03, amount = 730, E = 30, days = 184/365",
            D("368.9"),
        ),
        ("sum of what each version pays on its own days", "", D("550.5")),
    ]


def test_steps_name_the_slices_of_each_version() -> None:
    of = {**WHOLE, "method": "graduated"}
    found = calculate(small_of(of, {**LATER, "method": "graduated"}, (dt.date(2025, 6, 30), 60), (dt.date(2025, 7, 1), 60)))["calculation_steps"]
    assert found.filter(pl.col("step") == "version").select("formula", "inputs", "result").rows() == [
        (
            "version 1, 2025-01-01 to 2025-06-30: what its slices pay up to M_until − what they pay up to M_from",
            "M_from = 0, M_until = 60",
            D("365.6"),
        ),
        (
            "version 2, 2025-07-01 to 2025-12-31: what its slices pay up to M_until − what they pay up to M_from",
            "M_from = 60, M_until = 120",
            D("2"),
        ),
    ]
    assert "slice" not in found["step"].to_list()


def test_lines_share_what_the_version_of_their_day_pays() -> None:
    found = calculate(small_of(WHOLE, LATER, (dt.date(2025, 6, 30), 60), (dt.date(2025, 7, 1), 30)))["payout_groups"]
    assert found.select("group_value", "line_count", "measure", "tier", "pays").rows() == [("1", 1, D(60), 1, D("181.6")), ("2", 1, D(30), 1, D("368.9"))]
    nothing = {**WHOLE, "tiers": [{"from": 0, "rate": 0}]}
    found = calculate(small_of(nothing, nothing, (dt.date(2025, 6, 30), 60), (dt.date(2025, 7, 1), 30)))["payout_groups"]
    assert found["pays"].to_list() == [D(60), D(30)], "where nothing is paid, lines count by their measure"
    found = calculate(small_of(WHOLE, LATER, (dt.date(2025, 7, 1), 30)))["payout_groups"]
    assert found["group_value"].to_list() == ["2"], "a version without lines has none to share with"


def test_lines_of_a_later_window_share_their_part_of_the_span() -> None:
    of = {**WHOLE, "window": "half_year", "accumulate": "year", "tiers": [{"from": 0, "rate": D("0.1")}]}
    small = small_of(of, of, (dt.date(2025, 6, 30), 60), (dt.date(2025, 9, 30), 30), (dt.date(2025, 10, 1), 10))
    later = replace(small, others=[{**small.others[0], "effective": dt.date(2025, 10, 1)}])
    found = calculate(later)
    second = found["payouts"].filter(pl.col("window_start") == dt.date(2025, 7, 1))["payout_key"]
    groups = found["payout_groups"].filter(pl.col("payout_key").is_in(second.implode()))
    assert groups.select("group_value", "measure", "pays").rows() == [("1", D(30), D(3)), ("2", D(10), D(1))]


AGREEMENT = """\
---
agreement: A
currency: EUR
term: {from: 2025-01-01, to: 2025-12-31}
participants: [P]
benefits: [{id: b, clause: 1, window: quarter, REST}]
"""
TIERS = "tiers: [{from: 0, rate: 0.1}]"


def second(rest: str, *changes: tuple[str, str]) -> str:
    text = AGREEMENT.replace("REST", rest).replace("currency", "version: 2\neffective: 2025-08-10\namendment: from_date\ncurrency")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    return text


KEPT = [
    ("window: quarter", "window: month", "window"), ("window: quarter", "window: quarter, accumulate: year", "accumulate"),
    ("window: quarter", "window: quarter, measure: margin", "measure"), ("window: quarter", "window: quarter, base: margin", "base"),
    ("window: quarter", "window: quarter, by: rank", "by"), ("window: quarter", "window: quarter, method: total", "method"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "key"), KEPT)
def test_what_stays_the_same(old: str, new: str, key: str) -> None:
    found = refusals(AGREEMENT.replace("REST", TIERS), second(TIERS, (old, new)))
    assert any(f"benefits[0].{key}: amendment: from_date lets the measure run through from version 1, so {key} stays the same" in each for each in found), found
    assert all("amendment: next_window or restate" in each or "begins one on" in each for each in found)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("[P]", "[P, Q]", "participants: amendment: from_date lets the measure run through from version 1, which cannot be done with other participants"),
        ("from: 2025-01-01", "from: 2025-04-01", "term.from: amendment: from_date lets the measure run through, so all versions have one first day"),
        ("currency", "returns: original\ncurrency", "returns: amendment: from_date lets the measure run through from version 1, which cannot be done"),
        ("currency", "combine: {rule: best, group: g}\ncurrency", "combine: amendment: from_date lets the measure run through from version 1"),
    ],
)
def test_agreements_keep_who_takes_part_and_when(old: str, new: str, message: str) -> None:
    assert any(message in each for each in refusals(AGREEMENT.replace("REST", TIERS), second(TIERS, (old, new))))


@pytest.mark.parametrize(
    ("rest", "message"),
    [
        (f"method: rolling, {TIERS}", "benefits[0].method: amendment: from_date lets the measure run through, but method: rolling"),
        (f"each: product_id, {TIERS}", "benefits[0].each: amendment: from_date lets the measure run through, but each"),
        (f"method: graduated, base: margin, {TIERS}", "benefits[0].base: amendment: from_date lets the measure run through, and method: graduated"),
        ("method: graduated, tiers: [{from: 0, per_unit: 1}]", "benefits[0].tiers: amendment: from_date lets the measure run through, and method: graduated"),
        (
            "method: graduated, measure: {of: quantity, scope: {types: [sale]}}, tiers: [{from: 0, per_unit: 1}]",
            "benefits[0].tiers: amendment: from_date lets the measure run through, and method: graduated",
        ),
        (
            "method: graduated, measure: {of: quantity, every: 12}, tiers: [{from: 0, amount: 1}]",
            "benefits[0].measure.every: amendment: from_date lets the measure run through",
        ),
        (
            "method: graduated, measure: {distinct: product_id}, tiers: [{from: 0, amount: 1}]",
            "benefits[0].measure.distinct: amendment: from_date lets the measure run through",
        ),
    ],
)
def test_what_does_not_go_with_it(rest: str, message: str) -> None:
    found = refusals(AGREEMENT.replace("REST", rest), second(rest))
    assert any(message in each for each in found), found
    assert all("next_window or restate" in each for each in found)


def test_placed_pools_have_no_such_amendments() -> None:
    placed = ("currency", "pool: placed\ncurrency")
    found = refusals(AGREEMENT.replace("REST", TIERS).replace(*placed), second(TIERS, placed))
    assert any("amendment: from_date is not computed for pool: placed" in each for each in found)


def test_how_lines_are_paid_stays_the_same() -> None:
    sliced = f"method: graduated, {TIERS}"
    found = refusals(AGREEMENT.replace("REST", sliced), second(f"slices: by_line, {sliced}"))
    assert any("so slices stays the same" in each for each in found), found


def test_slices_of_the_version_before_are_checked_too() -> None:
    units = "method: graduated, tiers: [{from: 0, per_unit: 1}]"
    found = refusals(AGREEMENT.replace("REST", units), second(f"method: graduated, {TIERS}"))
    assert any("method: graduated pays slices of it in version 1, so per_unit needs measure: quantity" in each for each in found)


def test_quantity_may_be_paid_by_slices() -> None:
    rest = "method: graduated, measure: quantity, tiers: [{from: 0, per_unit: 1}]"
    assert len(parse_agreements({"a.yaml": AGREEMENT.replace("REST", rest) + second(rest)})) == 2


def refusals(*texts: str) -> list[str]:
    with pytest.raises(InputError) as caught:
        parse_agreements({"a.yaml": "".join(texts)})
    return [str(problem) for problem in caught.value.problems]


def parts(*texts: str) -> list[tuple[int, int, str, str]]:
    """(window, version, first day, last day) of every part."""
    book = parse_book('book: t\ncurrency: EUR\nfeeds: {transactions: {files: "*.csv"}}\n')
    found = make_terms(book, parse_agreements({"a.yaml": "".join(texts)}), dt.date(2026, 1, 1))["window_parts"]
    return [(row["window_no"], row["version"], f"{row['first_day']:%m-%d}", f"{row['last_day']:%m-%d}") for row in found.iter_rows(named=True)]


def test_a_window_has_a_part_for_each_version_whose_terms_hold_in_it() -> None:
    first, later = AGREEMENT.replace("REST", TIERS), second(TIERS)
    assert parts(first, later) == [(2, 1, "07-01", "08-09"), (2, 2, "08-10", "09-30")]
    whole = second(TIERS, ("2025-08-10", "2025-07-01"))
    assert parts(first, whole) == [], "where windows begin on the day, each has one version"
    third = second(TIERS, ("version: 2", "version: 3"), ("08-10", "09-01"))
    assert parts(first, later, third) == [(2, 1, "07-01", "08-09"), (2, 2, "08-10", "08-31"), (2, 3, "09-01", "09-30")]
    same_day = second(TIERS, ("version: 2", "version: 3"))
    assert parts(first, later, same_day) == [(2, 1, "07-01", "08-09"), (2, 3, "08-10", "09-30")]
    restated = second(TIERS, ("version: 2", "version: 3"), ("from_date", "restate"))
    assert parts(first, later, restated) == []
    waiting = second(TIERS, ("version: 2", "version: 3"), ("08-10", "08-20"), ("from_date", "next_window"))
    assert parts(first, later, waiting) == [(2, 1, "07-01", "08-09"), (2, 2, "08-10", "09-30")]


def test_benefits_that_come_and_go_have_parts_of_their_own() -> None:
    first, later = AGREEMENT.replace("REST", TIERS), second(TIERS, ("id: b", "id: c"))
    assert parts(first, later) == [(2, 1, "07-01", "08-09"), (2, 2, "08-10", "09-30")]
    spans = f"accumulate: year, {TIERS}"
    assert parts(AGREEMENT.replace("REST", spans), second(spans))[-2:] == [(3, 1, "01-01", "08-09"), (3, 2, "08-10", "12-31")]


def test_each_version_compares_with_its_own_lines_of_the_year_before() -> None:
    rest = f"by: growth, baseline: {{prior: year, hierarchy: today}}, {TIERS}"
    book = parse_book('book: t\ncurrency: EUR\nfeeds: {transactions: {files: "*.csv"}}\n')
    later = second(rest, ("currency", "scope: {types: [sale]}\ncurrency"))
    terms = make_terms(book, parse_agreements({"a.yaml": AGREEMENT.replace("REST", rest) + later}), dt.date(2026, 1, 1))
    keys = terms["window_parts"]["prior_line_set_key"].to_list()
    of_window = terms["windows"].filter((pl.col("window_no") == 2) & (pl.col("benefit_key") == 1))["prior_line_set_key"].to_list()
    sets = {row["line_set_key"]: row for row in terms["line_sets"].iter_rows(named=True)}
    assert keys[1:] == of_window
    assert None not in keys
    assert sets[keys[0]]["scope_key"] != sets[keys[1]]["scope_key"]
    assert {(sets[key]["prior_from"], sets[key]["prior_to"]) for key in keys} == {(dt.date(2025, 7, 1), dt.date(2025, 9, 30))}
