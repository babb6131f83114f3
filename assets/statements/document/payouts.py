"""One payout: what it was measured on, its place on the curve, the steps, what counted, when it falls due.

Belongs here: what is said of a payout, in which order. Does not belong here: its lines (lines.py), sentences of steps (formulas.py).
"""

from __future__ import annotations

from assets.published.explanation_view import axis_unit, is_draw, measure_unit
from assets.published.formatting import readable
from assets.statements.document.curve import benefit_of, draw_position, next_tier_pays, payment_of
from assets.statements.document.formulas import tell_formula, tell_result
from assets.statements.document.lines import tell_lines, tell_lines_note
from assets.statements.document.missing import tell_missing
from assets.statements.document.parts import Section, Table
from assets.statements.statement import Detail
from assets.statements.words import Words
from models.agreements.lint.payments import Payment
from models.agreements.schema import axis_name

#: What a tier may pay.
_FORMS = ("rate", "per_unit", "amount", "share")


def status_of(detail: Detail) -> str:
    """Of the period's end: a window that ended later was open then."""
    return str(detail.payout["status"]) if detail.has_steps else "open"


def tell_payout(detail: Detail, words: Words, most: int) -> Section:
    payout, benefit, say = detail.payout, detail.benefit, words.say
    currency, status = payout["currency"], status_of(detail)
    payment = payment_of(payout, benefit) if detail.has_steps and status != "blocked" and not is_draw(benefit) else None
    curve = draw_position(payout, benefit, payment, words)
    blocked = None
    if status == "blocked":
        code = str(payout["status_reason"])
        what = next((step["inputs"] for step in detail.steps if step["step"] == "blocked" and step["inputs"]), "")
        blocked = (say("blocked", reason=say(f"blocked.{code}") if words.knows(f"blocked.{code}") else code), tell_missing(words, what))
    method = "draw" if is_draw(benefit) else str(benefit["method"])
    return Section(
        anchor=str(payout["payout_id"]),
        title=str(payout["agreement_title"] or payout["agreement_id"]),
        clause=say("clause_n", clause=payout["clause"]),
        quote=str(benefit["quote"] or ""),
        how=say(f"method.{method}") if words.knows(f"method.{method}") else method,
        window=words.days(payout["window_start"], payout["window_end"]),
        status=status,
        status_label=say(f"status.{status}"),
        amount=words.amount(detail.earned, currency),
        currency=currency,
        facts=_facts(detail, words),
        blocked=blocked,
        notes=_notes(detail, words, payment),
        curve=curve or "",
        curve_note=say("curve.pays", currency=currency),
        tiers=_tiers(detail, words),
        tiers_note=say("tiers.here") if detail.tiers and (payout["tier"] or 0) > 0 and detail.has_steps else "",
        steps=_steps(detail, words),
        reasons=_reasons(detail, words),
        parts=_parts(detail, words),
        lines=tell_lines(detail, words, most),
        lines_note=tell_lines_note(detail, words, most),
    )


def _facts(detail: Detail, words: Words) -> list[tuple[str, str]]:
    payout, benefit, say, currency = detail.payout, detail.benefit, words.say, detail.payout["currency"]
    facts: list[tuple[str, str]] = []
    if not is_draw(benefit):
        figures = payout if detail.has_steps else detail.achievement
        measure = payout["measure"] if detail.has_steps else detail.achievement.get("measure_to_date")
        if measure is not None:
            facts.append((say("measured"), words.in_unit(measure, measure_unit(benefit), currency)))
        for name, unit in (("target", measure_unit(benefit)), ("baseline", measure_unit(benefit)), ("incentive", "money")):
            if figures.get(name) is not None:
                facts.append((say(name), words.in_unit(figures[name], unit, currency)))
        place = payout["axis_value"] if detail.has_steps else detail.achievement.get("attainment")
        if place is not None and benefit["by_axis"] != "measure":
            axis = str(benefit["by_axis"])
            facts.append((say(f"axis.{axis}") if words.knows(f"axis.{axis}") else axis, words.in_unit(place, axis_unit(benefit), currency)))
        tier = payout["tier"] if detail.has_steps else detail.achievement.get("tier_actual")
        if tier is not None and detail.tiers:
            facts.append((say("tier"), say("tier_of", tier=tier, tiers=len(detail.tiers)) if tier else say("no_tier")))
    if payout["adjusted"] and detail.has_steps:
        facts.append((say("flow.adjusted"), words.money(payout["adjusted"], currency)))
    if payout["carried"] and detail.has_steps:
        facts.append((say("draw_balance" if is_draw(benefit) else "carried"), words.money(payout["carried"], currency)))
    if detail.has_steps and payout["status"] != "blocked":
        facts.append((say("due"), words.day(payout["due_date"]) if payout["due_date"] else say("waits_for_minimum")))
    return facts


