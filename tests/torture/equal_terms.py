"""Terms that are written in another way and must pay the same: changes of a cluster's agreements for metamorphic.py.

Belongs here: such changes, and for which clusters they hold. Does not belong here: comparing results.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

from tests.torture.calendars import windows
from tests.torture.drawing import Row
from tests.torture.from_days import may_change

if TYPE_CHECKING:
    from tests.torture.metamorphic import Part

_LENGTHS = {"month": 1, "quarter": 3, "half_year": 6, "year": 12}


def amend_on_the_first_day(part: Part) -> Part:
    """Other terms, and from the first day on the same as before."""
    agreements = []
    for first in part.agreements:
        other = [benefit | {"limits": {"at_most": Decimal(1)}} for benefit in first["benefits"]]
        agreements += [first | {"benefits": other}, _again(first, first["term"]["from"])]
    return replace(part, agreements=agreements)


def amend_with_equal_terms(part: Part) -> Part:
    """The same terms once more from a day in the middle on."""
    days = {first["agreement"]: first["term"]["from"] + (first["term"]["to"] - first["term"]["from"]) / 2 for first in part.agreements}
    return replace(part, agreements=[a for first in part.agreements for a in (first, _again(first, days[first["agreement"]]))])


def _again(first: Row, day: object) -> Row:
    return first | {"version": 2, "effective": day, "amendment": "from_date"}


def may_amend(part: Part) -> bool:
    """Whether all agreements have one version, whose terms may change within a window."""
    is_first = all(a.get("version", 1) == 1 and "effective" not in a and a.get("pool") != "placed" for a in part.agreements)
    return is_first and len({a["agreement"] for a in part.agreements}) == len(part.agreements) and all(may_change(b) for b in _benefits(part))


def group_as_one(part: Part) -> Part:
    """All lines are one group."""
    lines = [row | {"whole": "x"} for row in part.feeds["transactions"]]
    agreements = [a | {"benefits": [b | {"each": "whole"} if _may_be_grouped(b) else b for b in a["benefits"]]} for a in part.agreements]
    return replace(part, feeds=part.feeds | {"transactions": lines}, agreements=agreements)


def may_group(part: Part) -> bool:
    """Whether a benefit may have groups, and none looks at another."""
    return any(map(_may_be_grouped, _benefits(part))) and not any("'benefit'" in repr(b) or "draw" in b for b in _benefits(part))


def _may_be_grouped(benefit: Row) -> bool:
    """Without lines there is no group: then nothing may be paid that needs none. Groups have the limits before the factors."""
    if {"target", "baseline", "incentive", "prorate", "accrue", "slices", "draw"} & set(benefit) or benefit.get("accumulate", "window") != "window":
        return False
    limits = benefit.get("limits", {})
    if "at_least" in limits or (limits and {"multiply", "requires"} & set(benefit)) or benefit.get("method") in ("running", "rolling"):
        return False
    return not any(word in repr(benefit) for word in ("'amount':", "ratio", "rank", "percentile", "distinct", "over", "share"))


def place_one_member(part: Part) -> Part:
    """A pool of one member."""
    return replace(part, agreements=[a | {"pool": "placed", "payee": a["participants"][0]} for a in with_one_member(part).agreements])


def with_one_member(part: Part) -> Part:
    return replace(part, agreements=[a | {"participants": a["participants"][:1]} for a in part.agreements])


def may_place(part: Part) -> bool:
    """Whether all agreements pay a list of participants, whose lines are credited to nobody else, by what pools can have."""
    if any(part.feeds[feed] for feed in ("assignments", "credits", "participations")):
        return False
    is_list = all("pool" not in a and isinstance(a["participants"], list) and "amendment" not in a for a in part.agreements)
    words = ("rank", "percentile", "rolling", "every", "distinct", "each", "running", "by_line")
    return is_list and len({a["agreement"] for a in part.agreements}) == len(part.agreements) and not any(w in repr(b) for b in _benefits(part) for w in words)


def see_own_days(part: Part) -> Part:
    """The measure sees as many periods as the window has."""
    return replace(part, agreements=[a | {"benefits": [_seen(b) if _may_see(part, a, b) else b for b in a["benefits"]]} for a in with_base(part).agreements])


def _seen(benefit: Row) -> Row:
    measure = benefit.get("measure", "amount")
    of = measure if isinstance(measure, dict) else {"of": measure}
    return benefit | {"measure": of | {"over": {"trailing": _LENGTHS[benefit["window"]]}}}


def with_base(part: Part) -> Part:
    """Benefits that pay on their measure pay on amounts instead."""
    return replace(part, agreements=[a | {"benefits": [_based(b) if _may_see(part, a, b) else b for b in a["benefits"]]} for a in part.agreements])


def _based(benefit: Row) -> Row:
    return benefit | ({"base": "amount"} if benefit.get("base", "measure") == "measure" else {})


def may_see_own_days(part: Part) -> bool:
    return any(_may_see(part, a, b) for a in part.agreements for b in a["benefits"]) and not any("'benefit'" in repr(b) for b in _benefits(part))


def _may_see(part: Part, agreement: Row, benefit: Row) -> bool:
    if {"baseline", "prorate", "accrue", "slices", "draw"} & set(benefit) or benefit["window"] == "term" or "windows" in agreement:
        return False
    if benefit.get("accumulate", "window") != "window" or benefit.get("method") in ("graduated", "rolling", "running") or benefit.get("base") == "increment":
        return False
    if any(word in repr(benefit) for word in ("over", "every", "distinct", "prior")):
        return False
    found = windows(part.calendar, benefit, agreement["term"])
    return all((w.start, w.end) == (w.whole_start, w.whole_end) for w in found)


def _benefits(part: Part) -> list[Row]:
    return [benefit for agreement in part.agreements for benefit in agreement["benefits"]]
