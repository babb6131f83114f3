"""An explanation in words and formatted numbers, the same for the terminal and the page.

Belongs here: the label and unit of each value. Does not belong here: layout (the command and its templates), reading (assets/published/explanation.py).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import PurePath
from typing import Any

from assets.published.explanation import Explanation
from assets.published.formatting import money, number, percent, readable, slashed
from models.feeds.row_places import name_place

Pairs = list[tuple[str, str]]

_STATUS = {
    "open": "open: the window is still running, the amount may change",
    "final": "final: the window has ended",
    "closed": "closed: its period is closed",
    "blocked": "blocked: something it needs is missing, so nothing is paid",
}
#: What to do about each reason for which a payout is blocked; docs/language.md says the same.
WAYS_OUT = {
    "fx": "Send the rate: direct, from the line's currency to the agreement's, dated on or before the day; or fix it in the agreement (fx: {fixed: …}).",
    "cost": "Send the lines without a cost again, complete.",
    "quantity": "Send the lines without a quantity again, complete.",
    "attribute": "Send the lines again whose measured attribute is missing or is no number.",
    "target_missing": "Send a row of the targets feed with agreement, benefit, participant, the start of the window and a target.",
    "baseline_missing": "Send a row of the targets feed with agreement, benefit, participant, the start of the window and a baseline.",
    "incentive_missing": "Send a row of the targets feed with agreement, benefit, participant, the start of the window and an incentive.",
    "target_not_positive": "Correct the target: it is 0 or less.",
    "baseline_not_positive": "Give the participant a baseline of its own in the targets feed, or agree `by: growth_amount`: the prior year is 0 or less.",
    "metric_missing": "Send a value of the metric that is dated in the window.",
    "divisor_not_positive": "Nothing needs doing if nothing was sold: the sum that a ratio divides by is 0 or less. Otherwise correct the lines.",
    "benefit_missing": "Wait until the other benefit's window that ends on the same day begins; if it has none, correct `by` in the agreement.",
    "benefit_blocked": "Look up the other benefit's payout: it is blocked, or it has no such figure.",
}
METHODS = {
    "whole": "the tier reached applies to the whole base",
    "graduated": "each tier applies to the part of the measure inside it",
    "linear": "between two points the value is interpolated",
    "rolling": "each tier reached applies to the measure up to where the next one begins",
    "total": "the rates of all tiers reached add up, on the whole base",
    "running": "each line is paid by the tier that the measure has reached with it",
    "matrix": "the row and the column reached give the cell; between the points it is interpolated where the matrix is linear",
}
_FORMS = {"rate": "rate", "per_unit": "per unit", "amount": "amount", "share": "share"}
#: Steps whose result is a plain number.
_FACTORS = ("tier", "quantity", "multiply", "require", "prorate", "part")
_PERCENT_AXES = ("attainment", "growth", "percentile")
_MONEY_MEASURES = ("amount", "margin", "cost")
#: Numbers of a thousand and more, and those with many decimals.
_LONG_NUMBER = re.compile(r"(?<![\w.\-])-?(?:\d{4,}(?:\.\d+)?|\d+\.\d{7,})(?![\w\-])")
#: What was computed is shown with so many decimals at most, and percentages with two.
_DECIMALS = 6


@dataclass(frozen=True)
class Table:
    """Headings and formatted cells. `marked`: the highlighted row. `right`: the right-aligned columns of numbers."""

    headings: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    right: frozenset[int] = field(default_factory=frozenset)
    marked: int | None = None


@dataclass(frozen=True)
class ExplanationView:
    """What is shown, in order. `named_lines`: the lines with names beside ids, for a page, which is wider than a terminal."""

    headline: str
    amount: str
    blocked: tuple[str, str] | None
    subject: Pairs
    quote: str | None
    money: Pairs
    adjustments: Table
    disputes: Table
    releases: Table
    payments: Table
    batches: Table
    accruals: Table
    outlook: Pairs
    figures: Pairs
    tiers: Table
    tier_note: str
    steps: Table
    lines: Table
    named_lines: Table
    line_note: str
    line_sum: str
    files: Table


def present(explanation: Explanation) -> ExplanationView:
    """The explanation as a person reads it."""
    e = explanation
    payout, currency = e.payout, e.payout["currency"]
    who = e.participant.get("name")
    participant = f"{who} ({payout['participant_id']})" if who else payout["participant_id"]
    pays = f"{participant} owes us" if payout["direction"] == "receivable" else f"We owe {participant}"
    return ExplanationView(
        headline=pays,
        amount=money(payout["payout"], currency),
        blocked=_blocked(e),
        subject=_subject(e),
        quote=e.benefit.get("quote"),
        money=_money(e),
        adjustments=_adjustments(e),
        disputes=_disputes(e),
        releases=_releases(e),
        payments=_payments(e),
        batches=_batches(e),
        accruals=_accruals(e),
        outlook=_outlook(e),
        figures=_figures(e),
        tiers=tier_table(e.benefit, [] if is_draw(e.benefit) else e.tiers, payout["currency"]),
        tier_note=pays_note(e.benefit),
        steps=_steps(e),
        lines=_lines(e),
        named_lines=_lines(e, has_names=True),
        line_note=_line_note(e),
        line_sum=money(e.line_sum, currency),
        files=Table(
            ("file", "lines", "share"),
            [(f["source_file"] or "no transaction", number(f["lines"]), money(f["line_payout"], currency)) for f in e.files],
            frozenset({1, 2}),
        ),
    )


def _subject(e: Explanation) -> Pairs:
    payout, agreement = e.payout, e.agreement
    title = agreement.get("title")
    status = _STATUS.get(payout["status"], str(payout["status"]))
    pairs = [
        ("Agreement", f"{payout['agreement_id']}, version {payout['agreement_version']}" + (f": {title}" if title else "")),
        ("Clause", f"{payout['clause']} ({payout['benefit_id']})"),
        ("Window", f"{payout['window_start']} to {payout['window_end']}"),
        ("Status", status + (f" ({payout['status_reason']})" if payout["status_reason"] else "")),
    ]
    if payout["span_start"] != payout["window_start"]:
        pairs.insert(3, ("Measured from", f"{payout['span_start']}, the start of the span that accumulates"))
    if agreement.get("approved_by"):
        pairs.append(("Approved", f"by {agreement['approved_by']} on {agreement['approved_date']}"))
    else:
        pairs.append(("Approved", "not yet"))
    if agreement.get("document"):
        pairs.append(("Contract", str(agreement["document"])))
    if agreement.get("source_file"):
        pairs.append(("Written in", f"{agreement['source_file']}:{agreement['source_line']}"))
    return [*pairs, ("Payout id", payout["payout_id"]), ("Run", _run(e)), *_computed(e)]


def _run(e: Explanation) -> str:
    """The run that published it, when, and the day that it computes up to."""
    name = str(e.payout["run_id"])
    return f"{name}, {e.run['finished_at']:%Y-%m-%d %H:%M} UTC, as of {e.run['as_of']}" if e.run else name


def _computed(e: Explanation) -> Pairs:
    """In which run the payout was computed, and why."""
    if e.computed is None:
        return []
    if e.computed.run_id == e.payout["run_id"]:
        return [("Computed", f"in this run: {e.computed.why}")]
    return [("Computed", f"in run {e.computed.run_id} ({e.computed.why}), and not since: nothing that it is computed from has changed")]


def _blocked(e: Explanation) -> tuple[str, str] | None:
    """What is missing, and what to do about it; None where nothing is."""
    payout = e.payout
    if payout["status"] != "blocked":
        return None
    reason = str(payout["status_reason"])
    found = "; ".join(str(step["inputs"] or step["formula"]) for step in e.steps if step["step"] == "blocked")
    return found or reason.replace("_", " "), WAYS_OUT.get(reason, "")


def _money(e: Explanation) -> Pairs:
    """What was earned, is paid, and is still open."""
    payout, currency = e.payout, e.payout["currency"]
    pairs = [("Earned", money(payout["earned"], currency))]
    for name, label in (("prior_earned", "Earned before"), ("carried", "Balance of the draw" if is_draw(e.benefit) else "Still to set off")):
        if payout[name]:
            pairs.append((label, money(payout[name], currency)))
    pairs.append(("Payout", money(payout["payout"], currency)))
    if payout["payout_reporting"] is not None and payout["payout_reporting"] != payout["payout"]:
        pairs.append(("Reported", number(payout["payout_reporting"], 2)))
    if payout["adjusted"]:
        pairs += [("Adjusted", money(payout["adjusted"], currency)), ("Payable", money(payout["payable"], currency))]
    pairs.append(("Paid", money(payout["settled"], currency)))
    if payout["written_off"]:
        pairs.append(("Written off", money(payout["written_off"], currency)))
    pairs.append(("Open", money(payout["open_amount"], currency)))
    if payout["held"]:
        pairs.append(("Held", f"{money(payout['held'], currency)}: {_why_held(e)}"))
    if payout["waiting"]:
        pairs.append(("Not due yet", money(payout["waiting"], currency)))
    pairs.append(("Due", str(payout["due_date"] or f"once {money(e.benefit['minimum'], currency)} have gathered, or the term ends")))
    return pairs


def _why_held(e: Explanation) -> str:
    disputed, collected = sum(part["disputed"] for part in e.releases), e.releases[0]["collected"]
    found = []
    if collected is not None and disputed < e.payout["held"]:
        found.append(f"customers have paid {percent(readable(collected, 4))} of what it is for")
    if disputed:
        found.append(f"{money(disputed, e.payout['currency'])} of it is disputed")
    return "; ".join(found)


def _disputes(e: Explanation) -> Table:
    """What people dispute of it."""
    rows = [
        (
            each["dispute_id"], str(each["raised_on"]), each["raised_by"], money(each["disputed_amount"], e.payout["currency"]),
            slashed(each["transaction_id"], each["line"]) or "the payout", each["component"] or "–", each["reason"],
            each["status"].replace("_", " ") + (f" on {each['resolved_on']}" if each["resolved_on"] else ""), each["note"] or "",
            f"{each['source_file']} row {each['source_row']}",
        )
        for each in e.disputes
    ]  # fmt: skip
    return Table(("dispute", "raised", "by", "amount", "of", "component", "reason", "state", "note", "from"), rows, frozenset({3}))


def _adjustments(e: Explanation) -> Table:
    """What people added to it or took off it."""
    rows = [
        (
            str(each["date"]), money(each["amount"], e.payout["currency"]), each["reason"], each["made_by"], each["approved_by"] or "nobody",
            each["status"].replace("_", " "), f"{each['source_file']} row {each['source_row']}",
        )
        for each in e.adjustments
    ]  # fmt: skip
    return Table(("date", "amount", "reason", "made by", "approved by", "state", "from"), rows, frozenset({1}))


def _payments(e: Explanation) -> Table:
    """What was paid, and where it was paid in a named currency, what that was worth more or less (in the reporting currency)."""
    rows = [
        (
            str(each["paid_on"]), each["reference"], money(each["paid_amount"], each["paid_currency"]), money(each["amount"], e.payout["currency"]),
            "–" if each["exchange_difference"] is None else number(each["exchange_difference"], 2), f"{each['source_file']} row {each['source_row']}",
        )
        for each in e.payments
    ]  # fmt: skip
    return Table(("paid on", "reference", "paid", "settles", "exchange difference", "from"), rows, frozenset({2, 3, 4}))


def _releases(e: Explanation) -> Table:
    """The parts in which it falls due, where there are several."""
    currency = e.payout["currency"]
    parts = e.releases if len(e.releases) > 1 else []
    rows = [
        (str(part["due_date"]), percent(readable(part["share"], 4)), money(part["amount"], currency), money(part["settled"], currency), part["status"])
        for part in parts
    ]
    return Table(("due", "part", "amount", "paid", "state"), rows, frozenset({1, 2, 3}))


def _batches(e: Explanation) -> Table:
    """The payment batches that it is in, part by part."""
    currency = e.payout["currency"]
    rows = [
        (
            str(each["batch_no"]), str(each["release_no"]), money(each["amount"], currency), money(each["confirmed_amount"], currency), each["state"],
            each["reference"], each["proposed_by"], each["approved_by"] or "nobody",
        )
        for each in e.batches
    ]  # fmt: skip
    return Table(("batch", "part", "amount", "paid", "state", "reference", "proposed by", "approved by"), rows, frozenset({2, 3}))


def _accruals(e: Explanation) -> Table:
    """What was accrued, month by month."""
    currency = e.payout["currency"]
    rows = [
        (
            row["period"],
            money(row["accrual"], currency),
            money(row["accrued_to_date"], currency),
            "posted" if row["is_posted"] else "may change",
            ", ".join(f"{each['reason']} {money(each['accrual'], currency)}" for each in row["differences"]),
        )
        for row in e.accruals
    ]
    headings = ("period", "accrued in it", "to date", "state", "of it for earlier periods")
    shown = len(headings) if any(row[-1] for row in rows) else len(headings) - 1
    return Table(headings[:shown], [row[:shown] for row in rows], frozenset({1, 2}))


def _outlook(e: Explanation) -> Pairs:
    """Of a window that is still running: the next tier, and where it leads if it goes on like this."""
    payout, currency, achieved = e.payout, e.payout["currency"], e.achievement
    if payout["status"] != "open" or not achieved:
        return []
    pairs = [("Days", f"{number(achieved['days_gone'])} of {number(achieved['days_total'])}")]
    if is_draw(e.benefit):
        return pairs
    if achieved["gap_to_next_tier"] is not None:
        gap = in_unit(readable(achieved["gap_to_next_tier"], 2), measure_unit(e.benefit), currency)
        pairs.append(("Next tier", f"from {computed_in(achieved['next_tier_from'], axis_unit(e.benefit), currency)}: {gap} to go"))
    if achieved["projected_measure"] is not None:
        pairs.append(("Forecast", f"{computed_in(achieved['projected_measure'], measure_unit(e.benefit), currency)}, tier {achieved['tier_forecast']}"))
    if achieved.get("projected_payout") is not None:
        pairs.append(("It would pay", money(achieved["projected_payout"], currency)))
    return pairs


def _figures(e: Explanation) -> Pairs:
    payout, currency = e.payout, e.payout["currency"]
    if is_draw(e.benefit):
        return []
    pairs = [("Measure", computed_in(payout["measure"], measure_unit(e.benefit), currency))]
    if payout.get("pool_measure") is not None:
        pairs.append(("Measure of the pool", computed_in(payout["pool_measure"], measure_unit(e.benefit), currency)))
    if e.benefit.get("base") != "measure" and payout["base"] is not None:
        pairs.append(("Base", computed_in(payout["base"], base_unit(e.benefit), currency)))
    if payout["quantity"] is not None:
        pairs.append(("Quantity", number(payout["quantity"])))
    for name, unit in (("target", measure_unit(e.benefit)), ("baseline", measure_unit(e.benefit)), ("incentive", "money")):
        if payout[name] is not None:
            pairs.append((name.capitalize(), computed_in(payout[name], unit, currency)))
    for seen in e.earlier:
        label = "Lines of the year before" if seen["counts_for"] == "prior" else "Lines that are measured"
        measured = computed_in(seen["credited_measure"], measure_unit(e.benefit), currency)
        pairs.append((label, f"{number(seen['lines'])}, {measured}, from {seen['first_date']} to {seen['last_date']}"))
    if payout["axis_value"] is not None and e.benefit.get("by_axis") != "measure":
        axis = str(e.benefit.get("by_axis", "axis")).replace("_", " ").capitalize()
        pairs.append((axis, computed_in(payout["axis_value"], axis_unit(e.benefit), currency)))
    pairs.append(("Tier", str(payout["tier"]) if payout["tier"] else "none reached" if payout["tier"] == 0 else "–"))
    for name, label in (("multiplier", "Multiplier"), ("gate_factor", "Gates let through")):
        if payout[name] is not None and payout[name] != 1:
            pairs.append((label, number(readable(payout[name], 6)) if name == "multiplier" else percent(payout[name])))
    return pairs


def tier_table(benefit: Mapping[str, Any], tiers: Sequence[Mapping[str, Any]], currency: str) -> Table:
    """The tiers as agreed, or the grid. `is_reached` of a tier marks its row."""
    if benefit.get("method") == "matrix":
        return _grid(benefit, tiers, currency)
    forms = [form for form in _FORMS if any(tier.get(form) is not None for tier in tiers)]
    unit = axis_unit(benefit)
    rows, marked = [], None
    for position, tier in enumerate(tiers):
        ends = f"below {in_unit(tier['to_value'], unit, currency)}" if tier["to_value"] is not None else "and above"
        if benefit.get("boundary") == "upper_inclusive" and tier["to_value"] is not None:
            ends = f"up to {in_unit(tier['to_value'], unit, currency)}"
        if tier["is_reached"]:
            marked = position
        rows.append((str(tier["tier"]), in_unit(tier["from_value"], unit, currency), ends, *(pays(form, tier.get(form), currency) for form in forms)))
    headings = ("tier", "from", "to", *(_FORMS[form] for form in forms))
    return Table(headings, rows, frozenset(range(1, len(headings))), marked)


def _grid(benefit: Mapping[str, Any], tiers: Sequence[Mapping[str, Any]], currency: str) -> Table:
    """A matrix as agreed: a row per tier, with what each column's cell pays."""
    matrix, unit = json.loads(benefit["definition"])["matrix"], axis_unit(benefit)
    by = matrix["columns"]["by"]
    side, in_percent = (by, by in _PERCENT_AXES) if isinstance(by, str) else (next(iter(by.values())), False)
    columns = [percent(Decimal(place)) if in_percent else number(Decimal(place)) for place in matrix["columns"]["from"]]
    rows, marked = [], None
    for position, tier in enumerate(tiers):
        cells = [" + ".join(pays(form, Decimal(grid[position][n]), currency) for form in _FORMS if (grid := matrix.get(form))) for n in range(len(columns))]
        marked = position if tier["is_reached"] else marked
        rows.append((str(tier["tier"]), in_unit(tier["from_value"], unit, currency), *cells))
    headings = ("tier", "from", *(f"{side} from {place}" for place in columns))
    return Table(headings, rows, frozenset(range(1, len(headings))), marked)


