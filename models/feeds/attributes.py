"""Attributes: the extra columns of a file that a feed keeps, and their names in the warehouse.

Belongs here: the one rule that keeps attributes apart from the program's own columns, whatever a file calls them. Does not belong here: which columns
of a file are kept (assets/feeds/column_mapping.py), storing them (assets/feeds/raw_tables.py).

Users read and write the file's own name everywhere; raw.attributes maps it to the column.
"""

from __future__ import annotations

from models.feeds.columns import Feed
from models.unicode_form import composed

#: No column, alias or CTE of the program contains a colon, so an attribute cannot clash with one in any query.
_PREFIX = "attribute:"


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
