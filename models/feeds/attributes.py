"""Attributes: the extra columns of a file that a feed keeps, and their names in the warehouse.

Belongs here: the one rule that keeps attributes apart from the program's own columns, whatever a file calls them. Does not belong here: which columns
of a file are kept (assets/feeds/column_mapping.py), storing and publishing them (assets/feeds/raw_tables.py, assets/publishing/attribute_columns.py).

Users read and write the file's own name everywhere; raw.attributes maps it to the column.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable

from models.feeds.columns import Feed
from models.unicode_form import composed

#: No column, alias or CTE of the program contains a colon, so an attribute cannot clash with one in any query.
_PREFIX = "attribute:"
#: The published tables with a column per attribute, and whose.
ATTRIBUTE_TABLES = {"dim_partner": "partners", "dim_partner_version": "partners", "dim_product": "products", "dim_product_version": "products"}
#: Bytes of a column's name in PostgreSQL, less those of a number.
_LONGEST_NAME = 63 - 4


def folded(name: str) -> str:
    """A column's name without differences that do not distinguish columns: upper case and Unicode composition."""
    return composed(name.casefold())


def attribute_column(name: str) -> str:
    """The column of raw.<feed> that holds an attribute."""
    return _PREFIX + folded(name)


def shown_name(column: str) -> str:
    """The name that a user knows a column of raw.<feed> by."""
    return column.removeprefix(_PREFIX)


def column_named(feed: Feed, name: str) -> str:
    """The column of raw.<feed> that a user means by a name: a canonical column or an attribute."""
    wanted = folded(name)
    return next((column.name for column in feed.columns if column.name == wanted), attribute_column(name))


def name_columns(names: Iterable[str], taken: Iterable[str]) -> dict[str, str]:
    """The column of a published table for each attribute: its own name, cut where PostgreSQL would, with a number where another column has it.

    taken: the table's other columns. Names are told apart as databases do: not by upper case.
    """
    used, found = {name.casefold() for name in taken}, {}
    for name in names:
        cut = name.encode()[:_LONGEST_NAME].decode(errors="ignore") or "unnamed"
        column = next(each for each in itertools.chain([cut], (f"{cut}_{number}" for number in itertools.count(2))) if each.casefold() not in used)
        used.add(column.casefold())
        found[name] = column
    return found
