"""A statement in one language: titles, tables of formatted cells, sentences. HTML and PDF show the same document.

Belongs here: what is said, in which order. Does not belong here: looks (templates/), reading (read.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from assets.published.explanation_view import axis_unit, is_draw, line_unit, measure_unit
from assets.published.formatting import readable, slashed
from assets.statements.curve import benefit_of, draw_position, next_tier_pays, payment_of
from assets.statements.formulas import tell_formula, tell_result
from assets.statements.statement import STOCKS, Detail, Position, Statement
from assets.statements.words import Words
from models.agreements.payments import Payment
from models.agreements.schema import axis_name
from models.book.statement_settings import StatementSettings

#: Lines of a payout that are shown on a page and on paper, those with the largest shares; all of them are in lines.csv and in the spreadsheet.
LINES, LINES_ON_PAPER = 50, 20
#: What a tier may pay.
_FORMS = ("rate", "per_unit", "amount", "share")


@dataclass(frozen=True)
class Table:
    """Headings and cells; `numbers`: the columns of numbers; `marked`: rows that stand out; `foot`: a last row of totals."""

    headings: Sequence[str]
    rows: Sequence[Sequence[str]]
    numbers: frozenset[int] = frozenset()
    marked: frozenset[int] = frozenset()
    foot: Sequence[str] = ()


@dataclass(frozen=True)
class Bar:
    """One cause of a change: its part of the way from the last open balance to this one, in percent of the widest point. `kind`: start, up, down or end."""

    label: str
    amount: str
    kind: str
    left: float
    width: float


@dataclass(frozen=True)
class Account:
    """One direction and currency on top of a statement. `figures`: label, now, at the last statement; the one in `total` is the sum of those before it."""

    title: str
    label: str
    amount: str
    currency: str
    is_negative: bool
    note: str
    stocks: Table
    flows: Table
    bars: Sequence[Bar]


@dataclass(frozen=True)
class Section:
    """One payout."""

    anchor: str
    title: str
    clause: str
    quote: str
    how: str
    window: str
    status: str
    status_label: str
    amount: str
    currency: str
    facts: Sequence[tuple[str, str]]
    blocked: tuple[str, str] | None
    notes: Sequence[str]
    curve: str
    curve_note: str
    tiers: Table | None
    tiers_note: str
    steps: Table | None
    reasons: Table | None
    parts: Table | None
    lines: Table | None
    lines_note: str


@dataclass(frozen=True)
class Document:
    """The whole statement."""

    language: str
    title: str
    number: str
    period: str
    state: str
    state_label: str
    state_note: str
    watermark: str
    sender: Sequence[str]
    participant: str
    facts: Sequence[tuple[str, str]]
    accounts: Sequence[Account]
    accounts_note: str
    sections: Sequence[Section]
    contents: Table | None
    earlier: Table | None
    adjustments: Table | None
    disputes: Table | None
    payments: Table | None
    questions: Sequence[str]
    data: Sequence[tuple[str, str]]
    labels: dict[str, str] = field(default_factory=dict)


def tell(statement: Statement, words: Words, settings: StatementSettings, lines: int = LINES) -> Document:
    """The statement in the reader's language. `lines`: of a payout, at most so many are shown."""
    period, say = statement.period, words.say
    name = statement.participant["name"]
    closed = period.closed or {}
    day = closed["closed_at"].date() if period.state == "final" else period.until
    last = say("last_statement", period=period.previous) if period.previous else say("no_last_statement")
    facts = [
        (say("number"), statement.number),
        (say("period"), words.days(period.first_day, period.last_day)),
        (say("known_until"), words.day(period.as_of)),
        (say("participant_id"), str(statement.participant["partner_id"])),
    ]
    return Document(
        language=words.language,
        title=say("title"),
        number=statement.number,
        period=period.period,
        state=period.state,
        state_label=say(f"state.{period.state}"),
        state_note=say(f"state.{period.state}_note", day=words.day(day), **({"proposal": period.proposal} if period.proposal else {})),
        watermark=say("watermark") if period.proposal else "",
        sender=(settings.sender or period.book).splitlines(),
        participant=str(name or statement.participant["partner_id"]),
        facts=facts,
        accounts=[_account(position, words, (period.period, last)) for position in statement.positions],
        accounts_note=say("accounts_note") if statement.positions else say("nothing_moved"),
        sections=[_section(detail, words, lines) for detail in statement.details],
        contents=_contents(statement, words),
        earlier=_earlier(statement, words),
        adjustments=_adjustments(statement, words),
        disputes=_disputes(statement, words),
        payments=_payments(statement, words),
        questions=_questions(statement, words, settings),
        data=[
            (say("data.sha256"), statement.sha256),
            (say("data.run"), f"{period.run_id}, {say('known_until').lower()} {period.as_of}"),
            *([(say("data.close"), str(closed["chain_sha256"]))] if closed else []),
        ],
        labels={key.removeprefix("label."): text for key, text in words.texts.items() if key.startswith("label.")},
    )


