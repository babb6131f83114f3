"""A line at the end leaves the shares of earlier lines as they are, while the rate stays.

Belongs here: random lines before and after one more line each, through the real steps. Does not belong here: the order and arithmetic of shares
(test_dbt_lines.py), the fraction that they are taken of (tests/unit/calculation/test_exact_payouts.py).
"""

from __future__ import annotations

import random
from collections import defaultdict
from fractions import Fraction
from pathlib import Path
from typing import Any

import duckdb
import pytest

from assets.runtime.context import RunContext
from assets.transform.calculate import calculate, calculate_net
from assets.transform.dbt import build_marts, prepare
from assets.transform.invariants import run_checks
from tests.support.sql_books import read_feeds, write_book

HEADER = "transaction_id,line,date,partner_id,product_id,type,quantity,amount,cost,currency\n"
POINTS = "[{from: 0, factor: 0.5}, {from: 3000, factor: 1.25}]"
#: By the terms alone a line more leaves earlier shares as they are.
CONSTANT = {
    "whole": "tiers: [{from: 0, rate: 0.0137}, {from: 4000, rate: 0.0211}]",
    "total": "method: total, tiers: [{from: 0, rate: 0.0137}, {from: 4000, rate: 0.0074}]",
    "slices": "method: graduated, tiers: [{from: 500, rate: 0.0137}, {from: 1700, rate: 0.0211}, {from: 4000, rate: 0.03}]",
    "attainment": "by: attainment, target: 4321.5, method: graduated, tiers: [{from: 0.4, rate: 0.0137}, {from: 0.9, rate: 0.0211}]",
    "share": "by: attainment, target: 4000, incentive: 300, method: graduated, tiers: [{from: 0, share: 0.35}, {from: 0.8, share: 1.1}]",
    "units": "measure: quantity, tiers: [{from: 0, per_unit: 0.0337}, {from: 40, per_unit: 0.0411}]",
    "unit-slices": "measure: quantity, method: graduated, tiers: [{from: 0, per_unit: 0.0337}, {from: 20, per_unit: 0.0411}]",
    "factors": f"tiers: [{{from: 0, rate: 0.0137}}], multiply: {{by: measure, tiers: {POINTS}}}, requires: [{{by: measure, at_least: 9999, otherwise: 0.3}}]",
    "capped": "tiers: [{from: 0, rate: 0.0137}], limits: {at_most: 40}",
}
#: What a line pays depends on the lines after it.
OTHERS = {
    "lump": "tiers: [{from: 0, rate: 0.0137, amount: 7.77}]",
    "line": "method: linear, tiers: [{from: 0, rate: 0.01}, {from: 5000, rate: 0.03}]",
    "margin": "base: margin, tiers: [{from: 0, rate: 0.0337}]",
    "both": "measure: quantity, base: amount, method: graduated, tiers: [{from: 0, rate: 0.01, per_unit: 0.1}, {from: 20, rate: 0.02, per_unit: 0.1}]",
}
SLICED = ("slices", "attainment", "share", "unit-slices")
FRACTION = ("share_numerator", "share_divisor")
PARTNERS = [f"p{n}" for n in range(40)]
Key = tuple[str, str]  # agreement, participant
Shares = dict[tuple[str, int], tuple[Fraction, Fraction]]  # transaction and tier: credited measure and share


def line(chance: random.Random, name: str, day: str, partner: str, is_return: bool = False) -> str:
    amount = chance.randint(1, 90_000) * (-1 if is_return else 1)
    kind = "return" if is_return else "sale"
    return f"{name},1,{day},{partner},A,{kind},{chance.randint(1, 9)},{amount / 100:.2f},{amount // 3 / 100:.2f},EUR\n"


