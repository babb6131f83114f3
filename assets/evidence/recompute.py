"""Recompute the payouts of this pack: python3 recompute.py [--all] [--payout ID] [--json] [PACK]

Needs Python 3.9 or later and nothing else: no package, no network, no Tierledger. Reads the pack (this folder, or the zip) and writes nothing.
It starts from the lines as the files have them (amount, quantity, cost), the exchange rates, shares, targets and metrics, and the agreements as they were
written. It computes in fractions what each agreement pays, rounds once, and compares. It shares no code with the program that made the pack.
Exit code 0: every payout agrees. 1: one differs. 2: one could not be recomputed, or the pack cannot be read.
What tiers, matrices and slices pay is in recompute_terms.py, which is in the same folder.
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
import re
import sys
import zipfile
from collections import defaultdict
from fractions import Fraction
from types import SimpleNamespace

sys.path.append(os.path.dirname(os.path.abspath(__file__)))  # `python3 -I` leaves it out
sys.dont_write_bytecode = True
from recompute_terms import (
    BOUNDS, MISSING, MONTHS, ONE, TINY, ZERO, CannotRecompute, Clause, add_up, at_measure, axes_at, axis_of, columns_of, count_sold, day, filled, grouped,
    is_in, key_of, limit, lines_pay, matrix_pays, missing, months_later, number, prorate, published, ranked, ratio, reached, round_to, shown, tiers_pay,
)  # fmt: skip

#: What the payouts of participants that are compared have in common, and the windows of one benefit and participant.
PEERS, SERIES = ("agreement_id", "agreement_version", "benefit_id", "window_start"), ("agreement_id", "benefit_id", "participant_id")


class Book:
    """The tables of the pack by key, the figures of every payout, and every result that was asked for."""

    def __init__(self, place):
        self.place, self.zip = place, zipfile.ZipFile(place) if os.path.isfile(place) else None
        about = json.loads(self.read("pack.json").read())
        self.settings, self.as_of = about["settings"], day(about["as_of"])
        self.half_even = self.settings["rounding"] == "half_even"
        self.roles = {row["payout_id"]: row for row in self.rows("pack_payout")}
        self.payouts = {row["payout_id"]: row for row in sorted(self.rows("fct_payout"), key=lambda row: row["window_start"])}
        self.series, self.peers, self.of_participant = (grouped(self.payouts.values(), *keys) for keys in (SERIES, PEERS, ("participant_id",)))
        self.earlier = {each["payout_id"]: before for series in self.series.values() for before, each in zip([None, *series], series)}
        self.versions, self.clauses, self.known, self.earnings, self.results = {}, {}, {}, {}, {}
        for row in self.rows("dim_agreement"):
            with self.read(f"agreements/{row['content_sha256']}.json") as stream:
                text = stream.read()
            if hashlib.sha256(text.encode()).hexdigest() != row["content_sha256"]:
                raise CannotRecompute(f"agreements/{row['content_sha256']}.json is not the agreement of that hash")
            self.versions[row["agreement_id"], row["agreement_version"]], agreement = row, json.loads(text)
            for benefit in agreement["benefits"]:
                self.clauses[row["agreement_id"], row["agreement_version"], str(benefit["id"])] = Clause(agreement, benefit)
        self.periods = sorted((day(row["first_day"]), day(row["last_day"]), int(row["period_number"])) for row in self.rows("dim_period"))
        (self.rates, self.metrics), self.opened = (defaultdict(list) for _ in range(2)), defaultdict(Fraction)
        for row in sorted((row for row in self.rows("dim_fx_rate") if day(row["date"]) <= self.as_of), key=lambda row: row["date"]):
            self.rates[row["from_currency"], row["to_currency"]].append((row["date"], Fraction(row["rate"])))
        for row in sorted(self.rows("dim_metric"), key=lambda row: row["date"]):
            self.metrics[row["participant_id"], row["metric"]].append((day(row["date"]), Fraction(row["value"])))
        by_id = operator.itemgetter("participant_id")
        self.assignments = grouped(sorted(self.rows("dim_assignment"), key=by_id), "partner_id")
        self.credits = grouped(sorted(self.rows("dim_credit"), key=by_id), "transaction_id", "line")
        self.targets = {key_of(row, (*SERIES, "window_start")): row for row in self.rows("dim_target")}
        self.participations, self.deducted = grouped(self.rows("dim_participation"), "agreement_id", "participant_id"), defaultdict(Fraction)
        self.versions_of = {kind: grouped(self.rows(f"dim_{kind}_version"), f"{kind}_id") for kind in ("partner", "product")}
        self.arrivals = {row["sha256"]: int(row["arrival_no"] or 0) for row in self.rows("audit_feed_file")}
        for row in self.rows("net_of_line"):
            self.deducted[row["agreement_id"], row["source_sha256"], row["source_row"]] += Fraction(row["line_payout"])
        self.lines, self.span_lines, self.prior, self.over_lines = (self.read_lines(name) for name in ("payout", "span", "prior", "over"))
        for row in (row for row in self.rows("fct_balance") if row["status"] == "counted"):
            brings = {figure: number(row[figure]) or ZERO for figure in ("measure", "base", "quantity")}
            self.lines[row["payout_id"]].lines.append(({"order": (row["date"], ""), "counted_date": row["date"]}, brings))
            self.opened[row["payout_id"]] += number(row["carried"]) or ZERO

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
        (first, last), of, whole = self.whole_window(row), self.clause(row).agreement.get("pool", "each"), {"valid_from": row["window_start"], "factor": 1}
        named = (of == "each" and self.participations[row["agreement_id"], row["participant_id"]]) or [{**whole, "valid_to": row["window_end"]}]
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
        found, end, is_pool = [], ZERO, clause.agreement.get("pool") == "together"
        if number(row["share"]) == 1 and not (is_pool and not self.comes_whole(clause.agreement, row)):
            return [(ZERO, ONE)]
        for each in self.credited_to(row, row["held_on"]):
            begin, end = end, end + Fraction(each["share_written"])
            if self.is_member(clause.agreement, each["participant_id"], row) if is_pool else each["participant_id"] == participant:
                found.append((begin, end))
        if sum(high - low for low, high in found) != number(row["share"]):
            raise CannotRecompute(f"credits and assignments do not give the share {row['share']} of {row['transaction_id']}/{row['line']}")
        return found

    def credited_to(self, row, on):
        """Whom a line is credited to in parts: the credits of the line, of its transaction, or of its original; without any, its partner's assignments."""
        keys = [(name, line) for name in (row["transaction_id"], row["original_transaction_id"]) for line in (row["line"], "")]
        valid = (each for each in self.assignments[(row["partner_id"],)] if each["valid_from"] <= on <= (each["valid_to"] or "9999-12-31"))
        return next((self.credits[key] for key in keys if key in self.credits), None) or valid

    def comes_whole(self, agreement, row):
        """Whether a line's partner, or one above it, is a member of the pool: assignments of the line then split nothing."""
        partner = row["partner_id"]
        while partner and not self.is_member(agreement, partner, row):
            partner = agreement.get("include_children", True) and self.attributes("partner", partner, row["held_on"]).get("parent_id")
        return bool(partner)

    def is_member(self, agreement, partner_id, row):
        """Whether a partner is a participant on the day of a line, and takes part on the day that it counts as."""
        wanted, has = agreement["participants"], self.attributes("partner", partner_id, row["held_on"])
        days = self.participations[str(agreement["agreement"]), partner_id]
        if days and not any(each["valid_from"] <= row["counts_as_date"] <= each["valid_to"] for each in days):
            return False
        if isinstance(wanted, list):
            return partner_id in map(str, wanted)
        return bool(has) and all(str(has.get(key)) in map(str, of if isinstance(of, list) else [of]) for key, of in wanted.items())

    def attributes(self, kind, key, on):
        versions = [each for each in self.versions_of[kind][(key,)] if each["valid_from"] <= on <= each["valid_to"]]
        return {**json.loads(versions[0]["attributes"] or "{}"), f"{kind}_id": key, "parent_id": versions[0].get("parent_id")} if versions else {}

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
            return value if isinstance(value, str) else published(value * Fraction(times)) if times else "attribute"
        if kind == "count":
            return ONE
        if kind not in ("amount", "margin"):
            value = row["quantity"] if kind == "quantity" else columns_of(row).get(kind) or row["measured_value"]
            lacks = "quantity" if kind == "quantity" else "attribute"
            return round_to(number(value) * number(row["share"]), TINY) if re.fullmatch(r"-?\d{1,12}(\.\d{1,6}0*)?", value) else lacks
        if self.rate(clause, row) is None:
            return "fx"
        others = dict.fromkeys(map(str, clause.combine.get("agreements", [])))
        deducted = sum((self.deducted.get((other, row["source_sha256"], row["source_row"]), ZERO) for other in others), ZERO)
        amount = self.credited(clause, row, "amount", participant, deducted)
        return amount if kind == "amount" else amount - self.credited(clause, row, "cost", participant) if row["cost"] else "cost"

    def read_lines(self, name):
        """The lines of each payout with what they bring, computed anew from what the files say. A line that is split over tiers counts once."""
        read = defaultdict(lambda: SimpleNamespace(lines=[], problems=[], shared=ZERO))
        for (payout_id,), group in grouped(self.rows(f"fct_{name}_line"), "payout_id").items():
            payout, found, lines = self.payouts[payout_id], read[payout_id], {}
            participant, clause = payout["participant_id"], self.clause(payout)
            for row in group:
                row["held_on"] = min(payout["window_end"], self.as_of.isoformat()) if name == "prior" and clause.is_as_held else row["counted_date"]
                found.shared += number(row.get("line_payout")) or ZERO
                first, sum_of_tiers = lines.get((row["source_sha256"], row["source_row"]), (row, ZERO))
                lines[row["source_sha256"], row["source_row"]] = first, sum_of_tiers + (number(row["credited_measure"]) or ZERO)
            lines.pop(("", ""), None)  # what no line brought
            for row, credited in lines.values():
                kinds = {"measure": clause.sums["over"]} if name == "over" else {of: kind for of, kind in clause.sums.items() if kind and is_in(row, of)}
                brought = {kind: self.brings(kind, clause, row, participant) for kind in set(kinds.values())}
                values = {figure: brought[kind] for figure, kind in kinds.items()}
                row["order"] = row["date"], row["transaction_id"], int(row["line"] or 0), self.arrivals[row["source_sha256"]], int(row["source_row"])
                found.lines.append((row, values))
                if isinstance(values.get("measure"), Fraction) and values["measure"] != credited:
                    found.problems.append(f"line {row['transaction_id']}/{row['line']} brings {shown(values['measure'])}, published {shown(credited)}")
        return read

    def by_value(self, name, lines, with_original=""):
        """Lines by their value of an attribute; `with_original`: returns that name their original transaction with it."""
        (kind, _, attribute), found = name.rpartition("."), defaultdict(list)
        for row, values in lines:
            value = self.attributes(kind, row[f"{kind}_id"], row["counted_date"]).get(attribute) if kind else {**row, **columns_of(row)}[name]
            value = row["original_transaction_id"] or value if name == with_original else value
            found[value or None].append((row, values))
        return found

    def measured(self, clause, lines):
        """Measure, base and quantity of lines, also where values are counted."""
        m, e, q = clause.measured(lines)
        if "distinct" not in clause.counts:
            return m, e, q
        m, _ = self.count_values(clause, lines)
        return m, e if clause.sums["base"] else m, m

    def count_values(self, clause, lines):
        """How many values of an attribute are sold, and which figures are missing."""
        return count_sold(self.by_value(clause.counts["distinct"], [line for line in lines if "measure" in line[1]]))

    def members(self, row):
        """The payouts whose lines place a payout: its own, or those of all members of a placed pool in order of id."""
        return sorted(self.peers[key_of(row, PEERS)], key=lambda each: each["participant_id"]) if self.clause(row).is_placed else [row]

    def lines_of(self, row, members):
        """Their lines in the span, in order: a version credits the days of its own windows, and anew those of earlier versions."""
        found = []
        for member in members:
            for each in self.series[key_of(member, SERIES)]:
                if row["span_start"] <= each["window_start"] <= row["window_start"] and each["agreement_version"] == row["agreement_version"]:
                    if self.roles[each["payout_id"]]["is_detailed"] != "true":
                        raise CannotRecompute(f"the pack has no lines of {each['payout_id']}, which this payout depends on")
                    found += self.lines[each["payout_id"]].lines
            found += self.span_lines[member["payout_id"]].lines
        return sorted(found, key=lambda line: line[0]["order"])

    def amended(self, row):
        """The versions whose terms hold in the span, each on its own days: (clause, first day, last day), the last one's first."""
        found, last, version = [], day(row["window_end"]), int(row["agreement_version"])
        while last >= day(row["span_start"]) and (clause := self.clauses.get((row["agreement_id"], str(version), row["benefit_id"]))):
            first = day(self.versions[row["agreement_id"], str(version)]["windows_from"] if clause.is_amended else row["span_start"])
            found.append((clause, max(first, day(row["span_start"])), last))
            last, version = first - dt.timedelta(days=1), version - 1 if clause.is_amended else 0
        return found

    def figures(self, row, clause):
        """The figures over the span by the terms of a version, without comparisons. `reasons`: why it is blocked. `own`: axes by the measure."""
        part, payee = self.part_of_window(row), clause.agreement.get("payee") if clause.is_placed else None
        s = SimpleNamespace(reasons=[], own={}, x={}, ties={}, t=None, b=None, k=None, lines=self.lines_of(row, self.members(row)))
        named, seen = {**row, "participant_id": payee or row["participant_id"]}, s.lines
        if "over" in clause.keys:
            seen = [line for each in self.members(row) for line in self.over_lines[each["payout_id"]].lines]
        s.groups = list(self.by_value(clause.benefit["each"], s.lines, "transaction_id").values()) if "each" in clause.keys else [seen]
        s.m = sum(clause.measured(group)[0] for group in s.groups) + ZERO
        needed = [figure for figure in clause.sums if figure[:3] != "tie" and figure not in ("measure", *(() if "per_unit" in clause.forms else ("quantity",)))]
        lacking = missing(seen, "measure")
        if "distinct" in clause.counts:
            s.m, lacking = self.count_values(clause, s.lines)
            seen = []
        s.q = s.m if clause.counts else add_up(s.lines, "quantity")
        (s.t, of_target), (s.b, of_baseline), (s.k, _) = (self.reference(named, clause, name, part) for name in ("target", "baseline", "incentive"))
        s.e = add_up(s.lines, "base") if clause.sums["base"] else max(s.m - (s.b or ZERO), ZERO) if clause.is_increment else s.m
        of_prior = (of_target if clause.needs["target"] else set()) | (of_baseline if clause.needs["baseline"] else set())
        s.reasons = [name for name in MISSING if name in lacking | missing(s.lines, *needed)] + [name for name in MISSING if name in of_prior]
        if clause.needs["target"] and (s.t is None or s.t <= 0):
            s.reasons.append("target_missing" if s.t is None else "target_not_positive")
        if clause.needs["baseline"] and (s.b is None or (s.b <= 0 and clause.needs["positive baseline"])):
            s.reasons.append("baseline_missing" if s.b is None else "baseline_not_positive")
        s.own = {} if lacking else axes_at(s, s.m)
        summed = {of: "" if missing(s.lines, f"tie {of}") else add_up(s.lines, f"tie {of}") for of in clause.ties if isinstance(of, str)}
        s.breaks = [self.look(named, of) if isinstance(of, dict) else summed[of] for of in clause.ties]
        later = ["incentive_missing"] if clause.needs["incentive"] and s.k is None else []
        for kind, of in clause.all_axes:
            if kind in ("metric", "benefit", "score"):
                parts = json.loads(of)["score"] if kind == "score" else [json.loads(of)]
                found = [
                    (self.look(named if "metric" in each else row, each), Fraction(each.get("weight", 1)), Fraction(each.get("at_most", 10**30)))
                    for each in parts
                ]
                lacks = [x for x, _, _ in found if isinstance(x, str)]
                s.reasons, later = s.reasons + (lacks if kind == "metric" else []), later + lacks
                s.x[kind, of] = None if lacks else sum(weight * min(x, most) for x, weight, most in found) / sum(weight for _, weight, _ in found)
            elif kind == "ratio" and ("each" not in clause.keys or (kind, of) in clause.factors):
                s.x[kind, of] = ratio(s.lines, of)
                later += ["divisor_not_positive"] if s.x[kind, of] is None else []
            elif kind in s.own:
                s.x[kind, of] = s.own[kind]
        s.reasons += later
        return s

    def look(self, row, at):
        """A metric of the participant in the span, or a figure of another benefit in the window that ends on the same day. Or what lacks."""
        if "metric" in at:
            known, last = self.metrics[row["participant_id"], at["metric"]], min(day(row["window_end"]), self.as_of)
            return next((value for on, value in reversed(known) if day(row["span_start"]) <= on <= last), "metric_missing")
        other = next((r for r in self.series[row["agreement_id"], at["benefit"], row["participant_id"]] if r["window_end"] == row["window_end"]), None)
        result = self.earned(other) if other else SimpleNamespace(reason="missing")
        if result.reason:
            return "benefit_blocked" if other else "benefit_missing"
        return {"tier": Fraction(result.tier), "earned": result.whole, **result.position.own}.get(at.get("of", "attainment"), "benefit_blocked")

    def reference(self, row, clause, name, part):
        """Target, baseline or incentive, and what lacks in the lines that it is a sum of. One from the prior year, and a baseline, are not prorated."""
        written = clause.benefit.get(name)
        if isinstance(written, dict) and "weights" in written:
            return Fraction(written["year"]) * self.weight_to_date(row, clause, written["weights"]) * part, set()
        if isinstance(written, dict):
            lines = [line for each in self.members(row) for line in self.prior[each["payout_id"]].lines]
            return (None if missing(lines, "measure") else add_up(lines, "measure") * Fraction(written.get("times", 1))), missing(lines, "measure")
        of_feed = self.targets.get(key_of(row, (*SERIES, "window_start")), {})
        found = number(of_feed.get(name)) if written == "feed" else None if written is None else Fraction(written)
        return (found if found is None or name == "baseline" else found * part), set()

    def weight_to_date(self, row, clause, weights):
        """The weights of the span's windows so far, as a part of those of a fiscal year."""
        months, on, found, starts = MONTHS[clause.benefit["window"]], day(row["span_start"]), ZERO, clause.starts
        while on <= day(row["window_end"]):
            first, last = self.block(on, months, starts)
            months_gone = (first.year - starts.year) * 12 + first.month - starts.month if starts else next(n for at, _, n in self.periods if at == first) - 1
            found, on = found + Fraction(weights[months_gone % 12 // months]), last + dt.timedelta(days=1)
        return found / sum(map(Fraction, weights))

    def position(self, row):
        """The figures with ranks and percentiles among all participants of the agreement version, and those of the versions whose terms hold in the span."""
        s = self.alone(row)
        for kind, of in self.clause(row).all_axes:
            if kind in ("rank", "percentile") and of in s.own:
                others = [self.alone(other) for other in self.peers[key_of(row, PEERS)]]
                values, own = [ranked(other, kind, of) for other in others if of in other.own], ranked(s, kind, of)
                more, less, s.ties[kind, of] = (sum(is_so(value, own) for value in values) for is_so in (operator.gt, operator.lt, operator.eq))
                s.x[kind, of] = Fraction(1 + more) if kind == "rank" else Fraction(less, len(values) - 1) if len(values) > 1 else ONE
        return s

    def alone(self, row):
        """The figures of a payout; those of a placed pool are made once."""
        key = key_of(row, PEERS) if self.clause(row).is_placed else row["payout_id"]
        if key not in self.known:
            s, parts = self.figures(row, self.clause(row)), self.amended(row)
            is_whole = len(parts) == 1 and parts[0][1] == day(row["span_start"])
            figures = [s if clause is self.clause(row) else self.figures(row, clause) for clause, *_ in parts]
            s.parts = [] if is_whole else [(clause, own, *days) for own, (clause, *days) in zip(figures, parts)]
            s.reasons = [reason for _, of_version, *_ in reversed(s.parts) for reason in of_version.reasons] or s.reasons
            self.known[key] = s
        return self.known[key]

    def curve(self, row, clause, s):
        """What tiers or matrix pay at the place of the figures, and the tier."""
        benefit, at = prorate(clause.benefit, self.part_of_window(row)), [s.x.get(axis) for axis in clause.axes]
        if "each" in clause.keys:
            total, highest = ZERO, 0
            for group in s.groups:
                own = SimpleNamespace(**{**vars(s), **dict(zip("meq", clause.measured(group)))})
                at = [own.m if kind == "measure" else ratio(group, of) if kind == "ratio" else s.x[kind, of] for kind, of in clause.axes]
                paid, tier = (ZERO, 0) if None in at else matrix_pays(benefit, own, at) if "matrix" in benefit else tiers_pay(benefit, clause.by, own, at[0])
                total, highest = total + (ZERO if None in at else limit(benefit.get("limits", {}), paid, own.e)), max(highest, tier)
            return total, highest
        if clause.pays_lines:  # with lump sums and shares of the tiers reached
            benefit, of_lines = {**benefit, "method": benefit["method"].replace("running", "whole")}, self.lines_pay(row, clause, s, s.lines)
            once, tier = tiers_pay(benefit, clause.by, SimpleNamespace(**{**vars(s), "e": ZERO, "q": ZERO}), at[0])
            return once + of_lines, tier
        if "matrix" in benefit:
            return matrix_pays(benefit, s, at)
        if clause.axes[0][0] == "rank" and benefit.get("ties") == "share":
            tied = s.ties[clause.axes[0]]
            return sum(tiers_pay(benefit, clause.by, s, at[0] + i)[0] for i in range(tied)) / Fraction(tied), tiers_pay(benefit, clause.by, s, at[0])[1]
        return tiers_pay(benefit, clause.by, s, at[0])

    def lines_pay(self, row, clause, s, paid):
        """What some of the lines are paid by themselves."""
        if not clause.pays_lines:
            return ZERO
        lines = [(*clause.measured([line]), any(line is each for each in paid)) for line in s.lines]
        return lines_pay(prorate(clause.benefit, self.part_of_window(row)), clause.by, s, lines)

    def part_pays(self, row, s, clause, own, first, last):
        """What a version pays for its own days: at its place over the whole span; of an amount the part of the days. Of slices, those that its days fill."""
        meq = [self.measured(clause, [line for line in s.lines if day(line[0]["counted_date"]) <= on]) for on in (first - dt.timedelta(days=1), last)]
        paid = [line for line in s.lines if first <= day(line[0]["counted_date"]) <= last]
        of_lines = self.lines_pay(row, clause, at_measure(own, s.x, own.m, lines=s.lines), paid)
        if clause.benefit.get("method") == "running":
            return of_lines
        if clause.benefit.get("method") == "graduated":
            nothing = {"lines": []} if clause.pays_lines else {}
            before, until = (self.curve(row, clause, at_measure(own, s.x, m, m=m, e=m, q=m, **nothing))[0] for m, _, _ in meq)
            return until - before + of_lines
        bases = [max(m - (own.b or ZERO), ZERO) if clause.is_increment else e for m, e, _ in meq]
        at = at_measure(own, s.x, own.m, ties=s.ties, e=bases[1] - bases[0], q=meq[1][2] - meq[0][2])
        lump, (paid, _) = self.lump(row, clause, at), self.curve(row, clause, at)
        return paid - lump + lump * Fraction((last - first).days + 1, (day(row["window_end"]) - day(row["span_start"])).days + 1)

    def lump(self, row, clause, s):
        """What is paid at the place for no base and no quantity."""
        return self.curve(row, clause, SimpleNamespace(**{**vars(s), "e": ZERO, "q": ZERO}))[0]

    def earn(self, row, result):
        """What the span earns before rounding: the curve, then multiplier, gates and limits in the order of the contract."""
        clause, s = self.clause(row), result.position
        benefit, multiply = (prorate(curve, self.part_of_window(row)) for curve in (clause.benefit, clause.benefit.get("multiply", {})))
        limits, order = benefit.get("limits", {}), benefit.get("order", ("multiply", "requires", "limits"))
        result.curve, result.tier = self.curve(row, clause, s)
        if s.parts:
            result.curve = sum(self.part_pays(row, s, *part) for part in s.parts)
        if "by" in multiply:
            result.multiplier = reached(multiply, multiply["by"], s.x[axis_of(multiply["by"])])[0]["factor"]
        for gate in benefit.get("requires", []):
            holds = all(is_so(s.x[axis_of(gate["by"])], Fraction(gate[bound])) for bound, is_so in BOUNDS.items() if bound in gate)
            result.gate *= ONE if holds else Fraction(gate.get("otherwise", 0))
        value = result.curve
        for step in order if "each" not in clause.keys else ("multiply", "requires"):
            value = limit(limits, value, s.e) if step == "limits" else value * (result.multiplier if step == "multiply" else result.gate)
        return value

    def own(self, row):
        """What a member of a placed pool brings itself: measure, base and quantity."""
        clause, lines = self.clause(row), self.lines_of(row, [row])
        m, e, q = clause.measured(lines)
        return (clause.measured(self.over_lines[row["payout_id"]].lines)[0] if "over" in clause.keys else m), e, q

    def member_part(self, row, exact):
        """A member's part of what a placed pool earns, by what the curve pays on its own lines: running sums, rounded, in order of id."""
        clause, s = self.clause(row), self.alone(row)
        members = self.members(row)
        own = [self.own(each) for each in members]
        weights, fixed = [ONE] * len(members), self.lump(row, clause, s)
        if s.m > 0 and clause.benefit.get("method") == "graduated":
            by_line = [(line[0]["order"], n, clause.measured([line])[0]) for n, each in enumerate(members) for line in self.lines_of(each, [each])]
            weights = filled(prorate(clause.benefit, self.part_of_window(row)), clause.by, s, [m for m, _, _ in own], sorted(by_line))
        elif s.m > 0:
            bases = [s.e * m / s.m if clause.is_increment else e for m, e, _ in own]
            weights = [self.curve(row, clause, SimpleNamespace(**{**vars(s), "e": e, "q": q}))[0] - fixed + fixed * m / s.m for (m, _, q), e in zip(own, bases)]
        weights = weights if sum(weights) else [m for m, _, _ in own]
        at = members.index(row)
        before, until = (self.rounded(exact * sum(weights[:n]) / sum(weights), row) for n in (at, at + 1))
        return until - before

    def earned(self, row):
        """What the span has earned by the window, and by the one before. Limits of the agreement come later, and what is set off. Draws add nothing."""
        if row["payout_id"] not in self.earnings:
            earlier, s = self.earlier[row["payout_id"]], self.position(row)
            result = SimpleNamespace(position=s, reason=s.reasons[0] if s.reasons else "", curve=ZERO, tier=0, multiplier=ONE, gate=ONE, earned=ZERO)
            result.prior = self.earned(earlier).so_far if earlier and earlier["span_start"] == row["span_start"] else ZERO
            if not result.reason and "draw" not in self.clause(row).keys:
                exact = self.earn(row, result)
                result.whole = self.rounded(exact, row)
                result.earned = self.member_part(row, exact) if self.clause(row).is_placed else result.whole
            result.so_far = result.prior if result.reason else result.earned
            self.earnings[row["payout_id"]] = result
        return self.earnings[row["payout_id"]]

    def added(self, row):
        result = self.earned(row)
        return ZERO if result.reason else result.earned - result.prior

    def limited(self, row):
        """What the window adds, within limits of the agreement on the sum of its benefits: those of the version in force on the last day of their span."""
        versions = [clause.agreement for (name, *_), clause in self.clauses.items() if name == row["agreement_id"]]
        per = next((agreement["limits"]["per"] for agreement in versions if "limits" in agreement), None)
        if per is None or "manual" in self.clause(row).keys:
            return self.added(row)
        last = self.limited_until(row, per)
        in_force = [v for v in versions if self.versions[row["agreement_id"], str(v.get("version", 1))]["effective_date"] <= last.isoformat()]
        limits = max(in_force, key=lambda v: v.get("version", 1)).get("limits", {})
        together = [each for each in self.of_participant[(row["participant_id"],)] if each["agreement_id"] == row["agreement_id"]
                    and not {"draw", "manual"} & self.clause(each).keys and self.limited_until(each, per) == last]  # fmt: skip
        together.sort(key=lambda each: (each["window_end"], self.clause(each).position))
        sums, most = [ZERO], Fraction(limits.get("at_most", 10**30))
        for each in together:
            sums.append(sums[-1] + self.added(each))
        at = together.index(row)
        lifts = "at_least" in limits and at + 1 == len(together) and last <= self.as_of and not any(self.earned(each).reason for each in together)
        return min(sums[at + 1], most) - min(sums[at], most) + (max(Fraction(limits["at_least"]) - min(sums[-1], most), ZERO) if lifts else ZERO)

    def limited_until(self, row, per):
        """The last day of the span whose sum is limited."""
        clause, end = self.clause(row), day(row["window_end"])
        term = day(clause.agreement["term"]["to"])
        return {"window": end, "term": term}.get(per) or min(self.block(end, 12, clause.starts)[1], term)

    def settle(self, row):
        """The result of a payout, before other agreements of its group are looked at: what its window adds, less what is carried on to be set off."""
        if row["payout_id"] not in self.results:
            earlier, clause = self.earlier[row["payout_id"]], self.clause(row)
            if not earlier:  # a draw may go on with the balance of another agreement
                earlier = next(reversed(self.series[str(clause.benefit.get("draw", {}).get("from")), row["benefit_id"], row["participant_id"]]), None)
            owed = (self.settle(earlier).carried if earlier else ZERO) + self.opened[row["payout_id"]]
            result, rule = SimpleNamespace(**{**vars(self.earned(row)), "payout": ZERO}), clause.benefit.get("settle", {}).get("clawback", "carry")
            if "draw" in clause.keys:  # its only tier is from 0 on
                result.tier, (result.earned, result.payout, owed, result.reason) = 1, self.draw(row, owed)
            else:
                difference = self.limited(row) - owed
                if not result.reason:
                    result.payout, owed = (difference, ZERO) if rule == "pay" else (max(difference, ZERO), max(-difference, ZERO))
            result.carried = ZERO if rule == "none" and self.is_last_of_span(row) else owed
            self.results[row["payout_id"]] = result
        return self.results[row["payout_id"]]

    def draw(self, row, balance):
        """What a draw pays, its balance then, and why it is blocked: what the benefits that it is against lack of its amount, or take off the balance."""
        draw = self.clause(row).benefit["draw"]
        against = [each for other in draw["against"] for each in self.series[row["agreement_id"], str(other), row["participant_id"]]]
        results = [self.settle(each) for each in against if row["window_start"] <= each["window_end"] <= row["window_end"]]
        lacks = self.rounded(Fraction(draw["amount"]) * self.part_of_window(row), row) - sum(result.payout for result in results)
        unit = self.clause(row).unit(self.settings)
        ceiling = Fraction(draw.get("ceiling", 10**30)) // unit * unit  # never more than what is agreed
        if any(result.reason for result in results):
            return ZERO, ZERO, balance, "benefit_blocked"
        paid = max(min(lacks, max(ceiling - balance, ZERO)) if draw.get("recover") else lacks, -balance)
        return paid, paid, balance + (paid if lacks < 0 or draw.get("recover") else ZERO), ""

    def rounded(self, amount, row):
        return round_to(amount, self.clause(row).unit(self.settings), self.half_even)

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
        result, lines, clause, s = self.combined(row), self.lines[row["payout_id"]], self.clause(row), self.alone(row)
        m, e, q = self.own(row) if clause.is_placed else (s.m, s.e, s.q)
        e = s.e if clause.is_increment else e
        expected = {"payout": result.payout, "prior_earned": result.prior, "carried": result.carried}
        if not s.reasons and result.reason != "benefit_blocked":
            expected.update(measure=m, base=e, quantity=q, pool_measure=s.m if clause.is_placed else None, target=s.t, baseline=s.b, incentive=s.k)
            expected.update(tier=result.tier, curve_payout=result.curve, earned=result.earned)
            expected.update(axis_value=None if "each" in clause.keys else s.x[clause.axes[0]], multiplier=result.multiplier, gate_factor=result.gate)
        found = [f"{key} is {shown(value)}, published {row[key] or 'nothing'}" for key, value in expected.items() if published(value) != number(row[key])]
        if result.reason != row["status_reason"]:
            found.append(f"the reason is {result.reason or 'none'}, published {row['status_reason'] or 'none'}")
        if lines.shared != (number(row["payout"]) or ZERO):
            found.append(f"its lines add up to {shown(lines.shared)}, published {row['payout']}")
        of_lines = (self.lines, self.span_lines, self.prior, self.over_lines)
        return [problem for each in of_lines for problem in each[row["payout_id"]].problems] + found


def recompute(book, payout_id):
    """One payout as an entry of the answer: it agrees, differs, or cannot be recomputed."""
    row, outcome, payout, problems = book.payouts.get(payout_id, {}), "cannot", "", ["the pack does not have it"]
    try:
        if row:
            problems = book.differences(row)
            outcome, payout = "differs" if problems else "agrees", f"{shown(book.combined(row).payout)} {row['currency']}"
    except (CannotRecompute, KeyError, ValueError, TypeError, ZeroDivisionError) as error:
        problems = [str(error) if isinstance(error, CannotRecompute) else f"{type(error).__name__}: {error}"]
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
    counts = {outcome: sum(each["outcome"] == outcome for each in answers) for outcome in ("agrees", "differs", "cannot")}
    texts = [["{outcome:<8}{payout_id}  {name}  {payout}".format(**each).rstrip(), *each["problems"]] for each in answers]
    texts.append(["{agrees} agree, {differs} differ, {cannot} could not be recomputed".format(**counts)])
    print(json.dumps({**counts, "payouts": answers}, indent=1) if asked.json else "\n".join("\n            ".join(lines) for lines in texts))
    return 2 if counts["cannot"] else 1 if counts["differs"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
