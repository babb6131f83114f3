"""A book's files as rows: typed strictly, current by business key, with what was refused.

Every amount is an integer of 10^-12: amounts and quantities have at most 6 decimals, shares as well, so products stay whole. A share may be a fraction.
Column mappings may only rename. Feeds are CSV or JSON lines, plain or .gz.
"""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import yaml

UNIT = 10**12
MINOR_UNITS = {"JPY": 0, "KWD": 3} | dict.fromkeys(["EUR", "GBP", "USD", "CHF", "AUD", "CAD", "SEK", "DKK", "CZK", "HUF", "PLN", "RON", "IDR"], 2)
TYPES = ("sale", "return", "credit", "adjustment")

Row = dict[str, Any]

#: feed: column: (kind, required, default)
COLUMNS: dict[str, dict[str, tuple[str, bool, str | None]]] = {
    "transactions": {
        "transaction_id": ("text", True, None), "line": ("integer", False, "1"), "date": ("date", True, None), "partner_id": ("text", True, None),
        "product_id": ("text", False, None), "type": ("type", False, "sale"), "quantity": ("amount", False, None), "amount": ("amount", True, None),
        "cost": ("amount", False, None), "currency": ("currency", True, None), "original_transaction_id": ("text", False, None),
        "posted_on": ("date", False, None),
    },
    "partners": {
        "partner_id": ("text", True, None), "parent_id": ("text", False, None), "from": ("date", False, None), "to": ("date", False, None),
    },
    "products": {"product_id": ("text", True, None), "from": ("date", False, None), "to": ("date", False, None)},
    "metrics": {
        "participant_id": ("text", True, None), "metric": ("text", True, None), "date": ("date", True, None), "value": ("number", True, None),
    },
    "targets": {
        "agreement": ("text", True, None), "benefit": ("text", True, None), "participant_id": ("text", True, None),
        "window_start": ("date", True, None), "target": ("amount", False, None),
        "incentive": ("amount", False, None), "baseline": ("amount", False, None),
    },
    "fx_rates": {
        "date": ("date", True, None), "from_currency": ("currency", True, None), "to_currency": ("currency", True, None),
        "rate": ("rate", True, None),
    },
    "payments": {
        "agreement": ("text", True, None), "benefit": ("text", True, None), "participant_id": ("text", True, None),
        "window_start": ("date", True, None), "amount": ("amount", True, None), "paid_on": ("date", True, None), "reference": ("text", True, None),
        "currency": ("currency", False, None),
    },
    "adjustments": {
        "adjustment_id": ("text", True, None), "agreement": ("text", True, None), "benefit": ("text", True, None),
        "participant_id": ("text", True, None), "window_start": ("date", True, None), "date": ("date", True, None), "amount": ("amount", True, None),
        "reason": ("text", True, None), "by": ("text", True, None), "approved_by": ("text", False, None),
    },
    "balances": {
        "agreement": ("text", True, None), "benefit": ("text", True, None), "participant_id": ("text", True, None), "window_start": ("date", True, None),
        "date": ("date", True, None), **dict.fromkeys(("measure", "base", "quantity", "accrued", "settled", "carried"), ("amount", False, None)),
    },
    "collections": {
        "transaction_id": ("text", True, None), "line": ("integer", False, None), "collected_on": ("date", True, None),
        "share": ("signed", False, "1"),
    },
    "disputes": {
        "dispute_id": ("text", True, None), **dict.fromkeys(("agreement", "benefit", "participant_id"), ("text", False, None)),
        "window_start": ("date", False, None), "transaction_id": ("text", False, None), "line": ("integer", False, None),
        "raised_on": ("date", True, None), "by": ("text", True, None), "amount": ("amount", False, None), "component": ("text", False, None),
        "reason": ("text", True, None), "status": ("text", False, "open"), "resolved_on": ("date", False, None), "note": ("text", False, None),
    },
    "assignments": {
        "partner_id": ("text", True, None), "participant_id": ("text", True, None), "share": ("share", False, "1"),
        "from": ("date", False, None), "to": ("date", False, None),
    },
    "participations": {
        "agreement": ("text", True, None), "participant_id": ("text", True, None), "from": ("date", True, None), "to": ("date", False, None),
        "factor": ("amount", False, "1"),
    },
    "credits": {
        "transaction_id": ("text", True, None), "line": ("integer", False, None), "participant_id": ("text", True, None),
        "share": ("share", True, None),
    },
}  # fmt: skip


@dataclass
class FileAccount:
    """What became of one file's rows."""

    name: str
    status: str = "loaded"
    read: int = 0
    loaded: int = 0
    duplicate: int = 0
    superseded: int = 0
    rejected: int = 0
    path: str = ""


