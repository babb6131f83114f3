"""What a statement says, as data: one participant and one period. HTML, PDF and XLSX are written from it and from nothing else.

Belongs here: the types. Does not belong here: reading them (read.py), words and formatted numbers (document/).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from assets.published.reader import Row

#: What a balance is made of; the first four add up to `open`.
STOCKS = ("payable", "held", "waiting", "running", "open")
#: Lines of a payout that a statement shows, those with the largest shares; all of them are in its file of lines.
LINES = 50
#: What the period moved.
FLOWS = ("earned", "adjusted", "settled", "written_off")


@dataclass(frozen=True)
class Period:
    """The period and what the set knew. `previous`: the period before it, None for the first of the book. `is_current`: it holds as_of, so that figures of
    payouts are those of the period's end. `is_final`: it is closed; `closed`: the close in force. `proposal`: what simulated it, empty for what is."""

    period: str
    first_day: dt.date
    last_day: dt.date
    previous: str | None
    as_of: dt.date
    is_current: bool
    is_final: bool
    closed: Row | None
    book: str
    run_id: str
    proposal: str = ""

    @property
    def state(self) -> str:
        """simulated, final or draft."""
        return "simulated" if self.proposal else "final" if self.is_final else "draft"

    @property
    def until(self) -> dt.date:
        """The last day that counts."""
        return min(self.last_day, self.as_of)


@dataclass(frozen=True)
class Position:
    """One direction and currency. `now` and `before`: STOCKS at the end of this period and of the one before, FLOWS of each. `causes`: what leads from the
    open balance before to that of now, in order; they add up."""

    direction: str
    currency: str
    now: Mapping[str, Decimal]
    before: Mapping[str, Decimal]
    causes: Sequence[tuple[str, Decimal]]


@dataclass(frozen=True)
class Totals:
    """Of all lines of a payout."""

    lines: int = 0
    credited_measure: Decimal = Decimal(0)
    line_payout: Decimal = Decimal(0)


@dataclass(frozen=True)
class Detail:
    """A payout whose window has days in the period. `benefit` and `agreement`: rows of the dimensions. `has_steps`: the figures of `payout` are those of
    the period's end; otherwise `achievement` has what was known then. `moved`: cause to amount, of the period. `reasons`: lines and sums that counted or
    did not. `lines`: those with the largest shares, in order. `totals`: of all lines their number, credited measure and shares; the shares add up to the
    payout."""

    payout: Row
    benefit: Row
    agreement: Row
    has_steps: bool
    earned_before: Decimal
    earned: Decimal
    moved: Mapping[str, Decimal]
    achievement: Row
    totals: Totals
    tiers: Sequence[Row] = field(default_factory=tuple)
    steps: Sequence[Row] = field(default_factory=tuple)
    accruals: Sequence[Row] = field(default_factory=tuple)
    releases: Sequence[Row] = field(default_factory=tuple)
    reasons: Sequence[Row] = field(default_factory=tuple)
    lines: Sequence[Row] = field(default_factory=tuple)


@dataclass(frozen=True)
class Statement:
    """`number`: what to cite. `earlier`: payouts of windows that ended before the period, with something open or moved. `lines_csv` and `calculation`:
    the files that go with it, and `sha256` of the latter, which names that of the former."""

    period: Period
    number: str
    participant: Row
    positions: Sequence[Position]
    details: Sequence[Detail]
    earlier: Sequence[Row]
    adjustments: Sequence[Row]
    disputes: Sequence[Row]
    payments: Sequence[Row]
    lines_csv: str = ""
    calculation: str = ""
    sha256: str = ""
