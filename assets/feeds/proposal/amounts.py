"""The amount of a row as a mapping: price × quantity, minor units, currency.

Belongs here: expressions for amounts and currency, with their reasons. Does not belong here: which columns they come from (roles.py), returns and
credits (row_kinds.py).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from assets.feeds.proposal.column_names import currency_in
from assets.feeds.proposal.mapping_text import MAX_DECIMALS, decimals_of, exact, part, whole
from assets.feeds.proposal.number_forms import CURRENCY_OF
from assets.feeds.proposal.roles import Roles
from assets.feeds.proposal.sample import Column
from models.currencies import MINOR_UNITS
from models.sql_text import literal

NUMBERS = ("quantity", "amount", "cost")
#: Symbols of several currencies.
_SHARED_SYMBOLS = ("$", "kr", "kr.", "¥", "£")
_STRIPE_ID = re.compile(r"(ch|txn|py|pi|in|re|ii|li)_[A-Za-z0-9]+")
_MINOR_NAME = re.compile(r"cents?|minor|pence|rappen", re.IGNORECASE)


@dataclass
class Amounts:
    """Expressions by canonical name, settings of the feed, and reasons by name. `others`: by name, another value and why it may be the right one."""

    columns: dict[str, str] = field(default_factory=dict)
    defaults: dict[str, str] = field(default_factory=dict)
    settings: dict[str, str] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    others: dict[str, tuple[str, str]] = field(default_factory=dict)


def map_amounts(roles: Roles, symbols: Sequence[str], currency: str | None) -> Amounts:
    """Amount, quantity, cost and currency. `symbols`: of numbers and totals. `currency`: of the book, if the user named one."""
    found = Amounts()
    found.columns |= {name: exact(roles.chosen[name]) for name in NUMBERS if name in roles.chosen}
    _note_rounding(found, roles)
    if rivals := roles.others.get("amount"):
        found.others["amount"] = (part(Column(rivals[0], [])), f"{roles.chosen['amount'].name} was taken; also {', '.join(rivals[:5])}")
    if "amount" not in found.columns and roles.price and "quantity" in found.columns:
        found.columns["amount"] = f"{found.columns['quantity']} * {exact(roles.price)}"
        found.reasons["amount"] = "no column has the amount of a row"
        if roles.discount:
            found.columns["amount"] += f" - coalesce({exact(roles.discount)}, 0)"
    _map_currency(found, roles, symbols, currency)
    if "amount" in roles.chosen:
        _map_minor_units(found, roles)
    return found


def _note_rounding(found: Amounts, roles: Roles) -> None:
    for name in NUMBERS:
        if found.columns.get(name, "").startswith("round("):
            noisy = sum(decimals > MAX_DECIMALS for decimals in decimals_of(roles.chosen[name]))
            found.reasons[name] = f"{noisy:,} values have more decimals than an amount may have"


def finish(found: Amounts, roles: Roles) -> None:
    """A column that is the whole mapping needs fewer quotes than inside an expression."""
    for name in NUMBERS:
        column = roles.chosen.get(name)
        if column and found.columns.get(name) == part(column):
            found.columns[name] = whole(column)


def is_one_of(expression: str, values: Sequence[str]) -> str:
    """A condition: the expression has one of these texts."""
    return f"{expression} IN ({', '.join(map(literal, values))})" if len(values) > 1 else f"{expression} = {literal(values[0])}"


def _map_currency(found: Amounts, roles: Roles, symbols: Sequence[str], currency: str | None) -> None:
    if column := roles.chosen.get("currency"):
        is_lower = any(value != value.upper() for value in column.values())
        found.columns["currency"] = f"upper({part(column)})" if is_lower else whole(column)
        if empty := sum(not cell for cell in column.cells):
            ((code, rows),) = Counter(column.values()).most_common(1)
            found.defaults["currency"] = currency or (code.upper() if rows > empty else "EUR")  # most of them empty: that of the house
            found.reasons["currency"] = f"{empty:,} rows have none: they are read as {found.defaults['currency']}"
        return
    in_header = [code for each in roles.numbers() if (code := currency_in(each.name)) in MINOR_UNITS]
    in_symbols = [code for symbol in symbols if (code := CURRENCY_OF.get(symbol, symbol)) in MINOR_UNITS]
    if in_header:
        found.defaults["currency"] = in_header[0]
        found.reasons["currency"] = "as the name of the amount says"
    elif in_symbols and not currency:
        found.defaults["currency"] = in_symbols[0]
        found.reasons["currency"] = f"as {symbols[0]} says" + ("; for another one: --currency" if symbols[0] in _SHARED_SYMBOLS else "")
    else:
        found.defaults["currency"] = currency or "EUR"
        found.reasons["currency"] = f"no column has a currency: every row is read as {found.defaults['currency']}"


def _map_minor_units(found: Amounts, roles: Roles) -> None:
    """Whole numbers of cents. Known by the name, or by ids of a system that always writes them so."""
    column = roles.chosen["amount"]
    if any(not re.fullmatch(r"-?\d+", value) for value in column.values()):
        return
    ids = roles.chosen.get("transaction_id")
    is_known = ids is not None and all(_STRIPE_ID.fullmatch(value) for value in ids.values())
    if not is_known and not _MINOR_NAME.search(column.name):
        return
    codes = {value.upper() for value in roles.chosen["currency"].values()} if "currency" in roles.chosen else {found.defaults["currency"]}
    groups: dict[int, list[str]] = {}
    for code in sorted(codes):
        groups.setdefault(MINOR_UNITS.get(code, 2), []).append(code)
    amounts = {units: f"{part(column)} / {10**units}" if units else part(column) for units in groups}
    if "currency" in found.columns:  # a currency that the file does not have yet is rejected, because it may have other units
        whens = [f"WHEN {is_one_of(found.columns['currency'], groups[units])} THEN {amounts[units]}" for units in groups]
        found.columns["amount"] = f"CASE {' '.join(whens)} END"
    else:
        found.columns["amount"] = next(iter(amounts.values()))
    found.reasons["amount"] = "whole numbers of minor units, as the name says" if not is_known else "this system writes whole numbers of minor units"
