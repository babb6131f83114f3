"""book.yaml's columns and defaults of a feed, applied to the header of a file.

Belongs here: which column of a file, or expression over them, gives which canonical column or attribute.
Does not belong here: the language of the expressions (models/expressions.py), what a value must look like (assets/typing_sql.py).
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict

from assets.inspection import refusal
from assets.typing_sql import Mapped
from models.book import FeedSettings
from models.documents import InputError, Problem
from models.expressions import Compiled
from models.feeds import Feed

#: Raised when the reading of files changes: what was loaded before is then loaded again from the archive.
_READER_VERSION = 1
_OWN_COLUMNS = ("file_no", "row_no")


def settings_hash(feed: Feed, settings: FeedSettings | None) -> str:
    """What the rows of a feed depend on, apart from the files: its settings, the canonical columns and the reader."""
    relevant = {"reader": _READER_VERSION, "feed": asdict(feed)}
    if settings:
        relevant |= {"columns": settings.columns, "defaults": settings.defaults}
    return hashlib.sha256(json.dumps(relevant, sort_keys=True).encode()).hexdigest()


def map_header(feed: Feed, settings: FeedSettings, header: tuple[str, ...], name: str) -> list[Mapped]:
    """Where each column of the feed comes from in a file with this header. Raises InputError when the file lacks a needed column."""
    by_name = {column: f"c{i}" for i, column in enumerate(header)}
    folded = {column.casefold(): column for column in header}
    defaults = {column.name: column.default for column in feed.columns} | settings.defaults
    mapped, used, missing = [], set(), []
    for column in feed.columns:
        source = column.name if column.name in by_name else folded.get(column.name)
        if source is not None:
            used.add(source)
            mapped.append(Mapped(column.name, column, Compiled(by_name[source], is_column=True)))
            continue
        if column.required and defaults.get(column.name) is None:
            missing.append(column.name)
        mapped.append(Mapped(column.name, column, None))
    if missing:
        shown = ", ".join(header[:40])
        raise refusal(name, f"has no column {', '.join(missing)}; map it under feeds.{feed.name}.columns in book.yaml. Its columns: {shown}", 1)
    if feed.attributes:
        own = [column for column in header if column.casefold() in _OWN_COLUMNS]
        if own:
            raise refusal(name, f"the column name {', '.join(own)} is reserved; map it to another name under feeds.{feed.name}.columns", 1)
        mapped += [Mapped(column, None, Compiled(by_name[column], is_column=True)) for column in header if column not in used]
    return mapped