def is_draw(benefit: Mapping[str, Any]) -> bool:
    """Whether the benefit pays what others leave of an amount, and has no curve."""
    return benefit.get("draw_amount") is not None


def pays_note(benefit: Mapping[str, Any]) -> str:
    """How the benefit pays, in a sentence."""
    if is_draw(benefit):
        recovers = "what it pays in advance is taken back later" if benefit["draw_recovers"] else "nothing of it is taken back"
        return f"it pays what {benefit['draw_against']} leaves of the amount; {recovers}"
    method, each = METHODS.get(str(benefit.get("method")), ""), benefit.get("each")
    return f"lines with one {each} are a group with a place of its own: {method}" if each else method


def _steps(e: Explanation) -> Table:
    currency = e.payout["currency"]
    rows = [
        (
            str(step["step_no"]),
            step["step"],
            step["formula"],
            _LONG_NUMBER.sub(lambda found: number(readable(found[0], _DECIMALS)), step["inputs"] or ""),
            computed_in(step["result"], step_unit(e.benefit, step["step"], step["formula"]), currency),
        )
        for step in e.steps
    ]
    return Table(("", "step", "formula", "with", "result"), rows, frozenset({4}))


def _lines(e: Explanation, has_names: bool = False) -> Table:
    currency = e.payout["currency"]
    has_foreign = any(line["currency"] not in (None, currency) for line in e.lines)
    rows = []
    for line in e.lines:
        transaction = f"{line['transaction_id']}/{line['line']}" if line["transaction_id"] is not None else "–"
        file = line["source_file"]
        place = f"{PurePath(file).name}, {name_place(file, line['source_row'], line['source_line'])}" if file else "–"
        rate = (_rate(line) if line["currency"] not in (None, currency) else "",) if has_foreign else ()
        rows.append(
            (
                str(line["date"] or "–"),
                transaction,
                _named(line["partner_id"], line["partner_name"] if has_names else None),
                _named(line["product_id"], line["product_name"] if has_names else None),
                money(line["amount"], line["currency"] or currency),
                *rate,
                str(line["tier"] if line["tier"] is not None else "–"),
                computed_in(line["credited_measure"], line_unit(e.benefit), currency),
                money(line["line_payout"], currency),
                place,
            )
        )
    headings = (
        "date",
        "transaction",
        "partner",
        "product",
        "amount",
        *(("rate",) if has_foreign else ()),
        "tier",
        "credited",
        "share",
        "file and line",
    )
    return Table(headings, rows, frozenset(range(4, len(headings) - 1)))


