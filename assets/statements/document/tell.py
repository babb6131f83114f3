"""A statement in the reader's language. HTML and PDF show the same document.

Belongs here: the whole, and tables over all payouts. Does not belong here: looks (templates/), reading (read.py).
"""

from __future__ import annotations

from assets.published.formatting import slashed
from assets.published.reader import Row
from assets.statements.document.accounts import tell_account
from assets.statements.document.parts import Document, Table
from assets.statements.document.payouts import status_of, tell_payout
from assets.statements.statement import LINES, Statement
from assets.statements.words import Words
from models.book.statement_settings import StatementSettings

#: Lines of a payout on paper.
LINES_ON_PAPER = 12


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
        accounts=[tell_account(position, words, (period.period, last)) for position in statement.positions],
        accounts_note=say("accounts_note") if statement.positions else say("nothing_moved"),
        sections=[tell_payout(detail, words, lines) for detail in statement.details],
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
            say(f"status.{status_of(d)}"),
            words.amount(d.earned_before, d.payout["currency"]),
            words.amount(d.earned - d.earned_before, d.payout["currency"]),
            words.money(d.earned, d.payout["currency"]),
        )
        for d in statement.details
    ]
    headings = (say("agreement"), say("clause"), say("window"), say("status"), say("before"), say("in_period"), say("earned"))
    return Table(headings, rows, frozenset({4, 5, 6}))


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
        (words.day(row["paid_on"]), row["reference"] or "–", row["agreement_id"], words.day(row["window_start"]), _paid(row, words))
        for row in statement.payments
    ]
    return Table((say("paid_on"), say("reference"), say("agreement"), say("window_from"), say("amount")), rows, frozenset({4}))


def _paid(payment: Row, words: Words) -> str:
    """What it settles; in brackets what was paid, where that is another currency."""
    settles, paid = (words.money(payment[f"{name}amount"], payment[f"{name}currency"]) for name in ("", "paid_"))
    return settles if payment["paid_currency"] == payment["currency"] else f"{settles} ({paid})"


def _questions(statement: Statement, words: Words, settings: StatementSettings) -> list[str]:
    say = words.say
    whom = settings.contact or (settings.sender or statement.period.book).splitlines()[0]
    return [say("questions.whom", contact=whom), say("questions.cite", number=statement.number), say("questions.lines")]
