"""Tables and links of the report, as data: formatted cells, in the order of the page.

Belongs here: the types, and the names of files. Does not belong here: writing them (site.py), what is in them (one module per page).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

_PLAIN = re.compile(r"[A-Z0-9][A-Z0-9_-]{0,79}")
#: Names that Windows keeps for devices.
_DEVICES = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)")


@dataclass(frozen=True)
class Link:
    """A cell that leads somewhere: a page, from the root of the report. `more`: a second, quiet text."""

    text: str
    href: str
    more: str = ""


Cell = str | Link


@dataclass(frozen=True)
class Column:
    """A column: numbers are right-aligned, days and ids stay on one line, a status is a badge, a sentence has room."""

    label: str
    kind: Literal["text", "sentence", "day", "number", "status", "code"] = "text"


@dataclass(frozen=True)
class Table:
    """`name`: of the file that it is saved as. `ids`: one anchor per row, which a link can name."""

    name: str
    columns: tuple[Column, ...]
    rows: Sequence[tuple[Cell, ...]]
    ids: Sequence[str] = ()
    empty: str = "Nothing here."


def slug(identifier: str) -> str:
    """A file name for an id that is the same in every run and different for every id, on file systems that ignore case too."""
    if _PLAIN.fullmatch(identifier) and not _DEVICES.fullmatch(identifier):
        return identifier.lower()
    readable = re.sub(r"[^a-z0-9_-]+", "-", identifier.lower()).strip("-")[:60]
    return f"{readable or 'id'}.{hashlib.sha256(identifier.encode()).hexdigest()[:10]}"  # no plain name has a point


def agreement_link(identifier: str, title: str | None = None) -> Link:
    return Link(title or identifier, f"agreements/{slug(identifier)}.html", identifier if title and title != identifier else "")


def participant_link(identifier: str, name: str | None = None) -> Link:
    return Link(name or identifier, f"participants/{slug(identifier)}.html", identifier if name and name != identifier else "")


def payout_href(agreement: str, payout: str) -> str:
    return f"payouts/{slug(agreement)}.html#{payout}"
