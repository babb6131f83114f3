"""The published tables in a pack: the rows that belong to its payouts, as CSV.

Belongs here: which rows of which table, and writing them. Does not belong here: which payouts (selection.py), what is checked of them (checks.py).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import duckdb

from assets.runtime.sql import count_rows
from models.sql_text import identifier, literal

#: Lines of the windows, of earlier days of a span that another version credits anew, of the prior year, and of the days of a measure with `over`.
LINE_TABLES = ("fct_payout_line", "fct_span_line", "fct_prior_line", "fct_over_line")
_LINES = " union all ".join(f"select payout_id, source_sha256, source_row, partner_id, product_id from {table}" for table in LINE_TABLES)
#: Payouts whose rows are in the pack: of the period, and those that these depend on.
_LISTED = "(from of_period union from detailed)"
_PARTICIPANTS = f"(select participant_id from fct_payout semi join {_LISTED} using (payout_id))"
_PARTNERS = f"(select partner_id from ({_LINES}) semi join detailed using (payout_id) union {_PARTICIPANTS})"
_AGREEMENTS = f"(select agreement_id from fct_payout semi join {_LISTED} using (payout_id))"
_PRODUCTS = f"(select product_id from ({_LINES}) semi join detailed using (payout_id))"

#: Of large tables only the rows of payouts that can be recomputed. $period is the period's name.
_BY_TABLE = {
    **dict.fromkeys(LINE_TABLES, ("lines of the payouts that can be recomputed", "payout_id in (from detailed)")),
    "fct_calculation_step": ("steps of the payouts that can be recomputed", "payout_id in (from detailed)"),
    "fct_journal": ("entries of the period", "period = $period"),
    **dict.fromkeys(
        ("dim_partner", "dim_partner_version"),
        (
            "the participants, the partners of the lines, and who is credited with their lines",
            f"partner_id in {_PARTNERS} or partner_id in (select participant_id from dim_assignment where partner_id in {_PARTNERS})",
        ),
    ),
    **dict.fromkeys(("dim_product", "dim_product_version"), ("the products of the lines", f"product_id in {_PRODUCTS}")),
    "dim_metric": ("metrics of the participants, and of payees", f"participant_id in (from {_PARTICIPANTS} union select payee_id from dim_agreement)"),
    "dim_assignment": ("assignments of the partners of the lines", f"partner_id in {_PARTNERS}"),
}
#: Other tables by the first of these columns that they have; a table with none of them is in the pack whole.
_BY_COLUMN = {
    "payout_id": ("rows of the payouts of the period, and of those that they depend on", f"payout_id in {_LISTED}"),
    "agreement_id": ("rows of the agreements of these payouts", f"agreement_id in {_AGREEMENTS}"),
}
_WHOLE = ("every row", "true")
#: Why rows of files count or not, which `sample/source_rows.jsonl` has for the chosen payouts; and lines as they are published (warehouse_lines.py).
LEFT_OUT = ("fct_transaction", "fct_earlier_line", "audit_road", "audit_named_road", "audit_product_scope", "published_line")

#: Tables of the pack that no run publishes. `net_of_agreement`: a temporary table (terms.py).
_OWN_TABLES = {
    "pack_payout": (
        "every payout of the pack, and why it is here",
        f"""select payout_id, payout_id in (from of_period) as is_of_period, payout_id in (from chosen) as is_chosen,
            payout_id in (from detailed) as is_detailed
        from ({_LISTED})""",
    ),
    "net_of_line": (
        "what other agreements pay on the lines of an agreement that is net of them",
        """select named.agreement_id, lines.payout_id, lines.source_sha256, lines.source_row, lines.tier, lines.line_payout
        from published_line as lines join fct_payout as named using (payout_id)
        semi join (
            select net_of_agreement.other_id, rows.source_sha256, rows.source_row
            from ({lines}) as rows semi join detailed using (payout_id)
            join fct_payout using (payout_id) join net_of_agreement using (agreement_id, agreement_version)
        ) as wanted on named.agreement_id = wanted.other_id and lines.source_sha256 = wanted.source_sha256 and lines.source_row = wanted.source_row""",
    ),
}


@dataclass(frozen=True)
class PackedTable:
    """One table of the pack. `scope`: which rows are here, in words; `query`: in SQL. `rows_there`: all rows of the table that it was taken from, if any.

    `origin`: published, warehouse (the run has it, and no published table), or pack (made from the others).
    """

    name: str
    columns: tuple[tuple[str, str], ...]
    rows: int
    rows_there: int | None
    scope: str
    query: str
    origin: Literal["published", "warehouse", "pack"]

    @property
    def path(self) -> str:
        """Its place in the pack."""
        return path_of(self.name)


def path_of(table: str) -> str:
    """Where a table is in the pack."""
    return f"tables/{table}.csv"


def write_tables(con: duckdb.DuckDBPyConnection, folder: Path, period: str, unpublished: Collection[str]) -> list[PackedTable]:
    """Write every published table, those that are not published, and those of the pack itself. Needs the tables of selection.py and terms.py."""
    (folder / "tables").mkdir()
    packed = []
    tables = "select table_name from information_schema.tables where table_schema = 'main' and table_type <> 'LOCAL TEMPORARY' order by all"
    for (name,) in con.execute(tables).fetchall():
        if name not in LEFT_OUT:
            scope, condition = _scope_of(con, name)
            query = f"select * from {identifier(name)} where {condition.replace('$period', literal(period))}"
            packed.append(_write(con, folder, name, scope, query, "warehouse" if name in unpublished else "published"))
    for name, (scope, query) in _OWN_TABLES.items():
        packed.append(_write(con, folder, name, scope, query.replace("{lines}", _LINES), "pack"))
    return sorted(packed, key=lambda table: table.name)


def _scope_of(con: duckdb.DuckDBPyConnection, table: str) -> tuple[str, str]:
    if table in _BY_TABLE:
        return _BY_TABLE[table]
    columns = {name for name, *_ in con.execute(f"describe {identifier(table)}").fetchall()}
    return next((scope for column, scope in _BY_COLUMN.items() if column in columns), _WHOLE)


def _write(con: duckdb.DuckDBPyConnection, folder: Path, name: str, scope: str, query: str, origin: Literal["published", "warehouse", "pack"]) -> PackedTable:
    columns = tuple((str(column), str(kind)) for column, kind, *_ in con.execute(f"describe ({query})").fetchall())
    names = [identifier(column) for column, _ in columns]
    order = ", ".join(sorted(names, key=lambda each: each != "payout_id"))  # the rows of a payout one after the other
    (rows,) = con.execute(f"copy ({query} order by {order}) to {literal(str(folder / path_of(name)))} (format csv, header)").fetchone() or (0,)
    rows_there = None if origin == "pack" else count_rows(con, identifier(name))
    return PackedTable(name, columns, int(rows), rows_there, scope, query, origin)
