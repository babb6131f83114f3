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
import json
import operator
import os
import sys
import zipfile
from collections import defaultdict
from decimal import Decimal
from fractions import Fraction
from types import SimpleNamespace

ZERO, ONE, TINY, FORMS = Fraction(0), Fraction(1), Fraction(1, 10**12), ("rate", "per_unit", "amount", "share")
NOTHING = dict.fromkeys((*FORMS, "factor"), ZERO)
MONTHS = {"month": 1, "quarter": 3, "half_year": 6, "year": 12}
MISSING = ("fx", "cost", "quantity", "attribute")  # why a line has no value, in the order in which reasons are given
BOUNDS = {"at_least": operator.ge, "above": operator.gt, "at_most": operator.le, "below": operator.lt}
#: What the payouts of participants that are compared have in common, and the windows of one benefit and participant.
PEERS, SERIES = ("agreement_id", "agreement_version", "benefit_id", "window_start"), ("agreement_id", "benefit_id", "participant_id")


class CannotRecompute(Exception):
    """The pack does not hold what this payout needs."""


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


def grouped(rows, *keys):
    found = defaultdict(list)
    for row in rows:
        found[tuple(row[key] for key in keys)].append(row)
    return found


day = functools.lru_cache(maxsize=None)(dt.date.fromisoformat)


def months_later(first, months):
    """The same day so many months later; a day that a month lacks is its last."""
    (year, month), (after, next_month) = (divmod(first.year * 12 + first.month - 1 + months + more, 12) for more in (0, 1))
    return dt.date(year, month + 1, min(first.day, (dt.date(after, next_month + 1, 1) - dt.timedelta(days=1)).day))


def axis_of(by):
    """`by` as (kind, of what): ("growth", ""), ("rank", "attainment"); metrics, sums and figures of other benefits as JSON: ("metric", '{"metric": "nps"}')."""
    by = by if isinstance(by, dict) else {by: "measure" if by in ("rank", "percentile") else ""}
    kind = min({*by} - {"of"})
    return kind, json.dumps(by) if kind in ("metric", "ratio", "score", "benefit") else by[kind]


class Clause:
    """One benefit of one agreement version, and what follows from its text alone."""

    def __init__(self, agreement, benefit):
        self.agreement, self.benefit = agreement, {"tiers": [{"from": 0, "amount": 0}], **benefit} if {"manual", "draw"} & {*benefit} else benefit
        self.combine, self.by, grid = agreement.get("combine", {}), benefit.get("by", "measure"), benefit.get("matrix")
        self.axes = [axis_of(grid[side]["by"]) for side in ("rows", "columns")] if grid else [axis_of(self.by)]
        others = [*benefit.get("requires", []), *([benefit["multiply"]] if "multiply" in benefit else [])]
        self.all_axes = sorted({*self.axes, *(axis_of(other["by"]) for other in others)})
        self.forms = set(FORMS) & (set(grid) if grid else {form for tier in self.benefit["tiers"] for form in tier})
        measure, base = (of.get("of", "count") if isinstance(of, dict) else of for of in (benefit.get("measure", "amount"), benefit.get("base", "measure")))
        self.is_increment, own = base == "increment", [benefit[p] for p in ("ties", "measure") if isinstance(benefit.get(p), dict)]
        self.keys = {*benefit, *agreement, benefit.get("method"), agreement.get("pool") == "placed" and "placed"}.union(*own)
        self.counts = benefit["measure"] if {"every", "distinct"} & self.keys else {}
        self.starts = day(agreement["term"]["from"]) if "windows" in agreement else None
        #: What each figure is a sum of; `own`: of all lines of the benefit. A base of None is the measure, or its increment.
        self.sums = {f"own {of}": of for kind, by in self.all_axes if kind == "ratio" for of in json.loads(by)["ratio"]}
        self.sums["measure"] = "amount" if "distinct" in self.counts else measure + " times" if "times" in self.keys else measure
        self.sums["quantity"], self.sums["base"] = None if self.counts else "quantity", None if base in ("measure", "increment") else base
        own = {of if kind in ("rank", "percentile") else kind for kind, of in self.all_axes}
        self.needs = {"target": "attainment" in own, "positive baseline": "growth" in own, "incentive": "share" in self.forms}
        self.needs["baseline"] = bool(own & {"growth", "growth_amount"}) or self.is_increment

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


