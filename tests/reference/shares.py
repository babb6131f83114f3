"""Which part of a payout each transaction line carries: running sums, rounded, minus the one before."""

from __future__ import annotations

import datetime as dt
from fractions import Fraction

from tests.reference.amended import pays_cut
from tests.reference.calendar import DAY, Window
from tests.reference.credit import Line
from tests.reference.curve import in_measure, tiers_of
from tests.reference.earning import line_pieces, pays_group, prorated, rounded
from tests.reference.position import BenefitLines, Position, curve_axis, pays_lines
from tests.reference.read import UNIT, Row

ZERO = Fraction(0)
Piece = tuple[Line, int, Fraction, Fraction]  # line, tier, measure, weight


def line_rows(case: BenefitLines, window: Window, participant: str, s: Position, payout: Row, as_of: dt.date, settings: Row) -> list[Row]:
    """One row per line × tier of a payout that is not blocked, in order; they add up to the payout exactly. Lines that measure nothing have 0 of it."""
    shared = _shared(case, window, payout)
    series = case.shared[participant]
    lines = [(line, Fraction(value, UNIT)) for line, value in series.lines(window.start, min(window.end, as_of))]
    total = sum((value for _, value in lines), ZERO)
    plain: list[Piece] = [(line, payout["tier"], value, value) for line, value in lines]
    pieces = plain
    if total <= 0:
        pass
    elif s.cuts and not pays_lines(case.benefit):
        pieces = _of_parts(case, window, s, participant, as_of)
    elif case.each:
        pieces = _of_groups(case, window, participant, s, lines)
    elif pays_lines(case.benefit):
        own = {line.order: line for line, _ in lines}
        found = [piece for piece in line_pieces(prorated(case.benefit, window), s, window) if piece[0].order in own]
        pieces = [(own[line.order], tier, part, paid) for line, tier, part, paid in found]
        if sum((weight for *_, weight in pieces), ZERO) <= 0:
            pieces = [(line, tier, part, part) for line, tier, part, _ in pieces]
    elif case.benefit.get("method") == "graduated" and not case.distinct and case.payee is None:
        before = series.counted(window.span_start, window.start - DAY).value
        pieces = _slices(case, window, s, lines, before)
        if not sum(weight for *_, weight in pieces):
            pieces = [(line, tier, value, value) for line, tier, value, _ in pieces]
    weights = sum((weight for *_, weight in pieces), ZERO)
    if weights <= 0:
        pieces, shared = plain, ZERO
    rows = []
    running = given = ZERO
    for line, tier, value, weight in pieces:
        running += weight
        so_far = rounded(shared * running / weights, case.agreement["currency"], settings) if shared else ZERO
        rows.append(_row(line, tier, value, so_far - given))
        given = so_far
    if weights <= 0 and payout["payout"]:
        nothing = {"file": None, "row": None, "transaction_id": None, "line": None, "order": None}
        rows.append({**nothing, "tier": payout["tier"], "credited_measure": ZERO, "line_payout": payout["payout"]})
    measured = {line.order for line, *_ in pieces}
    return rows + [_row(line, payout["tier"], ZERO, ZERO) for line in all_lines(case, window, participant, as_of) if line.order not in measured]


def all_lines(case: BenefitLines, window: Window, participant: str, as_of: dt.date) -> list[Line]:
    """The lines of the benefit in a window, also those that its measure leaves out."""
    return [line for line, _ in case.quantity[participant].lines(window.start, min(window.end, as_of))]


def blocked_rows(case: BenefitLines, window: Window, participant: str, as_of: dt.date) -> list[Row]:
    """The lines of a blocked payout. What they bring is not told: it may lack a part."""
    return [_row(line, 0, None, ZERO) for line in all_lines(case, window, participant, as_of)]


def _row(line: Line, tier: int, measure: Fraction | None, share: Fraction) -> Row:
    return {"file": line.file, "row": line.number, "transaction_id": line.row["transaction_id"], "line": line.row["line"],
            "order": line.order, "tier": tier, "credited_measure": measure, "line_payout": share}  # fmt: skip


def _shared(case: BenefitLines, window: Window, payout: Row) -> Fraction:
    """What the lines share: the payout before it was rounded, unless something but rounding made it what it is, or it pays nothing."""
    is_changed = (
        case.payee is not None or payout["is_limited"] or window.start != window.span_start or payout["payout"] != payout["earned"] or not payout["payout"]
    )
    exact: Fraction = payout[
        "payout"
        if is_changed or (_is_mixed(case.benefit) and not case.in_parts and not case.distinct and not case.each and not pays_lines(case.benefit))
        else "exact"
    ]
    return exact


