"""Recompute the payouts of this pack: python3 recompute.py [--all] [--payout ID] [--json] [PACK]

Needs Python 3.9 or later and nothing else: no package, no network, no Tierledger. Reads the pack (this folder, or the zip) and writes nothing.

It starts from the lines as the files have them (amount, quantity, cost), the exchange rates, shares, targets and metrics, and the agreements as they were
signed off. It computes in fractions what each agreement pays, rounds once, and compares with what was published. It does not read how the program that wrote
the pack came to its results (fct_calculation_step), and shares no code with it.

Exit code 0: every payout agrees. 1: at least one differs. 2: at least one could not be recomputed, or the pack cannot be read.
"""

import argparse
import copy
import csv
import datetime as dt
import hashlib
import io
import itertools
import json
import os
import sys
import zipfile
from collections import defaultdict
from fractions import Fraction

ZERO, ONE = Fraction(0), Fraction(1)
FORMS = ("rate", "per_unit", "amount", "share")
MONTHS = {"month": 1, "quarter": 3, "half_year": 6, "year": 12}
#: Why a line has no value, in the order in which reasons are given.
MISSING = ("fx", "cost", "quantity", "attribute")
DAY = dt.timedelta(days=1)


class CannotRecompute(Exception):
    """The pack does not hold what this payout needs."""


# -- the pack ---------------------------------------------------------------------------------------------------------


class Pack:
    """The files of the pack, in a folder or in the zip."""

    def __init__(self, place):
        self.zip = zipfile.ZipFile(place) if os.path.isfile(place) else None
        self.place = place
        self.names = set(self.zip.namelist()) if self.zip else None

    def has(self, name):
        return name in self.names if self.zip else os.path.isfile(os.path.join(self.place, name))

    def open(self, name):
        stream = self.zip.open(name) if self.zip else open(os.path.join(self.place, name), "rb")
        return io.TextIOWrapper(stream, encoding="utf-8", newline="")

    def json(self, name):
        with self.open(name) as stream:
            return json.loads(stream.read())

    def rows(self, table):
        """The rows of a table; none where the pack does not have it."""
        if self.has(f"tables/{table}.csv"):
            with self.open(f"tables/{table}.csv") as stream:
                yield from csv.DictReader(stream)


def number(text):
    """A number as it is written, exactly. Empty: None."""
    return None if text is None or text == "" else Fraction(text)


def day(text):
    return dt.date.fromisoformat(text)


def round_to(value, step, half_even=False):
    """To the nearest multiple of step; a half away from zero, or to the even neighbour."""
    whole, rest = divmod(abs(value) / step, 1)
    up = rest > Fraction(1, 2) or (rest == Fraction(1, 2) and (not half_even or whole % 2 == 1))
    return (whole + up) * step * (1 if value >= 0 else -1)


# -- the axis: where a participant stands -----------------------------------------------------------------------------


def axis_of(by):
    """`by` as (kind, of what): ("growth", ""), ("rank", "attainment"), ("metric", "nps")."""
    if isinstance(by, dict):
        ((kind, of),) = by.items()
        return kind, of
    return (by, "measure") if by in ("rank", "percentile") else (by, "")


def curve_axes(benefit):
    if "matrix" in benefit:
        return [axis_of(benefit["matrix"][side]["by"]) for side in ("rows", "columns")]
    return [axis_of(benefit.get("by", "measure"))]


def all_axes(benefit):
    others = list(benefit.get("requires", []))
    others += [benefit["multiply"]] if "multiply" in benefit else []
    return curve_axes(benefit) + [axis_of(other["by"]) for other in others]


def forms_of(benefit):
    if "matrix" in benefit:
        return set(benefit["matrix"]) & set(FORMS)
    return {form for tier in benefit["tiers"] for form in tier} & set(FORMS)


def needs(benefit, figure):
    """Whether the benefit needs its target, baseline, a positive baseline, or incentive."""
    own = {of if kind in ("rank", "percentile") else kind for kind, of in all_axes(benefit)}
    if figure == "target":
        return "attainment" in own
    if figure == "positive baseline":
        return "growth" in own
    if figure == "baseline":
        return bool(own & {"growth", "growth_amount"}) or benefit.get("base") == "increment"
    return "share" in forms_of(benefit)


# -- the curve: what a place pays -------------------------------------------------------------------------------------


