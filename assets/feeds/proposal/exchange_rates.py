"""A table of exchange rates with a column for each currency, as banks publish them.

Belongs here: recognising such a table, and its feed. Does not belong here: tables of transactions (propose.py).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from assets.feeds.proposal.day_forms import day_form
from assets.feeds.proposal.proposal import Proposal
from assets.feeds.proposal.sample import Column
from models.currencies import MINOR_UNITS

#: USD, 100 HUF, 100HUF, 1USD
_QUOTED = re.compile(r"(?:(1|10|100|1000|10000)\s*)?([A-Z]{3})")
#: Currencies of which any other buys several.
_SMALL = ("JPY", "HUF", "KRW", "IDR", "INR", "ISK", "CLP", "VND", "CZK", "TRY", "THB", "PHP")
#: A table with fewer columns of currencies is one of something else.
_FEWEST = 3


@dataclass(frozen=True)
class RateTable:
    """The column of days, the columns of rates, and for each of these its currency and the number of units that are quoted."""

    date: Column
    columns: list[Column]
    quoted: dict[str, tuple[str, int]]

    @property
    def has_units(self) -> bool:
        """Whether a name says for how many units a rate is: then rates are prices of the foreign currency."""
        return any(name != code for name, (code, _) in self.quoted.items())


def quoted_currency(name: str) -> tuple[str, int] | None:
    """The currency that a column is named after, and the number of units; None: it is named after something else."""
    found = _QUOTED.fullmatch(name)
    return (found.group(2), int(found.group(1) or 1)) if found and found.group(2) in MINOR_UNITS else None


def find_rate_table(columns: Sequence[Column]) -> RateTable | None:
    """The table, if most of its columns are named after currencies; None: it is something else."""
    quoted = {column.name: found for column in columns if (found := quoted_currency(column.name))}
    if len(quoted) < _FEWEST or 2 * len(quoted) <= len(columns):
        return None
    dated = [column for column in columns if column.name not in quoted and day_form(column)]
    if len(dated) != 1:
        return None
    return RateTable(dated[0], [column for column in columns if column.name in quoted], quoted)


def propose_rates(table: RateTable, currency: str | None) -> Proposal:
    """The feed fx_rates for the table. `currency`: of the book, which a bank's table leaves out because it is the bank's own."""
    proposal = Proposal("fx_rates", len(table.date.cells))
    columns = {name: {"currency": code, "per": units} if table.has_units else {"currency": code} for name, (code, units) in table.quoted.items()}
    proposal.add("unpivot", {"columns": columns, "value": "rate"}, f"a column for each of {len(columns)} currencies")
    codes = {code for code, _ in table.quoted.values()}
    home = currency if currency and currency not in codes else "EUR" if "EUR" not in codes else None
    is_price = True if table.has_units else _is_price(table)
    side, other = ("to_currency", "from_currency") if is_price else ("from_currency", "to_currency")
    if home is None:
        proposal.ask(side, "?", "the currency of the bank, which has no column of its own; --currency names it", is_column=True)
        return proposal
    proposal.defaults[side] = home
    meaning = {"to_currency": f"a rate is the price of the foreign currency in {home}", "from_currency": f"a rate is the price of 1 {home}"}
    proposal.reasons[side] = meaning[side]
    if is_price is None:
        proposal.ask("defaults", {other: home}, f"if {meaning[other]}")
    return proposal


def _is_price(table: RateTable) -> bool | None:
    """Whether rates are prices of the foreign currency: one of small units then costs less than one. None: the table has no such currency."""
    small = next((column for column in table.columns if table.quoted[column.name][0] in _SMALL), None)
    return None if small is None else all(re.match(r"0?[.,]", value) for value in small.values())
