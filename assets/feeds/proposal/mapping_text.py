"""Columns of a file as a mapping of book.yaml writes them.

Belongs here: when a name needs quotes. Does not belong here: the language of mappings (models/feeds/expressions.py).
"""

from __future__ import annotations

import re

from assets.feeds.proposal.sample import Column
from models.sql_text import identifier

#: Plain words that SQL reads as something else.
_RESERVED = frozenset(
    (
        *("all", "and", "any", "array", "as", "asc", "between", "by", "case", "cast", "check", "collate", "column", "constraint"),
        *("cross", "current_date", "date", "day", "default", "desc", "distinct", "else", "end", "except", "false", "filter"),
        *("for", "from", "full", "group", "having", "hour", "if", "in", "index", "inner", "interval", "into", "is", "join", "key"),
        *("language", "left", "like", "limit", "line", "map", "minute", "month", "natural", "not", "null", "offset", "on", "or"),
        *("order", "outer", "percent", "position", "primary", "range", "references", "right", "row", "rows", "second", "select"),
        *("set", "struct", "table", "text", "then", "time", "timestamp", "to", "true", "type", "union", "unique", "user", "using"),
        *("value", "values", "when", "where", "window", "with", "year"),
    )
)
#: An amount has no more.
MAX_DECIMALS = 6


def alone(name: str) -> str:
    """A column that is the whole mapping: a name of words needs no quotes."""
    return name if re.fullmatch(r"[^\W\d]\w*([ .#/-]+\w+)*", name) and name.casefold() not in ("null", "true", "false") else identifier(name)


def within(name: str) -> str:
    """A column inside an expression."""
    return name if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name) and name.lower() not in _RESERVED else identifier(name)


def part(column: Column) -> str:
    """A column inside an expression, without the spaces around its values."""
    name = ".".join(map(within, column.name.split("."))) if column.is_path else within(column.name)
    return f"trim({name})" if column.is_padded else name


def whole(column: Column) -> str:
    """A column as a mapping, without the spaces around its values."""
    return part(column) if column.is_padded or column.is_path else alone(column.name)


def decimals_of(column: Column) -> list[int]:
    """How many decimals each plain number such as -12.50 has. In 1.364,76 and 1.234.567 a point separates thousands."""
    return [len(found[1]) for value in column.values() if (found := re.fullmatch(r"-?[0-9]+\.([0-9]+)", value))]


def exact(column: Column) -> str:
    """A column of numbers inside an expression, rounded if it has more decimals than an amount may have: such noise comes from computing in binary."""
    decimals = decimals_of(column)
    if max(decimals, default=0) <= MAX_DECIMALS:
        return part(column)
    return f"round({part(column)}, {max([2, *(count for count in decimals if count <= MAX_DECIMALS)])})"
