"""Where a report's header and rows are, and which lines are no data.

Belongs here: header_row, footer, fill_down, ignore, and the rows that remain. Does not belong here: what the columns mean (roles.py).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from assets.feeds.proposal.column_names import KINDS, NAMES, PRICES, STATES, bare
from assets.feeds.proposal.day_forms import day_form
from assets.feeds.proposal.exchange_rates import quoted_currency
from assets.feeds.proposal.mapping_text import within
from assets.feeds.proposal.number_forms import looks_like_number
from assets.feeds.proposal.sample import WIDE, Column, Record
from models.sql_text import literal

_KNOWN = {name for names in (*NAMES.values(), KINDS, PRICES, STATES) for name in names}
_TOTAL = re.compile(r"\W*(total|sub-?total|grand total|sum|summe|zwischensumme|gesamt|gesamtsumme|ergebnis|totaal|totale?s?)\b", re.IGNORECASE)
#: A header is looked for in so many records.
_HEADER_WITHIN = 60
#: A column of a report's groups gets this name, because it has none.
GROUP = "Group"
_CUSTOMER = re.compile(r"customer|client|kunde|debitor", re.IGNORECASE)


@dataclass
class Layout:
    """The rows that are data, by column, and what the feed must say so that it reads them.

    `key`: a column whose rows belong together, such as an order's; only the first of them has the values of the columns `of_order`.
    """

    columns: list[Column]
    settings: dict[str, Any] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    preamble: list[Record] = field(default_factory=list)
    key: str = ""
    of_order: list[str] = field(default_factory=list)
    aside: list[Column] = field(default_factory=list)  # the cells of headings and totals

    @property
    def filled(self) -> list[str]:
        return list(self.settings.get("fill_down", []))


def find_layout(records: Sequence[Record]) -> Layout | None:
    """The layout of a CSV file or a sheet; None: no line looks like a header."""
    place = _header_place(records)
    if place is None:
        return None
    header, body = records[place], records[place + 1 :]
    layout = Layout([], preamble=list(records[:place]))
    if header.line > 1:
        layout.settings["header_row"] = header.line
    width = max(i for i, cell in enumerate(header.cells, 1) if cell)
    body = _without_footer(body, width, layout)
    rows = [record.cells[:width] for record in body if len(record.cells) >= width and not any(record.cells[width:])]  # others are rejected
    names = _named(header.cells[:width], rows, layout)
    padded = {i for record in body for i in record.padded}
    layout.columns = [Column(name, [row[i] for row in rows], is_padded=i in padded) for i, name in enumerate(names) if name]
    fill_orders(layout)
    _set_aside(layout)
    return layout


def _header_place(records: Sequence[Record]) -> int | None:
    """The record with the most names of columns: texts that differ, above records that have as many fields."""
    best, found = 0.0, None
    for place, record in enumerate(records[:_HEADER_WITHIN]):
        names = [cell for cell in record.cells if cell]
        below = records[place + 1 : place + 21]
        currencies = [name for name in names if quoted_currency(name)]
        if len(names) < 2 or any(_is_value(name) for name in names if name not in currencies):
            continue
        known = sum(bare(name) in _KNOWN for name in names) + len(currencies)
        fitting = sum(2 * len(each.cells) >= len(names) for each in below) / len(below) if below else 1
        score = (len(names) + 3 * known) * fitting
        if score > best:
            best, found = score, place
    return found


def _is_value(text: str) -> bool:
    return looks_like_number(text) or day_form(Column("", [text])) is not None


def _without_footer(body: Sequence[Record], width: int, layout: Layout) -> Sequence[Record]:
    """The records above the footer: last lines that do not have the width of a row, or are a sentence.

    A row that was cut off is no footer: it has a number or a day, or most of its fields.
    """
    end = len(body)
    first_cells = [record.cells[0] for record in body[:40] if record.cells[0]]
    begins_with_values = 2 * sum(map(_is_value, first_cells)) > len(first_cells)
    while end and _is_note(body[end - 1], width, begins_with_values):
        end -= 1
    footer = body[end:]
    if not footer or not end:
        return body
    layout.settings["footer"] = len(footer)
    layout.reasons["footer"] = f"{_shown(footer[0].cells[0])} begins it"
    word = footer[0].cells[0].split(" ")[0]
    first = re.escape(word)
    if (
        re.fullmatch(r"\W*[^\W\d]{3,}\W*|\W{3,}", word)
        and not any(re.match(f'"?{first}', record.cells[0]) for record in body[:end])
        and not _has_day(footer[0])
    ):
        layout.settings["footer"] = first
    return body[:end]


def _is_note(record: Record, width: int, begins_with_values: bool) -> bool:
    filled = [cell for cell in record.cells if cell]
    if _TOTAL.match(filled[0]) and len(record.cells) != width:
        return True
    if any(map(_is_value, filled)):
        return False
    if len(record.cells) == width:
        is_text = len(filled[0]) > 20 or begins_with_values  # a short one may be the heading of a group
        return width > 2 and len(filled) == 1 and bool(record.cells[0]) and is_text and not _TOTAL.match(filled[0])
    return 2 * len(filled) <= width


def _has_day(record: Record) -> bool:
    """Whether the footer's first words change from day to day."""
    return bool(re.search(r"\d|day\b|tag\b", record.cells[0]))