def _notes(detail: Detail, words: Words, payment: Payment | None) -> list[str]:
    """The next tier and what it would pay; how the figures of a running window were estimated; what moved besides the period's own business."""
    payout, benefit, say, achieved = detail.payout, detail.benefit, words.say, detail.achievement
    currency, notes = payout["currency"], []
    if not detail.has_steps:
        notes.append(say("note.goes_on", day=words.day(payout["window_end"])))
    elif payout["status"] == "open":
        notes.append(say("note.estimate." + str(achieved.get("placement") or "actual")))
    if achieved and achieved.get("gap_to_next_tier") is not None and payout["status"] != "blocked" and not benefit.get("each"):
        gap = achieved["gap_to_next_tier"]
        start = words.in_unit(achieved["next_tier_from"], axis_unit(benefit), currency)
        missing = words.in_unit(readable(gap, 2), measure_unit(benefit), currency)
        is_over = detail.has_steps and payout["status"] in ("final", "closed")
        notes.append(say("note.missed" if is_over else "note.next", start=start, gap=missing))
        would = next_tier_pays(payout, benefit, payment, achieved["next_tier_from"])
        if would is not None:
            notes.append(say("note.would_have_paid" if is_over else "note.would_pay", amount=words.money(would, currency)))
    for cause, amount in detail.moved.items():
        if cause not in ("new", "settled", "adjusted", "opening"):
            notes.append(say("note.moved", cause=say(f"cause.{cause}"), amount=words.money(amount, currency)))
    return notes


def _tiers(detail: Detail, words: Words) -> Table | None:
    benefit, say, currency = detail.benefit, words.say, detail.payout["currency"]
    if not detail.tiers:
        return None
    if benefit["method"] == "matrix":
        return _grid(detail, words)
    forms = [form for form in _FORMS if any(tier[form] is not None for tier in detail.tiers)]
    unit, ends = axis_unit(benefit), [tier["from_value"] for tier in detail.tiers[1:]]
    rows = []
    for tier, end in zip(detail.tiers, [*ends, None], strict=True):
        cells = [str(tier["tier"]), words.in_unit(tier["from_value"], unit, ""), "–" if end is None else words.in_unit(end, unit, "")]
        cells += [words.percent(tier[form]) if form in ("rate", "share") else words.money(tier[form], currency) for form in forms]
        rows.append(cells)
    reached = detail.payout["tier"] if detail.has_steps else detail.achievement.get("tier_actual")
    marked = frozenset(n for n, tier in enumerate(detail.tiers) if tier["tier"] == reached)
    bounds = ("above", "upto_inclusive") if benefit["boundary"] == "upper_inclusive" and benefit["method"] != "linear" else ("from", "below")
    return Table((say("tier"), *map(say, bounds), *(say(f"form.{form}") for form in forms)), rows, frozenset(range(1, 3 + len(forms))), marked)


def _grid(detail: Detail, words: Words) -> Table:
    """A matrix as agreed: a row per tier, with what each column's cell pays."""
    matrix, unit, currency = benefit_of(detail.benefit["definition"]).matrix, axis_unit(detail.benefit), detail.payout["currency"]
    assert matrix is not None
    in_percent = axis_name(matrix.columns.by) in ("attainment", "growth", "percentile")
    rows = []
    for n, tier in enumerate(detail.tiers):
        cells = []
        for column in range(len(matrix.columns.from_)):
            pays = [(form, grid[n][column]) for form in _FORMS if (grid := getattr(matrix, form, None))]
            cells.append(" + ".join(words.percent(value) if form in ("rate", "share") else words.money(value, currency) for form, value in pays))
        rows.append((str(tier["tier"]), words.in_unit(tier["from_value"], unit, ""), *cells))
    places = [words.percent(place) if in_percent else words.number(place) for place in matrix.columns.from_]
    marked = frozenset(n for n, tier in enumerate(detail.tiers) if detail.has_steps and tier["tier"] == detail.payout["tier"])
    headings = (words.say("tier"), words.say("from"), *(words.say("column_from", place=place) for place in places))
    return Table(headings, rows, frozenset(range(1, len(headings))), marked)


def _steps(detail: Detail, words: Words) -> Table | None:
    if not detail.has_steps or not detail.steps or detail.payout["status"] == "blocked":
        return None
    say, currency, rows = words.say, detail.payout["currency"], []
    for step in detail.steps:
        formula, numbers = tell_formula(words, step, detail.benefit, detail.payout)
        name = say(f"step.{step['step']}") if words.knows(f"step.{step['step']}") else step["step"]
        rows.append((name, f"{formula}: {numbers}" if numbers else formula, tell_result(words, step, detail.benefit, currency)))
    return Table((say("step"), say("calculation"), say("result")), rows, frozenset({2}), frozenset({len(rows) - 1}))


def _reasons(detail: Detail, words: Words) -> Table | None:
    """What counted and what did not."""
    if not detail.reasons:
        return None
    say = words.say
    rows = [
        (
            say(f"reason.{row['reason']}") if words.knows(f"reason.{row['reason']}") else row["reason"],
            words.number(row["lines"]),
            words.money(readable(row["amount"], 2), row["currency"] or detail.payout["currency"]),
        )
        for row in detail.reasons
    ]
    marked = frozenset(n for n, row in enumerate(detail.reasons) if row["reason"] == "counted")
    return Table((say("reason"), say("lines"), say("amount_of_lines")), rows, frozenset({1, 2}), marked)


def _parts(detail: Detail, words: Words) -> Table | None:
    """The parts in which it falls due, where there are several."""
    if len(detail.releases) < 2 or not detail.has_steps:
        return None
    say, currency = words.say, detail.payout["currency"]
    rows = [
        (
            words.day(part["due_date"]),
            words.percent(part["share"]),
            words.amount(part["amount"], currency),
            words.amount(part["released"], currency),
            words.amount(part["held"], currency),
            words.amount(part["settled"], currency),
        )
        for part in detail.releases
    ]
    return Table((say("due"), say("part"), say("amount"), say("stock.payable"), say("stock.held"), say("flow.settled")), rows, frozenset({1, 2, 3, 4, 5}))
