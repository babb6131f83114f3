"""Comparing published tables with the rebuilt ones: the first row that differs, and its differences.

Belongs here: two sets of tables in one connection. Does not belong here: which sets, and what follows from a difference (assets/verification/verify.py).
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

import duckdb

from assets.runtime.sql import scan
from models.sql_text import identifier

#: Columns that identify a row, if a table has them.
NAMES = (
    "payout_id", "agreement_id", "agreement_version", "benefit_id", "participant_id", "window_start", "period", "version", "origin_period",
    "step_no", "tier", "entry_id", "line_no", "transaction_id", "line", "feed", "file_name", "row_number", "partner_id", "product_id", "run_id",
)  # fmt: skip
#: Differing rows that are searched for the most similar pair.
_COMPARED_ROWS = 50


def first_difference(con: duckdb.DuckDBPyConnection, published: list[Path], again: list[Path], left_out: Collection[str] = ()) -> str | None:
    """The first difference between two sets of Parquet files of a table, in words. None when they hold the same rows, each as often (EXCEPT ALL both ways).

    `left_out`: columns that may differ.
    """
    ours, theirs = _columns(con, published), _columns(con, again)
    if ours != theirs:
        return f"its columns are {', '.join(ours)}, and should be {', '.join(theirs)}"
    columns = [name for name in ours if name not in left_out]
    names = ", ".join(map(identifier, columns))

    def extra(here: list[Path], there: list[Path]) -> list[dict[str, Any]]:
        query = f"select {names} from {scan(here)} except all select {names} from {scan(there)}"
        rows = con.execute(f"from ({query}) order by all limit {_COMPARED_ROWS}").fetchall()
        return [dict(zip(columns, row, strict=True)) for row in rows]

    wrong, right = extra(published, again), extra(again, published)
    if wrong:
        row = wrong[0]
        place = f"{_place_of_row(con, published, row)} ({name_row(row)})"
        twin = max(right, key=lambda other: sum(other[name] == row[name] for name in columns), default=None)
        differing = [name for name in columns if twin and twin[name] != row[name]]
        if twin is None or len(differing) > len(columns) // 2:
            return f"{place} should not be there"
        return f"{place}: " + ", ".join(f"{name} is {row[name]} and should be {twin[name]}" for name in differing)
    return f"a row is missing: {name_row(right[0])}" if right else None


def name_row(row: dict[str, Any]) -> str:
    """The columns that identify the row."""
    return ", ".join(f"{name}={row[name]}" for name in NAMES if row.get(name) is not None) or ", ".join(f"{k}={v}" for k, v in list(row.items())[:4])


def _columns(con: duckdb.DuckDBPyConnection, files: list[Path]) -> list[str]:
    return [str(row[0]) for row in con.execute(f"describe from {scan(files)}").fetchall()]


def _place_of_row(con: duckdb.DuckDBPyConnection, files: list[Path], row: dict[str, Any]) -> str:
    """The row's position in its file, from 1, and which file where there are several."""
    same = " and ".join(f"{identifier(name)} is not distinct from ?" for name in row)
    for path in files:
        numbered = scan(path, "file_row_number = true")
        found = con.execute(f"select min(file_row_number) + 1 from {numbered} where {same}", list(row.values())).fetchall()[0][0]
        if found:
            return f"row {found}" + (f" of {path.name}" if len(files) > 1 else "")
    return "a row"
