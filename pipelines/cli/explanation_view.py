"""An explanation in words and formatted numbers, the same for the terminal and the page.

Belongs here: the label and unit of each value. Does not belong here: layout (explain.py, templates/), reading (assets/published/explanation.py).
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
from models.feeds.row_places import name_place
from pipelines.cli.formatting import money, number, percent

Pairs = list[tuple[str, str]]

_STATUS = {
    "open": "open: the window is still running, the amount may change",
    "final": "final: the window has ended",
    "closed": "closed: its period is closed",
    "blocked": "blocked: something it needs is missing, so nothing is paid",
}
METHODS = {
    "whole": "the tier reached applies to the whole base",
    "graduated": "each tier applies to the part of the measure inside it",
    "linear": "between two points the value is interpolated",
    "rolling": "each tier reached applies to the measure up to where the next one begins",
    "total": "the rates of all tiers reached add up, on the whole base",
    "matrix": "the row and the column reached give the cell; between the points it is interpolated where the matrix is linear",
}
_FORMS = {"rate": "rate", "per_unit": "per unit", "amount": "amount", "share": "share"}
#: Steps whose result is a plain number.
_FACTORS = ("tier", "quantity", "multiply", "require", "prorate")
_PERCENT_AXES = ("attainment", "growth", "percentile")
_MONEY_MEASURES = ("amount", "margin", "cost")
_LONG_NUMBER = re.compile(r"(?<![\w.\-])-?\d{4,}(?:\.\d+)?(?![\w\-])")


@dataclass(frozen=True)
class Table:
    """Headings and formatted cells. `marked`: the highlighted row. `right`: the right-aligned columns of numbers."""

    headings: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    right: frozenset[int] = field(default_factory=frozenset)
    marked: int | None = None


@dataclass(frozen=True)
class ExplanationView:
    """What is shown, in order."""

    headline: str
    amount: str
    subject: Pairs
    quote: str | None
    figures: Pairs
    tiers: Table
    tier_note: str
    steps: Table
    lines: Table
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
        subject=_subject(e),
        quote=e.benefit.get("quote"),
        figures=_figures(e),
        tiers=_tiers(e),
        tier_note=_tier_note(e),
        steps=_steps(e),
        lines=_lines(e),
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
    if payout["due_date"]:
        pairs.append(("Due", str(payout["due_date"])))
    if agreement.get("document"):
        pairs.append(("Contract", str(agreement["document"])))
    if agreement.get("source_file"):
        pairs.append(("Written in", f"{agreement['source_file']}:{agreement['source_line']}"))
    return [*pairs, ("Payout id", payout["payout_id"]), ("Run", payout["run_id"]), *_computed(e)]


def _computed(e: Explanation) -> Pairs:
    """In which run the payout was computed, and why."""
    if e.computed is None:
        return []
    if e.computed.run_id == e.payout["run_id"]:
        return [("Computed", f"in this run: {e.computed.why}")]
    return [("Computed", f"in run {e.computed.run_id} ({e.computed.why}), and not since: nothing that it is computed from has changed")]


def _figures(e: Explanation) -> Pairs:
    payout, currency = e.payout, e.payout["currency"]
    pairs = [("Measure", _in_unit(payout["measure"], _measure_unit(e), currency))]
    if e.benefit.get("base") != "measure" and payout["base"] is not None:
        pairs.append(("Base", _in_unit(payout["base"], _base_unit(e), currency)))
    if payout["quantity"] is not None:
        pairs.append(("Quantity", number(payout["quantity"])))
    for name, unit in (("target", _measure_unit(e)), ("baseline", _measure_unit(e)), ("incentive", "money")):
        if payout[name] is not None:
            pairs.append((name.capitalize(), _in_unit(payout[name], unit, currency)))
    if payout["axis_value"] is not None and e.benefit.get("by_axis") != "measure":
        pairs.append((str(e.benefit.get("by_axis", "axis")).replace("_", " ").capitalize(), _in_unit(payout["axis_value"], _axis_unit(e), currency)))
    pairs.append(("Tier", str(payout["tier"]) if payout["tier"] else "none reached" if payout["tier"] == 0 else "–"))
    for name, label in (("multiplier", "Multiplier"), ("gate_factor", "Gates let through")):
        if payout[name] is not None and payout[name] != 1:
            pairs.append((label, number(payout[name]) if name == "multiplier" else percent(payout[name])))
    for name, label in (("earned", "Earned"), ("prior_earned", "Earned before"), ("carried", "Still to set off")):
        if payout[name] is not None and (name == "earned" or payout[name] != 0):
            pairs.append((label, money(payout[name], currency)))
    return pairs


def _tiers(e: Explanation) -> Table:
    if e.benefit.get("method") == "matrix":
        return _grid(e)
    forms = [form for form in _FORMS if any(tier.get(form) is not None for tier in e.tiers)]
    currency, unit = e.payout["currency"], _axis_unit(e)
    rows, marked = [], None
    for position, tier in enumerate(e.tiers):
        ends = f"below {_in_unit(tier['to_value'], unit, currency)}" if tier["to_value"] is not None else "and above"
        if e.benefit.get("boundary") == "upper_inclusive" and tier["to_value"] is not None:
            ends = f"up to {_in_unit(tier['to_value'], unit, currency)}"
        if tier["is_reached"]:
            marked = position
        rows.append((str(tier["tier"]), _in_unit(tier["from_value"], unit, currency), ends, *(_pays(form, tier.get(form), currency) for form in forms)))
    headings = ("tier", "from", "to", *(_FORMS[form] for form in forms))
    return Table(headings, rows, frozenset(range(1, len(headings))), marked)


def _grid(e: Explanation) -> Table:
    """A matrix as agreed: a row per tier, with what each column's cell pays."""
    matrix, currency, unit = json.loads(e.benefit["definition"])["matrix"], e.payout["currency"], _axis_unit(e)
    by = matrix["columns"]["by"]
    side, in_percent = (by, by in _PERCENT_AXES) if isinstance(by, str) else (next(iter(by.values())), False)
    columns = [percent(Decimal(place)) if in_percent else number(Decimal(place)) for place in matrix["columns"]["from"]]
    rows, marked = [], None
    for position, tier in enumerate(e.tiers):
        cells = [" + ".join(_pays(form, Decimal(grid[position][n]), currency) for form in _FORMS if (grid := matrix.get(form))) for n in range(len(columns))]
        marked = position if tier["is_reached"] else marked
        rows.append((str(tier["tier"]), _in_unit(tier["from_value"], unit, currency), *cells))
    headings = ("tier", "from", *(f"{side} from {place}" for place in columns))
    return Table(headings, rows, frozenset(range(1, len(headings))), marked)


