"""What a statement shows, in one language: titles, tables of formatted cells, sentences.

Belongs here: the types. Does not belong here: filling them (tell.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field


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
