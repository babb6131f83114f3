"""Which column of a file holds what: the best pairs of name and values.

Belongs here: the choice and what it leaves undecided. Does not belong here: names as data (column_names.py), expressions (amounts.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache

from assets.feeds.proposal.column_names import DISCOUNTS, NAMES, PRICES, bare, likeness
from assets.feeds.proposal.day_forms import DayForm, day_form, serial_days
from assets.feeds.proposal.number_forms import ENOUGH, share_of_numbers
from assets.feeds.proposal.sample import WIDE, Column
from models.currencies import MINOR_UNITS
from models.feeds.text_formats import Forms


@dataclass
class Roles:
    """The chosen columns by canonical name, and for each what else could have been meant."""

    chosen: dict[str, Column] = field(default_factory=dict)
    others: dict[str, list[str]] = field(default_factory=dict)
    day: DayForm | None = None
    price: Column | None = None
    discount: Column | None = None

    def numbers(self) -> list[Column]:
        """The columns that are mapped as numbers."""
        found = [self.chosen[name] for name in ("quantity", "amount", "cost") if name in self.chosen]
        return found + [column for column in (self.price, self.discount) if column and "amount" not in self.chosen]


def choose_roles(columns: Sequence[Column], form: Forms, key: str, of_order: Sequence[str]) -> Roles:
    """The column for each canonical name, the most certain pairs first; every column is used once.

    `key`: the column that names orders of several rows. `of_order`: columns that have a value once per order, so their amounts are the order's.
    """
    roles = Roles()
    if named := next((column for column in columns if column.name == key), None):
        roles.chosen["transaction_id"] = named

    @cache
    def day_of(place: int) -> DayForm | None:
        return day_form(columns[place])

    places = {column.name: place for place, column in enumerate(columns)}

    def allows(name: str, column: Column) -> bool:
        if name == "date":
            return day_of(places[column.name]) is not None or (serial_days(column) and likeness("date", column.name) > 0)
        if name in ("amount", "quantity", "cost"):
            return column.name not in of_order and _is_numeric(column, form)
        if name == "line":
            return column.name not in of_order and bool(column.values()) and all(value.isdigit() for value in column.values())
        if name == "currency":
            return bool(column.values()) and all(value.upper() in MINOR_UNITS for value in set(column.values()))
        return bool(column.values()) and day_of(places[column.name]) is None

    pairs = [(score, name, column) for column in columns for name in NAMES if (score := likeness(name, column.name)) and allows(name, column)]
    for _, name, column in sorted(pairs, key=lambda pair: -pair[0]):
        if name not in roles.chosen and column not in roles.chosen.values():
            roles.chosen[name] = column
    if "date" not in roles.chosen and (dated := [c for c in columns[:WIDE] if c not in roles.chosen.values() and day_of(places[c.name])]):
        roles.chosen["date"] = dated[0]
        roles.others["date"] = [column.name for column in dated[1:]]
    if "partner_id" not in roles.chosen and (account := _account_of_customers(columns)):
        roles.chosen["partner_id"] = account
    roles.day = day_of(places[roles.chosen["date"].name]) if "date" in roles.chosen else None
    roles.price = _named(columns, PRICES, roles, form, of_order)
    roles.discount = _named(columns, DISCOUNTS, roles, form, of_order)
    for name, column in roles.chosen.items():
        rivals = [other.name for score, of, other in pairs if of == name and other is not column and score > 0.9 and other not in roles.chosen.values()]
        roles.others.setdefault(name, []).extend(rivals)
    return roles


def _account_of_customers(columns: Sequence[Column]) -> Column | None:
    """The account, where there is one only; of account and contra account the one of customers, who have one digit more than accounts of the ledger."""
    accounts = [column for column in columns if bare(column.name).startswith(("konto", "gegenkonto", "contraaccount", "offset")) and column.values()]
    if len(accounts) == 1 and bare(accounts[0].name).startswith("konto"):
        return accounts[0]
    if len(accounts) != 2 or not all(value.isdigit() for column in accounts for value in column.values()):
        return None
    digits = [min(map(len, column.values())) for column in accounts]
    return accounts[0] if digits[0] > digits[1] else accounts[1] if digits[1] > digits[0] else None


def _is_numeric(column: Column, form: Forms) -> bool:
    return column.type not in ("", "VARCHAR", "BOOLEAN") or share_of_numbers(column, form) >= ENOUGH


def _named(columns: Sequence[Column], names: Sequence[str], roles: Roles, form: Forms, of_order: Sequence[str]) -> Column | None:
    used = {column.name for column in roles.chosen.values()} | set(of_order)
    named = {bare(column.name): column for column in columns if column.name not in used}
    return next((named[name] for name in names if name in named and _is_numeric(named[name], form)), None)


def candidates(name: str, columns: Sequence[Column], roles: Roles, form: Forms) -> list[Column]:
    """Columns that could be a required one although no name says so, the likeliest first."""
    free = [column for column in columns[:WIDE] if column.values() and column not in roles.chosen.values()]
    if name == "amount":
        numeric = [column for column in free if _is_numeric(column, form)]
        return sorted(numeric, key=lambda column: not any(mark in value for value in column.values()[:100] for mark in ".,"))
    texts = [column for column in free if day_form(column) is None and not _has_decimals(column)]
    repeated = [column for column in texts if 1 < len(set(column.values())) < len(column.values())]
    return sorted(repeated, key=lambda column: (len(column.values()) < len(column.cells), -len(set(column.values()))))


def _has_decimals(column: Column) -> bool:
    return any(mark in value for value in column.values()[:20] if value[:1].isdigit() for mark in ".,")
