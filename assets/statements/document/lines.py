"""The lines of a payout: those with the largest shares, and what all of them add up to.

Belongs here: one table. Does not belong here: all lines (attachments.py, workbook/).
"""

from __future__ import annotations

from assets.published.explanation_view import line_unit
from assets.statements.document.parts import Table
from assets.statements.statement import Detail
from assets.statements.words import Words


def tell_lines(detail: Detail, words: Words, most: int) -> Table | None:
    if not detail.lines:
        return None
    say, currency = words.say, detail.payout["currency"]
    shown = [line for line in detail.lines if line["size_no"] <= most]
    has_names = any(line["product_id"] is not None for line in shown)
    rows = [
        (
            words.day(line["date"]),
            "–" if line["transaction_id"] is None else f"{line['transaction_id']}/{line['line']}",
            _named(line["partner_id"], line["partner_name"]),
            *((_named(line["product_id"], line["product_name"]),) if has_names else ()),
            "–" if line["amount"] is None else words.money(line["amount"], line["currency"] or currency),
            words.in_unit(line["credited_measure"], line_unit(detail.benefit), ""),
            words.amount(line["line_payout"], currency) if detail.has_steps else "–",
        )
        for line in shown
    ]
    headings = (
        say("date"), say("transaction"), say("partner"), *((say("product"),) if has_names else ()), say("amount"), say("credited"), say("share_of_payout"),
    )  # fmt: skip
    width = len(headings)
    totals = detail.totals
    foot = (say("all_lines", count=words.number(totals.lines)), *[""] * (width - 3),
            words.in_unit(totals.credited_measure, line_unit(detail.benefit), ""),
            words.amount(totals.line_payout, currency) if detail.has_steps else "–")  # fmt: skip
    return Table(headings, rows, frozenset(range(width - 3, width)), foot=foot)


def tell_lines_note(detail: Detail, words: Words, most: int) -> str:
    if not detail.lines:
        return words.say("lines.none")
    if detail.totals.lines <= most:
        return words.say("lines.all")
    return words.say("lines.largest", shown=words.number(most), count=words.number(detail.totals.lines))


def _named(identifier: str | None, name: str | None) -> str:
    if identifier is None:
        return "–"
    return f"{name} ({identifier})" if name and name != identifier else identifier