class Position:
    """The figures of one payout over its span. `reasons`: why it is blocked. `x`, `ties`: by axis."""

    def __init__(self):
        self.m = self.e = self.q = ZERO
        self.t = self.b = self.k = None
        self.reasons, self.own, self.x, self.ties = [], {}, {}, {}


def place(points, x, strictly):
    """The last point with from <= x, or from < x; 0: below the first."""
    return sum(1 for point in points if point < x or (point == x and not strictly))


def is_strict(part, by):
    return part.get("boundary") == "upper_inclusive" and part.get("method") != "linear" and axis_of(by)[0] != "rank"


def numbers_of(tiers):
    return [{key: Fraction(value) for key, value in tier.items()} for tier in tiers]


def paid_at(y, s):
    """rate x E + per_unit x Q + amount + share x K"""
    return y.get("rate", ZERO) * s.e + y.get("per_unit", ZERO) * s.q + y.get("amount", ZERO) + y.get("share", ZERO) * (s.k or ZERO)


def in_measure(by, threshold, s):
    """A threshold in units of the measure."""
    if by == "attainment":
        return threshold * s.t
    if by == "growth":
        return (1 + threshold) * s.b
    return s.b + threshold if by == "growth_amount" else threshold


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


def tiers_pay(benefit, s, x):
    """What the tiers pay at x, and the tier."""
    tiers, method, by = numbers_of(benefit["tiers"]), benefit.get("method", "whole"), benefit.get("by", "measure")
    tier = place([t["from"] for t in tiers], x, is_strict(benefit, by))
    if tier == 0:
        return ZERO, 0
    if method == "whole":
        return paid_at(tiers[tier - 1], s), tier
    if method == "linear":
        return paid_at(interpolate(tiers, x, tier, benefit.get("above", "hold")), s), tier
    if method == "total":
        return sum((t.get("rate", ZERO) * s.e for t in tiers[:tier]), ZERO), tier
    if method == "rolling":
        ends = [in_measure(by, t["from"], s) for t in tiers[1:]]
        return sum((t.get("rate", ZERO) * (min(s.m, ends[i]) if i < len(ends) else s.m) for i, t in enumerate(tiers[:tier])), ZERO), tier
    if method != "graduated":
        raise CannotRecompute(f"method {method} is not known here")
    total = ZERO
    for i, one in enumerate(tiers):
        low, high = one["from"], tiers[i + 1]["from"] if i + 1 < len(tiers) else None
        begin, end = in_measure(by, low, s), None if high is None else in_measure(by, high, s)
        inside = max(ZERO, (s.m if end is None else min(s.m, end)) - begin) if s.m > 0 else ZERO
        if inside:
            total += inside * (one.get("rate", ZERO) * s.e / s.m + one.get("per_unit", ZERO) * s.q / s.m)
        if i < tier:
            total += one.get("amount", ZERO)
        total += one.get("share", ZERO) * max(ZERO, (x if high is None else min(x, high)) - low) * (s.k or ZERO)
    return total, tier


def matrix_pays(benefit, s, row_x, column_x):
    """What the grid pays, and its row as tier. Nothing below its first row or column; its last ones have no end."""
    matrix = benefit["matrix"]
    linear = matrix.get("method", "whole") == "linear"
    ends = []
    for side, x in (("rows", row_x), ("columns", column_x)):
        froms = [Fraction(value) for value in matrix[side]["from"]]
        at = place(froms, x, not linear and is_strict({"boundary": benefit.get("boundary")}, matrix[side]["by"]))
        if at == 0:
            return ZERO, 0
        part = (x - froms[at - 1]) / (froms[at] - froms[at - 1]) if linear and at < len(froms) else ZERO
        ends.append((at - 1, part))
    (r, u), (c, v) = ends
    corners = ((r, c, (1 - u) * (1 - v)), (r + 1, c, u * (1 - v)), (r, c + 1, (1 - u) * v), (r + 1, c + 1, u * v))
    y = {form: sum((weight * Fraction(matrix[form][i][j]) for i, j, weight in corners if weight), ZERO) for form in set(matrix) & set(FORMS)}
    return paid_at(y, s), r + 1


