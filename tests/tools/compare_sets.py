"""Whether two books published the same tables: `python -m tests.tools.compare_sets BOOK OTHER_BOOK`, for a change that must not change a result.

Belongs here: tables beside tables. Does not belong here: proving one book (tierledger verify).
What names a run or tells the time differs between any two runs and is left out.
"""

from __future__ import annotations

import sys
from pathlib import Path

import duckdb

RUN_ITSELF = ("audit_run",)


def compare(book: Path, other: Path) -> list[str]:
    """One line per difference; empty: the same."""
    sets = [_files(folder / "published" / "current") for folder in (book, other)]
    names = sorted(set().union(*sets) - set(RUN_ITSELF))
    if not names:
        return [f"nothing is published in {book} and {other}"]
    missing = [f"{name}: only in one of the two" for name in names if not all(name in files for files in sets)]
    return missing or [line for name in names for line in _compare_table(name, *(files[name] for files in sets))]


def _files(folder: Path) -> dict[str, list[str]]:
    """The files of each table: large books have several of payout lines."""
    files: dict[str, list[str]] = {}
    for path in sorted(folder.glob("*.parquet")):
        files.setdefault(path.name.split(".")[0], []).append(str(path))
    return files


def _compare_table(name: str, files: list[str], other: list[str]) -> list[str]:
    columns, others = (_columns(each) for each in (files, other))
    if columns != others:
        return [f"{name}: columns {columns} and {others}"]
    chosen = ", ".join(f'"{column}"' for column, kind in columns if kind != "TIMESTAMP" and column != "run_id")
    selects = [f"select {chosen} from read_parquet({each})" for each in (files, other)]
    found = [duckdb.execute(f"{one} except all {two} limit 1").fetchall() for one, two in (selects, selects[::-1])]
    return [f"{name}: only in {', '.join(place)}: {rows[0]}" for place, rows in zip((files, other), found, strict=True) if rows]


def _columns(files: list[str]) -> list[tuple[str, str]]:
    return [(str(column), str(kind)) for column, kind, *_ in duckdb.execute(f"describe from read_parquet({files})").fetchall()]


if __name__ == "__main__":
    differences = compare(Path(sys.argv[1]), Path(sys.argv[2]))
    print("\n".join(differences) or "the same tables")
    sys.exit(bool(differences))