def add_up(lines, figure):
    return sum((values[figure] for _, values in lines if isinstance(values.get(figure), Fraction)), ZERO)


def missing(lines, *figures):
    return {values[figure] for _, values in lines for figure in figures if isinstance(values.get(figure), str)}


def ratio(lines, of):
    """One sum over another; None where that is 0 or less."""
    first, second = (add_up(lines, f"own {of}") for of in json.loads(of)["ratio"])
    return first / second if second > 0 else None


class Book:
    """The tables of the pack by key, the figures of every payout, and every result that was asked for."""

    def __init__(self, place):
        self.place, self.zip = place, zipfile.ZipFile(place) if os.path.isfile(place) else None
        about = json.loads(self.read("pack.json").read())
        self.settings, self.as_of = about["settings"], day(about["as_of"])
        self.half_even, self.opened = self.settings["rounding"] == "half_even", {row["payout_id"] for row in self.rows("fct_balance")}
        self.roles = {row["payout_id"]: row for row in self.rows("pack_payout")}
        self.payouts = {row["payout_id"]: row for row in sorted(self.rows("fct_payout"), key=lambda row: row["window_start"])}
        self.series, self.peers, self.of_participant = (grouped(self.payouts.values(), *keys) for keys in (SERIES, PEERS, ("participant_id",)))
        self.versions, self.clauses, self.alone, self.results = {}, {}, {}, {}
        for row in self.rows("dim_agreement"):
            with self.read(f"agreements/{row['content_sha256']}.json") as stream:
                text = stream.read()
            if hashlib.sha256(text.encode()).hexdigest() != row["content_sha256"]:
                raise CannotRecompute(f"agreements/{row['content_sha256']}.json is not the agreement of that hash")
            self.versions[row["agreement_id"], row["agreement_version"]], agreement = row, json.loads(text)
            for benefit in agreement["benefits"]:
                self.clauses[row["agreement_id"], row["agreement_version"], str(benefit["id"])] = Clause(agreement, benefit)
        self.periods = sorted((day(row["first_day"]), day(row["last_day"]), int(row["period_number"])) for row in self.rows("dim_period"))
        (self.rates, self.metrics), self.has_credits = (defaultdict(list) for _ in range(2)), any(True for _ in self.rows("dim_credit"))
        for row in sorted((row for row in self.rows("dim_fx_rate") if day(row["date"]) <= self.as_of), key=lambda row: row["date"]):
            self.rates[row["from_currency"], row["to_currency"]].append((row["date"], Fraction(row["rate"])))
        for row in sorted(self.rows("dim_metric"), key=lambda row: row["date"]):
            self.metrics[row["participant_id"], row["metric"]].append((day(row["date"]), Fraction(row["value"])))
        self.assignments = grouped(sorted(self.rows("dim_assignment"), key=lambda row: row["participant_id"]), "partner_id")
        self.targets = {tuple(row[key] for key in (*SERIES, "window_start")): row for row in self.rows("dim_target")}
        self.parts, self.deducted = list(self.rows("dim_participation")), defaultdict(Fraction)
        self.versions_of = {kind: grouped(self.rows(f"dim_{kind}_version"), f"{kind}_id") for kind in ("partner", "product")}
        self.arrivals = {row["sha256"]: int(row["arrival_no"] or 0) for row in self.rows("audit_feed_file")}
        for row in self.rows("net_of_line"):
            self.deducted[row["agreement_id"], row["source_sha256"], row["source_row"]] += Fraction(row["line_payout"])
        self.lines, self.span_lines, self.prior = (self.read_lines(self.rows(f"fct_{name}_line")) for name in ("payout", "span", "prior"))

    def read(self, name):
        stream = self.zip.open(name) if self.zip else open(os.path.join(self.place, name), "rb")
        return io.TextIOWrapper(stream, encoding="utf-8", newline="")

    def rows(self, table):
        with self.read(f"tables/{table}.csv") as stream:
            yield from csv.DictReader(stream)

    def clause(self, row):
        return self.clauses[row["agreement_id"], row["agreement_version"], row["benefit_id"]]

    def block(self, on, months, starts=None):
        """First and last day of the window of so many periods that holds a day: the calendar's, or from the day on which contract years start."""
        if starts:
            last = next(last for last in range(months, 10**5, months) if months_later(starts, last) > on)
            return months_later(starts, last - months), months_later(starts, last) - dt.timedelta(days=1)
        at = bisect.bisect_right(self.periods, (on, dt.date.max, 99)) - 1
        if at < 0 or on > self.periods[at][1]:
            raise CannotRecompute(f"the calendar does not reach {on}")
        first = at - (self.periods[at][2] - 1) % months
        return self.periods[first][0], self.periods[first + months - 1][1]

    def whole_window(self, row):
        """The calendar's window before the term clips it."""
        clause, kind, term = self.clause(row), self.clause(row).benefit["window"], self.clause(row).agreement["term"]
        return (day(term["from"]), day(term["to"])) if kind == "term" else self.block(day(row["window_start"]), MONTHS[kind], clause.starts)

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
        last = min(day(max(ends)), self.block(day(row["window_start"]), MONTHS[span], self.clause(row).starts)[1] if span in MONTHS else dt.date.max)
        return span == "window" or day(row["window_end"]) >= last

    def rate(self, clause, row):
        """1 of the line's currency in the agreement's; None where there is none."""
        how, to = clause.agreement.get("fx", "transaction_date"), clause.agreement["currency"]
        if row["currency"] == to or isinstance(how, dict):
            return ONE if row["currency"] == to else number(str(how["fixed"].get(row["currency"], "")))
        on = row["counted_date"] if how == "transaction_date" else self.block(day(row["counted_date"]), 1)[1].isoformat()
        pairs = [self.rates[pair] for pair in ((row["currency"], to), (to, row["currency"]))]  # of each the last rate on or before the day
        direct, reverse = (pair[at - 1][1] if (at := bisect.bisect_right(pair, (on, Fraction(10**30)))) else None for pair in pairs)
        return 1 / reverse if direct is None and reverse and self.settings["inverts_rates"] else direct

    def pieces(self, clause, row, participant):
        """The parts of a line that count, as running shares; the whole line is (0, 1)."""
        if number(row["share"]) == 1:
            return [(ZERO, ONE)]
        found, end, is_pool = [], ZERO, clause.agreement.get("pool") == "together"
        for each in self.assignments[(row["partner_id"],)]:
            if (each["valid_from"] or "0001-01-01") <= row["counted_date"] <= (each["valid_to"] or "9999-12-31"):
                begin, end = end, end + Fraction(each["share_written"])
                if self.is_member(clause.agreement, each["participant_id"], row["counted_date"]) if is_pool else each["participant_id"] == participant:
                    found.append((begin, end))
        if self.has_credits or sum(high - low for low, high in found) != number(row["share"]):
            raise CannotRecompute(f"assignments (without credits) do not give the share {row['share']} of {row['transaction_id']}/{row['line']}")
        return found

    def is_member(self, agreement, partner_id, on):
        wanted, has = agreement["participants"], self.attributes("partner", partner_id, on)
        if isinstance(wanted, list):
            return partner_id in map(str, wanted)
        return bool(has) and all(str(has.get(key)) in map(str, of if isinstance(of, list) else [of]) for key, of in wanted.items())

    def attributes(self, kind, key, on):
        versions = [each for each in self.versions_of[kind][(key,)] if each["valid_from"] <= on <= each["valid_to"]]
        return {**json.loads(versions[0]["attributes"] or "{}"), f"{kind}_id": key} if versions else {}

    def credited(self, clause, row, column, participant, deducted=ZERO):
        """An amount in the agreement's currency: converted and rounded, less what other agreements pay on it, and the participant's part of it."""
        step = Fraction(1, 10 ** self.settings["minor_units"][clause.agreement["currency"]])
        rounded = functools.partial(round_to, step=step, half_even=self.half_even)
        value = number(row[column]) if row["currency"] == clause.agreement["currency"] else rounded(number(row[column]) * self.rate(clause, row))
        parts = [(low * (value - deducted), high * (value - deducted), high - low) for low, high in self.pieces(clause, row, participant)]
        return sum(value - deducted if share == 1 else rounded(end) - rounded(begin) for begin, end, share in parts)

    def brings(self, kind, clause, row, participant):
        """What a line brings to a figure, or the name of what it lacks."""
        if kind.endswith(" times"):
            value, times = self.brings(kind[: -len(" times")], clause, row, participant), row["measured_value"]
            return value if isinstance(value, str) else value * Fraction(times) if times else "attribute"
        if kind == "count":
            return ONE
        if kind not in ("amount", "margin"):
            column = "quantity" if kind == "quantity" else "measured_value"
            return round_to(number(row[column]) * number(row["share"]), TINY) if row[column] else "quantity" if kind == "quantity" else "attribute"
        if self.rate(clause, row) is None:
            return "fx"
        others = dict.fromkeys(map(str, clause.combine.get("agreements", [])))
        deducted = sum((self.deducted.get((other, row["source_sha256"], row["source_row"]), ZERO) for other in others), ZERO)
        amount = self.credited(clause, row, "amount", participant, deducted)
        return amount if kind == "amount" else amount - self.credited(clause, row, "cost", participant) if row["cost"] else "cost"

    def read_lines(self, rows):
        """The lines of each payout with what they bring, computed anew from what the files say. A line that is split over tiers counts once."""
        read = defaultdict(lambda: SimpleNamespace(lines=[], problems=[], shared=ZERO))
        for (payout_id,), group in grouped(rows, "payout_id").items():
            found, lines, participant, clause = read[payout_id], {}, self.payouts[payout_id]["participant_id"], self.clause(self.payouts[payout_id])
            for row in group:
                found.shared += number(row.get("line_payout")) or ZERO
                first, sum_of_tiers = lines.get((row["source_sha256"], row["source_row"]), (row, ZERO))
                lines[row["source_sha256"], row["source_row"]] = first, sum_of_tiers + (number(row["credited_measure"]) or ZERO)
            lines.pop(("", ""), None)  # what no line brought
            for row, credited in lines.values():
                counts = [figure for figure, kind in clause.sums.items() if kind and row.get(f"is_in_{figure.replace(f'own {kind}', 'quantity')}") != "false"]
                values = {figure: self.brings(clause.sums[figure], clause, row, participant) for figure in counts}
                row["order"] = row["date"], row["transaction_id"], int(row["line"] or 0), self.arrivals[row["source_sha256"]], int(row["source_row"])
                found.lines.append((row, values))
                if isinstance(values.get("measure"), Fraction) and values["measure"] != credited:
                    found.problems.append(f"line {row['transaction_id']}/{row['line']} brings {shown(values['measure'])}, published {shown(credited)}")
        return read

    def by_value(self, name, lines):
        """Lines by their value of an attribute; by transaction, returns that name their original with it."""
        (kind, _, attribute), found = name.rpartition("."), defaultdict(list)
        for row, values in lines:
            if not kind and name not in ("transaction_id", "partner_id", "product_id"):
                raise CannotRecompute(f"this program does not know the column {name} of lines")
            column = "original_transaction_id" if name == "transaction_id" and row.get("original_transaction_id") else name
            value = self.attributes(kind, row[f"{kind}_id"], row["counted_date"]).get(attribute) if kind else row[column]
            found[value or None].append((row, values))
        return found

    def figures(self, row):
        """The figures of a participant over the span, without those it is compared with. `reasons`: why it is blocked. `own`: axes without comparison."""
        if row["payout_id"] in self.alone:
            return self.alone[row["payout_id"]]
        clause, part = self.clause(row), self.part_of_window(row)
        s = SimpleNamespace(reasons=[], own={}, x={}, ties={}, t=None, b=None, k=None, lines=[])
        for each in self.series[tuple(row[key] for key in SERIES)]:
            # a version credits the days of its own windows, and anew those of earlier versions in the span
            if row["span_start"] <= each["window_start"] <= row["window_start"] and each["agreement_version"] == row["agreement_version"]:
                if self.roles[each["payout_id"]]["is_detailed"] != "true":
                    raise CannotRecompute(f"the pack has no lines of {each['payout_id']}, which this payout depends on")
                s.lines += self.lines[each["payout_id"]].lines + (self.span_lines[each["payout_id"]].lines if each is row else [])
        s.groups = list(self.by_value(clause.benefit["each"], s.lines).values()) if "each" in clause.keys else [s.lines]
        s.m = sum(clause.measured(group)[0] for group in s.groups) + ZERO
        lacking = missing(s.lines, *(figure for figure in clause.sums if figure != "quantity" or "per_unit" in clause.forms))
        if "distinct" in clause.counts:
            groups = self.by_value(clause.counts["distinct"], [line for line in s.lines if "measure" in line[1]])
            sold = [[number(row["quantity"]) for row, _ in group if row["quantity"]] or [add_up(group, "measure")] for of, group in groups.items() if of]
            s.m, lacking, s.lines = Fraction(sum(sum(values) > 0 for values in sold)), set(), [(row, {**values, "measure": ZERO}) for row, values in s.lines]
        s.q = s.m if clause.counts else add_up(s.lines, "quantity")
        (s.t, of_target), (s.b, of_baseline), (s.k, _) = (self.reference(row, name, part) for name in ("target", "baseline", "incentive"))
        s.e = add_up(s.lines, "base") if clause.sums["base"] else max(s.m - (s.b or ZERO), ZERO) if clause.is_increment else s.m
        of_prior = (of_target if clause.needs["target"] else set()) | (of_baseline if clause.needs["baseline"] else set())
        s.reasons = [name for name in MISSING if name in lacking] + [name for name in MISSING if name in of_prior]
        if clause.needs["target"] and (s.t is None or s.t <= 0):
            s.reasons.append("target_missing" if s.t is None else "target_not_positive")
        if clause.needs["baseline"] and (s.b is None or (s.b <= 0 and clause.needs["positive baseline"])):
            s.reasons.append("baseline_missing" if s.b is None else "baseline_not_positive")
        own = {"measure": s.m, "growth_amount": None if s.b is None else s.m - s.b}
        own.update(attainment=s.m / s.t if (s.t or 0) > 0 else None, growth=s.m / s.b - 1 if (s.b or 0) > 0 else None)
        s.own = {kind: x for kind, x in own.items() if x is not None and not missing(s.lines, "measure")}
        later = ["incentive_missing"] if clause.needs["incentive"] and s.k is None else []
        for kind, of in clause.all_axes:
            if kind in ("metric", "benefit", "score"):
                parts = json.loads(of)["score"] if kind == "score" else [json.loads(of)]
                seen = [(self.look(row, each), Fraction(each.get("weight", 1)), Fraction(each.get("at_most", 10**30))) for each in parts]
                lacks = ["metric_missing" if "metric" in each else "benefit_blocked" for each, (x, _, _) in zip(parts, seen) if x is None]
                s.reasons, later = s.reasons + (lacks if kind == "metric" else []), later + lacks
                s.x[kind, of] = None if lacks else sum(weight * min(x, most) for x, weight, most in seen) / sum(weight for _, weight, _ in seen)
            elif kind == "ratio" and not ("each" in clause.keys and (kind, of) in clause.axes):
                s.x[kind, of] = ratio(s.lines, of)
                later += ["divisor_not_positive"] if s.x[kind, of] is None else []
            elif kind in s.own:
                s.x[kind, of] = s.own[kind]
        s.reasons += later
        self.alone[row["payout_id"]] = s
        return s

    def look(self, row, at):
        """A metric of the participant in the span, or a figure of another benefit in the window that ends on the same day. None where it is missing."""
        if "metric" in at:
            known, last = self.metrics[row["participant_id"], at["metric"]], min(day(row["window_end"]), self.as_of)
            return next((value for on, value in reversed(known) if day(row["span_start"]) <= on <= last), None)
        other = next((r for r in self.series[row["agreement_id"], at["benefit"], row["participant_id"]] if r["window_end"] == row["window_end"]), None)
        result = other and self.settle(other)
        figures = {} if not result or result.reason else {"tier": Fraction(result.tier), "earned": result.earned, **result.position.own}
        return figures.get(at.get("of", "attainment"))

    def reference(self, row, name, part):
        """Target, baseline or incentive, and what lacks in the lines that it is a sum of. One from the prior year, and a baseline, are not prorated."""
        written = self.clause(row).benefit.get(name)
        if isinstance(written, dict) and "weights" in written:
            return Fraction(written["year"]) * self.weight_to_date(row, written["weights"]) * part, set()
        if isinstance(written, dict):
            lines = self.prior[row["payout_id"]].lines
            return (None if missing(lines, "measure") else add_up(lines, "measure") * Fraction(written.get("times", 1))), missing(lines, "measure")
        of_feed = self.targets.get(tuple(row[key] for key in (*SERIES, "window_start")), {})
        found = number(of_feed.get(name)) if written == "feed" else None if written is None else Fraction(written)
        return (found if found is None or name == "baseline" else found * part), set()

    def weight_to_date(self, row, weights):
        """The weights of the span's windows so far, as a part of those of a fiscal year."""
        months, on, found, starts = MONTHS[self.clause(row).benefit["window"]], day(row["span_start"]), ZERO, self.clause(row).starts
        while on <= day(row["window_end"]):
            first, last = self.block(on, months, starts)
            months_gone = (first.year - starts.year) * 12 + first.month - starts.month if starts else next(n for at, _, n in self.periods if at == first) - 1
            found, on = found + Fraction(weights[months_gone % 12 // months]), last + dt.timedelta(days=1)
        return found / sum(map(Fraction, weights))

    def position(self, row):
        """The figures with ranks and percentiles among all participants of the agreement version."""
        s = self.figures(row)
        for kind, of in self.clause(row).all_axes:
            if kind in ("rank", "percentile") and of in s.own:
                values = [own[of] for own in (self.figures(other).own for other in self.peers[tuple(row[key] for key in PEERS)]) if of in own]
                more, less, s.ties[kind, of] = (sum(is_so(value, s.own[of]) for value in values) for is_so in (operator.gt, operator.lt, operator.eq))
                s.x[kind, of] = Fraction(1 + more) if kind == "rank" else Fraction(less, len(values) - 1) if len(values) > 1 else ONE
        return s

    def earn(self, row, result):
        """What the span earns before rounding: the curve, then multiplier, gates and limits in the order of the contract."""
        clause, s = self.clause(row), result.position
        benefit, multiply = (prorate(curve, self.part_of_window(row)) for curve in (clause.benefit, clause.benefit.get("multiply", {})))
        places = [s.x.get(axis) for axis in clause.axes]
        limits, order = benefit.get("limits", {}), benefit.get("order", ("multiply", "requires", "limits"))
        if "each" in clause.keys:
            for group in s.groups:
                own = SimpleNamespace(**{**vars(s), **dict(zip("meq", clause.measured(group)))})
                x = own.m if clause.by == "measure" else ratio(group, clause.axes[0][1]) if clause.axes[0][0] == "ratio" else places[0]
                paid, tier = (ZERO, 0) if x is None else tiers_pay(benefit, clause.by, own, x)
                result.curve, result.tier = result.curve + limit(limits, paid, own.e), max(result.tier, tier)
        elif benefit.get("method") == "running":
            now, starts = ZERO, [in_measure(clause.by, tier["from"], s) for tier in benefit["tiers"]]
            for m, e, q in (clause.measured([line]) for line in sorted(s.lines, key=lambda line: line[0]["order"])):
                tier, now = place(benefit, clause.by, starts, max(now, now + m)), now + m
                result.curve += benefit["tiers"][tier - 1]["rate"] * e + benefit["tiers"][tier - 1]["per_unit"] * q if tier else ZERO
            result.tier = place(benefit, clause.by, starts, s.m)
        elif "matrix" in benefit:
            result.curve, result.tier = matrix_pays(benefit, s, places)
        else:
            result.curve, result.tier = tiers_pay(benefit, clause.by, s, places[0])
            if clause.axes[0][0] == "rank" and benefit.get("ties") == "share":
                result.curve = sum(tiers_pay(benefit, clause.by, s, places[0] + i)[0] for i in range(s.ties[clause.axes[0]])) / Fraction(s.ties[clause.axes[0]])
        if "by" in multiply:
            result.multiplier = reached(multiply, multiply["by"], s.x[axis_of(multiply["by"])])[0]["factor"]
        for gate in benefit.get("requires", []):
            holds = all(is_so(s.x[axis_of(gate["by"])], Fraction(gate[bound])) for bound, is_so in BOUNDS.items() if bound in gate)
            result.gate *= ONE if holds else Fraction(gate.get("otherwise", 0))
        value = result.curve
        for step in order if "each" not in clause.keys else ("multiply", "requires"):
            value = limit(limits, value, s.e) if step == "limits" else value * (result.multiplier if step == "multiply" else result.gate)
        return value

    def settle(self, row):
        """The result of a payout, before other agreements of its group are looked at: what the span has earned less what its earlier windows did."""
        if row["payout_id"] in self.results:
            return self.results[row["payout_id"]]
        begun = self.series[str(self.clause(row).benefit.get("draw", {}).get("from")), row["benefit_id"], row["participant_id"]]
        span, before, owed = None, ZERO, self.settle(begun[-1]).carried if begun else ZERO
        for each in (each for each in self.series[tuple(row[key] for key in SERIES)] if each["window_start"] <= row["window_start"]):
            span, before, clause = each["span_start"], before if each["span_start"] == span else ZERO, self.clause(each)
            versions = [other.agreement for (name, *_), other in self.clauses.items() if name == row["agreement_id"]]
            if each["payout_id"] in self.opened or any("limits" in agreed or agreed.get("amendment") == "from_date" for agreed in versions):
                raise CannotRecompute("this program does not know opening balances, limits of the agreement on the sum of its benefits, amendment: from_date")
            if unknown := clause.keys & {"then", "over", "placed", "slices"}:
                raise CannotRecompute(f"this program does not know {min(unknown)} of {clause.benefit['id']}")
            s = self.position(each)
            result = SimpleNamespace(position=s, reason=s.reasons[0] if s.reasons else "", curve=ZERO, tier=0, multiplier=ONE, gate=ONE)
            result.earned, result.prior, result.payout, rule = ZERO, before, ZERO, clause.benefit.get("settle", {}).get("clawback", "carry")
            if "draw" in clause.keys:  # its only tier is from 0 on
                result.tier, (result.earned, result.payout, owed, result.reason) = 1, self.draw(each, owed)
            elif not result.reason:
                before = result.earned = self.rounded(self.earn(each, result), row)
                difference = result.earned - result.prior - owed
                result.payout, owed = (difference, ZERO) if rule == "pay" else (max(difference, ZERO), max(-difference, ZERO))
            result.carried = owed = ZERO if rule == "none" and self.is_last_of_span(each) else owed
            self.results[each["payout_id"]] = result
        return self.results[row["payout_id"]]

    def draw(self, row, balance):
        """What a draw pays, its balance then, and why it is blocked: what the benefits that it is against lack of its amount, or take off the balance."""
        draw = self.clause(row).benefit["draw"]
        against = [each for other in draw["against"] for each in self.series[row["agreement_id"], str(other), row["participant_id"]]]
        results = [self.settle(each) for each in against if row["window_start"] <= each["window_end"] <= row["window_end"]]
        lacks = self.rounded(Fraction(draw["amount"]) * self.part_of_window(row), row) - sum(result.payout for result in results)
        if any(result.reason for result in results):
            return ZERO, ZERO, balance, "benefit_blocked"
        paid = max(min(lacks, max(Fraction(draw.get("ceiling", 10**30)) - balance, ZERO)) if draw.get("recover") else lacks, -balance)
        return paid, paid, balance + (paid if lacks < 0 or draw.get("recover") else ZERO), ""

    def rounded(self, amount, row):
        return round_to(amount, Fraction(self.settings["units"][self.clause(row).agreement["currency"]]), self.half_even)

    def combined(self, row):
        """The result of a payout; 0 where another agreement of a group of which only the best pays earns more."""
        found, combine = self.settle(row), self.clause(row).combine
        if combine.get("rule") != "best" or found.reason:
            return found
        window, sums = self.whole_window(row)[0], defaultdict(Fraction)
        for other in self.of_participant[(row["participant_id"],)]:
            if self.clause(other).combine.get("group") == combine["group"] and self.whole_window(other)[0] == window and not self.settle(other).reason:
                sums[self.clause(other).combine.get("priority", 1), other["agreement_id"]] += self.settle(other).payout
        best = min(sums, key=lambda key: (-sums[key], key))[1]
        return found if best == row["agreement_id"] else SimpleNamespace(**{**vars(found), "payout": ZERO, "reason": "combined"})

    def differences(self, row):
        """How the recomputed payout differs from the published row, in words."""
        result, lines, clause, s = self.combined(row), self.lines[row["payout_id"]], self.clause(row), self.settle(row).position
        expected = {"payout": result.payout, "prior_earned": result.prior, "carried": result.carried}
        if not s.reasons and result.reason != "benefit_blocked":
            expected.update(measure=s.m, base=s.e, target=s.t, baseline=s.b, incentive=s.k, tier=result.tier, curve_payout=result.curve, earned=result.earned)
            expected.update(axis_value=None if "each" in clause.keys else s.x[clause.axes[0]], multiplier=result.multiplier, gate_factor=result.gate)
        found = [f"{key} is {shown(value)}, published {row[key] or 'nothing'}" for key, value in expected.items() if published(value) != number(row[key])]
        if result.reason != row["status_reason"]:
            found.append(f"the reason is {result.reason or 'none'}, published {row['status_reason'] or 'none'}")
        if lines.shared != (number(row["payout"]) or ZERO):
            found.append(f"its lines add up to {shown(lines.shared)}, published {row['payout']}")
        return [problem for each in (lines, self.span_lines[row["payout_id"]], self.prior[row["payout_id"]]) for problem in each.problems] + found


def recompute(book, payout_id):
    """One payout as an entry of the answer: it agrees, differs, cannot be recomputed, or has terms that are unknown here."""
    row, outcome, payout, problems = book.payouts.get(payout_id, {}), "cannot", "", ["the pack does not have it"]
    try:
        if row:
            problems = book.differences(row)
            outcome, payout = "differs" if problems else "agrees", f"{shown(book.combined(row).payout)} {row['currency']}"
    except (CannotRecompute, KeyError, ValueError, TypeError, ZeroDivisionError) as error:
        problems = [str(error) if isinstance(error, CannotRecompute) else f"{type(error).__name__}: {error}"]
        outcome = "unknown" if problems[0].startswith("this program does not know") else "cannot"
    named = {"payout_id": payout_id, "name": "/".join(row.get(key, "") for key in (*SERIES, "window_start"))}
    return {**named, "payout": payout, "outcome": outcome, "problems": problems}


def main(arguments):
    parser = argparse.ArgumentParser(description="Recompute the payouts of this pack and compare them with what was published.")
    parser.add_argument("pack", nargs="?", default=os.path.dirname(os.path.abspath(__file__)), help="the folder or the zip (default: where this file is)")
    parser.add_argument("--all", action="store_true", help="every payout of the period, not the sample alone")
    parser.add_argument("--payout", action="append", default=[], metavar="ID", help="this payout alone; may be repeated")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of text")
    asked = parser.parse_args(arguments)
    try:
        book = Book(asked.pack)
    except (CannotRecompute, OSError, KeyError, ValueError, StopIteration, zipfile.BadZipFile) as error:
        print(f"The pack cannot be read: {type(error).__name__}: {error}", file=sys.stderr)
        return 2
    chosen = [key for key, row in book.roles.items() if row["is_of_period" if asked.all else "is_chosen"] == "true"]
    answers = [recompute(book, each) for each in asked.payout or chosen]
    counts = {outcome: sum(each["outcome"] == outcome for each in answers) for outcome in ("agrees", "differs", "cannot", "unknown")}
    texts = [["{outcome:<8}{payout_id}  {name}  {payout}".format(**each).rstrip(), *each["problems"]] for each in answers]
    texts.append(["{agrees} agree, {differs} differ, {cannot} could not be recomputed, {unknown} have unknown terms".format(**counts)])
    print(json.dumps({**counts, "payouts": answers}, indent=1) if asked.json else "\n".join("\n            ".join(lines) for lines in texts))
    return 2 if counts["cannot"] or counts["unknown"] else 1 if counts["differs"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
