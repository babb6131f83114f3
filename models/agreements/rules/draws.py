"""Draws: what they may be combined with, and whose balance they go on with.

Belongs here: rules of `draw`, within one agreement and between agreements, and where a balance begins. Does not belong here: what a draw pays
(models/calculation/earnings/draws.py).
"""

from __future__ import annotations

import difflib
from collections import defaultdict
from collections.abc import Iterator, Sequence, Set

from models.agreements.schema import Agreement, Benefit, has_curve
from models.documents import Path

#: What a draw has besides `draw`.
OF_DRAW = ("id", "clause", "quote", "window", "prorate", "settle", "accounts")
#: Keys of `settle` that part what a benefit pays from what is paid out, which a draw does not see.
PARTED = ("release", "when", "minimum", "hold_disputed")


def draw_problems(agreement: Agreement) -> Iterator[tuple[Path, str]]:
    """What is wrong with the draws of one agreement: (key, message)."""
    others = {benefit.id: benefit for benefit in agreement.benefits}
    for i, benefit in enumerate(agreement.benefits):
        draw, at = benefit.draw, ("benefits", i, "draw")
        if draw is None:
            continue
        if agreement.combine.rule != "all":
            says = "goes with combine: {rule: all}, which leaves what it is against as it is"
            yield at, f"{says}; remove rule: {agreement.combine.rule}, or put the draw and what it is against into another agreement"
        if draw.ceiling is not None and not draw.recover:
            yield (*at, "ceiling"), "limits the balance that recover: true keeps; add recover: true, or remove it"
        for n, name in enumerate(draw.against):
            if message := _problem_of_against(benefit, name, others) or ("is named twice" if name in draw.against[:n] else ""):
                yield (*at, "against", n), message


def _problem_of_against(benefit: Benefit, name: str, others: dict[str, Benefit]) -> str:
    if name not in others:
        similar = difflib.get_close_matches(name, [other for other in others if other != benefit.id], 1)
        return f"there is no benefit {name} in this version of the agreement" + (f"; did you mean {similar[0]}?" if similar else "")
    other = others[name]
    if not has_curve(other):
        kind = "manual" if other.manual else "a draw"
        return f"{name} is {kind}, and a draw is against benefits with tiers or a matrix; name one of these"
    for key in PARTED:
        if getattr(other.settle, key) not in (None, False):
            return f"{name} has settle: {key}, and a draw is against what is paid as a whole after the window; remove {key} there, or name another benefit"
    return ""


def successor_problems(agreements: Sequence[Agreement], rejected_ids: Set[str]) -> Iterator[tuple[int, Path, str]]:
    """What is wrong with `from` of draws, between agreements: (index of the agreement, key, message)."""
    versions: dict[str, list[Agreement]] = defaultdict(list)
    for agreement in agreements:
        versions[agreement.agreement].append(agreement)
    for i, agreement in enumerate(agreements):
        for n, benefit in enumerate(agreement.benefits):
            if benefit.draw and (message := _problem_of_from(agreement, benefit.id, benefit.draw.from_, versions, rejected_ids)):
                yield i, ("benefits", n, "draw", "from"), message


def _problem_of_from(agreement: Agreement, draw_id: str, name: str | None, versions: dict[str, list[Agreement]], rejected_ids: Set[str]) -> str:
    own = versions[agreement.agreement]
    draws = [other.draw for version in own for other in version.benefits if other.id == draw_id and other.draw]
    if draws[0].from_ != name:
        return f"is {draws[0].from_ or 'not there'} in an earlier version and cannot change; make it another agreement"
    if name is None or name in rejected_ids:
        return ""
    others = versions.get(name, [])
    if not others:
        similar = difflib.get_close_matches(name, versions, 1)
        return f"there is no agreement {name} in this book" + (f"; did you mean {similar[0]}?" if similar else "")
    if all(other.id != draw_id or other.draw is None for version in others for other in version.benefits):
        return f"{name} has no draw {draw_id}; give the draws of both agreements one id"
    if (ends := max(version.term.to for version in others)) >= (begins := min(version.term.from_ for version in own)):
        return f"{name} ends on {ends}, and this agreement begins on {begins}; it goes on with the balance of one that ended before"
    for key in ("currency", "direction"):
        if getattr(others[0], key) != getattr(agreement, key):
            return f"{name} has {key} {getattr(others[0], key)}, not {getattr(agreement, key)}; a balance goes on in the same {key} only"
    return ""


def balances_begin(agreements: Sequence[Agreement]) -> dict[tuple[str, str], str]:
    """For the draws, by agreement and benefit: the agreement in which their balance begins, back through every `from`."""
    before: dict[tuple[str, str], str | None] = {}
    for agreement in agreements:
        for benefit in agreement.benefits:
            if benefit.draw:
                before.setdefault((agreement.agreement, benefit.id), benefit.draw.from_)
    begins: dict[tuple[str, str], str] = {}
    for agreement_id, benefit_id in before:
        first = agreement_id
        while earlier := before.get((first, benefit_id)):
            first = earlier
        begins[agreement_id, benefit_id] = first
    return begins