def multiplier_at(multiply, x):
    tiers = numbers_of(multiply["tiers"])
    tier = place([t["from"] for t in tiers], x, is_strict(multiply, multiply["by"]))
    if tier == 0:
        return ZERO
    linear = multiply.get("method") == "linear"
    return (interpolate(tiers, x, tier, multiply.get("above", "hold")) if linear else tiers[tier - 1]).get("factor", ZERO)


def gate_keeps(gate, x):
    """1 where every bound of the gate holds, else what is still paid."""
    fails = ("at_least" in gate and x < Fraction(gate["at_least"])) or ("above" in gate and x <= Fraction(gate["above"]))
    fails = fails or ("at_most" in gate and x > Fraction(gate["at_most"])) or ("below" in gate and x >= Fraction(gate["below"]))
    return Fraction(gate.get("otherwise", 0)) if fails else ONE


def limit(limits, value):
    """at_most caps, then less than pays_from pays 0, then at_least lifts."""
    if "at_most" in limits:
        value = min(value, Fraction(limits["at_most"]))
    if "pays_from" in limits and value < Fraction(limits["pays_from"]):
        value = ZERO
    return max(value, Fraction(limits["at_least"])) if "at_least" in limits else value


def prorate(benefit, part):
    """The benefit with amounts, and thresholds in units of the measure, times the part of the window that is in the term."""
    if part == 1:
        return benefit

    def scaled(tiers, by):
        keys = ("amount", "from") if axis_of(by)[0] in ("measure", "growth_amount") else ("amount",)
        return [{key: Fraction(value) * part if key in keys else value for key, value in tier.items()} for tier in tiers]

    found = dict(benefit)
    if "tiers" in benefit:
        found["tiers"] = scaled(benefit["tiers"], benefit.get("by", "measure"))
    if "multiply" in benefit:
        found["multiply"] = dict(benefit["multiply"], tiers=scaled(benefit["multiply"]["tiers"], benefit["multiply"]["by"]))
    return found


# -- the lines: what they bring ---------------------------------------------------------------------------------------


class Sums:
    """What the lines of one payout bring to each figure, and which kinds of values lack. `shared`: their parts of the payout."""

    def __init__(self):
        self.total = {"measure": ZERO, "base": ZERO, "quantity": ZERO, "shared": ZERO}
        self.missing = {"measure": set(), "base": set(), "quantity": set()}
        self.problems = []


class Money:
    """How a line's amounts become the agreement's: converted and rounded, less what other agreements pay on it, and the participant's part of it."""

    def __init__(self, book, agreement):
        self.book, self.agreement, self.currency = book, agreement, agreement["currency"]
        self.step = Fraction(1, 10 ** book.settings["minor_units"][self.currency])

    def rate(self, row):
        """1 of the line's currency in the agreement's, from the published rates; None where there is none."""
        how = self.agreement.get("fx", "transaction_date")
        if isinstance(how, dict):
            return number(str(how["fixed"].get(row["currency"], "")))
        on = day(row["counted_date"])
        if how == "period_end":
            on = self.book.block(on, 1)[1]
        direct = self.book.last_rate(row["currency"], self.currency, on)
        if direct is not None or not self.book.settings["inverts_rates"]:
            return direct
        reverse = self.book.last_rate(self.currency, row["currency"], on)
        return None if reverse is None else 1 / reverse

    def credited(self, row, column, deducted=ZERO):
        value = number(row[column])
        if row["currency"] != self.currency:
            value = self.rounded(value * self.rate(row))
        value -= deducted
        # round(value x running share) minus what came before
        return sum((self.rounded(value * high) - self.rounded(value * low) if high - low != 1 else value) for low, high in self.book.pieces(self.agreement, row))

    def rounded(self, value):
        return round_to(value, self.step, self.book.half_even)


def figure_of(kind, row, money, deducted):
    """What a line brings to a figure, or (0, what lacks)."""
    share = number(row["share"])
    if kind == "count":
        return ONE, None
    if kind == "quantity":
        return (number(row["quantity"]) * share, None) if row["quantity"] else (ZERO, "quantity")
    if kind not in ("amount", "margin"):
        return (number(row["measured_value"]) * share, None) if row["measured_value"] else (ZERO, "attribute")
    if row["currency"] != money.currency and money.rate(row) is None:
        return ZERO, "fx"
    amount = money.credited(row, "amount", deducted)
    if kind == "amount":
        return amount, None
    return (amount - money.credited(row, "cost"), None) if row["cost"] else (ZERO, "cost")


