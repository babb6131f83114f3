"""The terms of a benefit in words, from the published dimensions.

Belongs here: sentences about terms. Does not belong here: figures of participants (agreements.py), the wording of a payout's explanation
(assets/published/explanation_view.py).
"""

from __future__ import annotations

from collections.abc import Sequence

from assets.published.explanation_view import METHODS, in_unit, is_draw, measure_unit, pays_note
from assets.published.formatting import money, number, percent
from assets.published.reader import Row

_WINDOWS = {"month": "each month", "quarter": "each quarter", "half_year": "each half-year", "year": "each year", "term": "the whole term"}
_AXES = {
    "measure": "by what is measured",
    "attainment": "by attainment: the measure divided by the target",
    "growth": "by growth over the baseline",
    "growth_amount": "by the gain over the baseline",
    "rank": "by rank among the participants",
    "percentile": "by the share of the others who have less",
    "score": "by a score: a weighted mean of its parts",
}
_SOURCES = {"feed": "from the targets feed", "prior": "the same days one year earlier", "benefit": "what another benefit measured", "number": "as agreed"}
_CLAWBACKS = {"pay": "is claimed back", "carry": "is set off against later windows", "none": "is left with the participant"}


def describe_benefit(benefit: Row, scopes: Sequence[Row], gates: Sequence[Row], multipliers: Sequence[Row], currency: str) -> list[tuple[str, str]]:
    """Labels and sentences in the order of a contract."""
    if is_draw(benefit):
        return _draw(benefit, currency)
    unit = measure_unit(benefit)
    pairs = [("Measured", f"{_measure(benefit)}, {_WINDOWS.get(benefit['window_kind'], benefit['window_kind'])}{_span(benefit)}")]
    pairs.append(("Counts", "; ".join(dict.fromkeys(_scope(scope) for scope in scopes)) or "every line"))
    axis = str(benefit["by_axis"])
    pairs.append(("Placed", _AXES.get(axis, f"by {axis.replace('_', ' ')}")))
    for name, factor in (("target", benefit["target_times"]), ("baseline", None), ("incentive", None)):
        if (source := benefit[f"{name}_source"]) not in (None, "none"):
            value, kind = benefit[f"{name}_value"], "money" if name == "incentive" else unit
            words = in_unit(value, kind, currency) if value is not None else _SOURCES.get(source, str(source).replace("_", " "))
            pairs.append((name.capitalize(), f"{words} × {number(factor)}" if factor not in (None, 1) else words))
    pays = METHODS.get(str(benefit["method"]), str(benefit["method"]))
    base = "" if benefit["base"] in (None, "measure") else f"; a rate multiplies {str(benefit['base']).replace('_', ' ')}"
    pairs.append(("Pays", f"{pays}{base}"))
    pairs += [("Requires", _gate(gate)) for gate in gates]
    if multipliers:
        steps = ", ".join(f"× {number(m['factor'])} from {number(m['from_value'])}" for m in multipliers)
        pairs.append(("Multiplied", f"by {_looks_at(multipliers[0])}: {steps}"))
    if limits := _limits(benefit, currency):
        pairs.append(("Limits", limits))
    lag, clawback = benefit["lag_days"], _CLAWBACKS.get(str(benefit["clawback"]), str(benefit["clawback"]))
    due = f"{number(lag)} days after the window" if lag else "when the window ends"
    waits = f"; less than {money(benefit['minimum'], currency)} waits" if benefit.get("minimum") is not None else ""
    pairs.append(("Settled", f"due {due}{waits}; what was paid too much {clawback}"))
    return pairs