@dataclass
class Book:
    """Settings, agreements as written, and the current rows of each feed. `as_of` bounds what exists."""

    settings: Row
    agreements: list[Row]
    as_of: dt.date
    feeds: dict[str, list[Row]]
    has_feed: set[str]
    rejects: list[tuple[str, str, int, str]] = field(default_factory=list)  # feed, file, row number, column
    origins: dict[str, list[tuple[int, FileAccount, int]]] = field(default_factory=dict)  # of each current row: order of arrival, file, row number
    files: dict[str, list[FileAccount]] = field(default_factory=dict)
    versions: dict[str, dict[str, list[Row]]] = field(default_factory=dict)  # of partners and products: by id


class _Refused(Exception):
    pass


class NotCovered(Exception):
    """The book uses a part of the language that this reference does not compute."""


class Refused(Exception):
    """The book breaks a rule that the program refuses before anything runs."""


class ExactLoader(yaml.SafeLoader):
    """YAML whose numbers with a point are fractions."""


ExactLoader.add_constructor("tag:yaml.org,2002:float", lambda loader, node: Fraction(str(node.value).replace("_", "")))


def read_book(folder: Path, as_of: dt.date | None = None) -> Book:
    """The book in `folder`, files in the order of their names (they arrived together)."""
    settings = yaml.load((folder / "book.yaml").read_text(encoding="utf-8"), ExactLoader)
    agreements = [
        document
        for path in sorted((folder / "agreements").rglob("*.yaml"))
        for document in yaml.load_all(path.read_text(encoding="utf-8"), ExactLoader)
        if document
    ]
    book = Book(settings, [*map(_paying, agreements)], as_of or settings["as_of"], {}, set(settings["feeds"]))
    for feed, how in settings["feeds"].items():
        patterns = [how["files"]] if isinstance(how["files"], str) else how["files"]
        paths = sorted({path for pattern in patterns for path in folder.glob(pattern)}, key=lambda path: path.relative_to(folder).as_posix())
        seen: set[str] = set()
        batches = []
        for path in paths:
            account = FileAccount(path.name, path=path.relative_to(folder).as_posix())
            book.files.setdefault(feed, []).append(account)
            content = path.read_bytes()
            digest = hashlib.sha256(content).hexdigest()
            if digest in seen:  # the same bytes again: not opened
                account.status = "duplicate"
                continue
            seen.add(digest)
            rows = _raw_rows(path, content)
            account.read = len(rows)
            batches.append((account, rows))
        _load(book, feed, how, batches)
    _resolve(book)
    return book


def book_of_rows(settings: Row, agreements: list[Row], feeds: dict[str, list[Row]], as_of: dt.date) -> Book:
    """A book from rows in memory: one case. Values may be of YAML's types."""
    book = Book(settings, [*map(_paying, agreements)], as_of, {}, {feed for feed, rows in feeds.items() if rows})
    for feed, rows in feeds.items():
        account = FileAccount(feed, read=len(rows), path=feed)
        book.files[feed] = [account]
        _load(book, feed, {}, [(account, [{k: _as_text(v) for k, v in row.items()} for row in rows])])
    _resolve(book)
    return book


def _paying(agreement: Row) -> Row:
    """A manual benefit holds no lines and pays 0, and so does a draw before the others are settled."""
    nothing = {"tiers": [{"from": 0, "amount": 0}], "scope": {"types": []}}
    return {**agreement, "benefits": [{**benefit, **nothing} if {"manual", "draw"} & set(benefit) else benefit for benefit in agreement["benefits"]]}


def _as_text(value: Any) -> str | None:
    if isinstance(value, Fraction):
        sign, size = "-" if value < 0 else "", abs(value)
        return f"{sign}{int(size)}.{int(size % 1 * UNIT):012}".rstrip("0").rstrip(".")
    return None if value is None else str(value)


def _raw_rows(path: Path, content: bytes) -> list[dict[str, str | None]]:
    text = (gzip.decompress(content) if path.suffix == ".gz" else content).decode("utf-8")
    if ".json" in path.name:
        return [
            {k: _as_text(v) for k, v in json.loads(line, parse_float=str, parse_int=str).items()}
            for line in text.split("\n")
            if line.strip()
        ]  # fmt: skip
    return list(csv.DictReader(text.splitlines(keepends=True)))


