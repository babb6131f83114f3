"""What the terms of a benefit pay: tiers, matrices, slices, limits; part of recompute.py, which says how to use it.

Needs Python 3.9 or later and nothing else. Works in fractions and reads nothing: an auditor can check each function against the agreement's text.
"""

import datetime as dt
import functools
import json
import operator
from collections import defaultdict
from decimal import Decimal
from fractions import Fraction
from types import SimpleNamespace

ZERO, ONE, TINY, FORMS = Fraction(0), Fraction(1), Fraction(1, 10**12), ("rate", "per_unit", "amount", "share")
NOTHING = dict.fromkeys((*FORMS, "factor"), ZERO)
MONTHS = {"month": 1, "quarter": 3, "half_year": 6, "year": 12}
MISSING = ("fx", "cost", "quantity", "attribute")  # why a line has no value, in the order in which reasons are given
BOUNDS = {"at_least": operator.ge, "above": operator.gt, "at_most": operator.le, "below": operator.lt}


class CannotRecompute(Exception):
    """The pack does not hold what this payout needs."""


@functools.lru_cache(maxsize=2**16)
def number(text):
    return Fraction(text) if text else None


def round_to(value, step, half_even=False):
    """To the nearest multiple of step; a half away from zero, or to the even neighbour."""
    whole, rest = divmod(abs(value) / step, 1)
    up = rest > Fraction(1, 2) or (rest == Fraction(1, 2) and (not half_even or whole % 2 == 1))
    return (whole + up) * step * (1 if value >= 0 else -1)


def published(value):
    return None if value is None else round_to(Fraction(value), TINY)


def shown(value):
    return "nothing" if value is None else f"{Decimal(value.numerator) / value.denominator:.12f}".rstrip("0").rstrip(".")


def axis_of(by):
    """`by` as (kind, of what): ("growth", ""), ("rank", "attainment"); metrics, sums and figures of other benefits as JSON: ("metric", '{"metric": "nps"}')."""
    by = by if isinstance(by, dict) else {by: "measure" if by in ("rank", "percentile") else ""}
    kind = min({*by} - {"of"})
    return kind, json.dumps(by) if kind in ("metric", "ratio", "score", "benefit") else by[kind]


def key_of(row, columns):
    return tuple(row[column] for column in columns)


def grouped(rows, *columns):
    found = defaultdict(list)
    for row in rows:
        found[key_of(row, columns)].append(row)
    return found


day = functools.lru_cache(maxsize=None)(dt.date.fromisoformat)


def months_later(first, months):
    """The same day so many months later; a day that a month lacks is its last."""
    (year, month), (after, next_month) = (divmod(first.year * 12 + first.month - 1 + months + more, 12) for more in (0, 1))
    return dt.date(year, month + 1, min(first.day, (dt.date(after, next_month + 1, 1) - dt.timedelta(days=1)).day))