def _shown(text: str) -> str:
    return f"“{text[:30]}…”" if len(text) > 31 else f"“{text}”"


def _named(header: Sequence[str], rows: Sequence[Sequence[str]], layout: Layout) -> list[str]:
    """The names of the columns. A column without a name is named if it or one after it has values, because reports group by it; otherwise it is none."""
    names = []
    last_used = max((i for i, name in enumerate(header) if not name and any(row[i].strip() for row in rows)), default=-1)
    for i, name in enumerate(header):
        if not name and i <= last_used:
            groups = layout.settings.setdefault("fill_down", [])
            has_words = any(re.search(r"\w", row[i]) for row in rows)  # a report marks its totals by stars
            is_customer = has_words and not groups and any(_CUSTOMER.search(cell) for record in layout.preamble for cell in record.cells)
            name = "Customer" if is_customer else GROUP + (f" {len(groups) + 1}" if groups else "")
            groups.append(name)
            layout.reasons["fill_down"] = "the report is grouped by a column without a name"
        names.append(name)
    return names


def fill_orders(layout: Layout) -> None:
    """Fill the cells of orders whose first row alone has the order's values: every run of one key begins with them, and no other row has any."""
    columns = layout.columns
    height = len(columns[0].cells) if columns else 0
    if height < 4:
        return
    orders = [(key, starts, once) for key in columns[:WIDE] if all(key.cells) and (starts := _starts(key.cells)) and (once := _once(columns, key, starts))]
    if not orders:
        return
    key, starts, once = max(orders, key=lambda order: len(order[2]))  # a customer's orders that follow each other look like one order too
    layout.key, layout.of_order = key.name, [column.name for column in once]
    once = [column for column in once if not all(looks_like_number(value) for value in column.values()[:100])]  # an order's total is in one row only
    layout.settings |= {"fill_down": [column.name for column in once], "fill_within": key.name}
    layout.reasons["fill_down"] = f"only the first row of each {key.name} has them"
    layout.columns = [_filled(column, starts) if column in once else column for column in columns]


def _starts(cells: Sequence[str]) -> list[bool]:
    """Whether each row begins a run of one key; empty: every row does, or a key comes back after another."""
    starts = [i == 0 or cells[i] != cells[i - 1] for i in range(len(cells))]
    return starts if len(set(cells)) == sum(starts) < len(cells) else []


def _once(columns: Sequence[Column], key: Column, starts: Sequence[bool]) -> list[Column]:
    """The columns that only first rows have, if they are several and an order has one day."""
    once = [column for column in columns if column is not key and any(column.cells) and all(starts[i] for i, cell in enumerate(column.cells) if cell)]
    of_one_value = [column for column in columns[:WIDE] if all(first := _of_first(column, starts)) and _filled(column, starts).cells == first]
    is_dated = any(day_form(column) for column in of_one_value)
    return once if len(once) > 1 and is_dated else []