def _account(position: Position, words: Words, columns: tuple[str, str]) -> Account:
    say, currency = words.say, position.currency
    now, before = position.now, position.before
    payable = now["payable"]
    if payable < 0:
        label = say("payable.back_by_you" if position.direction == "payable" else "payable.back_by_us")
    else:
        label = say("payable.by_us" if position.direction == "payable" else "payable.by_you")
    if not payable:
        label = say("payable.nothing")
    stocks = [
        (say(f"stock.{name}"), words.amount(now[name], currency), words.amount(before[name], currency))
        for name in STOCKS
        if name in ("payable", "open") or now[name] or before[name]
    ]
    flows = [
        (say(f"flow.{name}"), words.amount(now[name], currency), words.amount(before[name], currency))
        for name in ("earned", "adjusted", "settled", "written_off")
        if name in ("earned", "settled") or now[name] or before[name]
    ]
    return Account(
        title=say(f"direction.{position.direction}"),
        label=label,
        amount=words.amount(abs(payable), currency),
        currency=currency,
        is_negative=payable < 0,
        note=say("payable.note_negative") if payable < 0 else "",
        stocks=Table((say("stocks"), *columns), stocks, frozenset({1, 2}), frozenset({len(stocks) - 1})),
        flows=Table((say("flows"), *columns), flows, frozenset({1, 2})),
        bars=_bars(position, words),
    )


def _bars(position: Position, words: Words) -> list[Bar]:
    """From the open balance of the last statement to that of this one."""
    currency, at = position.currency, position.before["open"]
    points = [Decimal(0), at]
    for _, amount in position.causes:
        points.append(points[-1] + amount)
    low, high = min(points), max(points)
    size = (high - low) or Decimal(1)

    def bar(label: str, amount: Decimal, kind: str, start: Decimal, end: Decimal) -> Bar:
        left, right = min(start, end), max(start, end)
        sign = "+" if kind in ("up", "down") and amount > 0 else ""
        return Bar(label, sign + words.amount(amount, currency), kind, round(float((left - low) / size * 100), 2), round(float((right - left) / size * 100), 2))

    bars = [bar(words.say("bridge.before"), at, "start", Decimal(0), at)]
    for cause, amount in position.causes:
        bars.append(bar(words.say(f"cause.{cause}"), amount, "up" if amount > 0 else "down", at, at + amount))
        at += amount
    return [*bars, bar(words.say("bridge.now"), at, "end", Decimal(0), at)]


def _contents(statement: Statement, words: Words) -> Table | None:
    """What the period brought, a row per payout."""
    if not statement.details:
        return None
    say = words.say
    rows = [
        (
            f"{d.payout['agreement_title'] or d.payout['agreement_id']}",
            d.payout["clause"],
            words.days(d.payout["window_start"], d.payout["window_end"]),
            say(f"status.{_status(d)}"),
            words.amount(d.earned_before, d.payout["currency"]),
            words.amount(d.earned - d.earned_before, d.payout["currency"]),
            words.money(d.earned, d.payout["currency"]),
        )
        for d in statement.details
    ]
    headings = (say("agreement"), say("clause"), say("window"), say("status"), say("before"), say("in_period"), say("earned"))
    return Table(headings, rows, frozenset({4, 5, 6}))