class Clause:
    """One benefit of one agreement version, and what follows from its text alone."""

    def __init__(self, agreement, benefit):
        self.position = [each["id"] for each in agreement["benefits"]].index(benefit["id"])
        self.agreement, self.benefit = agreement, {"tiers": [{"from": 0, "amount": 0}], **benefit} if {"manual", "draw"} & {*benefit} else benefit
        self.combine, self.by, grid = agreement.get("combine", {}), benefit.get("by", "measure"), benefit.get("matrix")
        self.axes = [axis_of(grid[side]["by"]) for side in ("rows", "columns")] if grid else [axis_of(self.by)]
        self.factors = [axis_of(other["by"]) for other in (*([benefit["multiply"]] if "multiply" in benefit else []), *benefit.get("requires", []))]
        self.all_axes = sorted(dict.fromkeys([*self.axes, *self.factors]), key=lambda axis: axis[0] in ("benefit", "score"))  # as reasons are given
        self.forms = set(FORMS) & (set(grid) if grid else {form for tier in self.benefit["tiers"] for form in tier})
        measure, base = (of.get("of", "count") if isinstance(of, dict) else of for of in (benefit.get("measure", "amount"), benefit.get("base", "measure")))
        self.is_increment, own = base == "increment", benefit["measure"] if isinstance(benefit.get("measure"), dict) else {}
        self.keys = {*benefit, *agreement, *own, benefit.get("method")}
        self.pays_lines = bool({"slices", "running"} & self.keys)
        self.is_placed, self.is_amended = agreement.get("pool") == "placed", agreement.get("amendment") == "from_date"
        self.is_as_held = any("today" in of.values() for of in (benefit.get("target"), benefit.get("baseline")) if isinstance(of, dict))
        self.ties = benefit["ties"]["then"] if isinstance(benefit.get("ties"), dict) else []
        self.counts = benefit["measure"] if {"every", "distinct"} & self.keys else {}
        self.starts = day(agreement["term"]["from"]) if "windows" in agreement else None
        #: What each figure is a sum of; `own`: of all lines of the benefit. A base of None is the measure, or its increment. `over`: of lines of other days,
        #: and the measure of the window's own lines is their base.
        self.sums = {f"own {of}": of for kind, by in self.all_axes if kind == "ratio" for of in json.loads(by)["ratio"]}
        self.sums.update({f"tie {of}": of for of in self.ties if isinstance(of, str)})
        self.sums["over"] = "amount" if "distinct" in self.counts else measure + " times" if "times" in self.keys else measure
        self.sums["quantity"], self.sums["base"] = None if self.counts else "quantity", None if base in ("measure", "increment") else base
        self.sums["measure"] = base if "over" in self.keys else self.sums["over"]
        own = {of if kind in ("rank", "percentile") else kind for kind, of in self.all_axes}
        self.needs = {"target": "attainment" in own, "positive baseline": "growth" in own, "incentive": "share" in self.forms}
        self.needs["baseline"] = bool(own & {"growth", "growth_amount"}) or self.is_increment

    def unit(self, settings):
        """The smallest amount that is paid."""
        return Fraction(settings["units"][self.agreement["currency"]])

    def measured(self, lines):
        """Measure, base and quantity of lines: sums, or how many full (begun) multiples the measure has, below 0 counted towards 0."""
        m = add_up(lines, "measure")
        if "every" in self.counts:
            whole = abs(m) / Fraction(self.counts["every"])
            m = Fraction(-(whole // 1) if m < 0 else -(-whole // 1) if self.counts.get("round") == "up" else whole // 1)
        return m, add_up(lines, "base") if self.sums["base"] else m, m if self.counts else add_up(lines, "quantity")


def place(part, by, points, x):
    """The last point that x has reached, or passed with `upper_inclusive`; 0: below the first."""
    strictly = part.get("boundary") == "upper_inclusive" and part.get("method") != "linear" and axis_of(by)[0] != "rank"
    return sum(point < x or (point == x and not strictly) for point in points)


def paid_at(y, s):
    """rate x E + per_unit x Q + amount + share x K. s: m measure, e base, q quantity, t target, b baseline, k incentive over the span, x places by axis."""
    return y["rate"] * s.e + y["per_unit"] * s.q + y["amount"] + y["share"] * (s.k or ZERO)


def in_measure(by, threshold, s):
    """A threshold in units of the measure."""
    return {"attainment": threshold * (s.t or 0), "growth": (1 + threshold) * (s.b or 0), "growth_amount": threshold + (s.b or 0)}.get(by, threshold)


def at_measure(s, x, measure, **others):
    """The figures with their places by a measure; other places stay at x."""
    return SimpleNamespace(**{**vars(s), **others, "x": {**x, **{(kind, ""): value for kind, value in axes_at(s, measure).items()}}})


def axes_at(s, m):
    """Places by the measure, with the target and the baseline of the figures; None where these are missing."""
    t, b = s.t or ZERO, s.b or ZERO
    own = {"measure": m, "attainment": m / t if t > 0 else None, "growth": m / b - 1 if b > 0 else None, "growth_amount": None if s.b is None else m - b}
    return {kind: x for kind, x in own.items() if x is not None}


def reached(part, by, x):
    """What holds at x and the tier: that of the tier (whole), or between its point and the next, past the last one as `above` says (linear)."""
    tiers, above = part["tiers"], part.get("above", "hold")
    tier = place(part, by, [each["from"] for each in tiers], x)
    if tier == 0 or (part.get("method") == "linear" and tier == len(tiers) and above == "zero" and x > tiers[-1]["from"]):
        return NOTHING, tier
    point = tiers[tier - 1]
    other = tiers[tier] if tier < len(tiers) else tiers[max(tier - 2, 0)] if above == "extend" else point
    if part.get("method") != "linear" or other["from"] == point["from"]:
        return point, tier
    return {key: point[key] + (x - point["from"]) / (other["from"] - point["from"]) * (other[key] - point[key]) for key in NOTHING}, tier


def tiers_pay(benefit, by, s, x):
    """What the tiers pay at x, and the tier."""
    tiers, method, (y, tier) = benefit["tiers"], benefit.get("method", "whole"), reached(benefit, by, x)
    if method in ("whole", "linear") or tier == 0:
        return paid_at(y, s), tier
    if method == "total":
        return sum(each["rate"] * s.e for each in tiers[:tier]), tier
    if method not in ("rolling", "graduated"):
        raise CannotRecompute(f"this program does not know the method {method}")
    ends = [*(min(s.m, in_measure(by, each["from"], s)) for each in tiers[1:]), s.m]
    if method == "rolling":
        return sum(each["rate"] * end for each, end in zip(tiers[:tier], ends)), tier
    total = sum(each["amount"] for each in tiers[:tier]) + ZERO
    for i, each in enumerate(tiers):
        begin, until = in_measure(by, each["from"], s), min([x, *(other["from"] for other in tiers[i + 1 : i + 2])])
        if s.m > 0 and ends[i] > begin:
            total += (ends[i] - begin) * (each["rate"] * s.e + each["per_unit"] * s.q) / s.m
        total += each["share"] * max(ZERO, until - each["from"]) * (s.k or ZERO)
    return total, tier


def slices(starts, before, after):
    """How much of the way between two places lies in each slice; negative on the way down. The last slice has no end."""
    return [min(max(after, start), end) - min(max(before, start), end) for start, end in zip(starts, [*starts[1:], Fraction(10**30)])]


def lines_pay(benefit, by, s, lines):
    """What lines are paid one by one in their order, slice by slice or each at the tier reached with it. lines: m, e, q, and whether it is paid here."""
    starts, now, is_running, total = [in_measure(by, tier["from"], s) for tier in benefit["tiers"]], ZERO, benefit.get("method") == "running", ZERO
    for m, e, q, is_paid in lines:
        at, parts = place(benefit, by, starts, max(now, now + m)), slices([max(start, ZERO) for start in starts], now, now + m)
        if is_running or not m:
            parts = [ONE if number == at and (is_running or now >= 0) else ZERO for number in range(1, len(starts) + 1)]
        if is_paid:
            total += sum(part / (ONE if is_running or not m else m) * (each["rate"] * e + each["per_unit"] * q) for part, each in zip(parts, benefit["tiers"]))
        now += m
    return total


def filled(benefit, by, s, own, lines):
    """What the slices pay that the lines of each member of a pool fill, in their order. own: measures of the members; lines: (order, member, measure)."""
    tiers, starts, weights, now = benefit["tiers"], [in_measure(by, tier["from"], s) for tier in benefit["tiers"]], [ZERO] * len(own), ZERO
    lengths = [[ZERO] * len(own) for _ in tiers]
    for _, member, m in lines:
        for number, length in enumerate(slices(starts, now, now + m)):
            lengths[number][member] += length
        now += m
    for number, (tier, of_members) in enumerate(zip(tiers, lengths), 1):
        each = (tier["rate"] * s.e + tier["per_unit"] * s.q) / s.m + tier["share"] * (s.k or ZERO) / (in_measure(by, ONE, s) - in_measure(by, ZERO, s))
        lump = tier["amount"] if number <= place(benefit, by, starts, s.m) else ZERO
        for member, length in enumerate(of_members):
            weights[member] += length * each + lump * (length / sum(of_members) if sum(of_members) else own[member] / s.m)
    return weights


def matrix_pays(benefit, s, places):
    """What the grid pays, and its row as tier. Nothing below its first row or column; its last ones have no end."""
    matrix, ends = benefit["matrix"], []
    for side, x in zip(("rows", "columns"), places):
        froms = [Fraction(value) for value in matrix[side]["from"]]
        at = place({"method": matrix.get("method"), "boundary": benefit.get("boundary")}, matrix[side]["by"], froms, x)
        if at == 0:
            return ZERO, 0
        ends.append((at - 1, (x - froms[at - 1]) / (froms[at] - froms[at - 1]) if matrix.get("method") == "linear" and at < len(froms) else ZERO))
    (r, u), (c, v) = ends
    corners = ((r, c, (1 - u) * (1 - v)), (r + 1, c, u * (1 - v)), (r, c + 1, (1 - u) * v), (r + 1, c + 1, u * v))
    y = {form: sum(weight * Fraction(matrix[form][i][j]) for i, j, weight in corners if weight) for form in set(matrix) & set(FORMS)}
    return paid_at({**NOTHING, **y}, s), r + 1


def limit(limits, value, base):
    """at_most and a part of the base cap, then less than pays_from pays 0, then at_least lifts."""
    value = min([value, *(Fraction(limits[key]) * of for key, of in (("at_most", ONE), ("rate_at_most", max(base, ZERO))) if key in limits)])
    value = ZERO if "pays_from" in limits and value < Fraction(limits["pays_from"]) else value
    return max(value, Fraction(limits["at_least"])) if "at_least" in limits else value


def prorate(curve, part):
    """Tiers in fractions: amounts, and thresholds in units of the measure, times the part of the window that is in the term."""
    keys = ("amount", "from") if axis_of(curve.get("by", "measure"))[0] in ("measure", "growth_amount") else ("amount",)
    tiers = [{key: Fraction(value) * (part if key in keys else 1) for key, value in tier.items()} for tier in curve.get("tiers", [])]
    return {**curve, "tiers": [{**NOTHING, **tier} for tier in tiers]}


def is_in(row, figure):
    """Whether a line of a window is one of a figure's. Sums of all lines of the benefit, as for ratios, have those of the quantity."""
    return figure != "over" and row[f"is_in_{figure if figure in ('measure', 'base') else 'quantity'}"] == "true"


def add_up(lines, figure):
    return sum((values[figure] for _, values in lines if isinstance(values.get(figure), Fraction)), ZERO)


def missing(lines, *figures):
    return {values[figure] for _, values in lines for figure in figures if isinstance(values.get(figure), str)}


def columns_of(row):
    """The further columns of a transaction line that agreements name."""
    return json.loads(row["other_columns"] or "{}")


def count_sold(of_values):
    """How many values are sold: their sum of quantity, of amount where no line has one, is above 0. And which figures are missing."""
    groups = [lines for value, lines in of_values.items() if value]
    sold = [[number(row["quantity"]) for row, _ in lines if row["quantity"]] for lines in groups]
    lacking = set().union(*(missing(lines, "measure") for lines, quantities in zip(groups, sold) if not quantities))
    return Fraction(sum(sum(quantities or [add_up(lines, "measure")]) > 0 for lines, quantities in zip(groups, sold))), lacking


def ranked(s, kind, of):
    """What a participant is compared by: the place on an axis, then among equals what `ties` names. What is missing is less than anything."""
    return s.own[of], *((-Fraction(10**30) if isinstance(x, str) else x for x in s.breaks) if kind == "rank" else ())


def ratio(lines, of):
    """One sum over another; None where that is 0 or less."""
    first, second = (add_up(lines, f"own {of}") for of in json.loads(of)["ratio"])
    return first / second if second > 0 else None