def _load(book: Book, feed: str, how: Row, batches: Iterable[tuple[FileAccount, list[dict[str, str | None]]]]) -> None:
    mapping, defaults, key = how.get("columns", {}), how.get("defaults", {}), how.get("key")
    typed: list[tuple[FileAccount, int, Row]] = []
    for account, rows in batches:
        for number, raw in enumerate(rows, 1):
            try:
                typed.append((account, number, _typed(feed, raw, mapping, defaults)))
            except _Refused as refusal:
                account.rejected += 1
                book.rejects.append((feed, account.name, number, str(refusal)))
    current: dict[Any, tuple[FileAccount, int, Row, int]] = {}
    for place, (account, number, row) in enumerate(typed):
        identity = tuple(row[column] for column in key) if key else place
        before = current.get(identity)
        if before is not None and before[2] == row:
            account.duplicate += 1
            continue
        if before is not None:
            before[0].superseded += 1
        current[identity] = (account, number, row, place)
    for account, *_ in current.values():
        account.loaded += 1
    book.feeds[feed] = [row for _, _, row, _ in current.values()]
    book.origins[feed] = [(place, account, number) for account, number, _, place in current.values()]


def _typed(feed: str, raw: dict[str, str | None], mapping: Row, defaults: Row) -> Row:
    if None in raw:  # more fields than the header has columns
        raise _Refused("row")
    row: Row = {column: value or None for column, value in raw.items()}
    for column, (kind, required, default) in COLUMNS.get(feed, {}).items():
        text = raw.get(mapping.get(column, column))
        if text is None or text == "":
            text = defaults.get(column, default)
        if text is None:
            if required:
                raise _Refused(column)
            row[column] = None
        else:
            row[column] = _value(kind, column, str(text))
    return row


def _value(kind: str, column: str, text: str) -> Any:
    if kind == "text":
        return text
    if kind == "date":
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
            try:
                return dt.date.fromisoformat(text)
            except ValueError:
                pass
    elif kind == "integer" and re.fullmatch(r"-?\d+", text):
        return int(text)
    elif kind == "share" and re.fullmatch(r"\d+/[1-9]\d*", text):
        return Fraction(text) * UNIT
    elif kind in ("amount", "signed", "rate", "number", "share"):
        found = re.fullmatch(r"(-?)(\d+)(?:\.(\d+))?", text)
        if found and len(found[3] or "") <= (6 if kind in ("amount", "signed", "share") else 12):
            size = int(found[2]) * UNIT + int((found[3] or "").ljust(12, "0"))
            number = -size if found[1] else size
            if (kind != "rate" or number > 0) and (kind != "share" or number >= 0):
                return number
    elif (kind == "currency" and text in MINOR_UNITS) or (kind == "type" and text in TYPES):
        return text
    raise _Refused(column)


def _resolve(book: Book) -> None:
    """A line whose partner or product is unknown on its date waits: it does not count. Nor does a participation that shares a day with an earlier one."""
    _reject_overlaps(book)
    kept, origins = [], []
    for row, origin in zip(book.feeds["transactions"], book.origins["transactions"], strict=True):
        _, account, number = origin
        unknown = [
            key for feed, key in (("partners", "partner_id"), ("products", "product_id"))
            if feed in book.has_feed and row[key] is not None and version_at(_versions(book, feed, key).get(row[key], ()), row["date"]) is None
        ]  # fmt: skip
        if unknown:
            account.loaded -= 1
            account.rejected += 1
            book.rejects.append(("transactions", account.name, number, unknown[0]))
        else:
            kept.append(row)
            origins.append(origin)
    book.feeds["transactions"], book.origins["transactions"] = kept, origins


def _reject_overlaps(book: Book) -> None:
    arrived = sorted(
        zip(book.origins.get("participations", []), book.feeds.get("participations", []), strict=True), key=lambda item: (item[1]["from"], item[0][0])
    )
    kept = []
    for place, ((order, account, number), row) in enumerate(arrived):
        who = (row["agreement"], row["participant_id"])
        earlier = [other for _, other in arrived[:place] if (other["agreement"], other["participant_id"]) == who]
        if any(max(row["from"], other["from"]) <= min(row["to"] or dt.date.max, other["to"] or dt.date.max) for other in earlier):
            account.loaded -= 1
            account.rejected += 1
            book.rejects.append(("participations", account.name, number, "from"))
        else:
            kept.append(((order, account, number), row))
    if arrived:
        book.origins["participations"], book.feeds["participations"] = [origin for origin, _ in kept], [row for _, row in kept]


def _versions(book: Book, feed: str, key: str) -> dict[str, list[Row]]:
    if feed not in book.versions:
        book.versions[feed] = {}
        for row in book.feeds.get(feed, []):
            book.versions[feed].setdefault(row[key], []).append(row)
    return book.versions[feed]


def version_at(versions: Iterable[Row], day: dt.date) -> Row | None:
    """The dated version that holds on `day`."""
    found = [v for v in versions if (v["from"] is None or v["from"] <= day) and (v["to"] is None or day <= v["to"])]
    return found[-1] if found else None
