"""Sheets on information produced by the entity (IPE): for each table of a pack, why an auditor may rely on it, with the numbers.

Belongs here: source, scope, completeness, accuracy and integrity of a table, in words. Does not belong here: the checks (checks.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import duckdb

from assets.evidence.checks import STATEMENTS
from assets.evidence.tables import LINE_TABLES, PackedTable
from assets.published.marts import descriptions
from assets.published.reader import fetch
from assets.runtime.sql import count_rows
from models.sql_text import identifier

_RECOMPUTED_FROM = {
    *LINE_TABLES, "fct_payout", "net_of_line", "dim_agreement", "dim_assignment", "dim_credit", "fct_balance", "dim_fx_rate", "dim_metric", "dim_participation",
    "dim_partner_version", "dim_period", "dim_target",
}  # fmt: skip
_SHEET = """# {name}

{description}

| | |
|---|---|
| **Source** | {source} |
| **Scope** | {scope}. {rows:,} rows{of_all}. |
| **Completeness** | {completeness} |
| **Accuracy** | {accuracy} |
| **Integrity** | sha256 of `{path}`: `{sha256}`. {published_hashes} |
{totals}
The query that made the table:

```sql
{query}
```
"""


def write_sheets(
    con: duckdb.DuckDBPyConnection, folder: Path, tables: Iterable[PackedTable], hashes: Mapping[str, str], published: Mapping[str, list[str]],
    results: Iterable[Mapping[str, Any]], about: Mapping[str, Any],
) -> None:  # fmt: skip
    """Write `ipe/<table>.md` for every table. con: the pack's tables. `published`: table to the hashes of its Parquet files. `results`: of the checks."""
    (folder / "ipe").mkdir()
    by_check = {result["check"]: result for result in results}
    described = descriptions()
    for table in tables:
        names = [name for name, statement in STATEMENTS.items() if table.name in statement.tables]
        (folder / "ipe" / f"{table.name}.md").write_text(
            _SHEET.format(
                name=table.name,
                description=described.get(table.name, (table.scope, {}))[0],
                source=_source(table, about),
                scope=table.scope[:1].upper() + table.scope[1:],
                rows=table.rows,
                of_all="" if table.rows_there is None else f" of {table.rows_there:,}",
                completeness=_completeness(con, table),
                accuracy="; ".join([*map(_in_words, (by_check[name] for name in names)), *_recomputed(table)]) or "Not checked by itself.",
                path=table.path,
                sha256=hashes[table.path],
                published_hashes=" ".join(
                    f"Published as Parquet with sha256 `{each}`." for each in published.get(table.name, []) if table.origin == "published"
                ),
                totals=_totals(con, table),
                query=table.query,
            ),
            encoding="utf-8",
            newline="",
        )


def _source(table: PackedTable, about: Mapping[str, Any]) -> str:
    run = about["run"]
    origin = {
        "published": "Published by",
        "warehouse": "Read from the warehouse of",
        "pack": "Made for this pack from the tables of",
    }[table.origin]
    return f"{origin} run `{run['run_id']}` as of {run['as_of']}, program `{run['code_version']}`."


def _completeness(con: duckdb.DuckDBPyConnection, table: PackedTable) -> str:
    read = count_rows(con, identifier(table.name))
    taken = f"{read:,} rows are in the file, as many as the query returned ({table.rows:,})"
    left = (table.rows_there or table.rows) - table.rows
    return f"{taken}; {left:,} rows are outside the scope." if left else f"{taken}; no row is left out."


def _in_words(result: Mapping[str, Any]) -> str:
    numbers = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in result["compared"].items())
    return f"{result['holds']}: {'holds' if not result['broken'] else 'DOES NOT HOLD'} ({numbers})"


def _recomputed(table: PackedTable) -> list[str]:
    return ["recompute.py starts from these rows, and its payouts agree (recomputed.json)"] if table.name in _RECOMPUTED_FROM else []


def _totals(con: duckdb.DuckDBPyConnection, table: PackedTable) -> str:
    """Control totals: the sum of every column of money, per currency where the table has one."""
    money = [name for name, kind in table.columns if kind == "DECIMAL(18,4)"]
    if not money or not table.rows:
        return ""
    currency = "currency" if "currency" in dict(table.columns) else "'all currencies'"
    sums = ", ".join(f"sum({identifier(name)}) as {identifier(name)}" for name in money)
    rows = fetch(con, f"select {currency} as currency, count(*) as rows, {sums} from {identifier(table.name)} group by all order by all")
    lines = [f"| {' | '.join(map(str, row.values()))} |" for row in rows]
    return "\n".join(["", "Control totals:", "", f"| {' | '.join(rows[0])} |", f"|{'---|' * len(rows[0])}", *lines, ""])
