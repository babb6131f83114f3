"""lineage/: from a column of the files to the published columns that it decides, and back.

Belongs here: reading column_lineage for people. Does not belong here: working it out (assets/lineage/).
"""

from __future__ import annotations

from collections import defaultdict
from itertools import groupby
from typing import Any

import duckdb

from assets.published.lineage import ARROW
from assets.published.marts import descriptions
from assets.published.reader import Row, fetch
from assets.report.site import Site

_INDEX = "lineage/index.html"
#: The published columns that most people ask for: a file's column names those that it decides.
_ASKED = ("fct_payout.payout", "fct_payout.measure", "fct_payout.target", "fct_payout.settled", "fct_accrual.accrual", "fct_payout_line.line_payout")
#: What else a column is computed from, by its origin in column_lineage.
_ORIGINS = {
    "feed": "Columns that no file of the book has",
    "agreement": "Agreements",
    "book": "book.yaml",
    "ledger": "Closes, payments and what they keep",
    "file": "The place of rows in files",
    "run": "The run",
    "program": "The program",
}


def write_lineage(site: Site, con: duckdb.DuckDBPyConnection) -> None:
    """lineage/index.html, and a page per published table."""
    rows = fetch(con, _ROWS)
    by_table: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        by_table[row["table_name"]].append(row)
    described = descriptions()
    files = fetch(con, _FILES, [list(_ASKED)])
    feeds: dict[str, list[Row]] = defaultdict(list)
    for row in files:
        row["asked"] = [name for name in _ASKED if name in (row["asked"] or ())]
        feeds[row["feed"]].append(row)
    tables = [(table, described.get(table, ("", {}))[0]) for table in sorted(by_table, key=lambda name: (not name.startswith("fct_payout"), name))]
    site.page(_INDEX, "lineage.html.j2", tables=tables, feeds=sorted(feeds.items(), key=lambda item: (item[0] != "transactions", item[0])))
    for table, of in by_table.items():
        about, columns = described.get(table, ("", {}))
        site.page(f"lineage/{table}.html", "lineage_table.html.j2", name=table, about=about, columns=_columns(of, columns), tables=tables, origins=_ORIGINS)


def _columns(rows: list[Row], described: dict[str, str]) -> list[dict[str, Any]]:
    """Each published column with the columns of files that it is computed from, and the names of everything else."""
    found: dict[str, dict[str, Any]] = {}
    for row in rows:
        name = row["column_name"] or ""
        column = found.setdefault(
            name, {"name": name, "about": described.get(name, ""), "expression": row["expression"], "files": [], "others": defaultdict(list)}
        )
        if row["origin"] == "feed" and row["file_column"] is not None:
            way = (row["way"] or "").split(ARROW)
            column["files"].append({"feed": row["feed"], "column": row["file_column"], "mapping": row["mapping"], "way": way, "rows": row["role"] == "rows"})
        elif row["canonical_column"]:
            column["others"][row["origin"]].append(f"{row['canonical_table'].rpartition('.')[2]}.{row['canonical_column']}")
    for column in found.values():
        column["feeds"] = {feed: list(dict.fromkeys(each["column"] for each in of)) for feed, of in groupby(column["files"], lambda each: each["feed"])}
        column["others"] = {origin: ", ".join(dict.fromkeys(names)) for origin, names in column["others"].items()}
    return list(found.values())


_ROWS = """
    select *, split_part(canonical_table, '.', 2) as feed from column_lineage
    where role = 'value' or column_name is null
    order by table_name, column_name nulls last, role desc, feed, file_column, canonical_column, way
"""
_FILES = """
    select split_part(canonical_table, '.', 2) as feed, file_column, canonical_column, any_value(mapping) as mapping,
        count(distinct table_name || '.' || column_name) as columns,
        list(distinct table_name || '.' || column_name order by table_name || '.' || column_name)
            filter (list_contains($1, table_name || '.' || column_name)) as asked
    from column_lineage where origin = 'feed' and role = 'value' and file_column is not null
    group by all order by feed, file_column, canonical_column
"""
