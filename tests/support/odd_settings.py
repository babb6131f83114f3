"""A book.yaml and an agreement that use many keys, to be spoilt, and what must not fail on them but with a message.

Belongs here: the two documents, changing a place in them, trying them out. Does not belong here: how they are spoilt.
"""

from __future__ import annotations

import copy
import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from models.agreements.lint.lint import lint_agreements
from models.agreements.needed_feeds import warn_of_missing_feeds
from models.agreements.parse import parse_agreements
from models.agreements.tables.terms import make_terms
from models.book.settings import parse_book
from models.documents import InputError

BOOK: dict[str, Any] = {
    "book": "t", "currency": "EUR", "as_of": dt.date(2025, 12, 31), "rounding": "half_up", "require_approval": False,
    "calendar": {"kind": "gregorian", "year_starts": "04-01"},
    "feeds": {"transactions": {"files": "*.csv", "columns": {"amount": "a * 2"}, "defaults": {"currency": "EUR"}, "key": ["transaction_id"],
                               "drop": {"rows": Decimal("0.5")}, "settle_seconds": 3, "nulls": ["x"], "thousands": "'"}},
    "accounts": {"cash": 1000}, "publish": {"parquet": True, "postgres": {"dsn": "env:A", "schema": "s", "reader": "r"}},
    "limits": {"memory": "1GB", "threads": 2, "spill": "x", "disk_free": "1MB"}, "close": {"quarantine_limit": 1, "write_off_limit": Decimal("1.5")},
}  # fmt: skip
AGREEMENT: dict[str, Any] = {
    "agreement": "A", "version": 1, "currency": "EUR", "term": {"from": dt.date(2025, 1, 1), "to": dt.date(2025, 12, 31)}, "participants": {"region": "north"},
    "approved": {"by": "x", "on": dt.date(2025, 1, 1)}, "fx": {"fixed": {"USD": Decimal("0.9")}}, "combine": {"group": "G", "rule": "best", "priority": 1},
    "scope": {"products": {"include": {"brand": ["a"]}}, "types": ["sale"], "where": "a = 'b'"},
    "benefits": [
        {"id": "b", "clause": "1", "window": "quarter", "measure": {"of": "amount"}, "by": "attainment", "target": {"prior": "year", "times": Decimal("1.05")},
         "tiers": [{"from": 0, "rate": Decimal("0.1")}, {"from": 5, "rate": Decimal("0.2"), "amount": 5}], "limits": {"at_most": 500},
         "requires": [{"by": {"metric": "nps"}, "at_least": 5}], "settle": {"lag_days": 30}, "accrue": {"placement": {"tier": 1}},
         "multiply": {"by": "measure", "tiers": [{"from": 0, "factor": 1}]}},
        {"id": "m", "clause": "2", "window": "quarter", "incentive": 5,
         "matrix": {"rows": {"by": "measure", "from": [0]}, "columns": {"by": "measure", "from": [0]}, "share": [[1]]}},
    ],
}  # fmt: skip


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if path:
        yield path
    for key, part in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from places(part, (*path, key))


def with_value(document: dict[str, Any], path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    changed = copy.deepcopy(document)
    inner: Any = changed
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return changed


def try_out(book: str, agreement: str) -> None:
    """What `validate` and the first step of a run do. Anything but InputError is a bug."""
    try:
        settings = parse_book(book)
        sources = parse_agreements({"a.yaml": agreement}, None, settings.calendar)
        lint_agreements(sources, dt.date(2025, 12, 31))
        warn_of_missing_feeds(sources, settings.feeds)
        make_terms(settings, sources, dt.date(2025, 12, 31))
    except InputError:
        return
