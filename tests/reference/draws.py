"""Draws: what is paid beside other benefits of the agreement, per participant and window, and the balance that is taken back."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from fractions import Fraction

from tests.reference.combine import Outcome
from tests.reference.earning import rounded, smallest
from tests.reference.read import Row

ZERO = Fraction(0)
Balances = dict[tuple[str, str, str], Fraction]  # agreement in which it begins, benefit, participant


def pay_draws(outcomes: Sequence[Outcome], versions: Sequence[Row], begins: dict[str, str], balances: Balances, settings: Row) -> None:
    """Fills in what the draws of one agreement pay and accrue. Other benefits are settled; agreements that leave a balance came before.

    versions: of the agreement. begins: by agreement, the one in which the balance begins.
    """
    ids = dict.fromkeys(str(b["id"]) for version in versions for b in version["benefits"] if "draw" in b)
    for benefit_id in ids:
        for outcome in sorted((o for o in outcomes if str(o.case.benefit["id"]) == benefit_id), key=lambda o: o.window.end):
            _pay(outcome, outcomes, (begins[f"{outcome.agreement} {benefit_id}"], benefit_id, outcome.participant), balances, settings)


def _pay(outcome: Outcome, outcomes: Sequence[Outcome], key: tuple[str, str, str], balances: Balances, settings: Row) -> None:
    terms, window, row, currency = outcome.case.benefit["draw"], outcome.window, outcome.row, outcome.case.agreement["currency"]
    days = window.share_of_days() if outcome.case.benefit.get("prorate") == "days" else Fraction(1)
    least = rounded(Fraction(terms["amount"]) * days, currency, settings)
    against = [
        o for o in outcomes
        if o.participant == outcome.participant and str(o.case.benefit["id"]) in map(str, terms["against"]) and window.start <= o.window.end <= window.end
    ]  # fmt: skip
    before = balances.get(key, ZERO) + outcome.case.opening(outcome.participant, window, "carried")
    if any(o.blocked for o in against):
        row |= {"status": "blocked", "status_reason": "benefit_blocked", "earned": ZERO, "payout": ZERO, "carried": before}
        outcome.accruals = dict.fromkeys(outcome.accruals, ZERO)
        balances[key] = before
        return
    paid = _draws(terms, least, sum((o.row["payout"] for o in against), ZERO), before, currency, settings)
    balance = before + paid if paid < 0 or terms.get("recover") else before
    row |= {"earned": paid, "payout": paid, "carried": balance, "is_limited": True}
    balances[key] = balance
    for period in outcome.accruals:
        accrued = sum((_by(o, period) for o in against), ZERO)
        outcome.accruals[period] = _draws(terms, least, accrued, before, currency, settings)


def _draws(terms: Row, least: Fraction, earned: Fraction, balance: Fraction, currency: str, settings: Row) -> Fraction:
    if earned >= least:
        return -min(balance, earned - least)
    if not terms.get("recover"):
        return least - earned
    room = least - earned
    if "ceiling" in terms:
        step = smallest(currency, settings)
        room = min(room, max(Fraction(terms["ceiling"]) // step * step - balance, ZERO))  # never more than what is agreed
    return room


def _by(outcome: Outcome, period: str) -> Fraction:
    """What an outcome has accrued by the end of a period: nothing before it begins, and what it ended with later."""
    begun = [p for p in outcome.accruals if p <= period]
    return outcome.accruals[max(begun)] if begun else ZERO


def first_agreements(documents: Sequence[Row]) -> dict[str, str]:
    """By `agreement benefit` of every draw: the agreement in which its balance begins, back through every `from`."""
    before = {f"{d['agreement']} {b['id']}": b["draw"].get("from") for d in documents for b in d["benefits"] if "draw" in b}
    found = {}
    for name in before:
        agreement, benefit = name.split(" ", 1)
        while before[f"{agreement} {benefit}"] is not None:
            agreement = str(before[f"{agreement} {benefit}"])
        found[name] = agreement
    return found


def earliest_first(names: Sequence[str], agreements: dict[str, list[Row]]) -> list[str]:
    """Agreements of one round, those first whose terms begin first: a balance goes on in a later term."""
    begins: dict[str, dt.date] = {name: min(version["term"]["from"] for version in agreements[name]) for name in names}
    return sorted(names, key=lambda name: (begins[name], name))
