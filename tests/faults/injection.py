"""Injects the faults of the catalogue into books and holds what happens against what must happen.

Belongs here: books with faults, and the five counts of the scorecard. Does not belong here: the cases (cells.yaml, files.py).
"""

from __future__ import annotations

import json
import os
import re
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import yaml

from models.documents import InputError
from models.feeds.attributes import column_named
from models.feeds.columns import FEEDS
from tests.faults.files import CASES, HEADER, ROW, FileCase, csv
from tests.support.feed_books import add_file, load, query, tables, write_book

NAMES = HEADER.split(",")
KINDS = {column.name: column.kind for column in FEEDS["transactions"].columns}
PRICE = Decimal("12.5")


@dataclass(frozen=True)
class CellCase:
    """One cell of the middle row of three. `gives`: the value it stands for (expect A), `reason` (expect Q)."""

    fault: str
    settings: str
    form: str
    column: str
    cell: str
    expect: str
    gives: str | None
    reason: str

    @property
    def name(self) -> str:
        return f"{self.fault} {self.form} {self.column} {self.cell!r}" + (f" with {self.settings}" if self.settings else "")


@dataclass
class Scorecard:
    """What became of the faults. `told`: one sentence per thing that went wrong."""

    injected: Counter[str] = field(default_factory=Counter)
    survived: int = 0
    rows_lost: int = 0
    paid_twice: int = 0
    wrong_figures: int = 0
    message: list[str] = field(default_factory=list)

    def enter(self, fault: str, name: str, lost: int = 0, twice: int = 0, wrong: Iterable[str] = ()) -> None:
        problems = list(wrong) + ([f"{lost} rows lost"] if lost else []) + ([f"{twice} rows paid twice"] if twice else [])
        self.injected[fault] += 1
        self.survived += not problems
        self.rows_lost += lost
        self.paid_twice += twice
        self.wrong_figures += len(list(problems)) - bool(lost) - bool(twice)
        self.message += [f"{name}: {problem}" for problem in problems]

    def lines(self) -> list[str]:
        kinds = ", ".join(f"{fault} {count}" for fault, count in sorted(self.injected.items()))
        return [
            f"faults injected  {self.injected.total():,} ({kinds})",
            f"survived         {self.survived:,}",
            f"rows lost        {self.rows_lost}",
            f"paid twice       {self.paid_twice}",
            f"wrong figures    {self.wrong_figures}",
            *self.message,
        ]


def cell_cases() -> list[CellCase]:
    """Every case of cells.yaml, one per value and format."""
    found = []
    for entry in yaml.safe_load(Path(__file__).with_name("cells.yaml").read_text(encoding="utf-8")):
        cells = entry["cells"]
        for form in entry.get("formats", ["csv"]):
            for cell in cells:
                gives = cells[cell] if isinstance(cells, dict) else cell
                found.append(CellCase(entry["fault"], entry.get("settings", ""), form, entry["column"], cell, entry["expect"], gives, entry.get("reason", "")))
    return found


def inject_cells(card: Scorecard, cases: list[CellCase], folder: Path) -> None:
    """Each case is a file; those of the same settings share a book."""
    books: dict[str, list[CellCase]] = defaultdict(list)
    for case in cases:
        books[case.settings].append(case)
    for number, (settings, of_book) in enumerate(books.items()):
        book = write_book(folder / f"cells{number}", _feed(settings))
        for i, case in enumerate(of_book):
            add_file(book, f"transactions/{i:04}.{case.form}", _file(case, i, settings))
        load(book)
        with duckdb.connect(str(book / "warehouse.duckdb"), read_only=True) as con:
            files = dict(con.execute("select file_name, file_no from raw.feed_files").fetchall())
            for i, case in enumerate(of_book):
                _judge_cell(card, con, case, files[f"feeds/transactions/{i:04}.{case.form}"])


def _judge_cell(card: Scorecard, con: duckdb.DuckDBPyConnection, case: CellCase, file_no: int) -> None:
    column = column_named(FEEDS["transactions"], case.column)
    rows = dict(con.execute(f'select row_no, "{column}"::varchar from raw.transactions where file_no = {file_no}').fetchall())
    refused = con.execute(f"select row_no, reason from raw.rejects where file_no = {file_no}").fetchall()
    wrong = []
    if case.expect == "A" and refused:
        wrong.append(f"refused as {refused[0][1]}")
    if case.expect == "A" and 2 in rows and not _same(rows[2], case.gives, case.column):
        wrong.append(f"taken for {rows[2]}")
    if case.expect == "Q" and refused != [(2, case.reason)]:
        wrong.append(f"refused {refused}, not as {case.reason}")
    card.enter(case.fault, case.name, lost=max(0, 3 - len(rows) - len(refused)), twice=max(0, len(rows) + len(refused) - 3), wrong=wrong)


