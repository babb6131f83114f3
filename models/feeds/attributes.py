"""Columns that a feed carries along from its files, and what they are called in the warehouse.

Belongs here: the one rule that keeps them apart from columns of ours, whatever a file calls them. Does not belong here: which columns of a file are
carried along (assets/feeds/column_mapping.py), storing them (assets/feeds/raw_tables.py).

People read and write the file's own name everywhere; raw.attributes says which column holds it.
"""

from __future__ import annotations

import unicodedata

from models.feeds.columns import Feed

#: No column, alias or common table of ours holds a colon: a carried-along column meets none of them in any query.
_PREFIX = "attribute:"


def folded(name: str) -> str:
    """A column's name without what does not tell columns apart: capitals, and how Unicode composes a letter."""
    return unicodedata.normalize("NFC", name.casefold())


def attribute_column(name: str) -> str:
    """The column of raw.<feed> that holds a carried-along column."""
    return _PREFIX + folded(name)


def column_named(feed: Feed, name: str) -> str:
    """The column of raw.<feed> that a user means by a name: a canonical one, or one that is carried along."""
    wanted = folded(name)
    return next((column.name for column in feed.columns if column.name == wanted), attribute_column(name))