def _named(identifier: str | None, name: str | None) -> str:
    """An id with the name beside it."""
    if identifier is None:
        return "–"
    return f"{identifier} {name}" if name and name != identifier else identifier


def _rate(line: Mapping[str, Any]) -> str:
    """The rate as the feed has it: `1 / 0.86595` is the inverse of one of the reverse pair."""
    return number(line["fx_rate"]) if line["inverted_rate"] is None else f"1 / {number(line['inverted_rate'])}"


def _line_note(e: Explanation) -> str:
    shown, currency = len(e.lines), e.payout["currency"]
    if not e.line_count:
        return "No line has a part of it."
    if shown == e.line_count:
        return f"All {number(shown)} rows, one per line and tier; their shares add up to the payout."
    rest = e.line_sum - sum((line["line_payout"] for line in e.lines), Decimal(0))
    message = f"The first {number(shown)} of {number(e.line_count)} rows, one per line and tier; the others share {money(rest, currency)}."
    return f"{message} Together they add up to the payout."


def measure_unit(benefit: Mapping[str, Any]) -> str:
    """A number of multiples or values is a count, whatever its lines measure."""
    return "count" if benefit.get("measure_every") is not None or benefit.get("measure_distinct") else line_unit(benefit)


def line_unit(benefit: Mapping[str, Any]) -> str:
    return "money" if benefit.get("measure_times") is None and benefit.get("measure") in (*_MONEY_MEASURES, "distinct") else "count"


