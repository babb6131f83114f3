"""Recompute the payouts of this pack: python3 recompute.py [--all] [--payout ID] [--json] [PACK]

Needs Python 3.9 or later and nothing else: no package, no network, no Tierledger. Reads the pack (this folder, or the zip) and writes nothing.
It starts from the lines as the files have them (amount, quantity, cost), the exchange rates, shares, targets and metrics, and the agreements as they were
written. It computes in fractions what each agreement pays, rounds once, and compares. It shares no code with the program that made the pack.
Exit code 0: every payout agrees. 1: one differs. 2: one could not be recomputed or has terms unknown here, or the pack cannot be read.
"""

import argparse
import bisect
import csv
import datetime as dt
import functools
import hashlib
import io
import itertools
import json
import os
import sys
import zipfile
from collections import defaultdict
from fractions import Fraction
from types import SimpleNamespace

ZERO, ONE, TINY, FORMS = Fraction(0), Fraction(1), Fraction(1, 10**12), ("rate", "per_unit", "amount", "share")
MONTHS = {"month": 1, "quarter": 3, "half_year": 6, "year": 12}
#: Why a line has no value, in the order in which reasons are given.
MISSING = ("fx", "cost", "quantity", "attribute")
#: What the payouts of participants that are compared have in common, and the windows of one benefit and participant.
PEERS, SERIES = ("agreement_id", "agreement_version", "benefit_id", "window_start"), ("agreement_id", "benefit_id", "participant_id")


class CannotRecompute(Exception):
    """The pack does not hold what this payout needs."""


def number(text):
    """A number as it is written, exactly. Empty: None."""
    return Fraction(text) if text else None


def round_to(value, step, half_even=False):
    """To the nearest multiple of step; a half away from zero, or to the even neighbour."""
    whole, rest = divmod(abs(value) / step, 1)
    up = rest > Fraction(1, 2) or (rest == Fraction(1, 2) and (not half_even or whole % 2 == 1))
    return (whole + up) * step * (1 if value >= 0 else -1)


def published(value):
    """A figure as it is published: with 12 decimals."""
    return None if value is None else round_to(Fraction(value), Fraction(1, 10**12))


def shown(value):
    """A figure as people read it; what is cut off is marked."""
    if value is None:
        return "nothing"
    whole, rest = divmod(abs(published(value)), 1)
    decimals = f"{int(rest * 10**12):012d}".rstrip("0")
    return f"{'-' if value < 0 else ''}{whole}{'.' if decimals else ''}{decimals}{'' if published(value) == value else '...'}"


day = functools.lru_cache(maxsize=None)(dt.date.fromisoformat)


def axis_of(by):
    """`by` as (kind, of what): ("growth", ""), ("rank", "attainment"), ("metric", "nps")."""
    return min((kind, str(of)) for kind, of in by.items()) if isinstance(by, dict) else (by, "measure" if by in ("rank", "percentile") else "")


class Clause:
    """One benefit of one agreement version, and what follows from its text alone."""

    def __init__(self, agreement, benefit):
        self.agreement, self.benefit = agreement, {"tiers": [{"from": 0, "amount": 0}], **benefit} if {"manual", "draw"} & {*benefit} else benefit
        self.combine, self.by = agreement.get("combine", {}), benefit.get("by", "measure")
        grid = benefit.get("matrix")
        self.axes = [axis_of(grid[side]["by"]) for side in ("rows", "columns")] if grid else [axis_of(self.by)]
        others = [*benefit.get("requires", []), *([benefit["multiply"]] if "multiply" in benefit else [])]
        self.all_axes = sorted({*self.axes, *(axis_of(other["by"]) for other in others)})
        self.forms = set(FORMS) & (set(grid) if grid else {form for tier in self.benefit["tiers"] for form in tier})
        measure, base = (of.get("of", "count") if isinstance(of, dict) else of for of in (benefit.get("measure", "amount"), benefit.get("base", "measure")))
        self.is_increment = base == "increment"
        own = [benefit[p] for p in ("ties", "measure") if isinstance(benefit.get(p), dict)]
        self.keys = {*benefit, *agreement, benefit.get("method"), agreement.get("pool") == "placed" and "placed"}.union(*own)
        self.counts = benefit["measure"] if "every" in self.keys else {}
        #: What each figure is a sum of. A base of None is the measure, or its increment.
        self.sums = {"measure": measure, "base": None if base in ("measure", "increment") else base, "quantity": None if self.counts else "quantity"}
        own = {of if kind in ("rank", "percentile") else kind for kind, of in self.all_axes}
        self.needs = {
            "target": "attainment" in own,
            "baseline": bool(own & {"growth", "growth_amount"}) or self.is_increment,
            "positive baseline": "growth" in own,
            "incentive": "share" in self.forms,
        }

    def multiples(self, value):
        """The measure that a sum is: itself, or how many full (begun) multiples it has, below 0 counted towards 0."""
        whole, rest = divmod(abs(value), Fraction(self.counts.get("every", 1)))
        return value if not self.counts else -whole if value < 0 else Fraction(whole + (rest > 0 and self.counts.get("round") == "up"))