def _of_first(column: Column, starts: Sequence[bool]) -> list[str]:
    """The cell of the first row of each run, for all of its rows."""
    cells: list[str] = []
    for cell, is_first in zip(column.cells, starts, strict=True):
        cells.append(cell if is_first else cells[-1])
    return cells


def _filled(column: Column, starts: Sequence[bool]) -> Column:
    cells: list[str] = []
    for cell, is_first in zip(column.cells, starts, strict=True):
        cells.append(cell if is_first or cell else cells[-1])
    return replace(column, cells=cells)


def _set_aside(layout: Layout) -> None:
    """Take out the rows without a day, if a condition tells them from rows that merely lack one: headings of groups, subtotals and totals."""
    columns = layout.columns
    dated = [column for column in columns[:WIDE] if any(column.cells) and day_form(column)]
    if not dated:
        return
    date = max(dated, key=lambda column: sum(map(bool, column.cells)))
    empty = [i for i, cell in enumerate(date.cells) if not cell]
    groups = [column for column in columns if column.name in layout.filled and not layout.key]
    if empty and (condition := _condition(date, empty, columns, layout)):
        layout.settings["ignore"] = condition
        layout.aside = [_only(column, set(empty)) for column in columns]
        layout.reasons["ignore"] = "1 row of totals, which has no day" if len(empty) == 1 else f"{len(empty):,} headings and totals, which have no day"
    elif groups:
        return
    kept = set(range(len(date.cells))) - (set(empty) if "ignore" in layout.settings else set())
    layout.columns = [_below_headings(column, kept) if column in groups else _only(column, kept) for column in columns]
    _fill_blocks(layout)


def _condition(date: Column, empty: Sequence[int], columns: Sequence[Column], layout: Layout) -> str:
    """A condition that is true for all of these rows and would not be for a row of data that only lacks its day; empty: there is none."""
    full = set(range(len(date.cells))) - set(empty)
    name = _is_empty(date)
    always_there = [c for c in columns if c is not date and full and all(c.cells[i] for i in full) and not any(c.cells[i] for i in empty)]
    if always_there:
        named = next((c for c in always_there if bare(c.name) in NAMES["transaction_id"] + NAMES["partner_id"] + NAMES["product_id"]), always_there[0])
        return f"{name} AND {_is_empty(named)}"
    for column in columns:
        labels = {found.group(1).lower() for i in empty if (found := _TOTAL.match(column.cells[i]))}
        if labels and all(_TOTAL.match(column.cells[i]) for i in empty):
            tests = " OR ".join(f"{within(column.name)} ILIKE {literal('%' + label + '%')}" for label in sorted(labels))
            return f"{name} AND ({tests})"
    return ""


def _is_empty(column: Column) -> str:
    """A condition: the cell has no value, or nothing but the blanks with which reports fill their columns."""
    return f"nullif(trim({within(column.name)}), '') IS NULL" if column.is_padded else f"{within(column.name)} IS NULL"


def _only(column: Column, kept: set[int]) -> Column:
    return replace(column, cells=[cell for i, cell in enumerate(column.cells) if i in kept])


def _below_headings(column: Column, kept: set[int]) -> Column:
    above, cells = "", []
    for cell in column.cells:
        above = cell or above
        cells.append(above)
    return _only(replace(column, cells=cells), kept)


def _fill_blocks(layout: Layout) -> None:
    """A column that has a value in the first row of each block, as merged cells leave it: it names who or what, and most of it is empty."""
    if layout.key:
        return
    wanted = NAMES["partner_id"]
    for place, column in enumerate(layout.columns):
        filled = sum(map(bool, column.cells))
        if column.name in layout.filled or bare(column.name) not in wanted or not filled or not column.cells[0] or 2 * filled > len(column.cells):
            continue
        layout.settings.setdefault("fill_down", []).append(column.name)
        layout.reasons["fill_down"] = f"{column.name} has a value in the first row of each block"
        layout.columns[place] = _below_headings(column, set(range(len(column.cells))))