def _of_groups(case: BenefitLines, window: Window, participant: str, s: Position, lines: list[tuple[Line, Fraction]]) -> list[Piece]:
    """Each line weighs its part of what its group earns, by the measure; where a group's measure is 0 or less, its last line weighs all of it."""
    found: dict[int, Piece] = {}
    names = dict(case.group_names[participant])
    for group in s.groups or ():
        paid, tier = pays_group(case.benefit, s, group)
        own = [(line, Fraction(value, UNIT)) for line, value in case.group_measure[names[group.value]].lines(window.start, window.end)]
        own = [(line, value) for line, value in own if any(line.order == other.order for other, _ in lines)]
        total = sum((value for _, value in own), ZERO)
        for line, value in own:
            is_last = line is own[-1][0]
            found[line.order] = (line, tier, value, paid * value / total if total > 0 else paid if is_last else ZERO)
    return [found[line.order] for line, _ in lines]


def _of_parts(case: BenefitLines, window: Window, s: Position, participant: str, as_of: dt.date) -> list[Piece]:
    """Each line weighs its part of what the version of its day pays, by the measure; where all versions pay nothing, its measure."""
    series = case.shared[participant]
    found: list[tuple[list[tuple[Line, Fraction]], int, Fraction]] = []
    for number, (_, (first, end)) in enumerate(case.in_parts):
        until = min(end, as_of)
        of_window = [(line, Fraction(value, UNIT)) for line, value in series.lines(max(first, window.start), until)] if window.start <= until else []
        paid = [pays_cut(cut, prorated(cut.benefit, window), s) for cut in s.cuts if cut.part == number]
        span, own = series.counted(first, until).value, sum((value for _, value in of_window), ZERO)
        pays = sum((amount for amount, _ in paid), ZERO)
        if of_window:
            found.append((of_window, paid[0][1], pays * own / span if span else pays))
    if sum((pays for *_, pays in found), ZERO) <= 0:
        found = [(lines, tier, sum((value for _, value in lines), ZERO)) for lines, tier, _ in found]
    pieces: list[Piece] = []
    for lines, tier, pays in found:
        total = sum((value for _, value in lines), ZERO)
        for line, value in lines:
            pieces.append((line, tier, value, pays * value / total if total > 0 else pays if line is lines[-1][0] else ZERO))
    return sorted(pieces, key=lambda piece: piece[0].order)


def _is_mixed(benefit: Row) -> bool:
    """Whether slices are paid by several of rate, per_unit and share."""
    paid = {form for tier in benefit.get("tiers", []) for form in ("rate", "per_unit", "share") if tier.get(form)}
    return benefit.get("method") == "graduated" and len(paid) > 1


def _slices(case: BenefitLines, window: Window, s: Position, lines: list[tuple[Line, Fraction]], running: Fraction) -> list[Piece]:
    """Each line's own slices of the running measure, weighed by what a slice pays; a return gives back the highest. Lump sums weigh nothing."""
    benefit = prorated(case.benefit, window)
    tiers = tiers_of(benefit)
    figures = s.figures(s.x[curve_axis(benefit)])
    starts = [in_measure(benefit, tier["from"], figures) * (case.every or 1) for tier in tiers]
    per_x = in_measure(benefit, Fraction(1), figures) - in_measure(benefit, ZERO, figures)  # measure to a unit of the axis
    weight_of = [ZERO] * (len(tiers) + 1)  # per unit of measure; place 0: below the first tier
    if s.m > 0:
        for number, tier in enumerate(tiers, 1):
            multiplied = tier.get("rate", ZERO) * s.e + tier.get("per_unit", ZERO) * s.q
            weight_of[number] = multiplied / s.m + tier.get("share", ZERO) * (s.k or ZERO) / per_x
    pieces = []
    for line, value in lines:
        if not value:  # nothing, at the place that has been reached
            pieces.append((line, sum(start <= running for start in starts), ZERO, ZERO))
        low, high = min(running, running + value), max(running, running + value)
        for number in range(len(tiers) + 1):
            length = _overlap(starts, number, low, high)
            if length:
                part = length if value > 0 else -length
                pieces.append((line, number, part, part * weight_of[number]))
        running += value
    return pieces


def _overlap(starts: list[Fraction], number: int, low: Fraction, high: Fraction) -> Fraction:
    """How much of [low, high] lies in tier `number`; 0 is what lies below the first."""
    if number > 0:
        low = max(low, starts[number - 1])
    if number < len(starts):
        high = min(high, starts[number])
    return max(ZERO, high - low)