def kinds_of(benefit):
    """What measure, base and quantity are sums of. A base of None is the measure itself, or its increment."""
    measure, base = benefit.get("measure", "amount"), benefit.get("base", "measure")
    measure = measure["of"] if isinstance(measure, dict) else measure
    base = base["of"] if isinstance(base, dict) else base
    return {"measure": measure, "base": None if base in ("measure", "increment") else base, "quantity": "quantity"}


# -- the book: from rows to results -----------------------------------------------------------------------------------


class Result:
    """What one payout comes to. `reason`: why it is blocked, or `combined`."""

    def __init__(self, position):
        self.position, self.reason = position, position.reasons[0] if position.reasons else ""
        self.curve, self.multiplier, self.gate, self.tier = ZERO, ONE, ONE, 0
        self.earned = self.prior = self.payout = self.carried = ZERO


class Book:
    """The pack's tables by key, and every result that was asked for."""

    def __init__(self, pack):
        about = pack.json("pack.json")
        self.settings, self.as_of = about["settings"], day(about["as_of"])
        self.half_even = self.settings["rounding"] == "half_even"
        self.payouts = {row["payout_id"]: row for row in pack.rows("fct_payout")}
        self.series = defaultdict(list)
        for row in sorted(self.payouts.values(), key=lambda row: row["window_start"]):
            self.series[row["agreement_id"], row["benefit_id"], row["participant_id"]].append(row)
        self.versions = {}
        for row in pack.rows("dim_agreement"):
            name = f"agreements/{row['content_sha256']}.json"
            with pack.open(name) as stream:
                text = stream.read()
            if hashlib.sha256(text.encode()).hexdigest() != row["content_sha256"]:
                raise CannotRecompute(f"{name} is not the agreement of that hash")
            self.versions[row["agreement_id"], row["agreement_version"]] = (json.loads(text), row)
        self.periods = sorted((day(row["first_day"]), day(row["last_day"]), int(row["period_number"])) for row in pack.rows("dim_period"))
        self.rates = defaultdict(list)
        for row in pack.rows("dim_fx_rate"):
            if day(row["date"]) <= self.as_of:
                self.rates[row["from_currency"], row["to_currency"]].append((day(row["date"]), Fraction(row["rate"])))
        self.targets = {(row["agreement_id"], row["benefit_id"], row["participant_id"], row["window_start"]): row for row in pack.rows("dim_target")}
        self.metrics = defaultdict(list)
        for row in pack.rows("dim_metric"):
            self.metrics[row["participant_id"], row["metric"]].append((day(row["date"]), Fraction(row["value"])))
        self.assignments = defaultdict(list)
        for row in sorted(pack.rows("dim_assignment"), key=lambda row: row["participant_id"]):
            self.assignments[row["partner_id"]].append(row)
        self.partners = list(pack.rows("dim_partner"))
        self.deducted = defaultdict(lambda: defaultdict(Fraction))
        for row in pack.rows("net_of_line"):
            self.deducted[row["agreement_id"]][row["source_sha256"], row["source_row"]] += Fraction(row["line_payout"])
        self.roles = {row["payout_id"]: row for row in pack.rows("pack_payout")}
        self.sums, self.prior, self.positions, self.results = defaultdict(Sums), defaultdict(Sums), {}, {}
        self.add_up(pack.rows("fct_payout_line"), self.sums)
        self.add_up(pack.rows("fct_prior_line"), self.prior)

    # -- terms and days

    def terms(self, row):
        """The agreement version that values a payout, and its benefit."""
        agreement = self.versions[row["agreement_id"], row["agreement_version"]][0]
        return agreement, next(each for each in agreement["benefits"] if str(each["id"]) == row["benefit_id"])

    def block(self, on, months):
        """First and last day of the calendar's window of so many periods that holds a day."""
        at = next((i for i, (first, last, _) in enumerate(self.periods) if first <= on <= last), None)
        if at is None:
            raise CannotRecompute(f"the calendar does not reach {on}")
        first = at - (self.periods[at][2] - 1) % months
        return self.periods[first][0], self.periods[first + months - 1][1]

    def whole_window(self, row, agreement, benefit):
        """The calendar's window before the term clips it."""
        if benefit["window"] == "term":
            return day(agreement["term"]["from"]), day(agreement["term"]["to"])
        return self.block(day(row["window_start"]), MONTHS[benefit["window"]])

    def part_of_window(self, row, agreement, benefit):
        if benefit.get("prorate", "none") == "none":
            return ONE
        first, last = self.whole_window(row, agreement, benefit)
        return Fraction((day(row["window_end"]) - day(row["window_start"])).days + 1, (last - first).days + 1)

    def is_last_of_span(self, row, agreement, benefit):
        """Whether no window of the agreement, begun or not, follows in the payout's span."""
        ends = [day(version["windows_to"]) for (name, _), (document, version) in self.versions.items()
                if name == row["agreement_id"] and version["windows_to"] and any(str(b["id"]) == row["benefit_id"] for b in document["benefits"])]
        last, span = max(ends), benefit.get("accumulate", "window")
        if span == "year":
            last = min(last, self.block(day(row["window_start"]), 12)[1])
        return span == "window" or day(row["window_end"]) >= last

    # -- lines

    def last_rate(self, source, target, on):
        """The last direct rate on or before a day."""
        return max(((date, rate) for date, rate in self.rates[source, target] if date <= on), default=(None, None))[1]

    def pieces(self, agreement, row):
        """The parts of a line that count, as running shares; the whole line is (0, 1)."""
        if number(row["share"]) == 1:
            return [(ZERO, ONE)]
        found, end = [], ZERO
        for each in self.assignments[row["partner_id"]]:
            if not (each["valid_from"] or "0001-01-01") <= row["counted_date"] <= (each["valid_to"] or "9999-12-31"):
                continue
            begin, end = end, end + Fraction(each["share"])
            if each["participant_id"] == row["participant_id"] or (agreement.get("pool") == "together" and self.is_member(agreement, each, row)):
                found.append((begin, end))
        if sum((high - low for low, high in found), ZERO) != number(row["share"]):
            raise CannotRecompute(f"the assignments of {row['partner_id']} do not give the share {row['share']} of {row['transaction_id']}/{row['line']}")
        return found

    def is_member(self, agreement, assignment, row):
        wanted = agreement["participants"]
        if isinstance(wanted, list):
            return assignment["participant_id"] in map(str, wanted)
        version = next((each for each in self.partners if each["partner_id"] == assignment["participant_id"]
                        and each["valid_from"] <= row["counted_date"] <= each["valid_to"]), None)
        return version is not None and all(matches(attribute_of(version, key), values) for key, values in wanted.items())

    def add_up(self, rows, sums):
        """Adds the figures of every line to those of its payout, computed anew from what the file says. A line split over tiers counts once."""
        for payout_id, group in itertools.groupby(rows, key=lambda row: row["payout_id"]):
            payout = self.payouts[payout_id]
            agreement, benefit = self.terms(payout)
            money, kinds, found, lines = Money(self, agreement), kinds_of(benefit), sums[payout_id], {}
            nets = agreement.get("combine", {}).get("agreements", [])
            for row in group:
                found.total["shared"] += number(row.get("line_payout")) or ZERO
                if row["source_row"]:
                    first, credited = lines.get((row["source_sha256"], row["source_row"]), (row, ZERO))
                    lines[row["source_sha256"], row["source_row"]] = first, credited + (number(row["credited_measure"]) or ZERO)
            for key, (row, credited) in lines.items():
                row["participant_id"] = payout["participant_id"]
                deducted = sum((self.deducted[str(other)][key] for other in dict.fromkeys(nets)), ZERO)
                for figure, kind in kinds.items():
                    if kind is None or row.get(f"is_in_{figure}", "true") == "false":
                        continue
                    value, lacks = figure_of(kind, row, money, deducted)
                    found.total[figure] += value
                    found.missing[figure] |= {lacks} - {None}
                    if figure == "measure" and value != credited:
                        found.problems.append(f"line {row['transaction_id']}/{row['line']} brings {shown(value)}, published {shown(credited)}")

    # -- positions

    def span_of(self, row):
        """The payouts whose windows make up the span, this one's being the last."""
        windows = self.series[row["agreement_id"], row["benefit_id"], row["participant_id"]]
        return [each for each in windows if row["span_start"] <= each["window_start"] <= row["window_start"]]

    def alone(self, payout_id):
        """The position of a participant without those it is compared with."""
        if payout_id in self.positions:
            return self.positions[payout_id]
        row = self.payouts[payout_id]
        agreement, benefit = self.terms(row)
        kinds, part = kinds_of(benefit), self.part_of_window(row, agreement, benefit)
        s, missing = Position(), {"measure": set(), "base": set(), "quantity": set()}
        total = defaultdict(Fraction)
        for each in self.span_of(row):
            if self.roles.get(each["payout_id"], {}).get("is_detailed") != "true":
                raise CannotRecompute(f"the pack has no lines of {each['payout_id']}, which this payout depends on")
            for figure in missing:
                total[figure] += self.sums[each["payout_id"]].total[figure]
                missing[figure] |= self.sums[each["payout_id"]].missing[figure]
        s.m, s.q = total["measure"], total["quantity"]
        lacking = missing["measure"] | missing["base"] | (missing["quantity"] if "per_unit" in forms_of(benefit) else set())
        s.t, of_target = self.reference(row, benefit, "target", part)
        s.b, of_baseline = self.reference(row, benefit, "baseline", ONE)
        s.k, _ = self.reference(row, benefit, "incentive", part)
        s.e = total["base"] if kinds["base"] else s.m if benefit.get("base", "measure") != "increment" else max(s.m - (s.b or ZERO), ZERO)
        of_prior = (of_target if needs(benefit, "target") else set()) | (of_baseline if needs(benefit, "baseline") else set())
        s.reasons = [name for name in MISSING if name in lacking] + [name for name in MISSING if name in of_prior]
        if needs(benefit, "target") and (s.t is None or s.t <= 0):
            s.reasons.append("target_missing" if s.t is None else "target_not_positive")
        if needs(benefit, "baseline") and s.b is None:
            s.reasons.append("baseline_missing")
        elif needs(benefit, "positive baseline") and s.b <= 0:
            s.reasons.append("baseline_not_positive")
        if not missing["measure"]:
            s.own["measure"] = s.m
            if s.t is not None and s.t > 0:
                s.own["attainment"] = s.m / s.t
            if s.b is not None:
                s.own["growth_amount"] = s.m - s.b
                if s.b > 0:
                    s.own["growth"] = s.m / s.b - 1
        for axis in sorted(set(all_axes(benefit))):
            if axis[0] == "metric":
                values = [(on, value) for on, value in self.metrics[row["participant_id"], axis[1]]
                          if day(row["span_start"]) <= on <= min(day(row["window_end"]), self.as_of)]
                if values:
                    s.x[axis] = max(values)[1]
                else:
                    s.reasons.append("metric_missing")
            elif axis[0] in s.own:
                s.x[axis] = s.own[axis[0]]
        if needs(benefit, "incentive") and s.k is None:
            s.reasons.append("incentive_missing")
        self.positions[payout_id] = s
        return s

    def reference(self, row, benefit, name, part):
        """Target, baseline or incentive, and what lacks in the lines that it is a sum of."""
        written = benefit.get(name)
        if written is None:
            return None, set()
        if isinstance(written, dict):
            prior = self.prior[row["payout_id"]]
            found = None if prior.missing["measure"] else prior.total["measure"] * Fraction(written.get("times", 1))
            return found, prior.missing["measure"]
        if written == "feed":
            found = number(self.targets.get((row["agreement_id"], row["benefit_id"], row["participant_id"], row["window_start"]), {}).get(name))
        else:
            found = Fraction(written)
        return None if found is None else found * part, set()

    def position(self, payout_id):
        """The position with ranks and percentiles among all participants of the agreement version."""
        s, row = self.alone(payout_id), self.payouts[payout_id]
        compared = [axis for axis in all_axes(self.terms(row)[1]) if axis[0] in ("rank", "percentile") and axis not in s.x]
        for axis in compared:
            peers = [other for other in self.payouts.values() if all(other[key] == row[key] for key in PEERS)]
            everyone = [values[axis[1]] for values in (self.alone(other["payout_id"]).own for other in peers) if axis[1] in values]
            if axis[1] not in s.own:
                continue
            mine = s.own[axis[1]]
            if axis[0] == "rank":
                s.x[axis], s.ties[axis] = Fraction(1 + sum(value > mine for value in everyone)), everyone.count(mine)
            else:
                s.x[axis] = Fraction(sum(value < mine for value in everyone), len(everyone) - 1) if len(everyone) > 1 else ONE
        return s

    # -- results

    def earn(self, row, result):
        """What the span earns before rounding: the curve, then multiplier, gates and limits in the order of the contract."""
        agreement, benefit = self.terms(row)
        benefit = prorate(benefit, self.part_of_window(row, agreement, benefit))
        s, axes = result.position, curve_axes(benefit)
        if "matrix" in benefit:
            result.curve, result.tier = matrix_pays(benefit, s, s.x[axes[0]], s.x[axes[1]])
        else:
            result.curve, result.tier = tiers_pay(benefit, s, s.x[axes[0]])
            if axes[0][0] == "rank" and benefit.get("ties") == "share":
                occupied = s.ties[axes[0]]
                result.curve = sum((tiers_pay(benefit, s, s.x[axes[0]] + i)[0] for i in range(occupied)), ZERO) / occupied
        if "multiply" in benefit:
            result.multiplier = multiplier_at(benefit["multiply"], s.x[axis_of(benefit["multiply"]["by"])])
        for gate in benefit.get("requires", []):
            result.gate *= gate_keeps(gate, s.x[axis_of(gate["by"])])
        value = result.curve
        for step in benefit.get("order", ("multiply", "requires", "limits")):
            value = limit(benefit.get("limits", {}), value) if step == "limits" else value * (result.multiplier if step == "multiply" else result.gate)
        return value

    def settle(self, key):
        """The results of a benefit and participant, window by window: each pays what the span has earned minus what its earlier windows did."""
        span, before, owed = None, ZERO, ZERO
        for row in self.series[key]:
            if self.roles.get(row["payout_id"], {}).get("is_detailed") != "true":
                return
            agreement, benefit = self.terms(row)
            if row["span_start"] != span:
                span, before = row["span_start"], ZERO
            result = Result(self.position(row["payout_id"]))
            result.prior, rule = before, benefit.get("settle", {}).get("clawback", "carry")
            if not result.reason:
                before = result.earned = round_to(self.earn(row, result), Fraction(self.settings["units"][agreement["currency"]]), self.half_even)
                difference = result.earned - result.prior - owed
                result.payout, owed = (difference, ZERO) if rule == "pay" else (max(difference, ZERO), max(-difference, ZERO))
            if rule == "none" and self.is_last_of_span(row, agreement, benefit):
                owed = ZERO
            result.carried = owed
            self.results[row["payout_id"]] = result

    def alone_result(self, payout_id):
        """The result of a payout before other agreements of its group are looked at."""
        if payout_id not in self.results:
            row = self.payouts[payout_id]
            self.settle((row["agreement_id"], row["benefit_id"], row["participant_id"]))
        if payout_id not in self.results:
            raise CannotRecompute(f"the pack has no lines of {payout_id}")
        return self.results[payout_id]

    def result(self, payout_id):
        """The result of a payout; 0 where another agreement of its group pays more."""
        found, row = self.alone_result(payout_id), self.payouts[payout_id]
        agreement, benefit = self.terms(row)
        combine = agreement.get("combine", {})
        if combine.get("rule") != "best" or found.reason:
            return found
        window, sums, order = self.whole_window(row, agreement, benefit), defaultdict(Fraction), {}
        for other in self.payouts.values():
            terms, clause = self.terms(other)
            theirs = terms.get("combine", {})
            if other["participant_id"] != row["participant_id"] or (theirs.get("rule"), theirs.get("group")) != ("best", combine["group"]):
                continue
            if self.whole_window(other, terms, clause)[0] == window[0] and not self.alone_result(other["payout_id"]).reason:
                sums[other["agreement_id"]] += self.alone_result(other["payout_id"]).payout
                order[other["agreement_id"]] = theirs.get("priority", 1), other["agreement_id"]
        if min(sums, key=lambda name: (-sums[name], order[name])) != row["agreement_id"]:
            found = copy.copy(found)
            found.payout, found.reason = ZERO, "combined"
        return found

    # -- comparison

    def differences(self, payout_id):
        """How the recomputed payout differs from the published row, in words."""
        result, row = self.result(payout_id), self.payouts[payout_id]
        s = result.position
        figures = {"payout": result.payout, "prior_earned": result.prior, "carried": result.carried}
        if not s.reasons:
            benefit = self.terms(row)[1]
            figures.update(
                measure=s.m, base=s.e, target=s.t, baseline=s.b, incentive=s.k, axis_value=s.x[curve_axes(benefit)[0]], tier=result.tier,
                curve_payout=result.curve, multiplier=result.multiplier, gate_factor=result.gate, earned=result.earned,
            )
        found = [f"{name} is {shown(value)}, published {row[name] or 'nothing'}" for name, value in figures.items() if not is_shown(value, row[name])]
        if result.reason != row["status_reason"]:
            found.append(f"the reason is {result.reason or 'none'}, published {row['status_reason'] or 'none'}")
        sums = self.sums[payout_id]
        if sums.total["shared"] != (number(row["payout"]) or ZERO):
            found.append(f"the lines add up to {shown(sums.total['shared'])}, published {row['payout']}")
        return found + sums.problems + self.prior[payout_id].problems