# -- the curve: what a place pays -------------------------------------------------------------------------------------
# s holds the figures of one payout over its span: m measure, e base, q quantity, t target, b baseline, k incentive, x places by axis.


def place(points, x, strictly):
    """The last point with from <= x, or from < x; 0: below the first."""
    return sum(point < x or (point == x and not strictly) for point in points)


def is_strict(part, by):
    return part.get("boundary") == "upper_inclusive" and part.get("method") != "linear" and axis_of(by)[0] != "rank"


def paid_at(y, s):
    """rate x E + per_unit x Q + amount + share x K"""
    return y.get("rate", ZERO) * s.e + y.get("per_unit", ZERO) * s.q + y.get("amount", ZERO) + y.get("share", ZERO) * (s.k or ZERO)


def in_measure(by, threshold, s):
    """A threshold in units of the measure."""
    if by in ("growth", "growth_amount"):
        return (1 + threshold) * s.b if by == "growth" else s.b + threshold
    return threshold * s.t if by == "attainment" else threshold


def interpolate(tiers, x, tier, above):
    """All keys of the tiers at x, between its point and the next; past the last one as `above` says."""
    point, other = tiers[tier - 1], None
    if tier < len(tiers):
        other = tiers[tier]
    elif above == "extend":
        other = next((p for p in tiers[-2:-1] if p["from"] < point["from"]), None)
    elif above == "zero" and x > point["from"]:
        return {}
    if other is None:
        return point
    part = (x - point["from"]) / (other["from"] - point["from"])
    return {key: point.get(key, ZERO) + part * (other.get(key, ZERO) - point.get(key, ZERO)) for key in (*FORMS, "factor")}


def tiers_pay(benefit, by, s, x):
    """What the tiers pay at x, and the tier."""
    tiers, method = benefit["tiers"], benefit.get("method", "whole")
    tier = place([t["from"] for t in tiers], x, is_strict(benefit, by))
    if tier == 0:
        return ZERO, 0
    if method in ("whole", "linear"):
        return paid_at(tiers[tier - 1] if method == "whole" else interpolate(tiers, x, tier, benefit.get("above", "hold")), s), tier
    if method == "total":
        return sum(t.get("rate", ZERO) * s.e for t in tiers[:tier]), tier
    ends = [in_measure(by, t["from"], s) for t in tiers[1:]] if method in ("rolling", "graduated") else []
    if method == "rolling":
        return sum(t.get("rate", ZERO) * (min(s.m, ends[i]) if i < len(ends) else s.m) for i, t in enumerate(tiers[:tier])), tier
    if method != "graduated":
        raise CannotRecompute(f"this program does not know the method {method}")
    total = ZERO
    for i, one in enumerate(tiers):
        begin, end, until = in_measure(by, one["from"], s), s.m, x
        if i < len(ends):
            end, until = min(s.m, ends[i]), min(x, tiers[i + 1]["from"])
        if s.m > 0 and end > begin:
            total += (end - begin) * (one.get("rate", ZERO) * s.e + one.get("per_unit", ZERO) * s.q) / s.m
        total += one.get("share", ZERO) * max(ZERO, until - one["from"]) * (s.k or ZERO)
        total += one.get("amount", ZERO) if i < tier else ZERO
    return total, tier


def matrix_pays(benefit, s, places):
    """What the grid pays, and its row as tier. Nothing below its first row or column; its last ones have no end."""
    matrix = benefit["matrix"]
    linear = matrix.get("method", "whole") == "linear"
    ends = []
    for side, x in zip(("rows", "columns"), places):  # noqa: B905 (Python 3.9)
        froms = [Fraction(value) for value in matrix[side]["from"]]
        at = place(froms, x, not linear and is_strict({"boundary": benefit.get("boundary")}, matrix[side]["by"]))
        if at == 0:
            return ZERO, 0
        ends.append((at - 1, (x - froms[at - 1]) / (froms[at] - froms[at - 1]) if linear and at < len(froms) else ZERO))
    (r, u), (c, v) = ends
    corners = ((r, c, (1 - u) * (1 - v)), (r + 1, c, u * (1 - v)), (r, c + 1, (1 - u) * v), (r + 1, c + 1, u * v))
    y = {form: sum(weight * Fraction(matrix[form][i][j]) for i, j, weight in corners if weight) for form in set(matrix) & set(FORMS)}
    return paid_at(y, s), r + 1


