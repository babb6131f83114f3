"""Do two programs pay the same to the cent? `python -m benchmarks.payouts OURS THEIRS`, two folders of published tables.

Belongs here: comparing fct_payout and, if both have it, fct_accrual, row by row, as decimals. Does not belong here: making the tables.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import duckdb

_IDS = ("agreement_id", "benefit_id", "participant_id", "window_start")
#: Table: the columns that name a row, and its amounts.
TABLES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "fct_payout": (_IDS, ("payout",)),
    "fct_accrual": ((*_IDS, "period"), ("accrued_to_date", "accrual")),
}


def read_from(folder: Path, table: str) -> str:
    """The file of a table, or the files where Spark wrote a folder of them."""
    file = folder / f"{table}.parquet"
    return str(file / "*.parquet" if file.is_dir() else file)


def compare_table(table: str, ours: Path, theirs: Path) -> str:
    """`AGREE` or `DIFFER`, with details. A row that is missing on one side counts as 0."""
    keys, amounts = TABLES[table]
    con = duckdb.connect()
    for side, folder in (("ours", ours), ("theirs", theirs)):
        source = con.read_parquet(read_from(folder, table))
        floating = [name for name, kind in zip(source.columns, source.types, strict=True) if name in amounts and not str(kind).startswith("DECIMAL")]
        if floating:
            raise SystemExit(f"{folder / table}.parquet: {', '.join(floating)} must be DECIMAL")
        con.execute(f"create table {side} as select {', '.join(keys)}, {', '.join(amounts)} from source")
        repeated = con.execute(f"select count(*) - count(distinct ({', '.join(keys)})) from {side}").fetchone()
        if repeated != (0,):
            raise SystemExit(f"{folder / table}.parquet: rows with the same {', '.join(keys)}")
    pairs = f"ours o full join theirs t using ({', '.join(keys)})"
    wrong = " or ".join(f"coalesce(o.{amount}, 0) <> coalesce(t.{amount}, 0)" for amount in amounts)
    counted = con.execute(f"select count(*), count(*) filter ({wrong}), sum(o.{amounts[0]}), sum(t.{amounts[0]}) from {pairs}").fetchone()
    assert counted
    rows, differing, our_sum, their_sum = counted
    found = f"{table}, {rows:,} rows, {differing:,} differ; {amounts[0]} adds up to {our_sum} and {their_sum}"
    if not differing:
        return f"AGREE: {found}"
    first = con.execute(f"select {', '.join(keys)}, o.{amounts[0]}, t.{amounts[0]} from {pairs} where {wrong} order by all limit 3").fetchall()
    return "\n  ".join([f"DIFFER: {found}; the first:", *(", ".join(map(str, row)) for row in first)])


def compare(ours: Path, theirs: Path, tables: tuple[str, ...] = tuple(TABLES)) -> list[str]:
    """One verdict per table that both have."""
    shared = [table for table in tables if all((folder / f"{table}.parquet").exists() for folder in (ours, theirs))]
    if not shared:
        raise SystemExit(f"{ours} and {theirs} have none of {', '.join(tables)} in common")
    return [compare_table(table, ours, theirs) for table in shared]


def main() -> None:
    """Exit code 1: something differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("ours", type=Path)
    parser.add_argument("theirs", type=Path)
    parser.add_argument("--table", choices=TABLES, action="append", help="default: all")
    chosen = parser.parse_args()
    verdicts = compare(chosen.ours, chosen.theirs, tuple(chosen.table or TABLES))
    print("\n".join(verdicts))
    sys.exit(0 if all(verdict.startswith("AGREE") for verdict in verdicts) else 1)


if __name__ == "__main__":
    main()