#: What the payouts of participants that are compared have in common.
PEERS = ("agreement_id", "agreement_version", "benefit_id", "window_start")


def attribute_of(partner, key):
    return partner["partner_id"] if key == "partner_id" else json.loads(partner["attributes"] or "{}").get(key)


def matches(value, wanted):
    return value is not None and str(value) in map(str, wanted if isinstance(wanted, list) else [wanted])


def is_shown(value, published):
    """Whether a published figure, which has 12 decimals, is this one."""
    return (None if value is None else round_to(Fraction(value), Fraction(1, 10**12))) == number(published)


def shown(value):
    """A figure as people read it: exact up to 12 decimals, else with dots."""
    if value is None:
        return "nothing"
    scaled = round_to(value, Fraction(1, 10**12))
    whole, rest = divmod(abs(scaled), 1)
    digits = f"{int(rest * 10**12):012d}".rstrip("0")
    return ("-" if value < 0 else "") + str(int(whole)) + (f".{digits}" if digits else "") + ("" if scaled == value else "...")


def main(arguments):
    parser = argparse.ArgumentParser(description="Recompute the payouts of this pack and compare them with what was published.")
    parser.add_argument("pack", nargs="?", default=os.path.dirname(os.path.abspath(__file__)), help="the pack: a folder or the zip (default: where this file is)")
    parser.add_argument("--all", action="store_true", help="every payout of the period, not the sample alone")
    parser.add_argument("--payout", action="append", default=[], metavar="ID", help="this payout alone; may be repeated")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of text")
    asked = parser.parse_args(arguments)
    try:
        book = Book(Pack(asked.pack))
    except (CannotRecompute, OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        print(f"The pack cannot be read: {type(error).__name__}: {error}", file=sys.stderr)
        return 2
    role = "is_of_period" if asked.all else "is_chosen"
    wanted = asked.payout or [payout_id for payout_id, row in book.roles.items() if row[role] == "true"]
    outcomes = []
    for payout_id in wanted:
        row = book.payouts.get(payout_id, {})
        named = "/".join(row.get(key, "?") for key in ("agreement_id", "benefit_id", "participant_id", "window_start"))
        try:
            if not row:
                raise CannotRecompute("the pack does not have it")
            problems = book.differences(payout_id)
            outcomes.append({"payout_id": payout_id, "name": named, "outcome": "differs" if problems else "agrees", "problems": problems,
                             "payout": shown(book.result(payout_id).payout), "currency": row["currency"]})
        except (CannotRecompute, KeyError, ValueError, TypeError, ZeroDivisionError) as error:
            message = str(error) if isinstance(error, CannotRecompute) else f"{type(error).__name__}: {error}"
            outcomes.append({"payout_id": payout_id, "name": named, "outcome": "cannot", "problems": [message], "payout": None, "currency": None})
    counts = {outcome: sum(each["outcome"] == outcome for each in outcomes) for outcome in ("agrees", "differs", "cannot")}
    if asked.json:
        print(json.dumps({**counts, "payouts": outcomes}, indent=1))
    else:
        for each in outcomes:
            print(f"{each['outcome']:<8} {each['payout_id']}  {each['name']}  {each['payout'] or ''} {each['currency'] or ''}".rstrip())
            for problem in each["problems"]:
                print(f"           {problem}")
        print(f"{counts['agrees']} agree, {counts['differs']} differ, {counts['cannot']} could not be recomputed")
    return 2 if counts["cannot"] else 1 if counts["differs"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