def _status(detail: Detail) -> str:
    """Of the period's end: a window that ended later was open then."""
    return str(detail.payout["status"]) if detail.has_steps else "open"


def _section(detail: Detail, words: Words, most: int) -> Section:
    payout, benefit, say = detail.payout, detail.benefit, words.say
    currency, status = payout["currency"], _status(detail)
    payment = payment_of(payout, benefit) if detail.has_steps and status != "blocked" and not is_draw(benefit) else None
    curve = draw_position(payout, benefit, payment, words)
    blocked = None
    if status == "blocked":
        code = str(payout["status_reason"])
        what = next((step["inputs"] for step in detail.steps if step["step"] == "blocked" and step["inputs"]), "")
        blocked = (say("blocked", reason=say(f"blocked.{code}") if words.knows(f"blocked.{code}") else code), what)
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
        lines=_lines(detail, words, most),
        lines_note=_lines_note(detail, words, most),
    )


def _facts(detail: Detail, words: Words) -> list[tuple[str, str]]:
    payout, benefit, say, currency = detail.payout, detail.benefit, words.say, detail.payout["currency"]
    facts: list[tuple[str, str]] = []
    if not is_draw(benefit):
        figures = payout if detail.has_steps else detail.achievement
        measure = payout["measure"] if detail.has_steps else detail.achievement.get("measure_to_date")
        if measure is not None:
            facts.append((say("measured"), _in_unit(words, measure, measure_unit(benefit), currency)))
        for name, unit in (("target", measure_unit(benefit)), ("baseline", measure_unit(benefit)), ("incentive", "money")):
            if figures.get(name) is not None:
                facts.append((say(name), _in_unit(words, figures[name], unit, currency)))
        place = payout["axis_value"] if detail.has_steps else detail.achievement.get("attainment")
        if place is not None and benefit["by_axis"] != "measure":
            axis = str(benefit["by_axis"])
            facts.append((say(f"axis.{axis}") if words.knows(f"axis.{axis}") else axis, _in_unit(words, place, axis_unit(benefit), currency)))
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
        start = _in_unit(words, achieved["next_tier_from"], axis_unit(benefit), currency)
        missing = _in_unit(words, readable(gap, 2), measure_unit(benefit), currency)
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
        cells = [str(tier["tier"]), _in_unit(words, tier["from_value"], unit, ""), "–" if end is None else _in_unit(words, end, unit, "")]
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
        rows.append((str(tier["tier"]), _in_unit(words, tier["from_value"], unit, ""), *cells))
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


def _lines(detail: Detail, words: Words, most: int) -> Table | None:
    if not detail.lines:
        return None
    say, currency = words.say, detail.payout["currency"]
    largest = sorted(range(len(detail.lines)), key=lambda n: (-abs(detail.lines[n]["line_payout"]), n))[:most]
    shown = [detail.lines[n] for n in sorted(largest)]
    has_names = any(line["product_id"] is not None for line in shown)
    rows = [
        (
            words.day(line["date"]),
            "–" if line["transaction_id"] is None else f"{line['transaction_id']}/{line['line']}",
            _named(line["partner_id"], line["partner_name"]),
            *((_named(line["product_id"], line["product_name"]),) if has_names else ()),
            "–" if line["amount"] is None else words.money(line["amount"], line["currency"] or currency),
            _in_unit(words, line["credited_measure"], line_unit(detail.benefit), ""),
            words.amount(line["line_payout"], currency) if detail.has_steps else "–",
        )
        for line in shown
    ]
    headings = (
        say("date"), say("transaction"), say("partner"), *((say("product"),) if has_names else ()), say("amount"), say("credited"), say("share_of_payout"),
    )  # fmt: skip
    width = len(headings)
    total = sum((line["line_payout"] for line in detail.lines), Decimal(0))
    credited = sum((line["credited_measure"] or Decimal(0) for line in detail.lines), Decimal(0))
    foot = (say("all_lines", count=words.number(len(detail.lines))), *[""] * (width - 3),
            _in_unit(words, credited, line_unit(detail.benefit), ""), words.amount(total, currency) if detail.has_steps else "–")  # fmt: skip
    return Table(headings, rows, frozenset(range(width - 3, width)), foot=foot)