def multiplier_at(multiply, x):
    """The factor at x; 0 below the first tier."""
    tiers, is_linear = multiply["tiers"], multiply.get("method") == "linear"
    tier = place([t["from"] for t in tiers], x, is_strict(multiply, multiply["by"]))
    reached = {} if tier == 0 else interpolate(tiers, x, tier, multiply.get("above", "hold")) if is_linear else tiers[tier - 1]
    return reached.get("factor", ZERO)


def gate_keeps(gate, x):
    """1 where every bound of the gate holds, else what is still paid."""
    fails = ("at_least" in gate and x < Fraction(gate["at_least"])) or ("above" in gate and x <= Fraction(gate["above"]))
    fails = fails or ("at_most" in gate and x > Fraction(gate["at_most"])) or ("below" in gate and x >= Fraction(gate["below"]))
    return Fraction(gate.get("otherwise", 0)) if fails else ONE


def limit(limits, value, base):
    """at_most and a part of the base cap, then less than pays_from pays 0, then at_least lifts."""
    value = min(value, Fraction(limits["at_most"])) if "at_most" in limits else value
    value = min(value, Fraction(limits["rate_at_most"]) * max(base, ZERO)) if "rate_at_most" in limits else value
    value = ZERO if "pays_from" in limits and value < Fraction(limits["pays_from"]) else value
    return max(value, Fraction(limits["at_least"])) if "at_least" in limits else value


def prorate(benefit, part):
    """The benefit with its tiers as fractions: amounts, and thresholds in units of the measure, times the part of the window that is in the term."""

    def scaled(curve, by):
        keys = ("amount", "from") if axis_of(by)[0] in ("measure", "growth_amount") else ("amount",)
        return {**curve, "tiers": [{key: Fraction(value) * (part if key in keys else 1) for key, value in tier.items()} for tier in curve["tiers"]]}

    found = scaled(benefit, benefit.get("by", "measure")) if "tiers" in benefit else dict(benefit)
    return {**found, "multiply": scaled(benefit["multiply"], benefit["multiply"]["by"])} if "multiply" in benefit else found


class Pack:
    """The files of the pack, in a folder or in the zip."""

    def __init__(self, place):
        self.zip = zipfile.ZipFile(place) if os.path.isfile(place) else None
        self.place = place

    def read(self, name):
        stream = self.zip.open(name) if self.zip else open(os.path.join(self.place, name), "rb")  # noqa: SIM115
        return io.TextIOWrapper(stream, encoding="utf-8", newline="")

    def rows(self, table):
        with self.read(f"tables/{table}.csv") as stream:
            yield from csv.DictReader(stream)