def compute(context: RunContext) -> tuple[dict[Key, dict[str, Any]], dict[Key, Shares]]:
    """Payouts and their lines in order."""
    read_feeds(context)
    prepare(context)
    calculate(context)
    calculate_net(context)
    build_marts(context)
    run_checks(context)
    lines: dict[Key, Shares] = defaultdict(dict)
    with duckdb.connect(str(context.warehouse)) as con:
        found = con.sql(
            """select p.*, is_exact, has_constant_rate, share_numerator, share_divisor
            from marts.fct_payout as p join intermediate.int_payouts_to_allocate using (payout_id)"""
        )
        payouts = {(row["agreement_id"], row["participant_id"]): row for row in found.pl().iter_rows(named=True)}
        rows = con.sql(
            """select agreement_id, participant_id, transaction_id, l.tier, credited_measure, line_payout
            from marts.fct_payout_line as l join marts.fct_payout using (payout_id) order by l.date, transaction_id, l.tier"""
        ).fetchall()
    for agreement, participant, transaction, tier, measure, share in rows:
        lines[agreement, participant][transaction, tier] = Fraction(measure), Fraction(share)
    return payouts, lines


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Any:
    chance = random.Random(13)
    folder: Path = tmp_path_factory.mktemp("shares") / "book"
    lines = [
        line(chance, f"t{n}-{partner}", f"2026-01-{1 + n:02}", partner, is_return=n > 1 and chance.random() < 0.2)
        for partner in PARTNERS
        for n in range(chance.randint(2, 9))
    ]
    files = {
        "partners/p.csv": "partner_id,name,parent_id,from,to\n" + "".join(f"{partner},,,,\n" for partner in PARTNERS),
        "products/p.csv": "product_id,name\nA,\n",
        "assignments/a.csv": "partner_id,participant_id,share,from,to\n",
        "fx_rates/f.csv": "date,from_currency,to_currency,rate\n2026-01-01,USD,EUR,0.9\n",
        "transactions/1.csv": HEADER + "".join(lines),
    }
    agreements = {name: (f"[{', '.join(PARTNERS)}]", "", "year", rest) for name, rest in {**CONSTANT, **OTHERS}.items()}
    before = compute(write_book(folder, files, agreements))
    more = {"transactions/2.csv": HEADER + "".join(line(chance, f"z-{partner}", "2026-02-01", partner) for partner in PARTNERS)}
    return before, compute(write_book(folder, more, {}))


def rounded(cents: Fraction) -> Fraction:
    """Half away from zero."""
    return Fraction(int(abs(cents) + Fraction(1, 2)) * (1 if cents >= 0 else -1))


def has_same_rate(before: dict[str, Any], after: dict[str, Any]) -> bool:
    """Slices have a rate each, so that all of them stay; else that of the tier reached."""
    is_sliced = before["agreement_id"] in SLICED
    return is_sliced or all(before[name] == after[name] for name in ("tier", "multiplier", "gate_factor"))


def test_a_new_line_leaves_earlier_shares_as_they_are_while_the_rate_stays(runs: Any) -> None:
    (payouts, lines), (payouts_after, lines_after) = runs
    kept: dict[str, int] = defaultdict(int)
    for key, payout in payouts.items():
        after = payouts_after.get(key)
        if after and payout["has_constant_rate"] and after["has_constant_rate"] and has_same_rate(payout, after):
            assert [payout[name] for name in FRACTION] == [after[name] for name in FRACTION], key
            assert {place: lines_after[key].get(place) for place in lines[key]} == lines[key], key
            kept[key[0]] += 1
    assert {name for name, count in kept.items() if count >= 10} == CONSTANT.keys()


def test_what_keeps_its_shares_follows_from_the_terms_and_from_limits(runs: Any) -> None:
    for payouts, _ in runs:
        for (agreement, participant), payout in payouts.items():
            is_limited = agreement == "capped" and payout["earned"] == 40
            # weights of several pay forms are rounded: such a payout is shared as it is paid
            assert payout["is_exact"] == (payout["measure"] > 0 and payout["payout"] != 0 and not is_limited and agreement != "both"), (agreement, participant)
            assert payout["has_constant_rate"] == (payout["is_exact"] and agreement in CONSTANT), (agreement, participant)
    assert any(payout["earned"] == 40 for (agreement, _), payout in runs[0][0].items() if agreement == "capped")


def test_shares_add_up_and_are_those_of_the_exact_payout(runs: Any) -> None:
    """A cent at most from those of the rounded payout, where the running measure lies between 0 and the whole."""
    for payouts, lines in runs:
        for key, payout in payouts.items():
            assert sum(share for _, share in lines[key].values()) == Fraction(payout["payout"]), key
            if payout["measure"] <= 0 or key[0] in (*SLICED, "both"):
                continue
            whole = Fraction(payout["measure"])
            exact = Fraction(payout["curve_payout"]) * Fraction(payout["multiplier"]) * Fraction(payout["gate_factor"])
            running = Fraction(0)
            for measure, share in lines[key].values():
                before, running = running, running + measure
                of_exact, of_payout = (
                    rounded(amount * 100 * running / whole) - rounded(amount * 100 * before / whole)
                    for amount in (exact if payout["is_exact"] else Fraction(payout["payout"]), Fraction(payout["payout"]))
                )
                assert share * 100 == of_exact, key
                if 0 <= before <= whole and 0 <= running <= whole:
                    assert abs(of_exact - of_payout) <= 1, key