def _lines_note(detail: Detail, words: Words, most: int) -> str:
    if not detail.lines:
        return words.say("lines.none")
    if len(detail.lines) <= most:
        return words.say("lines.all")
    return words.say("lines.largest", shown=words.number(most), count=words.number(len(detail.lines)))


def _named(identifier: str | None, name: str | None) -> str:
    if identifier is None:
        return "–"
    return f"{name} ({identifier})" if name and name != identifier else identifier


def _earlier(statement: Statement, words: Words) -> Table | None:
    if not statement.earlier:
        return None
    say = words.say
    rows = [
        (
            str(row["agreement_title"] or row["agreement_id"]),
            row["clause"],
            words.days(row["window_start"], row["window_end"]),
            words.amount(row["open_before"], row["currency"]),
            words.amount(row["moved"], row["currency"]),
            words.money(row["open"], row["currency"]),
            words.day(row["due_date"]),
        )
        for row in statement.earlier
    ]
    return Table((say("agreement"), say("clause"), say("window"), say("before"), say("in_period"), say("stock.open"), say("due")), rows, frozenset({3, 4, 5}))


def _adjustments(statement: Statement, words: Words) -> Table | None:
    if not statement.adjustments:
        return None
    say = words.say
    rows = [
        (words.day(row["date"]), row["agreement_id"], row["benefit_id"], row["reason"] or "", words.money(row["amount"], row["currency"]))
        for row in statement.adjustments
    ]
    return Table((say("date"), say("agreement"), say("benefit"), say("why"), say("amount")), rows, frozenset({4}))


def _disputes(statement: Statement, words: Words) -> Table | None:
    if not statement.disputes:
        return None
    say = words.say
    rows = [
        (
            words.day(row["raised_on"]),
            row["agreement_id"],
            row["benefit_id"],
            words.day(row["window_start"]),
            slashed(row["transaction_id"], row["line"]) or "–",
            "; ".join(part for part in (row["component"], row["reason"], row["note"]) if part),
            say(f"dispute.{row['status']}", day=words.day(row["resolved_on"])),
            words.money(row["disputed_amount"], row["currency"]),
        )
        for row in statement.disputes
    ]
    headings = ("date", "agreement", "benefit", "window_from", "transaction", "why", "dispute", "amount")
    return Table(tuple(map(say, headings)), rows, frozenset({7}))


def _payments(statement: Statement, words: Words) -> Table | None:
    if not statement.payments:
        return None
    say = words.say
    rows = [
        (words.day(row["paid_on"]), row["reference"] or "–", row["agreement_id"], words.day(row["window_start"]), words.money(row["amount"], row["currency"]))
        for row in statement.payments
    ]
    return Table((say("paid_on"), say("reference"), say("agreement"), say("window_from"), say("amount")), rows, frozenset({4}))


def _questions(statement: Statement, words: Words, settings: StatementSettings) -> list[str]:
    say = words.say
    whom = settings.contact or (settings.sender or statement.period.book).splitlines()[0]
    return [say("questions.whom", contact=whom), say("questions.cite", number=statement.number), say("questions.lines")]


def _in_unit(words: Words, value: Decimal | None, unit: str, currency: str) -> str:
    """A figure with the decimals that people read. Without a currency, money is a bare number."""
    if value is None:
        return "–"
    if unit == "percent":
        return words.percent(value, 2)
    if unit == "money" and currency:
        return words.money(readable(value, 4), currency)
    return words.number(readable(value, 6), 2 if unit == "money" else 0)