def base_unit(benefit: Mapping[str, Any]) -> str:
    base = benefit.get("base")
    if base in ("measure", "increment"):
        return measure_unit(benefit)
    return "money" if base in _MONEY_MEASURES else "count"


def axis_unit(benefit: Mapping[str, Any]) -> str:
    by = benefit.get("by_axis")
    if by in _PERCENT_AXES:
        return "percent"
    return measure_unit(benefit) if by in ("measure", "growth_amount") else "count"


def place_unit(benefit: Mapping[str, Any], formula: str) -> str:
    """The unit of a position on an axis, which may be that of a gate, a multiplier or a matrix's columns."""
    _, _, value = formula.partition("x = ")
    if value in ("M / T", "M / B − 1") or value.startswith("share of"):
        return "percent"
    return measure_unit(benefit) if value in ("M", "M − B") else "count"


def step_unit(benefit: Mapping[str, Any], step: str, formula: str) -> str:
    """The unit of a step's result."""
    if step == "axis":
        return place_unit(benefit, formula)
    if step in ("measure", "target", "baseline"):
        return measure_unit(benefit)
    return base_unit(benefit) if step == "base" else "count" if step in _FACTORS else "money"


def pays(form: str, value: Decimal | None, currency: str) -> str:
    if value is None:
        return "–"
    return percent(value) if form in ("rate", "share") else money(value, currency)


def computed_in(value: Any, unit: str, currency: str) -> str:
    """A computed value in its unit, with the decimals that people read."""
    return in_unit(readable(value, 4 if unit in ("percent", "money") else _DECIMALS), unit, currency)  # 4: two decimals of a percent


def in_unit(value: Any, unit: str, currency: str) -> str:
    if unit == "money":
        return money(value, currency)
    return percent(value) if unit == "percent" else number(value)