def _same(found: str | None, expected: str | None, column: str) -> bool:
    if found is None or expected is None:
        return found == expected
    return Decimal(found) == Decimal(expected) if KINDS.get(column) in ("amount", "integer") else found == expected


def _file(case: CellCase, number: int, settings: str) -> bytes:
    """Three rows, the second with the cell, numbers and days of the others written as the settings say."""
    rows = []
    for place in range(3):
        cells = dict(zip(NAMES, ROW.split(","), strict=True)) | {"transaction_id": f"C{number}-{place}"}
        if 'decimal: ","' in settings:
            cells["amount"] = "12,50"
        if "dates" in settings:
            cells["date"] = "31/03/2026"
        rows.append(cells | ({case.column: case.cell} if place == 1 else {}))
    if case.form == "csv":
        lines = [",".join('"' + cell.replace('"', '""') + '"' for cell in row.values()) for row in rows]
        return csv(*lines)
    if case.form == "jsonl":
        return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.parquet"
        values = ", ".join("(" + ", ".join("?" for _ in NAMES) + ")" for _ in rows)
        duckdb.execute(f"copy (select * from (values {values}) as t({', '.join(NAMES)})) to '{path}'", [cell for row in rows for cell in row.values()])
        return path.read_bytes()


def _feed(settings: str) -> str:
    return 'transactions: {files: "feeds/transactions/*"' + (f", {settings}" if settings else "") + "}"


def inject_file(card: Scorecard, case: FileCase, folder: Path) -> None:
    """A book gets the files of the case. It holds three good rows, unless the case has settings, which hold for every file of a feed."""
    earlier = case.earlier or ({} if case.settings else {"0.csv": csv(ROW, ROW, ROW)})
    book = write_book(folder, _feed(case.settings), {f"transactions/{name}": content for name, content in earlier.items()})
    load(book)
    manifest = book / "archive/manifest.jsonl"
    before, entries = tables(book), manifest.read_bytes() if manifest.exists() else b""
    for name, content in case.files().items():
        add_file(book, f"transactions/{name}", content)
        if case.touched:
            os.utime(book / f"feeds/transactions/{name}", (case.touched, case.touched))
    name, wrong, lost, twice = f"{case.fault} {case.name}", [], 0, 0
    try:
        warnings, refused = load(book).warnings, ""
    except InputError as error:
        warnings, refused = (), str(error)
    if case.expect == "R":
        data = next(iter(case.files()))
        if not refused:
            wrong.append("was taken")
        elif case.says not in refused or f"feeds/transactions/{data}" not in refused:
            wrong.append(f"was refused without a word of {case.says!r} or its name: {refused[:200]}")
        if tables(book) != before or (manifest.read_bytes() if manifest.exists() else b"") != entries:
            wrong.append("left something behind")
    elif refused:
        wrong.append(f"was refused: {refused[:200]}")
    else:
        taken: list[tuple[Any, ...]] = query(book, f"select count(*), coalesce(sum(amount), 0) from raw.transactions where file_no > {len(earlier)}")
        rejects = tuple(query(book, "select row_no, reason from raw.rejects order by file_no, row_no"))
        rows = case.rows if case.expect in "AQ" else 0
        lost, twice = max(0, rows - taken[0][0]), max(0, taken[0][0] - rows)
        if taken[0][1] != PRICE * taken[0][0]:
            wrong.append(f"{taken[0][0]} rows came to {taken[0][1]}")
        if rejects != (case.rejects if case.expect == "Q" else ()):
            wrong.append(f"refused rows {rejects}")
        if bool(warnings) if case.warns == "-" else not any(case.warns in warning for warning in ("", *warnings)):
            wrong.append(f"warned of {warnings}")
        if case.expect in "DW" and query(book, "select count(*) from raw.feed_files where status = 'loaded'") != [(len(earlier),)]:
            wrong.append("was loaded")
    card.enter(case.fault, name, lost, twice, wrong)


def inject(every: int = 1, only: str = "") -> Scorecard:
    """All cases, or each `every`th; `only`: a regular expression over their names."""
    card = Scorecard()
    cells = [case for i, case in enumerate(cell_cases()) if i % every == 0 and re.search(only, case.name)]
    with tempfile.TemporaryDirectory(prefix="faults-") as folder:
        inject_cells(card, cells, Path(folder))
        for i, case in enumerate(CASES):
            if i % every == 0 and re.search(only, f"{case.fault} {case.name}"):
                inject_file(card, case, Path(folder) / f"file{i}")
    return card


if __name__ == "__main__":
    result = inject(only=" ".join(sys.argv[1:]))
    print(*result.lines(), sep="\n")
    sys.exit(bool(result.message))
