"""Small books in memory for the tests of the reference: what goes without saying is filled in. No expectations here."""

from __future__ import annotations

import datetime as dt
from fractions import Fraction
from typing import Any

import yaml

from tests.reference.compute import Results, compute
from tests.reference.read import ExactLoader, book_of_rows

Row = dict[str, Any]
LATE = dt.date(2099, 12, 31)


def read(text: str) -> Any:
    return yaml.load(text, ExactLoader)


def agreement(benefits: str, **more: Any) -> Row:
    """An agreement A of participants P in EUR over 2025, with benefits in YAML's flow style: `id: b, window: year, tiers: [...]` each."""
    found = [{"clause": "1", "window": "year", **read("{" + line + "}")} for line in benefits.strip().split("\n")]
    for number, benefit in enumerate(found):
        benefit.setdefault("id", f"b{number + 1}")
    term = {"from": dt.date(2025, 1, 1), "to": dt.date(2025, 12, 31)}
    return {"agreement": "A", "currency": "EUR", "participants": ["P"], "term": term, "benefits": found, **more}


def lines(text: str, names: str = "date partner_id amount") -> list[Row]:
    """One line per row, columns separated by blanks; `-` is nothing. Ids count up: t01, t02, …"""
    rows = []
    for number, line in enumerate(text.strip().split("\n"), 1):
        values = {k: None if v == "-" else v for k, v in zip(names.split(), line.split(), strict=True)}
        rows.append({"transaction_id": f"t{number:02}", "partner_id": "P", "currency": "EUR", **values})
    return rows


def rows(text: str, names: str) -> list[Row]:
    """Rows of any feed, as `lines` without anything filled in."""
    return [{k: None if v == "-" else v for k, v in zip(names.split(), line.split(), strict=True)} for line in text.strip().split("\n")]


def results(agreements: Row | list[Row], transactions: list[Row], as_of: dt.date = LATE, settings: Row | None = None, **feeds: list[Row]) -> Results:
    written = agreements if isinstance(agreements, list) else [agreements]
    return compute(book_of_rows(settings or {}, written, {"transactions": transactions, **feeds}, as_of))


def payouts(found: Results, benefit: str = "b1", agreement_id: str = "A") -> dict[str, Fraction]:
    """Payout by participant and window start (participant alone where there is one window)."""
    mine = {key: row["payout"] for key, row in found.payouts.items() if key[:2] == (agreement_id, benefit)}
    starts = {key[3] for key in mine}
    return {key[2] if len(starts) == 1 else f"{key[2]} {key[3]}": value for key, value in mine.items()}


def one(found: Results, benefit: str = "b1", participant: str = "P", agreement_id: str = "A", start: str = "2025-01-01") -> Row:
    return found.payouts[agreement_id, benefit, participant, dt.date.fromisoformat(start)]


def accrued(found: Results, benefit: str = "b1", agreement_id: str = "A", participant: str = "P") -> dict[str, Fraction]:
    """Accrued to date by period."""
    return {key[4]: value for key, value in found.accruals.items() if key[:3] == (agreement_id, benefit, participant)}


def shares(found: Results, benefit: str = "b1", agreement_id: str = "A", participant: str = "P", start: str = "2025-01-01") -> list[tuple[Any, ...]]:
    """(transaction, tier, credited measure, line payout) of a payout."""
    key = (agreement_id, benefit, participant, dt.date.fromisoformat(start))
    return [(r["transaction_id"], r["tier"], r["credited_measure"], r["line_payout"]) for r in found.lines[key]]
