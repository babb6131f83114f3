"""audit_line of a book that was run, and why its lines count or not by the reference.

Belongs here: pairing the two. Does not belong here: what the reasons are (tests/reference/audit.py).
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import duckdb

from tests.reference.audit import classify
from tests.reference.read import read_book

_PUBLISHED = """
    select audit_line.source_file, audit_line.source_row, audit_line.agreement_id, audit_line.reason
    from marts.audit_line join marts.fct_transaction using (source_sha256, source_row) where disposition = 'loaded'"""


def audit_differences(folder: Path) -> tuple[list[str], Counter[str]]:
    """Where audit_line and the reference differ, and how often either has each reason."""
    expected = {(file, row, name, reason) for (file, row), of in classify(read_book(folder)).items() for name, reason in of.items()}
    with duckdb.connect(str(folder / "warehouse.duckdb"), read_only=True) as con:
        found = set(con.sql(_PUBLISHED).fetchall())
    lines = [f"published {each}" for each in found - expected] + [f"reference {each}" for each in expected - found]
    return sorted(lines), Counter(reason for *_, reason in found)