def _tier_note(e: Explanation) -> str:
    note = METHODS.get(str(e.benefit.get("method")), "")
    gap, following = e.achievement.get("gap_to_next_tier"), e.achievement.get("next_tier_from")
    if gap is not None and following is not None and e.payout["status"] == "open":
        note += f". {_in_unit(gap, _measure_unit(e), e.payout['currency'])} to go to the next tier"
    return note


def _steps(e: Explanation) -> Table:
    currency = e.payout["currency"]
    measure, base = _measure_unit(e), _base_unit(e)
    units = {"measure": measure, "base": base, "target": measure, "baseline": measure} | dict.fromkeys(_FACTORS, "count")
    rows = [
        (
            str(step["step_no"]),
            step["step"],
            step["formula"],
            _LONG_NUMBER.sub(lambda found: number(Decimal(found[0])), step["inputs"] or ""),
            _in_unit(step["result"], _place_unit(e, step["formula"]) if step["step"] == "axis" else units.get(step["step"], "money"), currency),
        )
        for step in e.steps
    ]
    return Table(("", "step", "formula", "with", "result"), rows, frozenset({4}))


def _lines(e: Explanation) -> Table:
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
                str(line["partner_id"] or "–"),
                str(line["product_id"] or "–"),
                money(line["amount"], line["currency"] or currency),
                *rate,
                str(line["tier"] if line["tier"] is not None else "–"),
                _in_unit(line["credited_measure"], _measure_unit(e), currency),
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


def _rate(line: Mapping[str, Any]) -> str:
    """The rate as the feed has it: `1 / 0.86595` is the inverse of one of the reverse pair."""
    return number(line["fx_rate"]) if line["inverted_rate"] is None else f"1 / {number(line['inverted_rate'])}"


def _line_note(e: Explanation) -> str:
    shown, currency = len(e.lines), e.payout["currency"]
    if shown == e.line_count:
        return f"All {number(shown)} rows, one per line and tier; their shares add up to the payout."
    rest = e.line_sum - sum((line["line_payout"] for line in e.lines), Decimal(0))
    message = f"The first {number(shown)} of {number(e.line_count)} rows, one per line and tier; the others share {money(rest, currency)}."
    return f"{message} Together they add up to the payout."


def _measure_unit(e: Explanation) -> str:
    return "money" if e.benefit.get("measure") in _MONEY_MEASURES else "count"


def _base_unit(e: Explanation) -> str:
    base = e.benefit.get("base")
    if base in ("measure", "increment"):
        return _measure_unit(e)
    return "money" if base in _MONEY_MEASURES else "count"


def _axis_unit(e: Explanation) -> str:
    by = e.benefit.get("by_axis")
    if by in _PERCENT_AXES:
        return "percent"
    return _measure_unit(e) if by in ("measure", "growth_amount") else "count"


def _place_unit(e: Explanation, formula: str) -> str:
    """The unit of a position on an axis, which may be that of a gate, a multiplier or a matrix's columns."""
    _, _, value = formula.partition("x = ")
    if value in ("M / T", "M / B − 1") or value.startswith("share of"):
        return "percent"
    return _measure_unit(e) if value in ("M", "M − B") else "count"


def _pays(form: str, value: Decimal | None, currency: str) -> str:
    if value is None:
        return "–"
    return percent(value) if form in ("rate", "share") else money(value, currency)


def _in_unit(value: Any, unit: str, currency: str) -> str:
    if unit == "money":
        return money(value, currency)
    return percent(value) if unit == "percent" else number(value)