def describe_agreement(agreement: Row) -> list[tuple[str, str]]:
    """What holds for all benefits."""
    currency = agreement["currency"]
    pairs = [("Term", f"{agreement['term_from']} to {agreement['term_to']}"), ("Currency", currency)]
    if agreement["pool"] == "together":
        pairs.append(("Participants", f"together as one pool, {agreement['payee_id']} is paid"))
    pairs.append(("Returns", "count on the day of their original" if agreement["returns"] == "original" else "count on the day they are posted"))
    if agreement["combine_rule"] not in (None, "all"):
        group = f" in group {agreement['combine_group']}" if agreement["combine_group"] else ""
        pairs.append(("Combined", f"{str(agreement['combine_rule']).replace('_', ' ')}{group}"))
    bounds = [(agreement["limits_at_least"], "at least"), (agreement["limits_at_most"], "at most")]
    if found := [f"{words} {money(value, currency)}" for value, words in bounds if value is not None]:
        pairs.append(("Limits", f"all benefits together {' and '.join(found)} per {str(agreement['limits_per']).replace('_', ' ')}"))
    if agreement["approved_by"]:
        pairs.append(("Approved", f"by {agreement['approved_by']} on {agreement['approved_date']}"))
    else:
        pairs.append(("Approved", "not yet"))
    for name, label in (("review_by_date", "Review by"), ("document", "Contract")):
        if agreement[name]:
            pairs.append((label, str(agreement[name])))
    return [*pairs, ("Written in", f"{agreement['source_file']}:{agreement['source_line']}")]


def _draw(benefit: Row, currency: str) -> list[tuple[str, str]]:
    pairs = [("Pays", f"at least {money(benefit['draw_amount'], currency)} {_WINDOWS[benefit['window_kind']]}: {pays_note(benefit)}")]
    if benefit["draw_ceiling"] is not None:
        pairs.append(("Limits", f"what is still to be taken back grows to {money(benefit['draw_ceiling'], currency)} at most"))
    if benefit["draw_from"]:
        pairs.append(("Goes on with", f"what is still to be taken back under {benefit['draw_from']}"))
    return pairs


def _measure(benefit: Row) -> str:
    if benefit.get("measure_distinct"):
        return f"how many different values of {benefit['measure_distinct']}"
    measure = str(benefit["measure"])
    named = {"attribute": str(benefit["measure_attribute"]), "count": "the number of lines"}.get(measure, f"the sum of {measure.replace('_', ' ')}")
    times = f" × {benefit['measure_times']}" if benefit["measure_times"] else ""
    if benefit["measure_every"] is not None:
        return f"multiples of {number(benefit['measure_every'])} in {named}{times}"
    return f"{named}{times}"


def _span(benefit: Row) -> str:
    spans = []
    if benefit["accumulate"] not in (None, "window"):
        spans.append(f"accumulated over the {str(benefit['accumulate']).replace('_', ' ')}")
    if benefit.get("each"):
        spans.append(f"each {benefit['each']} on its own")
    if benefit.get("measure_over"):
        spans.append(f"over {str(benefit['measure_over']).replace('_', ' ')}")
    return "".join(f", {each}" for each in spans)


def _scope(scope: Row) -> str:
    types = [kind for kind in ("sale", "return", "credit", "adjustment") if scope[f"counts_{kind}"]]
    kinds = "" if len(types) == 4 else f"lines of type {', '.join(types)}"
    parts = [kinds, scope["products"] or "", f"where {scope['condition']}" if scope["condition"] else ""]
    return "; ".join(part for part in parts if part) or "every line"


def _looks_at(row: Row) -> str:
    axis = str(row["axis"])
    names = {"metric": row["metric"], "ratio": f"{row['ratio_of']} / {row['ratio_to']}", "benefit": f"{row['figure']} of {row['of_benefit']}"}
    return str(names.get(axis, axis.replace("_", " ")))


def _gate(gate: Row) -> str:
    shown = percent if gate["axis"] in ("attainment", "growth", "percentile") else number
    bounds = (("at_least", "at least"), ("above", "more than"), ("at_most", "at most"), ("below", "less than"))
    asked = " and ".join(f"{words} {shown(gate[name])}" for name, words in bounds if gate[name] is not None)
    rest = "nothing is paid" if not gate["otherwise"] else f"{percent(gate['otherwise'])} is paid"
    return f"{_looks_at(gate)} of {asked}; otherwise {rest}"


def _limits(benefit: Row, currency: str) -> str:
    found = []
    for name, words in (("pays_from", "less than {} pays nothing"), ("at_least", "at least {}"), ("at_most", "at most {}")):
        if benefit[name] is not None:
            found.append(words.format(money(benefit[name], currency)))
    if benefit["rate_at_most"] is not None:
        found.append(f"at most {percent(benefit['rate_at_most'])} of the base")
    return ", ".join(found)