class Book:
    """The tables of the pack by key, the figures of every payout, and every result that was asked for."""

    def __init__(self, pack):
        with pack.read("pack.json") as stream:
            about = json.load(stream)
        self.settings, self.as_of = about["settings"], day(about["as_of"])
        self.half_even, self.opened = self.settings["rounding"] == "half_even", {row["payout_id"] for row in pack.rows("fct_balance")}
        self.roles = {row["payout_id"]: row for row in pack.rows("pack_payout")}
        self.payouts = {row["payout_id"]: row for row in sorted(pack.rows("fct_payout"), key=lambda row: row["window_start"])}
        self.series, self.peers, self.groups = defaultdict(list), defaultdict(list), defaultdict(list)
        self.versions, self.clauses = {}, {}
        for row in pack.rows("dim_agreement"):
            with pack.read(f"agreements/{row['content_sha256']}.json") as stream:
                text = stream.read()
            if hashlib.sha256(text.encode()).hexdigest() != row["content_sha256"]:
                raise CannotRecompute(f"agreements/{row['content_sha256']}.json is not the agreement of that hash")
            self.versions[row["agreement_id"], row["agreement_version"]] = row
            agreement = json.loads(text)
            for benefit in agreement["benefits"]:
                self.clauses[row["agreement_id"], row["agreement_version"], str(benefit["id"])] = Clause(agreement, benefit)
        for row in self.payouts.values():
            self.series[tuple(row[key] for key in SERIES)].append(row)
            self.peers[tuple(row[key] for key in PEERS)].append(row)
            self.groups[row["participant_id"], self.clause(row).combine.get("group")].append(row)
        self.periods = sorted((day(row["first_day"]), day(row["last_day"]), int(row["period_number"])) for row in pack.rows("dim_period"))
        (self.rates, self.metrics, self.assignments), self.has_credits = (defaultdict(list) for _ in range(3)), any(True for _ in pack.rows("dim_credit"))
        for row in sorted(pack.rows("dim_fx_rate"), key=lambda row: row["date"]):
            if day(row["date"]) <= self.as_of:
                self.rates[row["from_currency"], row["to_currency"]].append((row["date"], Fraction(row["rate"])))
        for row in sorted(pack.rows("dim_metric"), key=lambda row: row["date"]):
            self.metrics[row["participant_id"], row["metric"]].append((day(row["date"]), Fraction(row["value"])))
        for row in sorted(pack.rows("dim_assignment"), key=lambda row: row["participant_id"]):
            self.assignments[row["partner_id"]].append(row)
        self.targets = {tuple(row[key] for key in (*SERIES, "window_start")): row for row in pack.rows("dim_target")}
        self.partners, self.parts, self.deducted = list(pack.rows("dim_partner_version")), list(pack.rows("dim_participation")), defaultdict(Fraction)
        for row in pack.rows("net_of_line"):
            self.deducted[row["agreement_id"], row["source_sha256"], row["source_row"]] += Fraction(row["line_payout"])
        self.lines, self.span_lines, self.prior = (self.add_up(pack.rows(f"fct_{name}_line")) for name in ("payout", "span", "prior"))
        self.alone, self.results = {}, {}

    def clause(self, row):
        return self.clauses[row["agreement_id"], row["agreement_version"], row["benefit_id"]]

    def block(self, on, months):
        """First and last day of the calendar's window of so many periods that holds a day."""
        at = bisect.bisect_right(self.periods, (on, dt.date.max, 99)) - 1
        if at < 0 or on > self.periods[at][1]:
            raise CannotRecompute(f"the calendar does not reach {on}")
        first = at - (self.periods[at][2] - 1) % months
        return self.periods[first][0], self.periods[first + months - 1][1]

    def whole_window(self, row):
        """The calendar's window before the term clips it."""
        clause, kind = self.clause(row), self.clause(row).benefit["window"]
        return tuple(day(clause.agreement["term"][key]) for key in ("from", "to")) if kind == "term" else self.block(day(row["window_start"]), MONTHS[kind])

    def part_of_window(self, row):
        """With `prorate: days`, the days of the window, or those on which the participant takes part, as a part of the calendar's."""
        if self.clause(row).benefit.get("prorate", "none") == "none":
            return ONE
        (first, last), of, who = self.whole_window(row), self.clause(row).agreement.get("pool", "each"), ("agreement_id", "participant_id")
        whole = {"valid_from": row["window_start"], "valid_to": row["window_end"], "factor": 1}
        named = [each for each in self.parts if of == "each" and all(each[key] == row[key] for key in who)] or [whole]
        spans = [(max(day(each["valid_from"]), day(row["window_start"])), min(day(each["valid_to"]), day(row["window_end"])), each["factor"]) for each in named]
        return sum(Fraction(factor) * max(0, (end - begin).days + 1) for begin, end, factor in spans) / ((last - first).days + 1)

    def is_last_of_span(self, row):
        """Whether no window of the benefit, begun or not, follows in the payout's span."""
        span, of_benefit = self.clause(row).benefit.get("accumulate", "window"), (row["agreement_id"], row["benefit_id"])
        ends = [self.versions[name, version]["windows_to"] for name, version, benefit in self.clauses if (name, benefit) == of_benefit]
        last = min(day(max(ends)), self.block(day(row["window_start"]), MONTHS[span])[1] if span in MONTHS else dt.date.max)
        return span == "window" or day(row["window_end"]) >= last

    def last_rate(self, source, target, on):  # the last direct rate on or before a day
        at = bisect.bisect_right(self.rates[source, target], (on, Fraction(10**30)))
        return self.rates[source, target][at - 1][1] if at else None

    def rate(self, clause, row):
        """1 of the line's currency in the agreement's; None where there is none."""
        how, to = clause.agreement.get("fx", "transaction_date"), clause.agreement["currency"]
        if row["currency"] == to:
            return ONE
        if isinstance(how, dict):
            return number(str(how["fixed"].get(row["currency"], "")))
        on = row["counted_date"] if how == "transaction_date" else self.block(day(row["counted_date"]), 1)[1].isoformat()
        direct, reverse = self.last_rate(row["currency"], to, on), self.last_rate(to, row["currency"], on)
        return 1 / reverse if direct is None and reverse and self.settings["inverts_rates"] else direct

    def pieces(self, clause, row, participant):
        """The parts of a line that count, as running shares; the whole line is (0, 1)."""
        if number(row["share"]) == 1:
            return [(ZERO, ONE)]
        found, end, is_pool = [], ZERO, clause.agreement.get("pool") == "together"
        for each in self.assignments[row["partner_id"]]:
            if (each["valid_from"] or "0001-01-01") <= row["counted_date"] <= (each["valid_to"] or "9999-12-31"):
                begin, end = end, end + Fraction(each["share_written"])
                if self.is_member(clause.agreement, each["participant_id"], row["counted_date"]) if is_pool else each["participant_id"] == participant:
                    found.append((begin, end))
        if self.has_credits or sum(high - low for low, high in found) != number(row["share"]):
            raise CannotRecompute(f"assignments (without credits) do not give the share {row['share']} of {row['transaction_id']}/{row['line']}")
        return found

    def is_member(self, agreement, partner_id, on):
        wanted = agreement["participants"]
        if isinstance(wanted, list):
            return partner_id in map(str, wanted)
        versions = (each for each in self.partners if each["partner_id"] == partner_id and each["valid_from"] <= on <= each["valid_to"])
        attributes = next(({**json.loads(each["attributes"] or "{}"), "partner_id": partner_id} for each in versions), None)
        return attributes is not None and all(
            str(attributes.get(key)) in map(str, values if isinstance(values, list) else [values]) for key, values in wanted.items()
        )

    def credited(self, clause, row, column, participant, deducted=ZERO):
        """An amount in the agreement's currency: converted and rounded, less what other agreements pay on it, and the participant's part of it."""
        step = Fraction(1, 10 ** self.settings["minor_units"][clause.agreement["currency"]])
        rounded = functools.partial(round_to, step=step, half_even=self.half_even)
        value = number(row[column])
        value = (value if row["currency"] == clause.agreement["currency"] else rounded(value * self.rate(clause, row))) - deducted
        return sum(value if high - low == 1 else rounded(value * high) - rounded(value * low) for low, high in self.pieces(clause, row, participant))

    def brings(self, kind, clause, row, participant):
        """What a line brings to a figure, or 0 and what lacks."""
        share = number(row["share"])
        if kind == "count":
            return ONE, None
        if kind == "quantity":
            return (round_to(number(row["quantity"]) * share, TINY), None) if row["quantity"] else (ZERO, "quantity")
        if kind not in ("amount", "margin"):
            return (round_to(number(row["measured_value"]) * share, TINY), None) if row["measured_value"] else (ZERO, "attribute")
        if self.rate(clause, row) is None:
            return ZERO, "fx"
        others = dict.fromkeys(map(str, clause.combine.get("agreements", [])))
        deducted = sum((self.deducted.get((other, row["source_sha256"], row["source_row"]), ZERO) for other in others), ZERO)
        amount = self.credited(clause, row, "amount", participant, deducted)
        if kind == "amount":
            return amount, None
        return (amount - self.credited(clause, row, "cost", participant), None) if row["cost"] else (ZERO, "cost")

    def add_up(self, rows):
        """The figures that the lines of each payout bring, computed anew from what the files say. A line that is split over tiers counts once."""
        totals = defaultdict(lambda: SimpleNamespace(total=defaultdict(Fraction), missing=defaultdict(set), problems=[]))
        for payout_id, group in itertools.groupby(rows, key=lambda row: row["payout_id"]):
            payout, found, lines = self.payouts[payout_id], totals[payout_id], {}
            clause = self.clause(payout)
            for row in group:
                found.total["shared"] += number(row.get("line_payout")) or ZERO
                if row["source_row"]:
                    first, sum_of_tiers = lines.get((row["source_sha256"], row["source_row"]), (row, ZERO))
                    lines[row["source_sha256"], row["source_row"]] = first, sum_of_tiers + (number(row["credited_measure"]) or ZERO)
            for row, credited in lines.values():
                for figure, kind in clause.sums.items():
                    if kind is None or row.get(f"is_in_{figure}", "true") == "false":
                        continue
                    value, lacks = self.brings(kind, clause, row, payout["participant_id"])
                    found.total[figure] += value
                    found.missing[figure] |= {lacks} - {None}
                    if figure == "measure" and value != credited:
                        found.problems.append(f"line {row['transaction_id']}/{row['line']} brings {shown(value)}, published {shown(credited)}")
        return totals

    def figures(self, row):
        """The figures of a participant over the span, without those it is compared with. `reasons`: why it is blocked. `own`: axes without comparison."""
        if row["payout_id"] in self.alone:
            return self.alone[row["payout_id"]]
        clause, part = self.clause(row), self.part_of_window(row)
        s = SimpleNamespace(reasons=[], own={}, x={}, ties={}, t=None, b=None, k=None)
        total, missing = defaultdict(Fraction), defaultdict(set)
        for each in self.series[tuple(row[key] for key in SERIES)]:
            # a version credits the days of its own windows, and anew those of earlier versions in the span
            if row["span_start"] <= each["window_start"] <= row["window_start"] and each["agreement_version"] == row["agreement_version"]:
                if self.roles[each["payout_id"]]["is_detailed"] != "true":
                    raise CannotRecompute(f"the pack has no lines of {each['payout_id']}, which this payout depends on")
                for lines in (self.lines[each["payout_id"]], *([self.span_lines[each["payout_id"]]] if each is row else [])):
                    for figure in clause.sums:
                        total[figure] += lines.total[figure]
                        missing[figure] |= lines.missing[figure]
        s.m = clause.multiples(total["measure"])
        s.q = s.m if clause.counts else total["quantity"]
        (s.t, of_target), (s.b, of_baseline), (s.k, _) = (self.reference(row, name, part) for name in ("target", "baseline", "incentive"))
        s.e = total["base"] if clause.sums["base"] else max(s.m - (s.b or ZERO), ZERO) if clause.is_increment else s.m
        lacking = missing["measure"] | missing["base"] | (missing["quantity"] if "per_unit" in clause.forms else set())
        of_prior = (of_target if clause.needs["target"] else set()) | (of_baseline if clause.needs["baseline"] else set())
        s.reasons = [name for name in MISSING if name in lacking] + [name for name in MISSING if name in of_prior]
        if clause.needs["target"] and (s.t is None or s.t <= 0):
            s.reasons.append("target_missing" if s.t is None else "target_not_positive")
        if clause.needs["baseline"] and (s.b is None or (s.b <= 0 and clause.needs["positive baseline"])):
            s.reasons.append("baseline_missing" if s.b is None else "baseline_not_positive")
        if not missing["measure"]:
            s.own["measure"] = s.m
            s.own.update({"attainment": s.m / s.t} if s.t is not None and s.t > 0 else {})
            s.own.update({"growth_amount": s.m - s.b} if s.b is not None else {})
            s.own.update({"growth": s.m / s.b - 1} if s.b is not None and s.b > 0 else {})
        for axis in clause.all_axes:
            if axis[0] in s.own:
                s.x[axis] = s.own[axis[0]]
            elif axis[0] == "metric":
                first, last = day(row["span_start"]), min(day(row["window_end"]), self.as_of)
                values = [value for on, value in self.metrics[row["participant_id"], axis[1]] if first <= on <= last]
                s.x.update({axis: values[-1]} if values else {})
                s.reasons += [] if values else ["metric_missing"]
            elif axis[0] in ("benefit", "score", "ratio"):
                raise CannotRecompute(f"this program does not know the axis {axis[0]}")
        s.reasons += ["incentive_missing"] if clause.needs["incentive"] and s.k is None else []
        self.alone[row["payout_id"]] = s
        return s

    def reference(self, row, name, part):
        """Target, baseline or incentive, and what lacks in the lines that it is a sum of. One from the prior year, and a baseline, are not prorated."""
        written = self.clause(row).benefit.get(name)
        if isinstance(written, dict) and "weights" in written:
            return Fraction(written["year"]) * self.weight_to_date(row, written["weights"]) * part, set()
        if isinstance(written, dict):
            prior = self.prior[row["payout_id"]]
            return (None if prior.missing["measure"] else prior.total["measure"] * Fraction(written.get("times", 1))), prior.missing["measure"]
        of_feed = self.targets.get(tuple(row[key] for key in (*SERIES, "window_start")), {})
        found = number(of_feed.get(name)) if written == "feed" else None if written is None else Fraction(written)
        return (found if found is None or name == "baseline" else found * part), set()

    def weight_to_date(self, row, weights):
        """The weights of the span's windows so far, as a part of those of a fiscal year."""
        months, on, found = MONTHS[self.clause(row).benefit["window"]], day(row["span_start"]), ZERO
        while on <= day(row["window_end"]):
            first, last = self.block(on, months)
            number_in_year = next(each[2] for each in self.periods if each[0] == first)
            found, on = found + Fraction(weights[(number_in_year - 1) // months]), last + dt.timedelta(days=1)
        return found / sum(map(Fraction, weights))

    def position(self, row):
        """The figures with ranks and percentiles among all participants of the agreement version."""
        s = self.figures(row)
        for axis in self.clause(row).all_axes:
            if axis[0] in ("rank", "percentile") and axis not in s.x and axis[1] in s.own:
                mine, everyone = s.own[axis[1]], [self.figures(other).own for other in self.peers[tuple(row[key] for key in PEERS)]]
                values = [own[axis[1]] for own in everyone if axis[1] in own]
                if axis[0] == "rank":
                    s.x[axis], s.ties[axis] = Fraction(1 + sum(value > mine for value in values)), values.count(mine)
                else:
                    s.x[axis] = Fraction(sum(value < mine for value in values), len(values) - 1) if len(values) > 1 else ONE
        return s

    def earn(self, row, result):
        """What the span earns before rounding: the curve, then multiplier, gates and limits in the order of the contract."""
        clause, s = self.clause(row), result.position
        benefit = prorate(clause.benefit, self.part_of_window(row))
        places = [s.x[axis] for axis in clause.axes]
        if "matrix" in benefit:
            result.curve, result.tier = matrix_pays(benefit, s, places)
        else:
            result.curve, result.tier = tiers_pay(benefit, clause.by, s, places[0])
            if clause.axes[0][0] == "rank" and benefit.get("ties") == "share":
                occupied = s.ties[clause.axes[0]]
                result.curve = sum(tiers_pay(benefit, clause.by, s, places[0] + i)[0] for i in range(occupied)) / Fraction(occupied)
        if "multiply" in benefit:
            result.multiplier = multiplier_at(benefit["multiply"], s.x[axis_of(benefit["multiply"]["by"])])
        for gate in benefit.get("requires", []):
            result.gate *= gate_keeps(gate, s.x[axis_of(gate["by"])])
        value = result.curve
        for step in benefit.get("order", ("multiply", "requires", "limits")):
            value = limit(benefit.get("limits", {}), value, s.e) if step == "limits" else value * (result.multiplier if step == "multiply" else result.gate)
        return value

    def settle(self, row):
        """The result of a payout and of the windows before it: each pays what the span has earned minus what its earlier windows did."""
        span, before, owed = None, ZERO, ZERO
        for each in self.series[tuple(row[key] for key in SERIES)]:
            if each["window_start"] > row["window_start"]:
                break
            if each["span_start"] != span:
                span, before = each["span_start"], ZERO
            clause = self.clause(each)
            versions = [other.agreement for (name, *_), other in self.clauses.items() if name == row["agreement_id"]]
            if each["payout_id"] in self.opened or any("limits" in agreed or agreed.get("amendment") == "from_date" for agreed in versions):
                raise CannotRecompute("this program does not know opening balances, limits of the agreement on the sum of its benefits, amendment: from_date")
            if unknown := clause.keys & {"then", "times", "distinct", "over", "each", "placed", "windows", "slices", "running", "draw"}:
                raise CannotRecompute(f"this program does not know {min(unknown)} of {clause.benefit['id']}")
            s = self.position(each)
            result = SimpleNamespace(position=s, reason=s.reasons[0] if s.reasons else "", curve=ZERO, tier=0, multiplier=ONE, gate=ONE)
            result.earned, result.prior, result.payout, rule = ZERO, before, ZERO, clause.benefit.get("settle", {}).get("clawback", "carry")
            if not result.reason:
                unit = Fraction(self.settings["units"][clause.agreement["currency"]])
                before = result.earned = round_to(self.earn(each, result), unit, self.half_even)
                difference = result.earned - result.prior - owed
                result.payout, owed = (difference, ZERO) if rule == "pay" else (max(difference, ZERO), max(-difference, ZERO))
            owed = ZERO if rule == "none" and self.is_last_of_span(each) else owed
            result.carried = owed
            self.results[each["payout_id"]] = result

    def result(self, row):
        """The result of a payout before other agreements of its group are looked at."""
        if row["payout_id"] not in self.results:
            self.settle(row)
        return self.results[row["payout_id"]]

    def combined(self, row):
        """The result of a payout; 0 where another agreement of a group of which only the best pays earns more."""
        found, combine = self.result(row), self.clause(row).combine
        if combine.get("rule") != "best" or found.reason:
            return found
        window, sums = self.whole_window(row)[0], defaultdict(Fraction)
        for other in self.groups[row["participant_id"], combine["group"]]:
            if self.whole_window(other)[0] == window and not self.result(other).reason:
                sums[self.clause(other).combine.get("priority", 1), other["agreement_id"]] += self.result(other).payout
        if min(sums, key=lambda key: (-sums[key], key))[1] != row["agreement_id"]:
            return SimpleNamespace(**{**vars(found), "payout": ZERO, "reason": "combined"})
        return found

    def differences(self, row):
        """How the recomputed payout differs from the published row, in words."""
        result, lines = self.combined(row), self.lines[row["payout_id"]]
        s = result.position
        expected = {"payout": result.payout, "prior_earned": result.prior, "carried": result.carried}
        if not s.reasons:
            expected.update(measure=s.m, base=s.e, target=s.t, baseline=s.b, incentive=s.k, axis_value=s.x[self.clause(row).axes[0]], tier=result.tier)
            expected.update(curve_payout=result.curve, multiplier=result.multiplier, gate_factor=result.gate, earned=result.earned)
        found = [f"{key} is {shown(value)}, published {row[key] or 'nothing'}" for key, value in expected.items() if published(value) != number(row[key])]
        if result.reason != row["status_reason"]:
            found.append(f"the reason is {result.reason or 'none'}, published {row['status_reason'] or 'none'}")
        if lines.total["shared"] != (number(row["payout"]) or ZERO):
            found.append(f"its lines add up to {shown(lines.total['shared'])}, published {row['payout']}")
        return [problem for each in (lines, self.span_lines[row["payout_id"]], self.prior[row["payout_id"]]) for problem in each.problems] + found


def recompute(book, payout_id):
    """One payout as an entry of the answer: it agrees, differs, cannot be recomputed, or has terms that are unknown here."""
    row = book.payouts.get(payout_id, {})
    found = {"payout_id": payout_id, "name": "/".join(row.get(key, "") for key in (*SERIES, "window_start")), "payout": ""}
    try:
        if not row:
            raise CannotRecompute("the pack does not have it")
        problems = book.differences(row)
        payout = f"{shown(book.combined(row).payout)} {row['currency']}"
        return {**found, "outcome": "differs" if problems else "agrees", "payout": payout, "problems": problems}
    except (CannotRecompute, KeyError, ValueError, TypeError, ZeroDivisionError) as error:
        why = str(error) if isinstance(error, CannotRecompute) else f"{type(error).__name__}: {error}"
        return {**found, "outcome": "unknown" if why.startswith("this program does not know") else "cannot", "problems": [why]}


def main(arguments):
    parser = argparse.ArgumentParser(description="Recompute the payouts of this pack and compare them with what was published.")
    parser.add_argument("pack", nargs="?", default=os.path.dirname(os.path.abspath(__file__)), help="the folder or the zip (default: where this file is)")
    parser.add_argument("--all", action="store_true", help="every payout of the period, not the sample alone")
    parser.add_argument("--payout", action="append", default=[], metavar="ID", help="this payout alone; may be repeated")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of text")
    asked = parser.parse_args(arguments)
    try:
        book = Book(Pack(asked.pack))
    except (CannotRecompute, OSError, KeyError, ValueError, StopIteration, zipfile.BadZipFile) as error:
        print(f"The pack cannot be read: {type(error).__name__}: {error}", file=sys.stderr)
        return 2
    role = "is_of_period" if asked.all else "is_chosen"
    answers = [recompute(book, each) for each in asked.payout or [key for key, row in book.roles.items() if row[role] == "true"]]
    counts = {outcome: sum(each["outcome"] == outcome for each in answers) for outcome in ("agrees", "differs", "cannot", "unknown")}
    if asked.json:
        print(json.dumps({**counts, "payouts": answers}, indent=1))
    else:
        for each in answers:
            print(f"{each['outcome']:<8}{each['payout_id']}  {each['name']}  {each['payout']}".rstrip(), *each["problems"], sep="\n            ")
        print(f"{counts['agrees']} agree, {counts['differs']} differ, {counts['cannot']} could not be recomputed, {counts['unknown']} have unknown terms")
    return 2 if counts["cannot"] or counts["unknown"] else 1 if counts["differs"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
